package decode

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A Position is a place in a log that is followed: behind a line. It holds after the log
// was rotated, and in another process. If nothing is known of what its File begins with,
// nothing was read of the log since Saved.
type Position struct {
	File   *FileID
	Offset int64 // in bytes from the start of the file, decompressed
	// Saved is when the Position was saved; for Options.Resume only.
	Saved time.Time
}

// A FileID tells a file from others, also when it has another name. It never changes: of
// a file that has grown there is a new one.
type FileID struct {
	Log string // the path that is followed, as it was given
	// Device and Inode are 0 where the system has no such numbers.
	Device, Inode uint64
	// HeadBytes is how many bytes at the start of the file HeadSum is of; at most 4 KiB.
	HeadBytes int
	HeadSum   string // their SHA-256, in hexadecimal
}

// headBytes is how much of the start of a file is compared.
const headBytes = 4 * firstBytes

// contextBytes is how much before a Position is read again, for what it says about the
// lines behind it: an error record of nginx has at most 2 KiB.
const contextBytes = 16 << 10

// A LostError says that a log cannot be read on from a Position: the file that has the
// place is gone. Reading goes on with what is left.
type LostError struct {
	Name   string // of the log
	Offset int64
}

// Error says what is lost.
func (e *LostError) Error() string {
	return fmt.Sprintf("%s was rotated while nobody read it, and the file that was read up to byte %d is gone: lines behind that place are lost", e.Name, e.Offset)
}

// A part is a file that holds a part of a log: the log itself, or what rotation made of
// an earlier one.
type part struct {
	file     *os.File
	in       io.Reader // file, unpacked
	packed   bool      // then it does not grow
	head     []byte    // what it begins with
	id       FileID
	size     int64 // not of a packed file
	modified time.Time
	offset   int64 // where reading begins
	rotated  bool  // its name says that it is a part of the log
}

// openPart opens a file that holds a part of the log.
func openPart(log, path string) (*part, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p := &part{file: file, in: file}
	if err := p.inspect(log); err != nil {
		_ = file.Close()
		return nil, err
	}
	return p, nil
}

func (p *part) inspect(log string) error {
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	switch {
	case info.IsDir():
		return errors.New("is a directory")
	case !info.Mode().IsRegular():
		return errors.New("is no regular file")
	}
	p.size, p.modified = info.Size(), info.ModTime()
	p.id = FileID{Log: log}
	p.id.Device, p.id.Inode = inodeOf(info)
	head, err := readHead(p.file)
	if err != nil {
		return err
	}
	if isGzip(head) || isZstd(head) || isBzip2(head) {
		p.packed = true
		if p.in, err = unpack(p.file); err != nil {
			return err
		}
		head = make([]byte, headBytes)
		n, err := io.ReadFull(p.in, head)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		head = head[:n]
		p.in = io.MultiReader(bytes.NewReader(head), p.in)
	}
	p.setHead(head)
	return nil
}

// setHead keeps what the file begins with.
func (p *part) setHead(head []byte) {
	p.head = head
	p.id.HeadBytes, p.id.HeadSum = len(head), sumOf(head)
}

func sumOf(head []byte) string {
	sum := sha256.Sum256(head)
	return hex.EncodeToString(sum[:])
}

// readHead returns the bytes at the start of a file, as many as there are.
func readHead(file io.ReaderAt) ([]byte, error) {
	head := make([]byte, headBytes)
	n, err := file.ReadAt(head, 0)
	if err == io.EOF {
		err = nil
	}
	return head[:n], err
}

// isSame reports whether the file is the one of a Position by its number.
func (p *part) isSame(at *Position) bool {
	return at.File.Inode != 0 && p.id.Inode == at.File.Inode && p.id.Device == at.File.Device
}

// holds reports whether the file begins as the one of a Position did, and reaches as far.
// A file of which nothing was known can only be told by its number.
func (p *part) holds(at *Position) bool {
	n := at.File.HeadBytes
	if n == 0 {
		return p.isSame(at)
	}
	return len(p.head) >= n && sumOf(p.head[:n]) == at.File.HeadSum && (p.packed || p.size >= at.Offset)
}

// begin goes to where reading begins. It reports whether that is within a line.
func (p *part) begin() (start int64, within bool, err error) {
	if start = p.offset - contextBytes; start <= 0 {
		return 0, false, nil
	}
	if p.packed {
		_, err = io.CopyN(io.Discard, p.in, start)
		if err == io.EOF {
			err = nil // it has no such place: there is nothing to read
		}
	} else {
		_, err = p.file.Seek(start, io.SeekStart)
	}
	return start, true, err
}

// closeParts closes files that are not read.
func closeParts(parts []*part) {
	for _, p := range parts {
		_ = p.file.Close() // it was only read
	}
}

