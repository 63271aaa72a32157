package clientip_test

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clearhop/enrich/clientip"
	"clearhop/internal/nginxtest"
	"clearhop/parser"
	"clearhop/record"
)

// resolveFormat is what every server block of TestResolveLikeRealNginx logs.
const resolveFormat = `log_format chain '$remote_addr $realip_remote_addr $proxy_protocol_addr ` +
	`"$http_x_forwarded_for" "$http_x_real_ip" "$request" $status "$http_user_agent"';`

// The sets of proxies of the blocks below: what stands in front of the
// NLB may be a CDN, or not.
var (
	nlbNodes  = []string{"127.0.0.1", "127.0.0.20", "::1"}
	edgeTasks = []string{"10.0.0.0/8", "unix:"}
	cdnEdges  = []string{"192.0.2.0/24", "2001:db8:aa::/48"}
)

// strangerPeer is a peer that is in no set of proxies.
const strangerPeer = "127.0.0.99"

// A block is a server block of nginx that reads one source, or fails to.
type block struct {
	name   string
	listen string // a parameter of the listen directive
	realip string // the directives of the realip module
	// twin is the block that reads the same source as it should: what
	// Resolve says of either must be the same client. The block is its own
	// where it is right.
	twin string
	// sets are what Clearhop is given.
	sets clientip.Config
	cdn  bool // a CDN may stand in front of the NLB
}

func trusting(directives string, from ...[]string) string {
	for _, addr := range slices.Concat(from...) {
		directives += fmt.Sprintf(" set_real_ip_from %s;", addr)
	}
	return directives
}

func blocks() []block {
	// Every peer of the test's nginx has a loopback address, and Clearhop takes
	// one that no set holds for a proxy's. The stranger is a client all the same.
	stranger := set(strangerPeer)
	edge := clientip.Config{NLB: set(nlbNodes...), Trusted: set(edgeTasks...), Internal: stranger}
	cdn := clientip.Config{NLB: set(nlbNodes...), Trusted: set(append(slices.Clone(edgeTasks), cdnEdges...)...), Internal: stranger}
	web := clientip.Config{Trusted: set(realIPFrom...), Internal: stranger}
	return []block{
		{"xff", "", trusting("real_ip_header X-Forwarded-For; real_ip_recursive on;", realIPFrom), "xff", web, false},
		{"xff recursive off", "", trusting("real_ip_header X-Forwarded-For;", realIPFrom), "xff", web, false},
		{"xff no realip", "", "", "xff", web, false},
		{"xff not read", "", trusting("real_ip_header X-Other; real_ip_recursive on;", realIPFrom), "xff", web, false},
		{"xff peer not trusted", "", trusting("real_ip_header X-Forwarded-For;", []string{"172.16.0.0/12"}), "xff", web, false},
		{"xri", "", trusting("real_ip_header X-Real-IP; real_ip_recursive on;", realIPFrom), "xri", web, false},
		{"xri recursive off", "", trusting("real_ip_header X-Real-IP;", realIPFrom), "xri", web, false},
		{"xri no realip", "", "", "xri", web, false},
		{"pp", "proxy_protocol", trusting("real_ip_header proxy_protocol;", nlbNodes, edgeTasks), "pp", edge, false},
		{"pp no realip", "proxy_protocol", "", "pp", edge, false},
		{"pp peer not trusted", "proxy_protocol", trusting("real_ip_header proxy_protocol;", []string{"172.16.0.0/12"}), "pp", edge, false},
		{"pp cdn", "proxy_protocol", trusting("real_ip_header proxy_protocol; real_ip_recursive on;", nlbNodes, edgeTasks, cdnEdges), "pp cdn", cdn, true},
		{"pp cdn no realip", "proxy_protocol", "", "pp cdn", cdn, true},
	}
}

// source says what a block, or its twin, takes the client from.
func (b block) source() string { return strings.Fields(b.name)[0] }

// A request is what all blocks of a source are asked.
type request struct {
	source string
	local  string // the peer's address
	proxy  string // a PROXY protocol header of version 1; "" where none is sent
	header string // X-Forwarded-For or X-Real-IP
}

