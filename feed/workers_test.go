package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"clearhop/decode"
	"clearhop/enrich/clientip"
	"clearhop/internal/chaintest"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/privacy"
	"clearhop/record"
	"clearhop/rule"
)

// manyWorkers are the numbers of workers that are held to one worker.
var manyWorkers = []int{2, 3, 8}

// workerConfigs are the settings that workers are tried with.
func workerConfigs() map[string]pipeline.Config {
	plain := func() pipeline.Config {
		return pipeline.Config{
			Parser: parser.Settings{Format: []string{"auto"}, ErrorZone: "UTC"}, Original: true,
			Client: clientip.Settings{NLB: []string{"10.16.1.11"}, Trusted: []string{"10.16.1.13"}, ClientFields: []string{"proxy_protocol_addr"}},
			Now:    func() time.Time { return time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC) },
		}
	}
	truncate, hash, ruled, inferred := plain(), plain(), plain(), plain()
	truncate.Privacy = privacy.Settings{Mode: "truncate"}
	hash.Privacy = privacy.Settings{Mode: "hash", Key: "correct horse battery staple"}
	ruled.Rules = rule.Settings{Rule: []string{"drop verdict=health_check", "sample:0.5 status=200", "route:bad dataset=nginx.unparsed"}}
	inferred.Infer = true
	return map[string]pipeline.Config{"plain": plain(), "truncate": truncate, "hash": hash, "rules": ruled, "inferred": inferred}
}

