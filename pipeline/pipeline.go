// Package pipeline takes raw lines to encoded events. It is the one place that
// knows the order of the steps, so that the Lambdas and the command cannot
// drift apart.
//
//	p, err := pipeline.New(pipeline.Config{NLB: []string{"10.16.1.11"}})
//	defer p.Close()
//	w := p.NewWorker() // one for each goroutine
//	out := w.Process(line)
//
// In goes a record.Line, out comes an Outcome: exactly one for each line, with
// the line's identity. A line that no format reads is an outcome too, with an
// event of the dataset nginx.unparsed that carries the text. Only a rule of the
// configuration leaves an event out, and the outcome says which.
//
// A Pipeline is safe for concurrent use, and nothing of it changes but the
// discovered nodes of NLBs, by Refresh, and the GeoIP databases, by Reload. A
// Worker belongs to one goroutine and allocates nothing per line in the steady
// state.
package pipeline

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"time"
	_ "time/tzdata" // for error-zone, where the system has no zones

	"clearhop/decode/envelope"
	"clearhop/encode"
	"clearhop/enrich"
	"clearhop/enrich/clientip"
	"clearhop/enrich/geoip"
	"clearhop/parser"
	"clearhop/privacy"
	"clearhop/record"
	"clearhop/rule"
)

// A Pipeline is a Config made ready: formats compiled, databases opened.
type Pipeline struct {
	formats   *parser.Set
	perGroup  []groupFormats
	errorZone *time.Location
	enricher  *enrich.Enricher
	discovery *discovery // nil where nothing is to be discovered
	reload    *reload    // nil where nothing is to be loaded again
	encoder   *encode.Encoder
	databases *geoip.Databases
	guard     *privacy.Guard
	rules     *rule.Set
	original  bool
	now       func() time.Time
}

// New makes a Pipeline. Every bad setting of c is named in the one error. It
// asks nothing of AWS: see Refresh and Reload.
func New(c Config) (*Pipeline, error) {
	p := &Pipeline{original: c.Original, now: c.Now}
	if p.now == nil {
		p.now = time.Now
	}
	var errs []error
	fail := func(name string, err error) {
		if err != nil {
			errs = append(errs, setting(name, err))
		}
	}
	var err error
	p.formats, p.perGroup, err = c.formats()
	if err != nil {
		errs = append(errs, err)
	}
	if c.ErrorZone == "Local" {
		fail("error-zone", errors.New(`"Local" is the zone of this machine: name the zone that nginx runs in`))
	}
	p.errorZone, err = time.LoadLocation(c.ErrorZone)
	fail("error-zone", err)
	p.encoder, err = encode.New(encode.Options{Labels: c.Label})
	fail("label", err)
	p.databases, p.reload, err = c.openDatabases(p.now)
	if err != nil {
		errs = append(errs, err)
	}
	client, err := c.client()
	if err != nil {
		errs = append(errs, err)
	} else {
		p.enricher, err = enrich.New(enrich.Config{Client: client, Databases: p.databases})
		if err != nil {
			errs = append(errs, err)
		}
	}
	p.discovery, err = c.newDiscovery(client, p.enricher, p.now)
	if err != nil {
		errs = append(errs, err)
	}
	p.guard, err = c.newGuard(client, p.enricher)
	if err != nil {
		errs = append(errs, err)
	}
	p.rules, err = rule.Compile(c.Rule)
	fail("rule", err)
	if err := errors.Join(errs...); err != nil {
		if p.databases != nil {
			err = errors.Join(err, p.databases.Close())
		}
		return nil, err
	}
	return p, nil
}

// Close closes the databases. No Worker may be in use any more.
func (p *Pipeline) Close() error { return p.databases.Close() }

// Databases describes the open GeoIP databases.
func (p *Pipeline) Databases() []geoip.Info { return p.databases.Info() }

// Client returns the chain of proxies that holds now, with the nodes of NLBs
// that were discovered. It is not to be changed.
func (p *Pipeline) Client() clientip.Config { return p.enricher.Client() }

