package clientip_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"clearhop/enrich/clientip"
)

var oracleSeed = flag.Uint64("seed", 20261122, "seed of the headers that a real nginx is asked for")

// A generator makes forwarded headers, few of them innocent.
type generator struct{ *rand.Rand }

func (g generator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) header() string {
	n := 1 + g.IntN(5)
	switch g.IntN(200) {
	case 0:
		n = 200 + g.IntN(600)
	case 1:
		n = 0
	}
	var b strings.Builder
	if g.IntN(12) == 0 {
		b.WriteString(g.pick(",", " ", ", ", ",,", "\t", " ,"))
	}
	for i := range n {
		if i > 0 {
			b.WriteString(g.pick(", ", ", ", ", ", ",", " ", " , ", ",,", ", ,", "  ", ",\t", "\t", ";"))
		}
		if n > 5 && i > 0 && g.IntN(4) != 0 {
			b.WriteString(g.proxy()) // long lists are walked to the end
			continue
		}
		b.WriteString(g.token())
	}
	if g.IntN(12) == 0 {
		b.WriteString(g.pick(",", " ", ", ", ",,", "\t", " , ,"))
	}
	return b.String()
}

// lines makes the header lines of one request, from two to four. What the log
// loses of them is made often.
func (g generator) lines() []string {
	lines := make([]string, 2+g.IntN(3))
	for i := range lines {
		lines[i] = g.header()
		switch g.IntN(8) {
		case 0:
			lines[i] = ""
		case 1:
			lines[i] = "," + lines[i]
		}
	}
	return lines
}

func (g generator) token() string {
	token := g.proxy()
	switch g.IntN(10) {
	case 0, 1:
		token = g.pick("203.0.113.7", "198.51.100.4", "8.8.8.8", "2001:db8:bb::7", "64:ff9b::1")
	case 2:
		token = g.octets()
	case 3, 4:
		token = g.groups()
	case 5:
		token = g.pick("", "-", "unknown", "_hidden", "unix:", "unix:/run/x", "localhost", "255.255.255.255", "0.0.0.0", "::", ":", ":::", ".", "...", "[]", "[]:80",
			"for=1.1.1.1", "\"1.1.1.1\"", "fe80::1%eth0", "fe80::1%25eth0", "1.1.1.1/32", "\xe3\x81\x82", "\xff", "0x7f.0.0.1", "1e1.1.1.1", "2130706433")
	}
	switch g.IntN(14) {
	case 0:
		token += ":" + g.pick("80", "443", "65535", "65536", "0", "00080", "", "99999999999999999999", "8o", "-1", "+1")
	case 1, 2:
		token = "[" + token + "]" + g.pick(":80", ":443", "", ":0", ":65536", "x80", ":", "]:80", ":80 ")
	case 3:
		token = "::ffff:" + token
	case 4:
		token = strings.ToUpper(token)
	case 5:
		if token != "" {
			i := g.IntN(len(token))
			token = token[:i] + g.pick("", ":", ".", "0", "f", "g", "[", "]", "%", "::") + token[i+1:]
		}
	}
	return token
}

func (g generator) proxy() string {
	return g.pick("10.0.0.1", "10.255.0.9", "010.1.1.1", "10..0.3", "192.0.2.1", "127.0.0.1", "127.0.0.17", "::1", "2001:db8:aa::5", "::ffff:10.0.0.4", "10.1.1.1:4711", "[2001:db8:aa::6]:80")
}

// octets makes an IPv4 address, or nearly one.
func (g generator) octets() string {
	parts := make([]string, 4)
	for i := range parts {
		parts[i] = g.pick("10", "0", "1", "255", "256", "", "010", "0000", "99", "192", "a", "1 ")
		if g.IntN(2) == 0 {
			parts[i] = g.pick("10", "2", "0", "77")
		}
	}
	if g.IntN(6) == 0 {
		parts = parts[:1+g.IntN(3)]
	}
	return strings.Join(parts, ".")
}

