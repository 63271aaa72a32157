package check

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"clearhop/enrich/clientip"
	"clearhop/hop"
	"clearhop/nginxconf"
	"clearhop/record"
)

// A Chain is what is checked.
type Chain struct {
	// Confs are the configurations, in the order of a request. The NLB reaches the
	// first one.
	Confs []*nginxconf.Config
	NLB   hop.NLB
	// Subnets are those of which nobody said which addresses the NLB's nodes have: FirstOf
	// each is among the addresses of NLB.
	Subnets []netip.Prefix
	// Port is the one that the target group uses; 0 where it is not known.
	Port uint16
	// Trusted are the edge's tasks and other proxies. Where none is given, an address
	// is taken that the hop behind the edge trusts.
	Trusted clientip.Addresses
	// Groups are the target groups, where they were read from somewhere.
	Groups []record.TargetGroup

	// unjudged are the hops whose logs are not judged, logs the access logs that are, of
	// each hop, as logOf writes them; none of a hop for all. Both may be nil.
	unjudged []bool
	logs     [][]string
}

// isJudged reports whether what a level of a hop logs is judged. level is nil where no
// request is logged.
func (c *Chain) isJudged(at int, level *nginxconf.Level) bool {
	switch {
	case at < len(c.unjudged) && c.unjudged[at]:
		return false
	case level == nil || at >= len(c.logs) || len(c.logs[at]) == 0:
		return true
	}
	return slices.ContainsFunc(level.AccessLogs(), func(d *nginxconf.Directive) bool { return slices.Contains(c.logs[at], logOf(d)) })
}

// logOf names the log of an access_log directive, whatever line it stands in.
func logOf(d *nginxconf.Directive) string { return strings.Join(d.Args, " ") }

// A route is a way through the first hop: a host and a path that reach a location.
type route struct {
	to   netip.AddrPort
	host string
	path string
}

// A run is a chain with its models.
type run struct {
	*Chain
	nginx   []*hop.Nginx
	own     []hop.Options // of each hop: those behind the edge have the address that it passes requests on to
	routes  []route
	edge4   netip.Addr
	edge6   netip.Addr
	assumed []string // says what was assumed about addresses, each once
	reached []bool   // the hops that a visitor has come to
	lines   [][]string
	errors  [][]string
	seen    []sighting
	unknown []nginxconf.Unknown
	serial  int
}

func newRun(c *Chain) (*run, error) {
	switch {
	case len(c.Confs) == 0:
		return nil, errors.New("there is no configuration to check")
	case len(c.NLB.Addresses) == 0:
		return nil, errors.New("the addresses of the NLB's nodes are not known")
	case len(c.Confs[0].Servers())+len(c.Confs[0].Streams()) == 0:
		return nil, fmt.Errorf("%s has no server in a block http or stream: give the nginx.conf that includes it", c.Confs[0].Files[0].Name)
	}
	r := &run{Chain: c, lines: make([][]string, len(c.Confs)), errors: make([][]string, len(c.Confs))}
	r.findEdge()
	r.reached = make([]bool, len(c.Confs))
	for i, conf := range c.Confs {
		r.own = append(r.own, hop.Options{Address4: r.edge4, Address6: r.edge6})
		r.nginx = append(r.nginx, hop.NewNginx(conf, r.own[i]))
		r.unknown = append(r.unknown, conf.Unknowns()...)
	}
	r.findRoutes()
	if len(r.routes) == 0 {
		return nil, fmt.Errorf("no server of %s listens on port %d", c.Confs[0].Files[0].Name, c.Port)
	}
	return r, nil
}

// findEdge finds an address of the edge: one that is given, or one that the hop behind
// trusts.
func (r *run) findEdge() {
	for _, p := range r.Trusted.Prefixes {
		r.takeEdge(p)
	}
	if r.edge4.IsValid() || r.edge6.IsValid() {
		r.complete()
		return
	}
	for _, conf := range r.Confs[1:] {
		for _, s := range conf.Servers() {
			for _, t := range s.Level.Trusted() {
				if !r.edge4.IsValid() && t.Prefix.IsValid() && r.takeEdge(t.Prefix) {
					r.assume("The edge's address is not given (--trusted). %s is assumed, because %s trusts it.", r.edge4, t.At())
				}
			}
		}
	}
	if len(r.assumed) == 0 && len(r.Confs) > 1 {
		r.complete()
		r.assume("The edge's address is not given (--trusted), and the hop behind trusts none. %s is assumed.", r.edge4)
	}
	r.complete()
}

// assume notes what is assumed, once.
func (r *run) assume(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.assumed, text) {
		r.assumed = append(r.assumed, text)
	}
}

// takeEdge takes an address of a network that can be the edge's.
func (r *run) takeEdge(p netip.Prefix) bool {
	a := p.Addr()
	if !p.IsSingleIP() {
		a = a.Next()
	}
	for slices.Contains(r.NLB.Addresses, a) && p.Contains(a.Next()) {
		a = a.Next()
	}
	switch {
	case slices.Contains(r.NLB.Addresses, a), p.Bits() < 8:
		return false
	case a.Is4() && !r.edge4.IsValid() && clientip.IsPrivate(a):
		r.edge4 = a
		return true
	case a.Is6() && !r.edge6.IsValid():
		r.edge6 = a
	}
	return false
}

