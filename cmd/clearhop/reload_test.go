package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clearhop/internal/mmdbtest"
)

// TestNewDatabaseInALongRun: lines of a pipe, and a GeoIP database that is
// replaced in between, by an invalid one first.
func TestNewDatabaseInALongRun(t *testing.T) {
	city := filepath.Join(t.TempDir(), "city.mmdb")
	replace := func(content []byte) {
		t.Helper()
		if err := os.WriteFile(city+".new", content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(city+".new", city); err != nil {
			t.Fatal(err)
		}
	}
	built := time.Now().AddDate(0, 0, -1)
	replace(mmdbtest.City(t, built, "JP"))

	in, lines := io.Pipe()
	out, errOut := newWaiting(), newWaiting()
	code := make(chan int, 1)
	go func() {
		code <- run(t.Context(), []string{"enrich", "--nlb", "10.16.1.11", "--city-db", city, "--geo-refresh", "1ns"}, in, out, errOut)
	}()
	visitor := strings.Replace(masked, "10.16.1.11", mmdbtest.Addr, 1)
	check := func(event int, want string) {
		t.Helper()
		io.WriteString(lines, visitor)
		if got := strings.Split(out.lines(event), "\n")[event-1]; !strings.Contains(got, `"country_iso_code":"`+want+`"`) {
			t.Errorf("event %d lacks %s: %s", event, want, got)
		}
	}
	check(1, "JP")
	replace([]byte("<html>"))
	check(2, "JP")
	check(3, "JP")
	replace(mmdbtest.City(t, built, "DE"))
	check(4, "DE")
	lines.Close()
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d", got)
	}
	want := "clearhop: city-db: database " + city + ": error opening database: invalid MaxMind DB file; the one built at "
	if got := errOut.lines(1); !strings.HasPrefix(got, want) || strings.Count(got, "city-db") != 1 {
		t.Errorf("standard error: %s", got)
	}
}

// TestDatabaseInS3 is refused, with what to do instead.
func TestDatabaseInS3(t *testing.T) {
	var out, errOut bytes.Buffer
	code := run(t.Context(), []string{"enrich", "--city-db", "s3://geo/city.mmdb"}, strings.NewReader(masked), &out, &errOut)
	const want = `clearhop: --city-db: "s3://geo/city.mmdb": only the functions can read objects in S3: download it, for example with aws s3 cp` + "\n"
	if code != exitUsage || out.Len() > 0 || errOut.String() != want {
		t.Errorf("exit code %d, %q", code, errOut.String())
	}
}
