package update_test

import (
	"fmt"
	"strings"
	"testing"

	"clearhop/functions/environment"
	"clearhop/functions/geoupdate/update"
	"clearhop/internal/golden"
)

func TestSettings(t *testing.T) {
	f := func(want string, environ ...string) {
		t.Helper()
		var s update.Settings
		if err := environment.Load(environ, &s); err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := s.Check(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%v:\ngot  %s\nwant %s", environ, got, want)
		}
	}
	const bucket = "CLEARHOP_GEO_BUCKET=geo"
	f("", bucket, "CLEARHOP_GEO_SECRET=maxmind")
	f("", bucket, "CLEARHOP_GEO_DATABASES=city=https://example.com/dbip-city-lite-{month}.mmdb.gz,asn=https://example.com/asn.mmdb?a=b=c")
	f("", bucket, "CLEARHOP_GEO_SECRET=maxmind", "CLEARHOP_GEO_DATABASES=city=GeoIP2-City,asn=https://example.com/asn.mmdb")
	f("CLEARHOP_GEO_SECRET: MaxMind's editions need it\nCLEARHOP_GEO_BUCKET: is not set; name the bucket to put the databases into")
	f("CLEARHOP_GEO_SECRET: is set, but no database is a MaxMind edition", bucket, "CLEARHOP_GEO_SECRET=maxmind", "CLEARHOP_GEO_DATABASES=city=https://example.com/city.mmdb")
	f(`CLEARHOP_GEO_DATABASES: there is no database "town"; known: asn, city`, bucket, "CLEARHOP_GEO_DATABASES=town=https://example.com/city.mmdb")
	f("CLEARHOP_GEO_DATABASES: asn: neither an https URL nor the name of a MaxMind edition\nCLEARHOP_GEO_DATABASES: city: not an https URL",
		bucket, "CLEARHOP_GEO_DATABASES=city=http://example.com/city.mmdb,asn=../GeoLite2-ASN")
	f("CLEARHOP_GEO_DATABASES: city: not an https URL", bucket, "CLEARHOP_GEO_DATABASES=city=ftp://example.com/city.mmdb")
	f("CLEARHOP_GEO_DATABASES: city: not a URL", bucket, "CLEARHOP_GEO_DATABASES=city=https://")
	f("CLEARHOP_GEO_ENDPOINT: not an https URL", bucket, "CLEARHOP_GEO_SECRET=maxmind", "CLEARHOP_GEO_ENDPOINT=http://updates.maxmind.com")
}

// TestSettingsPage holds the table of these settings in docs/settings.md.
func TestSettingsPage(t *testing.T) {
	var b strings.Builder
	b.WriteString("| variable | default | what it does |\n| --- | --- | --- |\n")
	for _, v := range environment.Variables(&update.Settings{}) {
		value := ""
		if v.Default != "" {
			value = "`" + v.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.Name, value, v.Help)
	}
	golden.Sections(t, "../../../docs/settings.md", map[string]string{"geoupdate settings": b.String()})
}
