package pipeline_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"clearhop/internal/chaintest"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/rule"
)

// A cut says how streams come: which one gives the next batch, and how many lines.
type cut struct{ stream, lines int }

// cutUp cuts streams into batches of at most size lines that come in a random order.
func cutUp(random *rand.Rand, streams [][]record.Line, size int) []cut {
	var cuts []cut
	for stream, lines := range streams {
		for at := 0; at < len(lines); {
			n := min(1+random.IntN(size), len(lines)-at)
			cuts = append(cuts, cut{stream, n})
			at += n
		}
	}
	random.Shuffle(len(cuts), func(i, k int) { cuts[i], cuts[k] = cuts[k], cuts[i] })
	return cuts
}

// eachBatch calls process with the lines of each batch, after what was left of the batch
// of the same stream before it. process returns how many lines it took.
func eachBatch(streams [][]record.Line, cuts []cut, process func(lines []record.Line, last bool) (done int)) {
	rest := slices.Clone(streams)
	held := make([][]record.Line, len(streams))
	for _, c := range cuts {
		held[c.stream] = append(held[c.stream], rest[c.stream][:c.lines]...)
		rest[c.stream] = rest[c.stream][c.lines:]
		done := process(slices.Clone(held[c.stream]), len(rest[c.stream]) == 0)
		held[c.stream] = slices.Clone(held[c.stream][done:])
	}
}

// describe returns all that an outcome says.
func describe(out *pipeline.Outcome) string {
	r := out.Record
	return fmt.Sprintf("%s %s %d %t %q %q %v %s", out.ID, r.Line.Text, r.Timestamp, out.Dropped, out.Rule, out.Route, out.Err, out.Data)
}

