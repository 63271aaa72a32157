package clientip_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clearhop/enrich/clientip"
	"clearhop/internal/nginxtest"
)

// The sets that both nginx and the Resolver are given.
var realIPFrom = []string{
	"127.0.0.1", "127.0.0.16/28", "10.0.0.0/8", "192.0.2.0/24", "::1", "2001:db8:aa::/48", "unix:",
}

// An oracle is a running nginx with one server block for real_ip_recursive off
// and one for on.
type oracle struct {
	dir   string
	port  [2]int // by recursive: off, on
	ipv6  bool
	peers []peer
}

// A peer is a way to reach the oracle.
type peer struct {
	name string
	addr netip.Addr // as the Resolver knows it; zero for a Unix-domain socket
	dial func(recursive int) (net.Conn, error)
}

// startNginx starts nginx for the length of the test. Where there is none the
// test is skipped, but not in CI.
func startNginx(t *testing.T) *oracle {
	t.Helper()
	dir, err := os.MkdirTemp("", "clearhop") // t.TempDir is too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	o := &oracle{dir: dir}
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil {
		l.Close()
		o.ipv6 = true
	}
	copy(o.port[:], nginxtest.Start(t, dir, len(o.port), o.config))

	tcp := func(local, remote string) func(int) (net.Conn, error) {
		return func(recursive int) (net.Conn, error) {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(local)}}
			return d.Dial("tcp", net.JoinHostPort(remote, fmt.Sprint(o.port[recursive])))
		}
	}
	o.peers = []peer{
		{"127.0.0.1", netip.MustParseAddr("127.0.0.1"), tcp("127.0.0.1", "127.0.0.1")},
		{"unix:", netip.Addr{}, func(recursive int) (net.Conn, error) { return net.Dial("unix", o.socket(recursive)) }},
	}
	for _, local := range []string{"127.0.0.20", "127.0.0.99"} { // trusted by its network, and not trusted
		if l, err := net.Listen("tcp", local+":0"); err == nil { // not every system has all of 127.0.0.0/8
			l.Close()
			o.peers = append(o.peers, peer{local, netip.MustParseAddr(local), tcp(local, "127.0.0.1")})
		}
	}
	if o.ipv6 {
		o.peers = append(o.peers, peer{"::1", netip.MustParseAddr("::1"), tcp("::1", "::1")})
	}
	return o
}

// config makes nginx's configuration: a server for each mode, which answers
// with the address that its realip module made of the peer's.
func (o *oracle) config(ports []int) string {
	var servers strings.Builder
	for i, recursive := range []string{"off", "on"} {
		fmt.Fprintf(&servers, "\tserver {\n\t\tlisten 127.0.0.1:%d; listen unix:%s;\n", ports[i], o.socket(i))
		if o.ipv6 {
			fmt.Fprintf(&servers, "\t\tlisten [::1]:%d;\n", ports[i])
		}
		fmt.Fprintf(&servers, "\t\treal_ip_recursive %s;\n", recursive)
		servers.WriteString("\t\tlocation / { return 200 \"$remote_addr|$http_x_forwarded_for\"; }\n\t}\n")
	}
	var from strings.Builder
	for _, a := range realIPFrom {
		fmt.Fprintf(&from, "set_real_ip_from %s; ", a)
	}
	// "return" answers after the realip module has run.
	return fmt.Sprintf(`events { worker_connections 64; }
http {
	access_log off; keepalive_requests 1000000; large_client_header_buffers 4 64k;
	client_body_temp_path %[1]s/t1; proxy_temp_path %[1]s/t2; fastcgi_temp_path %[1]s/t3; uwsgi_temp_path %[1]s/t4; scgi_temp_path %[1]s/t5;
	real_ip_header X-Forwarded-For; %[2]s
%[3]s}
`, o.dir, from.String(), servers.String())
}

func (o *oracle) socket(recursive int) string {
	return filepath.Join(o.dir, fmt.Sprint("s", recursive))
}

// A client asks nginx over one connection.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(t *testing.T, p peer, recursive int) *client {
	t.Helper()
	conn, err := p.dial(recursive)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{conn, bufio.NewReader(conn)}
}

// ask sends header lines and returns nginx's $remote_addr and the header as it
// logs it.
func (c *client) ask(lines ...string) (remoteAddr, logged string, err error) {
	request := "GET / HTTP/1.1\r\nHost: x\r\n"
	for _, line := range lines {
		request += "X-Forwarded-For: " + line + "\r\n"
	}
	if err := c.conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", "", err
	}
	if _, err := io.WriteString(c.conn, request+"\r\n"); err != nil {
		return "", "", err
	}
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return "", "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", "", err
	}
	if response.StatusCode != 200 {
		return "", "", fmt.Errorf("status %s", response.Status)
	}
	remoteAddr, logged, _ = strings.Cut(string(body), "|")
	return remoteAddr, logged, nil
}

