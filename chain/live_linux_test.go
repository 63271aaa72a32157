package chain_test

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"clearhop/chain"

	gocmp "github.com/google/go-cmp/cmp"
)

// cannotRun ends a test that needs what is missing here. In CI nothing may be
// missing.
func cannotRun(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func lookPath(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		cannotRun(t, program+" is not on the PATH: make test gets it, or install it (apt-get install "+program+")")
	}
	return path
}

// nginxOf finds an nginx of the wanted age; "" if there is none.
func nginxOf(t testing.TB, want nginxVersion) string {
	t.Helper()
	for _, program := range []string{lookPath(t, "nginx"), "nginx-newer"} {
		out, err := exec.Command(program, "-v").CombinedOutput()
		if err != nil {
			continue // there is no newer one
		}
		_, number, _ := strings.Cut(strings.TrimSpace(string(out)), "nginx/")
		var major, minor, patch int
		if _, err := fmt.Sscanf(number, "%d.%d.%d", &major, &minor, &patch); err != nil {
			t.Fatalf("%s -v says %q", program, out)
		}
		version := olderNginx
		if major*1_000_000+minor*1_000+patch >= 1_023_002 {
			version = newerNginx
		}
		if want == anyNginx || want == version {
			return program
		}
	}
	return ""
}

// A process runs in a machine and dies with the test.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	output bytes.Buffer
}

func (m *machine) start(t testing.TB, program string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program, args...), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.WaitDelay = time.Second // a worker of nginx may outlive it and hold the output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	m.do(t, p.cmd.Start) // it inherits the namespace
	go func() {
		_ = p.cmd.Wait() // it is stopped by a signal: the status says nothing
		close(p.exited)
	}()
	t.Cleanup(func() { p.stop(t, syscall.SIGKILL) })
	return p
}

// stop sends a signal and waits for the end.
func (p *process) stop(t testing.TB, signal os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	select {
	case <-p.exited:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill() // it has had its time
		<-p.exited
		t.Errorf("%s did not end when asked to", p.cmd.Path)
	}
}

// await waits until the process listens.
func (p *process) await(t testing.TB, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if ready() {
			return
		}
		select {
		case <-p.exited:
			t.Fatalf("%s does not start:\n%s", p.cmd.Path, p.output.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Fatalf("%s does not listen:\n%s", p.cmd.Path, p.output.String())
}

// startNginx runs a configuration with its logs in dir. What a container has
// for itself, the configuration gets from the prefix.
func (m *machine) startNginx(t testing.TB, program, dir, conf string, ready func() bool) *process {
	t.Helper()
	replace := func(from, to string) {
		t.Helper()
		if !strings.Contains(conf, from) {
			t.Fatalf("%s's configuration holds no %q", m.name, from)
		}
		conf = strings.ReplaceAll(conf, from, to)
	}
	log := func(name string) string { return filepath.Join(dir, m.name+"."+name+".log") }
	replace("    access_log /dev/stdout clearhop;\n", fmt.Sprintf("%s\naccess_log %s main_real_ip; access_log %s clearhop; access_log %s clearhop_json;\n",
		seedFormat(t), log("seed"), log("clearhop"), log("json")))
	replace("/dev/stderr", log("error"))
	replace("worker_processes auto;", "worker_processes 1;\nuser root;")
	for _, own := range []string{"/usr/share/nginx/html", "unix:/run"} { // not in every scenario
		prefix, _, _ := strings.Cut(own, "/")
		conf = strings.ReplaceAll(conf, own, prefix+dir)
	}
	temporary := filepath.Join(dir, m.name+".tmp")
	var paths strings.Builder
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&paths, "%s_temp_path %s.%s;\n", name, temporary, name)
	}
	replace("http {\n", "http {\n"+paths.String())
	file := filepath.Join(dir, m.name+".running.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	p := m.start(t, program, "-e", log("error"), "-p", dir, "-c", file,
		"-g", fmt.Sprintf("daemon off; pid %s;", filepath.Join(dir, m.name+".pid")))
	p.await(t, ready)
	return p
}

// startNLB runs HAProxy in the NLB's place, or nothing where the NLB changes
// no source address: visitors then connect to the target itself.
func (s *segment) startNLB(t testing.TB, sc *scenario, dir string) {
	t.Helper()
	source, target := nlb4, netip.AddrPortFrom(edge4, 80)
	if sc.ipv6Target {
		source, target = nlb6, netip.AddrPortFrom(edge6, 80)
	}
	send := ""
	switch sc.nlb {
	case sourceKept, keptAndProxied:
		return
	case proxyProtocol2:
		send = "send-proxy-v2"
	case proxyProtocol1:
		send = "send-proxy"
	}
	conf := fmt.Sprintf(`defaults
	mode tcp
	timeout connect 5s
	timeout client 30s
	timeout server 30s
listen nlb
	bind %s:80
	bind [%s]:80
	source %s
	server edge %s %s
`, nlbPublic4, nlbPublic6, netip.AddrPortFrom(source, 0), target, send)
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	p := s.nlb.start(t, lookPath(t, "haproxy"), "-db", "-f", file)
	p.await(t, func() bool { return s.nlb.listens(t, 80) })
	t.Cleanup(func() { p.stop(t, syscall.SIGKILL) })
}

