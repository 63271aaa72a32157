package chain_test

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"clearhop/chain"
	"clearhop/internal/golden"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// logNames are the logs of a hop, by the format they are written in.
var logNames = []string{"seed", "clearhop", "json", "error"}

// file is where the scenario's recording is kept.
func (s *scenario) file() string { return filepath.Join("testdata", s.name+".txtar") }

// recorded reads what both hops logged when make chain last ran. A log that
// stayed empty was not recorded.
func (s *scenario) recorded(t testing.TB) map[string][]byte {
	t.Helper()
	if _, err := fs.Stat(chain.Recorded(), s.name); err != nil {
		t.Fatalf("the scenario was never recorded: run make chain (%v)", err)
	}
	logs := map[string][]byte{}
	for _, hop := range hops {
		for _, format := range logNames {
			log := hop + "." + format
			text, err := fs.ReadFile(chain.Recorded(), s.name+"/"+log+".log")
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			logs[log] = text
		}
	}
	return logs
}

// archive is the scenario's recording as it is kept: the configurations, the
// logs, and what is said of their lines. An empty file is left out.
func (s *scenario) archive(t testing.TB, logs map[string][]byte, want string) []byte {
	t.Helper()
	a := txtar.Archive{Comment: []byte(s.what + "\n")}
	add := func(name string, data []byte) {
		if len(data) > 0 {
			a.Files = append(a.Files, txtar.File{Name: name, Data: data})
		}
	}
	confs := s.confs(t)
	for _, hop := range []string{"edge", "mid", "web"} {
		add(hop+".conf", []byte(confs[hop]))
	}
	for _, hop := range hops {
		for _, format := range logNames {
			add(hop+"."+format+".log", logs[hop+"."+format])
		}
	}
	add("want.txt", []byte(want))
	text := txtar.Format(&a)
	// The format has no way to write a last line without its end, or a line that
	// looks like the start of a file.
	if diff := gocmp.Diff(&a, txtar.Parse(bytes.Clone(text))); diff != "" {
		t.Fatalf("scenario %s: the archive does not give back what was put in (-put in +given back):\n%s", s.name, diff)
	}
	return text
}

// TestRecorded holds every line that real nginx wrote to what must be said of
// it: by the scenario's own promises, and by the recorded answers.
func TestRecorded(t *testing.T) {
	for i := range scenarios {
		s := &scenarios[i]
		t.Run(s.name, func(t *testing.T) {
			logs := s.recorded(t)
			golden.Check(t, s.file(), s.archive(t, logs, s.judgeAll(t, logs)))
		})
	}
}

// TestEveryRecordingHasItsScenario finds recordings of scenarios that were
// removed or renamed.
func TestEveryRecordingHasItsScenario(t *testing.T) {
	recordings, err := fs.ReadDir(chain.Recorded(), ".")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for i := range scenarios {
		known[scenarios[i].name] = true
	}
	for _, recording := range recordings {
		if !known[recording.Name()] {
			t.Errorf("%s.txtar is the recording of no scenario: remove it", recording.Name())
		}
	}
}