// TestWalkLikeRealNginx sends generated headers to a real nginx, and holds Walk
// to its $remote_addr.
func TestWalkLikeRealNginx(t *testing.T) {
	o := startNginx(t)
	r := resolver(t, clientip.Config{Trusted: set(realIPFrom...)})
	count := 30_000
	if testing.Short() {
		count = 1_000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("%d values by seed %d, each with real_ip_recursive off and on", count, seed)
	g := generator{rand.New(rand.NewPCG(seed, 0))}

	conns := map[string][2]*client{}
	for _, p := range o.peers {
		conns[p.name] = [2]*client{dial(t, p, 0), dial(t, p, 1)}
	}
	asked, replaced := map[string]int{}, 0
	for range count {
		header := g.header()
		p := o.peers[0]
		if g.IntN(3) == 0 {
			p = o.peers[g.IntN(len(o.peers))]
		}
		for recursive, c := range conns[p.name] {
			got, logged, err := c.ask(header)
			if err != nil {
				t.Fatalf("peer %s, recursive %d, %q: %v", p.name, recursive, header, err)
			}
			asked[p.name]++
			if got != p.name {
				replaced++
			}
			// nginx strips spaces around a value, and logs it so.
			if want := strings.Trim(header, " "); logged != want {
				t.Fatalf("nginx logs %q for %q", logged, want)
			}
			want := "unix:"
			if addr := r.Walk(p.addr, []byte(logged), recursive == 1); addr.IsValid() {
				want = addr.String()
			}
			if canonical(got) != want {
				t.Errorf("peer %s, recursive %d, %q: nginx says %s, Walk %s", p.name, recursive, header, got, want)
			}
		}
	}
	t.Logf("asked by peer: %v; nginx replaced %d", asked, replaced)
	if replaced < count/2 {
		t.Errorf("nginx replaced the peer only %d times: the headers test nothing", replaced)
	}
}

// canonical writes what nginx printed as netip does, with mapped addresses as
// IPv4: nginx compares them so, but prints them as they came.
func canonical(text string) string {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return text
	}
	return addr.Unmap().String()
}

// TestSeveralHeaderLines pins where the log, which joins header lines by ", ",
// does not hold what nginx saw.
func TestSeveralHeaderLines(t *testing.T) {
	o := startNginx(t)
	r := resolver(t, clientip.Config{Trusted: set(realIPFrom...)})
	clients := [2]*client{dial(t, o.peers[0], 0), dial(t, o.peers[0], 1)}
	f := func(why string, nginx, walk [2]string, lines ...string) {
		t.Helper()
		for recursive, c := range clients {
			got, logged, err := c.ask(lines...)
			if err != nil {
				t.Fatal(err)
			}
			if logged != strings.Join(lines, ", ") {
				t.Errorf("%q: nginx logs %q", lines, logged)
			}
			if got != nginx[recursive] {
				t.Errorf("%q, recursive %d: nginx says %s, want %s", lines, recursive, got, nginx[recursive])
			}
			if got := r.Walk(o.peers[0].addr, []byte(logged), recursive == 1).String(); got != walk[recursive] {
				t.Errorf("%q, recursive %d: Walk says %s, want %s: %s", lines, recursive, got, walk[recursive], why)
			}
		}
	}
	same := func(off, on string, lines ...string) {
		t.Helper()
		f("", [2]string{off, on}, [2]string{off, on}, lines...)
	}
	same("10.0.0.9", "1.1.1.1", "1.1.1.1", "10.0.0.9")
	same("10.0.0.9", "10.0.0.9", "1.1.1.1", "bad", "10.0.0.9")
	same("10.0.0.9", "10.0.0.8", "10.0.0.7, bad, 10.0.0.8", "10.0.0.9")
	same("2.2.2.2", "2.2.2.2", "1.1.1.1", "2.2.2.2")

	f("nginx never takes a line's first byte for a separator, so that such a line cannot be read; joined, the byte is not the first any more",
		[2]string{"127.0.0.1", "127.0.0.1"}, [2]string{"10.0.0.9", "1.1.1.1"}, "1.1.1.1", ",10.0.0.9")
	f("an empty last line cannot be read; joined, it is nothing but a separator at the end",
		[2]string{"127.0.0.1", "127.0.0.1"}, [2]string{"1.1.1.1", "1.1.1.1"}, "1.1.1.1", "")
	f("the same between two lines, where nginx stops with what it has",
		[2]string{"10.0.0.9", "10.0.0.9"}, [2]string{"10.0.0.9", "1.1.1.1"}, "1.1.1.1", "", "10.0.0.9")
}

