package terminal

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
)

// A Progress shows on a terminal how much of some files was read.
type Progress struct {
	bar *progressbar.ProgressBar // nil if nothing is shown
}

// progressAfter is how large the files are at least that take long to read, in
// bytes.
const progressAfter = 32 << 20

// NewProgress returns a Progress of files, and of all files below folders. It shows
// nothing if w is no terminal, if the size of one is not known, as for standard input, or
// if all are read soon.
func NewProgress(w io.Writer, files []string) *Progress {
	if !IsTerminal(w) {
		return &Progress{}
	}
	total, isKnown := sizeOf(files)
	if !isKnown {
		return &Progress{}
	}
	if total < progressAfter {
		return &Progress{}
	}
	return &Progress{bar: progressbar.NewOptions64(total,
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
func (p *Progress) Update(bytes int64) {
	if p.bar != nil {
		_ = p.bar.Set64(bytes) // a bar that cannot be drawn is no reason to stop the work
	}
}

// Finish takes the bar away.
func (p *Progress) Finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
