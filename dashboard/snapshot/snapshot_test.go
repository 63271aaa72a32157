package snapshot_test

import (
	"bytes"
	"compress/gzip"
	"encoding/ascii85"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"clearhop/analytics"
	"clearhop/analytics/store"
	"clearhop/dashboard"
	"clearhop/dashboard/dashboardtest"
	"clearhop/dashboard/snapshot"
	"clearhop/internal/golden"
)

// storeOf makes a database of events.
func storeOf(t testing.TB, events ...[]byte) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	load, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if err := load.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := load.Finish(); err != nil {
		t.Fatal(err)
	}
	return s
}

func take(t testing.TB, s *store.Store, rows int) *snapshot.Snapshot {
	t.Helper()
	e := dashboard.NewExplorer(dashboard.Config{Engine: s, Dialect: analytics.DuckDB, Version: "test", Source: "test"})
	snap, err := snapshot.Take(t.Context(), snapshot.Config{Engine: s, Explorer: e, Rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func vectorEvents() [][]byte {
	var events [][]byte
	for _, r := range dashboardtest.Rows() {
		events = append(events, r.Event)
	}
	return events
}

// blocksOf returns the blocks of a file, unpacked.
func blocksOf(t *testing.T, html []byte) [][]byte {
	t.Helper()
	var all [][]byte
	for _, m := range regexp.MustCompile(`<script type="text/plain" id="snapshot-\d+">([^<]*)</script>`).FindAllSubmatch(html, -1) {
		z, err := gzip.NewReader(ascii85.NewDecoder(bytes.NewReader(bytes.ReplaceAll(m[1], []byte("v"), []byte("<")))))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, plain)
	}
	return all
}

func htmlOf(t *testing.T, s *snapshot.Snapshot) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := s.WriteHTML(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestForm writes what a file of dashboardtest.Rows holds, unpacked, for the tests of the
// page's own engine.
func TestForm(t *testing.T) {
	s := take(t, storeOf(t, vectorEvents()...), 0)
	s.Header.Manifest.Made = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	s.Header.Manifest.Version = "test"
	blocks := blocksOf(t, htmlOf(t, s))
	out, err := json.MarshalIndent(struct {
		Header snapshot.Header `json:"header"`
		Blocks [][]byte        `json:"blocks"`
	}{s.Header, blocks}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "../testdata/snapshot.json", append(out, '\n'))
}

// TestSample takes a part of the requests.
func TestSample(t *testing.T) {
	events := vectorEvents()
	db := storeOf(t, events...)
	const limit = 400
	s := take(t, db, limit)
	m := s.Header.Manifest
	if s.Header.Rows > limit || s.Header.Rows < limit/2 || m.Requests != int64(s.Header.Rows) {
		t.Errorf("of %d requests the sample has %d, and the manifest says %d", len(events), s.Header.Rows, m.Requests)
	}
	if want := float64(s.Header.Rows) / float64(take(t, db, 0).Header.Rows); m.Sampled != want {
		t.Errorf("the share is %v, want %v", m.Sampled, want)
	}
	again := take(t, db, limit)
	again.Header.Manifest.Made = m.Made
	if !bytes.Equal(htmlOf(t, again), htmlOf(t, s)) {
		t.Error("the same events make another sample")
	}
}

// TestEmpty takes a database of nothing.
func TestEmpty(t *testing.T) {
	s := take(t, storeOf(t), 0)
	if s.Header.Rows != 0 || s.Header.Manifest.First != nil {
		t.Errorf("%+v", s.Header)
	}
	if !strings.Contains(string(htmlOf(t, s)), `id="snapshot"`) {
		t.Error("the file has no header")
	}
}

// TestHostile writes what visitors may have sent.
func TestHostile(t *testing.T) {
	var events [][]byte
	for i, path := range []string{"</script><script>alert(1)</script>", "<!--<script>", "\u2028\u2029", "\x00\x01", "\ufeffa", "\u202egpj", strings.Repeat("a", 8<<10), "\xed\xa0\x80", "=1+1", "𐐀"} {
		e := map[string]any{
			"@timestamp": time.Date(2026, 11, 20, 0, 0, i, 0, time.UTC).Format(time.RFC3339), "schema_version": 1,
			"event":      map[string]any{"id": string(rune('a' + i)), "kind": "event", "dataset": "nginx.access"},
			"url":        map[string]any{"path": path},
			"user_agent": map[string]any{"original": path, "name": path},
			"http":       map[string]any{"request": map[string]any{"method": "GET"}, "response": map[string]any{"status_code": 200}},
		}
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, line)
	}
	s := take(t, storeOf(t, events...), 0)
	if s.Header.Rows != len(events) {
		t.Fatalf("%d of %d requests", s.Header.Rows, len(events))
	}
	s.Header.Manifest.Source = "</script><!-- \u2028\x00\xff.log"
	html := htmlOf(t, s)
	if n := bytes.Count(html, []byte("</script>")); n != 2+len(blocksOf(t, html)) {
		t.Errorf("the file has %d ends of scripts", n)
	}
	for _, bad := range []string{"alert(1)", "<!--", "\u2028", "\x00", "\u202e"} {
		if bytes.Contains(html, []byte(bad)) {
			t.Errorf("the file holds %q as it is", bad)
		}
	}
}
