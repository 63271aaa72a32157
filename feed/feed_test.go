package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"clearhop/enrich/clientip"

	"clearhop/parser"

	"github.com/google/go-cmp/cmp"

	"clearhop/decode"
	"clearhop/pipeline"
	"clearhop/record"
)

// A results keeps the events of its Collectors. A test may look at them while Run goes on.
type results struct {
	yield func() error // called by Yield, if not nil

	mu     sync.Mutex
	events []string
	yields []int // how many events came with each batch
	added  int   // events
}

// A resultsPart is a Collector of results.
type resultsPart struct {
	*results
	events []string // not yielded yet
}

func (r *results) collector() Collector { return &resultsPart{results: r} }

func (p *resultsPart) Add(out *pipeline.Outcome) {
	p.events = append(p.events, string(out.Data))
	p.mu.Lock()
	p.added++
	p.mu.Unlock()
}

func (p *resultsPart) Yield(context.Context) error {
	p.mu.Lock()
	p.results.events = append(p.results.events, p.events...)
	p.yields = append(p.yields, len(p.events))
	p.mu.Unlock()
	p.events = nil
	if p.yield != nil {
		return p.yield()
	}
	return nil
}

// count returns how many events were added so far.
func (r *results) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.added
}

// withWorkers runs a test with one worker and with several.
func withWorkers(t *testing.T, test func(t *testing.T, workers int)) {
	for _, workers := range []int{1, 3} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) { test(t, workers) })
	}
}

// all returns the events that were yielded so far.
func (r *results) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// newPipeline returns a pipeline that knows no time but that of the lines.
func newPipeline(t testing.TB) *pipeline.Pipeline {
	t.Helper()
	p, err := pipeline.New(pipeline.Config{
		Parser: parser.Settings{Format: []string{"auto"}, ErrorZone: "UTC"},
		Client: clientip.Settings{NLB: []string{"10.16.1.11"}, ClientFields: []string{"proxy_protocol_addr"}},
		Now:    func() time.Time { return time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// config returns a Config that collects in r.
func config(t testing.TB, r *results) Config {
	return Config{Pipeline: newPipeline(t), NewCollector: r.collector}
}

// texts returns inputs of the given names and contents.
func texts(named ...string) []Input {
	var names []string
	content := map[string]string{}
	for i := 0; i < len(named); i += 2 {
		names = append(names, named[i])
		content[named[i]] = named[i+1]
	}
	return Files(names, func(_ context.Context, name string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content[name])), nil
	})
}

// input returns an input that reads r as if it was standard input.
func input(r io.Reader) []Input {
	return Files([]string{"log"}, func(ctx context.Context, _ string) (io.ReadCloser, error) { return Open(ctx, r, "-") })
}

// Lines for the tests. An error that is begun goes on until a line ends it.
const (
	access = `210.227.0.10 - - [22/Nov/2026:11:00:24 +0000] "GET /%d HTTP/1.1" 200 3 "-" "probe/1.0"` + "\n"
	begun  = `2026/11/22 11:00:25 [error] 7#7: *1 broken header: "GET /b HTTP/1.1` + "\n"
	more   = "Host: a\n"
	ended  = `" while reading PROXY protocol, client: 10.16.1.11, server: 0.0.0.0:80` + "\n"
)

func accessLines(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, access, i)
	}
	return b.String()
}

