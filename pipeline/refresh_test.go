package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clearhop/enrich/clientip"
	"clearhop/enrich/geoip"
	"clearhop/internal/mmdbtest"
	"clearhop/pipeline"
	"clearhop/record"
)

// A visitor is a line of a client whose address the databases of mmdbtest know.
const visitor = mmdbtest.Addr + ` - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-" "-" "-"`

// geo is what the event of the visitor says of place and network.
func geo(t *testing.T, w *pipeline.Worker) string {
	t.Helper()
	out := w.Process(&record.Line{Text: []byte(visitor), Origin: &record.Origin{Source: "log"}})
	var event struct {
		Client struct {
			Geo struct {
				Country string `json:"country_iso_code"`
			}
			AS struct {
				Number json.Number
			}
		}
		Provenance struct {
			GeoState string `json:"geo_state"`
		}
	}
	if err := json.Unmarshal(out.Data, &event); err != nil {
		t.Fatal(err)
	}
	words := []string{event.Provenance.GeoState, event.Client.Geo.Country, event.Client.AS.Number.String()}
	return strings.Join(slices.DeleteFunc(words, func(word string) bool { return word == "" }), " ")
}

// built is when a version of a database was built, in days before the test.
func built(days int) time.Time { return now().AddDate(0, 0, -days) }

// replaceFile puts a new file in the place of path.
func replaceFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// A clock stands still until it is moved on.
type clock struct{ ns atomic.Int64 }

func (c *clock) now() time.Time          { return now().Add(time.Duration(c.ns.Load())) }
func (c *clock) forward(d time.Duration) { c.ns.Add(int64(d)) }

// refreshing makes a pipeline and its worker, with a clock of its own.
func refreshing(t *testing.T, c pipeline.Config) (*pipeline.Pipeline, *pipeline.Worker, *clock) {
	t.Helper()
	var own clock
	c.Now, c.GeoIP.Refresh = own.now, time.Hour
	if c.Client.NLB == nil {
		c.Client.NLB = []string{"10.16.1.11"}
	}
	p, err := pipeline.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, p.NewWorker(), &own
}

func refresh(t *testing.T, p *pipeline.Pipeline) {
	t.Helper()
	if err := p.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestReloadFiles: a database that is renamed into place is seen after
// geo-refresh, by a worker that knows the answers of the one before.
func TestReloadFiles(t *testing.T) {
	dir := t.TempDir()
	city, asn := filepath.Join(dir, "city.mmdb"), filepath.Join(dir, "asn.mmdb")
	replaceFile(t, city, mmdbtest.City(t, built(9), "JP"))
	replaceFile(t, asn, mmdbtest.ASN(t, built(9), 4713))
	p, w, c := refreshing(t, pipeline.Config{GeoIP: geoip.Settings{CityDB: city, ASNDB: asn}})
	f := func(when, want string) {
		t.Helper()
		for range 2 { // read, and cached
			if got := geo(t, w); got != want {
				t.Errorf("%s: got %s, want %s", when, got, want)
			}
		}
	}
	f("as opened", "found JP 4713")
	refresh(t, p)
	replaceFile(t, city, mmdbtest.City(t, built(2), "DE"))
	refresh(t, p)
	f("not due", "found JP 4713")
	if p.NeedsRefresh() {
		t.Error("a look is due right after one")
	}
	c.forward(time.Hour)
	if !p.NeedsRefresh() {
		t.Error("no look is due after an hour")
	}
	refresh(t, p)
	f("new places", "found DE 4713")
	replaceFile(t, asn, mmdbtest.ASN(t, built(2), 3320))
	c.forward(time.Hour)
	refresh(t, p)
	f("new systems", "found DE 3320")

	replaceFile(t, city, []byte("<html>"))
	c.forward(time.Hour)
	err := p.Refresh(t.Context())
	want := "city-db: database " + city + ": error opening database: invalid MaxMind DB file; the one built at " + built(2).Format(time.RFC3339) + " still holds"
	if failed, ok := errors.AsType[*geoip.ReloadError](err); !ok || err.Error() != want || failed.Setting != "city-db" || failed.Source != city || !failed.Built.Equal(built(2)) {
		t.Errorf("an invalid file:\ngot  %v\nwant %s", err, want)
	}
	f("an invalid file", "found DE 3320")
	c.forward(time.Hour)
	refresh(t, p) // it is reported once
	if err := os.Remove(asn); err != nil {
		t.Fatal(err)
	}
	for range 2 { // this may pass, so it is reported each time
		c.forward(time.Hour)
		if err := p.Refresh(t.Context()); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "asn-db: stat ") {
			t.Errorf("no file: got %v", err)
		}
	}
	f("no file", "found DE 3320")
	replaceFile(t, city, mmdbtest.City(t, built(1), "GH"))
	replaceFile(t, asn, mmdbtest.ASN(t, built(1), 1))
	c.forward(10 * time.Second) // a look that failed is made again soon
	refresh(t, p)
	c.forward(time.Minute)
	refresh(t, p)
	f("both fixed", "found GH 1")
}

