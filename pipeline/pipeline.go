// Package pipeline takes raw lines to encoded events. It is the one place that
// knows the order of the steps, so that the functions and the command cannot
// differ.
//
//	p, err := pipeline.New(pipeline.Config{Client: clientip.Settings{NLB: []string{"10.16.1.11"}}})
//	defer p.Close()
//	w := p.NewWorker() // one for each goroutine
//	out := w.Process(line)
//
// In goes a record.Line, out comes an Outcome: exactly one for each line, with
// the line's identity. A line that no format reads has an outcome too, with an
// event of the dataset nginx.unparsed that holds the text. Only a rule of the
// configuration can leave an event out, and the outcome names the rule.
//
// A Pipeline is safe for concurrent use. Only Refresh changes anything in it: the
// nodes of NLBs that were discovered, and the GeoIP databases. A Worker belongs
// to one goroutine and allocates nothing per line in the steady state. ProcessBatch takes
// the lines of a stream with one Worker; with a Draft, several Workers share one stream.
package pipeline

import (
	"crypto/sha256"
	"errors"
	"hash"

	"clearhop/encode"
	"clearhop/encode/accesslog"
	"clearhop/enrich"
	"clearhop/parser"
	"clearhop/privacy"
	"clearhop/record"
)

// An Outcome is what became of one line. It holds until the Worker's next
// Process.
type Outcome struct {
	// ID is the identity of the event: the line's, or one derived from it.
	ID []byte
	// Record is the line as it was understood, without what the privacy settings
	// hide. Only Record.Line is as it was read.
	Record *record.Record
	// Data is the event with a newline at its end, or the line that Config.Lines
	// writes. It is empty if, and only if, the event is dropped, Line says that
	// there is no line, or Config.NoEvents is set.
	Data []byte
	// Line is what became of the line that Config.Lines writes.
	Line accesslog.Fate
	// Dropped says that a rule leaves the event out.
	Dropped bool
	// Rule is the text of the rule that decided on the event, dropped or not. It
	// is empty if no rule matches.
	Rule string
	// Route names where a rule sends the event: one of Pipeline.Routes. It is
	// empty for the usual output.
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
	spare  record.Record   // for lines that are looked at before their turn
	hidden *privacy.Worker // nil where nothing is to be hidden
	data   []byte          // the event, or the line
	came   []byte          // the line as it came, with another client

	// The formats of each stream, and those of the stream in hand: see formatsFor.
	formats       map[string]*parser.Set
	shared        map[*parser.Set]*parser.Set // what Drafts have of the formats of a stream
	clones        map[*parser.Set]*parser.Set // what this Worker has made of those of Drafts
	current       *parser.Set
	currentOrigin *record.Origin
	samples       []sample        // of streams whose format is not decided yet
	named         map[string]bool // streams whose lines have the name of a container in front

	envelope      record.Envelope
	batch         batch
	carried       map[*record.Origin][]record.Doubt // of lines that wait for the next batch
	order         ordered
	orders        map[*record.Origin]order // of the other streams
	scrubbed      []byte
	scrubbedLine  []byte
	scrubbedError []byte

	digest hash.Hash
	id     []byte
	hash   []byte // event.hash
	hashed []byte // what it is made of

	// The time of the line before, for lines that have none.
	previous       int64
	previousOrigin *record.Origin
	before         *handover // that gives it, for the first line of a Draft
	newest         *handover // of the Draft that Assemble made last
}

// NewWorker makes a Worker with empty caches.
func (p *Pipeline) NewWorker() *Worker {
	w := &Worker{
		p: p, enrich: p.enricher.NewWorker(), digest: sha256.New(),
		formats: map[string]*parser.Set{}, shared: map[*parser.Set]*parser.Set{}, clones: map[*parser.Set]*parser.Set{},
		named: map[string]bool{}, carried: map[*record.Origin][]record.Doubt{}, orders: map[*record.Origin]order{},
	}
	if p.guard.Active() {
		w.hidden = p.guard.NewWorker()
	}
	return w
}

// Process takes one line on its own through the pipeline. The line must have an
// Origin, and Process does not keep it. For lines of a stream, which may belong
// together, see ProcessBatch.
func (w *Worker) Process(line *record.Line) Outcome {
	inner := line.Text
	if line.Defect == record.Sound {
		inner, w.batch.scratch = w.openAlone(line, w.batch.scratch[:0], &w.envelope)
	}
	return w.process(line, nil, inner, record.NoDoubt)
}

// process is the order of the steps. text is what the envelopes around the line
// hold, or what the line was joined to. first is the line that this one
// continues; nil for most. doubt says whether a visitor can have written the line.
func (w *Worker) process(line, first *record.Line, text []byte, doubt record.Doubt) Outcome {
	r := w.begin(line, first)
	out := Outcome{Record: r}
	out.Err = w.parse(r, text)
	r.Doubt = doubtOf(r, doubt)
	if w.p.only == AllSteps {
		w.identify(r, text)
		out.ID = r.ID
		w.addHash(r, text)
	}
	if err := w.enrichRecord(r); err != nil {
		out.Err = errors.Join(out.Err, err)
	}
	if w.p.only == AllSteps {
		w.judge(&out)
	}
	w.keep(r, text)
	w.hide(r)
	w.encode(&out)
	return out
}

// begin makes the record ready for a line.
func (w *Worker) begin(line, first *record.Line) *record.Record {
	r := &w.rec
	r.Reset()
	r.Line = *line
	if first != nil {
		w.batch.id = append(w.batch.id[:0], w.idOfFirst(first)...)
		r.Continues = w.batch.id
	}
	if line.Defect == record.Sound {
		r.Envelope = w.envelope
	}
	return r
}

