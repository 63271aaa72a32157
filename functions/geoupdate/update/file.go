package update

import (
	"errors"
	"io"
	"os"

	"clearhop/functions/geoupdate/unpack"
)

// save writes all of r into a temporary file, and into the others on the way.
func save(r io.Reader, also ...io.Writer) (path string, err error) {
	f, err := os.CreateTemp("", "clearhop-geoupdate-*")
	if err != nil {
		return "", err
	}
	n, err := io.Copy(io.MultiWriter(append(also, f)...), io.LimitReader(r, unpack.MaxSize+1))
	if n > unpack.MaxSize {
		err = unpack.ErrTooLarge
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
