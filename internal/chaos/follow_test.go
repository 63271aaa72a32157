package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"clearhop/decode"
	"clearhop/encode"
	"clearhop/feed"
	"clearhop/feed/position"
	"clearhop/pipeline"
	"clearhop/sink"
	"clearhop/sink/file"
)

// A follower is a process that follows a log, as enrich --follow --state does.
type follower struct {
	*process
	log, state string
	out        *file.Sink
	batch      sink.Batch
	synced     int64 // bytes of the output that are on the disk
	cancel     func()
	done       chan struct{}
	err        error
}

// follow writes lines into a log, renames it now and then, and has it followed by
// processes that are killed. What a process has written and not confirmed is cut off
// anywhere.
func follow(s *schedule) error {
	log := filepath.Join(s.dir, "access.log")
	s.output = filepath.Join(s.dir, "events.ndjson")
	s.payloads, s.expected = nil, nil
	var f *follower
	number := s.tally.Lines
	for n := 0; n < number; {
		if f == nil {
			f = s.startFollower(log)
		}
		var text []byte
		for range 1 + s.rand.IntN(number/4+1) {
			if n == number {
				break
			}
			line := fmt.Sprintf(`203.0.113.%d - - [22/Nov/2026:15:00:00 +0000] "GET /l/%d-%d HTTP/1.1" 200 3 "-" "a" "198.51.100.7"`, s.rand.IntN(256), s.seed, n)
			s.written = append(s.written, fmt.Sprintf("/l/%d-%d", s.seed, n))
			text = append(text, line+"\n"...)
			n++
		}
		half := s.rand.IntN(len(text))
		for _, part := range [][]byte{text[:half], text[half:]} {
			if err := appendTo(log, part); err != nil {
				return err
			}
			time.Sleep(time.Duration(s.rand.IntN(1000)) * time.Millisecond)
		}
		if f.dead {
			if err := s.cut(f); err != nil {
				return err
			}
			f = nil
		}
		// It may be renamed again before the follower looks, or while no follower runs. A file
		// between is read when the newest one has a line, so lines follow.
		for n < number && s.begun && s.rand.IntN(6) == 0 {
			if err := rotate(log); err != nil {
				return err
			}
			s.tally.Faults["log renamed"]++
			time.Sleep(time.Duration(s.rand.IntN(1000)) * time.Millisecond)
		}
	}
	if f != nil && f.dead {
		if err := s.cut(f); err != nil {
			return err
		}
		f = nil
	}
	s.quiet = true
	if f == nil {
		f = s.startFollower(log)
	}
	f.left = -1
	time.Sleep(time.Minute)
	f.cancel()
	<-f.done
	return f.err
}

// appendTo appends to a file. Its time is that of the simulation: the follower puts renamed
// files in the order of their times, and hours of the simulation are within one tick of the
// real clock.
func appendTo(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close(), os.Chtimes(path, time.Now(), time.Now()))
}

