// Package mmdbtest makes small GeoIP databases for tests.
//
//	city := mmdbtest.City(t, built, "JP") // 210.227.0.0/16 is in Japan
package mmdbtest

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"go4.org/netipx"
)

// Network is the network that City and ASN know; Addr is in it.
const (
	Network = "210.227.0.0/16"
	Addr    = "210.227.0.10"
)

// City is a database of the type GeoLite2-City.
func City(t testing.TB, built time.Time, country string) []byte {
	t.Helper()
	return Make(t, "GeoLite2-City", built, mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(country)}})
}

// ASN is a database of the type GeoLite2-ASN.
func ASN(t testing.TB, built time.Time, number uint32) []byte {
	t.Helper()
	return Make(t, "GeoLite2-ASN", built, mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(number)})
}

// Make is a database that has the record for Network.
func Make(t testing.TB, databaseType string, built time.Time, record mmdbtype.Map) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: databaseType,
		BuildEpoch:   built.Unix(),
		Description:  map[string]string{"en": "for a test"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Insert(netipx.PrefixIPNet(netip.MustParsePrefix(Network)), record); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
