package decode

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
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
//     empty and the old file did not grow between two looks. If there were several
//     rotations since, it first reads the files beside it that were written meanwhile.
//   - The file was emptied in place (copytruncate): it is shorter than what was
//     read of it, or begins with something else. The Follower reads what it has not
//     read yet from the copy beside it, if there is one, and then the file from its start.
//
// With Options.Resume it goes on where another Follower ended, also if the log was
// rotated since: it finds the file by its number and its first bytes among the files
// beside it, compressed or not, and reads its rest first.
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
	keep   bool         // a line without an end is left for the next Follower

	resume  *Position // nil once the place is found
	parts   []*part   // what is to be read before the file at the path
	part    *part     // in hand; nil while the file does not exist
	skip    bool      // skip the lines that are in the file already
	partial bool      // the next bytes are the rest of a line that is skipped
	leaving bool      // another file has the path
	rested  bool      // it has waited since the last read
	emptied bool      // the file in hand begins with something else than before
	failed  bool      // the last call failed: the next one waits before it reads

	lines lines
	line  record.Line
	seen  int64    // lines of the file in hand that begin before it are record.Line.Seen
	id    *FileID  // of the file in hand, or of the last one
	at    Position // behind the line that Next returned last
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
		ctx:    ctx,
		path:   path,
		name:   origin.Source,
		tick:   o.Tick,
		keep:   o.Keep,
		resume: o.Resume,
		skip:   o.FromEnd,
		lines:  lines{maxLine: o.MaxLine},
		line:   record.Line{Origin: origin},
	}
	if f.resume != nil && f.resume.File == nil {
		f.resume = nil
	}
	if f.tick == nil {
		f.ticker = time.NewTicker(o.Poll)
		f.tick = f.ticker.C
	}
	return f
}

// Open opens the file now, if it exists, and not at the first call of Next. Its error is
// that of Next.
func (f *Follower) Open() error {
	if f.part != nil {
		return nil
	}
	return f.failure(f.open())
}

// Position returns the place behind the line that Next returned last, and before that
// the place where reading begins. Its File is nil if there is no file yet.
func (f *Follower) Position() Position { return f.at }

// Next waits for the next line and returns it. The line is valid until the next
// call. Next also waits for the newline of a line. If the file is rotated first, Next
// returns the line as it is. If ctx ends first, the line has the defect
// [record.Unfinished]; with Options.Keep it is not returned.
//
// After ctx has ended, Next returns the lines that were read, and then io.EOF. Any
// other error is a *ReadError; the next call waits once and tries again. It is of no
// use if the cause is an *UnreadableError, unless another file gets the path. If the
// cause is a *LostError, the next call goes on with what is left of the log.
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
			return f.found()
		}
		if f.ctx.Err() != nil {
			return f.finish()
		}
		more, err := f.read()
		if more {
			continue
		}
		if _, lost := errors.AsType[*LostError](err); lost {
			return nil, f.failure(err)
		}
		// Even if the file cannot be read, another file may have its path now.
		moved, lookErr := f.look()
		if !moved {
			if err = cmp.Or(err, lookErr); err != nil {
				f.failed = true
				return nil, f.failure(err)
			}
			f.wait()
			continue
		}
		last := f.lines.rest(&f.line)
		if last {
			_, _ = f.found() // while the place is that of the old file
		}
		f.lines.restart(0, nil)
		f.partial, f.seen = false, 0
		if last {
			return &f.line, nil
		}
	}
}

// failure wraps err with the place of the next line. nil stays nil.
func (f *Follower) failure(err error) error {
	if err == nil {
		return nil
	}
	return &ReadError{Name: f.name, Offset: f.lines.offset, Err: err}
}

// found completes the line that was taken from the window.
func (f *Follower) found() (*record.Line, error) {
	f.line.Seen = f.line.Offset < f.seen
	f.at = Position{File: f.id, Offset: max(f.lines.offset, f.seen)}
	return &f.line, nil
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
	p := f.part
	f.part = nil
	if p == nil {
		return nil
	}
	return p.file.Close()
}

