package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clearhop/internal/buildtest"
)

// A rotatedLog is a log that a test writes and rotates. Each of its lines has a number.
type rotatedLog struct {
	t       *testing.T
	path    string
	random  *rand.Rand
	written int
	last    int // the number of the oldest file
}

func (l *rotatedLog) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// write appends some lines.
func (l *rotatedLog) write(n int) {
	file, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	l.must(err)
	var text bytes.Buffer
	for range n {
		l.written++
		fmt.Fprintf(&text, "203.0.113.7 - - [22/Nov/2026:11:00:24 +0000] \"GET /%d HTTP/1.1\" 200 3 \"-\" \"probe/1.0\"\n", l.written)
	}
	_, err = file.Write(text.Bytes())
	l.must(err)
	l.must(file.Close())
}

// rotate does what logrotate does, by renaming or by copying, and packs older files.
func (l *rotatedLog) rotate() {
	name := func(n int) string { return fmt.Sprint(l.path, ".", n) }
	for n := l.last; n >= 1; n-- {
		for _, end := range []string{"", ".gz"} {
			if _, err := os.Stat(name(n) + end); err == nil {
				l.must(os.Rename(name(n)+end, name(n+1)+end))
			}
		}
	}
	l.last++
	if l.random.IntN(2) == 0 {
		l.must(os.Rename(l.path, name(1)))
	} else {
		data, err := os.ReadFile(l.path)
		l.must(err)
		l.must(os.WriteFile(name(1), data, 0o600))
		l.must(os.Truncate(l.path, 0))
	}
	if _, err := os.Stat(name(2)); err == nil && l.random.IntN(2) == 0 {
		l.pack(name(2))
	}
	time.Sleep(12 * time.Millisecond) // the file system's clock has steps
	l.write(1 + l.random.IntN(20))
}

func (l *rotatedLog) pack(path string) {
	data, err := os.ReadFile(path)
	l.must(err)
	info, err := os.Stat(path)
	l.must(err)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(data)
	l.must(err)
	l.must(z.Close())
	l.must(os.WriteFile(path+".gz", packed.Bytes(), 0o600))
	l.must(os.Chtimes(path+".gz", info.ModTime(), info.ModTime()))
	l.must(os.Remove(path))
}

// TestFollowKilled: enrich --follow --state is killed again and again at random moments,
// while the log is written and rotated. Each line becomes an event; one that comes again
// has the same id.
func TestFollowKilled(t *testing.T) {
	const rounds = 10
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	command := buildtest.Program(t, buildtest.Config{Package: "clearhop/cmd/clearhop"})
	log := &rotatedLog{t: t, path: filepath.Join(dir, "access.log"), random: rand.New(rand.NewPCG(seed, 1))}
	out := filepath.Join(dir, "events.ndjson")
	start := func() (*exec.Cmd, *bytes.Buffer) {
		cmd := exec.Command(command, "enrich", "--follow", "--state", filepath.Join(dir, "state"), "-o", out, log.path)
		var said bytes.Buffer
		cmd.Stderr = &said
		log.must(cmd.Start())
		return cmd, &said
	}
	log.write(1000)
	for range rounds {
		cmd, said := start()
		// A log of which no place was ever saved begins with the file at its path.
		awaitPlace(t, filepath.Join(dir, "state"))
		end := time.Now().Add(time.Duration(20+log.random.IntN(400)) * time.Millisecond)
		for time.Now().Before(end) {
			log.write(1 + log.random.IntN(300))
			time.Sleep(time.Duration(log.random.IntN(20)) * time.Millisecond)
			if log.random.IntN(25) == 0 {
				log.rotate()
			}
		}
		log.must(cmd.Process.Kill())
		_ = cmd.Wait() // it says that it was killed
		if strings.Contains(said.String(), "lost") {
			t.Errorf("it says: %s", said)
		}
		for range log.random.IntN(3) { // while it is down
			log.write(log.random.IntN(200))
			log.rotate()
		}
	}
	cmd, said := start()
	defer func() { _ = cmd.Process.Kill() }() // it has ended
	deadline := time.Now().Add(20 * time.Second)
	for {
		ids, repeated := eventsByPath(t, out)
		if len(ids) == log.written {
			t.Logf("%d lines, %d came again, %d rotations", log.written, repeated, log.last)
			break
		}
		if time.Now().After(deadline) {
			var missing []int
			for n := 1; n <= log.written; n++ {
				if _, ok := ids[fmt.Sprint("/", n)]; !ok {
					missing = append(missing, n)
				}
			}
			t.Fatalf("%d of %d lines became events, %d to %d are missing; it says: %s",
				len(ids), log.written, missing[0], missing[len(missing)-1], said)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// awaitPlace waits until a state file has the place of a log.
func awaitPlace(t *testing.T, state string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if text, err := os.ReadFile(state); err == nil && bytes.Contains(text, []byte(`"offset"`)) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no place was saved")
		}
	}
}

// eventsByPath returns the ids of the events in a file by their paths, and how many
// events came again.
func eventsByPath(t *testing.T, path string) (ids map[string]string, repeated int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ids = map[string]string{}
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is being written
		}
		var e struct {
			Event struct{ ID, Dataset string }
			URL   struct{ Path string }
		}
		if err := json.Unmarshal(line, &e); err != nil || e.Event.Dataset != "nginx.access" {
			t.Fatalf("%v: %s", err, line)
		}
		if id, ok := ids[e.URL.Path]; ok {
			if repeated++; id != e.Event.ID {
				t.Fatalf("%s has two ids", e.URL.Path)
			}
		}
		ids[e.URL.Path] = e.Event.ID
	}
	return ids, repeated
}