func openPipeline(t testing.TB, c pipeline.Config) *pipeline.Pipeline {
	t.Helper()
	p, err := pipeline.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// runWorkers returns the events of inputs, where no time passes.
func runWorkers(t *testing.T, inputs []Input, c Config) []string {
	var got results
	c.NewCollector = got.collector
	synctest.Test(t, func(t *testing.T) {
		if _, err := Run(t.Context(), inputs, c); err != nil {
			t.Error(err)
		}
	})
	return got.all()
}

// equalEvents holds events to those of one worker.
func equalEvents(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("%s: event %d of %d is\n%swant\n%s", what, i, len(got), strings.Join(got[min(i, len(got)):min(i+1, len(got))], ""), want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d events, want %d", what, len(got), len(want))
	}
}

// awkward are lines that depend on those around them, or that those depend on.
var awkward = []string{
	begun, more, ended, "no time\n", "[1] junk\n", "\n", `{"log":"half a li","stream":"stdout","time":"2026-11-22T11:00:25Z"}` + "\n", `{"log":"ne\n","stream":"stdout","time":"2026-11-22T11:00:25Z"}` + "\n",
	`2026-11-22T11:00:25.123456789Z stdout P 203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET /` + "\n",
	`2026-11-22T11:00:25.123456789Z stdout F long HTTP/1.1" 200 3 "-" "x"` + "\n",
	`2026/11/22 11:00:25 [error] 7#7: *3 open() "/usr/share/nginx/html/y" failed (2: No such file or directory), client: 198.51.100.77, server: , request: "GET /%22%0A203.0.113.66 HTTP/1.1", host: "example.com"` + "\n",
	`y" failed (2: No such file or directory), client: 198.51.100.77, server: , request: "GET /%22%0A203.0.113.66 HTTP/1.1", host: "example.com"` + "\n",
	`web-1  | 203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "x" "-"` + "\n",
	`{"remote_addr":"203.0.113.9","request":"GET /a HTTP/1.1","status":"200","time_iso8601":"2026-11-22T11:00:24+00:00"}` + "\n",
}

// cutRecord is a record that a visitor closed, and that nginx cut off after 2,047 bytes:
// only its length tells that the lines in it are forged.
var cutRecord = func() string {
	const first = `2026/11/22 11:00:25 [error] 7#7: *3 open() "/usr/share/nginx/html/x" failed (2: No such file or directory), client: 203.0.113.5, server: , request: "GET /x HTTP/1.1", host: "h"` + "\n"
	const begun = `203.0.113.66 - admin [22/Nov/2026:11:00:24 +0000] "POST / HTTP/1.1" 200 3 "-" "`
	text := first
	for len(text) < 1800 {
		text += begun + `victim"` + "\n"
	}
	return text + begun + strings.Repeat("v", 2047-len(text)-len(begun)-1) + "\"\n"
}()

// backward turns the lines of a record round, as they stand in a log that is newest first.
func backward(text string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	lines[len(lines)-1] += "\n"
	slices.Reverse(lines)
	return strings.Join(lines, "")
}

// hostileLog is awkwardLog with records that nginx cut off among the lines.
func hostileLog(random *rand.Rand, lines, step int) string {
	var b strings.Builder
	for line := range strings.Lines(awkwardLog(random, lines, step)) {
		b.WriteString(line)
		if random.IntN(30) > 0 {
			continue
		}
		if step < 0 {
			b.WriteString(backward(cutRecord))
		} else {
			b.WriteString(cutRecord)
		}
	}
	return b.String()
}

// TestWorkersBelieveNoForgedLine: in a log of either order, wherever the batches are cut,
// some workers believe what one believes, and in a log that is oldest first no forged line.
func TestWorkersBelieveNoForgedLine(t *testing.T) {
	random := rand.New(rand.NewPCG(20261129, 9))
	p := openPipeline(t, workerConfigs()["plain"])
	for step := -1; step <= 1; step++ {
		var log string
		for i := range 40 { // no awkward line may hide what a record is
			for k := range 15 {
				second := (1800 + step*(15*i+k)) % 3600
				if step == 0 {
					second = random.IntN(3600)
				}
				log += strings.Replace(fmt.Sprintf(access, i), "11:00:24", fmt.Sprintf("11:%02d:%02d", second/60, second%60), 1)
			}
			if step < 0 {
				log += backward(cutRecord)
			} else {
				log += cutRecord
			}
		}
		for _, size := range []int{7, 50, maxLines} {
			want := runWorkers(t, texts("log", log), Config{Pipeline: p, batchLines: size})
			fooled := 0
			for _, event := range want {
				if strings.Contains(event, `"ip":"203.0.113.66"`) && strings.Contains(event, `"vouched":true`) {
					fooled++
				}
			}
			// A record has to fit into a batch. One that is newest first has to stand in a
			// single one, as most do where batches have their usual size.
			if step > 0 && size > 7 && fooled > 0 || step < 0 && size == maxLines && fooled > 60 {
				t.Errorf("step %d, batches of %d: %d forged lines are believed", step, size, fooled)
			}
			for _, workers := range manyWorkers {
				got := runWorkers(t, texts("log", log), Config{Pipeline: p, Workers: workers, batchLines: size})
				equalEvents(t, fmt.Sprintf("step %d, batches of %d, %d workers", step, size, workers), got, want)
			}
		}
	}
}

// awkwardLog makes a log whose times run as step says: -1 is newest first, 0 is no order.
func awkwardLog(random *rand.Rand, lines, step int) string {
	var b strings.Builder
	for i := range lines {
		if random.IntN(4) == 0 {
			b.WriteString(awkward[random.IntN(len(awkward))])
			continue
		}
		second := (3600 + step*i) % 3600
		if step == 0 {
			second = random.IntN(3600)
		}
		b.WriteString(strings.Replace(fmt.Sprintf(access, i), "11:00:24", fmt.Sprintf("11:%02d:%02d", second/60, second%60), 1))
	}
	return b.String()
}

// TestWorkersGiveTheEventsOfOne: all recorded logs, and made up ones in any order of
// time, in batches of any size, of which those of a payload belong to several streams.
func TestWorkersGiveTheEventsOfOne(t *testing.T) {
	random := rand.New(rand.NewPCG(20261129, 1))
	var recorded, inputs []Input
	for _, name := range chaintest.Names(t, "*/*.log") {
		recorded = append(recorded, texts(name, string(joinLines(chaintest.Lines(t, name))))...)
	}
	for step := -1; step <= 1; step++ {
		inputs = append(inputs, texts(fmt.Sprint("step ", step), hostileLog(random, 400, step))...)
	}
	inputs = append(inputs, texts("without times", strings.Repeat("no time\n", 100), "payloads", payload("a", begun)+payload("b", begun, more)+
		payload("a", ended, "no time\n", fmt.Sprintf(access, 1))+payload("b", strings.SplitAfter(strings.TrimSuffix(awkwardLog(random, 100, 1), "\n"), "\n")...))...)
	for name, c := range workerConfigs() {
		p := openPipeline(t, c)
		inputs, manyWorkers := slices.Concat(recorded, inputs), manyWorkers
		if name != "plain" {
			inputs, manyWorkers = inputs[len(recorded):], []int{3} // to save time
		}
		for _, size := range []int{7, maxLines} {
			want := runWorkers(t, inputs, Config{Pipeline: p, batchLines: size})
			for _, workers := range manyWorkers {
				if size == maxLines && workers > 3 {
					continue
				}
				got := runWorkers(t, inputs, Config{Pipeline: p, Workers: workers, batchLines: size})
				equalEvents(t, fmt.Sprintf("%s, %d workers, batches of %d", name, workers, size), got, want)
			}
		}
	}
}

func joinLines(lines [][]byte) (text []byte) {
	for _, line := range lines {
		text = append(append(text, line...), '\n')
	}
	return text
}

// FuzzWorkers: some workers give the events of one, byte for byte, from any lines in batches
// of any size; after a failure of the sink the first ones of them.
func FuzzWorkers(f *testing.F) {
	for seed := range uint64(30) {
		f.Add(seed, strings.Join(awkward[seed%10:seed%10+3], ""))
	}
	var pipelines []*pipeline.Pipeline
	for _, name := range []string{"plain", "hash", "rules", "inferred"} {
		pipelines = append(pipelines, openPipeline(f, workerConfigs()[name]))
	}
	f.Fuzz(func(t *testing.T, seed uint64, text string) {
		random := rand.New(rand.NewPCG(seed, 6))
		c := Config{Pipeline: pipelines[random.IntN(len(pipelines))], batchLines: 1 + random.IntN(8)}
		var inputs []Input
		for i := range 1 + random.IntN(3) {
			log := hostileLog(random, random.IntN(40), random.IntN(3)-1)
			if random.IntN(2) == 0 {
				log += text + "\n" + awkwardLog(random, random.IntN(20), 1)
			}
			inputs = append(inputs, texts(fmt.Sprint(i), log)...)
		}
		var whole results
		run(t, inputs, c, &whole)
		c.Workers = 2 + random.IntN(3)
		var got results
		run(t, inputs, c, &got)
		equalEvents(t, "all", got.all(), whole.all())

		full, after := errors.New("disk full"), 1+random.IntN(10)
		failing := &results{}
		failing.yield = func() error {
			if len(failing.yields) == after {
				return full
			}
			return nil
		}
		run(t, inputs, c, failing)
		n := len(failing.all())
		equalEvents(t, "after a failure", failing.all(), whole.all()[:min(n, len(whole.all()))])
	})
}

// run is Run where no time passes. Its error is not of interest.
func run(t *testing.T, inputs []Input, c Config, r *results) {
	synctest.Test(t, func(t *testing.T) {
		c.NewCollector = r.collector
		_, _ = Run(t.Context(), inputs, c)
	})
}

// TestWorkersAfterAnInterrupt: the events are the first ones of the whole, without a gap.
func TestWorkersAfterAnInterrupt(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 7))
	log := awkwardLog(random, 20_000, 1)
	c := Config{Pipeline: openPipeline(t, workerConfigs()["plain"]), Workers: 3}
	ctx, interrupt := context.WithCancel(t.Context())
	var got results
	got.yield = func() error {
		if len(got.yields) == 5 {
			interrupt()
		}
		return nil
	}
	c.NewCollector = got.collector
	if _, err := Run(ctx, texts("log", log), c); err != nil {
		t.Fatal(err)
	}
	n := len(got.all())
	if n < 5 || n > (5+4+onTheWay(3))*maxLines {
		t.Errorf("%d events", n)
	}
	equalEvents(t, "interrupted", got.all(), slowly(t, c.Pipeline, "log", beginning(log, n)))
}

