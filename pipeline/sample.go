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

	named    bool  // a name stands in front of a line that no log_format writes
	unproven []int // the lines with a name that came before
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
		inner, e := w.openSampled(line, s)
		if e.Partial {
			continue
		}
		s.lines = append(s.lines, string(inner))
		s.bytes += len(inner)
	}
}

// openSampled takes the envelopes off a line of a sample.
func (w *Worker) openSampled(line *record.Line, s *sample) (inner []byte, e record.Envelope) {
	inner, scratch := envelope.Open(line.Text, w.batch.scratch[:0], &e)
	w.batch.scratch = scratch
	if e.Count > 0 {
		return inner, e
	}
	inner, scratch, ok := envelope.OpenDoubtful(line.Text, scratch, &e)
	w.batch.scratch = scratch
	switch {
	case !ok || !w.isPrefix(s.set, line.Text, inner, &e):
		return line.Text, e
	case needsProof(inner, &e) && !s.named:
		s.unproven = append(s.unproven, len(s.lines))
		return line.Text, e
	}
	s.named = s.named || e.Kinds[0] == record.Podman
	return inner, e
}

// prove takes the names off the lines of a sample that came before the proof that they
// are names of containers.
func (s *sample) prove() {
	for _, i := range s.unproven {
		var e record.Envelope
		if inner, _, ok := envelope.OpenDoubtful([]byte(s.lines[i]), nil, &e); ok {
			s.lines[i] = string(inner)
		}
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
		if s.named {
			s.prove()
			w.named[s.stream] = true
		}
		plan := infer.Decide(s.set, s.lines, w.p.nodes())
		if len(w.formats) >= maxStreams {
			clear(w.formats)
			clear(w.named)
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
