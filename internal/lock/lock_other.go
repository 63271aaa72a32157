//go:build !unix

package lock

import (
	"errors"
	"io/fs"
	"os"
)

// openLocked makes a file and keeps it open. Windows removes no file that is open: so a
// file that cannot be removed is held by another process.
func openLocked(path string) (file *os.File, held bool, err error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, true, nil
	}
	file, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, true, nil
	}
	return file, false, err
}

// remove leaves the file: it cannot be removed while it is open, and the next Take does.
func remove(string) error { return nil }
