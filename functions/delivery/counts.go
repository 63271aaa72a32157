package delivery

import (
	"cmp"
	"log/slog"
	"slices"
	"time"

	"clearhop/enrich/geoip"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/sink"
	"clearhop/verdict"
)

// Counts are what one invocation did, for its line of log and its metrics. They
// hold no text of any line.
type Counts struct {
	Payloads        int // inputs: payloads of CloudWatch Logs, or records of Firehose
	PayloadsUnread  int // of them: cannot be read
	Control         int // of them: control messages
	Refused         int // of them: of the function's own log group
	Lines           int // log lines read
	Unparsed        int // of them: no format reads them
	Other           int // of them: error lines, chatter, continuations
	Dropped         int // of them: dropped by a rule
	NLB             int // access lines whose $remote_addr shows an NLB's private address
	HealthChecks    int // access lines that are probes
	Faults          int // lines with a reason that is a fault of the chain
	GeoErrors       int // look-ups that failed in a damaged database
	GeoMissing      int // clients without a place, since there was no database
	GeoStale        int // clients whose place is from a database that is too old
	Delivered       int // events that the sink took
	DeadLetters     int // events and payloads that are kept as dead letters
	DeadLettersLost int // … and that could not be
	Failed          int // events that are lost to this invocation: the service must send them again
	Reingested      int // records sent back to the stream, since the answer was full

	Sink sink.Stats // what the sinks did, dead letters included

	// GeoAge is how old the oldest GeoIP database is; HasGeo says that there is
	// one.
	GeoAge time.Duration
	HasGeo bool

	// Newest is the time of the youngest event, ms since the Unix epoch; 0 if
	// there was none.
	Newest int64

	formats  []count // lines by the format that read them
	verdicts []count // in the order of their first record; there are few
	reasons  []count
	geo      []count
	rules    []count // that left events out
}

type count struct {
	name string
	n    int
}

func (c *Counts) add(out *pipeline.Outcome) {
	c.Lines++
	if out.Dropped {
		c.Dropped++
		c.rules = addTo(c.rules, out.Rule)
	}
	r := out.Record
	if r.TimestampFrom != record.FromClock {
		c.Newest = max(c.Newest, r.Timestamp)
	}
	if r.Provenance.Reason.IsFault() {
		c.Faults++
	}
	switch r.Dataset {
	case record.AccessLine:
		c.formats = addTo(c.formats, r.Format)
	case record.Unparsed:
		c.Unparsed++
		return
	default:
		c.Other++
		if r.Provenance.Reason != verdict.NoReason { // a connection that has no access line
			c.reasons = addTo(c.reasons, r.Provenance.Reason.String())
		}
		return
	}
	if out.Err != nil {
		c.GeoErrors++
	}
	switch r.Geo.State {
	case record.GeoMissing:
		c.GeoMissing++
	case record.GeoStale:
		c.GeoStale++
	}
	if r.Provenance.NLBPrivateIP {
		c.NLB++
	}
	if r.Provenance.Verdict == verdict.HealthCheck {
		c.HealthChecks++
	}
	c.verdicts = addTo(c.verdicts, r.Provenance.Verdict.String())
	c.reasons = addTo(c.reasons, r.Provenance.Reason.String())
	if r.Geo.State != "" {
		c.geo = addTo(c.geo, string(r.Geo.State))
	}
}

// Geo notes how old the databases are.
func (c *Counts) Geo(databases []geoip.Info, now time.Time) {
	for _, d := range databases {
		c.HasGeo = true
		c.GeoAge = max(c.GeoAge, now.Sub(d.Built))
	}
}

func addTo(counts []count, name string) []count {
	for i := range counts {
		if counts[i].name == name {
			counts[i].n++
			return counts
		}
	}
	return append(counts, count{name, 1})
}

// Reset makes c ready for the next invocation and keeps its memory.
func (c *Counts) Reset() {
	*c = Counts{formats: c.formats[:0], verdicts: c.verdicts[:0], reasons: c.reasons[:0], geo: c.geo[:0], rules: c.rules[:0]}
}

// LogValue gives the counts as a group of attributes. What did not happen and
// seldom does is left out.
func (c *Counts) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.Int("lines", c.Lines),
		slog.Int("unparsed", c.Unparsed),
		slog.Int("other", c.Other),
		slog.Int("nlb_private_ip", c.NLB),
		slog.Int("faults", c.Faults),
		slog.Int("geo_errors", c.GeoErrors),
		slog.Int("geo_missing", c.GeoMissing),
		slog.Int("geo_stale", c.GeoStale),
		slog.Int("delivered", c.Delivered),
		slog.Int("failed", c.Failed),
	}
	for _, rare := range []struct {
		name string
		n    int
	}{
		{"dropped", c.Dropped},
		{"payloads_unread", c.PayloadsUnread},
		{"control_messages", c.Control},
		{"refused", c.Refused},
		{"dead_letters", c.DeadLetters},
		{"dead_letters_lost", c.DeadLettersLost},
		{"reingested", c.Reingested},
		{"truncated", int(c.Sink.Truncated)},
		{"retries", int(c.Sink.Retries)},
		{"throttles", int(c.Sink.Throttles)},
	} {
		if rare.n > 0 {
			attrs = append(attrs, slog.Int(rare.name, rare.n))
		}
	}
	if len(c.rules) > 0 {
		attrs = append(attrs, slog.Any("rules", group(c.rules)))
	}
	return slog.GroupValue(append(attrs,
		slog.Any("formats", group(c.formats)),
		slog.Any("verdicts", group(c.verdicts)),
		slog.Any("reasons", group(c.reasons)),
	)...)
}

func group(counts []count) slog.Value {
	attrs := make([]slog.Attr, len(counts))
	for i, c := range counts {
		attrs[i] = slog.Int(c.name, c.n)
	}
	slices.SortFunc(attrs, func(a, b slog.Attr) int { return cmp.Compare(a.Key, b.Key) })
	return slog.GroupValue(attrs...)
}
