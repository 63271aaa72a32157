package lambdatest

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"sync"
)

// maxLogs is how much of a function's output is kept, in bytes; the newest is.
const maxLogs = 4 << 20

// A logBuffer keeps the end of what all processes of a function printed.
// Positions in it count from the first byte ever printed.
type logBuffer struct {
	mu    sync.Mutex
	tee   io.Writer // may be nil
	kept  []byte
	total int64 // bytes ever printed
}

func (b *logBuffer) write(p []byte) {
	if len(p) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total += int64(len(p))
	b.kept = append(b.kept, p...)
	// Cutting only at twice the limit keeps the copying at one byte for each
	// byte printed.
	if len(b.kept) > 2*maxLogs {
		b.kept = append(b.kept[:0], b.kept[len(b.kept)-maxLogs:]...)
	}
	if b.tee != nil {
		_, _ = b.tee.Write(p) // the caller's writer is the caller's concern
	}
}

// position is the place where the next printed byte will be.
func (b *logBuffer) position() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}

// since returns what was printed from position on, and says so where the
// beginning is no longer kept.
func (b *logBuffer) since(position int64) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := max(b.total-min(int64(len(b.kept)), maxLogs), position)
	text := string(b.kept[int64(len(b.kept))-(b.total-first):])
	if first > position {
		return fmt.Sprintf("[%d bytes are not kept]\n%s", first-position, text)
	}
	return text
}

// A logPipe takes one process's standard output and standard error to a
// logBuffer.
//
// Its point is sync: a pipe keeps its order, so a mark that this side writes
// into it arrives after all that the function printed before. Without it
// Invoke could return before the last lines of the invocation were read.
type logPipe struct {
	to     *logBuffer
	r, w   *os.File
	mark   []byte
	syncMu sync.Mutex    // one mark at a time
	synced chan struct{} // a mark has arrived
	ended  chan struct{} // the reader has returned
}

func newLogPipe(to *logBuffer) (*logPipe, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &logPipe{
		to: to, r: r, w: w,
		// Random, so that no function prints it; and no end of it is a
		// beginning of it, so that it is found after whatever comes before.
		mark:   []byte("\x00" + rand.Text() + "\x01"),
		synced: make(chan struct{}, 1),
		ended:  make(chan struct{}),
	}
	go p.read()
	return p, nil
}

func (p *logPipe) read() {
	defer close(p.ended)
	var pending []byte
	chunk := make([]byte, 32<<10)
	for {
		n, err := p.r.Read(chunk)
		pending = append(pending, chunk[:n]...)
		for {
			before, after, found := bytes.Cut(pending, p.mark)
			if !found {
				break
			}
			p.to.write(before)
			pending = after
			p.synced <- struct{}{}
		}
		// The end may be the beginning of a mark.
		held := 0
		for k := min(len(p.mark)-1, len(pending)); k > 0; k-- {
			if bytes.HasSuffix(pending, p.mark[:k]) {
				held = k
				break
			}
		}
		if err != nil {
			held = 0
		}
		p.to.write(pending[:len(pending)-held])
		pending = append(chunk[:0:0], pending[len(pending)-held:]...)
		if err != nil {
			return
		}
	}
}

// sync returns when all that the process has printed is in the logBuffer.
func (p *logPipe) sync() {
	p.syncMu.Lock()
	defer p.syncMu.Unlock()
	// The mark is shorter than PIPE_BUF: the system does not split it.
	if _, err := p.w.Write(p.mark); err != nil {
		return // closed: the reader has had everything
	}
	select {
	case <-p.synced:
	case <-p.ended:
	}
}

// close ends the pipe after a last sync. A grandchild of the function that
// still holds the other end does not hold it up.
func (p *logPipe) close() {
	p.sync()
	_ = p.w.Close()
	_ = p.r.Close()
	<-p.ended
}
