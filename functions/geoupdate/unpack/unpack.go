// Package unpack reads a GeoIP database in the forms that publishers pack it in.
//
//	database, err := unpack.Database(response.Body)
//	n, err := io.Copy(file, io.LimitReader(database, unpack.MaxSize+1))
//
// In goes a file that is packed by gzip, by tar in gzip, or not at all; out comes
// a reader of the database. It reads while it is read, so that an archive that is
// cut off or damaged is an error of one of its reads. A reader serves one
// goroutine.
package unpack

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MaxSize is how many bytes a database may have, unpacked: what fits into /tmp
// of a Lambda function.
const MaxSize = 500 << 20

// ErrTooLarge is wrapped by the error for a database of more than MaxSize.
var ErrTooLarge = fmt.Errorf("more than %d bytes", MaxSize)

// Database returns the database in r. The first bytes of r tell how it is packed.
// Of an archive it is the first file whose name ends in .mmdb.
func Database(r io.Reader) (io.Reader, error) {
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
			// Read to the end of the archive too: gzip's checksum comes last.
			return io.MultiReader(archive, rest{unpacked}), nil
		}
	}
}

// rest reads to the end of a reader and returns nothing of it.
type rest struct{ r io.Reader }

func (r rest) Read([]byte) (int, error) {
	if n, err := io.Copy(io.Discard, io.LimitReader(r.r, MaxSize)); err != nil || n == MaxSize {
		return 0, errors.Join(err, ErrTooLarge)
	}
	return 0, io.EOF
}
