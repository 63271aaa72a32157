//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

const repository = "../../.."

// asGonx is how the programs read a line: nothing may stand behind the user agent.
var asGonx = regexp.MustCompile(`^\S+ - .*? \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "[^"]*" \d{3} \d+ "[^"]*" "[^"]*"$`)

// TestInputs: each line can be read, and a shorter run reads the beginning of a longer one.
func TestInputs(t *testing.T) {
	const n = 3000
	wanted := map[string]func(counts) bool{
		"real":     func(c counts) bool { return c.Clients >= 10 && c.Agents >= 3 },
		"payload":  func(c counts) bool { return c.Clients > 1000 && c.Agents > 400 && c.Paths > 1000 },
		"few":      func(c counts) bool { return c.Clients == 200 && c.Agents == 1 },
		"clients":  func(c counts) bool { return c.Clients == n && c.Agents == 1 },
		"versions": func(c counts) bool { return c.Clients == 200 && c.Agents == n },
		"agents":   func(c counts) bool { return c.Clients == 200 && c.Agents == n },
	}
	for _, in := range inputs {
		var short, long bytes.Buffer
		if err := in.write(&short, repository, n); err != nil {
			t.Fatal(err)
		}
		if err := in.write(&long, repository, 2*n); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(long.Bytes(), short.Bytes()) {
			t.Errorf("%s: %d lines are not the beginning of %d", in.id, n, 2*n)
		}
		for line := range bytes.Lines(short.Bytes()) {
			if !asGonx.Match(bytes.TrimSuffix(line, []byte("\n"))) {
				t.Fatalf("%s: %s", in.id, line)
			}
		}
		c, err := countLines(&short)
		if err != nil || c.Lines != n || !wanted[in.id](c) {
			t.Errorf("%s: %+v, %v", in.id, c, err)
		}
	}
	if _, err := inputNamed("no such"); err == nil {
		t.Error("an input that does not exist was found")
	}
}

// TestDistinctClients: a client for each line, as far as the extremes go.
func TestDistinctClients(t *testing.T) {
	seen := map[string]bool{}
	for i := range extremeLinesMost {
		line := openLine(nil, i, 0)
		seen[string(line[:bytes.IndexByte(line, ' ')])] = true
	}
	if len(seen) != extremeLinesMost {
		t.Errorf("%d clients have %d addresses", extremeLinesMost, len(seen))
	}
}

func TestEscaped(t *testing.T) {
	if got := escaped("a\"b\\c\té"); got != `a\x22b\x5Cc\x09\xC3\xA9` {
		t.Error(got)
	}
}

// TestWaitForRecords: records are counted also where a read ends within the key.
func TestWaitForRecords(t *testing.T) {
	name := filepath.Join(t.TempDir(), "records")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- waitForRecords(t.Context(), name, 3) }()
	for _, part := range []string{`{"observedTimeUni`, `xNano":"1"}{"observedTimeUnixNano":"2"} \"observedTimeUnixNano\":`, `{"observed`, `TimeUnixNano"`, `:"3"}`} {
		select {
		case err := <-done:
			t.Fatalf("before %s: %v", part, err)
		default:
		}
		if _, err := f.WriteString(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
