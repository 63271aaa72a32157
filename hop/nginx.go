package hop

import (
	"cmp"
	"net/netip"
	"strings"

	"clearhop/nginxconf"
)

// Options are what a configuration does not say of its nginx.
type Options struct {
	// Address4 and Address6 are the addresses that nginx connects from.
	Address4, Address6 netip.Addr
	// FirstLineOnly says that the nginx is older than 1.23.0: a variable $http_NAME holds
	// the first line of most headers, and not all of them joined.
	FirstLineOnly bool
}

// An Nginx is one nginx with its configuration.
type Nginx struct {
	conf    *nginxconf.Config
	options Options
}

// NewNginx makes the model of an nginx.
func NewNginx(conf *nginxconf.Config, options Options) *Nginx {
	return &Nginx{conf: conf, options: options}
}

// An Answer is what an nginx does with a connection.
type Answer struct {
	Exchanges []*Exchange
	// Broken says that nginx closed the connection because it waited for a PROXY
	// protocol header and got none. It writes an error line and no access line.
	Broken bool
	// Refused says that nobody listens there.
	Refused bool
	// Listen is the listen directive that decided; nil if nobody listens.
	Listen *nginxconf.Listen
	// Passed is the connection that a server of stream makes, Proxied its server.
	Passed  *Connection
	Proxied *nginxconf.Server
}

// An Exchange is one request and what nginx does with it.
type Exchange struct {
	Request Request
	Status  int // 0 where it depends on what stands behind
	// Level is where the request was answered or logged.
	Level *nginxconf.Level
	// Next is the connection to the hop behind, Pass the directive that makes it; nil
	// if there is none.
	Next *Connection
	Pass *nginxconf.Directive
	// Unknowns are what decided and cannot be known.
	Unknowns []nginxconf.Unknown

	nginx         *Nginx
	server        *nginxconf.Server
	peer, remote  netip.Addr
	remoteUnknown string
	replaced      bool // the realip module has taken an address
	proxy         ProxyHeader
	doubtful      map[string]string
	set           map[string]Value
	proxyHost     string
	rewriting     bool // the rewrite module runs
	kept          bool // $remote_addr was read then, and logged is its value
	logged        netip.Addr
}

// Remote returns the address that $remote_addr shows; the zero Addr for unix:.
func (x *Exchange) Remote() netip.Addr {
	if x.kept {
		return x.logged
	}
	return x.remote
}

// Peer returns the address of the connection itself.
func (x *Exchange) Peer() netip.Addr { return x.peer }

// Take returns what nginx does with a connection.
func (n *Nginx) Take(c Connection) Answer {
	if servers := listening(n.conf.Servers(), c); len(servers) > 0 {
		return n.takeHTTP(c, servers)
	}
	if servers := listening(n.conf.Streams(), c); len(servers) > 0 {
		return n.takeStream(c, servers)
	}
	return Answer{Refused: true}
}

// Listens reports whether a server of this nginx listens where the connection goes.
func (n *Nginx) Listens(c Connection) bool {
	return len(listening(n.conf.Servers(), c)) > 0 || len(listening(n.conf.Streams(), c)) > 0
}

// A listener is a server and the listen directive by which a connection reaches it.
type listener struct {
	server *nginxconf.Server
	listen *nginxconf.Listen
}