// beginning returns the beginning of a log up to the end of its n-th line that is not empty.
func beginning(log string, n int) string {
	at := 0
	for range n {
		for log[at] == '\n' {
			at++
		}
		at += strings.IndexByte(log[at:], '\n') + 1
	}
	return log[:at]
}

// A panicking Collector is wrong.
type panicking struct{ discard }

func (panicking) Add(*pipeline.Outcome) { panic("wrong") }

// TestPanicOfAWorker: whoever called Run can recover it, and sees where it came from.
func TestPanicOfAWorker(t *testing.T) {
	c := config(t, nil)
	c.Workers, c.NewCollector = 2, func() Collector { return panicking{} }
	defer func() {
		err, ok := recover().(error)
		if !ok || !strings.HasPrefix(err.Error(), "wrong\n") || !strings.Contains(err.Error(), "panicking.Add") {
			t.Errorf("recovered %v", err)
		}
	}()
	_, _ = Run(t.Context(), texts("log", accessLines(0, 1)), c)
	t.Error("there was no panic")
}

// A dawdling Collector is so slow with some batches that the workers overtake one another.
type dawdling struct{ *resultsPart }

func (d dawdling) Add(out *pipeline.Outcome) {
	if out.Record.Line.Offset/100%7 == 0 {
		time.Sleep(50 * time.Microsecond)
	}
	d.resultsPart.Add(out)
}

// TestSettledPlacesOfWorkers: the place of a line is settled only when its event and all
// before it are flushed.
func TestSettledPlacesOfWorkers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log := awkwardLog(rand.New(rand.NewPCG(1, 8)), 3000, 1)
	appendTo(t, path, log)
	ctx, interrupt := context.WithCancel(t.Context())
	var got results
	c := config(t, &got)
	c.Workers, c.batchLines = 3, 20
	c.NewCollector = func() Collector { return dawdling{&resultsPart{results: &got}} }
	var flushed, settled int64
	c.Flush = func(context.Context) error {
		flushed = int64(len(got.all()))
		return nil
	}
	c.Settled = func(places []decode.Position) error {
		settled = places[0].Offset
		lines := int64(len(strings.FieldsFunc(log[:settled], func(r rune) bool { return r == '\n' }))) // none is empty
		if lines != flushed {
			t.Errorf("the place behind line %d is settled after %d events", lines, flushed)
		}
		if settled == int64(len(log)) {
			interrupt()
		}
		return nil
	}
	inputs := FollowFrom([]string{path}, FollowConfig{Position: func(string) *decode.Position { return nil }, Begun: func(decode.Position) error { return nil }})
	if _, err := Run(ctx, inputs, c); err != nil {
		t.Fatal(err)
	}
	if settled != int64(len(log)) {
		t.Errorf("settled up to %d of %d", settled, len(log))
	}
}

