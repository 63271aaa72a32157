// Package privacyfuzz holds a fuzz target of its own, so that little is built for it.
package privacyfuzz

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/privacy"
	"clearhop/record"
)

// choices are the bytes of the fuzzer, of which each makes one choice.
type choices struct{ data []byte }

// of returns a number from 0 to n-1.
func (c *choices) of(n int) int {
	if len(c.data) == 0 {
		return 0
	}
	b := int(c.data[0])
	c.data = c.data[1:]
	return b % n
}

// A visitor is what must stand in no event: an address, and what it wrote as the value
// of the key email.
type visitor struct {
	addr        netip.Addr
	value, user string
}

// visitors returns two visitors who differ only in what is hidden: they share a network,
// and all forms of their addresses and values have the same length.
func visitors(c *choices) [2]visitor {
	host := 101 + c.of(70)
	if c.of(2) == 0 {
		a, b, d := byte(101+c.of(90)), byte(c.of(256)), byte(101+c.of(90))
		return [2]visitor{
			{netip.AddrFrom4([4]byte{a, b, d, byte(host)}), "alicezq", "userazq"},
			{netip.AddrFrom4([4]byte{a, b, d, byte(host + 1)}), "bobbyzq", "userbzq"},
		}
	}
	at := func(last int) netip.Addr {
		return netip.MustParseAddr(fmt.Sprintf("2a0%x:1db8:9d9d:5559:d377:b557:fa0b:b%03d", host%8, last))
	}
	return [2]visitor{{at(host), "alicezq", "userazq"}, {at(host + 1), "bobbyzq", "userbzq"}}
}

