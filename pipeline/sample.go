package pipeline

import (
	"net/netip"
	"slices"

	"clearhop/decode/envelope"
	"clearhop/parser"
	"clearhop/parser/infer"
	"clearhop/record"
)

// A Reading says how the lines of a stream are read, as a sample of them showed.
type Reading struct {
	Stream string // its log group or file
	*infer.Plan
}

// A sample is the first lines of a stream.
type sample struct {
	stream string
	set    *parser.Set // of the stream, before anything is decided
	lines  []string
	bytes  int
}

// The bounds of the sample of one stream.
const (
	MaxSampleLines = 2000
	MaxSampleBytes = 1 << 20
)

// WantsSample reports whether the lines of origin's stream are to be given to Sample
// before they are processed: the settings ask for that, and nothing is decided yet.
func (w *Worker) WantsSample(origin *record.Origin) bool {
	return w.p.infer && w.formats[streamOf(origin)] == nil
}

// Sample keeps copies of lines of one stream for Decide, up to the bounds of a sample.
func (w *Worker) Sample(lines []record.Line) {
	for i := range lines {
		line := &lines[i]
		if line.Defect != record.Sound {
			continue
		}
		s := w.sampleOf(streamOf(line.Origin))
		if len(s.lines) >= MaxSampleLines || s.bytes >= MaxSampleBytes {
			continue
		}
		var e record.Envelope
		inner, scratch := envelope.Open(line.Text, w.batch.scratch[:0], &e)
		if e.Count == 0 {
			var ok bool
			if inner, scratch, ok = envelope.OpenDoubtful(line.Text, scratch, &e); !ok || !w.isPrefix(s.set, line.Text, inner, &e) {
				inner = line.Text
			}
		}
		w.batch.scratch = scratch
		if e.Partial {
			continue
		}
		s.lines = append(s.lines, string(inner))
		s.bytes += len(inner)
	}
}

func (w *Worker) sampleOf(stream string) *sample {
	i := slices.IndexFunc(w.samples, func(s sample) bool { return s.stream == stream })
	if i < 0 {
		i = len(w.samples)
		w.samples = append(w.samples, sample{stream: stream, set: w.p.formats.For(stream)})
	}
	return &w.samples[i]
}

// Decide decides how the streams of the samples are read from now on, and returns
// what it found. It forgets the samples.
func (w *Worker) Decide() []Reading {
	var readings []Reading
	for _, s := range w.samples {
		plan := infer.Decide(s.set, s.lines, w.p.nodes())
		if len(w.formats) >= maxStreams {
			clear(w.formats)
		}
		w.formats[s.stream] = plan.Set.Clone()
		readings = append(readings, Reading{s.stream, plan})
	}
	w.samples, w.current, w.currentOrigin = nil, nil, nil
	return readings
}

// nodes returns what the settings say of the NLB's addresses.
func (p *Pipeline) nodes() infer.Nodes {
	chain := p.Client()
	if p.Inferred() || chain.NLB.Empty() && len(chain.Nodes) == 0 {
		return infer.Nodes{}
	}
	return infer.Nodes{Given: p.givenNLB, Contains: func(addr netip.Addr) bool {
		_, discovered := chain.Nodes[addr]
		return discovered || chain.NLB.Contains(addr)
	}}
}