// The slow way to the events of a log: all lines of a stream are gathered until
// they are as many as a batch takes, and what is left of a batch is the head of the
// next one.
func slowly(t testing.TB, p *pipeline.Pipeline, name, log string) []string {
	t.Helper()
	w, r := p.NewWorker(), decode.NewReader(strings.NewReader(log), decode.Options{Name: name})
	var events []string
	var lines []record.Line
	process := func(last bool) (done int) {
		done, err := w.ProcessBatch(lines, last, func(out *pipeline.Outcome) error {
			events = append(events, string(out.Data))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		lines = lines[done:]
		return done
	}
	isFull := func() bool {
		size := 0
		for i := range lines {
			size += len(lines[i].Text) + len(lines[i].ID)
		}
		return len(lines) >= 512 || size >= 256<<10
	}
	for {
		line, err := r.Next()
		if err == io.EOF {
			process(true)
			return events
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) > 0 && lines[0].Origin != line.Origin {
			process(true)
		}
		kept := *line
		kept.ID, kept.Text = bytes.Clone(line.ID), bytes.Clone(line.Text)
		lines = append(lines, kept)
		if isFull() && process(false) == 0 {
			process(true)
		}
	}
}

// randomLog makes a log of access lines and of errors of all lengths, some of
// which never end.
func randomLog(random *rand.Rand, lines int) string {
	var b strings.Builder
	for i := range lines {
		switch random.IntN(12) {
		case 0:
			b.WriteString(begun)
		case 1:
			b.WriteString(ended)
		case 2:
			b.WriteString("\n")
		case 3:
			b.WriteString(strings.Repeat("x", random.IntN(3000)) + "\n")
		case 4, 5, 6, 7:
			b.WriteString(more)
		default:
			fmt.Fprintf(&b, access, i)
		}
	}
	return b.String()
}

// TestPiecesOfInput: the events are the same however the input comes, and those of
// the slow way.
func TestPiecesOfInput(t *testing.T) {
	p := newPipeline(t)
	random := rand.New(rand.NewPCG(20261122, 1))
	logs := map[string]string{
		"nothing":             "",
		"no newline":          strings.TrimSuffix(accessLines(0, 1), "\n"),
		"one batch":           accessLines(0, maxLines),
		"one more":            accessLines(0, maxLines+1),
		"error at the end":    accessLines(0, maxLines-1) + begun + more + ended + accessLines(0, 3),
		"error that is whole": begun + strings.Repeat(more, maxLines-2) + ended + begun,
		"error too long":      accessLines(0, 10) + begun + strings.Repeat(more, maxLines) + ended + accessLines(0, 3),
		"error without end":   begun + strings.Repeat(more, 5*maxLines),
		"long lines":          strings.Repeat(strings.Repeat("x", maxBytes/2)+"\n", 5),
		"longer than a batch": accessLines(0, 1) + strings.TrimSuffix(begun, "\n") + strings.Repeat("x", maxBytes) + "\n" + ended + accessLines(0, 3),
		"payloads": payload("a", begun) + payload("a", ended) + payload("b", begun) + payload("a", ended, accessLines(0, 1)) +
			payload("a", strings.Split(strings.TrimSuffix(accessLines(0, 700), "\n"), "\n")...),
	}
	for i := range 4 {
		logs[fmt.Sprint("random ", i)] = randomLog(random, 4*maxLines)
	}
	for name, log := range logs {
		want := slowly(t, p, "log", log)
		ways := map[string]func() io.Reader{
			"at once":  func() io.Reader { return strings.NewReader(log) },
			"with EOF": func() io.Reader { return iotest.DataErrReader(strings.NewReader(log)) },
			"pieces":   func() io.Reader { return &pieces{Reader: strings.NewReader(log), random: random} },
		}
		if len(log) < 64<<10 {
			ways["bytewise"] = func() io.Reader { return iotest.OneByteReader(strings.NewReader(log)) }
		}
		for way, open := range ways {
			numbers := []int{1}
			if way == "pieces" {
				numbers = append(numbers, 2)
			}
			for _, workers := range numbers {
				synctest.Test(t, func(t *testing.T) { // where no time passes, so that no message is cut
					var got results
					if _, err := Run(t.Context(), input(open()), Config{Pipeline: p, NewCollector: got.collector, Workers: workers}); err != nil {
						t.Errorf("%s, %s: %v", name, way, err)
					}
					if diff := cmp.Diff(want, got.all()); diff != "" {
						t.Errorf("%s, %s, %d workers: -want +got\n%.2000s", name, way, workers, diff)
					}
				})
			}
		}
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
			t.Fatal(err)
		}
		var got results
		files := Files([]string{"log"}, func(ctx context.Context, _ string) (io.ReadCloser, error) { return Open(ctx, nil, path) })
		if _, err := Run(t.Context(), files, Config{Pipeline: p, NewCollector: got.collector}); err != nil {
			t.Errorf("%s, file: %v", name, err)
		}
		if diff := cmp.Diff(want, got.all()); diff != "" {
			t.Errorf("%s, file: -want +got\n%.2000s", name, diff)
		}
	}
}

// pieces reads as much as it likes.
type pieces struct {
	io.Reader
	random *rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	return p.Reader.Read(b[:min(len(b), 1+p.random.IntN(5000))])
}

// payload makes the payload of a log stream.
func payload(stream string, messages ...string) string {
	var events []string
	for i, m := range messages {
		events = append(events, fmt.Sprintf(`{"id":"%s-%d-%d","timestamp":1795345224000,"message":%q}`, stream, len(messages), i, strings.TrimSuffix(m, "\n")))
	}
	return fmt.Sprintf(`{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":%q,"logEvents":[%s]}`, stream, strings.Join(events, ","))
}

// TestInputsInOrder: the inputs come one after the other, and a message ends with
// its input.
func TestInputsInOrder(t *testing.T) { withWorkers(t, testInputsInOrder) }

func testInputsInOrder(t *testing.T, workers int) {
	var got results
	c := config(t, &got)
	c.Workers = workers
	var progress []int64
	c.Progress = func(bytes int64) { progress = append(progress, bytes) }
	a, b := accessLines(0, 1000)+"\n\n"+begun, ended+accessLines(1000, 2000)+"\n"
	counts, err := Run(t.Context(), texts("a", a, "b", b), c)
	if err != nil {
		t.Fatal(err)
	}
	want := append(slowly(t, c.Pipeline, "a", a), slowly(t, c.Pipeline, "b", b)...)
	if diff := cmp.Diff(want, got.all()); diff != "" {
		t.Errorf("-want +got\n%.2000s", diff)
	}
	size := int64(len(a) + len(b))
	if want := (Counts{Inputs: 2, Bytes: size, Empty: 3}); counts != want {
		t.Errorf("counts are %+v, want %+v", counts, want)
	}
	if !slices.IsSorted(progress) || progress[len(progress)-1] != size {
		t.Errorf("progress is %v, want up to %d", progress, size)
	}
	for _, n := range got.yields {
		if n > maxLines {
			t.Errorf("%d events were yielded at a time", n)
		}
	}
}

// TestSlowInput: each line of a slow input is processed at once, and flushed within
// a tick.
func TestSlowInput(t *testing.T) { withWorkers(t, testSlowInput) }

func testSlowInput(t *testing.T, workers int) {
	synctest.Test(t, func(t *testing.T) {
		in, lines := io.Pipe()
		var got results
		c := config(t, &got)
		c.Workers = workers
		var flushed atomic.Int64
		c.Flush = func(ctx context.Context) error {
			flushed.Store(int64(len(got.all())))
			return ctx.Err()
		}
		ended := start(t.Context(), input(in), c)
		for i := range 5 {
			time.Sleep(tickEvery/4 + time.Duration(i)*tickEvery)
			fmt.Fprintf(lines, access, i)
			synctest.Wait()
			if len(got.all()) != i+1 {
				t.Fatalf("%d events, want %d at once", len(got.all()), i+1)
			}
			time.Sleep(tickEvery)
			synctest.Wait()
			if flushed.Load() != int64(i+1) {
				t.Fatalf("%d events flushed after a tick, want %d", flushed.Load(), i+1)
			}
		}
		lines.Close()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	})
}

// start runs in the background.
func start(ctx context.Context, inputs []Input, c Config) <-chan error {
	ended := make(chan error, 1)
	go func() {
		_, err := Run(ctx, inputs, c)
		ended <- err
	}()
	return ended
}

// TestHeldMessage: the lines of a message that may go on are held until the second
// tick, and joined to what comes before it.
func TestHeldMessage(t *testing.T) { withWorkers(t, testHeldMessage) }

func testHeldMessage(t *testing.T, workers int) {
	f := func(wait time.Duration, joined bool, held ...string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			in, lines := io.Pipe()
			var got results
			c := config(t, &got)
			c.Workers = workers
			ended := start(t.Context(), input(in), c)
			time.Sleep(tickEvery / 2)
			io.WriteString(lines, accessLines(0, 1)+held[0])
			for _, text := range held[1:] {
				time.Sleep(wait)
				io.WriteString(lines, text)
			}
			synctest.Wait()
			early := len(got.all())
			lines.Close()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			isJoined := strings.Contains(strings.Join(got.all(), ""), `"continues":`)
			if isJoined != joined {
				t.Errorf("after %v: joined %t, want %t:\n%s", wait, isJoined, joined, strings.Join(got.all(), ""))
			}
			if joined && early != 1 {
				t.Errorf("after %v: %d events before the message is whole, want 1", wait, early)
			}
		})
	}
	f(0, true, begun, ended)
	f(tickEvery, true, begun, ended)
	f(tickEvery*5/4, true, begun, ended)
	f(tickEvery*7/4, false, begun, ended)
	f(tickEvery/2, true, begun, more, ended)
	f(tickEvery, false, begun, more, more, ended)
}

