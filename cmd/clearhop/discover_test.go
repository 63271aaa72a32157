package main

import (
	"bytes"
	"io"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"clearhop/internal/mototest"
)

const region = "eu-central-1"

// useEndpoint makes AWS's usual configuration that of a stand-in.
func useEndpoint(t *testing.T, endpoint string) {
	t.Setenv("AWS_ENDPOINT_URL", endpoint)
	t.Setenv("AWS_REGION", region)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_CONFIG_FILE", "none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// masked is a line that shows the address of the NLB's node.
const masked = `10.16.1.11 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "probe/1.0" "-" "-"` + "\n"

// waiting is an output that a test can wait on.
type waiting struct {
	mu   sync.Mutex
	more sync.Cond
	buf  bytes.Buffer
}

func newWaiting() *waiting {
	w := &waiting{}
	w.more.L = &w.mu
	return w
}

func (w *waiting) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.more.Broadcast()
	return w.buf.Write(p)
}

// lines waits for n lines and returns all that is there.
func (w *waiting) lines(n int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for bytes.Count(w.buf.Bytes(), []byte("\n")) < n {
		w.more.Wait()
	}
	return w.buf.String()
}

// TestDiscoverInALongRun: lines of a pipe, an NLB that scales out, and EC2 that
// goes away in between.
func TestDiscoverInALongRun(t *testing.T) {
	endpoint := mototest.Start(t)
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(httputil.NewSingleHostReverseProxy(target))
	defer proxy.Close()
	useEndpoint(t, proxy.URL)
	n := mototest.NewNetwork(t, endpoint, region, "10.16.1.0/24")
	n.AddInterface("ELB net/shop-edge/1", "10.16.1.11")

	in, lines := io.Pipe()
	out, errOut := newWaiting(), newWaiting()
	code := make(chan int, 1)
	go func() {
		code <- run(t.Context(), []string{"enrich", "--nlb", "discover:shop-edge", "--trusted", "10.16.1.13", "--nlb-refresh", "1ns"}, in, out, errOut)
	}()
	check := func(event int, want string) {
		t.Helper()
		if got := strings.Split(out.lines(event), "\n")[event-1]; !strings.Contains(got, want) {
			t.Errorf("event %d lacks %s: %s", event, want, got)
		}
	}
	const node = `"nlb_private_ip":true,"nlb":"shop-edge"`
	second := strings.Replace(masked, "10.16.1.11", "10.16.1.12", 1)
	io.WriteString(lines, masked)
	check(1, node)
	io.WriteString(lines, second)
	check(2, `"client":{"ip":"10.16.1.12"}`)
	n.AddInterface("ELB net/shop-edge/1", "10.16.1.12")
	io.WriteString(lines, second)
	check(3, node)
	proxy.Close()
	io.WriteString(lines, masked+second)
	check(5, node)
	lines.Close()
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d", got)
	}
	const says = "clearhop: nlb: discover: operation error EC2: DescribeNetworkInterfaces, "
	if got := errOut.lines(1); !strings.HasPrefix(got, says) || !strings.Contains(got, "; what was found at 20") {
		t.Errorf("standard error: %s", got)
	}
}

// TestDiscoverFails: a run that would be wrong does not begin.
func TestDiscoverFails(t *testing.T) {
	endpoint := mototest.Start(t)
	useEndpoint(t, endpoint)
	f := func(want string, args ...string) {
		t.Helper()
		var out, errOut bytes.Buffer
		code := run(t.Context(), append([]string{"enrich"}, args...), strings.NewReader(masked), &out, &errOut)
		if code != exitUsage || out.Len() > 0 || !strings.HasPrefix(errOut.String(), "clearhop: ") || !strings.Contains(errOut.String(), want) {
			t.Errorf("%v: exit code %d, %q, want %s", args, code, errOut.String(), want)
		}
	}
	f(`nlb: discover: no network interface is described as "ELB net/shop-edge/*"`, "--nlb", "10.16.1.11,discover:shop-edge")
	f(`nlb: "shop*" is not the name of an NLB`, "--nlb", "discover:shop*")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	f("no AWS credentials found (set AWS_PROFILE, or run aws sso login)", "--nlb", "discover")
	t.Setenv("AWS_REGION", "")
	f("no region is set", "--nlb", "discover")
}
