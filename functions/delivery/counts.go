package delivery

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"clearhop/delivery"
	"clearhop/enrich/geoip"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/sink"
	"clearhop/verdict"
)

// counts are what one invocation did, for its log and its metrics. They hold no
// text of any line.
type counts struct {
	// The inputs: payloads of CloudWatch Logs, or records of Firehose.
	Payloads       int
	PayloadsUnread int // of them: cannot be read
	Control        int // of them: control messages
	Refused        int // of them: of the function's own log group

	lines pipeline.Tally

	// The delivery of events.
	Delivered       int // events that the sink took, or that the answer holds
	DeadLetters     int // events and payloads that are kept as dead letters
	DeadLettersLost int // events and payloads that should have been kept and could not be
	Failed          int // events that are neither: the invocation fails, or reports them as failed
	Reingested      int // records sent back to the stream because the answer was full
	Sink            sink.Stats

	// GeoAge is how old the oldest GeoIP database is. HasGeo says that there is
	// one.
	GeoAge time.Duration
	HasGeo bool
}

// addEvents counts what became of events that were put.
func (c *counts) addEvents(r *delivery.Receipt) {
	c.Delivered += r.Delivered
	c.Failed += len(r.Lost)
	c.addLetters(r)
}

// addLetters counts dead letters.
func (c *counts) addLetters(r *delivery.Receipt) {
	c.DeadLetters += r.DeadLetters
	c.DeadLettersLost += r.DeadLettersLost
}

// geoAge notes how old the databases are.
func (c *counts) geoAge(databases []geoip.Info, now time.Time) {
	for _, d := range databases {
		c.HasGeo = true
		c.GeoAge = max(c.GeoAge, now.Sub(d.Built))
	}
}

// reset makes c ready for the next invocation and keeps its memory.
func (c *counts) reset() {
	lines := c.lines
	lines.Reset()
	*c = counts{lines: lines}
}

// LogValue gives the counts as a group of attributes. Rare events that did not
// happen are left out.
func (c *counts) LogValue() slog.Value {
	t := &c.lines
	attrs := []slog.Attr{
		slog.Int64("lines", t.Lines),
		slog.Int64("unparsed", t.Datasets[record.Unparsed]),
		slog.Int64("other", t.Datasets[record.ErrorLogLine]+t.Datasets[record.OtherLine]),
		slog.Int64("nlb_private_ip", t.NLBVisitors()),
		slog.Int64("faults", t.Faults()),
		slog.Int64("geo_errors", t.LookupErrors),
		slog.Int64("geo_missing", t.Geo.Of(string(record.GeoMissing))),
		slog.Int64("geo_stale", t.Geo.Of(string(record.GeoStale))),
		slog.Int("delivered", c.Delivered),
		slog.Int("failed", c.Failed),
	}
	for _, rare := range []struct {
		name string
		n    int64
	}{
		{"dropped", t.Dropped},
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
	if len(t.DroppedBy) > 0 {
		attrs = append(attrs, slog.Any("rules", byName(t.DroppedBy)))
	}
	return slog.GroupValue(append(attrs,
		slog.Any("formats", byName(t.Formats)),
		slog.Any("verdicts", byCode[verdict.Verdict](t.Verdicts[:])),
		slog.Any("reasons", byCode[verdict.Reason](t.Reasons[:])),
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
