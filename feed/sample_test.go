package feed

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"clearhop/parser"
	"clearhop/pipeline"
)

// inferring returns a Config that samples streams, and where it keeps what was decided.
func inferring(t *testing.T, r *results) (Config, *[]pipeline.Reading) {
	p, err := pipeline.New(pipeline.Config{
		Parser: parser.Settings{Format: []string{"auto"}, ErrorZone: "UTC"}, Infer: true,
		Now: func() time.Time { return time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	var decided []pipeline.Reading
	return Config{Pipeline: p, NewCollector: r.collector, Decided: func(more []pipeline.Reading) { decided = append(decided, more...) }}, &decided
}

// timedLines are lines that only inference reads wholly.
func timedLines(from, to int) string {
	return strings.ReplaceAll(accessLines(from, to), `"probe/1.0"`, `"curl/8" "198.51.100.7" 0.012`)
}

// TestSampleComesFirst: the first line of a stream is read as its last one, streams are
// decided on one by one, and the order of the lines stays.
func TestSampleComesFirst(t *testing.T) { withWorkers(t, testSampleComesFirst) }

func testSampleComesFirst(t *testing.T, workers int) {
	var got results
	c, decided := inferring(t, &got)
	c.Workers = workers
	const lines = pipeline.MaxSampleLines + 3*maxLines
	if _, err := Run(t.Context(), texts("plain", accessLines(0, 3), "timed", timedLines(0, lines)), c); err != nil {
		t.Fatal(err)
	}
	events := got.all()
	if len(events) != 3+lines {
		t.Fatalf("%d events", len(events))
	}
	for i, event := range events[3:] {
		if !strings.Contains(event, `"field":"remote_addr"`) || strings.Contains(event, "trailing") || !strings.Contains(event, fmt.Sprintf(`"original":"/%d"`, i)) {
			t.Fatalf("event %d: %s", i, event)
		}
	}
	var streams []string
	for _, r := range *decided {
		streams = append(streams, fmt.Sprint(r.Stream, r.Formats, r.Taken))
	}
	if diff := cmp.Diff([]string{"plain[{combined 3}] false", "timed[{inferred 2000}] true"}, streams); diff != "" {
		t.Errorf("decided (-want +got):\n%s", diff)
	}
}

// TestSampleWaits: a slow input is not held back for longer than the wait, and a short
// one not until its end.
func TestSampleWaits(t *testing.T) { withWorkers(t, testSampleWaits) }

func testSampleWaits(t *testing.T, workers int) {
	synctest.Test(t, func(t *testing.T) {
		in, lines := io.Pipe()
		var got results
		c, decided := inferring(t, &got)
		c.Workers = workers
		over := start(t.Context(), input(in), c)
		io.WriteString(lines, timedLines(0, 2))
		time.Sleep(sampleWait - time.Millisecond)
		synctest.Wait()
		if n := len(got.all()); n != 0 {
			t.Errorf("%d events before the end of the wait", n)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if n := len(got.all()); n != 2 || len(*decided) != 1 || !(*decided)[0].Taken {
			t.Errorf("%d events, decided %v", n, *decided)
		}
		// The stream is known now: its lines are not held any more.
		io.WriteString(lines, timedLines(2, 3))
		synctest.Wait()
		if n := len(got.all()); n != 3 {
			t.Errorf("%d events of a stream that is known", n)
		}
		lines.Close()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}

// TestSampleOfInterrupted: what was read is processed although the sample is short.
func TestSampleOfInterrupted(t *testing.T) { withWorkers(t, testSampleOfInterrupted) }

func testSampleOfInterrupted(t *testing.T, workers int) {
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		in, lines := io.Pipe()
		defer lines.Close()
		var got results
		c, _ := inferring(t, &got)
		c.Workers = workers
		over := start(ctx, input(in), c)
		io.WriteString(lines, timedLines(0, 2))
		synctest.Wait()
		interrupt()
		if err := <-over; err != nil || len(got.all()) != 2 {
			t.Errorf("%v, %d events", err, len(got.all()))
		}
	})
}
