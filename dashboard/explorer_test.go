package dashboard_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clearhop/analytics"
	"clearhop/analytics/store"
	"clearhop/dashboard"
	"clearhop/dashboard/dashboardtest"
	"clearhop/internal/traffic"
)

// openStore makes a database of the rows.
func openStore(t testing.TB, rows []dashboardtest.Row) *store.Store {
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
	for i := range rows {
		if err := load.Add(rows[i].Event); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := load.Finish(); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSQL asks DuckDB, first with nothing known of the dimensions, and then again when
// small ones are known to be small.
func TestSQL(t *testing.T) {
	e := dashboard.NewExplorer(dashboard.Config{Engine: openStore(t, dashboardtest.Rows()), Dialect: analytics.DuckDB, NoColumns: true})
	for _, name := range []string{"first", "again"} {
		t.Run(name, func(t *testing.T) { dashboardtest.Run(t, e) })
	}
}

// TestAthenaSQL gives the SQL for Athena to DuckDB, which understands it. The events lie in
// a folder of the day on which they arrived, as in the bucket, and some of them twice.
func TestAthenaSQL(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "dt=2026-11-30", "hour=00")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	var events []byte
	for _, r := range dashboardtest.Rows() {
		events = append(events, r.Event...)
	}
	if err := os.WriteFile(filepath.Join(folder, "events.ndjson"), events, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	load, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := load.Files([]string{filepath.Join(folder, "events.ndjson")}, store.Reading{}); err != nil {
		t.Fatal(err)
	}
	if _, err := load.Finish(); err != nil {
		t.Fatal(err)
	}
	dashboardtest.Run(t, dashboard.NewExplorer(dashboard.Config{Engine: s, Dialect: analytics.Athena, NoColumns: true}))
}

// TestTrinoParses: Trino's own parser reads all that the page makes Athena run.
func TestTrinoParses(t *testing.T) {
	const java = "trino-java"
	if _, err := exec.LookPath(java); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("there is no %s: .ci/tools gets it with Maven, which needs Java 24 or newer", java)
		}
		t.Skipf("needs Trino's parser: run .ci/tools, which gets it with Maven, and put build/tools/bin on the PATH")
	}
	heard := &hearing{Engine: openStore(t, dashboardtest.Rows())}
	e := dashboard.NewExplorer(dashboard.Config{Engine: heard, Dialect: analytics.Athena, Where: "status >= 100 -- all", Window: analytics.Window{Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}})
	for _, query := range []string{"", "kind=people&f.country=JP&x.path=" + url.QueryEscape("it's\x00") + "&q=a", "compare=1&since=2026-11-21T07:00:00Z&until=2026-11-22T07:00:00Z"} {
		s := dashboardtest.ReadState(t, query)
		_, exploreErr := e.Explore(t.Context(), s)
		_, boardErr := e.Board(t.Context(), dashboard.BoardQuery{State: s, Dimension: "client", Limit: 50, Find: "2"})
		_, requestsErr := e.Requests(t.Context(), s, "1795344900282.abc'", 10)
		_, chainErr := e.Chain(t.Context(), s)
		if err := errors.Join(exploreErr, boardErr, requestsErr, chainErr); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(java, "../analytics/testdata/Parse.java")
	command.Stdin = strings.NewReader(strings.Join(append(heard.all, "SELECT FROM WHERE"), "\x00"))
	command.Stderr = os.Stderr
	text, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(said) != len(heard.all)+1 || said[len(said)-1] == "ok" {
		t.Fatalf("%d statements have the answers %s", len(heard.all), text)
	}
	for i, answer := range said[:len(said)-1] {
		if answer != "ok" {
			t.Errorf("%s\n%s", answer, heard.all[i])
		}
	}
}

// A hearing engine keeps the SQL that it is asked.
type hearing struct {
	analytics.Engine
	all []string
}

func (h *hearing) Ask(ctx context.Context, sql string) (analytics.Answer, error) {
	h.all = append(h.all, sql)
	return h.Engine.Ask(ctx, sql)
}

// TestColumns counts in memory.
func TestColumns(t *testing.T) {
	dashboardtest.Run(t, dashboard.NewExplorer(dashboard.Config{Engine: openStore(t, dashboardtest.Rows())}))
}

// impatient ends each scan after its first rows.
type impatient struct {
	*store.Store
	scans int
}

func (e *impatient) Scan(ctx context.Context, sql string, each func(analytics.Vectors) error) error {
	e.scans++
	begun := false
	return e.Store.Scan(ctx, sql, func(v analytics.Vectors) error {
		if begun {
			return context.Canceled
		}
		begun = true
		return each(v)
	})
}

// TestInterruptedReading: where a question is given up while the requests are read, the
// next one goes on, and no request is lost or counted twice.
func TestInterruptedReading(t *testing.T) {
	lines := traffic.Month(9, 10_000)
	var rows []dashboardtest.Row
	for i := range lines {
		rows = append(rows, dashboardtest.Row{Event: lines[i].Event(nil)})
	}
	s := openStore(t, rows)
	want, err := dashboard.NewExplorer(dashboard.Config{Engine: s}).Explore(t.Context(), dashboard.State{})
	if err != nil {
		t.Fatal(err)
	}
	engine := &impatient{Store: s}
	e := dashboard.NewExplorer(dashboard.Config{Engine: engine})
	for {
		got, err := e.Explore(t.Context(), dashboard.State{})
		if err == nil {
			if diff := cmp.Diff(want, got); diff != "" || engine.scans < 3 {
				t.Errorf("after %d scans (-at once +in parts):\n%s", engine.scans, diff)
			}
			return
		}
		if engine.scans > 20 || !errors.Is(err, context.Canceled) {
			t.Fatalf("scan %d: %v", engine.scans, err)
		}
	}
}

// A growing engine has more requests after each question, and says so before the answer of
// that question is there.
type growing struct {
	grown    func()
	requests int64
}

func (e *growing) Ask(context.Context, string) (analytics.Answer, error) {
	before := e.requests
	e.requests++
	if e.requests < 3 {
		e.grown()
	}
	return analytics.Answer{Rows: [][]any{{before, nil, nil}}}, nil
}

// TestForgetWhileAsking: bounds that were asked for before Forget was called are not kept.
func TestForgetWhileAsking(t *testing.T) {
	engine := &growing{}
	e := dashboard.NewExplorer(dashboard.Config{Engine: engine, Dialect: analytics.DuckDB})
	engine.grown = e.Forget
	for i, want := range []int64{0, 1, 2, 2} { // nothing comes behind the third question
		m, err := e.Manifest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m.Requests != want {
			t.Errorf("question %d: %d requests, want %d", i, m.Requests, want)
		}
	}
}
