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

// A Follower returns the lines of a file while it is being written, as tail -F
// does.
//
// It handles both kinds of log rotation:
//
//   - The old file was renamed or removed, and a new file has its path. nginx
//     writes to the old file until it is told to reopen its logs. So the Follower
//     reads the old file to its end. It changes to the new file when that is not
//     empty and the old file did not grow between two looks.
//   - The file was emptied in place (copytruncate): it is shorter than what was
//     read of it. The Follower reads it from its start. If the file has grown
//     beyond its old size by then, the Follower cannot detect the rotation.
//
// It polls, because network and container file systems do not pass on
// notifications. To follow several files, run one Follower for each in its own
// goroutine.
type Follower struct {
	ctx    context.Context
	path   string
	name   string
	tick   <-chan time.Time
	ticker *time.Ticker // nil if Options.Tick replaces it

	file    *os.File // nil while the file does not exist
	skip    bool     // skip the lines that are in the file already
	partial bool     // the next bytes are the rest of a line that is skipped
	leaving bool     // another file has the path
	failed  bool     // the last call failed: the next one waits before it reads

	lines lines
	line  record.Line
}

// Follow returns a Follower of the plain file at path. The file need not exist
// yet. The Follower runs until ctx ends. The lines have the Origin and the
// offsets that a Reader of the file would give them, with Options.Name or, if
// that is empty, path as the name.
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
		lines: lines{maxLine: o.MaxLine},
		line:  record.Line{Origin: origin},
	}
	if f.tick == nil {
		f.ticker = time.NewTicker(o.Poll)
		f.tick = f.ticker.C
	}
	return f
}

// Next waits for the next line and returns it. The line is valid until the next
// call. Next also waits for the newline of a line. If the file is rotated or ctx
// ends first, Next returns the line as it is.
//
// After ctx has ended, Next returns the lines that were read, and then io.EOF. Any
// other error is a *ReadError; the next call waits once and tries again. It is of no
// use if the cause is an *UnreadableError, unless another file gets the path.
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
		// Even if the file cannot be read, another file may have its path now.
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
		f.lines.restart(0, nil)
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

// Empty returns the number of empty lines that were skipped.
func (f *Follower) Empty() int64 { return f.lines.empty }

// Close closes the file. After Next has returned io.EOF, it need not be called.
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
		if f.line.Defect == record.Sound {
			f.line.Defect = record.Unfinished
		}
		return &f.line, nil
	}
	_ = f.Close() // read only
	return nil, io.EOF
}

// read reads once and reports whether it read anything. It opens the file if that
// is not open.
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

// open opens the file, if it exists.
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
	if err := refuseToFollow(file); err != nil {
		_ = file.Close()
		return err
	}
	if skip {
		// Start at the last byte and skip what precedes the next newline. If the
		// last byte is a newline, that is nothing; else it is the rest of a line.
		at, err := file.Seek(-1, io.SeekEnd)
		if err == nil {
			f.partial = true
			f.lines.restart(at, file)
		}
	}
	f.file = file
	return nil
}

// refuseToFollow returns an error for a file that cannot grow line by line.
func refuseToFollow(file *os.File) error {
	head := make([]byte, binaryHead)
	n, err := file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil // reading it will tell
	}
	head = head[:n]
	if isGzip(head) || isZstd(head) || isBzip2(head) {
		return &UnreadableError{"a compressed file, which does not grow line by line", "read it without --follow"}
	}
	return refuseBytes(head)
}

// look checks for a rotation when the end of the file was reached. moved reports
// that reading continues at the start of the file at the path, whether it is the
// same file or another.
func (f *Follower) look() (moved bool, err error) {
	if f.file == nil {
		return false, nil
	}
	now, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // the old file may still grow, and a new one may appear
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

// wait waits for the next tick or the end of ctx.
func (f *Follower) wait() {
	select {
	case <-f.tick:
	case <-f.ctx.Done():
	}
}