// listening finds the servers that a connection can reach: those of its address, or else
// those of every address with its port.
func listening(servers []*nginxconf.Server, c Connection) []listener {
	var exact, any []listener
	for _, s := range servers {
		for i := range s.Listens {
			l := &s.Listens[i]
			at := l.Address
			switch {
			case l.UDP:
			case c.Unix != "" && l.Unix == c.Unix, c.Unix == "" && at.IsValid() && at == c.To:
				exact = append(exact, listener{s, l})
			case c.Unix == "" && at.IsValid() && at.Port() == c.To.Port() && at.Addr().IsUnspecified() && at.Addr().Is4() == c.To.Addr().Is4():
				any = append(any, listener{s, l})
			}
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return any
}

// first returns the default server, and the listen directive that decides whether a PROXY
// protocol header is read: one of all servers of the address is enough.
func first(all []listener) (listener, bool) {
	chosen, wants := all[0], false
	for _, l := range all {
		wants = wants || l.listen.ProxyProtocol
	}
	for _, l := range all {
		if l.listen.Default {
			chosen = l
			break
		}
	}
	for _, l := range all {
		if wants && l.listen.ProxyProtocol && !chosen.listen.ProxyProtocol {
			chosen.listen = l.listen
		}
	}
	return chosen, wants
}

// takeHTTP reads the requests of a connection.
func (n *Nginx) takeHTTP(c Connection, servers []listener) Answer {
	chosen, wants := first(servers)
	a := Answer{Listen: chosen.listen}
	var h ProxyHeader
	rest := c.Bytes
	if wants {
		if len(rest) == 0 {
			return a // closed before it sent anything
		}
		var ok bool
		if h, rest, ok = cutProxyHeader(rest); !ok {
			a.Broken = true
			return a
		}
	}
	const most = 1000 // keepalive_requests
	for len(rest) > 0 && len(a.Exchanges) < most {
		var r Request
		if r, rest = ReadRequest(rest); r.Quiet {
			break
		}
		x := &Exchange{
			Request: r, nginx: n, server: chosen.server, peer: c.Peer.Unmap(), remote: c.Peer.Unmap(), proxy: h,
			doubtful: c.Doubtful, set: map[string]Value{},
		}
		if hosts := r.Values("host"); len(hosts) > 0 {
			x.server = serverOf(servers, chosen.server, hosts[0])
		}
		x.answer()
		a.Exchanges = append(a.Exchanges, x)
		if strings.EqualFold(strings.Join(r.Values("connection"), ""), "close") || r.Refused != 0 {
			break
		}
	}
	return a
}

// serverOf returns the server of a host name; def if none has it.
func serverOf(servers []listener, def *nginxconf.Server, host string) *nginxconf.Server {
	host = strings.ToLower(host)
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	host = strings.TrimSuffix(host, ".")
	var best *nginxconf.Server
	bestRank := 0
	for _, l := range servers {
		for _, name := range l.server.Names {
			// A longer name with a star at its beginning comes before one at its end.
			if rank := rankOf(strings.ToLower(name), host); rank > bestRank {
				best, bestRank = l.server, rank
			}
		}
	}
	return cmp.Or(best, def)
}

// rankOf says how well a server_name fits a host: 0 if it does not.
func rankOf(name, host string) int {
	const exact, starBefore, starBehind = 1 << 20, 1 << 16, 1
	switch {
	case name == host:
		return exact
	case strings.HasPrefix(name, ".") && (host == name[1:] || strings.HasSuffix(host, name)):
		return starBefore + len(name)
	case strings.HasPrefix(name, "*.") && strings.HasSuffix(host, name[1:]):
		return starBefore + len(name)
	case strings.HasSuffix(name, ".*") && strings.HasPrefix(host, name[:len(name)-1]):
		return starBehind + len(name)
	}
	return 0
}

// takeStream passes a connection on.
func (n *Nginx) takeStream(c Connection, servers []listener) Answer {
	chosen, wants := first(servers)
	a := Answer{Listen: chosen.listen, Proxied: chosen.server}
	level := chosen.server.Level
	client, rest := c.Peer.Unmap(), c.Bytes
	if wants {
		h, after, ok := cutProxyHeader(rest)
		if !ok {
			a.Broken = len(rest) > 0
			return a
		}
		rest = after
		if addr, ok := n.walk(level, client, []string{h.Client.String()}, false); ok && h.Client.IsValid() {
			client = addr
		}
	}
	pass := level.Own("proxy_pass")
	if pass == nil {
		return a
	}
	next := n.connect(pass.Arg(0), "")
	if !next.To.IsValid() && next.Unix == "" && next.Name == "" {
		return a
	}
	next.Bytes = rest
	if on := level.Setting("proxy_protocol"); on != nil && on.Arg(0) == "on" {
		server := next.To.Addr()
		if !server.IsValid() { // a name: nobody behind reads the server's address
			server = netip.IPv4Unspecified()
		}
		next.Bytes = append(ProxyHeader{Client: client}.AppendV1(nil, server), rest...)
	}
	a.Passed = &next
	return a
}

// sourceFor returns the address that nginx connects from.
func (n *Nginx) sourceFor(to netip.AddrPort, unix string) netip.Addr {
	switch {
	case unix != "":
		return netip.Addr{}
	case to.Addr().IsLoopback():
		return to.Addr()
	case to.Addr().Is6():
		return n.options.Address6
	}
	return n.options.Address4
}

// connect makes the connection of a proxy_pass to host, which may be the name of an
// upstream. port is the one that a name without a port gets; "" for none.
func (n *Nginx) connect(host, port string) Connection {
	if u := n.conf.Upstream(host); u != nil {
		if len(u.Servers) == 0 {
			return Connection{}
		}
		host = u.Servers[0].Arg(0)
	}
	var c Connection
	c.To, c.Unix = nginxconf.Endpoint(host)
	c.Peer = n.sourceFor(c.To, c.Unix)
	if !c.To.IsValid() && c.Unix == "" && host != "" && !strings.Contains(host, "$") {
		c.Name = host
		if !strings.Contains(host, ":") && port != "" {
			c.Name = host + ":" + port
		}
	}
	return c
}