// groups makes an IPv6 address, or nearly one.
func (g generator) groups() string {
	n := 8
	if g.IntN(3) == 0 {
		n = 1 + g.IntN(10)
	}
	parts := make([]string, n)
	for i := range parts {
		parts[i] = g.pick("0", "1", "ffff", "2001", "db8", "AbC", "00a", "f")
		if g.IntN(40) == 0 {
			parts[i] = g.pick("12345", "g", "", "-1")
		}
	}
	if g.IntN(2) == 0 { // "::" somewhere
		i := g.IntN(n)
		parts = append(parts[:i:i], append([]string{""}, parts[min(n, i+1+g.IntN(4)):]...)...)
		if i == 0 {
			parts = append([]string{""}, parts...)
		}
	}
	if g.IntN(4) == 0 {
		parts = append(parts[:max(0, len(parts)-2)], g.octets())
	}
	text := strings.Join(parts, ":")
	if g.IntN(15) == 0 {
		text = g.pick(":", "::") + text
	}
	if g.IntN(15) == 0 {
		text += g.pick(":", "::")
	}
	return text
}

// kinds are what a header can have, beside plain addresses and names; one
// header may have many of them.
var kinds = []struct {
	name string
	in   func(header string, tokens []string) bool
}{
	{"plain addresses only", func(_ string, tokens []string) bool {
		return len(tokens) > 0 && !slices.ContainsFunc(tokens, func(s string) bool { _, err := netip.ParseAddr(s); return err != nil })
	}},
	{"no token", func(_ string, tokens []string) bool { return len(tokens) == 0 }},
	{"empty token", func(header string, _ []string) bool {
		return strings.Contains(strings.ReplaceAll(","+header+",", " ", ""), ",,")
	}},
	{"tab", func(header string, _ []string) bool { return strings.Contains(header, "\t") }},
	{"port", hasToken(func(s string) bool {
		_, address := clientip.ParseAddr(s)
		_, withPort := clientip.ParseAddrPort(s)
		return withPort && !address
	})},
	{"brackets", hasToken(func(s string) bool { return strings.ContainsAny(s, "[]") })},
	{"mapped to IPv6", hasToken(func(s string) bool { return strings.HasPrefix(strings.ToLower(s), "::ffff:") })},
	{"leading zero", hasToken(func(s string) bool {
		return strings.Count(s, ".") == 3 && (strings.HasPrefix(s, "0") || strings.Contains(s, ".0")) && isAddress(s)
	})},
	{"zone", hasToken(func(s string) bool { return strings.Contains(s, "%") })},
	{"unix:", hasToken(func(s string) bool { return strings.HasPrefix(strings.ToLower(s), "unix:") })},
	{"no address", hasToken(func(s string) bool { _, ok := clientip.ParseAddrPort(s); return !ok })},
	{"over 100 tokens", func(_ string, tokens []string) bool { return len(tokens) > 100 }},
}

func hasToken(f func(string) bool) func(string, []string) bool {
	return func(_ string, tokens []string) bool { return slices.ContainsFunc(tokens, f) }
}

// A tally counts how often ours agreed with nginx and how often not, by kind
// and by real_ip_recursive.
type tally map[string]*[2]struct{ agree, deviate int }

func (c tally) add(kind string, recursive int, agrees bool) {
	if c[kind] == nil {
		c[kind] = new([2]struct{ agree, deviate int })
	}
	if agrees {
		c[kind][recursive].agree++
	} else {
		c[kind][recursive].deviate++
	}
}

// addKinds counts a header once for each kind that it has.
func (c tally) addKinds(header string, recursive int, agrees bool) {
	c.add(all, recursive, agrees)
	tokens := tokens([]byte(header))
	for _, k := range kinds {
		if k.in(header, tokens) {
			c.add(k.name, recursive, agrees)
		}
	}
}

// all is the row of a tally that counts every header.
const all = "all"

func (c tally) agree() int   { return c[all][0].agree + c[all][1].agree }
func (c tally) deviate() int { return c[all][0].deviate + c[all][1].deviate }

// String is a table of the kinds, with all in the first row.
func (c tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-24s %8s %8s %8s %8s\n%-24s %8s %8s %8s %8s", "real_ip_recursive", "off", "", "on", "", "", "agree", "deviate", "agree", "deviate")
	rows := slices.Sorted(maps.Keys(c))
	slices.SortStableFunc(rows, func(a, b string) int { return c[b][0].agree + c[b][0].deviate - c[a][0].agree - c[a][0].deviate })
	for _, kind := range rows {
		n := c[kind]
		fmt.Fprintf(&b, "\n%-24s %8d %8d %8d %8d", kind, n[0].agree, n[0].deviate, n[1].agree, n[1].deviate)
	}
	return b.String()
}