// TestHeldMessageIsWhole: an error record that looks whole is held until the second
// tick, as one that does not: a visitor can write its end himself, and the lines behind
// it would be his too. It is not held any longer.
func TestHeldMessageIsWhole(t *testing.T) { withWorkers(t, testHeldMessageIsWhole) }

func testHeldMessageIsWhole(t *testing.T, workers int) {
	synctest.Test(t, func(t *testing.T) {
		in, lines := io.Pipe()
		var got results
		c := config(t, &got)
		c.Workers = workers
		over := start(t.Context(), input(in), c)
		io.WriteString(lines, begun)
		synctest.Wait()
		io.WriteString(lines, more+ended)
		time.Sleep(2 * tickEvery)
		synctest.Wait()
		if len(got.all()) != 3 || !strings.Contains(got.all()[2], `"continues":`) {
			t.Errorf("events are %q", got.all())
		}
		lines.Close()
		if err := <-over; err != nil {
			t.Fatal(err)
		}
	})
}

// TestHeldMessagesOfSeveralStreams: each stream holds its own message.
func TestHeldMessagesOfSeveralStreams(t *testing.T) { withWorkers(t, testHeldMessagesOfSeveralStreams) }

func testHeldMessagesOfSeveralStreams(t *testing.T, workers int) {
	synctest.Test(t, func(t *testing.T) {
		var got results
		c := config(t, &got)
		c.Workers = workers
		c.Together = true
		var inputs []Input
		var pipes []*io.PipeWriter
		for range 3 {
			in, lines := io.Pipe()
			inputs, pipes = append(inputs, input(in)...), append(pipes, lines)
		}
		over := start(t.Context(), inputs, c)
		for i, lines := range pipes {
			io.WriteString(lines, accessLines(i, i+1)+begun+more)
		}
		synctest.Wait()
		if len(got.all()) != 3 {
			t.Errorf("%d events before the messages are whole, want 3", len(got.all()))
		}
		for _, lines := range pipes {
			io.WriteString(lines, ended+accessLines(0, 1))
		}
		for _, lines := range pipes {
			lines.Close()
		}
		if err := <-over; err != nil {
			t.Fatal(err)
		}
		joined := strings.Count(strings.Join(got.all(), ""), `"continues":`)
		if len(got.all()) != 3*5 || joined != 3*2 {
			t.Errorf("%d events, %d of them joined to another, want 15 and 6", len(got.all()), joined)
		}
	})
}

