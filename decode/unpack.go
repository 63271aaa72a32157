package decode

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is the largest window of zstd that is accepted, in bytes. "zstd --long"
// needs as much, and it is the default limit of the zstd command.
const maxWindow = 128 << 20

// maxLayers is how many times a stream may be compressed. CloudWatch Logs
// compresses its payloads, and a Firehose stream can be configured to compress
// them again.
const maxLayers = 2

const readSize = 64 << 10

// Unpack returns the decompressed stream of r, which is plain, gzip, zstd or bzip2, as a
// Reader reads it: without a look at what is in it.
func Unpack(r io.Reader) (io.Reader, error) { return unpack(r) }

// unpack returns the decompressed stream of r, which is plain, gzip, zstd or bzip2. It
// waits for the first bytes of r.
func unpack(r io.Reader) (io.Reader, error) {
	for range maxLayers {
		in := bufio.NewReaderSize(r, readSize)
		head, err := in.Peek(4) // no more: a stream may be waiting after a short line
		if bytes.HasPrefix(head, []byte("BZh")) {
			head, err = in.Peek(len(bzip2Magic))
		}
		if err != nil && err != io.EOF {
			// The bytes before the error may be lines.
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
		case isBzip2(head):
			r = bzip2.NewReader(in)
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

// bzip2Magic is how a bzip2 stream begins. The digit stands for any from 1 to 9.
const bzip2Magic = "BZh91AY&SY"

// bzip2End follows the digit in an empty stream.
const bzip2End = "\x17rE8P\x90"

// isBzip2 reports whether b begins a bzip2 stream.
func isBzip2(b []byte) bool {
	const digit = 3
	return len(b) >= len(bzip2Magic) && string(b[:digit]) == bzip2Magic[:digit] &&
		'1' <= b[digit] && b[digit] <= '9' &&
		(string(b[digit+1:len(bzip2Magic)]) == bzip2Magic[digit+1:] || string(b[digit+1:len(bzip2Magic)]) == bzip2End)
}

var errAfterGzip = errors.New("gzip: the bytes after the last member are not gzip")

// members reads gzip members one after the other. Unlike a gzip.Reader it allows
// newlines between them, because Firehose can be configured to append one to each
// record.
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

// between skips to the next member. It returns io.EOF if there is none.
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
			return errAfterGzip
		}
		return m.in.UnreadByte()
	}
}
