package check

import (
	"fmt"
	"net/netip"
	"strings"

	"clearhop/hop"
)

// A visitor is somebody who is simulated.
type visitor struct {
	kind  string // for a person
	from  netip.Addr
	times int
	// headers are the visitor's own, before is sent before the request.
	headers []string
	before  string
	// claims is the address that the visitor wants to be taken for.
	claims netip.Addr
	way    way
	agent  string
	path   string
}

// A way is how a visitor's connection reaches the edge.
type way uint8

const (
	throughNLB way = iota
	throughPrivateLink
	asHealthCheck
)

// Addresses of the simulated visitors, from the ranges for documentation, and the one
// that the forgers write.
var (
	visitor4 = netip.MustParseAddr("198.51.100.7")
	visitor6 = netip.MustParseAddr("2001:db8:feed::7")
	consumer = netip.MustParseAddr("192.168.77.9")
	forged   = netip.MustParseAddr("203.0.113.99")
)

const endpointID = "vpce-0123456789abcdef0"

// visitors returns who visits each route. Ordinary ones are many, as in a real log.
func (r *run) visitors() []visitor {
	forger := func(kind string, headers ...string) visitor {
		return visitor{kind: kind, from: visitor4, times: 1, headers: headers, claims: forged, agent: "forger/1.0"}
	}
	f := forged.String()
	return []visitor{
		{kind: "visitor by IPv4", from: visitor4, times: 20},
		{kind: "visitor by IPv6", from: visitor6, times: 6},
		forger("forged X-Forwarded-For", "X-Forwarded-For: "+f),
		forger("forged X-Real-IP", "X-Real-IP: "+f),
		forger("forged, both headers", "X-Forwarded-For: "+f+", "+f, "X-Real-IP: "+f),
		forger("forged, with the edge's address", fmt.Sprintf("X-Forwarded-For: %s, %s", f, r.edge4)),
		{
			kind: "forged PROXY header", from: visitor4, times: 1, claims: forged, agent: "forger/1.0",
			before: "PROXY TCP4 " + f + " 203.0.113.1 40001 80\r\n",
		},
		{kind: "consumer by PrivateLink", from: consumer, times: 1, way: throughPrivateLink},
		{kind: "health check of the NLB", times: 1, way: asHealthCheck, agent: "ELB-HealthChecker/2.0", path: "/"},
	}
}

// connection makes the visitor's connection, as the edge gets it. id is the request's.
func (v *visitor) connection(r *run, to route) hop.Connection {
	agent, path := v.agent, to.path
	if agent == "" {
		agent = "Mozilla/5.0 (simulated visitor)"
	}
	lines := append([]string{"GET " + path + " HTTP/1.1", "Host: " + to.host, "User-Agent: " + agent, "Connection: close"}, v.headers...)
	c := hop.Connection{Peer: v.from, To: to.to, Bytes: []byte(v.before + strings.Join(lines, "\r\n") + "\r\n\r\n")}
	switch v.way {
	case throughPrivateLink:
		return r.NLB.PassPrivateLink(c, endpointID)
	case asHealthCheck:
		return r.NLB.PassHealthCheck(c)
	}
	return r.NLB.Pass(c)
}

// isLost reports whether nobody behind the NLB can know a visitor, however nginx is set:
// without the PROXY protocol the source is the NLB's own between the families, and for
// PrivateLink.
func (r *run) isLost(v *visitor, to route) bool {
	if r.NLB.ProxyProtocolV2 || !r.NLB.PreserveClientIP {
		return false
	}
	return v.way == throughPrivateLink || v.from.IsValid() && v.from.Is4() != to.to.Addr().Is4()
}

// A sighting is what a hop would log of one visitor on one route.
type sighting struct {
	visitor *visitor
	hop     int
	route   route
	answer  hop.Answer
	// exchange is nil where the hop logs no request.
	exchange *hop.Exchange
	// proxied says that the connection began with a PROXY protocol header, local that it
	// came from another server of the same nginx.
	proxied, local bool
}

// simulate sends all visitors through the chain.
func (r *run) simulate() {
	all := r.visitors()
	for _, to := range r.routes {
		for i := range all {
			v := &all[i]
			if r.isLost(v, to) {
				continue
			}
			for n := range v.times {
				r.serial++
				r.follow(v, to, 0, v.connection(r, to), n == 0, r.serial, 0)
			}
		}
	}
}

// follow takes a connection through a hop and those behind it. keep says that what is
// logged is kept for the report; lines are made each time.
func (r *run) follow(v *visitor, to route, at int, c hop.Connection, keep bool, id, depth int) {
	const deepest = 8
	if depth == deepest {
		return
	}
	r.reached[at] = true
	a := r.nginx[at].Take(c)
	isForgedHeader := v.before != "" // the doctor takes one line of a scanner for no fault
	if a.Broken && !isForgedHeader && r.isJudged(at, nil) {
		r.addError(at, c)
	}
	if a.Passed != nil {
		r.pass(v, to, at, *a.Passed, keep, id, depth)
	}
	s := sighting{visitor: v, hop: at, route: to, answer: a, proxied: hop.BeginsWithProxyHeader(c.Bytes), local: depth > 0}
	if keep && len(a.Exchanges) == 0 {
		r.seen = append(r.seen, s)
	}
	for _, x := range a.Exchanges {
		for _, u := range x.Unknowns {
			r.noteUnknown(u)
		}
		if keep {
			s.exchange = x
			r.seen = append(r.seen, s)
		}
		if !isForgedHeader && r.isJudged(at, x.Level) {
			r.addLine(at, x, id)
		}
		if x.Next != nil {
			r.pass(v, to, at, *x.Next, keep, id, depth)
		}
	}
}

// learn takes the address at which a hop is reached for the one that it connects from.
func (r *run) learn(at int, a netip.Addr) {
	own := &r.own[at]
	switch {
	case !a.IsValid() || a.IsLoopback() || own.Address4 == a || own.Address6 == a:
		return
	case a.Is4():
		own.Address4 = a
	default:
		own.Address6 = a
	}
	r.nginx[at] = hop.NewNginx(r.Confs[at], *own)
}

// pass finds the hop that a connection leads to: this one again, if it listens there on
// its own host, or one behind it.
func (r *run) pass(v *visitor, to route, at int, c hop.Connection, keep bool, id, depth int) {
	if c.Name != "" {
		r.resolve(at, &c)
	}
	own := c.Unix != "" || c.To.Addr().IsLoopback() || c.To.Addr() == r.edge4 && at == 0
	if own && r.nginx[at].Listens(c) {
		r.follow(v, to, at, c, keep, id, depth+1)
		return
	}
	for next := at + 1; next < len(r.nginx); next++ {
		if r.nginx[next].Listens(c) {
			r.learn(next, c.To.Addr())
			r.follow(v, to, next, c, keep, id, 0)
			return
		}
	}
	if at+1 < len(r.nginx) {
		r.noteUnlistened(at, c)
	}
}
