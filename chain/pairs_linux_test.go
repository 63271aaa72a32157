package chain_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"clearhop/hop"
	"clearhop/nginxconf"
)

var (
	pairCount = flag.Int("pairs", 80, "how many random pairs of configurations real nginx runs")
	pairSeed  = flag.Uint64("seed", 20261129, "the seed of the random pairs")
)

// pairsOfBatch is how many pairs one nginx of each hop runs, each on ports of its own.
const pairsOfBatch = 40

// A generator makes random configurations and visitors.
type generator struct{ *rand.Rand }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

// settings writes random settings of the realip module and of headers at one level.
func (g generator) settings(indent string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, indent+format+"\n", args...) }
	if g.IntN(2) == 0 {
		for range 1 + g.IntN(3) {
			line("set_real_ip_from %s;", pick(g, "127.0.0.1", "127.0.0.0/8", "127.0.0.8/29", "10.0.0.0/8", "0.0.0.0/0", "unix:", "::1", "2001:db8::/32", "192.0.2.0/24", "::ffff:127.0.0.0/104"))
		}
	}
	if g.IntN(2) == 0 {
		line("real_ip_header %s;", pick(g, "X-Forwarded-For", "X-Real-IP", "proxy_protocol", "x-forwarded-for", "CF-Connecting-IP"))
	}
	if g.IntN(2) == 0 {
		line("real_ip_recursive %s;", pick(g, "on", "off"))
	}
	return b.String()
}

func (g generator) setHeaders(indent string) string {
	var b strings.Builder
	if g.IntN(2) == 0 {
		return ""
	}
	for range 1 + g.IntN(3) {
		fmt.Fprintf(&b, "%sproxy_set_header %s %s;\n", indent, pick(g, "X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP", "x-real-ip"),
			pick(g, "$proxy_protocol_addr", "$remote_addr", "$proxy_add_x_forwarded_for", "$http_x_real_ip", `"$http_x_forwarded_for, $proxy_protocol_addr"`, `""`, "10.0.0.7", "${realip_remote_addr}", "$saved"))
	}
	return b.String()
}

// server writes a random server. pass is where it passes requests on; "" for the web hop.
func (g generator) server(listen, pass string) string {
	answer := func(indent string) string {
		switch {
		case pass != "":
			return indent + "proxy_pass " + pass + ";\n"
		case g.IntN(3) == 0:
			return indent + "return 204;\n"
		}
		return indent + "empty_gif;\n"
	}
	location := func(match, indent, inner string) string {
		return indent + "location " + match + " {\n" + g.settings(indent+"    ") + g.setHeaders(indent+"    ") + answer(indent+"    ") + inner + indent + "}\n"
	}
	text := "    server {\n" + listen + g.settings("        ") + g.setHeaders("        ")
	text += "        set $saved " + pick(g, "$remote_addr", "$proxy_protocol_addr", "$http_x_forwarded_for") + ";\n"
	if g.IntN(3) == 0 {
		text += "        if ($http_x_real_ip ~ \"^10\\.\") {\n            set $saved 192.0.2.200;\n        }\n"
	}
	if g.IntN(2) == 0 {
		text += "        error_page 400 405 414 494 /refused;\n        location = /refused {\n            internal;\n" +
			g.settings("            ") + pick(g, "            empty_gif;\n", "            return 204;\n") + "        }\n"
	}
	inner := ""
	if g.IntN(2) == 0 {
		inner = location("/a/deep", "            ", "")
	}
	text += location("/a", "        ", inner)
	if g.IntN(2) == 0 {
		text += location("= /a/exact", "        ", "")
	}
	if g.IntN(2) == 0 {
		text += location(`~ \.php$`, "        ", "")
	}
	if g.IntN(2) == 0 {
		text += location("^~ /a/first", "        ", "")
	}
	return text + location("/", "        ", "") + "    }\n"
}

const pairFormat = `    log_format pairs '$http_x_id|$remote_addr|$realip_remote_addr|$proxy_protocol_addr|$http_x_forwarded_for|$http_x_real_ip';`

