package geoip_test

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"clearhop/enrich/geoip"
)

// built is when every fixture was built.
var built = time.Date(2026, 6, 17, 19, 0, 0, 0, time.UTC)

// A fixture is a database in a readable form.
type fixture struct {
	databaseType string
	ipVersion    int    // zero: 6
	networks     string // a line each: the network, a space, the record in JSON
}

// The networks are real and public: those kept for documentation are never
// looked up. What is said of them is made up, near to what GeoLite2 says.
var (
	cityFixture = fixture{databaseType: "GeoLite2-City", networks: `
2.125.160.216/29 {"continent":{"code":"EU"},"country":{"iso_code":"GB","names":{"en":"United Kingdom","de":"Vereinigtes Königreich"}},"subdivisions":[{"iso_code":"ENG","names":{"en":"England"}},{"iso_code":"WBK","names":{"en":"West Berkshire"}}],"city":{"names":{"en":"Boxford"}},"postal":{"code":"OX1"},"location":{"latitude":51.75,"longitude":-1.25,"time_zone":"Europe/London"}}
1.1.1.0/24       {"registered_country":{"iso_code":"AU","names":{"en":"Australia"}}}
41.0.0.0/16      {"country":{"iso_code":"GH","names":{"en":"Ghana"}},"location":{"latitude":0,"longitude":0}}
42.0.0.0/16      {"country":{"iso_code":"JP"},"location":{"latitude":35.5}}
43.0.0.0/16      {"country":{"iso_code":"JP"},"location":{"latitude":1e9,"longitude":0}}
44.0.0.0/16      {"country":{"iso_code":"JP","names":{"ja":"日本"}},"subdivisions":[{"names":{"en":"Tokyo"}}]}
2001:218::/32    {"continent":{"code":"AS"},"country":{"iso_code":"JP","names":{"en":"Japan"}}}
`}
	countryFixture = fixture{databaseType: "DBIP-Country-Lite", networks: `
210.227.0.0/16   {"continent":{"code":"AS"},"country":{"iso_code":"JP","names":{"en":"Japan"}}}
`}
	enterpriseFixture = fixture{databaseType: "GeoIP2-Enterprise", networks: `
210.227.0.0/16   {"country":{"iso_code":"JP","names":{"en":"Japan"},"confidence":99},"traits":{"isp":"OCN","autonomous_system_number":4713}}
`}
	asnFixture = fixture{databaseType: "GeoLite2-ASN", networks: `
2.125.0.0/16     {"autonomous_system_number":5607,"autonomous_system_organization":"Sky UK Limited"}
8.8.8.0/24       {"autonomous_system_number":15169,"autonomous_system_organization":"GOOGLE"}
41.0.0.0/17      {"autonomous_system_number":4200000001}
2001:218::/33    {"autonomous_system_number":2914,"autonomous_system_organization":"NTT"}
`}
	ispFixture = fixture{databaseType: "GeoIP2-ISP", networks: `
8.8.8.0/24       {"autonomous_system_number":15169,"autonomous_system_organization":"GOOGLE","isp":"Google"}
`}
)

// write builds the database and gives its path.
func (f fixture) write(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), f.databaseType+".mmdb")
	if err := os.WriteFile(path, f.bytes(t), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// bytes builds the database.
func (f fixture) bytes(t testing.TB) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: f.databaseType,
		IPVersion:    f.ipVersion,
		BuildEpoch:   built.Unix(),
		Description:  map[string]string{"en": "a fixture"},
		Languages:    []string{"en"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(strings.TrimSpace(f.networks)) {
		network, record, _ := strings.Cut(line, " ")
		_, parsed, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal([]byte(record), &value); err != nil {
			t.Fatalf("%s: %v", network, err)
		}
		if err := tree.Insert(parsed, toData(value)); err != nil {
			t.Fatalf("%s: %v", network, err)
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// toData gives numbers the type that geoip2 reads for their name: all but the
// AS number are degrees or a confidence.
func toData(value any) mmdbtype.DataType {
	switch value := value.(type) {
	case string:
		return mmdbtype.String(value)
	case float64:
		return mmdbtype.Float64(value)
	case []any:
		var slice mmdbtype.Slice
		for _, v := range value {
			slice = append(slice, toData(v))
		}
		return slice
	case map[string]any:
		data := mmdbtype.Map{}
		for name, v := range value {
			if number, ok := v.(float64); ok && name != "latitude" && name != "longitude" {
				data[mmdbtype.String(name)] = mmdbtype.Uint32(number)
				continue
			}
			data[mmdbtype.String(name)] = toData(v)
		}
		return data
	}
	panic("no such value in a fixture")
}

// open opens a Config and closes it with the test.
func open(t testing.TB, config geoip.Config) *geoip.Databases {
	t.Helper()
	databases, err := geoip.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := databases.Close(); err != nil {
			t.Error(err)
		}
	})
	return databases
}