// timeGrain is how much earlier than the clock a file's time of writing may be: some file
// systems keep whole seconds, and Linux takes the time of its last tick.
const timeGrain = time.Second

// locate finds the file that has a Position among the log itself and the files beside
// it. It returns that file and those that were written since, the log itself as the last
// one. The error is a *LostError if there is no such file: the others are returned.
func (f *Follower) locate(at *Position) ([]*part, error) {
	current, err := openPart(f.path, f.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var last []*part
	if current != nil {
		last = append(last, current)
	}
	since := at.Saved.Add(-timeGrain)
	if at.File.HeadBytes == 0 {
		// The log was empty, or not there. Its number says nothing: another file can have
		// got it, or what was written to the file since then may be in a copy.
		none := func(os.FileInfo) bool { return false }
		return append(writtenSince(f.partsBeside(since, none), since, last), last...), nil
	}
	if current != nil && current.isSame(at) && current.holds(at) {
		current.offset = at.Offset
		return last, nil
	}
	beside := f.partsBeside(time.Time{}, func(info os.FileInfo) bool {
		device, inode := inodeOf(info)
		return inode != 0 && inode == at.File.Inode && device == at.File.Device
	})
	found := choose(slices.Concat(last, beside), at)
	if found == nil {
		return append(writtenSince(beside, since, last), last...), &LostError{f.name, at.Offset}
	}
	found.offset = at.Offset
	if found == current {
		closeParts(beside)
		return last, nil
	}
	parts := append([]*part{found}, writtenSince(beside, found.modified, append(last, found))...)
	return append(parts, last...), nil
}

// choose returns the file that has a Position: the one of its number before those that
// begin alike, such as a compressed copy.
func choose(parts []*part, at *Position) *part {
	for _, p := range parts {
		if p.isSame(at) && p.holds(at) {
			return p
		}
	}
	for _, p := range parts {
		if p.holds(at) {
			return p
		}
	}
	return nil
}

// writtenSince returns the files that were written since a time, in the order in which
// they were. Those that begin as one of known does, or as another one, are left out: they
// are copies. All others are closed.
func writtenSince(parts []*part, since time.Time, known []*part) (news []*part) {
	slices.SortStableFunc(parts, func(a, b *part) int { return a.modified.Compare(b.modified) })
	for _, p := range parts {
		isKnown := slices.ContainsFunc(known, func(k *part) bool { return k == p })
		isCopy := slices.ContainsFunc(known, func(k *part) bool { return bytes.Equal(k.head, p.head) })
		if p.rotated && !isCopy && !p.modified.Before(since) && len(p.head) > 0 {
			news, known = append(news, p), append(known, p)
		} else if !isKnown {
			_ = p.file.Close() // it was only read
		}
	}
	return news
}

// partsBeside opens the files beside the log that rotation made of it, if they were
// written since a time, and those that also accepts. What cannot be opened is none. While
// a rotation gives the files other names, it looks again.
func (f *Follower) partsBeside(since time.Time, also func(os.FileInfo) bool) []*part {
	const looks, pause = 10, 5 * time.Millisecond
	for look := 1; ; look++ {
		parts, still := f.openBeside(since, also)
		if still || look == looks {
			return parts
		}
		closeParts(parts)
		time.Sleep(pause)
	}
}

// openBeside does so once. still reports that no file got another name meanwhile.
func (f *Follower) openBeside(since time.Time, also func(os.FileInfo) bool) (parts []*part, still bool) {
	before := f.infosBeside()
	base := filepath.Base(f.path)
	for _, info := range before {
		rotated := nameOfLog(info.Name()) == nameOfLog(base) && !info.ModTime().Before(since)
		if !rotated && !also(info) {
			continue
		}
		if p, err := openPart(f.path, filepath.Join(filepath.Dir(f.path), info.Name())); err == nil {
			p.rotated = rotated
			parts = append(parts, p)
		}
	}
	return parts, slices.EqualFunc(before, f.infosBeside(), func(a, b os.FileInfo) bool {
		return a.Name() == b.Name() && os.SameFile(a, b)
	})
}

// infosBeside returns the regular files beside the log, in the order of their names.
func (f *Follower) infosBeside() (infos []os.FileInfo) {
	entries, err := os.ReadDir(filepath.Dir(f.path))
	if err != nil {
		return nil // then the log itself cannot be opened either
	}
	for _, entry := range entries {
		// A state file is replaced all the time, but it has no name of the log.
		info, err := entry.Info()
		if err == nil && info.Mode().IsRegular() && entry.Name() != filepath.Base(f.path) {
			infos = append(infos, info)
		}
	}
	return infos
}
