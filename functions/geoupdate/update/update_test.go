package update_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"clearhop/enrich/geoip"
	"clearhop/functions/environment"
	"clearhop/functions/geoupdate/update"
	"clearhop/internal/mmdbtest"
	"clearhop/internal/mototest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	region     = "eu-central-1"
	accountID  = "12345"
	licenseKey = "license-key-of-the-account"
)

// day is when a version of a database was built.
func day(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }

// A stand is all that an Updater needs: moto's S3 and Secrets Manager.
type stand struct {
	t        *testing.T
	endpoint string
	aws      aws.Config
	bucket   *mototest.Bucket
	dir      string // of temporary files
}

func newStand(t *testing.T) *stand {
	t.Helper()
	s := &stand{t: t, endpoint: mototest.Start(t), dir: t.TempDir()}
	t.Setenv("TMPDIR", s.dir)
	s.aws = aws.Config{Region: region, BaseEndpoint: &s.endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	s.bucket = mototest.NewBucket(t, s.endpoint, region, "geo")
	s.secret("maxmind", `{"account_id":"`+accountID+`","license_key":"`+licenseKey+`"}`)
	return s
}

func (s *stand) secret(name, value string) {
	s.t.Helper()
	_, err := secretsmanager.NewFromConfig(s.aws).CreateSecret(s.t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value})
	if err != nil {
		s.t.Fatal(err)
	}
}

// run runs an Updater of the settings that environ gives. The files that it
// made must be gone.
func (s *stand) run(environ ...string) (update.Summary, error) {
	s.t.Helper()
	var settings update.Settings
	if err := environment.Load(append([]string{"CLEARHOP_GEO_BUCKET=geo"}, environ...), &settings); err != nil {
		s.t.Fatal(err)
	}
	u, err := update.New(settings, s.aws)
	if err != nil {
		s.t.Fatal(err)
	}
	summary, err := u.Run(s.t.Context())
	if left, e := os.ReadDir(s.dir); e != nil || len(left) > 0 {
		s.t.Errorf("%v is left in the temporary directory, %v", left, e)
	}
	return summary, err
}

// holds fails the test if the database in place is another one.
func (s *stand) holds(when, name string, want []byte) {
	s.t.Helper()
	if got, _ := s.bucket.Get("geoip/" + name + ".mmdb"); !bytes.Equal(got, want) {
		s.t.Errorf("%s: %s has %d bytes that are not those wanted", when, name, len(got))
	}
}

// states returns the states of a summary, in the order of the names.
func states(s update.Summary) string {
	var words []string
	for _, r := range s.Databases {
		words = append(words, r.Name+" "+string(r.State))
	}
	return strings.Join(words, ", ")
}

// maxMind is a stand-in for MaxMind's update service, which redirects downloads to
// another host with a signed link.
type maxMind struct {
	t     *testing.T
	links string // URL of the other host

	mu        sync.Mutex
	editions  map[string][]byte
	md5       string // replaces the right one
	downloads []string
}

