package main

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
)

// A fullWriter has no space left.
type fullWriter struct{}

func (fullWriter) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// TestReportNotWritten: a report that is lost does not end as if it were there.
func TestReportNotWritten(t *testing.T) {
	var errOut bytes.Buffer
	code := run(t.Context(), []string{"report", "-q"}, strings.NewReader(masked), fullWriter{}, &errOut)
	if code != exitFailed || errOut.String() != "clearhop: write the report: no space left on device\n" {
		t.Errorf("exit code %d, %q", code, errOut.String())
	}
}
