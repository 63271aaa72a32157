package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A progress shows on a terminal how much of the input was read, once the work
// has taken a while.
type progress struct {
	bar    *progressbar.ProgressBar // nil if nothing is shown
	before int64                    // bytes of the inputs already done
	last   int64                    // bytes of the input in hand
}

const (
	// progressAfter is how large the inputs must be for the work to be long.
	progressAfter = 32 << 20
	// progressStep is how many bytes are read between two looks at the bar.
	progressStep = 256 << 10
)

// newProgress returns a progress for files whose sizes are known; standard
// input has none.
func newProgress(w io.Writer, inputs []string, quiet bool) *progress {
	terminal, ok := w.(*os.File)
	if quiet || !ok || !term.IsTerminal(int(terminal.Fd())) {
		return &progress{}
	}
	var total int64
	for _, name := range inputs {
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			return &progress{}
		}
		total += info.Size()
	}
	if total < progressAfter {
		return &progress{}
	}
	return &progress{bar: progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription("reading"),
		progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(200*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

// update says that so many bytes of the input in hand were read.
func (p *progress) update(bytes int64) {
	if bytes < p.last { // the next input has begun
		p.before += p.last
		p.last = 0
	}
	if p.bar == nil || bytes-p.last < progressStep {
		return
	}
	p.last = bytes
	// A bar that cannot be drawn is no reason to stop the work.
	_ = p.bar.Set64(p.before + bytes)
}

func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
