package hop

import "net/netip"

// A Connection is what arrives at a hop.
type Connection struct {
	Peer netip.Addr // the zero Addr is a peer on a Unix-domain socket
	// To is where it connects to; Unix is the path of a socket in its place.
	To   netip.AddrPort
	Unix string
	// Name is where it connects to if that is a name, with the port. To and Unix are zero
	// then, since only a resolver knows the address.
	Name  string
	Bytes []byte
	// Doubtful has the names of headers, in lower case, whose value is not known, and
	// why.
	Doubtful map[string]string
}

// An NLB is a Network Load Balancer with one target group.
type NLB struct {
	Addresses []netip.Addr // of its nodes, inside the VPC
	// The attributes of the target group.
	ProxyProtocolV2  bool // proxy_protocol_v2.enabled
	PreserveClientIP bool // preserve_client_ip.enabled
}

// Pass returns a visitor's connection as a target gets it. What the visitor sent stays as
// it is: behind the NLB's own PROXY protocol header, if it writes one.
func (n NLB) Pass(c Connection) Connection {
	return n.pass(c, ProxyHeader{Client: c.Peer}, n.PreserveClientIP)
}

// PassPrivateLink returns a connection of a consumer of PrivateLink. Its source is always
// the NLB.
func (n NLB) PassPrivateLink(c Connection, endpoint string) Connection {
	return n.pass(c, ProxyHeader{Client: c.Peer, Endpoint: endpoint}, false)
}

// PassHealthCheck returns a connection of the NLB's own health check.
func (n NLB) PassHealthCheck(c Connection) Connection {
	return n.pass(c, ProxyHeader{}, false)
}

func (n NLB) pass(c Connection, h ProxyHeader, keep bool) Connection {
	target := c.To.Addr()
	// Between the families the source is always the NLB.
	if !keep || c.Peer.Is4() != target.Is4() {
		c.Peer = n.node(target)
	}
	if n.ProxyProtocolV2 {
		c.Bytes = append(h.AppendV2(nil, target), c.Bytes...)
	}
	return c
}

// node returns the address that reaches a target.
func (n NLB) node(target netip.Addr) netip.Addr {
	for _, a := range n.Addresses {
		if a.Is4() == target.Is4() {
			return a
		}
	}
	if len(n.Addresses) > 0 {
		return n.Addresses[0]
	}
	return netip.Addr{}
}