// rotate renames a log as logrotate does, with its older files first.
func rotate(log string) error {
	for n := 30; n >= 0; n-- {
		from := fmt.Sprint(log, ".", n)
		if n == 0 {
			from = log
		}
		if err := os.Rename(from, fmt.Sprint(log, ".", n+1)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return appendTo(log, nil)
}

// cut waits until a process that was killed has ended, and leaves of what it wrote at
// least what it had confirmed.
func (s *schedule) cut(f *follower) error {
	f.cancel()
	<-f.done
	info, err := os.Stat(s.output)
	if errors.Is(err, os.ErrNotExist) {
		return nil // it was killed before that
	}
	if err != nil {
		return err
	}
	s.tally.Faults["output cut"]++
	return os.Truncate(s.output, f.synced+s.rand.Int64N(info.Size()-f.synced+1))
}

func (s *schedule) startFollower(log string) *follower {
	ctx, cancel := context.WithCancel(context.Background())
	f := &follower{process: s.newProcess(), log: log, state: filepath.Join(s.dir, "access.state"), cancel: cancel, done: make(chan struct{})}
	f.many = true
	if !s.quiet && s.rand.IntN(3) > 0 {
		f.left = 1 + s.rand.IntN(12)
	}
	if err := appendTo(log, nil); err != nil {
		f.err = err
	}
	if info, err := os.Stat(s.output); err == nil {
		f.synced = info.Size()
	}
	go func() {
		defer close(f.done)
		f.err = errors.Join(f.err, f.follow(ctx, s.output))
	}()
	return f
}

// follow follows the log until ctx ends.
func (f *follower) follow(ctx context.Context, output string) error {
	state, err := position.Open(f.state, []string{f.log})
	if err != nil {
		return err
	}
	if f.out, err = file.Continue(output); err != nil {
		return err
	}
	info, err := os.Stat(output)
	if err != nil {
		return err
	}
	f.synced = info.Size() // half a line at its end is cut off
	lines, err := pipeline.New(chainSettings())
	if err != nil {
		return err
	}
	_, err = feed.FollowKept(ctx, []string{f.log}, false, &keeping{state, f}, func() error {
		if f.tick() {
			return errEnded
		}
		if err := f.out.Sync(); err != nil {
			return err
		}
		info, err := os.Stat(output)
		if err == nil {
			f.synced = info.Size()
		}
		return err
	}, feed.Config{
		Pipeline: lines, NewCollector: func() feed.Collector { return f }, Flush: f.flush,
		Warn: func(err error) { f.world.warned = append(f.world.warned, err) },
	})
	return errors.Join(err, f.out.Close(context.WithoutCancel(ctx)))
}

// A keeping is a file of places that a dead process no longer writes.
type keeping struct {
	*position.File
	f *follower
}

// Begin implements feed.Places.
func (k *keeping) Begin(logs []string) error {
	if k.f.tick() { // before anything is known of the log
		return errEnded
	}
	err := k.File.Begin(logs)
	k.f.world.begun = err == nil
	return err
}

// Save implements feed.Places.
func (k *keeping) Save(places []decode.Position) error {
	if k.f.tick() {
		return errEnded
	}
	return k.File.Save(places)
}

// tick reports whether the process is dead. It may die there.
func (f *follower) tick() bool {
	if f.left == 0 {
		_, _ = f.die("killed while following")
	}
	f.left--
	return f.dead
}

// Add implements feed.Collector.
func (f *follower) Add(o *pipeline.Outcome) { f.batch.Add(o.ID, o.Data) }

// Yield implements feed.Collector.
func (f *follower) Yield(ctx context.Context) error { return f.flush(ctx) }

func (f *follower) flush(ctx context.Context) error {
	defer f.batch.Reset()
	if len(f.batch.Documents()) == 0 {
		return nil
	}
	if f.tick() {
		return errEnded
	}
	return f.out.Put(ctx, f.batch.Documents())
}

var token = regexp.MustCompile(`/l/[0-9]+-[0-9]+`)

// byLine returns the events that are expected, by their ids, where only the lines are
// known: the first event of each line.
func (s *schedule) byLine(all [][]byte) (map[string][]byte, error) {
	lines, expected := map[string]string{}, map[string][]byte{}
	for _, event := range all {
		line := string(token.Find(event))
		id, _ := encode.EventID(event)
		if was, again := lines[line]; again && was != string(id) {
			return nil, fmt.Errorf("line %s has two ids", line)
		}
		if lines[line] == "" {
			lines[line], expected[string(id)] = string(id), event
		}
	}
	lost := 0
	for _, line := range s.written {
		if lines[line] == "" {
			lost++
		}
		delete(lines, line)
	}
	if lost > 0 {
		return nil, fmt.Errorf("%w: %d of %d; the follower said: %w", errLost, lost, len(s.written), errors.Join(s.warned...))
	}
	if len(lines) > 0 {
		return nil, fmt.Errorf("%d events of no line", len(lines))
	}
	return expected, nil
}
