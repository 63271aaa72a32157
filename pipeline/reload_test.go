package pipeline_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"clearhop/aws/object"
	"clearhop/internal/mmdbtest"
	"clearhop/internal/mototest"
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

// reloading makes a pipeline and its worker, by a clock of its own.
func reloading(t *testing.T, c pipeline.Config) (*pipeline.Pipeline, *pipeline.Worker, *clock) {
	t.Helper()
	c.NLB, c.GeoRefresh, c.GetObject = []string{"10.16.1.11"}, time.Hour, object.Lazy()
	p, own := discovering(t, c)
	return p, p.NewWorker(), own
}

func reload(t *testing.T, p *pipeline.Pipeline) {
	t.Helper()
	if err := p.Reload(t.Context()); err != nil {
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
	p, w, c := reloading(t, pipeline.Config{CityDB: city, ASNDB: asn})
	f := func(when, want string) {
		t.Helper()
		for range 2 { // read, and cached
			if got := geo(t, w); got != want {
				t.Errorf("%s: got %s, want %s", when, got, want)
			}
		}
	}
	f("as opened", "found JP 4713")
	reload(t, p)
	replaceFile(t, city, mmdbtest.City(t, built(2), "DE"))
	reload(t, p)
	f("not due", "found JP 4713")
	c.forward(time.Hour)
	reload(t, p)
	f("new places", "found DE 4713")
	replaceFile(t, asn, mmdbtest.ASN(t, built(2), 3320))
	c.forward(time.Hour)
	reload(t, p)
	f("new systems", "found DE 3320")

	replaceFile(t, city, []byte("<html>"))
	c.forward(time.Hour)
	err := p.Reload(t.Context())
	want := "city-db: database " + city + ": error opening database: invalid MaxMind DB file; the one built at " + built(2).Format(time.RFC3339) + " still holds"
	if failed, ok := errors.AsType[*pipeline.ReloadError](err); !ok || err.Error() != want || failed.Setting != "city-db" || failed.Source != city || !failed.Built.Equal(built(2)) {
		t.Errorf("a file of no use:\ngot  %v\nwant %s", err, want)
	}
	f("a file of no use", "found DE 3320")
	c.forward(time.Hour)
	reload(t, p) // it is told of once
	if err := os.Remove(asn); err != nil {
		t.Fatal(err)
	}
	for range 2 { // this may pass, so it is told of each time
		c.forward(time.Hour)
		if err := p.Reload(t.Context()); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "asn-db: stat ") {
			t.Errorf("no file: got %v", err)
		}
	}
	f("no file", "found DE 3320")
	replaceFile(t, city, mmdbtest.City(t, built(1), "GH"))
	replaceFile(t, asn, mmdbtest.ASN(t, built(1), 1))
	c.forward(10 * time.Second) // a look that failed is made up for soon
	reload(t, p)
	c.forward(time.Minute)
	reload(t, p)
	f("both mended", "found GH 1")
}

// TestReloadObjects: databases in S3 are not there at first, come, change, and
// stay when S3 goes away.
func TestReloadObjects(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	var p *pipeline.Pipeline
	var w *pipeline.Worker
	var c *clock
	f := func(when, want string) {
		t.Helper()
		if got := geo(t, w); got != want {
			t.Errorf("%s: got %s, want %s", when, got, want)
		}
	}
	t.Run("while S3 answers", func(t *testing.T) {
		endpoint := mototest.Start(t)
		useEndpoint(t, endpoint)
		bucket := mototest.NewBucket(t, endpoint, region, "geo")
		bucket.Put("asn.mmdb", mmdbtest.ASN(t, built(9), 4713))
		p, w, c = reloading(t, pipeline.Config{CityDB: "s3://geo/city.mmdb", ASNDB: "s3://geo/asn.mmdb"})
		f("before the first load", "db_missing")
		err := p.Reload(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "city-db: s3://geo/city.mmdb: ") || !strings.HasSuffix(err.Error(), "; there is none until then") || strings.Contains(err.Error(), "asn-db") {
			t.Errorf("nothing is there: got %v", err)
		}
		f("no places", "db_missing 4713")
		bucket.Put("city.mmdb", mmdbtest.City(t, built(9), "JP"))
		reload(t, p)
		f("waiting", "db_missing 4713")
		c.forward(10 * time.Second)
		reload(t, p)
		f("all there", "found JP 4713")
		bucket.Put("city.mmdb", mmdbtest.City(t, built(2), "DE"))
		c.forward(time.Hour)
		reload(t, p)
		f("new places", "found DE 4713")
		bucket.Put("city.mmdb", mmdbtest.ASN(t, built(1), 1))
		c.forward(time.Hour)
		if err := p.Reload(t.Context()); err == nil || !strings.HasPrefix(err.Error(), `city-db: database s3://geo/city.mmdb is of type "GeoLite2-ASN", want one of type City`) {
			t.Errorf("another kind: got %v", err)
		}
		c.forward(time.Hour)
		reload(t, p) // it is told of once
		f("another kind", "found DE 4713")
		if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
			t.Errorf("%v is left in the temporary directory, %v", left, err)
		}
	})
	useEndpoint(t, "http://127.0.0.1:9")
	c.forward(time.Hour)
	if err := p.Reload(t.Context()); err == nil || strings.Count(err.Error(), " still holds") != 2 {
		t.Errorf("S3 is away: got %v", err)
	}
	f("S3 is away", "found DE 4713")
}

// TestReloadWhileWorking is for the race detector: of the reloads at one time
// one looks, and each line has an answer of one version.
func TestReloadWhileWorking(t *testing.T) {
	city := filepath.Join(t.TempDir(), "city.mmdb")
	versions := [][]byte{mmdbtest.City(t, built(9), "JP"), mmdbtest.City(t, built(2), "DE")}
	replaceFile(t, city, versions[0])
	p, _, c := reloading(t, pipeline.Config{CityDB: city})
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			w := p.NewWorker()
			for range 200 {
				if err := p.Reload(t.Context()); err != nil {
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
	reload(t, p)
	if got := geo(t, p.NewWorker()); got != "found JP" {
		t.Errorf("at the end: got %s", got)
	}
}

// TestReloadAllocatesNothing where nothing is due.
func TestReloadAllocatesNothing(t *testing.T) {
	city := filepath.Join(t.TempDir(), "city.mmdb")
	replaceFile(t, city, mmdbtest.City(t, built(1), "JP"))
	p, w, _ := reloading(t, pipeline.Config{CityDB: city})
	line := &record.Line{Text: []byte(visitor), Origin: &record.Origin{Source: "log"}}
	each := func() {
		if err := p.Reload(t.Context()); err != nil {
			t.Error(err)
		}
		w.Process(line)
	}
	each()
	if n := testing.AllocsPerRun(100, each); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestBadDatabaseSettings(t *testing.T) {
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
	get := object.Lazy()
	f(`city-db: "s3://geo/city.mmdb": objects in S3 are for the functions: download it, for example with aws s3 cp`, pipeline.Config{CityDB: "s3://geo/city.mmdb"})
	f(`asn-db: "s3://geo" is no object in S3: write s3://BUCKET/KEY`, pipeline.Config{ASNDB: "s3://geo", GetObject: get})
	f(`geo-refresh: -1s is negative`, pipeline.Config{GeoRefresh: -time.Second})
	f(`city-db, asn-db: database /no/such.mmdb: no such file or directory`, pipeline.Config{CityDB: "/no/such.mmdb", ASNDB: "s3://geo/asn.mmdb", GetObject: get, GeoRefresh: time.Hour})
}
