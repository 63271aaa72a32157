package aws_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"clearhop/aws/object"
	"clearhop/enrich/clientip"
	"clearhop/enrich/geoip"
	"clearhop/internal/mmdbtest"
	"clearhop/internal/mototest"
	"clearhop/pipeline"
	"clearhop/record"
)

// A visitor is a line of a client whose address the databases of mmdbtest know.
const visitor = mmdbtest.Addr + ` - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-" "-" "-"`

// geo is what the event of the visitor says of place and network.
func geo(w *pipeline.Worker) string {
	r := w.Process(&record.Line{Text: []byte(visitor), Origin: &record.Origin{Source: "log"}}).Record
	said := strings.TrimRight(string(r.Geo.State)+" "+r.Geo.CountryISOCode, " ")
	if r.AS.Number != 0 {
		said += fmt.Sprint(" ", r.AS.Number)
	}
	return said
}

// built is when a version of a database was built, in days before the test.
func built(days int) time.Time { return start.AddDate(0, 0, -days) }

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
		if got := geo(w); got != want {
			t.Errorf("%s: got %s, want %s", when, got, want)
		}
	}
	whole := t // the pipeline outlives S3
	t.Run("while S3 answers", func(t *testing.T) {
		endpoint := mototest.Start(t)
		useEndpoint(t, endpoint)
		bucket := mototest.NewBucket(t, endpoint, region, "geo")
		bucket.Put("asn.mmdb", mmdbtest.ASN(t, built(9), 4713))
		p, c = connected(whole, pipeline.Config{
			GeoIP:  geoip.Settings{CityDB: "s3://geo/city.mmdb", ASNDB: "s3://geo/asn.mmdb", Refresh: time.Hour},
			Client: clientip.Settings{NLB: []string{"10.16.1.11"}},
		})
		w = p.NewWorker()
		f("before the first load", "db_missing")
		err := p.Refresh(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "city-db: s3://geo/city.mmdb: ") || !strings.HasSuffix(err.Error(), "; until then there is no database") || strings.Contains(err.Error(), "asn-db") {
			t.Errorf("nothing is there: got %v", err)
		}
		f("no places", "db_missing 4713")
		bucket.Put("city.mmdb", mmdbtest.City(t, built(9), "JP"))
		refresh(t, p)
		f("waiting", "db_missing 4713")
		c.forward(10 * time.Second)
		refresh(t, p)
		f("all there", "found JP 4713")
		bucket.Put("city.mmdb", mmdbtest.City(t, built(2), "DE"))
		c.forward(time.Hour)
		refresh(t, p)
		f("new places", "found DE 4713")
		bucket.Put("city.mmdb", mmdbtest.ASN(t, built(1), 1))
		c.forward(time.Hour)
		if err := p.Refresh(t.Context()); err == nil || !strings.HasPrefix(err.Error(), `city-db: database s3://geo/city.mmdb is of type "GeoLite2-ASN", want one of type City`) {
			t.Errorf("another kind: got %v", err)
		}
		c.forward(time.Hour)
		refresh(t, p) // it is reported once
		f("another kind", "found DE 4713")
		if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
			t.Errorf("%v is left in the temporary directory, %v", left, err)
		}
	})
	useEndpoint(t, "http://127.0.0.1:9")
	c.forward(time.Hour)
	if err := p.Refresh(t.Context()); err == nil || strings.Count(err.Error(), " still holds") != 2 {
		t.Errorf("S3 is away: got %v", err)
	}
	f("S3 is away", "found DE 4713")
}

func TestDatabaseSettings(t *testing.T) {
	f := func(want string, c pipeline.Config) {
		t.Helper()
		c.OpenObject = object.Fetches(object.Lazy())
		p, err := pipeline.New(c)
		if err == nil {
			p.Close()
		}
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	f(`asn-db: "s3://geo" is not an object in S3: write s3://BUCKET/KEY`, pipeline.Config{GeoIP: geoip.Settings{ASNDB: "s3://geo"}})
	f(`city-db: database /no/such.mmdb: no such file or directory`, pipeline.Config{GeoIP: geoip.Settings{CityDB: "/no/such.mmdb", ASNDB: "s3://geo/asn.mmdb", Refresh: time.Hour}})
}
