package delivery

import (
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/verdict"
)

// lineCounts are what the pipeline made of the lines of one invocation. They hold
// no text of any line.
type lineCounts struct {
	Lines        int // log lines read
	Unparsed     int // of them: no format reads them
	Other        int // of them: error lines, chatter, continuations
	Dropped      int // of them: dropped by a rule
	NLB          int // access lines whose $remote_addr shows an NLB's private address
	HealthChecks int // access lines that are probes
	Faults       int // lines with a reason that is a fault of the chain
	GeoErrors    int // look-ups that failed in a damaged database
	GeoMissing   int // clients without a place, because there was no database
	GeoStale     int // clients whose place is from a database that is too old

	// Newest is the time of the youngest event, in ms since the Unix epoch. It is
	// 0 if no event has a time.
	Newest int64

	formats  []count // lines by the format that read them
	verdicts []count // in the order in which they first came; there are few
	reasons  []count
	geo      []count
	rules    []count // dropped lines by the rule that dropped them
}

// A count is how often something of a name came.
type count struct {
	name string
	n    int
}

// add counts one line.
func (c *lineCounts) add(out *pipeline.Outcome) {
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

func addTo(counts []count, name string) []count {
	for i := range counts {
		if counts[i].name == name {
			counts[i].n++
			return counts
		}
	}
	return append(counts, count{name, 1})
}

// reset makes c ready for the next invocation and keeps its memory.
func (c *lineCounts) reset() {
	*c = lineCounts{formats: c.formats[:0], verdicts: c.verdicts[:0], reasons: c.reasons[:0], geo: c.geo[:0], rules: c.rules[:0]}
}
