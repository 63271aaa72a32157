package nginxconf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// A Config is a configuration that was read.
type Config struct {
	Root  []*Directive
	Files []*File

	opened    map[string][]string // the names of the files that each include opened
	missing   []Unknown
	servers   []*Server // of http
	streams   []*Server
	upstreams map[string]*Upstream
	formats   map[string]*Directive // log_format of http
	made      map[string]*Directive // variables that map, geo, js_set and others make
	modules   []Unknown             // code that may change what is logged
}

// A Server is a server block of http or of stream.
type Server struct {
	Level   *Level
	Listens []Listen
	Names   []string // of server_name
}

// A Listen is a listen directive.
type Listen struct {
	*Directive
	// Address is where the server listens: of every address if Addr is unspecified.
	// Unix is the path of a socket, and Address is not valid then.
	Address       netip.AddrPort
	Unix          string
	ProxyProtocol bool
	Default       bool
	SSL, UDP      bool
}

// A Level is http, a server or a location: where settings are written, and from where
// they are inherited.
type Level struct {
	*Directive
	Parent    *Level
	Locations []*Level
}

// A Trust is a set_real_ip_from directive.
type Trust struct {
	*Directive
	Text string
	// Prefix is not valid for unix: and for names. One of IPv4-mapped addresses holds
	// nobody: nginx compares such a peer as IPv4.
	Prefix netip.Prefix
	Unix   bool
}

// IsName reports whether the address is a name, which nginx looks up when it starts.
func (t *Trust) IsName() bool { return !t.Unix && !t.Prefix.IsValid() }

// An Upstream is an upstream block.
type Upstream struct {
	*Directive
	Servers []*Directive
}

// Servers returns the servers of http, in their order.
func (c *Config) Servers() []*Server { return c.servers }

// Streams returns the servers of stream, in their order.
func (c *Config) Streams() []*Server { return c.streams }

// Upstream returns the upstream block of that name; nil if there is none.
func (c *Config) Upstream(name string) *Upstream { return c.upstreams[name] }

// Format returns the log_format of that name in http; nil if there is none.
func (c *Config) Format(name string) *Directive { return c.formats[name] }

// AccessLogs returns the access_log directives of http, in their order, without those
// that are off.
func (c *Config) AccessLogs() []*Directive {
	var all []*Directive
	var walk func(block []*Directive)
	walk = func(block []*Directive) {
		for _, d := range block {
			if d.Name == "access_log" && len(d.Args) > 0 && d.Arg(0) != "off" {
				all = append(all, d)
			}
			if d.IsBlock && !holdsData([]string{d.Name}) {
				walk(d.Block)
			}
		}
	}
	for _, d := range c.Root {
		if d.Name == "http" {
			walk(d.Block)
		}
	}
	return all
}

// MadeBy returns the directive that makes a variable, such as a map; nil if the variable
// is nginx's own.
func (c *Config) MadeBy(variable string) *Directive { return c.made[variable] }

// Unknowns returns what cannot be known of the configuration as a whole: files that are
// missing, names that must be looked up, and code.
func (c *Config) Unknowns() []Unknown { return slices.Concat(c.missing, c.modules) }

// note makes the model of the tree.
func (c *Config) note() {
	c.upstreams, c.formats, c.made = map[string]*Upstream{}, map[string]*Directive{}, map[string]*Directive{}
	for _, d := range c.Root {
		switch d.Name {
		case "http":
			c.noteHTTP(d)
		case "stream":
			c.noteStream(d)
		case "load_module":
			c.modules = append(c.modules, Unknown{d.At(), "what the module " + d.Arg(0) + " does is not known"})
		}
	}
}

func (c *Config) noteHTTP(http *Directive) {
	level := &Level{Directive: http}
	c.noteCode(http.Block)
	for _, d := range http.Block {
		switch d.Name {
		case "server":
			if d.IsBlock {
				c.servers = append(c.servers, newServer(d, level))
			}
		case "upstream":
			c.noteUpstream(d)
		case "log_format":
			if c.formats[d.Arg(0)] == nil {
				c.formats[d.Arg(0)] = d
			}
		}
	}
}