func (f *Follower) finish() (*record.Line, error) {
	if !f.keep && f.lines.rest(&f.line) {
		if f.line.Defect == record.Sound {
			f.line.Defect = record.Unfinished
		}
		return f.found()
	}
	_ = f.Close() // read only
	closeParts(f.parts)
	f.parts = nil
	return nil, io.EOF
}

// read reads once and reports whether it read anything. It opens the file if that
// is not open.
func (f *Follower) read() (bool, error) {
	if f.part == nil {
		if err := f.open(); err != nil || f.part == nil {
			return false, err
		}
	}
	if f.rested && f.wasEmptied() {
		f.emptied = true
		return false, nil
	}
	rested, before := f.rested, f.lines.readTo()
	f.rested = false
	err := f.lines.read(f.part.in)
	if err == io.EOF {
		return false, nil
	}
	if err == nil && rested && f.wasEmptied() {
		// That happened just now. What was read may be of what the file holds since.
		f.lines.end -= int(f.lines.readTo() - before)
		f.emptied = true
		return false, nil
	}
	if err != nil && f.part.packed {
		// It will not get better: the next call goes on with the next file.
		f.lines.restart(0, nil)
		f.seen = 0
		_ = f.closeFile() // it was only read
	}
	if err == nil {
		f.leaving = false // it still grows
		f.seeHead()
	}
	return err == nil, err
}

// wasEmptied reports whether the file in hand no longer begins as it did. A hole of NULs
// is what a program leaves that goes on writing at its old place in an emptied file.
func (f *Follower) wasEmptied() bool {
	p := f.part
	if p.packed || len(p.head) == 0 {
		return false
	}
	head, err := readHead(p.file)
	return err == nil && !bytes.HasPrefix(head, p.head) && (len(head) == 0 || head[0] != 0)
}

// seeHead keeps what the file in hand begins with, until that is enough to tell it from
// others.
func (f *Follower) seeHead() {
	p := f.part
	if p.packed || len(p.head) == headBytes {
		return
	}
	if head, err := readHead(p.file); err == nil && len(head) > len(p.head) {
		p.setHead(head)
		f.setID()
	}
}

func (f *Follower) setID() {
	id := f.part.id
	f.id = &id
}

