package terminal

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// A Status is one line at a terminal that changes while a command works, such as how far
// it has read. It is safe for concurrent use.
type Status struct {
	mu    sync.Mutex
	w     io.Writer // nil if nothing is shown
	shown bool
	at    time.Time
}

// statusPace is how often a Status changes at most.
const statusPace = 200 * time.Millisecond

// NewStatus returns a Status that shows nothing if w is no terminal.
func NewStatus(w io.Writer) *Status {
	if !IsTerminal(w) {
		return &Status{}
	}
	return &Status{w: w}
}

// IsShown reports whether there is a terminal.
func (s *Status) IsShown() bool { return s.w != nil }

// Show shows a text, cut to the width of the terminal. text is called only if it is time
// for another one.
func (s *Status) Show(text func() string) {
	if s.w == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.at) < statusPace {
		return
	}
	s.at, s.shown = now, true
	line := Printable(text())
	for width := Width(s.w) - 1; Columns(line) > width && line != ""; {
		runes := []rune(line)
		line = string(runes[:len(runes)-1])
	}
	fmt.Fprintf(s.w, "\r%s\x1b[K", strings.TrimRight(line, " "))
}

// Clear takes the line away, so that something else can be printed.
func (s *Status) Clear() {
	if s.w == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.shown, s.at = false, time.Time{}
	}
}
