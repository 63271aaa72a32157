package delivery

import (
	"cmp"
	"fmt"
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
	pipeline.Tally // of the lines

	Payloads        int // inputs: payloads of CloudWatch Logs, or records of Firehose
	PayloadsUnread  int // of them: cannot be read
	Control         int // of them: control messages
	Refused         int // of them: of the function's own log group
	Delivered       int // events that the sink took
	DeadLetters     int // events and payloads that are kept as dead letters
	DeadLettersLost int // … and that could not be
	Failed          int // events that are lost to this invocation: the service must send them again
	Reingested      int // records sent back to the stream, since the answer was full

	Sink sink.Stats // what the sinks did, dead letters included

	// GeoAge is how old the oldest GeoIP database is. HasGeo says that there is
	// one.
	GeoAge time.Duration
	HasGeo bool
}

// Unparsed returns how many lines no format reads.
func (c *Counts) Unparsed() int64 { return c.Datasets[record.Unparsed] }

// Other returns how many lines are error lines, chatter or continuations.
func (c *Counts) Other() int64 { return c.Datasets[record.ErrorLogLine] + c.Datasets[record.OtherLine] }

// GeoMissing returns how many clients have no place because there is no database.
func (c *Counts) GeoMissing() int64 { return c.Geo.Of(string(record.GeoMissing)) }

// SetGeo notes how old the databases are.
func (c *Counts) SetGeo(databases []geoip.Info, now time.Time) {
	for _, d := range databases {
		c.HasGeo = true
		c.GeoAge = max(c.GeoAge, now.Sub(d.Built))
	}
}

// Reset makes c ready for the next invocation and keeps its memory.
func (c *Counts) Reset() {
	tally := c.Tally
	tally.Reset()
	*c = Counts{Tally: tally}
}

// LogValue gives the counts as a group of attributes. Rare events that did not
// happen are left out.
func (c *Counts) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.Int64("lines", c.Lines),
		slog.Int64("unparsed", c.Unparsed()),
		slog.Int64("other", c.Other()),
		slog.Int64("nlb_private_ip", c.NLBPrivate),
		slog.Int64("faults", c.Faults()),
		slog.Int64("geo_errors", c.LookupErrors),
		slog.Int64("geo_missing", c.GeoMissing()),
		slog.Int64("geo_stale", c.Geo.Of(string(record.GeoStale))),
		slog.Int("delivered", c.Delivered),
		slog.Int("failed", c.Failed),
	}
	for _, rare := range []struct {
		name string
		n    int64
	}{
		{"dropped", c.Dropped},
		{"payloads_unread", int64(c.PayloadsUnread)},
		{"control_messages", int64(c.Control)},
		{"refused", int64(c.Refused)},
		{"dead_letters", int64(c.DeadLetters)},
		{"dead_letters_lost", int64(c.DeadLettersLost)},
		{"reingested", int64(c.Reingested)},
		{"truncated", c.Sink.Truncated},
		{"retries", c.Sink.Retries},
		{"throttles", c.Sink.Throttles},
	} {
		if rare.n > 0 {
			attrs = append(attrs, slog.Int64(rare.name, rare.n))
		}
	}
	if len(c.DroppedBy) > 0 {
		attrs = append(attrs, slog.Any("rules", byName(c.DroppedBy)))
	}
	return slog.GroupValue(append(attrs,
		slog.Any("formats", byName(c.Formats)),
		slog.Any("verdicts", byCode[verdict.Verdict](c.Verdicts[:])),
		slog.Any("reasons", byCode[verdict.Reason](c.Reasons[:])),
	)...)
}

// byName gives counts by name as a group.
func byName(counts pipeline.Names) slog.Value {
	var attrs []slog.Attr
	for _, c := range counts {
		attrs = append(attrs, slog.Int64(c.Name, c.N))
	}
	return group(attrs)
}

// byCode gives counts by code as a group, those of zero left out.
func byCode[C interface {
	~uint8
	fmt.Stringer
}](counts []int64) slog.Value {
	var attrs []slog.Attr
	for i, n := range counts {
		if n > 0 {
			attrs = append(attrs, slog.Int64(C(i).String(), n))
		}
	}
	return group(attrs)
}

// group sorts attrs by their names.
func group(attrs []slog.Attr) slog.Value {
	slices.SortFunc(attrs, func(a, b slog.Attr) int { return cmp.Compare(a.Key, b.Key) })
	return slog.GroupValue(attrs...)
}
