package chain_test

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/pires/go-proxyproto"
)

// A connection is what somebody sends over one TCP connection.
type connection struct {
	from netip.Addr
	// to is whom it connects to; the NLB by default.
	to netip.AddrPort
	// header is a PROXY protocol header that is sent first, by hand.
	header *proxyproto.Header
	// send is sent piece by piece, and after each a response is awaited.
	send []string
	// wait is how long to wait for a response that may not come.
	wait time.Duration
}

// Every request names its true sender in its target, so that each record can be
// compared with the truth.
const truth = "from="

// Who sent a request, for the test that judges it.
const (
	plainAgent  = "plain/1.0"  // an innocent visitor
	forgerAgent = "forger/1.0" // a visitor who sends forwarded headers of his own
)

// request makes an HTTP request; header lines come without line ends.
func request(from netip.Addr, agent, connection string, headers ...string) string {
	lines := append([]string{
		fmt.Sprintf("GET /hello?%s%s HTTP/1.1", truth, from),
		"Host: shop.example.com",
		"User-Agent: " + agent,
		"Connection: " + connection,
	}, headers...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// plain is a visitor's request, and the same from a neighbour's address.
func plain() []connection {
	return []connection{visit(visitor4), visit(neighbour4)}
}

func visit(from netip.Addr) connection {
	return connection{from: from, send: []string{request(from, plainAgent, "close")}}
}

// forged are requests with forwarded headers that the visitor invented: other
// addresses, addresses of the chain, junk, and several lines.
func forged(from netip.Addr) []connection {
	var all []connection
	for _, headers := range [][]string{
		{"X-Forwarded-For: 1.1.1.1"},
		{"X-Forwarded-For: 8.8.8.8, 9.9.9.9", "X-Real-IP: 9.9.9.9"},
		{"X-Real-IP: 1.0.0.1"},
		{fmt.Sprintf("X-Forwarded-For: 1.1.1.1, %s", edge4)},
		{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 10.0.0.9"},
		{"X-Forwarded-For: unknown, localhost"},
		{fmt.Sprintf("X-Forwarded-For: 1.1.1.1, %s", from)},
	} {
		all = append(all, connection{from: from, send: []string{request(from, forgerAgent, "close", headers...)}})
	}
	return all
}

// keptAlive are several requests over one connection.
func keptAlive(from netip.Addr) connection {
	return connection{from: from, send: []string{
		request(from, plainAgent, "keep-alive"),
		request(from, forgerAgent, "keep-alive", "X-Forwarded-For: 1.1.1.1"),
		request(from, plainAgent, "close"),
	}}
}

// direct sends past the NLB.
func direct(c connection, to netip.Addr, port uint16) connection {
	c.to = netip.AddrPortFrom(to, port)
	return c
}

// refused are requests that nginx refuses before its realip module runs. The last
// one ends by client_header_timeout.
func refused(from netip.Addr) []connection {
	target := fmt.Sprintf("/hello?%s%s", truth, from)
	long := strings.Repeat("x", 40<<10)
	var all []connection
	for _, text := range []string{
		"GET " + target + " HTTP/1.1\r\nUser-Agent: " + plainAgent + "\r\n\r\n",                                        // no Host
		"GET " + target + " \x01\r\n\r\n",                                                                              // no protocol
		"GET " + target + " HTTP/3.7\r\nHost: x\r\n\r\n",                                                               // 505
		"GET " + target + "&" + long + " HTTP/1.1\r\nHost: x\r\n\r\n",                                                  // 414
		"GET " + target + " HTTP/1.1\r\nHost: x\r\nUser-Agent: " + plainAgent + "\r\nX-Long: " + long + "\r\n\r\n",     // 494
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",                                                                 // TLS
		"SSH-2.0-OpenSSH_9.2\r\n",                                                                                      // another protocol
		"GET " + target + " HTTP/1.1\r\nHost: a b\r\nUser-Agent: " + plainAgent + "\r\n\r\n",                           // a bad Host
		"GET " + target + " HTTP/1.1\r\nHost: x\r\nHost: y\r\nUser-Agent: " + plainAgent + "\r\n\r\n",                  // two of them
		"POST " + target + " HTTP/1.1\r\nHost: x\r\nUser-Agent: " + plainAgent + "\r\nContent-Length: many\r\n\r\nabc", // no number
		"TRACE " + target + " HTTP/1.1\r\nHost: x\r\nUser-Agent: " + plainAgent + "\r\n\r\n",                           // 405
		"CONNECT " + target + " HTTP/1.1\r\nHost: x\r\nUser-Agent: " + plainAgent + "\r\n\r\n",                         // 405
		"GET " + target + " HTTP/1.1\r\nHost: x\r\nUser-Agent: " + plainAgent + "\r\nTransfer-Encoding: gzip\r\n\r\n",  // 501
		"GET " + target + " HTTP/1.1\r\nHost: x\r\nUser-Agent: ",                                                       // 408
	} {
		all = append(all, connection{from: from, send: []string{text}, wait: 3 * time.Second})
	}
	return all
}

// scanners send what scanners send to everybody. Some of it looks like a PROXY
// protocol header.
func scanners(from netip.Addr) []connection {
	var all []connection
	for _, text := range []string{
		"\x00\r\n\r\n",
		"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
		"\r\n\r\n\x00\r\nQUIT\n",
		"\x16\x03\x01\x00\x01",
		"GET /.env HTTP/1.1\r\nHost: 203.0.113.80\r\nUser-Agent: scanner/1.0\r\nConnection: close\r\n\r\n",
	} {
		all = append(all, connection{from: from, send: []string{text}, wait: 300 * time.Millisecond})
	}
	return all
}

// byHand is a connection of an NLB node with a header that the test makes.
func byHand(header *proxyproto.Header, text string) connection {
	return connection{from: nlb4, to: netip.AddrPortFrom(edge4, 80), header: header, send: []string{text}, wait: 300 * time.Millisecond}
}

// local is the header of the NLB's own probes, which names no client.
func local() *proxyproto.Header {
	return &proxyproto.Header{Version: 2, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}
}

// probe is an HTTP health check of the NLB.
func probe(header *proxyproto.Header, port uint16, path string) connection {
	c := byHand(header, "GET "+path+" HTTP/1.1\r\nHost: "+nlb4.String()+":80\r\nUser-Agent: ELB-HealthChecker/2.0\r\nConnection: close\r\nAccept-Encoding: gzip, compressed\r\n\r\n")
	c.to = netip.AddrPortFrom(edge4, port)
	return c
}

// tcpProbe is a TCP health check: it connects and closes.
func tcpProbe(header *proxyproto.Header) connection {
	return connection{from: nlb4, to: netip.AddrPortFrom(edge4, 80), header: header}
}

// endpoint is the id of a VPC endpoint, as AWS writes them.
const endpoint = "vpce-08d2bf15fac5001c9"

// privateLink is the header of an NLB behind an endpoint service: the consumer's
// address, of his own VPC, and the id of his endpoint.
func privateLink(consumer netip.Addr) *proxyproto.Header {
	h := &proxyproto.Header{
		Version: 2, Command: proxyproto.PROXY, TransportProtocol: proxyproto.TCPv4,
		SourceAddr: tcpAddr(consumer, 40001), DestinationAddr: tcpAddr(nlb4, 80),
	}
	const typeAWS, subtypeEndpoint = 0xEA, 0x01
	err := h.SetTLVs([]proxyproto.TLV{{Type: typeAWS, Value: append([]byte{subtypeEndpoint}, endpoint...)}})
	if err != nil {
		panic(err)
	}
	return h
}

// proxied is a header in a version of the PROXY protocol.
func proxied(version byte, client netip.Addr) *proxyproto.Header {
	return &proxyproto.Header{
		Version: version, Command: proxyproto.PROXY, TransportProtocol: proxyproto.TCPv4,
		SourceAddr: tcpAddr(client, 40001), DestinationAddr: tcpAddr(nlbPublic4, 80),
	}
}
