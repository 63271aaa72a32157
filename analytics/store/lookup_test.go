//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"fmt"
	"runtime"
	"testing"

	"clearhop/analytics"
	"clearhop/internal/traffic"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// TestViews: the answers are the same, whether texts are values of an ENUM, plain, or
// joined to the lines because there are too many of them.
func TestViews(t *testing.T) {
	s := openWith(t, traffic.Month(1, 3000))
	answers := func() map[string]string {
		all := map[string]string{
			"all_lines": ask(t, s, "SELECT * FROM all_lines ORDER BY event_id"),
			// The dashboard goes on where it ended before, so the order must be that of the loading.
			"unordered":          ask(t, s, "SELECT event_id, path FROM requests"),
			"unordered, few":     ask(t, s, "SELECT event_id FROM all_lines WHERE client_country = 'JP' AND status = 200 LIMIT 20 OFFSET 5"),
			"unordered, of time": ask(t, s, "SELECT event_id, path FROM requests WHERE ts >= (SELECT max(ts) - INTERVAL 12 HOUR FROM requests)"),
		}
		for _, q := range analytics.Questions() {
			all[q.Name] = ask(t, s, q.SQL(analytics.Query{Client: "192.0.2.7", Where: "status > 0 OR path IS NULL"}))
		}
		return all
	}
	want := answers()
	compare := func(how string) {
		t.Helper()
		for name, got := range answers() {
			if got != want[name] {
				t.Errorf("%s, %s: other rows", how, name)
			}
		}
	}
	if err := s.defineViews(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	compare("plain")
	held := s.held
	for g := range groups {
		s.held = held
		s.held[g] = nil
		if err := s.defineViews(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		compare(groups[g].name + " joined")
	}
	s.held = [len(groups)]heldGroup{}
	if err := s.defineViews(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	compare("all joined")
	s.held = held // to be released
}

// TestPlainText: SQL that an ENUM does not allow is answered all the same, what is wrong
// is said without the texts of the log, and a text with a zero byte comes back whole.
func TestPlainText(t *testing.T) {
	s := open(t, Options{})
	zero := `{"@timestamp":"2026-11-22T11:00:00.000Z","event":{"id":"z","dataset":"nginx.access"},"url":{"path":"/a\u0000b"}}` + "\n"
	if _, said := load(t, s, write(t, "e.ndjson", event("a", 200)+zero)); said != "" {
		t.Fatal(said)
	}
	if got := ask(t, s, "SELECT count(*) FROM requests WHERE path = '/a' || chr(0) || 'b'"); got != "1" {
		t.Errorf("%s rows with a zero byte", got)
	}
	if got := ask(t, s, "SELECT count(*) FROM requests WHERE dataset COLLATE NOCASE = 'NGINX.Access'"); got != "2" {
		t.Errorf("%s rows by a collation", got)
	}
	_, err := s.Ask(t.Context(), "SELECT sum(dataset) FROM requests")
	if err == nil || len(err.Error()) > 400 {
		t.Errorf("sum of texts: %v", err)
	}
}

// TestNumbering: a set of values keeps its number until there are too many sets.
func TestNumbering(t *testing.T) {
	n := newNumbering(5)
	for i := range 1000 {
		if number, isNew := n.number([]byte{byte(i), byte(i >> 8)}); number != uint32(5+i) || !isNew {
			t.Fatalf("set %d has the number %d, new: %t", i, number, isNew)
		}
	}
	if number, isNew := n.number([]byte{7, 0}); number != 12 || isNew {
		t.Errorf("a set that came before has the number %d, new: %t", number, isNew)
	}
	n.used = maxNumbered
	if n.number([]byte("one more")); n.used != 1 {
		t.Errorf("%d sets are known when there were too many", n.used)
	}
	if number, isNew := n.number([]byte{7, 0}); number != 1006 || !isNew {
		t.Errorf("when there are too many, a set has the number %d, new: %t", number, isNew)
	}
}

// TestTwins: columns with the same texts share them, and one that differs in a single line
// does not.
func TestTwins(t *testing.T) {
	s := open(t, Options{})
	text := ""
	for i, addresses := range []string{`"client":{"ip":"192.0.2.9"},"source":{"ip":"192.0.2.9"}`, `"client":{"ip":"192.0.2.1"},"source":{"ip":"192.0.2.1"}`, `"source":{"ip":"192.0.2.3"}`} {
		text += fmt.Sprintf(`{"@timestamp":"2026-11-22T11:00:00.000Z","schema_version":1,"event":{"id":"%d","dataset":"nginx.access"},%s}`+"\n", i, addresses)
	}
	if _, said := load(t, s, write(t, "e.ndjson", text)); said != "" {
		t.Fatal(said)
	}
	want := "192.0.2.1|192.0.2.1|192.0.2.1\n192.0.2.9|192.0.2.9|192.0.2.9\nNULL|NULL|192.0.2.3"
	got := ask(t, s, "SELECT coalesce(CAST(client AS VARCHAR), 'NULL') || '|' || coalesce(CAST(client_ip AS VARCHAR), 'NULL') || '|' || source_ip FROM requests ORDER BY client, source_ip")
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
	twins := map[string]string{}
	for _, l := range s.held[0] {
		if l != nil && l.twin != nil {
			twins[l.Name] = l.twin.Name
		}
	}
	if len(twins) != 1 || twins["client"] != "client_ip" {
		t.Errorf("%v", twins)
	}
}

// TestThreads: one thread loads, and as many answer as Go uses.
func TestThreads(t *testing.T) {
	const sql = "SELECT CAST(current_setting('threads') AS VARCHAR)"
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	s := open(t, Options{})
	loading := ""
	err := s.query(t.Context(), sql, nil, func(c mapping.DataChunk) error {
		loading = string(vectorOf[text](mapping.DataChunkGetVector(c, 0), 1)[0].bytes())
		return nil
	})
	if err != nil || loading != "1" {
		t.Errorf("%s threads load, %v", loading, err)
	}
	if got := ask(t, s, sql); got != "3" {
		t.Errorf("%s threads answer", got)
	}
}
