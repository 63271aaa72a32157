package lock

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// heldVariable has the test binary take a lock and wait to be killed.
const heldVariable = "LOCK_TEST_HOLD"

func TestMain(m *testing.M) {
	if path := os.Getenv(heldVariable); path != "" {
		if _, err := Take(path); err != nil {
			os.Exit(1)
		}
		_, _ = os.Stdout.WriteString("held")
		select {}
	}
	os.Exit(m.Run())
}

// TestTake: a lock is held once, and again after it was released.
func TestTake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	for range 2 {
		held, err := Take(path)
		if err != nil {
			t.Fatal(err)
		}
		var heldErr *HeldError
		if _, err := Take(path); !errors.As(err, &heldErr) || !strings.Contains(err.Error(), "another clearhop works with "+path) {
			t.Errorf("a second lock: %v", err)
		}
		if err := held.Release(); err != nil {
			t.Error(err)
		}
	}
	if _, err := Take(filepath.Join(t.TempDir(), "none", "state.json")); err == nil || errors.As(err, new(*HeldError)) {
		t.Errorf("in a folder that is not there: %v", err)
	}
}

// TestKilled: the lock of a process that was killed is gone, although its file is there.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), heldVariable+"="+path)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	if _, err := Take(path); !errors.As(err, new(*HeldError)) {
		t.Errorf("while the other process has it: %v", err)
	}
	_ = c.Process.Kill() // Wait tells
	_ = c.Wait()
	held, err := Take(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := held.Release(); err != nil {
		t.Error(err)
	}
}