// Inferred reports whether the NLB's addresses are inferred, not given.
func (p *Pipeline) Inferred() bool { return p.enricher.Inferred() }

// Routes returns the names that Outcome.Route can bear. What takes the outcomes
// must know where each of them goes.
func (p *Pipeline) Routes() []string { return p.rules.Routes() }

// An Outcome is what became of one line. It holds until the Worker's next
// Process.
type Outcome struct {
	// ID is the identity of the event: the line's, or one derived from it.
	ID []byte
	// Record is the line as it was understood, without what the privacy
	// settings hide. Only Record.Line is as it was read.
	Record *record.Record
	// Data is the event with a newline at its end. It is empty if, and only
	// if, the event is dropped.
	Data []byte
	// Dropped says that a rule leaves the event out, and Rule is the text of
	// the rule that decided on it, dropped or not; empty if none fits.
	Dropped bool
	Rule    string
	// Route names where a rule sends the event: one of Pipeline.Routes. Empty
	// for where all go.
	Route string
	// Err says what was wrong: a *record.ParseError or a *geoip.LookupError.
	// There is an event all the same.
	Err error
}

// A Worker takes lines through the pipeline one at a time.
type Worker struct {
	p      *Pipeline
	enrich *enrich.Worker
	rec    record.Record
	spare  record.Record // for lines that are looked at before their turn
	data   []byte

	// The formats of the stream in hand, see formatsFor.
	formats       map[string]*parser.Set
	current       *parser.Set
	currentOrigin *record.Origin

	envelope      record.Envelope
	batch         batch
	private       *privacy.Worker // nil where nothing is to be hidden
	scrubbed      []byte
	scrubbedError []byte

	digest hash.Hash
	id     []byte

	// The time of the line before, for lines that bear none.
	previous       int64
	previousOrigin *record.Origin
}

// NewWorker makes a Worker with empty caches.
func (p *Pipeline) NewWorker() *Worker {
	w := &Worker{p: p, formats: map[string]*parser.Set{}, enrich: p.enricher.NewWorker(), digest: sha256.New()}
	if p.guard.Active() {
		w.private = p.guard.NewWorker()
	}
	return w
}

// maxKept bounds the buffer that a Worker keeps from line to line.
const maxKept = 256 << 10

// Process takes one line on its own through the pipeline. The line must have an
// Origin and is not kept. For lines of a stream, which may belong together, see
// ProcessBatch.
func (w *Worker) Process(line *record.Line) Outcome {
	inner := line.Text
	if line.Defect == record.Sound {
		inner, w.batch.scratch = envelope.Open(line.Text, w.batch.scratch[:0], &w.envelope)
	}
	return w.process(line, inner)
}

// process is the heart of the pipeline: parse, enrich, judge, hide, encode. text is what the
// envelopes around the line hold, or what it was joined to.
func (w *Worker) process(line *record.Line, text []byte) Outcome {
	r := w.begin(line)
	parseErr := w.parse(r, text)
	enrichErr := w.enrich.Enrich(r)
	if enrichErr != nil {
		return w.finish(r, errors.Join(parseErr, enrichErr))
	}
	return w.finish(r, parseErr)
}

// begin makes the record ready for a line.
func (w *Worker) begin(line *record.Line) *record.Record {
	r := &w.rec
	r.Reset()
	r.Line = *line
	r.ID = w.identify(line)
	if line.Defect == record.Sound {
		r.Envelope = w.envelope
	}
	return r
}

// finish asks the rules, hides what is to be hidden and encodes the record.
// Rules see it as it is; who takes the outcome does not, dropped or not.
func (w *Worker) finish(r *record.Record, err error) Outcome {
	w.setTime(r)
	judged := w.p.rules.Judge(r)
	r.SampleRate = judged.SampleRate
	if w.private != nil {
		w.private.Apply(r)
	}
	out := Outcome{ID: r.ID, Record: r, Err: err, Dropped: judged.Dropped, Rule: judged.Rule, Route: judged.Route}
	if judged.Dropped {
		return out
	}
	if cap(w.data) > maxKept {
		w.data = nil
	}
	w.data = w.p.encoder.Append(w.data[:0], r)
	out.Data = w.data
	return out
}