// TestRefreshOfWorkers: all batches before a look for nodes are finished, and none behind it
// has begun: each line is judged by what is known at its turn, as with one worker.
func TestRefreshOfWorkers(t *testing.T) {
	f := func(workers int) []string {
		var got results
		var now atomic.Int64
		c := pipeline.Config{
			Parser: parser.Settings{Format: []string{"auto"}},
			Client: clientip.Settings{NLB: []string{"discover:edge"}, NLBRefresh: time.Minute},
			Now:    func() time.Time { return time.Unix(1_795_345_224+now.Load(), 0) },
		}
		looks := 0
		c.NodeFinder = func([]string) (pipeline.FindNodes, error) {
			return func(context.Context) (map[netip.Addr]string, error) {
				if n := got.count(); n != len(got.all()) {
					t.Errorf("%d workers: %d events were made at a look, and %d yielded", workers, n, len(got.all()))
				}
				looks++
				return map[netip.Addr]string{netip.AddrFrom4([4]byte{10, 16, 1, byte(looks)}): "edge"}, nil
			}, nil
		}
		got.yield = func() error {
			now.Add(20)
			return nil
		}
		log := strings.ReplaceAll(accessLines(0, 600), "210.227.0.10", "10.16.1.5")
		cfg := Config{Pipeline: openPipeline(t, c), NewCollector: got.collector, Workers: workers, batchLines: 5}
		if _, err := Run(t.Context(), texts("log", log), cfg); err != nil {
			t.Error(err)
		}
		if looks < 10 {
			t.Errorf("%d workers: %d looks", workers, looks)
		}
		return got.all()
	}
	one := f(1)
	for _, workers := range manyWorkers {
		if got := f(workers); len(got) != len(one) {
			t.Errorf("%d workers: %d events, want %d", workers, len(got), len(one))
		}
	}
}

// TestNoMoreWorkersThanWork: for a few lines one worker is started, with one Collector.
func TestNoMoreWorkersThanWork(t *testing.T) {
	var got results
	made := 0
	c := config(t, &got)
	c.Workers, c.NewCollector = 8, func() Collector {
		made++
		return got.collector()
	}
	if _, err := Run(t.Context(), texts("log", accessLines(0, 3)), c); err != nil || made != 1 || len(got.all()) != 3 {
		t.Errorf("%d Collectors for %d events, %v", made, len(got.all()), err)
	}
}

// TestLeave: what stays behind is what was not taken, with its places.
func TestLeave(t *testing.T) {
	var b, taken batch
	origin := &record.Origin{Source: "log"}
	b.origin, b.most, b.last = origin, 3, true
	for i := range 3 {
		b.add(&record.Line{Text: fmt.Appendf(nil, "line %d", i), ID: fmt.Appendf(nil, "%d", i), Origin: origin})
		b.places = append(b.places, decode.Position{Offset: int64(i)})
	}
	b.leave(2, &taken)
	b.add(&record.Line{Text: []byte("another"), Origin: origin})
	texts := func(b *batch) (all []string) {
		for i := range b.lines {
			all = append(all, string(b.lines[i].ID)+string(b.lines[i].Text))
		}
		return all
	}
	if diff := cmp.Diff([]string{"0line 0", "1line 1", "2line 2", "another"}, append(texts(&taken), texts(&b)...)); diff != "" {
		t.Error(diff)
	}
	if len(taken.places) != 2 || len(b.places) != 1 || b.places[0].Offset != 2 || b.origin != origin || !b.last || b.most != 3 {
		t.Errorf("taken %+v, left %+v", taken.places, b)
	}
}

// BenchmarkWorkers is BenchmarkRun with more workers.
func BenchmarkWorkers(b *testing.B) {
	path := filepath.Join(b.TempDir(), "access.log")
	if err := os.WriteFile(path, []byte(strings.Repeat(accessLines(0, 1000), 20)), 0o600); err != nil {
		b.Fatal(err)
	}
	files := Files([]string{path}, func(ctx context.Context, name string) (io.ReadCloser, error) { return Open(ctx, nil, name) })
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			c := config(b, nil)
			c.NewCollector, c.Workers = func() Collector { return discard{} }, workers
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Run(b.Context(), files, c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
