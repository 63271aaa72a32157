package diagnose

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"

	"clearhop/enrich/clientip"
	finder "clearhop/internal/address"
	"clearhop/record"
)

// A Line is a line of the log as evidence: the variables that nginx logged,
// without what identifies a visitor. Of addresses that are not private only the
// network is shown, and neither the query nor the name of the user is.
type Line struct {
	Source string    `json:"source"`
	Time   time.Time `json:"time,omitzero"`
	Text   string    `json:"text"`
}

// redacted makes a Line of a record.
func redacted(r *record.Record) Line {
	l := Line{Source: sourceOf(r), Time: timeOf(loggedAt(r))}
	if r.Dataset == record.ErrorLogLine {
		l.Text = redactedError(&r.Error)
		return l
	}
	a := &r.Access
	var b strings.Builder
	add := func(name string, logged record.Logged, value []byte) {
		if !a.Logged.Has(logged) {
			return
		}
		b.WriteString(name + "=")
		if value == nil {
			b.WriteByte('-')
		} else {
			b.WriteString(redactedList(value))
		}
		b.WriteByte(' ')
	}
	add("remote_addr", record.LoggedRemoteAddr, a.RemoteAddr)
	add("realip_remote_addr", record.LoggedRealipRemoteAddr, a.RealipRemoteAddr)
	add("proxy_protocol_addr", record.LoggedProxyProtocolAddr, a.ProxyProtocolAddr)
	add("http_x_forwarded_for", record.LoggedXForwardedFor, a.XForwardedFor)
	add("http_x_real_ip", record.LoggedXRealIP, a.XRealIP)
	b.WriteString(strconv.Quote(request(r)))
	if a.Status.Valid {
		b.WriteString(" " + strconv.FormatInt(a.Status.N, 10))
	}
	if len(a.UserAgent) > 0 {
		b.WriteString(" " + strconv.Quote(withoutPersons(a.UserAgent, 30)))
	}
	l.Text = b.String()
	return l
}

// request returns the method and the path. Of a text that is no request it
// returns the first bytes.
func request(r *record.Record) string {
	if len(r.Access.BadRequest) > 0 {
		word, _, cut := bytes.Cut(r.Access.BadRequest, []byte(" "))
		if !bytes.Equal(word, []byte("PROXY")) {
			return withoutPersons(r.Access.BadRequest, 12)
		}
		if cut {
			return "PROXY …"
		}
		return "PROXY"
	}
	return strings.TrimSpace(withoutPersons(r.Access.Method, 10) + " " + withoutPersons(r.URL.Path, 40))
}

func redactedError(e *record.ErrorLine) string {
	message := e.Message
	if before, _, dumped := bytes.Cut(message, []byte(`: "`)); dumped {
		message = before // the visitor's request follows
	}
	text := "[" + short(e.Level, 6) + "] " + withoutPersons(message, 40)
	if e.Action != nil {
		text += " while " + withoutPersons(e.Action, 40)
	}
	return text + ", client: " + redactedToken(string(e.Client))
}

// maxTokens is how many addresses of a forwarded header are shown: the last
// ones.
const maxTokens = 4

func redactedList(value []byte) string {
	tokens := strings.FieldsFunc(string(value[:min(len(value), 512)]), func(r rune) bool { return r == ' ' || r == ',' })
	more := ""
	if len(tokens) > maxTokens {
		tokens, more = tokens[len(tokens)-maxTokens:], "… "
	}
	for i := range tokens {
		tokens[i] = redactedToken(tokens[i])
	}
	text := more + strings.Join(tokens, ", ")
	if len(tokens) != 1 {
		return `"` + text + `"`
	}
	return text
}

// redactedToken returns a private address as it is, and the network of any
// other.
func redactedToken(token string) string {
	addr, err := netip.ParseAddr(token)
	if err != nil {
		if port, err := netip.ParseAddrPort(token); err == nil {
			addr = port.Addr()
		}
	}
	switch addr = addr.Unmap().WithZone(""); {
	case !addr.IsValid() && strings.HasPrefix(token, "unix:"):
		return "unix:"
	case !addr.IsValid():
		return "(no address)"
	}
	return networkOf(addr)
}

// networkOf returns a private address as it is, and the network of any other.
func networkOf(addr netip.Addr) string {
	switch {
	case clientip.IsPrivate(addr):
		return addr.String()
	case addr.Is4():
		text := addr.String()
		return text[:strings.LastIndexByte(text, '.')] + ".x"
	}
	network, _ := addr.Prefix(48)
	return strings.TrimSuffix(network.Addr().String(), ":") + ":x"
}

// withoutPersons is short for a text that a visitor wrote: of an address in it only the
// network is shown, and of a mail address only the host.
func withoutPersons(text []byte, n int) string {
	const searched = 512 // bytes; more than is shown
	cut := len(text) > searched
	text = text[:min(len(text), searched)]
	var out []byte
	for i := 0; ; {
		f, ok := finder.Find(text, i)
		if !ok {
			// The head of one that is cut off here is far behind what is shown.
			out = append(out, text[i:]...)
			break
		}
		out = append(out, text[i:f.Start]...)
		if f.Whole || !f.Addr.IsValid() {
			out = append(out, "(address)"...)
		} else {
			out = append(out, networkOf(f.Addr)...)
		}
		i = f.End
	}
	var shown []byte
	for i := 0; ; {
		start, at, ok := finder.FindMail(out, i)
		if !ok {
			shown = append(shown, out[i:]...)
			break
		}
		shown = append(append(shown, out[i:start]...), "(name)"...)
		i = at
	}
	if cut && len(shown) <= n {
		shown = append(shown, "…"...)
	}
	return short(shown, n)
}

// short returns text as a terminal can print it, cut after n bytes.
func short(text []byte, n int) string {
	cut := len(text) > n
	if cut {
		text = bytes.ToValidUTF8(text[:n], nil)
	}
	s := strings.Map(func(r rune) rune {
		if r != 0 && !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, string(text))
	if cut {
		s += "…"
	}
	return s
}
