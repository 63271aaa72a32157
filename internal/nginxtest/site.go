package nginxtest

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A Site is a running nginx with two listeners, whose locations answer themselves or
// have upstreams that fail, redirect or cannot be reached:
//
//	/              200
//	/nothing       404
//	/retry         a first upstream that refuses, then one that answers
//	/redirect      an upstream that redirects to /retry
//	/retry-redirect, /gone, /refused, /socket, /fallback, /nowhere, /unresolved
type Site struct {
	Plain   string // the address of the listener for HTTP
	Proxied string // the address of the one that wants the PROXY protocol, version 1
}

// siteConf is the configuration. %[1]s is the folder, %[2]s what the test adds to the
// block http; the ports follow: plain, proxied, backend, closed.
const siteConf = `
error_log %[1]s/error.log;
events { worker_connections 64; }
http {
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	large_client_header_buffers 4 9000;
	ignore_invalid_headers on;
	server_tokens off;
	lingering_close off;
	types { }
	default_type text/plain;
%[2]s
	upstream retry { server 127.0.0.1:%[6]d max_fails=0; server 127.0.0.1:%[5]d backup; }
	upstream gone { server 127.0.0.1:%[5]d down; }
	server {
		listen 127.0.0.1:%[5]d;
		listen unix:%[1]s/backend.sock;
		access_log off;
		location / { return 200 "ok\n"; }
		location /redirect { add_header X-Accel-Redirect /retry; return 200; }
		location /nowhere { add_header X-Accel-Redirect /unresolved; return 200; }
	}
	server {
		listen 127.0.0.1:%[3]d;
		listen 127.0.0.1:%[4]d proxy_protocol;
		server_name www.example.com;
		set_real_ip_from 127.0.0.1;
		real_ip_header proxy_protocol;
		location / { return 200 "ok\n"; }
		location /nothing { return 404; }
		location /retry { proxy_pass http://retry; }
		location /redirect { proxy_pass http://127.0.0.1:%[5]d; }
		location /nowhere { proxy_pass http://127.0.0.1:%[5]d; }
		location /unresolved { set $name nobody.example; proxy_pass http://$name; }
		location /retry-redirect { rewrite ^ /redirect break; proxy_pass http://retry; }
		location /gone { proxy_pass http://gone; }
		location /refused { proxy_pass http://127.0.0.1:%[6]d; }
		location /socket { proxy_pass http://unix:%[1]s/backend.sock; }
		location /fallback { proxy_pass http://127.0.0.1:%[6]d; error_page 502 = /gone; }
	}
}
`

// StartSite runs a Site until the test ends. http is added to its block http: formats,
// and the logs in them.
func StartSite(t testing.TB, dir, http string) Site {
	t.Helper()
	ports := Start(t, dir, 4, func(p []int) string {
		return fmt.Sprintf(siteConf, dir, http, p[0], p[1], p[2], p[3])
	})
	return Site{Plain: fmt.Sprintf("127.0.0.1:%d", ports[0]), Proxied: fmt.Sprintf("127.0.0.1:%d", ports[1])}
}

// Fire sends bytes to an address and reads until nginx closes the connection.
func Fire(t testing.TB, addr, send string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, send); err != nil {
		t.Fatalf("%.60q: %v", send, err)
	}
	// nginx may reset the connection of a bad request that it did not read to
	// its end; only one that stays open is a fault of the test.
	if _, err := io.Copy(io.Discard, conn); err != nil && os.IsTimeout(err) {
		t.Fatalf("%.60q: nginx keeps the connection open", send)
	}
}

// Await returns the records of a log as soon as it holds n of them. end is what each of
// them ends with; a newline at the end is removed.
func Await(t testing.TB, path, end string, n int) []string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		switch got := strings.Count(string(text), end); {
		case got == n:
			lines := strings.SplitAfter(string(text), end)
			for i := range lines {
				lines[i] = strings.TrimSuffix(lines[i], "\n")
			}
			return lines[:n]
		case got > n || time.Now().After(deadline):
			t.Fatalf("%s has %d records, want %d", filepath.Base(path), got, n)
		}
	}
}