// parse reads the line, and gives it a time if it has none.
func (w *Worker) parse(r *record.Record, text []byte) error {
	err := w.read(r, text)
	w.setTime(r)
	return err
}

// enrichRecord adds what can be known beyond the line.
func (w *Worker) enrichRecord(r *record.Record) error {
	if w.p.only == Parsed {
		w.enrich.SplitURL(r)
		return nil
	}
	return w.enrich.Enrich(r)
}

// judge asks the rules, which see the record before anything is hidden.
func (w *Worker) judge(out *Outcome) {
	judged := w.p.rules.Judge(out.Record)
	out.Record.SampleRate = judged.SampleRate
	out.Dropped, out.Rule, out.Route = judged.Dropped, judged.Rule, judged.Route
}

// keep keeps the text of a line that is to be written as it came, with the client in
// its place: what is to be hidden is then hidden in this text too.
func (w *Worker) keep(r *record.Record, text []byte) {
	if w.p.lines == nil || !w.p.lines.AsTheyCame() {
		return
	}
	if cap(w.came) > maxKept {
		w.came = nil
	}
	w.came = w.p.lines.AppendText(w.came[:0], text, r, w.p.enricher.IsProxyText)
	r.Original = w.came
	if !w.p.guard.Active() {
		return
	}
	if scrubbed, found := parser.AppendScrubbed(w.scrubbed[:0], w.came); found {
		w.scrubbed, r.Original = scrubbed, scrubbed
	}
}

// hide hides what the privacy settings ask for, also in records that are dropped:
// callers see only the redacted record.
func (w *Worker) hide(r *record.Record) {
	if w.hidden != nil {
		w.hidden.Apply(r)
	}
}

// maxKept bounds the buffer that a Worker keeps from line to line.
const maxKept = 256 << 10

// encode writes the event or the line, unless it is dropped.
func (w *Worker) encode(out *Outcome) {
	if out.Dropped || w.p.noEvents {
		return
	}
	if cap(w.data) > maxKept {
		w.data = nil
	}
	if w.p.lines != nil {
		w.data, out.Line = w.p.lines.Append(w.data[:0], out.Record)
	} else {
		w.data = w.p.encoder.Append(w.data[:0], out.Record)
	}
	out.Data = w.data
}

// MaxOriginal is how many bytes of a line an event holds at most. event.truncated names
// event.original where a line is longer.
const MaxOriginal = 64 << 10

// read finds out what kind of line it is, and reads it.
func (w *Worker) read(r *record.Record, text []byte) error {
	if r.Continues != nil {
		// The first line's event holds the whole text, scrubbed as one. This part
		// alone could hold a secret without the name that reveals it.
		r.Dataset = record.OtherLine
		return nil
	}
	if w.p.original {
		w.keepOriginal(r, text)
	}
	if r.Line.Defect != record.Sound {
		w.keepOriginal(r, text)
		r.ParseError = &record.ParseError{Column: 1, Reason: r.Line.Defect.String()}
		return r.ParseError
	}
	if parser.IsErrorLine(text) {
		if err := parser.ParseErrorLine(text, w.p.errorZone, r); err == nil {
			w.scrubError(r)
			return nil
		}
		// Nothing that was read before the mistake stays.
		r.Error = record.ErrorLine{}
		r.ResetAccess()
	}
	if parser.ParseChatter(text, r) {
		w.keepOriginal(r, text)
		return nil
	}
	err := w.formatsFor(r.Line.Origin).Parse(text, r)
	if err == nil {
		return nil
	}
	w.keepOriginal(r, asRead(r, text))
	errors.As(err, &r.ParseError)
	return err
}

// asRead returns what an unparsed line keeps: what the envelopes hold, or the line as
// it was read if one of them is an object of JSON with members that nobody knows. The
// object may be the program's own log line, of which one member is called message.
func asRead(r *record.Record, text []byte) []byte {
	for _, kind := range r.Envelope.Kinds[:r.Envelope.Count] {
		if kind == record.TransformedLog {
			return r.Line.Text
		}
	}
	return text
}

// keepOriginal sets the record's Original: the head of a text without its secrets. A
// line that is no access line may be a header that nginx dumped.
func (w *Worker) keepOriginal(r *record.Record, text []byte) {
	r.OriginalCut = len(text) > MaxOriginal
	r.Original, w.scrubbed = withoutSecrets(text[:min(len(text), MaxOriginal)], w.scrubbed)
}

// withoutSecrets returns a text without its secrets. If it had some, the result stands
// in the buffer, which is the second result.
func withoutSecrets(text, buffer []byte) (clean, newBuffer []byte) {
	scrub := parser.AppendScrubbed
	if len(text) > 0 && text[0] == '{' {
		scrub = parser.AppendScrubbedJSON
	}
	if scrubbed, found := scrub(buffer[:0], text); found {
		return scrubbed, scrubbed
	}
	return text, buffer
}

// scrubError removes secrets from the parts of an error line that hold what a
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

// setTime gives a line that has no time of its own the next best one.
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
	case w.hasPrevious(line.Origin):
		r.Timestamp, r.TimestampFrom = w.previous, record.FromPrevious
	default:
		r.Timestamp, r.TimestampFrom = w.p.now().UnixMilli(), record.FromClock
	}
	w.previous, w.previousOrigin, w.before = r.Timestamp, line.Origin, nil
}

// hasPrevious reports whether the line before was one of the same stream. Its time is then
// w.previous. For the first line of a Draft that may take until the lines before it are
// processed.
func (w *Worker) hasPrevious(origin *record.Origin) bool {
	if w.before != nil {
		w.previous, w.previousOrigin = w.before.wait()
		w.before = nil
	}
	return w.previousOrigin != nil && w.previousOrigin == origin
}
