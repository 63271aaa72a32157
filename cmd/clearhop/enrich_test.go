package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// started runs the command in the background.
func started(ctx context.Context, in io.Reader, args ...string) (out, errOut *waiting, code <-chan int) {
	out, errOut = newWaiting(), newWaiting()
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, args, in, out, errOut) }()
	return out, errOut, ended
}

// TestInterrupted: what was read is written, and the exit code tells, although
// standard input still keeps the command waiting.
func TestInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	in, lines := io.Pipe()
	defer lines.Close()
	out, errOut, code := started(ctx, in, "enrich", "-q")
	io.WriteString(lines, masked+masked+"half a li")
	out.lines(2)
	interrupt()
	if got := <-code; got != exitInterrupted || strings.Count(out.lines(2), "\n") != 2 || errOut.lines(1) != "clearhop: interrupted\n" {
		t.Errorf("exit code %d, %s%s", got, out.lines(2), errOut.lines(1))
	}
}

// TestDoctorInterrupted: there is no report of half a log.
func TestDoctorInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	in, lines := io.Pipe()
	defer lines.Close()
	out, errOut, code := started(ctx, in, "doctor")
	io.WriteString(lines, masked+masked)
	interrupt()
	if got := <-code; got != exitInterrupted || out.lines(0) != "" || errOut.lines(1) != "clearhop: interrupted\n" {
		t.Errorf("exit code %d, %s%s", got, out.lines(0), errOut.lines(1))
	}
}

// TestFollowEnds: an interrupt is how following ends, so it is no failure. Several
// files are followed at once, and a file that cannot be read is reported once.
func TestFollowEnds(t *testing.T) {
	dir := t.TempDir()
	a, b, folder := filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log"), filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{a, b} {
		if err := os.WriteFile(path, []byte(masked), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, interrupt := context.WithCancel(t.Context())
	out, errOut, code := started(ctx, nil, "enrich", "--follow", a, b, folder)
	out.lines(2)
	f, err := os.OpenFile(b, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString("\n" + masked)
	events := out.lines(3)
	interrupt()
	if got := <-code; got != exitOK || strings.Count(events, `b.log"`) != 2 {
		t.Errorf("exit code %d, %s", got, events)
	}
	want := "clearhop: read " + filepath.ToSlash(folder) + " at byte 0: is a directory\n" +
		"clearhop: 3 lines: 3 access, 0 error, 0 other, 0 unparsed; 3 with an NLB's private address\n"
	if got := errOut.lines(2); got != want {
		t.Errorf("standard error is\n%swant\n%s", got, want)
	}
}