// TestReloadWhileWorking is for the race detector: of the reloads at one time
// one looks, and each line has an answer of one version.
func TestReloadWhileWorking(t *testing.T) {
	city := filepath.Join(t.TempDir(), "city.mmdb")
	versions := [][]byte{mmdbtest.City(t, built(9), "JP"), mmdbtest.City(t, built(2), "DE")}
	replaceFile(t, city, versions[0])
	p, _, c := refreshing(t, pipeline.Config{GeoIP: geoip.Settings{CityDB: city}})
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			w := p.NewWorker()
			for range 200 {
				if err := p.Refresh(t.Context()); err != nil {
					t.Error(err)
				}
				if got := geo(t, w); got != "found JP" && got != "found DE" {
					t.Errorf("got %s", got)
				}
			}
		})
	}
	for i := range 50 {
		replaceFile(t, city, versions[(i+1)%2])
		c.forward(time.Hour)
	}
	workers.Wait()
	c.forward(time.Hour)
	refresh(t, p)
	if got := geo(t, p.NewWorker()); got != "found JP" {
		t.Errorf("at the end: got %s", got)
	}
}

// TestReloadAllocatesNothing where nothing is due.
func TestReloadAllocatesNothing(t *testing.T) {
	city := filepath.Join(t.TempDir(), "city.mmdb")
	replaceFile(t, city, mmdbtest.City(t, built(1), "JP"))
	p, w, _ := refreshing(t, pipeline.Config{GeoIP: geoip.Settings{CityDB: city}})
	line := &record.Line{Text: []byte(visitor), Origin: &record.Origin{Source: "log"}}
	each := func() {
		if err := p.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		w.Process(line)
	}
	each()
	if n := testing.AllocsPerRun(100, each); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// TestRefreshErrorsHaveTypes: nodes and databases that are due at the same time
// are looked up together, and a caller can tell their errors apart.
func TestRefreshErrorsHaveTypes(t *testing.T) {
	unreachable := errors.New("unreachable")
	var looks atomic.Int32
	both := make(chan struct{})
	look := func(ctx context.Context) error {
		if looks.Add(1) == 2 {
			close(both)
		}
		select {
		case <-both:
			return unreachable
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p, _, _ := refreshing(t, pipeline.Config{
		Client: clientip.Settings{NLB: []string{"discover:shop"}},
		GeoIP:  geoip.Settings{CityDB: "s3://geo/city.mmdb"},
		NodeFinder: func(names []string) (pipeline.FindNodes, error) {
			if strings.Join(names, ",") != "shop" {
				t.Errorf("names %v", names)
			}
			return func(ctx context.Context) (map[netip.Addr]string, error) { return nil, look(ctx) }, nil
		},
		OpenObject: func(string) (geoip.Fetch, error) {
			return func(ctx context.Context) (string, error) { return "", look(ctx) }, nil
		},
	})
	err := p.Refresh(t.Context())
	var nodes *pipeline.DiscoveryError
	var databases geoip.ReloadErrors
	if !errors.As(err, &nodes) || nodes.Error() != "nlb: discover: unreachable" || !errors.Is(nodes, unreachable) {
		t.Errorf("the error of the nodes is %v", nodes)
	}
	if !errors.As(err, &databases) || databases.Error() != "city-db: s3://geo/city.mmdb: unreachable; until then there is no database" || !errors.Is(databases, unreachable) {
		t.Errorf("the error of the databases is %v", databases)
	}
	refresh(t, p) // nothing is due
}

// TestOnlyTheFirstLookMayTakeLong: later looks for nodes do not keep lines
// waiting for longer than a few seconds.
func TestOnlyTheFirstLookMayTakeLong(t *testing.T) {
	var left time.Duration
	p, _, c := refreshing(t, pipeline.Config{
		Client: clientip.Settings{NLB: []string{"discover"}, NLBRefresh: time.Minute},
		NodeFinder: func([]string) (pipeline.FindNodes, error) {
			return func(ctx context.Context) (map[netip.Addr]string, error) {
				deadline, _ := ctx.Deadline()
				left = time.Until(deadline)
				return map[netip.Addr]string{netip.MustParseAddr("10.16.1.11"): "shop"}, nil
			}, nil
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for look, most := range []time.Duration{time.Minute, 3 * time.Second, 3 * time.Second} {
		if err := p.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		if left > most || left < most-2*time.Second {
			t.Errorf("look %d may take %v, want %v", look+1, left, most)
		}
		c.forward(time.Minute)
	}
}

// TestPermanentErrorIsReportedOnce: a version that can never be downloaded does
// not make the next look come sooner, unlike a source that is unreachable.
func TestPermanentErrorIsReportedOnce(t *testing.T) {
	for _, permanent := range []bool{true, false} {
		fetches := 0
		p, _, c := refreshing(t, pipeline.Config{
			GeoIP: geoip.Settings{ASNDB: "s3://geo/asn.mmdb"},
			OpenObject: func(string) (geoip.Fetch, error) {
				return func(context.Context) (string, error) {
					if fetches++; fetches == 1 {
						return "", fmt.Errorf("download: %w", tooLarge{permanent})
					}
					return "", nil
				}, nil
			},
		})
		if err := p.Refresh(t.Context()); !errors.As(err, &tooLarge{}) {
			t.Errorf("got %v", err)
		}
		c.forward(time.Minute)
		refresh(t, p)
		if soon := fetches == 2; soon == permanent {
			t.Errorf("permanent is %t: %d downloads in the first minute", permanent, fetches)
		}
	}
}

type tooLarge struct{ permanent bool }

func (e tooLarge) Error() string   { return "too large" }
func (e tooLarge) Permanent() bool { return e.permanent }

// TestNothingToAskAWSWith: what a program cannot look up is refused at the start.
func TestNothingToAskAWSWith(t *testing.T) {
	f := func(want string, c pipeline.Config) {
		t.Helper()
		p, err := pipeline.New(c)
		if err == nil {
			p.Close()
		}
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	f("nlb: discover: this program cannot look up NLBs", pipeline.Config{Client: clientip.Settings{NLB: []string{"discover:shop"}}})
	f(`city-db: "s3://geo/city.mmdb": only the functions can read objects in S3: download it, for example with aws s3 cp`, pipeline.Config{GeoIP: geoip.Settings{CityDB: "s3://geo/city.mmdb"}})
	f(`geo-refresh: -1s is negative`, pipeline.Config{GeoIP: geoip.Settings{Refresh: -time.Second}})
	f(`city-db: database /no/such.mmdb: no such file or directory`, pipeline.Config{GeoIP: geoip.Settings{CityDB: "/no/such.mmdb"}})
}
