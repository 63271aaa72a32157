package pipeline

import (
	"clearhop/encode/accesslog"
	"clearhop/record"
	"clearhop/verdict"
)

// A Tally counts outcomes. The summary of the command and the metrics of the
// functions print from it.
//
//	var t pipeline.Tally
//	_, err := w.ProcessBatch(lines, true, func(out *pipeline.Outcome) error { t.Add(out); return nil })
//	t.Datasets[record.AccessLine] // how many access lines there were
//
// The zero value is empty and ready for use. A Tally holds no text of any line
// and belongs to one goroutine. In the steady state Add allocates nothing.
type Tally struct {
	Lines    int64
	Datasets [record.NumDatasets]int64 // lines by record.Dataset

	Dropped   int64 // lines that a rule drops
	DroppedBy Names // of them, by the text of the rule
	Routes    Names // events that rules send elsewhere, by route

	// Fates counts by what became of the lines that Config.Lines writes, in the order
	// of accesslog.Fate.
	Fates [accesslog.NumFates]int64

	Envelopes [record.NumEnvelopeKinds]int64 // envelopes around lines, by record.EnvelopeKind
	Levels    Names                          // error lines by level
	Causes    map[Cause]int64                // unparsed lines by cause

	// Reasons counts the access lines with a reason, and the error lines about the
	// PROXY protocol. Hops counts those whose reason names a hop.
	Reasons [verdict.NumReasons]int64
	Hops    [verdict.NumReasons][verdict.NumHops]int64

	// These count access lines only.
	Formats      Names                      // by the name of the log_format
	Verdicts     [verdict.NumVerdicts]int64 // by verdict.Verdict
	NLBPrivate   int64                      // $remote_addr shows an NLB's private address
	NLBChecks    int64                      // of them: health checks, which show it in a right chain too
	NLBInferred  int64                      // of them: the NLB's addresses are inferred
	NLBReasons   [verdict.NumReasons]int64  // of them, by reason
	Geo          Names                      // by record.GeoState, where there is a client to look up
	LookupErrors int64                      // failed look-ups in a damaged GeoIP database

	// Newest is the latest time of an event, in milliseconds since the Unix epoch.
	// Times that are only those of reading do not count. It is 0 if there was none.
	Newest int64
}

// A Cause is why no format reads a line.
type Cause struct {
	Variable string // the nginx variable that could not be read; empty for none
	Reason   string
}

// String gives the cause in one line.
func (c Cause) String() string {
	if c.Variable == "" {
		return c.Reason
	}
	return "$" + c.Variable + ": " + c.Reason
}

// Names counts by name, in the order of the first count. It is for names that
// the settings or nginx define: a search through all of them must be quick. Beyond
// maxNames of them, the rest counts under otherNames.
type Names []NameCount

const (
	maxNames   = 200
	otherNames = "(others)"
)

// A NameCount is a name and how often it was counted.
type NameCount struct {
	Name string
	N    int64
}

// Of returns the count of a name.
func (n Names) Of(name string) int64 {
	for i := range n {
		if n[i].Name == name {
			return n[i].N
		}
	}
	return 0
}

func (n *Names) add(name string, count int64) {
	for i := range *n {
		if c := &(*n)[i]; c.Name == name {
			c.N += count
			return
		}
	}
	n.addNew(name, count)
}

// addNew counts a name that is not among n.
func (n *Names) addNew(name string, count int64) {
	if len(*n) >= maxNames {
		last := &(*n)[len(*n)-1]
		if last.Name == otherNames {
			last.N += count
			return
		}
		name = otherNames
	}
	*n = append(*n, NameCount{name, count})
}

// merge counts what another list has counted.
func (n *Names) merge(other Names) {
	for _, c := range other {
		n.add(c.Name, c.N)
	}
}

// addText is add for a text of a line: it copies the text if the name is new.
func (n *Names) addText(name []byte) {
	for i := range *n {
		if c := &(*n)[i]; c.Name == string(name) {
			c.N++
			return
		}
	}
	n.addNew(string(name), 1)
}

