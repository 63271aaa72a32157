package dashboard_test

import (
	"testing"

	"clearhop/analytics"
	"clearhop/analytics/store"
	"clearhop/dashboard"
	"clearhop/dashboard/dashboardtest"
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

// TestColumns counts in memory.
func TestColumns(t *testing.T) {
	dashboardtest.Run(t, dashboard.NewExplorer(dashboard.Config{Engine: openStore(t, dashboardtest.Rows())}))
}
