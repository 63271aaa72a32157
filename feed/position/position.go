// Package position keeps a file that says how far followed logs are read, so that the
// next run goes on there.
//
// In go the places of the last lines that were written to their destination; out come the
// places where a [decode.Follower] goes on.
//
//	state, err := position.Open("access.state", []string{"/var/log/nginx/access.log"})
//	err = state.Begin([]string{"/var/log/nginx/access.log"}) // they are read from now on
//	at := state.Of("/var/log/nginx/access.log") // nil: nothing is known of it
//	…
//	err = state.Save(places) // after what was read up to there is written
//
// The file is JSON. It is replaced as a whole, by a rename, so that a kill leaves the old
// one or the new one. It has a checksum: a file that was changed by a fault of the disk
// or by hand is an error, and never a place that is wrong.
//
// A File is safe for concurrent use. Two programs must not have the same
// file: the command locks it.
package position

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"clearhop/decode"
)

// version is that of the file's form. A greater one is refused.
const version = 1

// A File is the file of positions.
type File struct {
	path string
	now  func() time.Time

	mu   sync.Mutex
	logs map[string]place // by absolute path
	// fresh are the logs of which nothing was known when the file was opened.
	fresh map[string]bool
}

// A document is what the file holds.
type document struct {
	Version int             `json:"clearhop_positions"`
	Sum     string          `json:"sha256"` // of the text of Logs
	Logs    json.RawMessage `json:"logs"`
}

// A place is a Position as the file has it.
type place struct {
	Device    uint64    `json:"device"`
	Inode     uint64    `json:"inode"`
	HeadBytes int       `json:"head_bytes"`
	HeadSum   string    `json:"head_sha256"`
	Offset    int64     `json:"offset"`
	Saved     time.Time `json:"saved"`
}

// An Error says why a file of positions cannot be used. Nothing was read or changed.
type Error struct {
	Path string
	What string
	Hint string
}

// Error says what is wrong and what to do.
func (e *Error) Error() string { return fmt.Sprintf("--state %s: %s. %s", e.Path, e.What, e.Hint) }

const startAgain = "Delete it to read the files from their start: what was written before comes again, with the same event ids"

// Open reads the file at path, which need not exist. logs are the files to be followed.
// An error is an *Error, or that of the system.
func Open(path string, logs []string) (*File, error) {
	f := &File{path: path, now: time.Now, logs: map[string]place{}, fresh: map[string]bool{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, f.tryWrite()
	}
	if err != nil {
		return nil, fmt.Errorf("--state: %w", err)
	}
	if err := f.parse(text); err != nil {
		return nil, err
	}
	var known []string
	for _, log := range logs {
		known = append(known, key(log))
	}
	for _, log := range slices.Sorted(maps.Keys(f.logs)) {
		if !slices.Contains(known, log) {
			return nil, &Error{path, "it says how far " + log + " was read, which is not among the files to follow",
				"Follow that file too, or give another --state file for other files"}
		}
	}
	return f, f.tryWrite()
}

// parse reads the text of the file.
func (f *File) parse(text []byte) error {
	damaged := func(why string) error { return &Error{f.path, "it is damaged (" + why + ")", startAgain} }
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		return damaged("it is no JSON of positions")
	}
	switch {
	case doc.Version > version:
		return &Error{f.path, fmt.Sprintf("a newer clearhop wrote it (form %d; this one reads form %d)", doc.Version, version),
			"Use that version. Or delete it to read the files from their start: what was written before comes again, with the same event ids"}
	case doc.Version < 1:
		return damaged("it is no JSON of positions")
	case doc.Sum != sumOf(doc.Logs):
		return damaged("its checksum is wrong")
	}
	if err := json.Unmarshal(doc.Logs, &f.logs); err != nil {
		return damaged("a position cannot be read")
	}
	for _, p := range f.logs {
		if p.Offset < 0 || p.HeadBytes < 0 {
			return damaged("a position is negative")
		}
	}
	return nil
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// key is what the file calls a log.
func key(log string) string {
	if path, err := filepath.Abs(log); err == nil {
		return path
	}
	return log
}

// Begin notes for logs of which nothing is known that they are read from now on. If the
// program is killed before it has saved a place of one, and the log is renamed, the next
// run knows from when on it has to read what was renamed.
func (f *File) Begin(logs []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, log := range logs {
		k := key(log)
		if _, known := f.logs[k]; !known {
			f.logs[k], f.fresh[k] = place{Saved: f.now().UTC()}, true
		}
	}
	return f.write()
}

// Of returns the place where to go on in a log; nil if the file had none when it was
// opened.
func (f *File) Of(log string) *decode.Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.logs[key(log)]
	if !ok || f.fresh[key(log)] {
		return nil
	}
	id := &decode.FileID{Log: log, Device: p.Device, Inode: p.Inode, HeadBytes: p.HeadBytes, HeadSum: p.HeadSum}
	return &decode.Position{File: id, Offset: p.Offset, Saved: p.Saved}
}

// Save writes places into the file. When it returns, they are on the disk.
func (f *File) Save(places []decode.Position) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, at := range places {
		delete(f.fresh, key(at.File.Log))
		f.logs[key(at.File.Log)] = place{
			Device: at.File.Device, Inode: at.File.Inode,
			HeadBytes: at.File.HeadBytes, HeadSum: at.File.HeadSum,
			Offset: at.Offset, Saved: f.now().UTC(),
		}
	}
	return f.write()
}

// tryWrite writes the file as it is, so that a folder that cannot be written to is known
// before anything is read.
func (f *File) tryWrite() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.write()
}

// write replaces the file.
func (f *File) write() error {
	logs, err := json.Marshal(f.logs)
	if err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	text, err := json.Marshal(document{Version: version, Sum: sumOf(logs), Logs: logs})
	if err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	next := f.path + ".next"
	if err := writeAndSync(next, append(bytes.TrimSpace(text), '\n')); err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	if err := os.Rename(next, f.path); err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	return nil
}

// writeAndSync writes a file that only its owner may read: it tells something about the
// log.
func writeAndSync(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}
