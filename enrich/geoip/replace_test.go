package geoip_test

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clearhop/enrich/geoip"
	"clearhop/internal/mmdbtest"
	"clearhop/record"
)

var known = netip.MustParseAddr(mmdbtest.Addr)

// put writes content to a new file.
func put(t testing.TB, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "new.mmdb")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestReplace goes through the versions of both databases, beginning with none.
// A Reader that has answers of one version gives none of them for the next.
func TestReplace(t *testing.T) {
	databases := open(t, geoip.Config{MaxAge: time.Hour, Now: func() time.Time { return built.Add(2 * time.Hour) }})
	reader := databases.NewReader()
	f := func(when string, place record.GeoState, country string, as record.GeoState, number uint32) {
		t.Helper()
		for range 2 { // read, and cached
			got, err := reader.Lookup(known)
			if err != nil || got.Place.State != place || got.Place.CountryISOCode != country || got.AS.State != as || got.AS.Number != number {
				t.Errorf("%s: got %+v, %v", when, got, err)
			}
		}
	}
	replace := func(kind geoip.Kind, name string, content []byte) {
		t.Helper()
		path := put(t, content)
		if err := databases.Replace(kind, name, path); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil { // as the functions do
			t.Fatal(err)
		}
	}
	f("none", record.GeoMissing, "", record.GeoMissing, 0)
	if !databases.Built(geoip.Places).IsZero() {
		t.Error("a database that is not there was built")
	}
	replace(geoip.Places, "s3://b/city", mmdbtest.City(t, built, "JP"))
	f("old places", record.GeoStale, "JP", record.GeoMissing, 0)
	replace(geoip.Systems, "s3://b/asn", mmdbtest.ASN(t, built, 4713))
	f("and old systems", record.GeoStale, "JP", record.GeoStale, 4713)
	replace(geoip.Places, "s3://b/city", mmdbtest.City(t, built.Add(time.Hour), "DE"))
	f("new places", record.GeoFound, "DE", record.GeoStale, 4713)
	replace(geoip.Systems, "s3://b/asn", mmdbtest.ASN(t, built.Add(time.Hour), 3320))
	f("new systems", record.GeoFound, "DE", record.GeoFound, 3320)
	if infos := databases.Info(); len(infos) != 2 || infos[0].Path != "s3://b/city" || !infos[0].Built.Equal(built.Add(time.Hour)) || infos[0].Stale {
		t.Errorf("got %+v", infos)
	}
	if !databases.Built(geoip.Places).Equal(built.Add(time.Hour)) || !databases.Built(geoip.Systems).Equal(built.Add(time.Hour)) {
		t.Error("Built tells of another version")
	}
}

// TestReplaceRefuses: what is of no use leaves the one in place.
func TestReplaceRefuses(t *testing.T) {
	databases := open(t, geoip.Config{CityPath: put(t, mmdbtest.City(t, built, "JP"))})
	reader := databases.NewReader()
	city := cityFixture.bytes(t)
	f := func(why, want string, content []byte) error {
		t.Helper()
		err := databases.Replace(geoip.Places, "s3://b/city", put(t, content))
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", why, err, want)
		}
		if got, err := reader.Lookup(known); err != nil || got.Place.CountryISOCode != "JP" {
			t.Errorf("%s: the one before answers %+v, %v", why, got, err)
		}
		return err
	}
	f("empty", "database s3://b/city: file is empty", nil)
	f("an error page", "database s3://b/city: error opening database: invalid MaxMind DB file", []byte("<html>"))
	f("cut off", "database s3://b/city: error opening database: invalid MaxMind DB file", city[:len(city)/2])
	err := f("another kind", `database s3://b/city is of type "GeoLite2-ASN", want one of type City, Country or Enterprise`, mmdbtest.ASN(t, built, 1))
	if _, ok := errors.AsType[*geoip.TypeError](err); !ok {
		t.Errorf("got %T", err)
	}
	// All of the data overwritten: the tree leads nowhere. 41.0.0.0/16 is one
	// of the networks that are tried.
	damaged := bytes.Clone(city)
	data := bytes.Index(damaged, make([]byte, 16)) + 16
	for i := data; i < bytes.LastIndex(damaged, []byte("\xab\xcd\xefMaxMind.com")); i++ {
		damaged[i] = 0xff
	}
	err = databases.Replace(geoip.Places, "s3://b/city", put(t, damaged))
	if lookup, ok := errors.AsType[*geoip.LookupError](err); !ok || lookup.Path != "s3://b/city" {
		t.Errorf("damaged: got %v", err)
	}
	if err := databases.Replace(geoip.Places, "new", filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: got %v", err)
	}
}

// TestReplaceWhileReading is for the race detector, and for the mapping of the
// old version, which goes when no Reader is left that uses it and not before.
func TestReplaceWhileReading(t *testing.T) {
	versions := [][]byte{mmdbtest.City(t, built, "JP"), mmdbtest.City(t, built, "DE")}
	databases := open(t, geoip.Config{CityPath: put(t, versions[0])})
	var done atomic.Bool
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			reader := databases.NewReader()
			for !done.Load() {
				got, err := reader.Lookup(known)
				if err != nil || got.Place.CountryISOCode != "JP" && got.Place.CountryISOCode != "DE" {
					t.Errorf("got %+v, %v", got, err)
					return
				}
				runtime.Gosched() // else the collector waits for its turns
			}
		})
	}
	idle := databases.NewReader()
	for i := range 50 {
		path := put(t, versions[i%2])
		if err := databases.Replace(geoip.Places, "next", path); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		runtime.GC()
	}
	done.Store(true)
	readers.Wait()
	if got, err := idle.Lookup(known); err != nil || got.Place.CountryISOCode != "DE" {
		t.Errorf("the reader that was idle got %+v, %v", got, err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	mapped := func() int {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(maps), "/new.mmdb (deleted)")
	}
	for range 100 { // a clean-up runs some time after the collection
		if runtime.GC(); mapped() == 1 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := mapped(); n != 1 {
		t.Errorf("%d versions are mapped, want the last one", n)
	}
}

// TestVerify: damage that no look-up of Replace's may find is found.
func TestVerify(t *testing.T) {
	path := cityFixture.write(t)
	info, err := geoip.Verify(t.Context(), geoip.Places, "GeoLite2-City", path)
	if err != nil || info.Type != "GeoLite2-City" || !info.Built.Equal(built) || info.Path != "GeoLite2-City" {
		t.Errorf("got %+v, %v", info, err)
	}
	if _, err := geoip.Verify(t.Context(), geoip.Systems, "new", path); err == nil {
		t.Error("a database of another kind passes")
	} else if _, ok := errors.AsType[*geoip.TypeError](err); !ok {
		t.Errorf("another kind: got %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 { // both may be ready
		if _, err = geoip.Verify(ended, geoip.Places, "new", path); err != nil {
			break
		}
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("in no time: got %v", err)
	}
	content := cityFixture.bytes(t)
	at := bytes.Index(content, []byte("\x47Boxford"))
	content[at+3] = 0xff // no UTF-8
	if _, err := geoip.Verify(t.Context(), geoip.Places, "new", put(t, content)); err == nil || !strings.HasPrefix(err.Error(), "database new: verify: ") {
		t.Errorf("damaged: got %v", err)
	}
}