func perByte(text, chars, format string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if strings.IndexByte(chars, c) >= 0 {
			fmt.Fprintf(&b, format, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func wide(text string) string {
	return strings.Map(func(r rune) rune { return r + 0xfee0 }, text)
}

// An encoding is a way to write a text.
type encoding func(text string) string

const everything = "0123456789abcdef.:@"

var encodings = []encoding{
	func(t string) string { return t },
	func(t string) string { return perByte(t, ".:@", "%%%02X") },
	func(t string) string { return perByte(t, ".:@", "%%25%02x") },
	func(t string) string { return perByte(t, everything, "%%%02x") },
	func(t string) string { return perByte(t, ".:@", `\x%02X`) },
	func(t string) string { return perByte(t, ".:@3", `\u%04x`) },
	func(t string) string { return perByte(t, ".:@", "&#%d;") },
	func(t string) string { return perByte(t, ".:@", "&#x%02x;") },
	func(t string) string { return perByte(t, ".:", "=%02X") },
	wide,
	func(t string) string { return perByte(wide(t), wide(".:"), "%%%02X") },
	strings.ToUpper,
}

// written returns an address as a visitor may write it.
func written(c *choices, addr netip.Addr) string {
	b := addr.AsSlice()
	encode := encodings[c.of(len(encodings))]
	if addr.Is6() {
		switch c.of(4) {
		case 1:
			return encode("[" + addr.StringExpanded() + "]:443")
		case 2:
			return encode(nibbles(addr) + ".ip6.arpa")
		case 3:
			return "x" + encode(addr.StringExpanded()) + "z"
		}
		return encode(addr.String())
	}
	switch c.of(9) {
	case 1:
		return encode(fmt.Sprintf("%04o.%04o.%04o.%04o", b[0], b[1], b[2], b[3]))
	case 2:
		return fmt.Sprintf("0x%02x.%d.0x%02x.%d", b[0], b[1], b[2], b[3])
	case 3:
		return encode("::ffff:" + addr.String())
	case 4:
		return encode(fmt.Sprintf("[::ffff:%02x%02x:%02x%02x]:80", b[0], b[1], b[2], b[3]))
	case 5:
		return encode(reversed(addr)) + ".dsl.example.net"
	case 6:
		return encode("7." + addr.String())
	case 7:
		return encode(strings.Replace(addr.String(), ".", "..", 1))
	case 8:
		return encode(addr.String() + ":51234")
	}
	return encode(addr.String())
}

func reversed(addr netip.Addr) string {
	b := addr.As4()
	return fmt.Sprintf("%d.%d.%d.%d", b[3], b[2], b[1], b[0])
}

func nibbles(addr netip.Addr) string {
	digits := strings.ReplaceAll(addr.StringExpanded(), ":", "")
	var all []string
	for _, digit := range []byte(digits) {
		all = append([]string{string(digit)}, all...)
	}
	return strings.Join(all, ".")
}

// parameter returns the key email with a value, as a query string may have it.
func parameter(c *choices, value string) string {
	key := []string{"email", "EMAIL", "e%6Dail", "user[email]", "email[]", "user%5Bemail%5D", "u[a][email][]", "%20email", "e\uff4dail"}[c.of(9)]
	return key + "=" + []string{"", "a%26", "a ", "a%20b+"}[c.of(4)] + encodings[c.of(3)](value+"@x."+value)
}

// target returns a request target of a visitor.
func target(c *choices, v visitor) string {
	path := "/" + []string{"", "x", "a.b-", "u_", "1/"}[c.of(5)] + written(c, v.addr) + []string{"", "/y", ".html", "-z"}[c.of(4)]
	if c.of(2) == 0 {
		path = "/shop"
	}
	return path + []string{"?", "?a=1&", "%3F", ";", "?next=%2Fb%3F", "#", "?a=1;", "%253f"}[c.of(8)] + parameter(c, v.value) +
		[]string{"", "&c=d", "&ip=" + written(c, v.addr)}[c.of(3)]
}

// escaped writes a value as nginx does by default.
func escaped(value string) string {
	var b strings.Builder
	for _, c := range []byte(value) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\x%02X`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

const custom = `log_format own '$remote_addr|$time_iso8601|"$request"|$status|"$arg_email"|"$http_cookie"|$http_true_client_ip';`

// line returns a line of a log that is about v. The same choices give the same line for
// another visitor.
// cut says that its end is missing.
func line(c choices, v visitor) (text string, cut bool) {
	request := "GET " + target(&c, v) + " HTTP/1.1"
	if c.of(8) == 0 {
		request = strings.TrimSuffix(request, " HTTP/1.1")
	}
	referrer := "https://x.example" + target(&c, v)
	agent := "probe/1.0 (" + written(&c, v.addr) + ")"
	forwarded := "8.8.4.0, " + written(&c, v.addr)
	switch c.of(6) {
	case 0:
		text = fmt.Sprintf(`%s - %s [22/Nov/2026:11:00:24 +0000] "%s" 200 3 "%s" "%s"`, v.addr, []string{"-", v.user}[c.of(2)], escaped(request), escaped(referrer), escaped(agent))
	case 1:
		text = fmt.Sprintf(`%s - - [22/Nov/2026:11:00:24 +0000] "%s" 200 3 "%s" "%s" "%s" "%s" 10.16.1.11`, v.addr, escaped(request), escaped(referrer), escaped(agent), escaped(forwarded), v.addr)
	case 2:
		raw, _ := json.Marshal(map[string]string{
			"time": "2026-11-22T11:00:24+00:00", "remote_addr": v.addr.String(), "request": request, "status": "200", "http_referer": referrer,
			"http_user_agent": agent, "http_x_forwarded_for": forwarded, "arg_email": v.value, "http_authorization": v.value, "k" + v.addr.String(): "1",
		})
		text = string(raw)
	case 3:
		text = fmt.Sprintf(`%s|2026-11-22T11:00:24+00:00|"%s"|200|"%s"|"sid=%s"|%s`, v.addr, escaped(request), v.value, v.value, v.addr)
	case 4:
		text = fmt.Sprintf(`2026/11/22 11:00:25 [error] 7#7: *1 open() "/srv%s" failed (2: No such file or directory), client: %s, server: _, request: "%s", upstream: "http://10.0.0.1:80/%s", host: "x", referrer: "%s"`,
			strings.ReplaceAll(target(&c, v), "?", "/"), v.addr, request, target(&c, v)[1:], referrer)
	case 5:
		text = `junk "` + agent + `" "` + request + `"`
	}
	if c.of(4) == 0 {
		cut = true
		text = text[:len(text)-min(len(text)/2, c.of(256))]
	}
	switch c.of(4) {
	case 1:
		raw, _ := json.Marshal(map[string]string{"log": text + "\n", "stream": "stdout", "time": "2026-11-22T11:00:24Z"})
		text = string(raw)
	case 2:
		text = "2026-11-22T11:00:24.1Z stdout F " + text
	case 3:
		text = "<190>Nov 22 11:00:24 web nginx: " + text
	}
	return text, cut
}

// decoded returns a text in all ways in which its escapes can be undone, one kind after
// the other: a twin of what the product does, written in another way.
func decoded(text string) []string {
	all := []string{text}
	for range 3 {
		last := all[len(all)-1]
		next := percent.ReplaceAllStringFunc(last, func(s string) string { return string([]byte{hexOf(s[1:])}) })
		next = backslash.ReplaceAllStringFunc(next, func(s string) string { return string([]byte{hexOf(s[len(s)-2:])}) })
		next = entity.ReplaceAllStringFunc(next, func(s string) string {
			n, err := strconv.ParseUint("0"+strings.Trim(s, "&#;"), 0, 8)
			if s[2] != 'x' {
				n, err = strconv.ParseUint(strings.Trim(s, "&#;"), 10, 8)
			}
			if err != nil {
				return s
			}
			return string([]byte{byte(n)})
		})
		next = strings.Map(func(r rune) rune {
			if r > 0xff00 && r < 0xff5f {
				return r - 0xfee0
			}
			return r
		}, next)
		if next == last {
			break
		}
		all = append(all, next)
	}
	for _, text := range slices.Clone(all) {
		all = append(all, strings.NewReplacer("=2E", ".", "=3A", ":", "=2e", ".", "=3a", ":").Replace(text))
	}
	return all
}

var (
	percent   = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	backslash = regexp.MustCompile(`\\+(?:x|u00)[0-9A-Fa-f]{2}`)
	entity    = regexp.MustCompile(`&#x?[0-9A-Fa-f]+;`)
	dotted    = regexp.MustCompile(`(?:0[xX][0-9A-Fa-f]+|[0-9]+)(?:\.{1,2}(?:0[xX][0-9A-Fa-f]+|[0-9]+)){3}`)
	colons    = regexp.MustCompile(`[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*`)
)

func hexOf(s string) byte {
	n, _ := strconv.ParseUint(s, 16, 8)
	return byte(n)
}

// shows reports how a text shows a visitor; "" if it does not.
func shows(text string, v visitor, mode string, cut bool) string {
	lower := strings.ToLower(text)
	if strings.Contains(lower, v.value) {
		return "the value " + v.value
	}
	if mode == "none" {
		return ""
	}
	if v.addr.Is6() {
		for _, word := range colons.FindAllString(lower, -1) {
			for from := range word {
				for to := len(word); to > from+15; to-- {
					if addr, err := netip.ParseAddr(word[from:to]); err == nil && addr == v.addr {
						return "the address " + word
					}
				}
			}
		}
		if strings.Contains(lower, nibbles(v.addr)) {
			return "the name of " + v.addr.String()
		}
		return ""
	}
	for _, word := range []string{v.addr.String(), reversed(v.addr)} {
		if strings.Contains(lower, word) {
			return "the address " + word
		}
	}
	if first := strings.Join(strings.Split(reversed(v.addr), ".")[:2], ".") + "."; !cut && v.addr.As4()[1] != v.addr.As4()[3] && strings.Contains(lower, first) {
		return "the end " + first
	}
	b := v.addr.As4()
	for _, word := range dotted.FindAllString(lower, -1) {
		numbers := strings.FieldsFunc(word, func(r rune) bool { return r == '.' })
		same := true
		for i, number := range numbers {
			n, err := strconv.ParseUint(number, 0, 32)
			d, err10 := strconv.ParseUint(number, 10, 32)
			same = same && (err == nil && n == uint64(b[i]) || err10 == nil && d == uint64(b[i]))
		}
		if same {
			return "the address " + word
		}
	}
	return ""
}

// textsOf lists all keys and texts of an event but what the operator wrote.
func textsOf(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, item := range v {
			all = append(all, textsOf(item)...)
		}
		return all
	case map[string]any:
		var all []string
		for key, item := range v {
			all = append(append(all, key), textsOf(item)...)
		}
		return all
	}
	return nil
}

