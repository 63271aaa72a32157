// Package progress shows on a terminal how much of some files was read:
//
//	bar := progress.New(os.Stderr, files)
//	defer bar.Finish()
//	bar.Update(bytes) // as often as something was read
//
// In go the files' names and the number of bytes read so far; out comes one line on the
// terminal, which Finish takes away. A Bar is for one goroutine.
//
// It stands beside package terminal because the library of the bar links net/http, which
// programs that only write a text should not have to build.
package progress

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"

	"clearhop/internal/terminal"
)

// A Bar shows on a terminal how much of some files was read.
type Bar struct {
	bar *progressbar.ProgressBar // nil if nothing is shown
}

// showAfter is how large the files are at least that take long to read, in
// bytes.
const showAfter = 32 << 20

// New returns a Bar of files, and of all files below folders. It shows
// nothing if w is no terminal, if the size of one is not known, as for standard input, or
// if all are read soon.
func New(w io.Writer, files []string) *Bar {
	if !terminal.IsTerminal(w) {
		return &Bar{}
	}
	total, isKnown := sizeOf(files)
	if !isKnown {
		return &Bar{}
	}
	if total < showAfter {
		return &Bar{}
	}
	return &Bar{bar: progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription("reading"),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetRenderBlankState(true), // the first bytes may take a while
		progressbar.OptionThrottle(200*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

// sizeOf returns how many bytes some files have, and all files below folders. isKnown is
// false if one is neither, or cannot be looked at.
func sizeOf(files []string) (total int64, isKnown bool) {
	for _, name := range files {
		err := filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := os.Stat(path) // of what a link points to
			switch {
			case err != nil:
				return err
			case info.Mode().IsRegular():
				total += info.Size()
			case path == name:
				return fs.ErrInvalid
			}
			return nil
		})
		if err != nil {
			return 0, false
		}
	}
	return total, true
}

// Update shows how many bytes of all files were read.
func (b *Bar) Update(bytes int64) {
	if b.bar != nil {
		_ = b.bar.Set64(bytes) // a bar that cannot be drawn is no reason to stop the work
	}
}

// Finish takes the bar away.
func (b *Bar) Finish() {
	if b.bar != nil {
		_ = b.bar.Finish()
	}
}
