// Package buildtest builds the programs that tests run, each once for a run of
// go test, however many packages run it.
//
// In goes a main package, in the syntax of go build, with the flags and the
// environment of the build; out comes the path of the program:
//
//	clearhop := buildtest.Program(t, buildtest.Config{Package: "clearhop/cmd/clearhop"})
//
// The first test that asks for a program builds it; the others, also those of
// test binaries that run at the same time, wait and take the same file. The file
// must not be changed. It lies in the folder that go test works in, and go test
// removes it at the end. A test binary that was built by hand has no such folder:
// there each call builds for itself, and the test removes the file.
//
// # Concurrency
//
// Program is safe for concurrent use, by goroutines and by processes.
package buildtest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Config says what to build.
type Config struct {
	// Package is an import path, or a path that starts with "." and is seen from
	// the test's folder.
	Package string
	// Name is the file's name; empty means that of the package.
	Name  string
	Flags []string // of go build
	Env   []string // NAME=VALUE, in addition to the environment of the test
}

// Program returns the path of the program. A failure ends the test.
func Program(t testing.TB, c Config) string {
	t.Helper()
	path, err := c.program(t)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (c Config) program(t testing.TB) (string, error) {
	if strings.HasPrefix(c.Package, ".") {
		folder, err := filepath.Abs(c.Package)
		if err != nil {
			return "", err
		}
		c.Package = folder
	}
	if c.Name == "" {
		c.Name = filepath.Base(c.Package)
	}
	shared := sharedFolder()
	if shared == "" {
		path := filepath.Join(t.TempDir(), c.Name)
		return path, c.build(t.Context(), path)
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%q", c))
	folder := filepath.Join(shared, "programs", fmt.Sprintf("%x", key[:8]))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(folder, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	path := filepath.Join(folder, "program", c.Name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	// A build that is interrupted leaves nothing under the program's name.
	unfinished := filepath.Join(folder, c.Name)
	if err := c.build(t.Context(), unfinished); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	return path, os.Rename(unfinished, path)
}

func (c *Config) build(ctx context.Context, path string) error {
	args := append([]string{"build", "-o", path}, c.Flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, c.Package)...)
	cmd.Env = append(os.Environ(), c.Env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", c.Package, err, out)
	}
	return nil
}

// sharedFolder returns the folder that go test works in, which all test binaries
// of a run lie below: go-build123/b001/parser.test. It is empty for a test binary
// that lies elsewhere.
func sharedFolder() string {
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	folder := filepath.Dir(filepath.Dir(exe))
	if !strings.HasPrefix(filepath.Base(folder), "go-build") {
		return ""
	}
	return folder
}