// byOneWorker is what ProcessBatch makes of the batches.
func byOneWorker(t *testing.T, p *pipeline.Pipeline, streams [][]record.Line, cuts []cut) (outcomes []string) {
	w := p.NewWorker()
	eachBatch(streams, cuts, func(lines []record.Line, last bool) int {
		done, err := w.ProcessBatch(lines, last, func(out *pipeline.Outcome) error {
			outcomes = append(outcomes, describe(out))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return done
	})
	return outcomes
}

// A drafted is a Draft on its way.
type drafted struct {
	draft    pipeline.Draft
	outcomes []string
	done     chan struct{}
}

func (d *drafted) keep(out *pipeline.Outcome) error {
	d.outcomes = append(d.outcomes, describe(out))
	return nil
}

// byDrafts is what some Workers make of the batches. It also returns how many Drafts were
// processed in order.
func byDrafts(t *testing.T, p *pipeline.Pipeline, streams [][]record.Line, cuts []cut, workers int) (outcomes []string, inOrder int) {
	w, work := p.NewWorker(), make(chan *drafted, len(cuts))
	defer close(work)
	for range workers {
		go func() {
			other := p.NewWorker()
			for d := range work {
				if err := other.ProcessDraft(&d.draft, d.keep); err != nil {
					t.Error(err)
				}
				close(d.done)
			}
		}()
	}
	var onTheWay []*drafted
	settle := func() {
		d := onTheWay[0]
		onTheWay = onTheWay[1:]
		<-d.done
		if !w.Settle(&d.draft) {
			inOrder++
			d.outcomes = nil
			if err := w.ProcessInOrder(&d.draft, d.keep); err != nil {
				t.Fatal(err)
			}
		}
		outcomes = append(outcomes, d.outcomes...)
	}
	eachBatch(streams, cuts, func(lines []record.Line, last bool) int {
		d := &drafted{done: make(chan struct{})}
		done := w.Assemble(lines, last, &d.draft)
		if done == 0 {
			return 0
		}
		onTheWay = append(onTheWay, d)
		if w.InDoubt(lines[0].Origin) {
			close(d.done)
		} else {
			work <- d
		}
		if len(onTheWay) > workers+1 {
			settle()
		}
		return done
	})
	for len(onTheWay) > 0 {
		settle()
	}
	return outcomes, inOrder
}

// equalOutcomes holds the outcomes of Drafts to those of one Worker.
func equalOutcomes(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("%s: outcome %d is\n%s\nwant\n%s", what, i, strings.Join(got[min(i, len(got)):min(i+1, len(got))], ""), want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d outcomes, want %d", what, len(got), len(want))
	}
}

// awkward are lines that depend on the lines around them.
func awkward() (texts []string) {
	for _, first := range openings {
		texts = append(texts, first)
	}
	for _, last := range endings {
		texts = append(texts, last)
	}
	slices.Sort(texts) // no map decides
	texts = append(texts, forged, "no time", "[1] junk", `{"log":"half a li","stream":"stdout"}`, `{"log":"ne\n","stream":"stdout"}`)
	return slices.Concat(texts, neighbours, messages)
}

// mixedLines makes lines of one stream: access lines whose times run as step says, and
// others between them.
func mixedLines(random *rand.Rand, origin *record.Origin, n, step int) []record.Line {
	others := awkward()
	var texts []string
	for i := range n {
		switch {
		case random.IntN(4) == 0:
			texts = append(texts, others[random.IntN(len(others))])
		case step == 0:
			texts = append(texts, honestAt(random.IntN(600)))
		default:
			texts = append(texts, honestAt((600+step*i)%600))
		}
	}
	lines := linesOfText(origin, texts...)
	for i := range lines {
		if random.IntN(50) == 0 {
			lines[i].Defect = record.TooLong
		}
		if origin.LogGroup == "" {
			lines[i].ID = nil // as of a file
		} else if origin.InOrder {
			lines[i].Time, lines[i].HasTime = 1_795_345_224_000+int64(1000*i), true
		}
	}
	return lines
}

// mixedStreams are streams of every order.
func mixedStreams(random *rand.Rand, lines int) [][]record.Line {
	return [][]record.Line{
		mixedLines(random, &record.Origin{Source: "a.log", File: "a.log"}, lines, 1),
		mixedLines(random, &record.Origin{Source: "newest first.log", File: "newest first.log"}, lines, -1),
		mixedLines(random, &record.Origin{Source: "scattered.log", File: "scattered.log"}, lines, 0),
		mixedLines(random, streams["payload"], lines, 1),
		mixedLines(random, &record.Origin{Source: "g:s", LogGroup: "g", LogStream: "s"}, lines, 1),
	}
}

// draftConfigs are the settings that Drafts are tried with.
func draftConfigs() map[string]pipeline.Config {
	truncate, hash, ruled, lines := private("truncate"), private("hash"), chain(), chain()
	ruled.Rules = rule.Settings{Rule: []string{"drop verdict=health_check", "route:bad dataset=nginx.unparsed", "sample:0.5 status=200"}}
	lines.Original = true
	lines.Parser.Format = []string{parser.Auto}
	return map[string]pipeline.Config{"plain": chain(), "truncate": truncate, "hash": hash, "rules": ruled, "lines": lines}
}

// newPipeline makes a pipeline whose clock stands still.
func newPipeline(t testing.TB, c pipeline.Config) *pipeline.Pipeline {
	t.Helper()
	c.Now = now
	p, err := pipeline.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// TestDraftsGiveTheOutcomesOfOneWorker: wherever streams are cut, and however many Workers
// there are.
func TestDraftsGiveTheOutcomesOfOneWorker(t *testing.T) {
	again := 0
	for name, c := range draftConfigs() {
		p := newPipeline(t, c)
		for seed := range uint64(3) {
			random := rand.New(rand.NewPCG(seed, 3))
			streams := mixedStreams(random, 80)
			cuts := cutUp(random, streams, []int{1, 3, 40}[seed%3])
			want := byOneWorker(t, p, streams, cuts)
			workers := []int{1, 3}
			if name == "plain" {
				workers = append(workers, 2, 8)
			}
			for _, workers := range workers {
				got, inOrder := byDrafts(t, p, streams, cuts, workers)
				equalOutcomes(t, fmt.Sprintf("%s, seed %d, %d workers", name, seed, workers), got, want)
				again += inOrder
			}
		}
	}
	if again == 0 {
		t.Error("no Draft was processed in order: the streams have no order that matters")
	}
}

// TestDraftsOfTheChain: all that was recorded, each log a stream.
func TestDraftsOfTheChain(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 4))
	var streams [][]record.Line
	for _, name := range chaintest.Names(t, "*/*.log") {
		var texts []string
		for _, line := range chaintest.Lines(t, name) {
			texts = append(texts, string(line))
		}
		streams = append(streams, linesOfText(&record.Origin{Source: name, File: name}, texts...))
	}
	p := newPipeline(t, chain())
	cuts := cutUp(random, streams, 20)
	want := byOneWorker(t, p, streams, cuts)
	got, inOrder := byDrafts(t, p, streams, cuts, 3)
	equalOutcomes(t, "recorded logs", got, want)
	if inOrder > len(cuts)/10 {
		t.Errorf("%d of %d Drafts were processed in order", inOrder, len(cuts))
	}
}

// FuzzDrafts: some Workers give the outcomes of one, byte for byte, with any lines in
// batches of any size.
func FuzzDrafts(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed, strings.Join(awkward()[seed%20:seed%20+3], "\n"))
	}
	var pipelines []*pipeline.Pipeline
	for _, name := range []string{"plain", "hash", "rules", "lines"} {
		pipelines = append(pipelines, newPipeline(f, draftConfigs()[name]))
	}
	f.Fuzz(func(t *testing.T, seed uint64, text string) {
		random := rand.New(rand.NewPCG(seed, 5))
		p := pipelines[random.IntN(len(pipelines))]
		own := strings.Split(text, "\n")
		var streams [][]record.Line
		for i, all := range mixedStreams(random, 12) {
			if random.IntN(3) == 0 {
				continue
			}
			origin := all[0].Origin
			texts := textsOf(all)
			for _, line := range own[:min(len(own), 6)] {
				at := random.IntN(len(texts) + 1)
				texts = slices.Insert(texts, at, []byte(line))
			}
			lines := linesOf(origin, texts...)
			for k := range lines {
				if i < 3 {
					lines[k].ID = nil
				}
			}
			streams = append(streams, lines)
		}
		cuts := cutUp(random, streams, 1+random.IntN(6))
		want := byOneWorker(t, p, streams, cuts)
		got, _ := byDrafts(t, p, streams, cuts, 1+random.IntN(3))
		equalOutcomes(t, fmt.Sprintf("seed %d, %q", seed, text), got, want)
	})
}