func newMaxMind(t *testing.T) (*maxMind, *httptest.Server) {
	m := &maxMind{t: t, editions: map[string][]byte{}}
	links := httptest.NewServer(http.HandlerFunc(m.download))
	t.Cleanup(links.Close)
	m.links = strings.Replace(links.URL, "127.0.0.1", "localhost", 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /geoip/updates/metadata", m.metadata)
	mux.HandleFunc("GET /geoip/databases/{edition}/download", m.redirect)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != accountID || password != licenseKey {
			http.Error(w, "Invalid license key: "+password, http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return m, server
}

func (m *maxMind) publish(edition string, content []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.editions[edition] = content
}

func (m *maxMind) metadata(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	edition := r.FormValue("edition_id")
	sum := fmt.Sprintf("%x", md5.Sum(m.editions[edition]))
	if m.md5 != "" {
		sum = m.md5
	}
	fmt.Fprintf(w, `{"databases":[{"edition_id":%q,"md5":%q,"date":"2026-11-20"}]}`, edition, sum)
}

func (m *maxMind) redirect(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("date") != "20261120" || r.FormValue("suffix") != "tar.gz" {
		m.t.Errorf("asked for %s", r.URL)
	}
	http.Redirect(w, r, m.links+"/"+r.PathValue("edition")+"?X-Amz-Signature=of-the-link", http.StatusFound)
}

func (m *maxMind) download(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		m.t.Error("the account is told to another host")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	edition := strings.TrimPrefix(r.URL.Path, "/")
	m.downloads = append(m.downloads, edition)
	w.Header().Set("Last-Modified", "Fri, 20 Nov 2026 12:00:00 GMT")
	w.Write(tarball(m.t, edition, m.editions[edition]))
}

// tarball returns a tar.gz as MaxMind makes it.
func tarball(t testing.TB, edition string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, f := range []struct {
		name    string
		content []byte
	}{
		{"COPYRIGHT.txt", []byte("Database and Contents Copyright (c) 2026 MaxMind, Inc.")},
		{edition + ".mmdb", content},
		{"LICENSE.txt", []byte("Use of this MaxMind product is governed by MaxMind's GeoLite2 End User License Agreement")},
	} {
		if err := w.WriteHeader(&tar.Header{Name: edition + "_20261120/" + f.name, Mode: 0o644, Size: int64(len(f.content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestMaxMind: good and bad releases of both editions, one after the other.
func TestMaxMind(t *testing.T) {
	s := newStand(t)
	m, server := newMaxMind(t)
	environ := []string{"CLEARHOP_GEO_SECRET=maxmind", "CLEARHOP_GEO_ENDPOINT=" + server.URL}
	city, asn := mmdbtest.City(t, day(17), "JP"), mmdbtest.ASN(t, day(17), 4713)
	m.publish("GeoLite2-City", city)
	m.publish("GeoLite2-ASN", asn)
	f := func(when, want string, cause func(error) bool) error {
		t.Helper()
		summary, err := s.run(environ...)
		if got := states(summary); got != want || (err != nil) != (cause != nil) || cause != nil && !cause(err) {
			t.Errorf("%s: got %s, %v; want %s", when, got, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), licenseKey) || strings.Contains(err.Error(), "of-the-link")) {
			t.Errorf("%s: the error holds what is secret: %v", when, err)
		}
		s.holds(when, "city", city)
		s.holds(when, "asn", asn)
		return err
	}
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }

	f("the first release", "asn updated, city updated", nil)
	if got := s.bucket.Keys(); !slices.Equal(got, []string{"geoip/asn.mmdb", "geoip/city.mmdb"}) {
		t.Errorf("the bucket holds %s", got)
	}
	f("the same release", "asn unchanged, city unchanged", nil)
	if len(m.downloads) != 2 {
		t.Errorf("downloaded: %s", m.downloads)
	}
	city = mmdbtest.City(t, day(20), "DE")
	m.publish("GeoLite2-City", city)
	f("a new release of one", "asn unchanged, city updated", nil)

	m.publish("GeoLite2-City", mmdbtest.City(t, day(17), "JP"))
	err := f("an older release", "asn unchanged, city failed", func(error) bool { return true })
	if older, ok := errors.AsType[*update.OlderError](err); !ok || !older.Built.Equal(day(17)) || !older.InPlace.Equal(day(20)) {
		t.Errorf("an older release: got %v", err)
	}
	m.publish("GeoLite2-City", mmdbtest.ASN(t, day(21), 1))
	err = f("another kind", "asn unchanged, city failed", func(error) bool { return true })
	if kind, ok := errors.AsType[*geoip.TypeError](err); !ok || kind.Path != "MaxMind GeoLite2-City" {
		t.Errorf("another kind: got %v", err)
	}
	damaged := mmdbtest.City(t, day(21), "JP")
	damaged[bytes.Index(damaged, []byte("\x42JP"))+1] = 0xff
	m.publish("GeoLite2-City", damaged)
	f("damaged", "asn unchanged, city failed", func(err error) bool {
		return strings.HasPrefix(err.Error(), "city: database MaxMind GeoLite2-City: verify: ")
	})
	m.publish("GeoLite2-City", nil)
	f("empty", "asn unchanged, city failed", func(err error) bool { return strings.Contains(err.Error(), "file is empty") })
	m.publish("GeoLite2-City", mmdbtest.City(t, day(21), "GH"))
	m.md5 = "d41d8cd98f00b204e9800998ecf8427e"
	f("another checksum", "asn failed, city failed", is(update.ErrChecksum))
	m.md5 = ""
	links := m.links
	m.links = "http://localhost:9"
	f("the other host is away", "asn unchanged, city failed", func(err error) bool {
		return strings.Contains(err.Error(), "city: fetch: localhost:9/GeoLite2-City: dial tcp")
	})
	m.links = links
	city = mmdbtest.City(t, day(21), "GH")
	f("all well again", "asn unchanged, city updated", nil)

	s.secret("wrong", `{"account_id":12345,"license_key":"`+licenseKey+`-of-another"}`)
	environ[0] = "CLEARHOP_GEO_SECRET=wrong"
	err = f("a wrong key", "asn failed, city failed", func(error) bool { return true })
	if status, ok := errors.AsType[*update.StatusError](err); !ok || status.Code != http.StatusUnauthorized {
		t.Errorf("a wrong key: got %v", err)
	}
	for i, secret := range []string{"license-key-of-the-account", `{"license_key":"` + licenseKey + `"}`, `{"account_id":"x","license_key":"` + licenseKey + `"}`, `{"account_id":1}`, `{"account_id":-1,"license_key":"` + licenseKey + `"}`} {
		name := fmt.Sprintf("bad-%d", i)
		s.secret(name, secret)
		environ[0] = "CLEARHOP_GEO_SECRET=" + name
		f("a secret that is none", "asn failed, city failed", is(update.ErrSecret))
	}
	environ[0] = "CLEARHOP_GEO_SECRET=none"
	f("no secret", "asn failed, city failed", func(err error) bool { return strings.Contains(err.Error(), "ResourceNotFoundException") })
	if _, metadata := s.bucket.Get("geoip/city.mmdb"); metadata["source"] != "MaxMind GeoLite2-City" || metadata["built"] != "2026-11-21T12:00:00Z" || metadata["version"] != fmt.Sprintf("%x", md5.Sum(city)) {
		t.Errorf("the metadata is %v", metadata)
	}
}

// TestURLs downloads files of all kinds from a web server.
func TestURLs(t *testing.T) {
	s := newStand(t)
	type answer struct {
		content      []byte
		etag, change string
		status       int
	}
	var answers map[string]answer
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		a, there := answers[r.URL.Path]
		if !there {
			http.NotFound(w, r)
			return
		}
		if a.status != 0 {
			w.WriteHeader(a.status)
			return
		}
		if a.etag != "" {
			w.Header().Set("ETag", a.etag)
		}
		changed, _ := http.ParseTime(a.change)
		http.ServeContent(w, r, "", changed, bytes.NewReader(a.content))
	}))
	defer server.Close()
	run := func(city string) (update.Summary, error) {
		t.Helper()
		asked = nil
		return s.run("CLEARHOP_GEO_DATABASES=city=" + strings.Replace(server.URL, "://", "://user:password@", 1) + city + "?token=of-the-url")
	}
	f := func(when, path, want string, content []byte) {
		t.Helper()
		summary, err := run(path)
		if got := states(summary); got != want || err != nil {
			t.Errorf("%s: got %s, %v; want %s", when, got, err, want)
		}
		s.holds(when, "city", content)
	}
	first, second, third := mmdbtest.City(t, day(1), "JP"), mmdbtest.City(t, day(2), "DE"), mmdbtest.City(t, day(3), "GH")
	answers = map[string]answer{
		"/city.mmdb":    {content: first, etag: `"1"`},
		"/city.mmdb.gz": {content: zipped(t, second), change: "Mon, 02 Nov 2026 12:00:00 GMT"},
		"/city.tar.gz":  {content: tarball(t, "city", third)},
	}
	f("as it is", "/city.mmdb", "city updated", first)
	f("by ETag the same", "/city.mmdb", "city unchanged", first)
	f("gzip, from another place", "/city.mmdb.gz", "city updated", second)
	f("by time the same", "/city.mmdb.gz", "city unchanged", second)
	f("tar, and neither ETag nor time", "/city.tar.gz", "city updated", third)
	f("again", "/city.tar.gz", "city updated", third)

	now := time.Now().UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	this, last := month.Format("/city-2006-01.mmdb"), month.AddDate(0, -1, 0).Format("/city-2006-01.mmdb")
	fourth, fifth := mmdbtest.City(t, day(4), "JP"), mmdbtest.City(t, day(5), "DE")
	answers = map[string]answer{last: {content: fourth, etag: `"4"`}}
	f("the month before", "/city-{month}.mmdb", "city updated", fourth)
	f("the month before, the same", "/city-{month}.mmdb", "city unchanged", fourth)
	answers[this] = answer{content: fifth, etag: `"4"`}
	f("this month", "/city-{month}.mmdb", "city updated", fifth)
	if !slices.Equal(asked, []string{this}) {
		t.Errorf("asked for %s", asked)
	}

	good := zipped(t, mmdbtest.City(t, day(6), "JP"))
	packed := tarball(t, "city", mmdbtest.City(t, day(6), "JP"))
	answers = map[string]answer{
		"/page":      {content: []byte("<html>not a database</html>")},
		"/cut":       {content: good[:len(good)-10]},
		"/cut-tar":   {content: packed[:len(packed)-10]},
		"/flipped":   {content: flip(packed)},
		"/other-tar": {content: tarball(t, "city", nil)[:100]},
		"/no-tar":    {content: zipped(t, bytes.Repeat([]byte("x"), 1024))},
		"/error":     {status: http.StatusInternalServerError},
	}
	for path, want := range map[string]string{
		"/page":       "invalid MaxMind DB file",
		"/cut":        "unexpected EOF",
		"/cut-tar":    "unexpected EOF",
		"/flipped":    "gzip",
		"/other-tar":  "unexpected EOF",
		"/no-tar":     "invalid MaxMind DB file",
		"/error":      "/error answers with HTTP status 500",
		"/gone":       "/gone answers with HTTP status 404",
		"/no/{month}": last[6:13] + " answers with HTTP status 404",
	} {
		summary, err := run(path)
		if states(summary) != "city failed" || err == nil || !strings.HasPrefix(err.Error(), "city: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %s, %v; want an error of %q", path, states(summary), err, want)
		} else if strings.Contains(err.Error(), "token") || strings.Contains(err.Error(), "password") {
			t.Errorf("%s: the error holds what is secret: %v", path, err)
		}
		s.holds(path, "city", fifth)
	}
	s.bucket.Put("geoip/city.mmdb", first)
	answers = map[string]answer{"/city.mmdb": {content: fourth, etag: `"1"`}}
	f("in the place of one that somebody else put there", "/city.mmdb", "city updated", fourth)
}

// flip changes a byte of the checksum of a gzip file.
func flip(packed []byte) []byte {
	flipped := bytes.Clone(packed)
	flipped[len(flipped)-8] ^= 1
	return flipped
}

// TestEnded: if the context has ended, each database fails at once.
func TestEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	settings := update.Settings{
		Databases: map[string]string{"city": "https://127.0.0.1:9/city.mmdb"}, Endpoint: "https://127.0.0.1:9", Bucket: "geo",
	}
	u, err := update.New(settings, aws.Config{Region: region, BaseEndpoint: aws.String("http://127.0.0.1:9"), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	if err != nil {
		t.Fatal(err)
	}
	summary, err := u.Run(ctx)
	failed, ok := errors.AsType[*update.DatabaseError](err)
	if states(summary) != "city failed" || !ok || failed.Name != "city" || !errors.Is(err, context.Canceled) {
		t.Errorf("got %s, %v", states(summary), err)
	}
}
