package lambdatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// StartForTest is Start for a test: a failure ends the test, Shutdown comes
// with the test's clean-up, and a test that failed shows the function's logs.
func StartForTest(t testing.TB, c Config) *Function {
	t.Helper()
	f, err := Start(t.Context(), c)
	if err != nil {
		if initErr, ok := errors.AsType[*InitError](err); ok {
			t.Logf("the function printed:\n%s", initErr.Logs)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's own context is over by now.
		exit := f.Shutdown(context.Background())
		if t.Failed() {
			t.Logf("the function ended with %s; it printed:\n%s", exit, f.Logs())
		}
	})
	return f
}

// Build builds the main package pkg, in the syntax of go build, seen from the
// test's directory, into a file named bootstrap, and returns its path. The
// flags are a deployment's, but the machine is this one. Each package is built
// once for a test binary.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	bin, err := build(t, pkg)
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// built remembers what Build has built: state of the package, since a test
// binary has no other place that all its tests share.
var built struct {
	sync.Mutex
	path map[string]string // bootstrap by directory and package
}

func build(t testing.TB, pkg string) (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	built.Lock()
	defer built.Unlock()
	key := wd + "\x00" + pkg
	if bin, ok := built.path[key]; ok {
		return bin, nil
	}
	// go test removes the directory of the test binary when the tests are
	// over, which a test binary cannot do for itself. One that was built by
	// hand lies in a place of the user's: there each test builds for itself.
	dir := t.TempDir()
	exe, err := os.Executable()
	shared := err == nil && strings.Contains(exe, string(filepath.Separator)+"go-build")
	if shared {
		if dir, err = os.MkdirTemp(filepath.Dir(exe), "bootstrap"); err != nil {
			return "", err
		}
	}
	bin := filepath.Join(dir, "bootstrap")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", bin, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	if shared {
		if built.path == nil {
			built.path = make(map[string]string)
		}
		built.path[key] = bin
	}
	return bin, nil
}