// TestDraftThatIsGivenUp: the Draft behind it does not wait for its time.
func TestDraftThatIsGivenUp(t *testing.T) {
	w := open(t, chain())
	origin := &record.Origin{Source: "log"}
	lines := linesOf(origin, access, []byte("no time"))
	var first, second pipeline.Draft
	if w.Assemble(lines[:1], false, &first) != 1 || w.Assemble(lines[1:], true, &second) != 1 {
		t.Fatal("not assembled")
	}
	first.GiveUp()
	n := 0
	if err := open(t, chain()).ProcessDraft(&second, func(*pipeline.Outcome) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d outcomes, %v", n, err)
	}
}

// TestDraftsAllocateLittle: in the steady state a Draft costs what hands its time over.
func TestDraftsAllocateLittle(t *testing.T) {
	w, other := open(t, chain()), open(t, chain())
	lines := linesOf(&record.Origin{Source: "log"}, append(chaintest.Lines(t, "ok/web.seed.log"), stray)...)
	var d pipeline.Draft
	sum := 0
	each := func() {
		w.Assemble(lines, true, &d)
		if err := other.ProcessDraft(&d, func(out *pipeline.Outcome) error { sum += len(out.Data); return nil }); err != nil || !w.Settle(&d) {
			t.Fatal(err)
		}
	}
	each()
	if n := testing.AllocsPerRun(100, each); n > 4 {
		t.Errorf("%v allocations for %d lines", n, len(lines))
	}
}