// batch writes the configurations of both hops for one batch.
func (g generator) batch(dir string, edgePort, webPort int) (edge, web string) {
	head := func(name string) string {
		text := "worker_processes 1;\nuser root;\nevents { worker_connections 512; }\nhttp {\n" + pairFormat + "\n    access_log " + dir + "/" + name + ".log pairs;\n"
		for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			text += "    " + kind + "_temp_path " + dir + "/" + name + "." + kind + ";\n"
		}
		return text + g.settings("    ") + g.setHeaders("    ")
	}
	edge, web = head("edge"), head("web")
	for i := range pairsOfBatch {
		word := pick(g, "", " proxy_protocol")
		listen := fmt.Sprintf("        listen 127.0.0.1:%d%s;\n        listen [::1]:%d%s;\n", edgePort+i, word, edgePort+i, word)
		target, webListen := fmt.Sprintf("http://127.0.0.1:%d", webPort+i), fmt.Sprintf("        listen 127.0.0.1:%d;\n", webPort+i)
		if g.IntN(4) == 0 {
			socket := fmt.Sprintf("unix:%s/%d.sock", dir, i)
			target, webListen = "http://"+socket, webListen+"        listen "+socket+";\n"
		}
		edge += g.server(listen, target)
		web += g.server(webListen, "")
	}
	return edge + "}\n", web + "}\n"
}

// header writes a random forwarded header.
func (g generator) header() string {
	tokens := make([]string, 1+g.IntN(3))
	for i := range tokens {
		tokens[i] = pick(g, "198.51.100.7", "10.0.0.9", "127.0.0.1", "2001:db8::5", "192.0.2.4", "unknown", "10.0.0.8:443", "[2001:db8::6]:1", "203.0.113.9", "")
	}
	return strings.Join(tokens, pick(g, ", ", ",", " "))
}

// bytes writes what a random visitor sends.
func (g generator) bytes(id int, proxied bool) []byte {
	var b []byte
	h := hop.ProxyHeader{Client: pick(g, netip.MustParseAddr("198.51.100.20"), netip.MustParseAddr("10.0.0.30"), netip.MustParseAddr("2001:db8::31"), netip.Addr{})}
	if proxied != (g.IntN(12) == 0) {
		if server := netip.MustParseAddr("192.0.2.1"); g.IntN(3) == 0 {
			b = h.AppendV1(b, server)
		} else {
			b = h.AppendV2(b, server)
		}
	}
	lines := []string{
		"GET " + pick(g, "/", "/a/x", "/a/exact", "/a/deep/y", "/a/z.php", "/a/first/z.php", "/b.php") + " HTTP/1.1",
		fmt.Sprintf("X-Id: %d", id), "Connection: close",
	}
	if g.IntN(10) > 0 {
		lines = append(lines, "Host: x")
	}
	for range g.IntN(3) {
		lines = append(lines, "X-Forwarded-For: "+g.header())
	}
	if g.IntN(2) == 0 {
		lines = append(lines, "X-Real-IP: "+g.header())
	}
	if g.IntN(3) == 0 {
		lines = append(lines, "CF-Connecting-IP: "+g.header())
	}
	return append(b, strings.Join(lines, "\r\n")+"\r\n\r\n"...)
}

// runHop starts an nginx and returns how to stop it.
func runHop(t testing.TB, program, dir, name, conf string) func() {
	t.Helper()
	file := filepath.Join(dir, name+".conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	pid := filepath.Join(dir, name+".pid")
	cmd := exec.Command(program, "-e", filepath.Join(dir, name+".error.log"), "-p", dir, "-c", file, "-g", "daemon off; pid "+pid+";")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }() // a signal stops it
	for deadline := time.Now().Add(10 * time.Second); ; {
		if b, err := os.ReadFile(pid); err == nil && len(b) > 0 {
			break
		}
		select {
		case <-exited:
			t.Fatalf("%s: %s\n%s", name, output.String(), conf)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen", name)
		}
	}
	return func() {
		_ = cmd.Process.Signal(syscall.SIGQUIT) // it writes the lines that it has
		<-exited
	}
}

// ask sends a visitor's bytes and waits until nginx closes.
func ask(t testing.TB, from netip.Addr, to netip.AddrPort, text []byte) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from.AsSlice()}, Timeout: 5 * time.Second}
	conn, err := d.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(text); err != nil {
		return // it was closed, and the log says why
	}
	_, _ = io.Copy(io.Discard, conn) // the logs are compared
}

