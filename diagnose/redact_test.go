package diagnose

import (
	"net/netip"
	"strings"
	"testing"
	"unicode"

	"clearhop/enrich/clientip"
	"clearhop/record"
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

func TestWithoutPersons(t *testing.T) {
	for in, want := range map[string]string{
		"/lookup/203.0.113.9/alice@x.org":        "/lookup/203.0.113.x/(name)@x.org",
		"/u/alice.smith%40x.org":                 "/u/(name)%40x.org",
		"/10.16.1.11/x":                          "/10.16.1.11/x",
		"/2001:db8:210:7::10":                    "/2001:db8:210::x",
		"/2001%3Adb8%3A210%3A7%3A%3A10":          "/2001:db8:210::x",
		"9.113.0.203.dsl.example.net":            "(address).dsl.example.net",
		"0.203.0.113.9":                          "(address)",
		"/pkg@1.2.3/index.js":                    "/pkg@1.2.3/index.js",
		"/@alice":                                "/@alice",
		"probe/1.0 (+bot@x.org)":                 "probe/1.0 ((name)@x.org)",
		"ftp://bob:secret@x":                     "ftp://bob:(name)@x",
		"Chrome/131.0.0.0":                       "Chrome/131.0.0.0",
		"jos\u00e9@x.org":                        "(name)@x.org",
		"":                                       "",
		strings.Repeat("a", 60):                  strings.Repeat("a", 50) + "…",
		strings.Repeat("a", 600) + "@x.org":      strings.Repeat("a", 50) + "…",
		strings.Repeat("1.", 300):                "(address).…",
		strings.Repeat("a", 45) + " 203.0.113.9": strings.Repeat("a", 45) + " 203.…",
		"2０３．0．113．９":                            "203.0.113.x",
	} {
		if got := withoutPersons([]byte(in), 50); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	r := &record.Record{Dataset: record.AccessLine, Line: record.Line{Origin: &record.Origin{}}}
	r.URL.Path, r.Access.Method, r.Access.UserAgent = []byte("/lookup/203.0.113.9/alice@x.org"), []byte("GET"), []byte("a 198.51.100.77")
	if got, want := redacted(r).Text, `"GET /lookup/203.0.113.x/(name)@x.org" "a 198.51.100.x"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r.Access.BadRequest = []byte("203.0.113.9\r\n")
	if got, want := redacted(r).Text, `"203.0.113.x�…" "a 198.51.100.x"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r = &record.Record{Dataset: record.ErrorLogLine, Line: record.Line{Origin: &record.Origin{}}}
	r.Error.Level, r.Error.Message, r.Error.Client = []byte("error"), []byte(`open() "/203.0.113.9/al@x.org" failed`), []byte("203.0.113.9")
	if got, want := redacted(r).Text, `[error] open() "/203.0.113.x/(name)@x.org" faile…, client: 203.0.113.x`; got != want {
		t.Errorf("got %s, want %s", got, want)
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
