//go:build !unix

package buildtest

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// lock waits until the file is not there, and makes it. unlock removes it. The
// file of a process that was killed stays until the end of the run.
func lock(path string) (unlock func(), err error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			return func() { _ = os.Remove(path) }, f.Close()
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}
