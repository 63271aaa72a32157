// Package hop predicts what one hop of the chain does with a connection, without I/O.
//
// In goes a connection, as it arrives at a hop: the peer's address, a PROXY protocol
// header if one is sent, and the bytes after it. Out comes what the hop logs for each
// request, and the connections that it makes to the next hop:
//
//	target := hop.NLB{Addresses: nodes, ProxyProtocolV2: true}
//	arriving := target.Pass(hop.Connection{Peer: visitor, Bytes: request})
//	edge := hop.NewNginx(conf, hop.Options{})
//	for _, x := range edge.Take(arriving).Exchanges {
//		fmt.Println(x.Variable("remote_addr"), x.Status)
//	}
//
// A Network Load Balancer is a hop as well: see [NLB]. nginx is one for http and for
// stream: see [Nginx]. What nginx does is that of its sources, versions 1.22 to 1.29, and
// the tests of package chain hold it to what real nginx logged.
//
// What the configuration does not say is a named unknown of the answer, and each value
// that rests on it says so: see [Value].
//
// All types are plain values. An Nginx is safe for concurrent use.
package hop
