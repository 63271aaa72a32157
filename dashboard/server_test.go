package dashboard_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"clearhop/analytics"
	"clearhop/dashboard"
	"clearhop/dashboard/dashboardtest"
	"clearhop/internal/traffic"
)

// started serves the rows on loopback until the test ends, and returns the address.
func started(t *testing.T, c dashboard.ServerConfig) string {
	t.Helper()
	if c.Source == nil {
		c.Source = dashboard.NewExplorer(dashboard.Config{Engine: openStore(t, dashboardtest.Rows())})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- dashboard.NewServer(c).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended: %v", err)
		}
	})
	return "http://" + l.Addr().String()
}

// ask sends a request with some headers: key, value, …
func ask(t *testing.T, method, address string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// TestWhoMayAsk: a page of another site reaches loopback as well, with a name of its own
// or from its own origin.
func TestWhoMayAsk(t *testing.T) {
	base := started(t, dashboard.ServerConfig{Name: "logs.internal"})
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(base, "http://"))
	for _, c := range []struct {
		method, path string
		headers      []string
		want         int
	}{
		{"GET", "/api/manifest", nil, 200},
		{"GET", "/api/manifest", []string{"Host", "localhost:" + port}, 200},
		{"GET", "/api/manifest", []string{"Host", "LOCALHOST:9999"}, 200}, // through a tunnel
		{"GET", "/api/manifest", []string{"Host", "[::1]:" + port}, 200},
		{"GET", "/api/manifest", []string{"Host", "127.0.0.1"}, 200},
		{"GET", "/api/manifest", []string{"Host", "logs.internal:" + port}, 200},
		{"GET", "/api/manifest", []string{"Host", "evil.example:" + port}, 421},
		{"GET", "/", []string{"Host", "evil.example"}, 421},
		{"GET", "/page.js", []string{"Host", "localhost.evil.example:" + port}, 421},
		{"GET", "/api/manifest", []string{"Host", "127.0.0.1.nip.io:" + port}, 421},
		{"GET", "/api/manifest", []string{"Host", "203.0.113.9:" + port}, 421},
		{"GET", "/api/manifest", []string{"Host", "169.254.169.254"}, 421},
		{"GET", "/api/manifest", []string{"Host", "localhost:abc"}, 421},
		{"GET", "/api/manifest", []string{"Host", "2130706433:" + port}, 421},
		{"GET", "/api/manifest", []string{"Origin", base}, 200},
		{"GET", "/api/manifest", []string{"Origin", "http://evil.example"}, 403},
		{"GET", "/api/manifest", []string{"Origin", "null"}, 403},
		{"GET", "/api/manifest", []string{"Origin", "http://localhost:1"}, 403},
		{"GET", "/api/manifest", []string{"Origin", "file://" + strings.TrimPrefix(base, "http://")}, 403},
		{"GET", "/api/manifest", []string{"Origin", base, "Origin", "http://evil.example"}, 403},
		{"GET", "/api/manifest", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"GET", "/api/manifest", []string{"Sec-Fetch-Site", "none"}, 200},
		{"GET", "/api/manifest", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"GET", "/api/manifest", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"GET", "/api/manifest", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 403},
		{"GET", "/", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200}, // a link
		{"GET", "/", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"GET", "/page.js", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"}, 403},
		{"POST", "/api/manifest", nil, 405},
		{"PUT", "/", nil, 405},
		{"DELETE", "/api/explore", nil, 405},
		{"OPTIONS", "/api/explore", []string{"Origin", "http://evil.example", "Access-Control-Request-Method", "GET"}, 403},
		{"HEAD", "/", nil, 405},
		{"TRACE", "/", nil, 405},
	} {
		answer, body := ask(t, c.method, base+c.path, c.headers...)
		if answer.StatusCode != c.want {
			t.Errorf("%s %s %q: %s %s", c.method, c.path, c.headers, answer.Status, body)
		}
		checkHeaders(t, answer, body, c.method)
	}
}

// checkHeaders holds every answer to what protects the page.
func checkHeaders(t *testing.T, answer *http.Response, body, method string) {
	t.Helper()
	h := answer.Header
	if csp := h.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("policy %q", csp)
	}
	for key, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp",
		"Access-Control-Allow-Origin": "",
	} {
		if got := h.Get(key); got != want {
			t.Errorf("%s: %q", key, got)
		}
	}
	if cache := h.Get("Cache-Control"); cache != "no-store" && !(cache == "no-cache" && h.Get("ETag") != "") {
		t.Errorf("Cache-Control: %q", cache)
	}
	if answer.StatusCode < 400 || method == http.MethodHead {
		return
	}
	var p dashboard.Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil || p.Text == "" || h.Get("Content-Type") != "application/json" {
		t.Errorf("%s is no Problem: %q", answer.Status, body)
	}
}

