//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"clearhop/decode"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// headLines is how many lines at the front of a file tell it from others.
const headLines = 8

// A Known says what the database knows of a file.
type Known struct {
	// Name is the name under which its lines are to be read. It is the name of the file,
	// or the one that the same file had in an earlier Load: an event.id is made from the
	// name of the file, so a rotated or compressed log would count twice.
	Name string
	// Whole says that an earlier Load has all of the file, and that it has not changed
	// since.
	Whole bool

	path           string // absolute
	head           string // a hash of its first lines
	lines          int    // in head
	size, modified int64
}

// Recall says what the database knows of a file. Of what is no regular file it knows
// nothing.
func (s *Store) Recall(ctx context.Context, name string) (Known, error) {
	k := Known{Name: name}
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return k, nil // whoever reads it reports the error
	}
	if k.path, err = filepath.Abs(name); err != nil {
		return k, err
	}
	k.size, k.modified = info.Size(), info.ModTime().UnixNano()
	heads := headsOf(name)
	if k.lines = len(heads); k.lines == 0 {
		return k, nil
	}
	k.head = heads[k.lines-1]
	conditions := "false"
	for i, head := range heads {
		conditions += fmt.Sprintf(" OR head_lines = %d AND head = %s", i+1, literal(head))
	}
	sql := fmt.Sprintf("SELECT name, bool_or(path = %s AND size = %d AND modified = %d), max(head_lines) AS lines FROM %s.main.files WHERE %s GROUP BY name ORDER BY lines DESC, name",
		literal(k.path), k.size, k.modified, catalog, conditions)
	first := true
	err = s.query(ctx, sql, nil, func(c mapping.DataChunk) error {
		n := int(mapping.DataChunkGetSize(c))
		names := vectorOf[text](mapping.DataChunkGetVector(c, 0), n)
		whole := vectorOf[bool](mapping.DataChunkGetVector(c, 1), n)
		for i := range n {
			if first {
				k.Name, first = string(names[i].bytes()), false
			}
			k.Whole = k.Whole || whole[i]
		}
		return nil
	})
	return k, err
}

// headsOf returns a hash of the first line, of the first two, and so on. A file that
// cannot be read has none.
func headsOf(name string) []string {
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	// A short file is read again when it has grown. So what follows must not matter, and
	// neither must how it is compressed.
	r := decode.NewReader(f, decode.Options{})
	digest := sha256.New()
	var heads []string
	for len(heads) < headLines {
		line, err := r.Next()
		if err != nil {
			break
		}
		_, _ = digest.Write(line.Text)
		_, _ = io.WriteString(digest, "\n")
		heads = append(heads, hex.EncodeToString(digest.Sum(nil)[:16]))
	}
	return heads
}

// Done says that all of a file was added. The database remembers it with the next
// commit.
func (l *Load) Done(k Known) {
	if k.head != "" {
		l.done = append(l.done, k)
	}
}

// remember writes down which files were read.
func (l *Load) remember() error {
	for _, k := range l.done {
		files := catalog + ".main.files"
		err := errors.Join(
			l.s.exec(l.work, fmt.Sprintf("DELETE FROM %s WHERE path = %s", files, literal(k.path))),
			l.s.exec(l.work, fmt.Sprintf("INSERT INTO %s VALUES (%s, %s, %s, %d, %d, %d)", files,
				literal(k.path), literal(k.Name), literal(k.head), k.lines, k.size, k.modified)))
		if err != nil {
			return err
		}
	}
	l.done = nil
	return nil
}