// complete gives the edge an address in each family: one beside the NLB's.
func (r *run) complete() {
	for _, a := range r.NLB.Addresses {
		for slices.Contains(r.NLB.Addresses, a) {
			a = a.Next()
		}
		if a.Is4() && !r.edge4.IsValid() {
			r.edge4 = a
		}
		if a.Is6() && !r.edge6.IsValid() {
			r.edge6 = a
		}
	}
	if !r.edge4.IsValid() {
		r.edge4 = netip.AddrFrom4([4]byte{10, 255, 255, 2})
	}
	if !r.edge6.IsValid() {
		r.edge6 = netip.MustParseAddr("fd00:255::2")
	}
}

// maxRoutes bounds the locations that are visited.
const maxRoutes = 64

// findRoutes finds the locations that the NLB's visitors can reach.
func (r *run) findRoutes() {
	conf := r.Confs[0]
	port := r.port()
	for _, s := range conf.Streams() {
		if at, ok := r.reach(s, port); ok {
			r.routes = append(r.routes, route{at, "example.com", "/"})
		}
	}
	for _, s := range conf.Servers() {
		at, ok := r.reach(s, port)
		if !ok {
			continue
		}
		host := "example.com"
		for _, name := range s.Names {
			if !strings.ContainsAny(name, "*~_") && name != "" {
				host = strings.TrimPrefix(name, ".")
				break
			}
		}
		r.addRoutes(at, host, s.Level)
	}
}

func (r *run) addRoutes(at netip.AddrPort, host string, l *nginxconf.Level) {
	paths := []string{"/"}
	for _, one := range l.Locations {
		n := len(one.Args)
		if n == 0 || strings.HasPrefix(one.Args[0], "~") || one.Args[n-1] == "/" || !strings.HasPrefix(one.Args[n-1], "/") || one.Own("internal") != nil {
			continue
		}
		if one.Own("proxy_pass") != nil {
			paths = append(paths, one.Args[n-1])
		}
	}
	for _, path := range paths {
		if len(r.routes) < maxRoutes {
			r.routes = append(r.routes, route{at, host, path})
		}
	}
}

// port returns the port that the NLB uses: the given one, or that of the first server
// that passes requests on.
func (r *run) port() uint16 {
	if r.Port != 0 {
		return r.Port
	}
	conf := r.Confs[0]
	var first uint16
	for _, s := range slices.Concat(conf.Streams(), conf.Servers()) {
		for i := range s.Listens {
			l := &s.Listens[i]
			if !l.Address.IsValid() || l.UDP || l.Address.Addr().IsLoopback() {
				continue
			}
			if first == 0 {
				first = l.Address.Port()
			}
			if passes(s.Level) {
				return l.Address.Port()
			}
		}
	}
	return first
}

func passes(l *nginxconf.Level) bool {
	return l.Own("proxy_pass") != nil || slices.ContainsFunc(l.Locations, passes)
}

// reach returns an address of the edge at which a server is reached.
func (r *run) reach(s *nginxconf.Server, port uint16) (netip.AddrPort, bool) {
	for i := range s.Listens {
		l := &s.Listens[i]
		at := l.Address
		switch {
		case !at.IsValid() || at.Port() != port || l.UDP:
		case !at.Addr().IsUnspecified() && !at.Addr().IsLoopback():
			return at, true
		case at.Addr().IsUnspecified() && at.Addr().Is4() && r.hasNode(true):
			return netip.AddrPortFrom(r.edge4, port), true
		case at.Addr().IsUnspecified() && at.Addr().Is6() && !r.hasNode(true):
			return netip.AddrPortFrom(r.edge6, port), true
		}
	}
	return netip.AddrPort{}, false
}

// resolve gives a connection to a name the address of the next hop that listens on its
// port: the configurations stand in the order of a request.
func (r *run) resolve(at int, c *hop.Connection) {
	_, text, _ := strings.Cut(c.Name, ":")
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return
	}
	for next := at + 1; next < len(r.Confs); next++ {
		to := netip.AddrPortFrom(r.behind(next), uint16(port))
		for _, s := range slices.Concat(r.Confs[next].Streams(), r.Confs[next].Servers()) {
			for i := range s.Listens {
				l := &s.Listens[i]
				if a := l.Address; a.IsValid() && !l.UDP && a.Port() == to.Port() && !a.Addr().IsUnspecified() && !a.Addr().IsLoopback() {
					to = a
				}
			}
		}
		if try := (hop.Connection{To: to}); r.nginx[next].Listens(try) {
			c.To = to
			r.assume("%s passes requests on to a name, %s. It is taken for %s, which listens on that port.", r.name(at), c.Name, r.name(next))
			return
		}
	}
}

// behind returns an address for a hop behind the edge: one that the hop behind it trusts.
func (r *run) behind(at int) netip.Addr {
	isFree := func(a netip.Addr) bool {
		return a.Is4() && a != r.edge4 && !slices.Contains(r.NLB.Addresses, a)
	}
	if at+1 < len(r.Confs) {
		for _, s := range r.Confs[at+1].Servers() {
			for _, t := range s.Level.Trusted() {
				for a := t.Prefix.Addr(); t.Prefix.IsValid() && t.Prefix.Contains(a); a = a.Next() {
					if isFree(a) && (t.Prefix.IsSingleIP() || a != t.Prefix.Addr()) {
						return a
					}
				}
			}
		}
	}
	a := r.edge4
	for !isFree(a) {
		a = a.Next()
	}
	return a
}

func (r *run) hasNode(is4 bool) bool {
	return slices.ContainsFunc(r.NLB.Addresses, func(a netip.Addr) bool { return a.Is4() == is4 })
}