// FuzzHidden writes lines about visitors whom it knows, in forms and places that it
// knows, and looks for them in the events, decoded every way. The events of two visitors
// of one network have the same id.
func FuzzHidden(f *testing.F) {
	workers := map[string]*pipeline.Worker{}
	for _, mode := range []string{"none", "truncate", "hash"} {
		c := pipeline.Config{Parser: parser.Settings{Format: []string{"auto", custom}}, Original: true}
		c.Privacy = privacy.Settings{Mode: mode, RedactQuery: []string{"email"}}
		if mode == "hash" {
			c.Privacy.Key = "correct horse battery staple"
		}
		p, err := pipeline.New(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(func() { p.Close() })
		workers[mode] = p.NewWorker()
	}
	for i := range 200 {
		seed := make([]byte, 48)
		for k := range seed {
			seed[k] = byte((i+1)*(k+3)*7919>>3 ^ i*k)
		}
		f.Add(seed)
	}
	origin := &record.Origin{Source: "access.log"}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := choices{data}
		two := visitors(&c)
		for mode, w := range workers {
			ids, lengths := map[string]string{}, map[int]bool{}
			for _, v := range two {
				text, cut := line(c, v)
				out := w.Process(&record.Line{Text: []byte(text), Origin: origin, Time: 1, HasTime: true})
				var event any
				if err := json.Unmarshal(out.Data, &event); err != nil {
					t.Fatalf("%s: %v: %s", mode, err, out.Data)
				}
				for _, shown := range textsOf(event) {
					for _, plain := range decoded(shown) {
						if found := shows(plain, v, mode, cut); found != "" {
							t.Fatalf("%s: %s stands in %q\nline %s\nevent %s", mode, found, shown, text, out.Data)
						}
					}
				}
				// A name is known only in a line that a format reads.
				if mode != "none" && out.Record.Dataset == record.AccessLine && strings.Contains(string(out.Data), v.user) {
					t.Fatalf("%s: the user stands in %s", mode, out.Data)
				}
				if !cut {
					ids[string(out.ID)], lengths[len(text)] = text, true
				}
			}
			if len(ids) > 1 && mode == "truncate" && len(lengths) == 1 {
				t.Fatalf("%s: the ids of two visitors differ: %v", mode, ids)
			}
		}
	})
}
