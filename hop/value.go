package hop

import (
	"net/netip"
	"strings"

	"clearhop/nginxconf"
)

// A Value is the value of a variable of nginx.
type Value struct {
	Text string
	// Found is false where the variable has no value: nginx logs "-", or nothing in JSON.
	Found bool
	// Unknown says why the value cannot be known; "" if it is known.
	Unknown string
}

func known(text string) Value { return Value{Text: text, Found: true} }

// unixPeer is how nginx writes the address of a peer on a Unix-domain socket.
const unixPeer = "unix:"

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return unixPeer
	}
	return a.String()
}

// Variable returns a variable of nginx for this exchange, by its name without "$". Those
// that say nothing of addresses and headers are Unknown.
func (x *Exchange) Variable(name string) Value {
	if v, ok := x.set[name]; ok {
		return v
	}
	if d := x.nginx.conf.MadeBy(name); d != nil {
		return Value{Unknown: "$" + name + " is made by " + d.Name + " at " + d.At()}
	}
	if header, ok := strings.CutPrefix(name, "http_"); ok {
		return x.header(strings.ReplaceAll(header, "_", "-"))
	}
	switch name {
	case "remote_addr":
		v := Value{Text: addressText(x.remote), Found: true, Unknown: x.remoteUnknown}
		if x.rewriting {
			// nginx keeps the value: what the realip module takes later is not seen.
			x.set[name], x.kept, x.logged = v, true, x.remote
		}
		return v
	case "realip_remote_addr":
		return known(addressText(x.peer))
	case "proxy_protocol_addr":
		if !x.proxy.Client.IsValid() {
			return Value{}
		}
		return known(x.proxy.Client.String())
	case "proxy_protocol_tlv_0xEA", "proxy_protocol_tlv_0xea":
		if x.proxy.Endpoint == "" {
			return Value{}
		}
		return known("\x01" + x.proxy.Endpoint)
	case "proxy_add_x_forwarded_for":
		remote := Value{Text: addressText(x.remote), Found: true, Unknown: x.remoteUnknown}
		header := x.header("x-forwarded-for")
		if header.Found {
			remote.Text = header.Text + ", " + remote.Text
		}
		if header.Unknown != "" {
			remote.Unknown = header.Unknown
		}
		return remote
	}
	return x.request(name)
}

// header returns $http_NAME. nginx joins the lines of a header.
func (x *Exchange) header(name string) Value {
	if why := x.doubtful[name]; why != "" {
		return Value{Unknown: why}
	}
	values := x.Request.Values(name)
	if len(values) == 0 {
		return Value{}
	}
	if x.nginx.options.FirstLineOnly && name != "x-forwarded-for" {
		return known(values[0])
	}
	return known(strings.Join(values, ", "))
}

// request returns the variables of the request itself.
func (x *Exchange) request(name string) Value {
	r := &x.Request
	switch name {
	case "request":
		return known(r.Line)
	case "request_method":
		return known(r.Method)
	case "request_uri":
		return known(r.Target)
	case "uri", "document_uri":
		return known(r.Path())
	case "args", "query_string":
		_, query, found := strings.Cut(r.Target, "?")
		return Value{Text: query, Found: found}
	case "server_protocol":
		return known(r.Protocol)
	case "host":
		if hosts := r.Values("host"); len(hosts) > 0 {
			host, _, _ := strings.Cut(strings.ToLower(hosts[0]), ":")
			return known(host)
		}
		if len(x.server.Names) > 0 {
			return known(x.server.Names[0])
		}
		return known("")
	case "scheme":
		return known("http")
	case "proxy_host":
		return known(x.proxyHost)
	}
	return Value{Unknown: "$" + name + " is not modelled"}
}

// Expand returns a text of the configuration with the values of its variables.
func (x *Exchange) Expand(text string) Value {
	all := Value{Found: true}
	for text != "" {
		before, after, ok := strings.Cut(text, "$")
		all.Text += before
		if !ok {
			break
		}
		var name string
		if inner, closed := strings.CutPrefix(after, "{"); closed {
			name, text, _ = strings.Cut(inner, "}")
		} else {
			end := strings.IndexFunc(after, func(c rune) bool { return !isNameRune(c) })
			if end < 0 {
				end = len(after)
			}
			name, text = after[:end], after[end:]
		}
		v := x.Variable(name)
		all.Text += v.Text
		if v.Unknown != "" {
			all.Unknown = v.Unknown
		}
	}
	return all
}

func isNameRune(c rune) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// noteUnknown keeps what cannot be known, once.
func (x *Exchange) noteUnknown(at, what string) {
	for _, u := range x.Unknowns {
		if u.At == at && u.What == what {
			return
		}
	}
	x.Unknowns = append(x.Unknowns, nginxconf.Unknown{At: at, What: what})
}
