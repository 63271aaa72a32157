package decode

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"clearhop/record"
)

// A Follower gives the lines of a file that is being written, as tail -F does.
//
// It outlives log rotation. When another file has taken the path, because the
// old one was renamed or removed, the old one is read to its end first; since
// nginx goes on writing to it until it is told to reopen its logs, the new file
// is turned to only when it holds something and the old one has stood still
// for one look. When the file is shorter than what was read of it, it was
// emptied in place (copytruncate) and is read from its start. If by then more
// was written to it than before, that cannot be noticed.
//
// It polls, for notifications do not reach across network and container file
// systems. For several files, run one Follower each in a goroutine of its own.
type Follower struct {
	ctx    context.Context
	path   string
	name   string
	tick   <-chan time.Time
	ticker *time.Ticker // nil if the ticks come from outside

	file    *os.File // nil as long as there is none
	skip    bool     // the lines that the file holds are left out
	partial bool     // what comes first is the rest of a line left out
	leaving bool     // another file has taken the path
	failed  bool     // the last call did: the next one waits before it tries

	lines lines
	line  record.Line
}

// Follow returns a Follower of the plain file at path, which need not be there
// yet. It runs until ctx ends. The lines carry Options.Name, or path if that is
// empty, and the offsets that a Reader of the file would give them.
func Follow(ctx context.Context, path string, o Options) *Follower {
	o = o.withDefaults()
	if o.Name == "" {
		o.Name = path
	}
	origin := o.origin()
	f := &Follower{
		ctx:   ctx,
		path:  path,
		name:  origin.Source,
		tick:  o.Tick,
		skip:  o.FromEnd,
		lines: lines{most: o.MaxLine},
		line:  record.Line{Origin: origin},
	}
	if f.tick == nil {
		f.ticker = time.NewTicker(o.Poll)
		f.tick = f.ticker.C
	}
	return f
}

// Next waits for the next line and returns it; it holds until the next call. A
// line whose newline is still to come is waited for, unless the file is rotated
// away or ctx ends: then it is returned as it stands.
//
// When ctx ends, Next returns what it has read by then, and io.EOF behind that.
// Any other error is a *ReadError; the next call waits for a look and tries
// again.
func (f *Follower) Next() (*record.Line, error) {
	if f.failed {
		f.failed = false
		f.wait()
	}
	for {
		if f.partial {
			f.partial = !f.lines.discard()
		}
		if f.lines.next(&f.line) {
			return &f.line, nil
		}
		if f.ctx.Err() != nil {
			return f.finish()
		}
		more, err := f.read()
		if more {
			continue
		}
		// Even if the file cannot be read: another may have taken its path.
		moved, lookErr := f.look()
		if !moved {
			if err = cmp.Or(err, lookErr); err != nil {
				f.failed = true
				return nil, &ReadError{Name: f.name, Offset: f.lines.offset, Err: err}
			}
			f.wait()
			continue
		}
		last := f.lines.rest(&f.line)
		f.lines.restart(0)
		f.partial = false
		if last {
			return &f.line, nil
		}
	}
}

// Ready reports whether Next will return a line without reading on. It is false
// before the first call of Next and at the end. The line that Next returned last
// still holds.
func (f *Follower) Ready() bool { return !f.failed && !f.partial && f.lines.ready() }

// Empty returns how many empty lines were left out.
func (f *Follower) Empty() int64 { return f.lines.empty }

// Close gives up the file. It need not be called once Next has returned io.EOF.
func (f *Follower) Close() error {
	if f.ticker != nil {
		f.ticker.Stop()
	}
	return f.closeFile()
}

func (f *Follower) closeFile() error {
	file := f.file
	f.file = nil
	if file == nil {
		return nil
	}
	return file.Close()
}

func (f *Follower) finish() (*record.Line, error) {
	if f.lines.rest(&f.line) {
		return &f.line, nil
	}
	_ = f.Close() // read only
	return nil, io.EOF
}

// read reads once, and reports whether it got anything. It opens the file if
// need be.
func (f *Follower) read() (bool, error) {
	if f.file == nil {
		if err := f.open(); err != nil || f.file == nil {
			return false, err
		}
	}
	err := f.lines.read(f.file)
	if err == io.EOF {
		return false, nil
	}
	return err == nil, err
}

// open opens the file, if it is there.
func (f *Follower) open() error {
	skip := f.skip
	f.skip = false
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if skip {
		// The reading starts at the last byte, so that what stands before the
		// next newline can be left out: nothing, or the end of a line that was
		// begun earlier.
		at, err := file.Seek(-1, io.SeekEnd)
		if err == nil {
			f.partial = true
			f.lines.restart(at)
		}
	}
	f.file = file
	return nil
}

// look sees, at the end of the file, whether the reading has to start again at
// the beginning, of this file or of another.
func (f *Follower) look() (moved bool, err error) {
	if f.file == nil {
		return false, nil
	}
	now, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // it may come back, and the old one may grow yet
	}
	if err != nil {
		return false, err
	}
	held, err := f.file.Stat()
	if err != nil {
		return false, err
	}
	if os.SameFile(now, held) {
		f.leaving = false
		if held.Size() >= f.lines.readTo() {
			return false, nil
		}
		_, err := f.file.Seek(0, io.SeekStart)
		return err == nil, err
	}
	if now.Size() == 0 {
		return false, nil
	}
	if !f.leaving {
		f.leaving = true
		return false, nil
	}
	f.leaving = false
	return true, f.closeFile()
}

// wait waits for the next look, or for the end.
func (f *Follower) wait() {
	select {
	case <-f.tick:
	case <-f.ctx.Done():
	}
}
