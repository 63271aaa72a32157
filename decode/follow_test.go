package decode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"clearhop/record"
)

// A followTest follows a file. It ticks whenever the Follower waits, so that a test
// waits for lines and never for time.
type followTest struct {
	t      *testing.T
	path   string
	cancel context.CancelFunc
	lines  chan string
	errs   chan error
	looks  chan struct{}
	closed chan struct{}
}

func follow(t *testing.T, path string, o Options) *followTest {
	ctx, cancel := context.WithCancel(t.Context())
	tick := make(chan time.Time)
	o.Tick = tick
	f := &followTest{
		t: t, path: path, cancel: cancel,
		lines: make(chan string), errs: make(chan error), looks: make(chan struct{}), closed: make(chan struct{}),
	}
	go func() {
		for {
			select {
			case tick <- time.Time{}:
				select {
				case f.looks <- struct{}{}:
				default:
				}
			case <-f.closed:
				return
			}
		}
	}()
	follower := Follow(ctx, path, o)
	go func() {
		defer close(f.closed)
		for {
			line, err := follower.Next()
			switch {
			case err == io.EOF:
				close(f.lines)
				return
			case err != nil:
				f.errs <- err
			default:
				f.lines <- spell([]record.Line{*line})[0]
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		for range f.lines {
		}
	})
	return f
}

func (f *followTest) want(lines ...string) {
	f.t.Helper()
	for _, want := range lines {
		select {
		case got, ok := <-f.lines:
			if got != want || !ok {
				f.t.Fatalf("got %q, want %q", got, want)
			}
		case err := <-f.errs:
			f.t.Fatalf("want %q: %v", want, err)
		}
	}
}

// still waits until the Follower has read everything and found no line. The first
// look may have begun before the test last wrote, and only the third shows that
// the second has ended.
func (f *followTest) still() {
	f.t.Helper()
	for range 3 {
		select {
		case <-f.looks:
		case got := <-f.lines:
			f.t.Fatalf("got %q, want nothing", got)
		case err := <-f.errs:
			f.t.Fatal(err)
		}
	}
}

func (f *followTest) end(lines ...string) {
	f.t.Helper()
	f.cancel()
	f.want(lines...)
	if got, ok := <-f.lines; ok {
		f.t.Fatalf("got %q, want the end", got)
	}
}

func (f *followTest) write(text string) { appendTo(f.t, f.path, text) }

func (f *followTest) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

func logPath(t *testing.T) string { return filepath.Join(t.TempDir(), "access.log") }

func TestFollow(t *testing.T) {
	path := logPath(t)
	appendTo(t, path, "one\ntwo\n")
	f := follow(t, path, Options{})
	f.want("0 one", "4 two")
	f.still()
	f.write("three\r\n\nfo")
	f.want("8 three")
	f.still()
	f.write("ur")
	f.still()
	f.write("\nfive")
	f.want("16 four")
	f.still()
	f.end("21 five (the line had no end yet when the program was interrupted)")
}

func TestFollowNotThereYet(t *testing.T) {
	f := follow(t, logPath(t), Options{FromEnd: true})
	f.still()
	f.write("one\n")
	f.want("0 one")
	f.end()
}

func TestFollowFromEnd(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"", "new\n", "0 new"},
		{"old\n", "new\n", "4 new"},
		{"old\nhal", "f\nnew\n", "9 new"},
		{"old\nhal", "\nnew\n", "8 new"},
		{"old\nhal", "\r\n\nnew\n", "10 new"},
		{"old\n", "\nnew\n", "5 new"},
	} {
		path := logPath(t)
		appendTo(t, path, c.old)
		f := follow(t, path, Options{FromEnd: true})
		f.still()
		f.write(c.new)
		f.want(c.want)
		f.end()
	}
	path := logPath(t)
	appendTo(t, path, "old\nhal")
	f := follow(t, path, Options{FromEnd: true})
	f.still()
	f.end()
}