// TestRegularFileIsNotCut: the clock does not cut the messages of a regular file,
// however long its lines take.
func TestRegularFileIsNotCut(t *testing.T) { withWorkers(t, testRegularFileIsNotCut) }

func testRegularFileIsNotCut(t *testing.T, workers int) {
	path := filepath.Join(t.TempDir(), "log")
	log := accessLines(0, maxLines-1) + begun + more + ended + accessLines(0, maxLines)
	if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	want := slowly(t, newPipeline(t), "log", log)
	synctest.Test(t, func(t *testing.T) {
		var got results
		c := config(t, &got)
		c.Workers = workers
		files := Files([]string{"log"}, func(ctx context.Context, _ string) (io.ReadCloser, error) { return Open(ctx, nil, path) })
		slow := func(ctx context.Context) (Source, error) {
			s, err := files[0](ctx)
			return &slowSource{s}, err
		}
		if _, err := Run(t.Context(), []Input{slow}, c); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.all()); diff != "" {
			t.Errorf("-want +got\n%.2000s", diff)
		}
	})
}

// A slowSource takes its time for each line.
type slowSource struct{ Source }

func (s *slowSource) Next() (*record.Line, error) {
	time.Sleep(3 * tickEvery)
	return s.Source.Next()
}

// TestInterrupt: what was read is processed and flushed, and a read that waits is
// left behind.
func TestInterrupt(t *testing.T) { withWorkers(t, testInterrupt) }

