// Package aws_test holds what is asked of AWS together with the pipeline that
// asks: NLBs whose nodes are discovered, and GeoIP databases in S3. The tests
// stand here so that what the fuzzers of the pipeline build has no AWS SDK in it.
package aws_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clearhop/aws/nlb"
	"clearhop/aws/object"
	"clearhop/enrich/clientip"
	"clearhop/internal/chaintest"
	"clearhop/internal/mototest"
	"clearhop/pipeline"
	"clearhop/record"

	"github.com/aws/smithy-go"
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
}

// A clock stands still until it is moved on.
type clock struct{ ns atomic.Int64 }

// start is the time that each clock starts at.
var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func (c *clock) now() time.Time          { return start.Add(time.Duration(c.ns.Load())) }
func (c *clock) forward(d time.Duration) { c.ns.Add(int64(d)) }

// connected makes a pipeline that asks AWS, with a clock of its own.
func connected(t *testing.T, c pipeline.Config) (*pipeline.Pipeline, *clock) {
	t.Helper()
	var own clock
	c.Now, c.NodeFinder, c.OpenObject = own.now, nlb.Nodes, object.Fetches(object.Lazy())
	p, err := pipeline.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, &own
}

func refresh(t *testing.T, p *pipeline.Pipeline) {
	t.Helper()
	if err := p.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// said is what the event of a line says of the chain.
func said(t *testing.T, w *pipeline.Worker, peer string) string {
	t.Helper()
	line := fmt.Sprintf(`%s - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-" "-" "-"`, peer)
	out := w.Process(&record.Line{Text: []byte(line), Origin: &record.Origin{Source: "log"}})
	var event struct {
		Client     struct{ IP string }
		Provenance struct {
			Verdict, NLB string
			NLBPrivateIP bool `json:"nlb_private_ip"`
			NLBInferred  bool `json:"nlb_inferred"`
		}
	}
	if err := json.Unmarshal(out.Data, &event); err != nil {
		t.Fatal(err)
	}
	p := &event.Provenance
	words := []string{p.Verdict}
	for word, is := range map[string]bool{"inferred": p.NLBInferred, "given": p.NLBPrivateIP && !p.NLBInferred && p.NLB == ""} {
		if is {
			words = append(words, word)
		}
	}
	if p.NLB != "" {
		words = append(words, "nlb="+p.NLB)
	}
	if event.Client.IP != "" {
		words = append(words, "client="+event.Client.IP)
	}
	return strings.Join(words, " ")
}

// TestDiscover goes through the life of an NLB, as moto's EC2 tells it: not
// known yet, found, scaled out, and EC2 not answering any more.
func TestDiscover(t *testing.T) {
	var p *pipeline.Pipeline
	var c *clock
	var w *pipeline.Worker
	f := func(peer, want string) {
		t.Helper()
		if got := said(t, w, peer); got != want {
			t.Errorf("%s: got %s, want %s", peer, got, want)
		}
	}
	const shop = "ELB net/shop-edge/0123456789abcdef"
	t.Run("while EC2 answers", func(t *testing.T) {
		endpoint := mototest.Start(t)
		useEndpoint(t, endpoint)
		n := mototest.NewNetwork(t, endpoint, region, "10.16.1.0/24")
		n.AddInterface(shop, "10.16.1.11", "2001:db8::11")
		n.AddInterface("ELB net/another/1", "10.16.1.99")
		p, c = connected(t, pipeline.Config{
			Client: clientip.Settings{NLB: []string{"discover:shop-edge, 10.16.2.0/28"}, Trusted: []string{"10.16.1.13"}, NLBRefresh: 5 * time.Minute},
		})
		w = p.NewWorker()

		f("10.16.1.11", "lost inferred")
		f("10.16.1.12", "lost inferred")
		f("10.16.2.1", "lost given")
		if !p.Inferred() {
			t.Error("what nobody looked up is known")
		}
		refresh(t, p)
		f("10.16.1.11", "lost nlb=shop-edge")
		f("2001:db8::11", "lost nlb=shop-edge")
		f("10.16.2.1", "lost given")
		f("10.16.1.12", "internal client=10.16.1.12")
		f("10.16.1.99", "internal client=10.16.1.99")
		if p.Inferred() {
			t.Error("what was looked up is inferred")
		}

		id := n.AddInterface(shop, "10.16.1.12")
		c.forward(5*time.Minute/2 - time.Second)
		refresh(t, p)
		f("10.16.1.12", "internal client=10.16.1.12") // it is not time yet
		c.forward(5 * time.Minute)
		refresh(t, p)
		f("10.16.1.12", "lost nlb=shop-edge")
		f("10.16.1.11", "lost nlb=shop-edge")

		n.RemoveInterface(id)
		c.forward(5 * time.Minute)
		refresh(t, p)
		f("10.16.1.12", "internal client=10.16.1.12")
	})
	if w == nil {
		t.Skip("no moto")
	}
	found := c.now().UTC().Format(time.RFC3339)
	for range 3 {
		c.forward(5 * time.Minute)
		err := p.Refresh(t.Context())
		var failed *pipeline.DiscoveryError
		if !errors.As(err, &failed) || failed.Nodes != 2 {
			t.Fatalf("EC2 is away: %v", err)
		}
		if want := "what was found at " + found + " still holds"; failed.Holds() != want {
			t.Errorf("got %q, want %q", failed.Holds(), want)
		}
		refresh(t, p) // not again at once
	}
	f("10.16.1.11", "lost nlb=shop-edge")
	f("10.16.1.12", "internal client=10.16.1.12")
}

// An ec2 answers as EC2 does, with recorded texts, and counts its calls.
type ec2 struct {
	mu    sync.Mutex
	fails bool
	calls int
	in    atomic.Int32 // at once
	addrs []string
}

func (e *ec2) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.in.Add(1) > 1 {
		http.Error(w, "two calls at once", http.StatusTeapot)
	}
	defer e.in.Add(-1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	_, _ = io.Copy(io.Discard, r.Body)
	if e.fails {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>
<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized to perform this operation.</Message></Error></Errors><RequestID>59dbff89-35bd-4eac-99ed-be587EXAMPLE</RequestID></Response>`)
		return
	}
	_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>
<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId><networkInterfaceSet>`)
	for i, addr := range e.addrs {
		fmt.Fprintf(w, `<item><networkInterfaceId>eni-%d</networkInterfaceId><description>ELB net/shop/1</description><privateIpAddress>%s</privateIpAddress></item>`, i, addr)
	}
	_, _ = io.WriteString(w, `</networkInterfaceSet></DescribeNetworkInterfacesResponse>`)
}

func (e *ec2) set(fails bool, addrs ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fails, e.addrs = fails, addrs
}

func startEC2(t *testing.T) *ec2 {
	t.Helper()
	e := &ec2{}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	useEndpoint(t, server.URL)
	return e
}

// TestDiscoveryThatFailsFirst: nothing is known, then it is; the tries in
// between get rarer.
func TestDiscoveryThatFailsFirst(t *testing.T) {
	server := startEC2(t)
	server.set(true)
	p, clock := connected(t, pipeline.Config{Client: clientip.Settings{NLB: []string{"discover"}, NLBRefresh: time.Hour}})
	w := p.NewWorker()
	tries := func(of time.Duration) (n int) {
		for end := clock.now().Add(of); clock.now().Before(end); clock.forward(time.Second) {
			err := p.Refresh(t.Context())
			if err == nil {
				continue
			}
			n++
			var failed *pipeline.DiscoveryError
			var api smithy.APIError
			if !errors.As(err, &failed) || failed.Nodes != 0 || !errors.As(err, &api) || api.ErrorCode() != "UnauthorizedOperation" {
				t.Fatal(err)
			}
			if !strings.HasPrefix(err.Error(), "nlb: discover: ") || failed.Holds() != "every private address that no setting names counts as an NLB's" {
				t.Errorf("%v; %s", err, failed.Holds())
			}
		}
		return n
	}
	// Pauses of 5 to 10 s, 10 to 20 s, 20 to 40 s …
	if n := tries(time.Minute); n < 3 || n > 5 {
		t.Errorf("%d tries in the first minute", n)
	}
	clock.forward(time.Hour)
	if n := tries(time.Hour); n < 12 || n > 25 {
		t.Errorf("%d tries in the second hour", n)
	}
	if got := said(t, w, "10.16.1.11"); got != "lost inferred" {
		t.Errorf("nothing was found: %s", got)
	}

	server.set(false, "10.16.1.11")
	clock.forward(5 * time.Minute)
	refresh(t, p)
	if got := said(t, w, "10.16.1.11"); got != "lost nlb=shop" {
		t.Errorf("it was found: %s", got)
	}
	calls := server.calls
	clock.forward(29 * time.Minute)
	refresh(t, p)
	if server.calls != calls {
		t.Error("EC2 was asked again before the time")
	}

	// No interface at all is a failure too, not an empty set.
	server.set(false)
	clock.forward(time.Hour)
	var missing *nlb.NotFoundError
	if err := p.Refresh(t.Context()); !errors.As(err, &missing) {
		t.Errorf("no interface: %v", err)
	}
	clock.forward(10 * time.Second)
	if err := p.Refresh(t.Context()); !errors.As(err, &missing) {
		t.Errorf("the first pause after a success is long: %v", err)
	}
	if got := said(t, w, "10.16.1.11"); got != "lost nlb=shop" {
		t.Errorf("the last set is gone: %s", got)
	}
}

// TestDiscoverOnce: without a time to refresh after, what was found holds.
func TestDiscoverOnce(t *testing.T) {
	server := startEC2(t)
	server.set(true)
	p, clock := connected(t, pipeline.Config{Client: clientip.Settings{NLB: []string{"discover"}}})
	if err := p.Refresh(t.Context()); err == nil {
		t.Error("no error")
	}
	server.set(false, "10.16.1.11")
	clock.forward(time.Minute)
	refresh(t, p)
	calls := server.calls
	clock.forward(10_000 * time.Hour)
	refresh(t, p)
	if server.calls != calls {
		t.Error("EC2 was asked again")
	}
}

// TestRefreshIsBounded: EC2 that does not answer keeps nobody longer than ctx.
func TestRefreshIsBounded(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hang) })
	useEndpoint(t, server.URL)
	p, _ := connected(t, pipeline.Config{Client: clientip.Settings{NLB: []string{"discover"}}})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Refresh(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestNobodyWaitsForAnothersLook: while one looks, the others work on with what
// was known before.
func TestNobodyWaitsForAnothersLook(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	e := &ec2{addrs: []string{"10.16.1.11"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-answer
		e.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	useEndpoint(t, server.URL)
	p, _ := connected(t, pipeline.Config{Client: clientip.Settings{NLB: []string{"discover"}}})
	w := p.NewWorker()
	look := make(chan error, 1)
	go func() { look <- p.Refresh(t.Context()) }()
	<-asked
	refresh(t, p)
	if got := said(t, w, "10.16.1.11"); got != "lost inferred" {
		t.Errorf("while another looks: %s", got)
	}
	close(answer)
	if err := <-look; err != nil {
		t.Error(err)
	}
	if got := said(t, w, "10.16.1.11"); got != "lost nlb=shop" {
		t.Errorf("after the look: %s", got)
	}
}

// TestRefreshWhileWorkersRun: of many that ask for it one looks, while the
// others work; each line is judged by one set or the next, never by none.
func TestRefreshWhileWorkersRun(t *testing.T) {
	server := startEC2(t)
	server.set(false, "10.16.1.11")
	p, clock := connected(t, pipeline.Config{Client: clientip.Settings{NLB: []string{"discover:shop"}, NLBRefresh: time.Minute}})
	refresh(t, p)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			w := p.NewWorker()
			for i := range 200 {
				clock.forward(time.Second)
				if err := p.Refresh(t.Context()); err != nil {
					t.Error(err)
					return
				}
				if i == 100 {
					server.set(false, "10.16.1.11", "10.16.1.12")
				}
				if got := said(t, w, "10.16.1.11"); got != "lost nlb=shop" {
					t.Errorf("got %s", got)
					return
				}
			}
		})
	}
	wg.Wait()
	clock.forward(time.Minute)
	refresh(t, p)
	if got := said(t, p.NewWorker(), "10.16.1.12"); got != "lost nlb=shop" {
		t.Errorf("the new node: %s", got)
	}
	if server.calls < 3 {
		t.Errorf("%d calls", server.calls)
	}
}

