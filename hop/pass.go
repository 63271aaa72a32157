package hop

import (
	"bytes"
	"strings"
)

// headersOfProxy are those that nginx sets by itself, unless proxy_set_header does.
var headersOfProxy = map[string]string{
	"host": "$proxy_host", "connection": "close", "transfer-encoding": "", "te": "", "keep-alive": "", "expect": "", "upgrade": "",
}

// pass makes the connection to the hop behind.
func (x *Exchange) pass() {
	x.Pass = x.Level.Own("proxy_pass")
	if x.Pass == nil {
		return
	}
	text, hasVariable := x.Pass.Arg(0), false
	if strings.Contains(text, "$") {
		if v := x.Expand(text); v.Unknown == "" {
			text, hasVariable = v.Text, true
		} else {
			x.noteUnknown(x.Pass.At(), "where this leads, because it has a variable")
		}
	}
	rest, ok := strings.CutPrefix(text, "http://")
	port := "80"
	if !ok {
		rest, port = strings.TrimPrefix(text, "https://"), "443"
	}
	host, uri := rest, ""
	if path, isUnix := strings.CutPrefix(rest, unixPeer); isUnix {
		path, uri, _ = strings.Cut(path, ":")
		host = unixPeer + path
	} else if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, uri = rest[:i], rest[i:]
	}
	if x.proxyHost = host; strings.HasPrefix(host, unixPeer) {
		x.proxyHost = "localhost"
	}
	next := x.nginx.connect(host, port)
	next.Doubtful = map[string]string{}
	if bind := x.Level.Setting("proxy_bind"); bind != nil && bind.Arg(0) != "off" {
		x.noteUnknown(bind.At(), "the address that nginx connects from")
	}
	next.Bytes = x.forward(uri, hasVariable, &next)
	x.Next = &next
}

// forward writes the request that is passed on. uri is the path of proxy_pass: it takes the
// place of the location's, or of the whole target if proxy_pass has a variable.
func (x *Exchange) forward(uri string, hasVariable bool, next *Connection) []byte {
	target := x.Request.Target
	if hasVariable && uri != "" {
		target = uri
	} else if n := len(x.Level.Args); uri != "" && n > 0 && strings.HasPrefix(target, x.Level.Args[n-1]) {
		target = uri + target[len(x.Level.Args[n-1]):]
	}
	version := "1.0"
	if d := x.Level.Setting("proxy_http_version"); d != nil {
		version = d.Arg(0)
	}
	method := x.Request.Method
	var b bytes.Buffer
	b.WriteString(method + " " + target + " HTTP/" + version + "\r\n")
	own := map[string]bool{}
	write := func(name string, v Value) {
		own[strings.ToLower(name)] = true
		switch {
		case v.Unknown != "" && isAboutAddresses(name):
			next.Doubtful[strings.ToLower(name)] = v.Unknown
			x.noteUnknown(x.Pass.At(), "the header "+name+": "+v.Unknown)
		case v.Text != "":
			b.WriteString(name + ": " + v.Text + "\r\n")
		}
	}
	set, _ := x.Level.SetHeaders()
	for _, d := range set {
		write(d.Arg(0), x.Expand(d.Arg(1)))
	}
	for _, name := range []string{"host", "connection", "transfer-encoding", "te", "keep-alive", "expect", "upgrade"} {
		if !own[name] {
			write(name, x.Expand(headersOfProxy[name]))
		}
	}
	if d := x.Level.Setting("proxy_pass_request_headers"); d == nil || d.Arg(0) != "off" {
		x.forwardOwn(&b, own, next)
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// forwardOwn passes the request's own headers on, but for those that nginx sets.
func (x *Exchange) forwardOwn(b *bytes.Buffer, set map[string]bool, next *Connection) {
	for _, h := range x.Request.Headers {
		if name := strings.ToLower(h.Name); !set[name] && name != "content-length" {
			b.WriteString(h.Name + ": " + h.Value + "\r\n")
		}
	}
	for name, why := range x.doubtful {
		if !set[name] {
			next.Doubtful[name] = why
		}
	}
}

// isAboutAddresses reports whether the value of a header matters: others may be unknown.
func isAboutAddresses(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "x-") && name != "x-request-id" && name != "x-forwarded-proto" || name == "forwarded" || strings.Contains(name, "ip")
}