// run plays a scenario and returns what the hops logged, by "edge.seed" and so
// on.
func (s *segment) run(t *testing.T, sc *scenario) map[string][]byte {
	t.Helper()
	program := nginxOf(t, sc.nginx)
	dir, err := os.MkdirTemp("", "chain") // t.TempDir is too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	page, err := os.ReadFile("reference/refused.html")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "refused.html"), page, 0o644); err != nil {
		t.Fatal(err)
	}
	confs := sc.confs(t)
	var running []*process
	for _, m := range []*machine{s.web, s.mid, s.edge} { // each after those it talks to
		conf, used := confs[m.name]
		if !used {
			continue
		}
		if s.edge == m && sc.mid {
			conf = strings.Replace(conf, "server    10.16.1.14:80;", "server    "+mid4.String()+":80;", 1)
		}
		running = append(running, m.startNginx(t, program, dir, conf, func() bool { return m.listens(t, 80) }))
	}
	s.startNLB(t, sc, dir)
	for _, c := range sc.traffic {
		s.send(t, sc, c)
	}
	for i := len(running) - 1; i >= 0; i-- {
		running[i].stop(t, syscall.SIGQUIT) // it answers, and logs, what is under way
	}
	logs := map[string][]byte{}
	for _, hop := range []string{"edge", "web"} {
		for _, name := range logNames {
			b, err := os.ReadFile(filepath.Join(dir, hop+"."+name+".log"))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			if name == "error" {
				b = withoutNotices(b)
			}
			logs[hop+"."+name] = bytes.ReplaceAll(b, []byte(dir), []byte("/run"))
		}
	}
	return logs
}

// withoutNotices leaves out what nginx says of its own start and end.
func withoutNotices(log []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(log) {
		if !bytes.Contains(line, []byte(" [notice] ")) && !bytes.Contains(line, []byte(" [warn] ")) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// send plays one connection.
func (s *segment) send(t testing.TB, sc *scenario, c connection) {
	t.Helper()
	from := s.client
	if c.from == nlb4 {
		from = s.nlb
	}
	to := c.to
	if !to.IsValid() {
		switch {
		case sc.nlb == sourceKept || sc.nlb == keptAndProxied:
			to = netip.AddrPortFrom(edge4, 80)
		case c.from.Is6():
			to = netip.AddrPortFrom(nlbPublic6, 80)
		default:
			to = netip.AddrPortFrom(nlbPublic4, 80)
		}
	}
	conn := from.dial(t, c.from, to)
	defer conn.Close()
	header := c.header
	if header == nil && sc.nlb == keptAndProxied {
		header = proxied(2, c.from)
	}
	if header != nil {
		if _, err := header.WriteTo(conn); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range c.send {
		if _, err := io.WriteString(conn, text); err != nil {
			return // the other side has closed already: its log says why
		}
		if i < len(c.send)-1 {
			await(t, conn, 5*time.Second)
		}
	}
	if len(c.send) > 0 && drain(t, conn, cmp.Or(c.wait, 5*time.Second)) {
		return
	}
	// nginx has written its line when it closes in its turn, so that lines stand
	// in the order of the connections.
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return // it has closed already
	}
	if !drain(t, conn, 5*time.Second) {
		t.Errorf("the connection from %v stays open", c.from)
	}
}

// await reads the one short answer to a request on a connection that goes on.
func await(t testing.TB, conn net.Conn, timeout time.Duration) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Read(make([]byte, 64<<10)) // what it says is in nginx's log
}

// drain reads until the other side closes, and reports whether it did in time.
func drain(t testing.TB, conn net.Conn, timeout time.Duration) bool {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		t.Fatal(err)
	}
	_, err := io.Copy(io.Discard, conn)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

var recording = flag.Bool("record", false, "write what the live chain logs to testdata")

// TestLive runs every scenario that the nginx at hand can show, and holds what
// is said of its lines to what was recorded.
func TestLive(t *testing.T) {
	lookPath(t, "nginx")
	lookPath(t, "haproxy")
	segment := newSegment(t)
	for i := range scenarios {
		sc := &scenarios[i]
		if nginxOf(t, sc.nginx) == "" {
			t.Logf("%s: wants an nginx that is not here; its recorded lines are held by TestRecorded", sc.name)
			if *recording {
				t.Errorf("%s cannot be recorded", sc.name)
			}
			continue
		}
		t.Run(sc.name, func(t *testing.T) {
			logs := segment.run(t, sc)
			if *recording {
				sc.write(t, logs)
				return
			}
			want, err := fs.ReadFile(chain.Recorded(), sc.name+"/want.txt")
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(strings.Split(string(want), "\n"), strings.Split(sc.judgeAll(t, logs), "\n")); diff != "" {
				t.Errorf("the live chain differs from its recording (-recorded +live):\n%s", diff)
			}
		})
	}
}

// write puts the logs, and the configurations that made them, into testdata. What
// is said of them is not known yet: TestRecorded adds it with -update.
func (s *scenario) write(t testing.TB, logs map[string][]byte) {
	t.Helper()
	if err := os.WriteFile(s.file(), s.archive(t, logs, ""), 0o644); err != nil {
		t.Fatal(err)
	}
}
