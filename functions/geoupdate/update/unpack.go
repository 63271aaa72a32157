package update

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// MaxSize is how many bytes a database may have, unpacked: what fits into /tmp
// of a Lambda function.
const MaxSize = 500 << 20

// unpack returns the database in r, which is packed by gzip, or by tar in gzip,
// or not at all, as its first bytes tell.
func unpack(r io.Reader) (io.Reader, error) {
	packed := bufio.NewReader(r)
	if magic, _ := packed.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return packed, nil
	}
	z, err := gzip.NewReader(packed)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	const header, magicAt = 512, 257
	unpacked := bufio.NewReaderSize(z, header)
	if block, _ := unpacked.Peek(header); len(block) < header || string(block[magicAt:magicAt+5]) != "ustar" {
		return unpacked, nil
	}
	archive := tar.NewReader(unpacked)
	for {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("tar: no file in it ends in .mmdb")
		}
		if err != nil {
			return nil, fmt.Errorf("tar: %w", err)
		}
		if entry.Typeflag == tar.TypeReg && strings.HasSuffix(entry.Name, ".mmdb") {
			// gzip's checksum comes behind the rest.
			return io.MultiReader(archive, rest{unpacked}), nil
		}
	}
}

// rest reads to the end of a reader and gives nothing of it.
type rest struct{ r io.Reader }

func (r rest) Read([]byte) (int, error) {
	if n, err := io.Copy(io.Discard, io.LimitReader(r.r, MaxSize)); err != nil || n == MaxSize {
		return 0, errors.Join(err, ErrTooLarge)
	}
	return 0, io.EOF
}

// save writes all of r into a temporary file, and into the others on the way.
func save(r io.Reader, also ...io.Writer) (path string, err error) {
	f, err := os.CreateTemp("", "clearhop-geoupdate-*")
	if err != nil {
		return "", err
	}
	n, err := io.Copy(io.MultiWriter(append(also, f)...), io.LimitReader(r, MaxSize+1))
	if n > MaxSize {
		err = ErrTooLarge
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// discard removes a file that save made.
func discard(path string) error {
	if path == "" {
		return nil
	}
	return os.Remove(path)
}