// Add counts one outcome.
func (t *Tally) Add(out *Outcome) {
	r := out.Record
	t.Lines++
	t.Datasets[r.Dataset]++
	t.Fates[out.Line]++
	if out.Dropped {
		t.Dropped++
		t.DroppedBy.add(out.Rule, 1)
	}
	if out.Route != "" {
		t.Routes.add(out.Route, 1)
	}
	for _, kind := range r.Envelope.Kinds[:r.Envelope.Count] {
		t.Envelopes[kind]++
	}
	if r.TimestampFrom != record.FromClock {
		t.Newest = max(t.Newest, r.Timestamp)
	}
	switch r.Dataset {
	case record.AccessLine:
		t.addAccess(r, out.Err)
	case record.ErrorLogLine:
		t.Levels.addText(r.Error.Level)
	case record.Unparsed:
		t.addCause(Cause{r.ParseError.Variable, r.ParseError.Reason}, 1)
	case record.OtherLine:
	}
	if p := &r.Provenance; p.Reason != verdict.NoReason {
		t.Reasons[p.Reason]++
		if p.Hop != verdict.NoHop {
			t.Hops[p.Reason][p.Hop]++
		}
	}
}

func (t *Tally) addAccess(r *record.Record, err error) {
	p := &r.Provenance
	t.Formats.add(r.Format, 1)
	t.Verdicts[p.Verdict]++
	if p.NLBPrivateIP {
		t.NLBPrivate++
		t.NLBReasons[p.Reason]++
		if p.NLBInferred {
			t.NLBInferred++
		}
		if p.Verdict == verdict.HealthCheck {
			t.NLBChecks++
		}
	}
	if r.Geo.State != "" {
		t.Geo.add(string(r.Geo.State), 1)
	}
	if err != nil {
		t.LookupErrors++
	}
}

func (t *Tally) addCause(c Cause, count int64) {
	if t.Causes == nil {
		t.Causes = map[Cause]int64{}
	}
	if _, known := t.Causes[c]; !known && len(t.Causes) >= maxCauses {
		c = Cause{Reason: "other causes"} // some causes name the keys of a line
	}
	t.Causes[c] += count
}

// maxCauses bounds the causes that a Tally tells apart.
const maxCauses = 200

// NLBVisitors returns how many access lines of visitors show an NLB's private
// address. Health checks come from that address, so they are not counted.
func (t *Tally) NLBVisitors() int64 { return t.NLBPrivate - t.NLBChecks }

// Faults returns how many lines have a reason that is a fault of the chain.
func (t *Tally) Faults() int64 {
	var n int64
	for r, lines := range t.Reasons {
		if verdict.Reason(r).IsFault() {
			n += lines
		}
	}
	return n
}

// Merge adds what another Tally has counted of later lines. The sums are those of one
// Tally that counts all lines. Only where a list is full may the other Tally have counted
// other names before.
func (t *Tally) Merge(other *Tally) {
	t.Lines += other.Lines
	addAll(t.Datasets[:], other.Datasets[:])
	t.Dropped += other.Dropped
	t.DroppedBy.merge(other.DroppedBy)
	t.Routes.merge(other.Routes)
	addAll(t.Fates[:], other.Fates[:])
	addAll(t.Envelopes[:], other.Envelopes[:])
	t.Levels.merge(other.Levels)
	for c, n := range other.Causes {
		t.addCause(c, n)
	}
	addAll(t.Reasons[:], other.Reasons[:])
	for i := range t.Hops {
		addAll(t.Hops[i][:], other.Hops[i][:])
	}
	t.Formats.merge(other.Formats)
	addAll(t.Verdicts[:], other.Verdicts[:])
	t.NLBPrivate += other.NLBPrivate
	t.NLBChecks += other.NLBChecks
	t.NLBInferred += other.NLBInferred
	addAll(t.NLBReasons[:], other.NLBReasons[:])
	t.Geo.merge(other.Geo)
	t.LookupErrors += other.LookupErrors
	t.Newest = max(t.Newest, other.Newest)
}

// addAll adds the counts of another Tally to those of this one.
func addAll(counts, others []int64) {
	for i := range counts {
		counts[i] += others[i]
	}
}

// Reset makes the Tally empty and keeps its memory.
func (t *Tally) Reset() {
	clear(t.Causes)
	*t = Tally{
		DroppedBy: t.DroppedBy[:0], Routes: t.Routes[:0], Levels: t.Levels[:0],
		Formats: t.Formats[:0], Geo: t.Geo[:0], Causes: t.Causes,
	}
}
