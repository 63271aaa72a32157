// Package golden compares what a test makes with a file that is committed, and
// rewrites the file when the test is run with -update:
//
//	golden.Check(t, "testdata/events.json", got)
//	golden.Sections(t, "README.md", map[string]string{"format": table})
//
// A test that fails prints the command that rewrites its files. make golden runs all
// tests that use the package with -update. A person must then read the diff.
package golden

import (
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files and generated documentation")

// Updating reports whether the test was run with -update.
func Updating() bool { return *update }

// Check compares got with the file at path.
func Check(t testing.TB, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v. To write it: %s", err, command(t))
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s is out of date. To rewrite it: %s\n(-want +got):\n%s", path, command(t), diff)
	}
}

// command runs the test alone and has it rewrite its files. It is for the folder
// that holds go.mod.
func command(t testing.TB) string {
	test, _, _ := strings.Cut(t.Name(), "/")
	return fmt.Sprintf("go test .%s -run '^%s$' -update", folder(), test)
}

// folder is the folder of the package under test, which is the first caller outside
// this package. It begins with a slash.
func folder() string {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for {
		frame, more := frames.Next()
		dir, last := path.Split(frame.Function)
		name, _, _ := strings.Cut(last, ".")
		pkg := strings.TrimPrefix(dir+strings.TrimSuffix(name, "_test"), "clearhop")
		if pkg != "/internal/golden" || !more {
			return pkg
		}
	}
}

// Sections compares the generated parts of a page, by their names. A part stands
// between two lines:
//
//	<!-- generated: NAME -->
//	<!-- end -->
func Sections(t testing.TB, path string, sections map[string]string) {
	t.Helper()
	replaceSections(t, path, sections, "<!-- generated: %s -->", "<!-- end -->")
}

// YAMLSections is Sections for YAML. The two lines are comments, and a part is
// indented like them:
//
//	# generated: NAME
//	# end
func YAMLSections(t testing.TB, path string, sections map[string]string) {
	t.Helper()
	replaceSections(t, path, sections, "# generated: %s", "# end")
}

func replaceSections(t testing.TB, path string, sections map[string]string, begin, end string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for name, content := range sections {
		first := fmt.Sprintf(begin, name) + "\n"
		before, rest, ok := strings.Cut(page, first)
		indent := before[strings.LastIndexByte(before, '\n')+1:]
		_, after, closed := strings.Cut(rest, indent+end+"\n")
		if !ok || !closed || strings.TrimSpace(indent) != "" {
			t.Fatalf("%s has no %q with %q behind it", path, first, end)
		}
		var part strings.Builder
		for line := range strings.Lines(content) {
			if line != "\n" {
				part.WriteString(indent)
			}
			part.WriteString(line)
		}
		page = before + first + part.String() + indent + end + "\n" + after
	}
	Check(t, path, []byte(page))
}
