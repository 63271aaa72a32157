package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clearhop/internal/lambdatest"
	"clearhop/internal/mmdbtest"
	"clearhop/internal/mototest"
)

const (
	region  = "eu-central-1"
	timeout = 30 * time.Second
)

var fakeCredentials = []string{"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test"}

// day is when a version of a database was built, in days before the test.
func day(n int) time.Time { return today.AddDate(0, 0, -n) }

// today stays the same for the whole run: a database made again is the same.
var today = time.Now().UTC().Truncate(time.Second)

// A publisher serves files over TLS.
type publisher struct {
	*httptest.Server
	files atomic.Pointer[map[string][]byte]
}

func newPublisher(t *testing.T) *publisher {
	p := &publisher{}
	p.publish(nil)
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch content, there := (*p.files.Load())[r.URL.Path]; {
		case r.URL.Path == "/away":
			http.Redirect(w, r, "http://127.0.0.1:9/city.mmdb", http.StatusFound)
		case there:
			w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(content)))
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) publish(files map[string][]byte) { p.files.Store(&files) }

// trust writes the publisher's certificate to a file, which the functions can be
// configured to trust.
func (p *publisher) trust(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// payload is the event of a subscription with one line, of a client whose
// address the databases of mmdbtest know.
func payload(t *testing.T) []byte {
	t.Helper()
	document := fmt.Sprintf(`{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"/ecs/web","logStream":"web/nginx/1",`+
		`"subscriptionFilters":["clearhop"],"logEvents":[{"id":"1","timestamp":1795345224000,"message":%q}]}`,
		mmdbtest.Addr+` - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "probe/1.0" "-" "-"`)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(document)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, `{"awslogs":{"data":%q}}`, base64.StdEncoding.EncodeToString(b.Bytes()))
}

// TestFromPublisherToEvents is the whole way of a database: it is published,
// downloaded by the built function, put into moto's S3, and loaded by a subscriber
// that keeps running.
func TestFromPublisherToEvents(t *testing.T) {
	endpoint := mototest.Start(t)
	bucket := mototest.NewBucket(t, endpoint, region, "geo")
	publisher := newPublisher(t)
	aws := append([]string{"AWS_ENDPOINT_URL=" + endpoint}, fakeCredentials...)
	updater := lambdatest.StartForTest(t, lambdatest.Config{
		Binary: lambdatest.Build(t, "."), FunctionName: "geoupdate", Region: region,
		Env: append([]string{"SSL_CERT_FILE=" + publisher.trust(t), "CLEARHOP_GEO_BUCKET=geo",
			"CLEARHOP_GEO_DATABASES=city=" + publisher.URL + "/city.mmdb,asn=" + publisher.URL + "/asn.mmdb"}, aws...),
	})
	out, tmp := filepath.Join(t.TempDir(), "events.ndjson"), t.TempDir()
	subscriber := lambdatest.StartForTest(t, lambdatest.Config{
		Binary: lambdatest.Build(t, "../subscriber"), FunctionName: "subscriber", Region: region,
		Env: append([]string{"CLEARHOP_SINK=file", "CLEARHOP_FILE=" + out, "CLEARHOP_NLB=10.16.1.11", "TMPDIR=" + tmp,
			"CLEARHOP_CITY_DB=s3://geo/geoip/city.mmdb", "CLEARHOP_ASN_DB=s3://geo/geoip/asn.mmdb", "CLEARHOP_GEO_REFRESH=1ns"}, aws...),
	})
	update := func(when string, works bool, want string) {
		t.Helper()
		result, err := updater.Invoke(t.Context(), []byte(`{"whatever":true}`), timeout)
		if (err == nil) != works || !strings.Contains(string(result.Payload), want) {
			t.Errorf("%s: got %s, %v; want %s\n%s", when, result.Payload, err, want, result.Logs)
		}
	}
	seen := 0
	event := func(when, want, log string) {
		t.Helper()
		result, err := subscriber.Invoke(t.Context(), payload(t), timeout)
		if err != nil {
			t.Fatalf("%s: %v\n%s", when, err, result.Logs)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(b[seen:]); !strings.Contains(got, want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: %s lacks %s", when, got, want)
		}
		seen = len(b)
		if said := strings.Contains(result.Logs, "could not be loaded"); said != (log != "") || !strings.Contains(result.Logs, log) {
			t.Errorf("%s: the log lacks %q, or has more than that:\n%s", when, log, result.Logs)
		}
	}

	publisher.publish(map[string][]byte{"/asn.mmdb": mmdbtest.ASN(t, day(9), 4713)})
	update("one is there", false, "/city.mmdb answers with HTTP status 404")
	if logs := subscriber.Logs(); strings.Count(logs, "could not be loaded") != 1 {
		t.Errorf("at the start:\n%s", logs)
	}
	event("one is there", `"as":{"number":4713}`, "city-db: s3://geo/geoip/city.mmdb: ")
	if logs := subscriber.Logs(); !strings.Contains(logs, `"geo_missing":1,"geo_stale":0`) {
		t.Errorf("that there are no places is not counted:\n%s", logs)
	}
	publisher.publish(map[string][]byte{"/asn.mmdb": mmdbtest.ASN(t, day(9), 4713), "/city.mmdb": mmdbtest.City(t, day(100), "JP")})
	update("both are there", true, `{"databases":[{"name":"asn","state":"unchanged",`)
	event("an old one", `"country_iso_code":"JP"`, "")
	if logs := subscriber.Logs(); !strings.Contains(logs, `"geo_missing":0,"geo_stale":1`) {
		t.Errorf("that it is old is not counted:\n%s", logs)
	}
	publisher.publish(map[string][]byte{"/asn.mmdb": mmdbtest.ASN(t, day(1), 3320), "/city.mmdb": mmdbtest.City(t, day(1), "DE")})
	update("new ones", true, `"state":"updated","type":"GeoLite2-City","built":"`+day(1).Format(time.DateOnly))
	event("new ones", `"geo":{"country_iso_code":"DE"},"as":{"number":3320}`, "")
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("%v is left in the temporary directory, %v", left, err)
	}

	bucket.Put("geoip/city.mmdb", []byte("<html>"))
	event("one of no use", `"country_iso_code":"DE"`, "city-db: database s3://geo/geoip/city.mmdb: error opening database: invalid MaxMind DB file; the one built at ")
	event("one of no use, again", `"country_iso_code":"DE"`, "")
	update("put right", true, `{"databases":[{"name":"asn","state":"unchanged",`)
	event("put right", `"country_iso_code":"DE"`, "")
	if subscriber.Restarts() != 0 || updater.Restarts() != 0 {
		t.Error("a function was restarted")
	}
	for line := range strings.Lines(subscriber.Logs()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("the subscriber logs a line that is no JSON: %s", line)
		}
	}
}

