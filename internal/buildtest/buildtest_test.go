package buildtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"clearhop/internal/buildtest"
)

// pathFile names a file that a test binary writes the program's path to. It is
// set for the test binaries that TestOnce starts.
const pathFile = "CLEARHOP_BUILDTEST_PATH"

var hello = buildtest.Config{Package: "./testdata/hello"}

func run(t *testing.T, program string) string {
	t.Helper()
	out, err := exec.Command(program).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestOnce: a program is built once by any number of tests and test binaries
// that want it at the same time.
func TestOnce(t *testing.T) {
	if path := os.Getenv(pathFile); path != "" {
		if err := os.WriteFile(path, []byte(buildtest.Program(t, hello)), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(exe, "go-build") {
		if got := run(t, buildtest.Program(t, hello)); got != "hello\n" {
			t.Errorf("it printed %q", got)
		}
		return // a test binary that was built by hand shares nothing
	}
	dir := t.TempDir()
	paths := make([]string, 6)
	var wg sync.WaitGroup
	for i := range paths {
		wg.Go(func() {
			if i%2 == 0 {
				paths[i] = buildtest.Program(t, hello)
				return
			}
			file := filepath.Join(dir, string(rune('a'+i)))
			cmd := exec.Command(exe, "-test.run", "^TestOnce$")
			cmd.Env = append(os.Environ(), pathFile+"="+file)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
				return
			}
			path, err := os.ReadFile(file)
			if err != nil {
				t.Error(err)
			}
			paths[i] = string(path)
		})
	}
	wg.Wait()
	before, err := os.Stat(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if path != paths[0] {
			t.Errorf("there is a program at %s and one at %s", path, paths[0])
		}
	}
	if got := run(t, paths[0]); got != "hello\n" {
		t.Errorf("it printed %q", got)
	}
	absolute, err := filepath.Abs("testdata/hello")
	if err != nil {
		t.Fatal(err)
	}
	again := buildtest.Program(t, buildtest.Config{Package: absolute})
	after, err := os.Stat(again)
	if err != nil || again != paths[0] || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("it was built again, into %s, %v", again, err)
	}
}

// TestFlags: with other flags it is another program.
func TestFlags(t *testing.T) {
	path := buildtest.Program(t, buildtest.Config{Package: hello.Package, Name: "bootstrap", Flags: []string{"-ldflags", "-X main.word=bye"}})
	if filepath.Base(path) != "bootstrap" || path == buildtest.Program(t, hello) {
		t.Errorf("the program is %s", path)
	}
	if got := run(t, path); got != "bye\n" {
		t.Errorf("it printed %q", got)
	}
}

// A failed records how a test ended.
type failed struct {
	testing.TB
	message string
}

func (f *failed) Fatal(args ...any) {
	f.message = args[0].(error).Error()
}

// TestFails: what the compiler says is in the failure, each time.
func TestFails(t *testing.T) {
	for range 2 {
		f := &failed{TB: t}
		buildtest.Program(f, buildtest.Config{Package: "./testdata/broken"})
		if !strings.Contains(f.message, "go build ") || !strings.Contains(f.message, "undefined: nothing") {
			t.Errorf("got %s", f.message)
		}
	}
}
