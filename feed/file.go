package feed

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"clearhop/decode"
	"clearhop/record"
)

// Files returns the inputs that read files, or streams such as standard input, to
// their ends. open opens one by its name; see Open. The context is that of Input.
func Files(names []string, open func(ctx context.Context, name string) (io.ReadCloser, error)) []Input {
	var inputs []Input
	for _, name := range names {
		inputs = append(inputs, func(ctx context.Context) (Source, error) {
			in, err := open(ctx, name)
			if err != nil {
				return nil, err
			}
			return &file{Reader: decode.NewReader(in, decode.Options{Name: name}), ctx: ctx, in: in, isRegular: isRegular(in)}, nil
		})
	}
	return inputs
}

// A file is the Source of a file or stream.
type file struct {
	*decode.Reader
	ctx       context.Context
	in        io.Closer
	isRegular bool
}

// Next returns the next line. It reads no further when the context has ended.
func (f *file) Next() (*record.Line, error) {
	if f.ctx.Err() != nil {
		return nil, io.EOF
	}
	line, err := f.Reader.Next()
	if err != nil && errors.Is(err, f.ctx.Err()) {
		return nil, io.EOF
	}
	return line, err
}

// Ready is always true for a regular file, which keeps nobody waiting. Its messages
// are then never cut by the clock.
func (f *file) Ready() bool { return f.isRegular || f.Reader.Ready() }

func (f *file) Counts() Counts {
	return Counts{Inputs: 1, Bytes: f.BytesRead(), Empty: f.Empty()}
}

func (f *file) Close() error {
	_ = f.in.Close() // it was only read
	return nil
}

func isRegular(in io.Reader) bool {
	f, isFile := in.(*os.File)
	if !isFile {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

// Follow returns the inputs that read files as they grow, until their context
// ends; see decode.Follow. They are to be read together. fromEnd leaves out the
// lines that are there already.
func Follow(names []string, fromEnd bool) []Input {
	return FollowFrom(names, FollowConfig{FromEnd: fromEnd})
}

// A FollowConfig says where to begin to follow files.
type FollowConfig struct {
	// FromEnd leaves out the lines that are there already, for files without a position.
	FromEnd bool
	// Position returns where to go on in a file; nil if nothing is known of it. If
	// Position is nil, no position is kept.
	Position func(name string) *decode.Position
	// Begun is called with the place where the reading of a file begins. It may be called
	// by several goroutines at the same time.
	Begun func(at decode.Position) error
}

// Places keep how far logs are read. A *position.File is one.
type Places interface {
	// Begin notes that logs are read from now on.
	Begin(logs []string) error
	// Of returns where to go on in a log; nil if nothing is known of it.
	Of(log string) *decode.Position
	// Save notes how far logs are read. When it returns, that is on the disk.
	Save(places []decode.Position) error
}

// FollowKept follows logs until ctx ends, and goes on where an earlier call ended: also
// after a kill and a rotation. sync returns when all that c.Flush took is on the disk. Only
// then a place is kept, so that a kill repeats events and loses none.
func FollowKept(ctx context.Context, logs []string, fromEnd bool, kept Places, sync func() error, c Config) (Counts, error) {
	if !fromEnd { // else the next call leaves out what is there then
		if err := kept.Begin(logs); err != nil {
			return Counts{}, err
		}
	}
	c.Together = true
	c.Settled = func(places []decode.Position) error {
		if err := sync(); err != nil {
			return err
		}
		return kept.Save(places)
	}
	return Run(ctx, FollowFrom(logs, FollowConfig{
		FromEnd:  fromEnd,
		Position: kept.Of,
		Begun:    func(at decode.Position) error { return kept.Save([]decode.Position{at}) },
	}), c)
}

// FollowFrom is Follow for files that are followed again and again: each time from where
// it ended.
func FollowFrom(names []string, c FollowConfig) []Input {
	var inputs []Input
	for _, name := range names {
		inputs = append(inputs, func(ctx context.Context) (Source, error) {
			o := decode.Options{FromEnd: c.FromEnd}
			if c.Position == nil {
				return &followed{Follower: decode.Follow(ctx, name, o), name: name}, nil
			}
			o.Keep, o.Resume = true, c.Position(name)
			f := &followed{Follower: decode.Follow(ctx, name, o), name: name}
			f.opening = f.Open()
			if at := f.Position(); at.File != nil {
				if err := c.Begun(at); err != nil {
					return nil, errors.Join(err, f.Close())
				}
			}
			return f, nil
		})
	}
	return inputs
}

// A WaitError says that a file to follow does not exist yet.
type WaitError struct{ Name string }

// Error says what is waited for.
func (e *WaitError) Error() string { return "waiting for " + e.Name }

// A followed is the Source of a file that grows.
type followed struct {
	*decode.Follower
	name   string
	looked bool // for the file, at the start

	opening error // what opening the file returned; for the first Next
}

// Next waits for the next line. Almost all errors are temporary: the file may come
// back. Only what cannot be followed at all, such as a compressed file, ends it. A
// file that does not exist at the start is the first error, because its name may be
// wrong.
func (f *followed) Next() (*record.Line, error) {
	if !f.looked {
		f.looked = true
		if _, err := os.Stat(f.name); errors.Is(err, fs.ErrNotExist) {
			return nil, &TemporaryError{&WaitError{Name: f.name}}
		}
	}
	line, err := (*record.Line)(nil), f.opening
	if f.opening = nil; err == nil {
		line, err = f.Follower.Next()
	}
	var unreadable *decode.UnreadableError
	if err != nil && err != io.EOF && !errors.As(err, &unreadable) {
		return nil, &TemporaryError{err}
	}
	return line, err
}

func (f *followed) Counts() Counts { return Counts{Inputs: 1, Empty: f.Empty()} }