// MaxOriginal is how many bytes of a line an event carries.
const MaxOriginal = 64 << 10

// parse tells what kind of line it is and reads it.
func (w *Worker) parse(r *record.Record, text []byte) error {
	if w.p.original {
		w.keepText(text)
	}
	if r.Line.Defect != record.Sound {
		w.keepText(text)
		r.ParseError = &record.ParseError{Column: 1, Reason: r.Line.Defect.String()}
		return r.ParseError
	}
	if parser.IsErrorLine(text) {
		if err := parser.ParseErrorLine(text, w.p.errorZone, r); err == nil {
			w.scrubError(r)
			return nil
		}
		// Nothing of what was read of it before it went wrong stays.
		r.Error = record.ErrorLine{}
		r.ResetAccess()
	}
	if parser.ParseChatter(text, r) {
		w.keepText(text)
		return nil
	}
	err := w.formatsFor(r.Line.Origin).Parse(text, r)
	if err == nil {
		return nil
	}
	w.keepText(text)
	errors.As(err, &r.ParseError)
	return err
}

// keepText puts the head of a text into the event, without its secrets: what is
// no access line may be a header that nginx dumped.
func (w *Worker) keepText(text []byte) *record.Record {
	text = text[:min(len(text), MaxOriginal)]
	if scrubbed, found := parser.AppendScrubbed(w.scrubbed[:0], text); found {
		w.scrubbed = scrubbed
		text = scrubbed
	}
	w.rec.Original = text
	return &w.rec
}

// scrubError takes secrets out of the parts of an error line that hold what a
// client sent.
func (w *Worker) scrubError(r *record.Record) {
	for _, part := range []*[]byte{&r.Error.Message, &r.Error.Request, &r.Error.Subrequest, &r.Error.Upstream, &r.Error.Referrer} {
		at := len(w.scrubbedError)
		if scrubbed, found := parser.AppendScrubbed(w.scrubbedError, *part); found {
			w.scrubbedError = scrubbed
			*part = scrubbed[at:]
		}
	}
	w.scrubbedError = w.scrubbedError[:0]
}

// setTime gives a line without a time the next best one.
func (w *Worker) setTime(r *record.Record) {
	valid := func(ms int64) bool { return encode.MinTime <= ms && ms <= encode.MaxTime }
	line := &r.Line
	switch {
	case r.HasTimestamp && valid(r.Timestamp):
		r.TimestampFrom = record.FromLine
	case r.Envelope.HasTime && valid(r.Envelope.Time):
		r.Timestamp, r.TimestampFrom = r.Envelope.Time, record.FromEnvelope
	case line.HasTime && valid(line.Time):
		r.Timestamp, r.TimestampFrom = line.Time, record.FromSource
	case w.previousOrigin != nil && w.previousOrigin == line.Origin:
		r.Timestamp, r.TimestampFrom = w.previous, record.FromPrevious
	default:
		r.Timestamp, r.TimestampFrom = w.p.now().UnixMilli(), record.FromClock
	}
	w.previous, w.previousOrigin = r.Timestamp, line.Origin
}

// identify returns the line's id, or for a line without one a hash of its
// source, offset and text: the same line of the same file has the same id
// however often it is read.
func (w *Worker) identify(line *record.Line) []byte {
	if len(line.ID) > 0 {
		return line.ID
	}
	const idBytes = 16 // of the digest; 128 bits are beyond collision
	w.digest.Reset()
	w.id = append(w.id[:0], line.Origin.Source...)
	w.id = append(w.id, 0)
	w.id = binary.BigEndian.AppendUint64(w.id, uint64(line.Offset))
	w.digest.Write(w.id)
	w.digest.Write(line.Text)
	sum := w.digest.Sum(w.id[:0])
	w.id = hex.AppendEncode(sum, sum[:idBytes])
	return w.id[len(sum):]
}
