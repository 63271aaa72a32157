package diagnose

import (
	"net/netip"
	"strings"
	"testing"
	"unicode"

	"clearhop/enrich/clientip"
)

func TestRedactedList(t *testing.T) {
	for in, want := range map[string]string{
		"10.16.1.11":                    "10.16.1.11",
		"210.227.0.10":                  "210.227.0.x",
		"210.227.0.10:4711":             "210.227.0.x",
		"[2001:db8:210:7::10]:80":       "2001:db8:210::x",
		"::ffff:210.227.0.10":           "210.227.0.x",
		"fe80::1%eth0":                  "fe80::1",
		"6.6.6.6, 10.16.1.11":           `"6.6.6.x, 10.16.1.11"`,
		"1.1.1.1,2.2.2.2,3.3.3.3,4,5,6": `"… 3.3.3.x, (no address), (no address), (no address)"`,
		"<script>":                      "(no address)",
		"unix:/run/a.sock":              "unix:",
		"":                              `""`,
	} {
		if got := redactedList([]byte(in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// FuzzRedact: no public address that stands in a header stands in what is shown
// of it, nor anything that a terminal would obey.
func FuzzRedact(f *testing.F) {
	for _, s := range []string{"210.227.0.10", "6.6.6.6, 10.16.1.11", "[2001:db8::1]:80", "::ffff:8.8.8.8", "\x1b[31m", "unix:x", "1.1.1.1 1.1.1.1:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := redactedList([]byte(header))
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%q is shown as %q", header, got)
		}
		shown := strings.FieldsFunc(strings.Trim(got, `"`), func(r rune) bool { return r == ' ' || r == ',' })
		for _, token := range shown {
			if addr, err := netip.ParseAddr(token); err == nil && !clientip.IsPrivate(addr.Unmap()) {
				t.Fatalf("%q is shown as %q", header, got)
			}
		}
	})
}
