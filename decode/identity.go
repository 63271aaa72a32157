package decode

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"path"
	"slices"
	"strings"
)

// firstBytes is how much of the first line of a file tells it from other files.
const firstBytes = 1 << 10

// hashOfFirst returns what record.Line.First holds: a hash of the head of the first
// line of a file that is not empty.
func hashOfFirst(line []byte) uint64 {
	sum := sha256.Sum256(line[:min(len(line), firstBytes)])
	return binary.BigEndian.Uint64(sum[:8])
}

// firstLine returns the head of the first line of a file that is not empty.
func firstLine(file io.ReaderAt) []byte {
	head := make([]byte, 4*firstBytes)
	n, _ := file.ReadAt(head, 0) // what cannot be read is no part of it
	head = bytes.TrimLeft(head[:n], "\r\n")
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// packings are what compression adds to the name of a file.
var packings = []string{".gz", ".zst", ".bz2"}

// nameOfLog returns the name that a log has before it is rotated, without its folder:
// "access.log" for access.log.1, access.log.2.gz, access.log-20261128.gz,
// access-20261128.log and access.log.old. A date has at least six digits, so that web-1.log
// stays what it is.
func nameOfLog(file string) string {
	name := path.Base(file)
	for _, packing := range packings {
		name = strings.TrimSuffix(name, packing)
	}
	for _, old := range []string{".old", ".bak"} {
		name = strings.TrimSuffix(name, old)
	}
	if head, ok := cutRotation(name, true); ok {
		return head
	}
	ext := path.Ext(name)
	if head, ok := cutRotation(strings.TrimSuffix(name, ext), false); ok {
		return head + ext
	}
	if name == "" {
		return path.Base(file)
	}
	return name
}

// cutRotation cuts the number or the date off the end of a name. Only where numbers is
// set, a number of fewer than six digits behind a point is one.
func cutRotation(name string, numbers bool) (head string, ok bool) {
	at := len(name)
	digits := 0
	for at > 0 && strings.IndexByte("0123456789-._:T", name[at-1]) >= 0 {
		at--
		if name[at]-'0' < 10 {
			digits++
		}
	}
	// It begins with the separator, and not with the "T" of a name.
	at += max(0, strings.IndexAny(name[at:], "-._"))
	if at == 0 || at == len(name) || digits == 0 || !slices.Contains([]byte("-._"), name[at]) {
		return "", false
	}
	if digits < 6 && (!numbers || name[at] != '.') {
		return "", false
	}
	return name[:at], true
}