// TestDiscoveredAllocatesNothing: neither a line nor a look at the clock costs
// an allocation.
func TestDiscoveredAllocatesNothing(t *testing.T) {
	startEC2(t).set(false, "10.16.1.11")
	p, _ := connected(t, pipeline.Config{Client: clientip.Settings{NLB: []string{"discover"}, Trusted: []string{"10.16.1.13"}, NLBRefresh: time.Minute}})
	refresh(t, p)
	w := p.NewWorker()
	origin := &record.Origin{Source: "log"}
	lines := chaintest.Lines(t, "web-no-realip/edge.seed.log")
	each := func() {
		_ = p.Refresh(t.Context())
		for i := range lines {
			w.Process(&record.Line{Text: lines[i], Offset: int64(i), Origin: origin})
		}
	}
	each()
	if n := testing.AllocsPerRun(100, each); n != 0 {
		t.Errorf("%v allocations for %d lines, want none", n, len(lines))
	}
}

func TestDiscoverySettings(t *testing.T) {
	_, err := pipeline.New(pipeline.Config{
		Client:     clientip.Settings{NLB: []string{"discover:shop*", "discover:", "10.0.0.0/40,discover:a/b"}, NLBRefresh: -time.Second},
		NodeFinder: nlb.Nodes,
	})
	for _, want := range []string{`nlb: "shop*" is not the name`, `nlb: "" is not the name`, `nlb: "a/b" is not the name`, `nlb: "10.0.0.0/40"`, "nlb-refresh: -1s is negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in the error:\n%v", want, err)
		}
	}
	// The word of one wins over the names of others, and nothing is asked here.
	p, _ := connected(t, pipeline.Config{Client: clientip.Settings{NLB: []string{"discover:shop", "discover"}}})
	if !p.Inferred() {
		t.Error("something is known without a look")
	}
	plain, _ := connected(t, pipeline.Config{Client: clientip.Settings{NLB: []string{"10.16.1.11"}}})
	refresh(t, plain) // nothing to do, and no AWS here
}
