package decode

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A resumed log is read by one Follower after the other.
type resumed struct {
	t    *testing.T
	path string
	at   *Position
}

// read follows the log from where it was left until nothing more comes, and returns the
// texts of the lines. lost are the errors.
func (r *resumed) read() (texts []string, lost []error) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	tick := make(chan time.Time)
	go func() {
		for range 10 { // looks at the end: enough to pass through every file
			tick <- time.Time{}
		}
		cancel()
	}()
	f := Follow(ctx, r.path, Options{Tick: tick, Resume: r.at, Keep: true})
	for {
		line, err := f.Next()
		if err == io.EOF {
			return texts, lost
		}
		if err != nil {
			lost = append(lost, err)
			continue
		}
		if at := f.Position(); at.File != nil {
			at.Saved = time.Now()
			r.at = &at
		}
		if !line.Seen {
			texts = append(texts, string(line.Text))
		}
	}
}

func (r *resumed) want(lines string) {
	r.t.Helper()
	got, lost := r.read()
	if strings.Join(got, " ") != lines || len(lost) > 0 {
		r.t.Fatalf("got %q, want %q; errors %v", got, lines, lost)
	}
}

func (r *resumed) write(lines string) {
	appendTo(r.t, r.path, strings.ReplaceAll(lines, " ", "\n")+"\n")
}

func (r *resumed) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// age makes a file older, so that the order in which files were written is known.
func (r *resumed) age(path string, by time.Duration) {
	at := time.Now().Add(-by)
	r.must(os.Chtimes(path, at, at))
}

// pack compresses a file as gzip does: it keeps the time.
func (r *resumed) pack(path string) {
	data, err := os.ReadFile(path)
	r.must(err)
	info, err := os.Stat(path)
	r.must(err)
	r.must(os.WriteFile(path+".gz", pack(data), 0o600))
	r.must(os.Chtimes(path+".gz", info.ModTime(), info.ModTime()))
	r.must(os.Remove(path))
}