// Rotation like that of logrotate with "create": nginx writes to the renamed file
// until it is told to reopen its logs.
func TestFollowRename(t *testing.T) {
	path := logPath(t)
	appendTo(t, path, "one\n")
	f := follow(t, path, Options{})
	f.want("0 one")
	f.must(os.Rename(path, path+".1"))
	f.still()
	appendTo(t, path+".1", "two\n")
	f.want("4 two")
	f.write("")
	f.still()
	appendTo(t, path+".1", "three\npart")
	f.want("8 three")
	f.still()
	f.write("new one\n")
	f.want("14 part", "0 new one")
	f.write("new two\n")
	f.want("8 new two")

	// The second rotation is like the first.
	f.must(os.Rename(path, path+".2"))
	f.write("newer\n")
	f.want("0 newer")
	f.end()
}

func TestFollowRemoved(t *testing.T) {
	path := logPath(t)
	appendTo(t, path, "one\n")
	f := follow(t, path, Options{})
	f.want("0 one")
	f.must(os.Remove(path))
	f.still()
	f.write("two\n")
	f.want("0 two")
	f.end()
}

// Rotation like that of logrotate with "copytruncate".
func TestFollowTruncate(t *testing.T) {
	path := logPath(t)
	appendTo(t, path, "one\ntwo\npart")
	f := follow(t, path, Options{})
	f.want("0 one", "4 two")
	f.still()
	f.must(os.Truncate(path, 0))
	f.want("8 part")
	f.still()
	f.write("three\n")
	f.want("0 three")
	f.end()
}

func TestFollowLongLine(t *testing.T) {
	path := logPath(t)
	f := follow(t, path, Options{MaxLine: 4})
	f.write("123456")
	f.still()
	f.write("789\nok\n12")
	f.want("0 1234 (line longer than the limit of 1 MiB)", "10 ok")
	f.still()
	f.write("3456")
	f.still()
	f.end("13 1234 (line longer than the limit of 1 MiB)")
}

// An error is reported, and the Follower continues when its cause is gone.
func TestFollowError(t *testing.T) {
	path := logPath(t)
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	f := follow(t, path, Options{Name: "access.log"})
	var failed *ReadError
	if err := <-f.errs; !errors.As(err, &failed) || failed.Name != "access.log" || failed.Offset != 0 {
		t.Fatalf("error is %v", err)
	}
	go func() {
		for range f.errs {
		}
	}()
	f.must(os.Remove(path))
	appendTo(t, path, "one\n")
	if got := <-f.lines; got != "0 one" {
		t.Fatalf("got %q", got)
	}
	f.end()
}

func TestFollowManyRotations(t *testing.T) {
	path := logPath(t)
	f := follow(t, path, Options{})
	for i := range 20 {
		f.write(fmt.Sprintf("%d a\n%d b\n", i, i))
		f.want(fmt.Sprintf("0 %d a", i), fmt.Sprintf("%d %d b", len(fmt.Sprint(i))+3, i))
		f.must(os.Rename(path, fmt.Sprintf("%s.%d", path, i)))
	}
	f.end()
}

// Follow without Options.Tick uses a ticker of its own. Lines have the path.
func TestFollowPolls(t *testing.T) {
	path := logPath(t)
	ctx, cancel := context.WithCancel(t.Context())
	f := Follow(ctx, path, Options{Poll: time.Millisecond})
	defer f.Close()
	go os.WriteFile(path, []byte("one\n"), 0o644)
	line, err := f.Next()
	if err != nil || string(line.Text) != "one" {
		t.Fatalf("%v, %v", line, err)
	}
	if want := filepath.ToSlash(path); line.Origin.Source != want || line.Origin.File != want {
		t.Errorf("origin is %v", line.Origin)
	}
	cancel()
	for range 2 {
		if _, err := f.Next(); err != io.EOF {
			t.Errorf("after the end: %v", err)
		}
	}
}
