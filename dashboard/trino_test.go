//go:build athena

package dashboard_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"clearhop/analytics"
	"clearhop/dashboard"
	"clearhop/dashboard/dashboardtest"
	"clearhop/encode/parquet"
	"clearhop/internal/trinotest"
)

var trinoHome = flag.String("trino", "", "have the page ask the Trino server in this folder (make athena)")

// TestTrinoAgrees has a real Trino answer all that the page asks of Athena. The rows are
// those that DuckDB, the counts in memory and the page in the browser answer about, and
// each of them is held to the same counts in plain Go: so they all say the same. The
// events lie in the folder of the day on which they arrived, and some of them twice.
func TestTrinoAgrees(t *testing.T) {
	if *trinoHome == "" {
		t.Fatal("needs a Trino server: run make athena")
	}
	warehouse := t.TempDir()
	rows := dashboardtest.Rows()
	var again []dashboardtest.Row
	for i := range rows {
		if i%7 == 0 {
			again = append(again, rows[i])
		}
	}
	writeRows(t, filepath.Join(warehouse, "page", "dt=2026-11-30", "hour=00"), rows)
	writeRows(t, filepath.Join(warehouse, "page", "dt=2026-12-01", "hour=07"), again)
	server := trinotest.Start(t, *trinoHome, warehouse)
	t.Logf("Trino %s", server.Version(t))
	dashboardtest.Run(t, dashboard.NewExplorer(dashboard.Config{Engine: server.Events(t, "page"), Dialect: analytics.Athena}))
}

// writeRows writes the events of rows as a Parquet file into a folder.
func writeRows(t *testing.T, folder string, rows []dashboardtest.Row) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(folder, "events.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := parquet.NewWriter(file, parquet.Options{Compression: parquet.Snappy})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := w.Write(rows[i].Event); err != nil {
			t.Fatal(err)
		}
	}
	for _, end := range []func() error{w.Close, file.Close} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
}