// TestRedirectAwayFromTLS: a redirect from https to http is not followed.
func TestRedirectAwayFromTLS(t *testing.T) {
	endpoint := mototest.Start(t)
	bucket := mototest.NewBucket(t, endpoint, region, "geo")
	publisher := newPublisher(t)
	f := lambdatest.StartForTest(t, lambdatest.Config{
		Binary: lambdatest.Build(t, "."), Region: region,
		Env: append([]string{"AWS_ENDPOINT_URL=" + endpoint, "SSL_CERT_FILE=" + publisher.trust(t), "CLEARHOP_GEO_BUCKET=geo",
			"CLEARHOP_GEO_DATABASES=city=" + publisher.URL + "/away"}, fakeCredentials...),
	})
	_, err := f.Invoke(t.Context(), nil, timeout)
	if failed, ok := errors.AsType[*lambdatest.FunctionError](err); !ok || !strings.Contains(failed.Message, "a redirect leads away from https") {
		t.Errorf("got %v", err)
	}
	if keys := bucket.Keys(); len(keys) > 0 {
		t.Errorf("the bucket holds %s", keys)
	}
}

func TestEveryBadSettingIsNamedAtStart(t *testing.T) {
	_, err := lambdatest.Start(t.Context(), lambdatest.Config{Binary: lambdatest.Build(t, "."), Env: []string{
		"CLEARHOP_GEO_DATABASES=city=ftp://x,town=x", "CLEARHOP_GEO_BUCKT=x",
	}})
	failed, ok := errors.AsType[*lambdatest.InitError](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"city: not an https URL", `there is no database \"town\"`, "there is no setting CLEARHOP_GEO_BUCKT", "CLEARHOP_GEO_BUCKET: "} {
		if !strings.Contains(failed.Logs, want) {
			t.Errorf("%q is not in the log:\n%s", want, failed.Logs)
		}
	}
}
