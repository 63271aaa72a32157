//go:build unix

package lock

import (
	"errors"
	"os"
	"syscall"
)

// openLocked opens a file and locks it. held says that another process has the lock.
func openLocked(path string) (file *os.File, held bool, err error) {
	file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, err
	}
	if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil { //nolint:gosec // a descriptor is small
		return file, false, nil
	}
	_ = file.Close() // nothing was written
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, true, nil
	}
	return nil, false, err
}

// remove removes the file while it is locked.
func remove(path string) error { return os.Remove(path) }