// TestResolveLikeRealNginx asks server blocks of a real nginx that read
// X-Forwarded-For, X-Real-IP or the PROXY protocol, right and wrong ones, and
// holds Resolve to the lines that they log: it names the client that the right
// block put in $remote_addr, also from the line of a block that did not.
func TestResolveLikeRealNginx(t *testing.T) {
	dir := t.TempDir()
	all := blocks()
	logOf := func(i int) string { return filepath.Join(dir, fmt.Sprint(i, ".log")) }
	ports := nginxtest.Start(t, dir, len(all), func(ports []int) string {
		var servers strings.Builder
		for i, b := range all {
			fmt.Fprintf(&servers, "\tserver { listen 127.0.0.1:%d %s; access_log %s chain; %s location / { return 204; } }\n", ports[i], b.listen, logOf(i), b.realip)
		}
		return fmt.Sprintf(`events { worker_connections 64; }
http {
	%[1]s
	keepalive_requests 1000000; large_client_header_buffers 4 64k;
	client_body_temp_path %[2]s/t1; proxy_temp_path %[2]s/t2; fastcgi_temp_path %[2]s/t3; uwsgi_temp_path %[2]s/t4; scgi_temp_path %[2]s/t5;
%[3]s}
`, resolveFormat, dir, servers.String())
	})

	count := 6_000
	if testing.Short() {
		count = 600
	}
	g := generator{rand.New(rand.NewPCG(*oracleSeed, 2))}
	asked := map[string][]request{}
	for range count {
		r := g.request()
		asked[r.source] = append(asked[r.source], r)
	}
	for i, b := range all {
		askAll(t, ports[i], asked[b.source()])
	}

	format, err := parser.Compile(resolveFormat)
	if err != nil {
		t.Fatal(err)
	}
	truth := map[string][]known{}
	var report strings.Builder
	records, agree, lists := 0, 0, 0
	for i, b := range all {
		lines := awaitLines(t, logOf(i), len(asked[b.source()]))
		res := resolver(t, b.sets)
		n := struct{ agree, noClient int }{}
		if b.twin == b.name {
			truth[b.name] = make([]known, len(lines))
		}
		for j, line := range lines {
			a, remote := resolveLine(t, res, format, line)
			if b.twin == b.name {
				truth[b.name][j] = clientOf(b, res, asked[b.source()][j], remote)
			}
			want, vouched := truth[b.twin][j].client, truth[b.twin][j].vouched
			if b.source() == "xri" && b.name != b.twin {
				walked := want
				if want = lastOnly(res, asked["xri"][j], want); want != walked {
					lists++
				}
			}
			got := a.Client
			if !want.IsValid() && a.Field != "" && !a.Vouched {
				got = netip.Addr{} // what a visitor says where nginx knows nobody
			}
			records++
			switch {
			case got != want:
				t.Errorf("%s, %+v: nginx knows %v; %s\n%s", b.name, asked[b.source()][j], want, answer(a), line)
			case got.IsValid() && a.Vouched != vouched:
				t.Errorf("%s, %+v: vouched for %t, want %t: %s\n%s", b.name, asked[b.source()][j], a.Vouched, vouched, answer(a), line)
			default:
				agree++
				n.agree++
				if !want.IsValid() {
					n.noClient++
				}
			}
		}
		fmt.Fprintf(&report, "\n%-22s %8d agree, %5d of them without a client, %d deviate", b.name, n.agree, n.noClient, len(lines)-n.agree)
		if n.agree < 2*n.noClient {
			t.Errorf("%s: most have no client: the headers test little", b.name)
		}
	}
	t.Logf("seed %d: %d requests, %d lines that nginx logged: Resolve names the client of the right block in %d, deviates in %d; in %d a list in X-Real-IP ends with a proxy, and nobody is named%s",
		*oracleSeed, count, records, agree-lists, records-agree, lists, report.String())
}

// known is what a right block knows: a client, if it is valid, and whether it
// is more than a visitor's word.
type known struct {
	client  netip.Addr
	vouched bool
}

// clientOf returns the client that a right block knows: what nginx put in
// $remote_addr unless it is a proxy. Where the address of a proxy before the NLB
// came by the PROXY protocol nginx reads no further; then it is what nginx's walk
// makes of it. Only a CDN vouches for that, since a consumer of PrivateLink can
// have any private address. An NLB node writes no header to walk over, unless a
// CDN may stand in front of it.
func clientOf(b block, r *clientip.Resolver, q request, remote netip.Addr) known {
	k := known{remote, true}
	if b.source() == "pp" && r.IsProxy(remote) && (b.cdn || !contains(b.sets.NLB, remote)) {
		header := []byte(strings.Trim(q.header, " "))
		k.client = r.Walk(remote, header, true)
		named := !strings.HasPrefix(q.proxy, "PROXY UNKNOWN")
		k.vouched = b.cdn && (!named || contains(set(cdnEdges...), remote))
	}
	if r.IsProxy(k.client) {
		return known{}
	}
	return k
}

