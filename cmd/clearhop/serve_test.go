package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// address is where a command that serves says that its dashboard is.
var address = regexp.MustCompile(`http://\S+/`)

// freePort returns a port of this machine that nobody listens at.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// get PORT PATH writes the body of an answer to standard output. It waits until somebody
// listens. "! get" expects a status of 400 and above.
func get(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: get PORT PATH")
	}
	var answer *http.Response
	var err error
	for range 200 {
		if answer, err = http.Get("http://127.0.0.1:" + args[0] + args[1]); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Check(err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	if (answer.StatusCode >= 400) != neg {
		ts.Fatalf("%s: %s %s", args[1], answer.Status, body)
	}
	_, _ = ts.Stdout().Write(append(body, '\n')) // it is kept in memory
}

// A growing output can be read while it is written.
type growing struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (g *growing) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.Write(p)
}

func (g *growing) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.String()
}

// serving runs clearhop serve until the test ends, and returns its address. end ends it
// and returns its exit code.
func serving(t *testing.T, args ...string) (url string, out, errOut *growing, end func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, errOut = &growing{}, &growing{}
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...), strings.NewReader(""), out, errOut)
	}()
	end = sync.OnceValue(func() int { cancel(); return <-code })
	t.Cleanup(func() { end() })
	for range 400 {
		if url = address.FindString(out.String()); url != "" {
			return url, out, errOut, end
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("no address: %s%s", out.String(), errOut.String())
	return "", nil, nil, nil
}

const servedLine = `203.0.113.9 - - [22/Nov/2026:11:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8.0"` + "\n"

// TestServeFollows: what is appended to a file is told to an open page and is there when
// it asks again.
func TestServeFollows(t *testing.T) {
	name := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(name, []byte(strings.Repeat(servedLine, 3)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, db := range []string{"", filepath.Join(t.TempDir(), "x.db")} {
		url, _, errOut, end := serving(t, "--follow", "--db", db, name)
		requests := func() int64 {
			var answer struct{ Total struct{ Requests int64 } }
			fetch(t, url+"api/explore", &answer)
			return answer.Total.Requests
		}
		waitFor(t, func() bool { return requests() >= 3 })
		ctx, leave := context.WithTimeout(t.Context(), 20*time.Second)
		ask, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"api/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		stream, err := http.DefaultClient.Do(ask)
		if err != nil {
			t.Fatal(err)
		}
		had := requests()
		f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(strings.ReplaceAll(servedLine, "/a", "/new")); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		heard := make([]byte, 0, 200)
		for !bytes.Contains(heard, []byte("event: changed")) {
			part := make([]byte, 100)
			n, err := stream.Body.Read(part)
			heard = append(heard, part[:n]...)
			if err != nil {
				t.Fatalf("the stream ended after %q: %v", heard, err)
			}
		}
		waitFor(t, func() bool { return requests() == had+1 })
		_ = stream.Body.Close()
		leave()
		if code := end(); code != exitOK {
			t.Errorf("exit code %d: %s", code, errOut.String())
		}
	}
}

func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	for range 200 {
		if is() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("waited for too long")
}

func fetch(t *testing.T, url string, into any) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// TestServePortInUse: the error says what to do, before anything is loaded.
func TestServePortInUse(t *testing.T) {
	name := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(name, []byte(servedLine), 0o600); err != nil {
		t.Fatal(err)
	}
	url, _, _, _ := serving(t, name)
	at := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
	var out, errOut bytes.Buffer
	code := run(t.Context(), []string{"serve", "--listen", at, name}, strings.NewReader(""), &out, &errOut)
	if code != exitFailed || !strings.Contains(errOut.String(), at+" is in use by another program") || out.Len() > 0 {
		t.Errorf("exit code %d: %s%s", code, out.String(), errOut.String())
	}
}
