package dashboard

import (
	"net/http"
	"sync"
	"time"
)

// A Live tells open pages that there is more to ask for. It is safe for concurrent use.
// The zero value is not ready for use.
type Live struct {
	mu      sync.Mutex
	pages   map[chan struct{}]bool
	changed []func()
}

// The pace of the stream, and how many pages may listen.
const (
	livePace  = time.Second
	liveBeat  = 15 * time.Second
	livePages = 32
)

// NewLive makes a Live that nobody listens to yet.
func NewLive() *Live { return &Live{pages: map[chan struct{}]bool{}} }

func (l *Live) onChange(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed = append(l.changed, f)
}

// Changed says that more was loaded. It never waits.
func (l *Live) Changed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.changed {
		f()
	}
	for page := range l.pages {
		select {
		case page <- struct{}{}:
		default: // it has not taken the last one yet
		}
	}
}

func (l *Live) join() chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pages) >= livePages {
		return nil
	}
	page := make(chan struct{}, 1)
	l.pages[page] = true
	return page
}

func (l *Live) leave(page chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pages, page)
}

// serve is the stream of events: "changed" at most once a second. A comment now and then
// shows whether the page is still there.
func (l *Live) serve(w http.ResponseWriter, r *http.Request) {
	page := l.join()
	if page == nil {
		refuse(w, http.StatusServiceUnavailable, problem("", "%d pages listen already; close some", livePages))
		return
	}
	defer l.leave(page)
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	send := func(text string) bool {
		_ = control.SetWriteDeadline(time.Now().Add(10 * time.Second))
		_, err := w.Write([]byte(text))
		return err == nil && control.Flush() == nil
	}
	if !send("retry: 2000\n\n") {
		return
	}
	beat := time.NewTicker(liveBeat)
	defer beat.Stop()
	for {
		text := ": still here\n\n"
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
		case <-page:
			text = "event: changed\ndata: {}\n\n"
		}
		if !send(text) {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(livePace):
		}
	}
}
