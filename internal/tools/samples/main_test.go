package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/chain"
)

func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	var stderr strings.Builder
	if code := run([]string{dir}, &stderr); code != 0 || stderr.Len() > 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	files := 0
	err := fs.WalkDir(chain.Recorded(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		want, err := fs.ReadFile(chain.Recorded(), name)
		if err != nil {
			return err
		}
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs", name)
		}
		return nil
	})
	if err != nil || files < 400 {
		t.Errorf("%d files, %v", files, err)
	}

	// A second time the files are there.
	if code := run([]string{dir}, &stderr); code != 1 || !strings.Contains(stderr.String(), "exists") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	stderr.Reset()
	if code := run(nil, &stderr); code != 2 || stderr.String() != "usage: samples FOLDER\n" {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}