func testInterrupt(t *testing.T, workers int) {
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		in, lines := io.Pipe()
		var got results
		c := config(t, &got)
		c.Workers = workers
		var flushed atomic.Int64
		c.Flush = func(ctx context.Context) error {
			flushed.Store(int64(len(got.all())))
			return ctx.Err()
		}
		inputs := append(input(in), texts("never", accessLines(0, 1))...)
		over := start(ctx, inputs, c)
		io.WriteString(lines, accessLines(0, 3)+begun+more+"half a li")
		synctest.Wait()
		interrupt()
		if err := <-over; err != nil {
			t.Fatal(err)
		}
		if flushed.Load() != 5 || len(got.all()) != 5 {
			t.Errorf("%d events, %d flushed, want 5 and no half a line: %q", len(got.all()), flushed.Load(), got.all())
		}
		lines.Close() // the goroutine that was left behind
	})
}

// TestInterruptInALargeInput: reading ends soon, and what was read is a part of the
// input without gaps.
func TestInterruptInALargeInput(t *testing.T) { withWorkers(t, testInterruptInALargeInput) }

func testInterruptInALargeInput(t *testing.T, workers int) {
	ctx, interrupt := context.WithCancel(t.Context())
	const lines = 200_000
	log := accessLines(0, lines)
	var got results
	got.yield = func() error {
		interrupt()
		return nil
	}
	c := config(t, &got)
	c.Workers = workers
	if _, err := Run(ctx, texts("log", log), c); err != nil {
		t.Fatal(err)
	}
	n := len(got.all())
	if n == 0 || n > (4+onTheWay(workers))*maxLines {
		t.Errorf("%d of %d events after an interrupt in the first batch", n, lines)
	}
	if diff := cmp.Diff(slowly(t, c.Pipeline, "log", accessLines(0, n)), got.all()); diff != "" {
		t.Errorf("-want +got\n%.2000s", diff)
	}
}

// TestFailingCollector: its error ends the reading of all inputs, comes once, and
// nothing is processed after it.
func TestFailingCollector(t *testing.T) { withWorkers(t, testFailingCollector) }

