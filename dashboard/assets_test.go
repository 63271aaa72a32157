package dashboard_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAssetsAreBuilt says when the page in assets was not built of the files in web. It
// needs no Node: build.mjs wrote down what it read.
func TestAssetsAreBuilt(t *testing.T) {
	names := []string{"build.mjs", "package-lock.json"}
	err := filepath.WalkDir("web/src", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, strings.TrimPrefix(filepath.ToSlash(name), "web/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	var want strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("web", name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&want, "%x  %s\n", sha256.Sum256(text), name)
	}
	got, err := os.ReadFile("assets/sources.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want.String() {
		t.Error("dashboard/assets was built of other files than those in dashboard/web: run make dashboard, and commit both")
	}
}

// TestLockFile holds the lock file to names and hashes: where packages come from is a
// matter of the machine that builds.
func TestLockFile(t *testing.T) {
	text, err := os.ReadFile("web/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), `"resolved"`) {
		t.Error("web/package-lock.json names a host: run npm with web/.npmrc, and commit what it writes")
	}
}
