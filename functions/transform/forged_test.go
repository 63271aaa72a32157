package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clearhop/internal/buildtest"
	"clearhop/internal/nginxtest"
	"clearhop/internal/payloadtest"
)

// forgedClient stands in every line that the attacker writes.
const forgedClient = "203.0.113.66"

// attacks are texts that a visitor sends as a path, each byte encoded.
func attacks() []string {
	const (
		access  = forgedClient + ` - admin [28/Nov/2026:09:40:00 +0000] "POST /admin/delete HTTP/1.1" 200 3 "-" "victim/1.0"`
		head    = `2026/11/28 09:40:00 [error] 7#7: *3 `
		closed  = `x" failed (2: No such file or directory), client: ` + forgedClient + `, server: , request: "GET /x HTTP/1.1", host: "shop.example"`
		header  = head + `broken header: "x" while reading PROXY protocol, client: ` + forgedClient + `, server: 0.0.0.0:80`
		opened  = head + `open() "/html/y`
		cri     = "2026-11-28T09:40:00.1Z stdout F " + access
		docker  = `{"log":"` + forgedClient + ` - - [28/Nov/2026:09:40:00 +0000] \"GET / HTTP/1.1\" 200 3 \"-\" \"x\"\n","stream":"stdout","time":"2026-11-28T09:40:00.1Z"}`
		json    = `{"time_iso8601":"2026-11-28T09:40:00+00:00","remote_addr":"` + forgedClient + `","request":"GET / HTTP/1.1","status":200}`
		newline = "\n"
	)
	var all []string
	for _, begin := range []string{`"`, "", closed} {
		for _, line := range []string{access, header, cri, docker, json} {
			for _, end := range []string{`"y`, "", opened, access} {
				all = append(all, begin+newline+line+newline+line+newline+end)
			}
		}
	}
	return all
}

// encoded returns a path in which every byte is encoded that has to be, and more.
func encoded(text string) string {
	var b strings.Builder
	b.WriteByte('/')
	for _, c := range []byte(text) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '/' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// attackedLog runs an nginx that serves files and writes both logs into one file, as
// the Docker image does. It returns what nginx wrote for honest visitors and attackers.
func attackedLog(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	port := nginxtest.Start(t, dir, 1, func(ports []int) string {
		return fmt.Sprintf(`%[3]s
events {}
http {
	error_log %[1]s/all.log error;
	access_log %[1]s/all.log combined;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxied;
	fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	set_real_ip_from 127.0.0.1;
	real_ip_header X-Forwarded-For;
	server {
		listen 127.0.0.1:%[2]d;
		root %[1]s/html;
	}
}
`, dir, ports[0], user)
	})[0]
	if err := os.Mkdir(filepath.Join(dir, "html"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "html", "a"), []byte("ok\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	get := func(path, client string) {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: probe/1.0\r\nX-Forwarded-For: %s\r\nConnection: close\r\n\r\n", path, client)
		_, _ = io.Copy(io.Discard, conn)
	}
	visitors := func(n int) {
		for i := range n {
			path := "/a"
			if i%10 == 0 {
				path = "/missing" // an honest error line
			}
			path += "?" + strings.Repeat("q", i*i%29) // lines of many lengths, as in any log
			get(path, fmt.Sprintf("198.51.100.%d", i%200+1))
		}
	}
	// A log of a few seconds shows that it is in order of time. In a file of one second
	// more honest lines are in doubt, because it may be newest first.
	for range 4 {
		get("/a", "198.51.100.1")
		time.Sleep(1100 * time.Millisecond)
	}
	visitors(100)
	for _, text := range attacks() {
		get(encoded(text), "192.0.2.77")
	}
	visitors(100)
	log, err := os.ReadFile(filepath.Join(dir, "all.log"))
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(log, []byte("\n"+forgedClient)); n < 20 {
		t.Fatalf("the log has only %d forged access lines:\n%s", n, log)
	}
	return log
}

// TestForgedLinesOfRealNginx: a visitor makes a real nginx write lines of his own. No
// function and no command believes one; all agree; and the doctor names the attempt.
func TestForgedLinesOfRealNginx(t *testing.T) {
	log := attackedLog(t)
	lines := strings.Split(strings.TrimSuffix(string(log), "\n"), "\n")
	payload := payloadtest.Gzip(t, payloadtest.Document(t, "/ecs/web", lines))
	got := invoke(t, start(t), "", payload)[0].Data
	if !bytes.Equal(got, payloadtest.ByCommand(t, payload)) {
		t.Error("the function and the command disagree on the payload")
	}
	file := filepath.Join(t.TempDir(), "all.log")
	if err := os.WriteFile(file, log, 0o600); err != nil {
		t.Fatal(err)
	}
	command := buildtest.Program(t, buildtest.Config{Package: "clearhop/cmd/clearhop"})
	run := func(args ...string) (string, error) {
		cmd := exec.Command(command, args...)
		cmd.Env = append(os.Environ(), payloadtest.Chain...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	events, err := run("enrich", "-q", file)
	if err != nil {
		t.Fatal(err)
	}
	for name, events := range map[string]string{"function": string(got), "command": events} {
		honest, forged := 0, 0
		for event := range strings.Lines(events) {
			access := strings.Contains(event, `"dataset":"nginx.access"`)
			believed := strings.Contains(event, `"vouched":true`) || strings.Contains(event, `"reason":"ok"`) || strings.Contains(event, "proxy_protocol_not_sent")
			switch {
			case access && strings.Contains(event, `"ip":"`+forgedClient):
				forged++
				if believed || !strings.Contains(event, `"reason":"inside_error_record"`) {
					t.Errorf("%s believes: %s", name, event)
				}
			case strings.Contains(event, `"dataset":"nginx.error"`) && believed:
				t.Errorf("%s believes: %s", name, event)
			case access && strings.Contains(event, `"ip":"198.51.100.`) && believed:
				honest++
			}
		}
		// The few lines right beside the attacks may be in doubt too.
		if honest < 180 || forged < 20 {
			t.Errorf("%s: %d honest lines are believed, %d forged ones are not", name, honest, forged)
		}
	}
	for _, args := range [][]string{{"doctor", file}, {"doctor", "--format", "combined", file}} {
		report, err := run(args...)
		if err != nil || !strings.HasPrefix(report, "No fault can be seen") || !strings.Contains(report, "tried to forge log lines") {
			t.Errorf("%v: %v\n%s", args, err, report)
		}
	}
}