func (c *Config) noteUpstream(d *Directive) {
	u := &Upstream{Directive: d}
	for _, s := range d.Block {
		if s.Name == "server" && len(s.Args) > 0 {
			u.Servers = append(u.Servers, s)
		}
	}
	c.upstreams[d.Arg(0)] = u
}

func (c *Config) noteStream(stream *Directive) {
	level := &Level{Directive: stream}
	for _, d := range stream.Block {
		switch {
		case d.Name == "server" && d.IsBlock:
			c.streams = append(c.streams, newServer(d, level))
		case d.Name == "upstream":
			c.noteUpstream(d)
		}
	}
}

// noteCode finds what makes variables, and code that may do anything to a request.
func (c *Config) noteCode(block []*Directive) {
	for _, d := range block {
		switch {
		case d.Name == "map" && len(d.Args) == 2, d.Name == "split_clients" && len(d.Args) == 2:
			c.made[strings.TrimPrefix(d.Args[1], "$")] = d
		case d.Name == "geo" && len(d.Args) > 0:
			c.made[strings.TrimPrefix(d.Args[len(d.Args)-1], "$")] = d
		case slices.Contains([]string{"js_set", "js_var", "perl_set", "set_by_lua", "set_by_lua_block", "set_by_lua_file", "auth_request_set", "geoip2"}, d.Name):
			c.made[strings.TrimPrefix(d.Arg(0), "$")] = d
		case isCode(d.Name):
			c.modules = append(c.modules, Unknown{d.At(), "what the code of " + d.Name + " does to a request is not known"})
		}
		if d.IsBlock && !holdsData([]string{d.Name}) {
			c.noteCode(d.Block)
		}
	}
}

// isCode reports whether a directive runs code that can change a request or its answer.
func isCode(name string) bool {
	if strings.Contains(name, "_by_lua") {
		// A filter of the answer and the log phase change no address.
		return strings.HasPrefix(name, "rewrite_") || strings.HasPrefix(name, "access_") || strings.HasPrefix(name, "content_") || strings.HasPrefix(name, "server_rewrite_")
	}
	switch name {
	case "js_content", "js_access", "js_preread", "perl", "more_set_input_headers", "more_clear_input_headers":
		return true
	}
	return false
}

func newServer(d *Directive, parent *Level) *Server {
	s := &Server{Level: newLevel(d, parent)}
	for _, one := range d.Block {
		switch one.Name {
		case "listen":
			s.Listens = append(s.Listens, newListen(one))
		case "server_name":
			s.Names = append(s.Names, one.Args...)
		}
	}
	if len(s.Listens) == 0 && parent.Name == "http" {
		// nginx listens on port 80 when it runs as root.
		s.Listens = []Listen{{Directive: d, Address: netip.AddrPortFrom(netip.IPv4Unspecified(), 80)}}
	}
	return s
}

func newLevel(d *Directive, parent *Level) *Level {
	l := &Level{Directive: d, Parent: parent}
	for _, one := range d.Block {
		if one.Name == "location" && one.IsBlock {
			l.Locations = append(l.Locations, newLevel(one, l))
		}
	}
	return l
}

// newListen reads the arguments of listen: an address, a port, or both, and words.
func newListen(d *Directive) Listen {
	l := Listen{Directive: d}
	for _, word := range d.Args[min(1, len(d.Args)):] {
		switch word {
		case "proxy_protocol":
			l.ProxyProtocol = true
		case "default_server", "default":
			l.Default = true
		case "ssl":
			l.SSL = true
		case "udp", "quic":
			l.UDP = true
		}
	}
	l.Address, l.Unix = endpoint(d.Arg(0))
	return l
}

// endpoint reads an address with a port, of which either may be missing.
func endpoint(text string) (netip.AddrPort, string) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		return netip.AddrPort{}, path
	}
	const usual = 80
	text = strings.Replace(text, "*:", "0.0.0.0:", 1)
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at, ""
	}
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return netip.AddrPortFrom(addr, usual), ""
	}
	if at, err := netip.ParseAddrPort("0.0.0.0:" + text); err == nil {
		return at, ""
	}
	return netip.AddrPort{}, ""
}