func testFailingCollector(t *testing.T, workers int) {
	full := errors.New("disk full")
	var got results
	got.yield = func() error {
		if len(got.yields) == 3 {
			return full
		}
		return nil
	}
	c := config(t, &got)
	c.Workers = workers
	_, err := Run(t.Context(), texts("a", accessLines(0, 100*maxLines), "b", accessLines(0, 1)), c)
	if !errors.Is(err, full) || err.Error() != full.Error() {
		t.Errorf("error is %v", err)
	}
	if len(got.yields) != 3 || workers == 1 && got.added > len(got.all()) {
		t.Errorf("%d yields, %d events added after the failure", len(got.yields), got.added-len(got.all()))
	}
	if diff := cmp.Diff(slowly(t, c.Pipeline, "a", accessLines(0, len(got.all()))), got.all()); diff != "" {
		t.Errorf("-want +got\n%.2000s", diff)
	}
}

// TestFailingFlush: it ends the reading too, also of inputs that would go on for
// ever; other outputs are flushed at the end all the same.
func TestFailingFlush(t *testing.T) { withWorkers(t, testFailingFlush) }

func testFailingFlush(t *testing.T, workers int) {
	synctest.Test(t, func(t *testing.T) {
		in, lines := io.Pipe()
		defer lines.Close()
		var got results
		c := config(t, &got)
		c.Workers = workers
		full := errors.New("disk full")
		calls := 0
		c.Flush = func(context.Context) error {
			if calls++; calls == 2 {
				return full
			}
			return nil
		}
		began := time.Now()
		over := start(t.Context(), input(in), c)
		io.WriteString(lines, accessLines(0, 1)+begun)
		if err := <-over; err == nil || err.Error() != full.Error() {
			t.Errorf("error is %v", err)
		}
		if took := time.Since(began); took != 2*tickEvery || calls != 3 {
			t.Errorf("ended after %v and %d flushes", took, calls)
		}
	})
}

// onTheWay returns how many batches are on their way at most.
func onTheWay(workers int) int {
	if workers == 1 {
		return 1
	}
	return workers + spare
}

// TestSlowSink: the inputs wait for it, so that memory is bounded.
func TestSlowSink(t *testing.T) { withWorkers(t, testSlowSink) }

func testSlowSink(t *testing.T, workers int) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var got results
		got.yield = func() error {
			<-release
			return nil
		}
		c := config(t, &got)
		c.Workers = workers
		c.Together = true
		var read atomic.Int64
		var inputs []Input
		for range 3 {
			inputs = append(inputs, func(context.Context) (Source, error) {
				return &endless{read: &read, left: 10 * maxLines, origin: &record.Origin{Source: "endless"}}, nil
			})
		}
		over := start(t.Context(), inputs, c)
		time.Sleep(10 * tickEvery)
		synctest.Wait()
		// A batch is being yielded, and each reader holds a full one.
		least, most := 4*maxLines, 4*maxLines
		if workers > 1 {
			most += onTheWay(workers) * maxLines
		}
		if n := int(read.Load()); n < least || n > most {
			t.Errorf("%d lines were read while the sink waits, want %d to %d", n, least, most)
		}
		close(release)
		if err := <-over; err != nil || len(got.all()) != 3*10*maxLines {
			t.Errorf("%d events, %v", len(got.all()), err)
		}
	})
}

// An endless is a Source of equal lines.
type endless struct {
	read   *atomic.Int64
	left   int
	origin *record.Origin
	closed atomic.Int64
}

func (e *endless) Next() (*record.Line, error) {
	if e.left == 0 {
		return nil, io.EOF
	}
	e.left--
	e.read.Add(1)
	return &record.Line{Text: []byte(strings.TrimSuffix(accessLines(0, 1), "\n")), Origin: e.origin}, nil
}

func (e *endless) Ready() bool    { return e.left > 0 }
func (e *endless) Counts() Counts { return Counts{Inputs: 1} }

func (e *endless) Close() error {
	e.closed.Add(1)
	return nil
}

// TestErrorsOfInputs: each costs its input only, the lines before it count, and they
// come in the order of the inputs.
func TestErrorsOfInputs(t *testing.T) { withWorkers(t, testErrorsOfInputs) }

