package hop

import (
	"net/netip"
	"strings"
	"testing"

	"clearhop/nginxconf"
)

var (
	node    = netip.MustParseAddr("10.16.1.11")
	edge    = netip.MustParseAddr("10.16.1.13")
	visitor = netip.MustParseAddr("198.51.100.7")
	to      = netip.AddrPortFrom(edge, 80)
)

func parse(t *testing.T, text string) *nginxconf.Config {
	t.Helper()
	conf, err := nginxconf.Parse(&nginxconf.File{Name: "n", Text: []byte(text)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return conf
}

func get(headers ...string) []byte {
	return []byte("GET /a HTTP/1.1\r\nHost: x\r\n" + strings.Join(headers, "") + "\r\n")
}

// The table of AWS: which source a target sees.
func TestNLB(t *testing.T) {
	node6, edge6 := netip.MustParseAddr("2001:db8::11"), netip.MustParseAddr("2001:db8::13")
	visitor6 := netip.MustParseAddr("2001:db8:1::7")
	for _, c := range []struct {
		keep          bool
		from, to, see netip.Addr
	}{
		{true, visitor, edge, visitor}, {true, visitor6, edge, node}, {true, visitor, edge6, node6}, {true, visitor6, edge6, visitor6},
		{false, visitor, edge, node}, {false, visitor6, edge6, node6},
	} {
		n := NLB{Addresses: []netip.Addr{node, node6}, PreserveClientIP: c.keep}
		arriving := Connection{Peer: c.from, To: netip.AddrPortFrom(c.to, 80)}
		if got := n.Pass(arriving).Peer; got != c.see {
			t.Errorf("keep %v, %v to %v: %v, want %v", c.keep, c.from, c.to, got, c.see)
		}
		if got := n.PassPrivateLink(arriving, "vpce-1").Peer; got == c.from {
			t.Errorf("PrivateLink to %v shows the consumer", c.to)
		}
	}
	n := NLB{Addresses: []netip.Addr{node}, ProxyProtocolV2: true}
	for _, c := range []struct {
		got  Connection
		want ProxyHeader
	}{
		{n.Pass(Connection{Peer: visitor, To: to, Bytes: get()}), ProxyHeader{Client: visitor}},
		{n.PassPrivateLink(Connection{Peer: visitor, To: to, Bytes: get()}, "vpce-1"), ProxyHeader{Client: visitor, Endpoint: "vpce-1"}},
		{n.PassHealthCheck(Connection{To: to, Bytes: get()}), ProxyHeader{}},
	} {
		h, rest, ok := cutProxyHeader(c.got.Bytes)
		if h != c.want || !ok || string(rest) != string(get()) {
			t.Errorf("header %+v, %v, rest %q; want %+v", h, ok, rest, c.want)
		}
	}
}

// Values that a map makes are named, and so is what rests on them at the next hop.
func TestUnknown(t *testing.T) {
	first := NewNginx(parse(t, `http { map $remote_addr $client { default x; } server { listen 80; location / {
		proxy_set_header X-Forwarded-For $client; proxy_pass http://10.16.1.14; } } }`), Options{Address4: edge})
	a := first.Take(Connection{Peer: visitor, To: to, Bytes: get()})
	if len(a.Exchanges) != 1 || len(a.Exchanges[0].Unknowns) != 1 {
		t.Fatalf("%+v", a)
	}
	second := NewNginx(parse(t, `http { server { listen 80; set_real_ip_from 10.16.1.13; real_ip_header X-Forwarded-For; } }`), Options{})
	x := second.Take(*a.Exchanges[0].Next).Exchanges[0]
	if v := x.Variable("remote_addr"); !strings.Contains(v.Unknown, "map at n:1") {
		t.Errorf("remote_addr is %+v", v)
	}
}

// A server of stream passes the PROXY protocol on, or the bytes as they are.
func TestStream(t *testing.T) {
	for text, want := range map[string]string{
		"listen 80 proxy_protocol; proxy_protocol on;":                              "PROXY TCP4 10.16.1.11 127.0.0.1 40001 80\r\n",
		"listen 80 proxy_protocol; set_real_ip_from 10.16.1.11; proxy_protocol on;": "PROXY TCP4 198.51.100.7 127.0.0.1 40001 80\r\n",
		"listen 80 proxy_protocol;":                                                 "GET",
		"listen 80;":                                                                "\r\n\r\n\x00\r\nQUIT\n",
	} {
		n := NewNginx(parse(t, "stream { server { "+text+" proxy_pass 127.0.0.1:8080; } }"), Options{Address4: edge})
		a := n.Take(NLB{Addresses: []netip.Addr{node}, ProxyProtocolV2: true}.Pass(Connection{Peer: visitor, To: to, Bytes: get()}))
		if a.Passed == nil {
			t.Fatalf("%s: nothing is passed on", text)
		}
		if got := string(a.Passed.Bytes); !strings.HasPrefix(got, want) {
			t.Errorf("%s: passes on %q, want %q", text, got, want)
		}
	}
}
