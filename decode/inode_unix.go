//go:build unix

package decode

import (
	"io/fs"
	"syscall"
)

// inodeOf returns the numbers that a file keeps when it is renamed; 0 where the system
// does not tell them.
func inodeOf(info fs.FileInfo) (device, inode uint64) {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Dev), stat.Ino //nolint:unconvert // Dev is an int32 on some systems
	}
	return 0, 0
}