// TestNoFiles: there are a few addresses, and everything else is not there, however it is
// written.
func TestNoFiles(t *testing.T) {
	base := started(t, dashboard.ServerConfig{})
	for _, path := range []string{
		"/index.html", "/sources.txt", "/assets/index.html", "/../server.go", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
		"/page.js/", "/page%2ejs", "/PAGE.JS", "/page.js%00", "/page.js::$DATA", "/.git/config", "/api", "/api/", "/api/explore/", "/api/../page.js",
		"/api/explore%2f..", "/api//explore", "/API/explore", "/debug/pprof/", "/metrics", "/etc/passwd", `/..\..\windows\win.ini`, "/" + strings.Repeat("a/", 4000),
	} {
		c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path)
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if answer.StatusCode != http.StatusNotFound {
			t.Errorf("%.60s: %s", path, answer.Status)
		}
		_ = answer.Body.Close()
		_ = c.Close()
	}
}

// hostile are values that mean something to SQL, to HTML, to a terminal, or to nobody.
var hostile = []string{
	"'", "''", `"`, "\\", "\x00", "a\x00' OR '1'='1", "'; DROP TABLE loaded; --", "' UNION SELECT * FROM lines --", "%", "_", "$1", "?", "{{x}}",
	"</script><script>alert(1)</script>", "\u202e\u2066x", "\x1b[2J", "\r\nX: y", "=1+1", "\ufeff", strings.Repeat("🦆", 2000), strings.Repeat("'", 8000),
}

// TestHostileValues: whatever stands in a value, the answer is one of two: that of the
// value, or a Problem that names the key.
func TestHostileValues(t *testing.T) {
	base := started(t, dashboard.ServerConfig{Failed: func(err error) string { t.Errorf("the engine failed: %v", err); return "" }})
	keys := []string{"since", "until", "kind", "q", "compare", "limit", "before", "find", "dimension", "f.path", "x.path", "f.client", "f.status", "f.country", "x.referrer", "f.stream"}
	for _, value := range append(hostile, "\xff\xfe") {
		for _, key := range keys {
			path := "explore"
			query := url.Values{key: {value}}
			switch key {
			case "limit", "find", "dimension":
				path = "board"
				if key != "dimension" {
					query.Set("dimension", "path")
				}
			case "before":
				path = "requests"
				query.Set("before", "1795344900282."+value)
			case "f.path":
				path = "requests"
			}
			answer, body := ask(t, http.MethodGet, base+"/api/"+path+"?"+query.Encode())
			checkHeaders(t, answer, body, http.MethodGet)
			if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusBadRequest {
				t.Errorf("%s=%.40q: %s %s", key, value, answer.Status, body)
			}
		}
		// A key that is not known is named, and does no harm where it is shown.
		answer, body := ask(t, http.MethodGet, base+"/api/explore?"+url.Values{"k" + value: {"1"}}.Encode())
		if answer.StatusCode != http.StatusBadRequest || strings.ContainsAny(body, "<>\x1b\u202e") || len(body) > 300 {
			t.Errorf("%.40q as a key: %s %s", value, answer.Status, body)
		}
	}
}

// TestBounds: what is too large is refused.
func TestBounds(t *testing.T) {
	base := started(t, dashboard.ServerConfig{})
	values := func(n int) string {
		q := url.Values{}
		for i := range n {
			q.Add("f.path", fmt.Sprintf("/item/%d", i))
		}
		return q.Encode()
	}
	for _, c := range []struct {
		query string
		want  int
	}{
		{values(200), 200},
		{values(201), 400},
		{"q=" + strings.Repeat("a", 200), 200},
		{"q=" + strings.Repeat("a", 201), 400},
		{"f.path=" + strings.Repeat("a", 16<<10), 200},
		{"f.path=" + strings.Repeat("a", 16<<10+1), 400},
		{"f.path=" + strings.Repeat("a", 210<<10), 414},
		{"q=" + strings.Repeat("a", 1<<20), 431},
		{strings.Repeat("a=1&", 40_000), 400},
		{"since=2026-11-01T00:00:00Z&since=2026-11-02T00:00:00Z", 400},
		{"since=2026-11-02T00:00:00Z&until=2026-11-01T00:00:00Z", 400},
		{"since=2026-11-02", 400},
		{"since=9999-12-31T23:59:59Z", 400},
		{"since=-0001-01-01T00:00:00Z", 400},
		{"since=1970-01-01T00:00:00Z&until=2200-01-01T00:00:00Z&compare=1", 200},
		{"f.path=a&x.path=b", 400},
		{"f.nothing=a", 400},
		{"kind=everyone", 400},
		{"compare=yes", 400},
		{"%zz", 400},
		{"a;b", 400},
	} {
		answer, body := ask(t, http.MethodGet, base+"/api/explore?"+c.query)
		if answer.StatusCode != c.want {
			t.Errorf("%.50s (%d bytes): %s %.200s", c.query, len(c.query), answer.Status, body)
		}
	}
}