// Endpoint reads where a server of an upstream is: an address with a port (80 without
// one), or unix: with a path. Both are zero for a name.
func Endpoint(text string) (at netip.AddrPort, unix string) {
	if _, name := portOnly(text); name {
		return netip.AddrPort{}, ""
	}
	return endpoint(text)
}

// portOnly reports whether text is a number, which is a port for listen and a name
// for an upstream.
func portOnly(text string) (string, bool) {
	return text, text != "" && strings.Trim(text, "0123456789") == ""
}

// Path returns the places of a level, the outermost first: "http, server, location /".
func (l *Level) Path() string {
	var names []string
	for at := l; at != nil; at = at.Parent {
		names = append([]string{strings.TrimSpace(at.Name + " " + strings.Join(at.Args, " "))}, names...)
	}
	return strings.Join(names, ", ")
}

// own returns the directives of that name at this level itself.
func (l *Level) own(name string) []*Directive {
	var all []*Directive
	for _, d := range l.Block {
		if d.Name == name {
			all = append(all, d)
		}
	}
	return all
}

// Inherited returns the directives of that name at the nearest level that has any, and
// that level; nil where no level has. nginx inherits lists so: all or nothing.
func (l *Level) Inherited(name string) ([]*Directive, *Level) {
	for at := l; at != nil; at = at.Parent {
		if all := at.own(name); len(all) > 0 {
			return all, at
		}
	}
	return nil, nil
}

// Setting returns the directive that decides at this level; nil if there is none.
func (l *Level) Setting(name string) *Directive {
	all, _ := l.Inherited(name)
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// Own returns the first directive of that name at this level itself; nil if there is
// none. What answers a request, such as proxy_pass, is not inherited.
func (l *Level) Own(name string) *Directive {
	if all := l.own(name); len(all) > 0 {
		return all[0]
	}
	return nil
}

// Trusted returns the addresses of set_real_ip_from that hold at this level.
func (l *Level) Trusted() []Trust {
	all, _ := l.Inherited("set_real_ip_from")
	var trusted []Trust
	for _, d := range all {
		trusted = append(trusted, NewTrust(d))
	}
	return trusted
}

// NewTrust reads a set_real_ip_from directive.
func NewTrust(d *Directive) Trust {
	t := Trust{Directive: d, Text: d.Arg(0), Unix: d.Arg(0) == "unix:"}
	if p, err := netip.ParsePrefix(t.Text); err == nil {
		t.Prefix = p.Masked()
	} else if a, err := netip.ParseAddr(t.Text); err == nil {
		t.Prefix = netip.PrefixFrom(a, a.BitLen())
	}
	return t
}

// SetHeaders returns the proxy_set_header directives that hold at this level, and the
// level that they are written at.
func (l *Level) SetHeaders() ([]*Directive, *Level) { return l.Inherited("proxy_set_header") }

// RealIPHeader returns the name after real_ip_header in lower case, x-real-ip where none
// is written, and its directive, which may be nil.
func (l *Level) RealIPHeader() (string, *Directive) {
	if d := l.Setting("real_ip_header"); d != nil {
		return strings.ToLower(d.Arg(0)), d
	}
	return "x-real-ip", nil
}

// IsRecursive reports whether real_ip_recursive is on, with its directive, which may be
// nil.
func (l *Level) IsRecursive() (bool, *Directive) {
	d := l.Setting("real_ip_recursive")
	return d != nil && strings.EqualFold(d.Arg(0), "on"), d
}

// AccessLogs returns the access_log directives that hold at this level, without those
// that are off.
func (l *Level) AccessLogs() []*Directive {
	all, _ := l.Inherited("access_log")
	return slices.DeleteFunc(slices.Clone(all), func(d *Directive) bool { return d.Arg(0) == "off" })
}

// ErrorPage returns where nginx goes with a status; "" if it answers itself.
func (l *Level) ErrorPage(status int) string {
	all, _ := l.Inherited("error_page")
	for _, d := range all {
		if len(d.Args) > 1 && slices.Contains(d.Args[:len(d.Args)-1], fmt.Sprint(status)) {
			return d.Args[len(d.Args)-1]
		}
	}
	return ""
}