// A generator makes forwarded headers, few of them innocent.
type generator struct{ *rand.Rand }

func (g generator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) header() string {
	n := 1 + g.IntN(5)
	switch g.IntN(200) {
	case 0:
		n = 200 + g.IntN(600)
	case 1:
		n = 0
	}
	var b strings.Builder
	if g.IntN(12) == 0 {
		b.WriteString(g.pick(",", " ", ", ", ",,", "\t", " ,"))
	}
	for i := range n {
		if i > 0 {
			b.WriteString(g.pick(", ", ", ", ", ", ",", " ", " , ", ",,", ", ,", "  ", ",\t", "\t", ";"))
		}
		if n > 5 && i > 0 && g.IntN(4) != 0 {
			b.WriteString(g.proxy()) // long lists are walked to the end
			continue
		}
		b.WriteString(g.token())
	}
	if g.IntN(12) == 0 {
		b.WriteString(g.pick(",", " ", ", ", ",,", "\t", " , ,"))
	}
	return b.String()
}

func (g generator) token() string {
	token := g.proxy()
	switch g.IntN(10) {
	case 0, 1:
		token = g.pick("203.0.113.7", "198.51.100.4", "8.8.8.8", "2001:db8:bb::7", "64:ff9b::1")
	case 2:
		token = g.octets()
	case 3, 4:
		token = g.groups()
	case 5:
		token = g.pick("", "-", "unknown", "_hidden", "unix:", "unix:/run/x", "localhost", "255.255.255.255", "0.0.0.0", "::", ":", ":::", ".", "...", "[]", "[]:80",
			"for=1.1.1.1", "\"1.1.1.1\"", "fe80::1%eth0", "fe80::1%25eth0", "1.1.1.1/32", "\xe3\x81\x82", "\xff", "0x7f.0.0.1", "1e1.1.1.1", "2130706433")
	}
	switch g.IntN(14) {
	case 0:
		token += ":" + g.pick("80", "443", "65535", "65536", "0", "00080", "", "99999999999999999999", "8o", "-1", "+1")
	case 1, 2:
		token = "[" + token + "]" + g.pick(":80", ":443", "", ":0", ":65536", "x80", ":", "]:80", ":80 ")
	case 3:
		token = "::ffff:" + token
	case 4:
		token = strings.ToUpper(token)
	case 5:
		if token != "" {
			i := g.IntN(len(token))
			token = token[:i] + g.pick("", ":", ".", "0", "f", "g", "[", "]", "%", "::") + token[i+1:]
		}
	}
	return token
}

func (g generator) proxy() string {
	return g.pick("10.0.0.1", "10.255.0.9", "010.1.1.1", "10..0.3", "192.0.2.1", "127.0.0.1", "127.0.0.17", "::1", "2001:db8:aa::5", "::ffff:10.0.0.4", "10.1.1.1:4711", "[2001:db8:aa::6]:80")
}

// octets makes an IPv4 address, or nearly one.
func (g generator) octets() string {
	parts := make([]string, 4)
	for i := range parts {
		parts[i] = g.pick("10", "0", "1", "255", "256", "", "010", "0000", "99", "192", "a", "1 ")
		if g.IntN(2) == 0 {
			parts[i] = g.pick("10", "2", "0", "77")
		}
	}
	if g.IntN(6) == 0 {
		parts = parts[:1+g.IntN(3)]
	}
	return strings.Join(parts, ".")
}

// groups makes an IPv6 address, or nearly one.
func (g generator) groups() string {
	n := 8
	if g.IntN(3) == 0 {
		n = 1 + g.IntN(10)
	}
	parts := make([]string, n)
	for i := range parts {
		parts[i] = g.pick("0", "1", "ffff", "2001", "db8", "AbC", "00a", "f")
		if g.IntN(40) == 0 {
			parts[i] = g.pick("12345", "g", "", "-1")
		}
	}
	if g.IntN(2) == 0 { // "::" somewhere
		i := g.IntN(n)
		parts = append(parts[:i:i], append([]string{""}, parts[min(n, i+1+g.IntN(4)):]...)...)
		if i == 0 {
			parts = append([]string{""}, parts...)
		}
	}
	if g.IntN(4) == 0 {
		parts = append(parts[:max(0, len(parts)-2)], g.octets())
	}
	text := strings.Join(parts, ":")
	if g.IntN(15) == 0 {
		text = g.pick(":", "::") + text
	}
	if g.IntN(15) == 0 {
		text += g.pick(":", "::")
	}
	return text
}