// TestResume: a log is read on after all kinds of rotation, each line once.
func TestResume(t *testing.T) {
	for name, f := range map[string]func(r *resumed){
		"nothing happened": func(r *resumed) {},
		"renamed":          func(r *resumed) { r.must(os.Rename(r.path, r.path+".1")) },
		"renamed to another name": func(r *resumed) {
			r.must(os.Rename(r.path, filepath.Join(filepath.Dir(r.path), "kept")))
		},
		"renamed and packed": func(r *resumed) {
			r.must(os.Rename(r.path, r.path+"-20261128"))
			r.pack(r.path + "-20261128")
		},
		"copied and emptied": func(r *resumed) {
			data, err := os.ReadFile(r.path)
			r.must(err)
			r.must(os.WriteFile(r.path+".1", data, 0o600))
			r.must(os.Truncate(r.path, 0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &resumed{t: t, path: logPath(t)}
			appendTo(t, r.path+".9", "old\n")
			r.age(r.path+".9", time.Hour)
			r.write("one two")
			r.want("one two")
			r.write("three four")
			f(r)
			r.write("five")
			r.want("three four five")
			r.write("six")
			r.want("six")
			r.want("")
		})
	}
}

// TestResumeAfterSeveralRotations: the files between are read too, in their order.
func TestResumeAfterSeveralRotations(t *testing.T) {
	r := &resumed{t: t, path: logPath(t)}
	r.write("one")
	r.want("one")
	r.write("two")
	r.must(os.Rename(r.path, r.path+".3"))
	r.age(r.path+".3", 3*time.Minute)
	r.pack(r.path + ".3")
	r.write("three")
	r.must(os.Rename(r.path, r.path+".2"))
	r.age(r.path+".2", 2*time.Minute)
	r.write("four")
	r.must(os.Rename(r.path, r.path+".1"))
	appendTo(t, filepath.Join(filepath.Dir(r.path), "error.log.1"), "another\n")
	r.write("five")
	r.want("two three four five")
}

// TestResumeWhereNothingWasRead: a log that was renamed before anything of it was read is
// read, and the files that are older than the first start are not.
func TestResumeWhereNothingWasRead(t *testing.T) {
	r := &resumed{t: t, path: logPath(t)}
	r.write("old")
	r.must(os.Rename(r.path, r.path+".3"))
	r.age(r.path+".3", time.Hour)
	begun := time.Now()
	r.write("a b")
	r.must(os.Rename(r.path, r.path+".2"))
	r.age(r.path+".2", -time.Second) // the order
	r.write("c")
	r.must(os.Rename(r.path, r.path+".1"))
	r.age(r.path+".1", -2*time.Second)
	r.at = &Position{File: &FileID{Log: r.path}, Saved: begun}
	r.want("a b c") // the log itself is not there
	r.at = &Position{File: &FileID{Log: r.path}, Saved: begun}
	r.write("d")
	r.want("a b c d")
}

// TestResumeOfAnEmptyLog: of a log that was empty when its place was saved, all is read that
// was written since, whichever file has its number now.
func TestResumeOfAnEmptyLog(t *testing.T) {
	r := &resumed{t: t, path: logPath(t)}
	appendTo(t, r.path, "")
	info, err := os.Stat(r.path)
	r.must(err)
	device, inode := inodeOf(info)
	at := &Position{File: &FileID{Log: r.path, Device: device, Inode: inode}, Saved: time.Now()}
	r.write("a b")
	text, err := os.ReadFile(r.path)
	r.must(err)
	r.must(os.WriteFile(r.path+".1", text, 0o600)) // copytruncate
	r.must(os.Truncate(r.path, 0))
	r.write("c")
	r.at = at
	r.want("a b c")
}

// TestFollowSlowWorker: after the new file has begun, the old one is read until it did not
// grow between two looks, however often it does.
func TestFollowSlowWorker(t *testing.T) {
	path, tick := logPath(t), make(chan time.Time)
	appendTo(t, path, "a\n")
	ctx, cancel := context.WithCancel(t.Context())
	lines := make(chan string)
	go func() {
		defer close(lines)
		f := Follow(ctx, path, Options{Tick: tick})
		for {
			line, err := f.Next()
			if err != nil {
				return // it has ended
			}
			lines <- string(line.Text)
		}
	}()
	want := func(want string) {
		t.Helper()
		if got := <-lines; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	want("a")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	appendTo(t, path, "new\n")
	tick <- time.Time{} // a look at the end finds the new file
	for range 5 {
		appendTo(t, path+".1", "slow\n")
		select {
		case tick <- time.Time{}:
			want("slow")
		case got := <-lines:
			if got != "slow" {
				t.Errorf("got %q, want the line of the old file", got)
			}
		}
	}
	for got := ""; got != "new"; {
		select {
		case tick <- time.Time{}:
		case got = <-lines:
			if got != "new" {
				t.Errorf("got %q, want the line of the new file", got)
			}
		}
	}
	cancel()
	for range lines {
	}
}

// TestResumeWhereTheFileIsGone: what is left is read, and the loss is told.
func TestResumeWhereTheFileIsGone(t *testing.T) {
	r := &resumed{t: t, path: logPath(t)}
	r.write("one")
	r.want("one")
	r.must(os.Remove(r.path))
	r.write("two")
	r.must(os.Rename(r.path, r.path+".1"))
	r.write("three")
	got, lost := r.read()
	if !slices.Equal(got, []string{"two", "three"}) || len(lost) != 1 {
		t.Fatalf("got %q, errors %v", got, lost)
	}
	if e, ok := errors.AsType[*LostError](lost[0]); !ok || e.Offset != 4 {
		t.Errorf("the error is %v", lost[0])
	}
}

// TestResumeWithContext: lines before the place come again, and say that they were seen;
// a line without an end is left until it has one.
func TestResumeWithContext(t *testing.T) {
	r := &resumed{t: t, path: logPath(t)}
	appendTo(t, r.path, strings.Repeat(strings.Repeat("x", 999)+"\n", 40)+"ha")
	if got, _ := r.read(); len(got) != 40 {
		t.Fatalf("%d lines", len(got))
	}
	appendTo(t, r.path, "lf\n")
	f := Follow(t.Context(), r.path, Options{Resume: r.at, Keep: true})
	defer f.Close()
	seen := 0
	for {
		line, err := f.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !line.Seen {
			if string(line.Text) != "half" || line.First != hashOfFirst([]byte(strings.Repeat("x", 999))) {
				t.Errorf("the line is %q", line.Text)
			}
			break
		}
		if seen++; f.Position() != (Position{File: f.Position().File, Offset: r.at.Offset}) {
			t.Fatal("a line that was seen takes the place back")
		}
	}
	if seen < 10 || seen > contextBytes/1000+1 {
		t.Errorf("%d lines come again", seen)
	}
}

// TestFollowEmptiedAndGrown: a file that was emptied and has grown beyond its old size is
// read from its start, and what was not read of it comes from its copy.
func TestFollowEmptiedAndGrown(t *testing.T) {
	path := logPath(t)
	appendTo(t, path, "one\n")
	f := follow(t, path, Options{})
	f.want("0 one")
	f.still()
	appendTo(t, path+".1", "one\ntwo\n")
	f.must(os.WriteFile(path, []byte("three\nfour\nfive\n"), 0o600))
	f.want("0 one", "4 two") // the first one is Seen
	f.want("0 three", "6 four", "11 five")
	f.still()
	f.must(os.WriteFile(path, []byte("six\nseven\neight\nnine\nten\n"), 0o600))
	f.want("0 six", "4 seven", "10 eight", "16 nine", "21 ten")
	f.end()
}

// TestFollowEmptiedAndRenamed: both kinds of rotation happen between two looks.
func TestFollowEmptiedAndRenamed(t *testing.T) {
	path := logPath(t)
	appendTo(t, path, "one\n")
	f := follow(t, path, Options{})
	f.want("0 one")
	f.still()
	appendTo(t, path+".2", "one\ntwo\n")
	f.must(os.WriteFile(path, []byte("three\nfour\nfive\n"), 0o600))
	f.must(os.Rename(path, path+".1"))
	f.write("six\n")
	f.want("0 one", "4 two") // the first one is Seen
	f.want("0 three", "6 four", "11 five", "0 six")
	f.end()
}