// TestCompressedAnswers: a browser gets the same answer in fewer bytes, and the page only
// once.
func TestCompressedAnswers(t *testing.T) {
	base := started(t, dashboard.ServerConfig{})
	_, plain := ask(t, http.MethodGet, base+"/api/explore", "Accept-Encoding", "identity")
	answer, packed := ask(t, http.MethodGet, base+"/api/explore", "Accept-Encoding", "br, gzip;q=0.5")
	z, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil || string(text) != plain || len(packed) > len(plain)/2 || answer.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%d bytes of %d: %v", len(packed), len(plain), err)
	}
	answer, _ = ask(t, http.MethodGet, base+"/")
	again, body := ask(t, http.MethodGet, base+"/", "If-None-Match", answer.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("the page was sent again: %s", again.Status)
	}
}

// A stuck engine answers when its question is given up.
type stuck struct{ begun, ended chan struct{} }

func (s stuck) Ask(ctx context.Context, _ string) (analytics.Answer, error) {
	s.begun <- struct{}{}
	<-ctx.Done()
	s.ended <- struct{}{}
	return analytics.Answer{}, ctx.Err()
}

// TestAbandonedQuestions: a question ends when nobody waits for it, and when it takes too
// long.
func TestAbandonedQuestions(t *testing.T) {
	engine := stuck{make(chan struct{}, 9), make(chan struct{}, 9)}
	base := started(t, dashboard.ServerConfig{Source: dashboard.NewExplorer(dashboard.Config{Engine: engine}), Patience: time.Second})
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/explore", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-engine.begun
		leave()
	}()
	if _, err := http.DefaultClient.Do(r); !errors.Is(err, context.Canceled) {
		t.Fatalf("the question was answered: %v", err)
	}
	<-engine.ended
	answer, body := ask(t, http.MethodGet, base+"/api/explore?kind=people")
	if answer.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("%s %s", answer.Status, body)
	}
}

// A broken engine has an error that names a file.
type broken struct{}

func (broken) Ask(context.Context, string) (analytics.Answer, error) {
	return analytics.Answer{}, errors.New("/home/me/secret.db is gone")
}

// TestFailureKeepsPaths: why the engine failed is for the terminal.
func TestFailureKeepsPaths(t *testing.T) {
	told := ""
	server := dashboard.NewServer(dashboard.ServerConfig{Source: dashboard.NewExplorer(dashboard.Config{Engine: broken{}}), Failed: func(err error) string { told = err.Error(); return "" }})
	w := httptest.NewRecorder()
	server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/api/explore", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") || !strings.Contains(told, "secret") {
		t.Errorf("%d %s, told %q", w.Code, w.Body, told)
	}
}

// TestManyPaths: a hundred thousand different paths of 1 KB give an answer of the usual
// size.
func TestManyPaths(t *testing.T) {
	lines := traffic.Month(11, 100_000)
	rows := make([]dashboardtest.Row, 0, len(lines))
	for i := range lines {
		lines[i].Path = fmt.Sprintf("/%d/%s", i, strings.Repeat("x", 1000))
		rows = append(rows, dashboardtest.Row{Event: lines[i].Event(nil)})
	}
	base := started(t, dashboard.ServerConfig{Source: dashboard.NewExplorer(dashboard.Config{Engine: openStore(t, rows)})})
	for range 2 { // the second time it knows that they are many
		answer, body := ask(t, http.MethodGet, base+"/api/explore?kind=all")
		if answer.StatusCode != http.StatusOK || len(body) > 200<<10 || !strings.Contains(body, `{"dimension":"path","values":9`) {
			t.Errorf("%s, %d bytes", answer.Status, len(body))
		}
	}
	answer, body := ask(t, http.MethodGet, base+"/api/board?dimension=path&limit=1000&kind=all")
	if answer.StatusCode != http.StatusOK || len(body) > 4<<20 {
		t.Errorf("%s, %d bytes", answer.Status, len(body))
	}
}