// TestPairs holds the model to a real nginx of each version: random configurations of both
// hops and random visitors give the same address variables in every line.
func TestPairs(t *testing.T) {
	lookPath(t, "nginx")
	for _, version := range []nginxVersion{olderNginx, newerNginx} {
		program := nginxOf(t, version)
		if program == "" {
			t.Logf("no %s nginx is here", version)
			continue
		}
		t.Run(string(version), func(t *testing.T) {
			g := generator{rand.New(rand.NewPCG(*pairSeed, 0))}
			lines, deviations := 0, 0
			for done := 0; done < *pairCount; done += pairsOfBatch {
				n, bad := runBatch(t, g, program, version)
				lines, deviations = lines+n, deviations+bad
			}
			t.Logf("seed %d: %d pairs, %d lines compared, %d deviations", *pairSeed, *pairCount, lines, deviations)
			if lines < *pairCount {
				t.Errorf("only %d lines were compared", lines)
			}
		})
	}
}

const visitorsOfPair = 6

func runBatch(t *testing.T, g generator, program string, version nginxVersion) (lines, deviations int) {
	t.Helper()
	dir, err := os.MkdirTemp("", "pairs") // t.TempDir is too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	const edgePort, webPort = 21000, 22000
	texts := map[string]string{}
	texts["edge"], texts["web"] = g.batch(dir, edgePort, webPort)
	models := map[string]*hop.Nginx{}
	var stops []func()
	for _, name := range []string{"web", "edge"} {
		conf, err := nginxconf.Parse(&nginxconf.File{Name: name + ".conf", Text: []byte(texts[name])}, nil)
		if err != nil {
			t.Fatal(err)
		}
		models[name] = hop.NewNginx(conf, hop.Options{FirstLineOnly: version == olderNginx})
		stops = append(stops, runHop(t, program, dir, name, texts[name]))
	}
	want := map[string]string{}
	sent := map[string][]byte{}
	for i := range pairsOfBatch {
		for v := range visitorsOfPair {
			id := i*visitorsOfPair + v
			from, to := netip.MustParseAddr(pick(g, "127.0.0.1", "127.0.0.11", "127.0.0.20")), netip.MustParseAddr("127.0.0.1")
			if g.IntN(5) == 0 {
				from, to = netip.MustParseAddr("::1"), netip.MustParseAddr("::1")
			}
			c := hop.Connection{Peer: from, To: netip.AddrPortFrom(to, uint16(edgePort+i))}
			c.Bytes = g.bytes(id, strings.Contains(texts["edge"], fmt.Sprintf("127.0.0.1:%d proxy_protocol", edgePort+i)))
			sent[fmt.Sprint(id)] = c.Bytes
			for _, x := range models["edge"].Take(c).Exchanges {
				if !x.Variable("http_x_id").Found {
					continue // it is refused before its id is read
				}
				want[fmt.Sprintf("edge %d", id)] = pairLine(x)
				if x.Next == nil {
					continue
				}
				for _, y := range models["web"].Take(*x.Next).Exchanges {
					want[fmt.Sprintf("web %d", id)] = pairLine(y)
				}
			}
			ask(t, from, c.To, c.Bytes)
		}
	}
	for i := len(stops) - 1; i >= 0; i-- {
		stops[i]()
	}
	for _, name := range []string{"edge", "web"} {
		for id, got := range readPairs(t, filepath.Join(dir, name+".log")) {
			key := name + " " + id
			lines++
			if want[key] != got {
				if deviations++; deviations < 4 {
					t.Errorf("%s\nnginx %s\nmodel %s\nsent %q\nseed %d\n%s", key, got, want[key], sent[id], *pairSeed, serverText(texts["edge"], id)+serverText(texts["web"], id))
				}
			}
			delete(want, key)
		}
	}
	for key, line := range want {
		deviations++
		t.Errorf("%s: nginx logs nothing, the model %s", key, line)
	}
	return lines, deviations
}

// serverText returns the settings of http and the server that a visitor came to, for an
// error.
func serverText(conf, id string) string {
	var n int
	if _, err := fmt.Sscan(id, &n); err != nil {
		return ""
	}
	servers := strings.Split(conf, "    server {\n")
	return servers[0] + servers[1+n/visitorsOfPair]
}

// pairLine is what the model logs, without the id.
func pairLine(x *hop.Exchange) string {
	var values []string
	for _, name := range compared {
		v := x.Variable(name)
		switch {
		case v.Unknown != "":
			v.Text = "? " + v.Unknown
		case !v.Found:
			v.Text = "-"
		}
		values = append(values, v.Text)
	}
	return strings.Join(values, "|")
}

// readPairs reads a log by the ids of its lines.
func readPairs(t testing.TB, name string) map[string]string {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := map[string]string{}
	for s := bufio.NewScanner(file); s.Scan(); {
		if id, rest, _ := strings.Cut(s.Text(), "|"); id != "-" {
			lines[id] = rest
		}
	}
	return lines
}
