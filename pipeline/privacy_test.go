package pipeline_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"clearhop/enrich/clientip"
	"clearhop/internal/chaintest"
	"clearhop/pipeline"
	"clearhop/privacy"
	"clearhop/record"
	"clearhop/rule"
)

const privacyKey = "correct horse battery staple"

// private is the configuration of the chain with the addresses of all its
// proxies, and with lines kept: as much as can leak.
func private(mode string) pipeline.Config {
	c := chain()
	c.Client.NLB = []string{"10.16.1.11,2001:db8:16:1::11"}
	c.Client.Trusted = []string{"10.16.1.13,2001:db8:16:1::13,10.16.1.15"}
	c.Privacy.Mode, c.Original = mode, true
	if mode == "hash" {
		c.Privacy.Key = privacyKey
	}
	return c
}

// inEvent finds what looks like an address in an event: a twin of what package
// privacy does, written the other way round, by regular expressions and
// netip.ParseAddr.
var inEvent = regexp.MustCompile(`[0-9A-Fa-f]*(?::[0-9A-Fa-f]*){2,}(?:\.\d+){0,3}|\d+(?:\.\d+){3}`)

func addressesIn(text []byte) []netip.Addr {
	var all []netip.Addr
	for _, word := range inEvent.FindAll(text, -1) {
		if addr, err := netip.ParseAddr(string(word)); err == nil {
			all = append(all, addr.Unmap())
		}
	}
	return all
}

// mayStand reports whether an address can be in a private event: a proxy's, a
// server's, what is no host's, or a truncated one.
func mayStand(addr netip.Addr) bool {
	proxies := []string{"10.16.1.11", "10.16.1.13", "10.16.1.15", "2001:db8:16:1::11", "2001:db8:16:1::13"}
	bits := 24
	if addr.Is6() {
		bits = 48
	}
	network, _ := addr.Prefix(bits)
	return slices.Contains(proxies, addr.String()) || network.Addr() == addr
}

// upstreams are the servers that the chain's events name: they stay.
var upstreams = regexp.MustCompile(`"upstream":(\[[^]]*\]|"[^"]*")`)

