package redrive

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// settledSuffix ends the name of a file whose events were delivered.
const settledSuffix = ".redriven"

// Files returns files, and all files below folders, in the order of their names. Settled
// ones get the suffix .redriven, and files that have it are left out.
func Files(names []string) (Source, error) {
	f := &files{}
	for _, name := range names {
		err := filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && !strings.HasSuffix(path, settledSuffix) {
				f.paths = append(f.paths, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(f.paths)
	f.paths = slices.Compact(f.paths)
	return f, nil
}

type files struct{ paths []string }

// Count implements Counter.
func (f *files) Count(context.Context) (int, error) { return len(f.paths), nil }

// Next implements Source.
func (f *files) Next(context.Context) (*Unit, error) {
	if len(f.paths) == 0 {
		return nil, io.EOF
	}
	path := f.paths[0]
	f.paths = f.paths[1:]
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return &Unit{Name: path, Data: data, Settle: func(context.Context) error { return os.Rename(path, path+settledSuffix) }}, nil
}