// open opens the next file to be read, if it exists.
func (f *Follower) open() error {
	var lost error
	if at := f.resume; at != nil {
		parts, err := f.locate(at)
		if _, ok := errors.AsType[*LostError](err); err != nil && !ok {
			return err
		}
		f.resume, f.parts, f.skip, lost = nil, parts, false, err
	}
	if len(f.parts) > 0 {
		p := f.parts[0]
		f.parts = f.parts[1:]
		return cmp.Or(f.start(p), lost)
	}
	if lost != nil {
		return lost
	}
	skip := f.skip
	f.skip = false
	p, err := openPart(f.path, f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := p.refuseToFollow(); err != nil {
		_ = p.file.Close()
		return err
	}
	if skip {
		return f.startAtEnd(p)
	}
	return f.start(p)
}

// start begins to read a file at its offset, and some lines before.
func (f *Follower) start(p *part) error {
	start, within, err := p.begin()
	if err != nil {
		_ = p.file.Close()
		return err
	}
	f.part, f.partial, f.seen = p, within, p.offset
	f.rested = true // it may have been emptied since it was opened
	f.lines.restart(start, nil)
	if within {
		f.lines.file = bytes.NewReader(p.head)
	}
	f.setID()
	f.at = Position{File: f.id, Offset: p.offset}
	return nil
}

// startAtEnd begins to read a file at its last byte, and skips what precedes the next
// newline. If the last byte is a newline, that is nothing; else it is the rest of a line.
func (f *Follower) startAtEnd(p *part) error {
	f.part = p
	f.setID()
	f.at = Position{File: f.id}
	at, err := p.file.Seek(-1, io.SeekEnd)
	if err == nil {
		f.partial = true
		f.lines.restart(at, p.file)
		f.at.Offset, err = endOfLastLine(p.file, at+1)
	} else {
		_, err = p.file.Seek(0, io.SeekStart) // it is empty
	}
	return err
}

// endOfLastLine returns where the last line ends that has an end, among the size bytes of
// a file. Where that is not near its end, it is not looked for.
func endOfLastLine(file io.ReaderAt, size int64) (int64, error) {
	tail := make([]byte, min(size, record.MaxLine))
	from := size - int64(len(tail))
	if _, err := file.ReadAt(tail, from); err != nil && err != io.EOF {
		return 0, err
	}
	return from + int64(bytes.LastIndexByte(tail, '\n')+1), nil
}

// refuseToFollow returns an error for a file that cannot grow line by line.
func (p *part) refuseToFollow() error {
	if p.packed {
		return &UnreadableError{"a compressed file, which does not grow line by line", "read it without --follow"}
	}
	return refuseBytes(p.head[:min(len(p.head), binaryHead)])
}

// look checks for a rotation when the end of the file was reached. moved reports
// that reading continues at the start of the next file, whether that is the
// same file or another.
func (f *Follower) look() (moved bool, err error) {
	p := f.part
	if p == nil {
		return false, nil
	}
	if p.packed { // it does not grow
		f.queueNext(p.modified)
		return true, f.closeFile()
	}
	now, err := os.Stat(f.path)
	gone := errors.Is(err, fs.ErrNotExist)
	if err != nil && !gone {
		return false, err
	}
	held, err := p.file.Stat()
	if err != nil {
		return false, err
	}
	switch {
	case f.emptied || held.Size() < f.lines.readTo():
		return f.readAgain() // it may have been renamed since
	case !gone && os.SameFile(now, held):
		f.leaving = false
		return false, nil
	case len(f.parts) > 0:
	case gone, now.Size() == 0:
		return false, nil // the old file may still grow, and a new one may appear
	}
	if !f.leaving {
		f.leaving = true
		return false, nil
	}
	f.leaving = false
	f.queueNext(held.ModTime())
	return true, f.closeFile()
}

// queueNext opens what is to be read after the file in hand, if that is not known yet: the
// files beside the log that were written since, and the log itself. It opens the log
// first. If that is rotated at this moment, it is not missed.
func (f *Follower) queueNext(since time.Time) {
	if len(f.parts) > 0 {
		return
	}
	known := []*part{f.part}
	current, err := openPart(f.path, f.path)
	if err == nil && current.refuseToFollow() != nil {
		_ = current.file.Close() // open tells why
		return
	}
	if err == nil {
		known = append(known, current)
	}
	none := func(os.FileInfo) bool { return false }
	f.parts = writtenSince(f.partsBeside(since, none), since, known)
	if err == nil {
		f.parts = append(f.parts, current)
	}
}

// readAgain reads the file in hand from its start, since it was emptied, and before that
// what was not read of its copy.
func (f *Follower) readAgain() (moved bool, err error) {
	p := f.part
	f.emptied = false
	if rest := f.restInCopy(); rest != nil {
		f.lines.restart(0, nil) // what is there of a line is read again
		f.parts = append([]*part{rest}, f.parts...)
		return true, f.closeFile()
	}
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	p.setHead(nil)
	return true, nil
}

// restInCopy returns the copy that was made of the file in hand before it was emptied, if
// there are lines in it that were not read; nil if there is no such copy.
func (f *Follower) restInCopy() *part {
	at := Position{File: f.id, Offset: f.lines.offset}
	if f.id == nil || f.id.HeadBytes == 0 {
		return nil
	}
	none := func(os.FileInfo) bool { return false }
	copies := f.partsBeside(time.Time{}, none)
	rest := choose(copies, &at)
	closeParts(slices.DeleteFunc(copies, func(p *part) bool { return p == rest }))
	if rest == nil {
		return nil
	}
	if !rest.packed && rest.size == at.Offset {
		_ = rest.file.Close() // it was only read
		return nil
	}
	rest.offset = at.Offset
	return rest
}

// wait waits for the next tick or the end of ctx.
func (f *Follower) wait() {
	f.rested = true
	select {
	case <-f.tick:
	case <-f.ctx.Done():
	}
}
