package geoip_test

import (
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"clearhop/enrich/geoip"
)

func Example() {
	path, remove := smallDatabase()
	defer remove()

	databases, err := geoip.Open(geoip.Config{CityPath: path, MaxAge: 60 * 24 * time.Hour})
	if err != nil {
		log.Fatal(err)
	}
	defer databases.Close()
	for _, info := range databases.Info() {
		fmt.Println(info.Type, info.Built.Format(time.DateOnly), "stale:", info.Stale)
	}

	reader := databases.NewReader() // one for each goroutine
	for _, addr := range []string{"210.227.0.10", "9.9.9.9", "10.0.5.4"} {
		result, err := reader.Lookup(netip.MustParseAddr(addr))
		if err != nil {
			log.Print(err) // the database is damaged; result is still to be used
		}
		fmt.Println(addr, result.Place.State, result.Place.CountryISOCode, result.AS.State)
	}
	// Output:
	// DBIP-Country-Lite 2020-01-01 stale: true
	// 210.227.0.10 db_stale JP db_missing
	// 9.9.9.9 not_found  db_missing
	// 10.0.5.4 private  private
}

// smallDatabase knows one network, and is old.
func smallDatabase() (path string, remove func()) {
	dir, err := os.MkdirTemp("", "geoip")
	if err != nil {
		log.Fatal(err)
	}
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: "DBIP-Country-Lite",
		BuildEpoch:   time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Unix(),
	})
	if err != nil {
		log.Fatal(err)
	}
	network := &net.IPNet{IP: net.IPv4(210, 227, 0, 0).To4(), Mask: net.CIDRMask(16, 32)}
	japan := mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String("JP")}}
	if err := tree.Insert(network, japan); err != nil {
		log.Fatal(err)
	}
	path = filepath.Join(dir, "country.mmdb")
	file, err := os.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := tree.WriteTo(file); err != nil {
		log.Fatal(err)
	}
	if err := file.Close(); err != nil {
		log.Fatal(err)
	}
	return path, func() { os.RemoveAll(dir) }
}
