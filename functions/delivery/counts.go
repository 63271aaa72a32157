package delivery

import (
	"cmp"
	"log/slog"
	"slices"

	"clearhop/pipeline"
	"clearhop/record"
)

// Counts are what one invocation did, for its one line of log. They hold no
// text of any line.
type Counts struct {
	Lines     int // log lines read
	Unparsed  int // of them: no format reads them
	Other     int // of them: error lines, chatter, continuations
	NLB       int // of them: $remote_addr shows an NLB's private address
	GeoErrors int // look-ups that failed in a damaged database
	Delivered int // events that the sink took
	Failed    int // events that it did not take

	formats  []count // lines by the format that read them
	verdicts []count // in the order of their first record; there are few
	reasons  []count
}

type count struct {
	name string
	n    int
}

func (c *Counts) add(out *pipeline.Outcome) {
	c.Lines++
	r := out.Record
	switch r.Dataset {
	case record.AccessLine:
		c.formats = addTo(c.formats, r.Format)
	case record.Unparsed:
		c.Unparsed++
		return
	case record.ErrorLogLine:
		c.Other++
		if r.Provenance.Reason != "" { // a connection that has no access line
			c.reasons = addTo(c.reasons, r.Provenance.Reason)
		}
		return
	default:
		c.Other++
		return
	}
	if out.Err != nil {
		c.GeoErrors++
	}
	if r.Provenance.NLBPrivateIP {
		c.NLB++
	}
	c.verdicts = addTo(c.verdicts, r.Provenance.Verdict)
	c.reasons = addTo(c.reasons, r.Provenance.Reason)
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
	*c = Counts{formats: c.formats[:0], verdicts: c.verdicts[:0], reasons: c.reasons[:0]}
}

// LogValue gives the counts as a group of attributes.
func (c *Counts) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int("lines", c.Lines),
		slog.Int("unparsed", c.Unparsed),
		slog.Int("other", c.Other),
		slog.Int("nlb_private_ip", c.NLB),
		slog.Int("geo_errors", c.GeoErrors),
		slog.Int("delivered", c.Delivered),
		slog.Int("failed", c.Failed),
		slog.Any("formats", group(c.formats)),
		slog.Any("verdicts", group(c.verdicts)),
		slog.Any("reasons", group(c.reasons)),
	)
}

func group(counts []count) slog.Value {
	attrs := make([]slog.Attr, len(counts))
	for i, c := range counts {
		attrs[i] = slog.Int(c.name, c.n)
	}
	slices.SortFunc(attrs, func(a, b slog.Attr) int { return cmp.Compare(a.Key, b.Key) })
	return slog.GroupValue(attrs...)
}