// lastOnly returns want unless q's X-Real-IP is a list that ends with a proxy:
// nginx walks on with real_ip_recursive on, and Resolve does not, since
// X-Real-IP is one address.
func lastOnly(r *clientip.Resolver, q request, want netip.Addr) netip.Addr {
	all := tokens([]byte(q.header))
	if len(all) < 2 || !slices.Contains([]string{"127.0.0.1", "127.0.0.20"}, q.local) {
		return want
	}
	if addr, ok := clientip.ParseAddrPort(all[len(all)-1]); ok && r.IsProxy(addr) {
		return netip.Addr{}
	}
	return want
}

// request makes one of a random source.
func (g generator) request() request {
	r := request{
		source: g.pick("xff", "xri", "pp"),
		local:  g.pick("127.0.0.1", "127.0.0.1", "127.0.0.20", strangerPeer), // two of the sets, and a stranger
		header: g.header(),
	}
	switch {
	case r.source == "xri" && g.IntN(4) > 0:
		r.header = g.pick("", "6.6.6.6, ") + g.pick("203.0.113.7", "2001:db8:bb::7", "198.51.100.4:80", "::ffff:8.8.8.8", "[2001:db8:bb::8]:443")
	case g.IntN(3) > 0:
		r.header = g.pick("", "6.6.6.6, ", "junk,") + g.pick("203.0.113.7", "2001:db8:bb::7", "198.51.100.4:80", "::ffff:8.8.8.8") + g.pick("", ", 10.0.0.1", ", 192.0.2.9,10.0.0.9")
	}
	if r.source == "pp" {
		v4 := g.pick("203.0.113.7", "198.51.100.4", "8.8.8.8", "10.1.2.3", "192.0.2.5", "172.20.1.1", "127.0.0.1")
		v6 := g.pick("2001:db8:bb::7", "64:ff9b::1", "2001:db8:aa::5", "::ffff:9.9.9.9", "fd00::7")
		r.proxy = g.pick("PROXY TCP4 "+v4+" 10.0.0.1 4711 80\r\n", "PROXY TCP4 "+v4+" 10.0.0.1 4711 80\r\n", "PROXY TCP6 "+v6+" 2001:db8::1 4711 80\r\n", "PROXY UNKNOWN\r\n")
	}
	return r
}

// askAll sends the requests one after the other, over one connection per peer
// but for those with a PROXY protocol header.
func askAll(t *testing.T, port int, requests []request) {
	t.Helper()
	conns := map[string]*client{}
	for _, q := range requests {
		c := conns[q.local]
		if c == nil {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(q.local)}, Timeout: 5 * time.Second}
			conn, err := d.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
			if err != nil {
				if os.Getenv("CI") == "true" {
					t.Fatal(err)
				}
				t.Skipf("not every system has all of 127.0.0.0/8: %v", err)
			}
			c = &client{conn, bufio.NewReader(conn)}
			defer conn.Close()
			conns[q.local] = c
		}
		name := "X-Forwarded-For"
		if q.source == "xri" {
			name = "X-Real-IP"
		}
		if err := c.conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(c.conn, "%sGET / HTTP/1.1\r\nHost: x\r\n%s: %s\r\n\r\n", q.proxy, name, q.header); err != nil {
			t.Fatal(err)
		}
		status, _, err := c.response()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(status, "204") {
			t.Fatalf("%+v: status %s", q, status)
		}
		if q.proxy != "" {
			_ = c.conn.Close()
			delete(conns, q.local)
		}
	}
}

// awaitLines returns the lines of a log once there are n: nginx writes each
// after its response.
func awaitLines(t *testing.T, path string, n int) [][]byte {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
		if len(lines) == n && bytes.HasSuffix(text, []byte("\n")) {
			return lines
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has %d lines, want %d", path, len(lines), n)
		}
	}
}

// resolveLine resolves a line and returns its $remote_addr too.
func resolveLine(t *testing.T, r *clientip.Resolver, format *parser.Format, line []byte) (*clientip.Answer, netip.Addr) {
	t.Helper()
	var rec record.Record
	if err := format.Parse(line, &rec); err != nil {
		t.Fatalf("%v\n%s", err, line)
	}
	v := func(text []byte) clientip.Value { return clientip.Value{Text: text, Logged: true} }
	access := &rec.Access
	a := new(clientip.Answer)
	r.Resolve(&clientip.Evidence{
		RemoteAddr: v(access.RemoteAddr), RealipRemoteAddr: v(access.RealipRemoteAddr), ProxyProtocolAddr: v(access.ProxyProtocolAddr),
		XForwardedFor: v(access.XForwardedFor), XRealIP: v(access.XRealIP), UserAgent: v(access.UserAgent),
		BadRequest: access.BadRequest, Path: access.RequestTarget, Status: int(access.Status.N),
	}, a)
	remote, err := netip.ParseAddr(string(access.RemoteAddr))
	if err != nil {
		t.Fatalf("%v\n%s", err, line)
	}
	return a, remote.Unmap()
}
