package feed

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"clearhop/record"

	"github.com/klauspost/compress/zstd"
)

// A Spool keeps the lines of an input in a temporary file, compressed, while they are
// read the first time. Whoever reads them again reads the file: so an input that is slow,
// such as a log group in AWS, is read once, and gives the same lines each time.
//
//	s := feed.NewSpool(input)
//	defer s.Close()
//	feed.Run(ctx, []feed.Input{s.Input}, config) // reads the input
//	feed.Run(ctx, []feed.Input{s.Input}, config) // reads the file
//
// If the first reading ends early, the later ones end at the same line. A Spool is for
// one reading at a time.
type Spool struct {
	from    Input
	file    *os.File // nil before the first reading
	failed  []error  // of the first reading, which the later ones end with
	counts  Counts
	origins []*record.Origin
	mixes   bool
}

// NewSpool returns a Spool of an input that was not opened yet.
func NewSpool(from Input) *Spool { return &Spool{from: from} }

// Input is the Input that reads the lines.
func (s *Spool) Input(ctx context.Context) (Source, error) {
	if s.file != nil {
		return s.replay(ctx)
	}
	source, err := s.from(ctx)
	if err != nil {
		return nil, err
	}
	// The folder entry goes at once where that is possible, so that nothing stays
	// behind if the program is killed.
	if s.file, err = os.CreateTemp("", "clearhop-*"); err != nil {
		return nil, errors.Join(fmt.Errorf("keep the lines to read them again: %w", err), source.Close())
	}
	_ = os.Remove(s.file.Name())
	s.mixes = mixes(source)
	packed, err := zstd.NewWriter(s.file, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, errors.Join(err, source.Close())
	}
	return &spooling{Source: source, spool: s, out: packed, known: map[*record.Origin]uint64{}}, nil
}

// Close gives up the file.
func (s *Spool) Close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	_ = os.Remove(s.file.Name()) // it is there only where an open file cannot be removed
	return err
}

// A spooling is the Source of the first reading.
type spooling struct {
	Source
	spool *Spool
	out   *zstd.Encoder
	known map[*record.Origin]uint64 // the index of each in Spool.origins
	row   []byte
}

// Next returns the next line, and keeps it.
func (s *spooling) Next() (*record.Line, error) {
	line, err := s.Source.Next()
	if err != nil {
		if err != io.EOF {
			s.spool.failed = append(s.spool.failed, err)
		}
		return nil, err
	}
	n, ok := s.known[line.Origin]
	if !ok {
		n = uint64(len(s.spool.origins))
		s.known[line.Origin] = n
		s.spool.origins = append(s.spool.origins, line.Origin)
	}
	s.row = appendRow(s.row[:0], n, line)
	if _, err := s.out.Write(s.row); err != nil {
		return nil, fmt.Errorf("keep the lines to read them again: %w", err)
	}
	return line, nil
}

func (s *spooling) mixesStreams() bool { return s.spool.mixes }

// Close ends the file.
func (s *spooling) Close() error {
	s.spool.counts = s.Counts()
	return errors.Join(s.Source.Close(), s.out.Close())
}

// appendRow appends what is kept of a line. n is the number of its Origin.
func appendRow(b []byte, n uint64, line *record.Line) []byte {
	b = binary.AppendUvarint(b, n)
	b = binary.AppendVarint(b, line.Offset)
	hasTime := byte(0)
	if line.HasTime {
		hasTime = 1
	}
	b = append(b, hasTime, byte(line.Defect))
	b = binary.AppendVarint(b, line.Time)
	b = binary.AppendUvarint(b, uint64(len(line.ID)))
	b = append(b, line.ID...)
	b = binary.AppendUvarint(b, uint64(len(line.Text)))
	return append(b, line.Text...)
}

// A replayed is the Source of a later reading.
type replayed struct {
	spool  *Spool
	ctx    context.Context
	packed *zstd.Decoder
	in     *bufio.Reader
	line   record.Line
	text   []byte
	failed []error
}

// replay opens the file.
func (s *Spool) replay(ctx context.Context) (Source, error) {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	packed, err := zstd.NewReader(s.file, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return &replayed{spool: s, ctx: ctx, packed: packed, in: bufio.NewReaderSize(packed, 64<<10), failed: s.failed}, nil
}

// Next returns the next line, and at the end the errors of the first reading.
func (r *replayed) Next() (*record.Line, error) {
	if r.ctx.Err() != nil {
		return nil, io.EOF
	}
	if _, err := r.in.Peek(1); err == io.EOF {
		if len(r.failed) > 0 {
			err, r.failed = r.failed[0], r.failed[1:]
		}
		return nil, err
	}
	if err := r.read(); err != nil {
		return nil, fmt.Errorf("the lines that were kept cannot be read again: %w", err)
	}
	return &r.line, nil
}

// read reads a line as appendRow wrote it.
func (r *replayed) read() error {
	n, err := binary.ReadUvarint(r.in)
	if err != nil {
		return err
	}
	if n >= uint64(len(r.spool.origins)) {
		return io.ErrUnexpectedEOF
	}
	r.line = record.Line{Origin: r.spool.origins[n]}
	if r.line.Offset, err = binary.ReadVarint(r.in); err != nil {
		return err
	}
	var flags [2]byte
	if _, err := io.ReadFull(r.in, flags[:]); err != nil {
		return err
	}
	r.line.HasTime, r.line.Defect = flags[0] == 1, record.Defect(flags[1])
	if r.line.Time, err = binary.ReadVarint(r.in); err != nil {
		return err
	}
	r.text = r.text[:0]
	id, err := r.bytes()
	if err != nil {
		return err
	}
	text, err := r.bytes()
	r.line.ID, r.line.Text = r.text[:id:id], r.text[id:id+text]
	return err
}

// maxSpooledText bounds the length of what bytes reads: a line is no longer.
const maxSpooledText = record.MaxLine + 1<<10

// bytes appends a text with its length to r.text, and returns the length.
func (r *replayed) bytes() (int, error) {
	n, err := binary.ReadUvarint(r.in)
	if err == nil && n > maxSpooledText {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return 0, err
	}
	from := len(r.text)
	r.text = append(r.text, make([]byte, n)...)
	_, err = io.ReadFull(r.in, r.text[from:])
	return int(n), err
}

// Ready is always true: the file keeps nobody waiting.
func (r *replayed) Ready() bool { return true }

func (r *replayed) mixesStreams() bool { return r.spool.mixes }

func (r *replayed) Counts() Counts { return r.spool.counts }

func (r *replayed) Close() error {
	r.packed.Close()
	return nil
}
