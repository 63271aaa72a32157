// Package lock keeps two processes from working with one file.
//
//	held, err := lock.Take("clearhop-backfill.json")
//	if err != nil {
//		return err // *lock.HeldError: another process works with it
//	}
//	defer held.Release()
//
// In go the path of the file; out comes a Lock, which is a file beside it with the suffix
// .lock. The system ends the lock with the process, however that ends. So a .lock that was
// left behind locks nothing. The file itself is not touched: it can be replaced meanwhile.
//
// Locks hold between processes of one machine. On a network file system they hold as far
// as that passes them on.
package lock

import (
	"errors"
	"fmt"
	"os"
)

// suffix ends the name of the file that is locked.
const suffix = ".lock"

// A HeldError says that another process works with a file.
type HeldError struct{ Path string }

// Error says which file, and what to do.
func (e *HeldError) Error() string {
	return fmt.Sprintf("another clearhop works with %s: wait until it has ended, or give another file", e.Path)
}

// A Lock is held until Release, or until the process ends. It is for one goroutine.
type Lock struct{ file *os.File }

// Take locks the file at a path, which need not exist. It does not wait. An error is a
// *HeldError, or that of the system.
func Take(path string) (*Lock, error) {
	for {
		file, held, err := openLocked(path + suffix)
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if held {
			return nil, &HeldError{path}
		}
		// The one that had the lock before may have removed the file meanwhile.
		if isAt(file, path+suffix) {
			return &Lock{file}, nil
		}
		_ = file.Close() // nothing was written
	}
}

func isAt(file *os.File, path string) bool {
	opened, err := file.Stat()
	there, atErr := os.Stat(path)
	return err == nil && atErr == nil && os.SameFile(opened, there)
}

// Release ends the lock and removes its file. It may be called on nil.
func (l *Lock) Release() error {
	if l == nil {
		return nil
	}
	return errors.Join(remove(l.file.Name()), l.file.Close())
}
