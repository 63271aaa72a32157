package terminal

import (
	"io"
	"os"
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

// NewProgress returns a Progress of files. It shows nothing if w is no terminal, if
// the size of one is not known, as for standard input, or if all are read soon.
func NewProgress(w io.Writer, files []string) *Progress {
	if !IsTerminal(w) {
		return &Progress{}
	}
	var total int64
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			return &Progress{}
		}
		total += info.Size()
	}
	if total < progressAfter {
		return &Progress{}
	}
	return &Progress{bar: progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription("reading"),
		progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(200*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
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