// TestNoVisitorIsInPrivateEvents: of all that real nginx wrote, in all formats
// and of all kinds of lines, no event shows an address but proxies' and
// networks. The visitors' own are known: they wrote them into their requests.
func TestNoVisitorIsInPrivateEvents(t *testing.T) {
	truth := regexp.MustCompile(`from=([0-9a-f.:]+)`)
	for _, mode := range []string{"truncate", "hash"} {
		visitors, lines := 0, 0
		logs := samples(t, "../parser/testdata/*/*.log", "testdata/hostile.log", "testdata/diag.log", "../testdata/seed/access.log")
		if len(logs) < 250 {
			t.Fatalf("only %d logs", len(logs))
		}
		for _, log := range logs {
			w := open(t, private(mode))
			in := linesOf(&record.Origin{Source: log.name}, log.lines...)
			n := 0
			_, err := w.ProcessBatch(in, true, func(out *pipeline.Outcome) error {
				line := in[n].Text
				n++
				lines++
				if m := truth.FindSubmatch(line); m != nil {
					visitors++
					if bytes.Contains(out.Data, append(m[1], '"')) || bytes.Contains(out.Data, append(m[1], ' ')) {
						t.Errorf("%s: line %d: the visitor %s is in %s", log.name, n, m[1], out.Data)
					}
				}
				for _, addr := range addressesIn(upstreams.ReplaceAll(out.Data, nil)) {
					if !mayStand(addr) {
						t.Errorf("%s: line %d: %s: %s is in\n%s", log.name, n, mode, addr, out.Data)
					}
				}
				if !json.Valid(out.Data) {
					t.Errorf("%s: line %d: no event: %s", log.name, n, out.Data)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if visitors < 1000 || lines < visitors {
			t.Errorf("%s: only %d lines of %d bear the truth", mode, visitors, lines)
		}
	}
}

var pseudonym = regexp.MustCompile(`[0-9a-f]{32}`)

// TestOneVisitorOneName: a visitor has the same pseudonym in every field, in the
// lines of both hops, in access and error logs, and for every worker.
func TestOneVisitorOneName(t *testing.T) {
	names := map[string]int{}
	for _, text := range []string{
		`203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET /?ip=203.0.113.9 HTTP/1.1" 200 3 "-" "-" "203.0.113.9" "203.0.113.9" 10.16.1.11`,
		`::ffff:203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-"`,
		`2026/11/22 11:00:25 [error] 7#7: *1 open() "/x" failed (2: No such file or directory), client: 203.0.113.9, server: _`,
		`junk of [203.0.113.9]:443`,
	} {
		out := open(t, private("hash")).Process(&record.Line{Text: []byte(text), Origin: &record.Origin{}})
		found := pseudonym.FindAll(bytes.Replace(out.Data, out.ID, nil, 1), -1)
		if len(found) == 0 {
			t.Errorf("no pseudonym in %s", out.Data)
		}
		for _, name := range found {
			names[string(name)]++
		}
	}
	if len(names) != 1 {
		t.Errorf("one visitor has the names %v", names)
	}
}

// TestPrivacyKeepsWhatIsKnown: place and network are looked up before, and what
// is said of the chain stays the same.
func TestPrivacyKeepsWhatIsKnown(t *testing.T) {
	type event struct {
		Client     struct{ IP, Address string }
		Source     struct{ IP, Address string }
		Provenance map[string]any
	}
	read := func(mode string) (e event) {
		out := open(t, private(mode)).Process(&record.Line{Origin: &record.Origin{}, Text: []byte(
			`10.16.1.13 - ann [22/Nov/2026:11:00:24 +0000] "GET /?q=1 HTTP/1.1" 200 3 "-" "-" "8.8.8.8, 203.0.113.9" "203.0.113.9"`)})
		if err := json.Unmarshal(out.Data, &e); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(out.Data), "ann") != (mode == "none") {
			t.Errorf("%s: the user: %s", mode, out.Data)
		}
		delete(e.Provenance, "hops")
		delete(e.Provenance, "claimed")
		return e
	}
	plain := read("none")
	for _, mode := range []string{"truncate", "hash"} {
		e := read(mode)
		for name, want := range plain.Provenance {
			if got := e.Provenance[name]; got != want {
				t.Errorf("%s: provenance.%s is %v, was %v", mode, name, got, want)
			}
		}
		if e.Source != plain.Source || len(e.Provenance) != len(plain.Provenance) {
			t.Errorf("%s: %+v", mode, e)
		}
	}
	if ip := read("truncate").Client.IP; ip != "203.0.113.0" {
		t.Errorf("truncated client %s", ip)
	}
	if e := read("hash"); e.Client.IP != "" || len(e.Client.Address) != 32 {
		t.Errorf("hashed client %+v", e.Client)
	}
}

func TestPrivacyAllocatesLittle(t *testing.T) {
	for _, mode := range []string{"truncate", "hash"} {
		c := private(mode)
		c.Privacy.RedactQuery = []string{"q"}
		w := open(t, c)
		origin := &record.Origin{Source: "log"}
		lines := chaintest.Lines(t, "ok/web.clearhop.log")
		each := func() {
			for i := range lines {
				w.Process(&record.Line{Text: lines[i], Offset: int64(i), Origin: origin})
			}
		}
		each()
		if n := testing.AllocsPerRun(100, each); n != 0 {
			t.Errorf("%s: %v allocations for %d lines, want none", mode, n, len(lines))
		}
	}
}

func TestPrivacySettings(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	if err := os.WriteFile(file, []byte(privacyKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := `203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-"`
	event := func(key string) string {
		w := open(t, pipeline.Config{Privacy: privacy.Settings{Mode: "hash", Key: key}})
		return string(w.Process(&record.Line{Text: []byte(text), Origin: &record.Origin{}}).Data)
	}
	if event(privacyKey) != event("@"+file) {
		t.Error("a key from a file is another one")
	}
	f := func(c pipeline.Config, want string) {
		t.Helper()
		_, err := pipeline.New(c)
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if err != nil && c.Privacy.Key != "" && strings.Contains(err.Error(), c.Privacy.Key) {
			t.Errorf("the key is in the error: %v", err)
		}
	}
	f(pipeline.Config{Privacy: privacy.Settings{Mode: "md5", Key: "x"}}, `privacy: there is no mode "md5"; known: none, truncate, hash`)
	f(pipeline.Config{Privacy: privacy.Settings{Mode: "hash"}}, "privacy-key: privacy hash needs it")
	f(pipeline.Config{Privacy: privacy.Settings{Mode: "hash", Key: "shortkey"}}, "privacy-key: the key has 8 bytes; it needs 16 or more")
	f(pipeline.Config{Privacy: privacy.Settings{Mode: "hash", Key: "@" + dir + "/none"}}, "privacy-key: the file behind the @ cannot be read: no such file or directory")
	f(pipeline.Config{Privacy: privacy.Settings{Key: privacyKey}}, "privacy-key: is given, but privacy is not hash")
	f(pipeline.Config{Privacy: privacy.Settings{Mode: "truncate", RedactQuery: []string{"a, b c"}}, Client: clientip.Settings{Trusted: []string{"0.0.0.0/0"}}},
		"trusted: 0.0.0.0/0 holds visitors' addresses too, and one that counts as a proxy's is never the client, and privacy does not hide it: give the proxies' own networks\n"+
			`redact-query: "b c" is not a key of a query string: it has ' ' in column 2`)
	for _, c := range []struct {
		config pipeline.Config
		want   bool
	}{
		{pipeline.Config{}, false}, {pipeline.Config{Privacy: privacy.Settings{Mode: "none"}}, false},
		{pipeline.Config{Privacy: privacy.Settings{Mode: "truncate"}}, true}, {pipeline.Config{Privacy: privacy.Settings{RedactQuery: []string{"a"}}}, true},
	} {
		p, err := pipeline.New(c.config)
		if err != nil {
			t.Fatal(err)
		}
		if p.Private() != c.want {
			t.Errorf("%+v: private is %t", c.config, p.Private())
		}
	}
}

// TestRules: what a rule drops has an outcome all the same, and no event.
func TestRules(t *testing.T) {
	c := chain()
	c.Rules.Rule = []string{"drop verdict=health_check", "route:faults verdict=lost; sample:0.5 status=2xx"}
	c.Privacy.Mode = "truncate"
	w := open(t, c)
	origin := &record.Origin{Source: "log"}
	f := func(text, id, want string) {
		t.Helper()
		out := w.Process(&record.Line{ID: []byte(id), Text: []byte(text), Origin: origin})
		got := out.Rule
		if out.Route != "" {
			got += " to " + out.Route
		}
		if out.Dropped {
			got += " dropped"
		}
		if out.Record.SampleRate != 0 {
			got += " sampled"
		}
		if got != want || out.Dropped != (len(out.Data) == 0) || string(out.ID) != id {
			t.Errorf("got %q, want %q, event %q", got, want, out.Data)
		}
		if bytes.Contains(out.Data, []byte(`"sample_rate":0.5`)) != (out.Record.SampleRate == 0.5) {
			t.Errorf("the rate: %s", out.Data)
		}
		if ip := out.Record.Client.IP; ip.IsValid() && !mayStand(ip) {
			t.Errorf("the outcome shows %s", ip)
		}
	}
	line := func(remote, agent string) string {
		return remote + ` - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "` + agent + `"`
	}
	f(line("10.16.1.11", "ELB-HealthChecker/2.0"), "1", "drop verdict=health_check dropped")
	f(line("10.16.1.11", "x"), "1", "route:faults verdict=lost to faults")
	f(line("203.0.113.9", "x"), "1", "sample:0.5 status=2xx sampled")
	f(line("203.0.113.9", "x"), "2", "sample:0.5 status=2xx dropped")
	f("junk", "1", "")
	p, err := pipeline.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Routes(), " "); got != "faults" {
		t.Errorf("routes %q", got)
	}
	_, err = pipeline.New(pipeline.Config{Rules: rule.Settings{Rule: []string{"drop x=1,bot=2"}}})
	if want := `rule: rule 1 "drop x=1,bot=2": column 6: there is no field "x"`; err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "column 14") {
		t.Errorf("got %v", err)
	}
}

// FuzzPrivacy: whatever a line holds, its event shows no address but proxies',
// servers' and networks.
func FuzzPrivacy(f *testing.F) {
	f.Add([]byte(`210.227.0.10 - bob [22/Nov/2026:11:00:24 +0000] "GET /?from=2001:db8:210::10 HTTP/1.1" 200 3 "http://8.8.8.8/" "probe/1.0 (+1.1.1.1)" "1.1.1.1, ::ffff:9.9.9.9" "10.16.1.13"`))
	f.Add([]byte(`2026/11/22 11:00:25 [error] 7#7: *1 open() "/x" failed (2: No such file or directory), client: 2001:db8:210::10, server: _, request: "GET /?x=\x221.1.1.1 HTTP/1.1", upstream: "http://10.0.0.1/", host: "[::1]:80"`))
	f.Add([]byte(`{"remote_addr":"203.0.113.9","request":"GET /?ip=2001%3Adb8%3A%3A1 HTTP/1.1","status":"200","x":"\u0022203.0.113.9"}`))
	f.Add([]byte(`{"log":"203.0.113.9 junk 2001:db8::5","container_name":"203.0.113.9"}`))
	f.Add([]byte("PROXY TCP4 203.0.113.9 10.16.1.11 51234 80"))
	workers := []*pipeline.Worker{open(f, private("truncate")), open(f, private("hash"))}
	origin := &record.Origin{Source: "fuzz"}
	f.Fuzz(func(t *testing.T, text []byte) {
		// Only what the visitors wrote in full counts: pieces of other things
		// may look like an address once they stand in fields of their own.
		given := map[netip.Addr]bool{}
		for _, addr := range addressesIn(text) {
			if groups := strings.Trim(addr.String(), ":"); addr.Is4() || strings.Count(groups, ":") > 2 {
				given[addr] = true // a shorter one may be taken for a name
			}
		}
		for _, w := range workers {
			out := w.Process(&record.Line{Text: text, Origin: origin, ID: []byte("1"), Time: 1, HasTime: true})
			if !json.Valid(out.Data) {
				t.Fatalf("no event: %q", out.Data)
			}
			shown := pseudonym.ReplaceAll(upstreams.ReplaceAll(out.Data, nil), []byte("name")) // may end in a digit
			for _, addr := range addressesIn(shown) {
				if given[addr] && !mayStand(addr) && !addr.IsLoopback() {
					t.Fatalf("%s is in %s", addr, out.Data)
				}
			}
		}
	})
}
