package chain_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"clearhop/internal/golden"
)

// logNames are the logs of a hop, by the format they are written in.
var logNames = []string{"seed", "clearhop", "json", "error"}

func (s *scenario) dir() string { return filepath.Join("testdata", s.name) }

// recorded reads what both hops logged when make chain last ran. A log that
// was empty is not there.
func (s *scenario) recorded(t testing.TB) map[string][]byte {
	t.Helper()
	if _, err := os.Stat(s.dir()); err != nil {
		t.Fatalf("the scenario was never recorded: run make chain (%v)", err)
	}
	logs := map[string][]byte{}
	for _, hop := range hops {
		for _, format := range logNames {
			b, err := os.ReadFile(filepath.Join(s.dir(), hop+"."+format+".log"))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			logs[hop+"."+format] = b
		}
	}
	return logs
}

// TestRecorded holds every line that real nginx wrote to what must be said of
// it: by the scenario's own promises, and by the recorded answers.
func TestRecorded(t *testing.T) {
	for i := range scenarios {
		s := &scenarios[i]
		t.Run(s.name, func(t *testing.T) {
			for name, conf := range s.confs(t) {
				golden.Check(t, filepath.Join(s.dir(), name+".conf"), []byte(conf))
			}
			golden.Check(t, filepath.Join(s.dir(), "want.txt"), []byte(s.judgeAll(t, s.dir(), s.recorded(t))))
		})
	}
}