func testErrorsOfInputs(t *testing.T, workers int) {
	var got results
	c := config(t, &got)
	c.Workers = workers
	opened := 0
	closed := 0
	files := Files([]string{"none", "cut", "good"}, func(_ context.Context, name string) (io.ReadCloser, error) {
		var r io.Reader
		switch name {
		case "none":
			return nil, errors.New("open none: not there")
		case "cut":
			r = io.MultiReader(strings.NewReader(accessLines(0, 2)+"\n"+begun+"cut o"), iotest.ErrReader(errors.New("fault")))
		default:
			r = strings.NewReader(accessLines(2, 3))
		}
		opened++
		return closing{r, &closed}, nil
	})
	counts, err := Run(t.Context(), files, c)
	offset := len(accessLines(0, 2)) + 1 + len(begun)
	if want := fmt.Sprintf("open none: not there\nread cut at byte %d: fault", offset); fmt.Sprint(err) != want {
		t.Errorf("error is\n%v\nwant\n%s", err, want)
	}
	if len(got.all()) != 4 || !strings.Contains(got.all()[3], `"original":"/2"`) {
		t.Errorf("events are %q", got.all())
	}
	if counts.Inputs != 2 || counts.Empty != 1 || opened != 2 || closed != 2 {
		t.Errorf("%+v, %d opened, %d closed", counts, opened, closed)
	}
}

type closing struct {
	io.Reader
	closed *int
}

func (c closing) Close() error {
	*c.closed++
	return nil
}

// TestBrokenPayloads: each costs itself only, until there are too many.
func TestBrokenPayloads(t *testing.T) { withWorkers(t, testBrokenPayloads) }

func testBrokenPayloads(t *testing.T, workers int) {
	f := func(broken, events, errs int) {
		t.Helper()
		var got results
		c := config(t, &got)
		c.Workers = workers
		log := payload("s", accessLines(0, 1)) + strings.Repeat("\n"+`{"messageType":"NEWS"}`, broken) + payload("s", accessLines(1, 2))
		_, err := Run(t.Context(), texts("a", log, "b", accessLines(2, 3)), c)
		if len(got.all()) != events || err == nil || strings.Count(err.Error(), "unknown messageType") != errs {
			t.Errorf("%d broken: %d events, want %d; errors\n%v\nwant %d", broken, len(got.all()), events, err, errs)
		}
	}
	f(1, 3, 1)
	f(maxBroken, 3, maxBroken)
	f(maxBroken+1, 2, maxBroken+1)
	f(maxBroken+2, 2, maxBroken+1)
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFollow follows several files at once, through rotation and truncation.
func TestFollow(t *testing.T) { withWorkers(t, testFollow) }

func testFollow(t *testing.T, workers int) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		appendTo(t, filepath.Join(dir, name), text)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		var got results
		c := config(t, &got)
		c.Workers = workers
		c.Together = true
		var warnings []string
		c.Warn = func(err error) {
			if _, ok := errors.AsType[*TemporaryError](err); !ok {
				t.Errorf("%T: %v", err, err)
			}
			warnings = append(warnings, err.Error())
		}
		names := []string{"a", "b", "broken"}
		paths := make([]string, len(names))
		for i, name := range names {
			paths[i] = filepath.Join(dir, name)
		}
		write("a", accessLines(0, 700))
		if err := os.Mkdir(paths[2], 0o700); err != nil {
			t.Fatal(err)
		}
		inputs := Follow(paths, false)
		over := make(chan Counts, 1)
		go func() {
			counts, err := Run(ctx, inputs, c)
			if err != nil {
				t.Error(err)
			}
			over <- counts
		}()
		of := func(name string) (events []string) {
			for _, e := range got.all() {
				if strings.Contains(e, `"path":"`+filepath.ToSlash(filepath.Join(dir, name))+`"`) {
					events = append(events, e)
				}
			}
			return events
		}
		wait := func(name string, events int) {
			t.Helper()
			time.Sleep(time.Second) // of polls
			synctest.Wait()
			if n := len(of(name)); n != events {
				t.Fatalf("%s: %d events, want %d", name, n, events)
			}
		}
		wait("a", 700)
		write("b", begun)
		write("a", accessLines(700, 701))
		wait("a", 701)
		wait("b", 1) // the clock has cut it
		if err := os.Rename(paths[0], paths[0]+".1"); err != nil {
			t.Fatal(err)
		}
		write("a.1", accessLines(701, 702)+"\npart")
		write("a", accessLines(0, 1))
		wait("a", 704)
		if err := os.Truncate(paths[1], 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		write("b", accessLines(0, 2))
		wait("b", 3)
		// b was not there at the start. The readers begin in any order.
		slices.Sort(warnings)
		if len(warnings) != 2 || !strings.HasSuffix(warnings[0], "is a directory") || warnings[1] != "waiting for "+paths[1] {
			t.Errorf("warnings are %q, want the directory and the missing file, once", warnings)
		}
		write("b", begun+"the rest")
		time.Sleep(decode.DefaultPoll + time.Millisecond)
		interrupt()
		if counts := <-over; counts.Inputs != 3 || counts.Empty != 1 {
			t.Errorf("counts are %+v", counts)
		}
		if n := len(of("b")); n != 5 {
			t.Errorf("b: %d events, want the rest too", n)
		}
		offset := -1
		for _, e := range of("a")[:702] {
			i := strings.Index(e, `"original":"/`) + len(`"original":"/`)
			var n int
			fmt.Sscanf(e[i:], "%d", &n)
			if n != offset+1 {
				t.Fatalf("line %d follows on line %d", n, offset)
			}
			offset = n
		}
	})
}

