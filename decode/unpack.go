package decode

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is the memory of zstd that is allowed: what "zstd --long" needs,
// and as much as the zstd command itself takes without being told.
const maxWindow = 128 << 20

// maxLayers is how often a stream may be packed. CloudWatch Logs packs its
// payloads itself, and a Firehose stream may be set to pack them again.
const maxLayers = 2

const readSize = 64 << 10

// unpack returns the stream that r holds, plain or packed by gzip or zstd. It
// waits for the first bytes of r.
func unpack(r io.Reader) (io.Reader, error) {
	for range maxLayers {
		in := bufio.NewReaderSize(r, readSize)
		head, err := in.Peek(4)
		if err != nil && err != io.EOF {
			// What came before the error may be lines.
			return in, nil
		}
		switch {
		case isGzip(head):
			r = &members{in: in}
		case isZstd(head):
			z, err := zstd.NewReader(in,
				zstd.WithDecoderConcurrency(1), // no goroutine: nothing to close
				zstd.WithDecoderMaxWindow(maxWindow),
				zstd.WithDecoderLowmem(true))
			if err != nil {
				return nil, err
			}
			r = z
		default:
			return in, nil
		}
	}
	return r, nil
}

// isZstd reports whether b begins a zstd frame or a skippable one.
func isZstd(b []byte) bool {
	if len(b) < 4 || b[0] != 0x28 && b[0]&0xf0 != 0x50 {
		return false
	}
	if b[0] == 0x28 {
		return string(b[1:4]) == "\xb5\x2f\xfd"
	}
	return string(b[1:4]) == "\x2a\x4d\x18"
}

var errBehindGzip = errors.New("gzip: bytes behind the last member that are no gzip")

// members reads gzip members one behind the other. Unlike a gzip.Reader it
// allows newlines between them: Firehose can be set to end each record with
// one.
type members struct {
	in   *bufio.Reader
	gzip gzip.Reader
	open bool
	err  error
}

func (m *members) Read(p []byte) (int, error) {
	for m.err == nil {
		if !m.open {
			if m.err = m.gzip.Reset(m.in); m.err != nil {
				break
			}
			m.gzip.Multistream(false)
			m.open = true
		}
		n, err := m.gzip.Read(p)
		if err == io.EOF {
			m.open = false
			err = m.between()
		}
		m.err = err
		if n > 0 {
			return n, nil
		}
	}
	return 0, m.err
}

// between steps to the next member. It returns io.EOF if there is none.
func (m *members) between() error {
	for {
		c, err := m.in.ReadByte()
		if err != nil {
			return err
		}
		if c == '\n' || c == '\r' {
			continue
		}
		if c != 0x1f {
			return errBehindGzip
		}
		return m.in.UnreadByte()
	}
}
