package position

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/decode"
)

// TestFile: what was saved is there the next time, for the log under any spelling of its
// path.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	path, log := filepath.Join(dir, "state"), filepath.Join(dir, "access.log")
	f, err := Open(path, []string{log})
	if err != nil || f.Of(log) != nil {
		t.Fatal(f, err)
	}
	id := &decode.FileID{Log: log, Device: 1, Inode: 2, HeadBytes: 3, HeadSum: "ab"}
	if err := f.Save([]decode.Position{{File: id, Offset: 7}}); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path, []string{dir + "/./access.log", dir + "/new.log"})
	if err != nil {
		t.Fatal(err)
	}
	at := again.Of(dir + "/./access.log")
	if at == nil || at.Offset != 7 || at.File.Inode != 2 || at.File.HeadSum != "ab" || at.Saved.IsZero() || again.Of(dir+"/new.log") != nil {
		t.Errorf("the place is %+v", at)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v (%v)", info.Mode(), err)
	}
}

// TestWhatCannotBeUsed: a file that is not what Save wrote is refused, and stays.
func TestWhatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	path, log := filepath.Join(dir, "state"), filepath.Join(dir, "access.log")
	f, err := Open(path, []string{log})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Save([]decode.Position{{File: &decode.FileID{Log: log}, Offset: 7}}); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(text, want string, logs ...string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, logs)
		if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, want %q", text, err, want)
		}
		if kept, _ := os.ReadFile(path); string(kept) != text {
			t.Errorf("the file is now %q", kept)
		}
	}
	for n := range len(good) - 1 {
		refused(string(good[:n]), "damaged", log)
	}
	refused(strings.Replace(string(good), `"offset":7`, `"offset":8`, 1), "its checksum is wrong", log)
	refused(`{"a":1}`, "damaged", log)
	refused("junk", "damaged", log)
	refused(strings.Replace(string(good), `positions":1`, `positions":2`, 1), "a newer clearhop wrote it", log)
	refused(string(good), "not among the files to follow", filepath.Join(dir, "other.log"))
	if _, err := Open(filepath.Join(dir, "none", "state"), nil); err == nil {
		t.Error("a folder that is not there takes a file")
	}
}

// TestBegin: a log that was begun and never read has a time and no place, for the next run
// only; what is known of a log stays.
func TestBegin(t *testing.T) {
	dir := t.TempDir()
	path, log, other := filepath.Join(dir, "state"), filepath.Join(dir, "access.log"), filepath.Join(dir, "other.log")
	open := func() *File {
		f, err := Open(path, []string{log, other})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Begin([]string{log, other}); err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := open()
	if f.Of(log) != nil || f.Of(other) != nil {
		t.Error("the first run has a place")
	}
	if err := f.Save([]decode.Position{{File: &decode.FileID{Log: log, Inode: 2}, Offset: 7}}); err != nil {
		t.Fatal(err)
	}
	f = open()
	if at := f.Of(log); at == nil || at.Offset != 7 || at.File.Inode != 2 {
		t.Errorf("the place of the log that was read is %+v", at)
	}
	at := f.Of(other)
	if at == nil || at.Offset != 0 || at.File.Inode != 0 || at.Saved.IsZero() {
		t.Fatalf("the place of the log that was not read is %+v", at)
	}
	if again := open().Of(other); !again.Saved.Equal(at.Saved) {
		t.Errorf("it is begun anew at %v", again.Saved)
	}
}
