package clientip_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
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
	status, body, err := c.response()
	if err != nil {
		return "", "", err
	}
	if status != "200 OK" {
		return "", "", fmt.Errorf("status %s", status)
	}
	remoteAddr, logged, _ = strings.Cut(body, "|")
	return remoteAddr, logged, nil
}

// response reads an answer of nginx. net/http could do it, but a fuzzer builds all that
// the tests of its package import, and net/http is a third of that.
func (c *client) response() (status, body string, err error) {
	in := textproto.NewReader(c.in)
	line, err := in.ReadLine()
	if err != nil {
		return "", "", err
	}
	_, status, _ = strings.Cut(line, " ")
	header, err := in.ReadMIMEHeader()
	if err != nil {
		return "", "", err
	}
	size, _ := strconv.Atoi(header.Get("Content-Length")) // a 204 has none
	content := make([]byte, size)
	_, err = io.ReadFull(c.in, content)
	return status, string(content), err
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
	g := generator{rand.New(rand.NewPCG(*oracleSeed, 0))}

	conns := map[string][2]*client{}
	for _, p := range o.peers {
		conns[p.name] = [2]*client{dial(t, p, 0), dial(t, p, 1)}
	}
	asked, replaced, seen := map[string]int{}, 0, tally{}
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
			seen.addKinds(logged, recursive, canonical(got) == want)
			if canonical(got) != want {
				t.Errorf("peer %s, recursive %d, %q: nginx says %s, Walk %s", p.name, recursive, header, got, want)
			}
		}
	}
	t.Logf("seed %d: %d headers of one line, with real_ip_recursive off and on: %d agree, %d deviate; by peer %v; nginx replaced %d\n%v",
		*oracleSeed, count, seen.agree(), seen.deviate(), asked, replaced, seen)
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

// Where the log does not hold what nginx saw of several header lines: it joins
// them by ", ", and a line that ends nginx's walk then is no token at all.
const (
	emptyLine      = "empty line"
	separatorFirst = "separator first"
)

// lostLine finds the last line that the log cannot show, and why; 0 and "" if
// there is none. Nothing is before the first line, which so reads the same
// joined and alone.
func lostLine(lines []string) (int, string) {
	for i := len(lines) - 1; i > 0; i-- {
		switch {
		case lines[i] == "":
			return i, emptyLine
		case lines[i][0] == ',':
			return i, separatorFirst
		}
	}
	return 0, ""
}

// TestSeveralLinesLikeRealNginx sends several header lines in one request.
// Walk, which gets them joined, deviates where lostLine finds a line and nowhere
// else; and nginx says what Walk makes of the lines from that one on.
func TestSeveralLinesLikeRealNginx(t *testing.T) {
	o := startNginx(t)
	r := resolver(t, clientip.Config{Trusted: set(realIPFrom...)})
	count := 10_000
	if testing.Short() {
		count = 1_000
	}
	g := generator{rand.New(rand.NewPCG(*oracleSeed, 1))}
	clients := [2]*client{dial(t, o.peers[0], 0), dial(t, o.peers[0], 1)}
	seen := tally{}
	for range count {
		lines := g.lines()
		for i, line := range lines {
			lines[i] = strings.Trim(line, " ") // as nginx does
		}
		for recursive, c := range clients {
			got, logged, err := c.ask(lines...)
			if err != nil {
				t.Fatalf("recursive %d, %q: %v", recursive, lines, err)
			}
			if want := strings.Join(lines, ", "); logged != want {
				t.Fatalf("nginx logs %q for %q", logged, want)
			}
			walk := func(header string) string {
				return r.Walk(o.peers[0].addr, []byte(header), recursive == 1).String()
			}
			agrees := canonical(got) == walk(logged)
			seen.add(all, recursive, agrees)
			raw := make([][]byte, len(lines))
			for i, line := range lines {
				raw[i] = []byte(line)
			}
			if addr, _ := r.WalkLines(o.peers[0].addr, raw, recursive == 1); canonical(got) != addr.String() {
				t.Errorf("recursive %d, %q: nginx says %s, WalkLines %v", recursive, lines, got, addr)
			}
			lost, why := lostLine(lines)
			if why == "" {
				why = "nothing is lost"
			}
			seen.add(why, recursive, agrees)
			if want := walk(strings.Join(lines[lost:], ", ")); canonical(got) != want {
				t.Errorf("recursive %d, %q: nginx says %s, Walk %s of the lines from %d on (%s)", recursive, lines, got, want, lost, why)
			}
		}
	}
	t.Logf("seed %d: %d headers of 2 to 4 lines, with real_ip_recursive off and on: %d agree, %d (%.1f%%) deviate, each by a line that the log does not show\n%v",
		*oracleSeed, count, seen.agree(), seen.deviate(), 100*float64(seen.deviate())/float64(2*count), seen)
	for _, why := range []string{emptyLine, separatorFirst} {
		if n := seen[why]; n == nil || n[0].deviate == 0 || n[1].deviate == 0 {
			t.Errorf("%s: nothing deviates, the headers test nothing", why)
		}
	}
}

// TestSeveralHeaderLinesRealNginx pins an example of each.
func TestSeveralHeaderLinesRealNginx(t *testing.T) {
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