// TestFollowFromEnd leaves out what is there already.
func TestFollowFromEnd(t *testing.T) { withWorkers(t, testFollowFromEnd) }

func testFollowFromEnd(t *testing.T, workers int) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(accessLines(0, 3)), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		var got results
		c := config(t, &got)
		c.Workers = workers
		over := start(ctx, Follow([]string{path}, true), c)
		time.Sleep(time.Second)
		appendTo(t, path, accessLines(3, 4))
		time.Sleep(time.Second)
		interrupt()
		if err := <-over; err != nil || len(got.all()) != 1 || !strings.Contains(got.all()[0], `"original":"/3"`) {
			t.Errorf("%v, events %q", err, got.all())
		}
	})
}

// TestFailureEndsFollowing: a dead sink ends all followed files.
func TestFailureEndsFollowing(t *testing.T) { withWorkers(t, testFailureEndsFollowing) }

func testFailureEndsFollowing(t *testing.T, workers int) {
	dir := t.TempDir()
	paths := []string{filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")}
	for _, path := range paths {
		if err := os.WriteFile(path, []byte(accessLines(0, 3)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	gone := errors.New("broken pipe")
	var got results
	got.yield = func() error { return gone }
	c := config(t, &got)
	c.Workers = workers
	c.Together = true
	if _, err := Run(t.Context(), Follow(paths, false), c); err == nil || err.Error() != gone.Error() {
		t.Errorf("error is %v", err)
	}
}

// TestAllocs: reading and processing allocates next to nothing per line.
func TestAllocs(t *testing.T) { withWorkers(t, testAllocs) }

func testAllocs(t *testing.T, workers int) {
	c := config(t, nil)
	c.Workers = workers
	c.NewCollector = func() Collector { return discard{} }
	run := func(log string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Run(t.Context(), texts("log", log), c); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs
	}
	const lines = 40_000
	short, long := accessLines(0, 1000), strings.Repeat(accessLines(0, 1000), lines/1000)
	run(short)
	first := run(short)
	if n := int64(run(long) - first); n > lines/20 {
		t.Errorf("%d allocations for %d lines", n, lines)
	}
}

type discard struct{}

func (discard) Add(*pipeline.Outcome)       {}
func (discard) Yield(context.Context) error { return nil }
