package delivery

import (
	"cmp"
	"log/slog"
	"slices"
	"time"

	"clearhop/delivery"
	"clearhop/enrich/geoip"
	"clearhop/sink"
)

// counts are what one invocation did, for its log and its metrics. They hold no
// text of any line.
type counts struct {
	// The inputs: payloads of CloudWatch Logs, or records of Firehose.
	Payloads       int
	PayloadsUnread int // of them: cannot be read
	Control        int // of them: control messages
	Refused        int // of them: of the function's own log group

	lines lineCounts

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
	lines.reset()
	*c = counts{lines: lines}
}

// LogValue gives the counts as a group of attributes. It leaves out what seldom
// happens and did not happen.
func (c *counts) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.Int("lines", c.lines.Lines),
		slog.Int("unparsed", c.lines.Unparsed),
		slog.Int("other", c.lines.Other),
		slog.Int("nlb_private_ip", c.lines.NLB),
		slog.Int("faults", c.lines.Faults),
		slog.Int("geo_errors", c.lines.GeoErrors),
		slog.Int("geo_missing", c.lines.GeoMissing),
		slog.Int("geo_stale", c.lines.GeoStale),
		slog.Int("delivered", c.Delivered),
		slog.Int("failed", c.Failed),
	}
	for _, rare := range []struct {
		name string
		n    int
	}{
		{"dropped", c.lines.Dropped},
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
	if len(c.lines.rules) > 0 {
		attrs = append(attrs, slog.Any("rules", group(c.lines.rules)))
	}
	return slog.GroupValue(append(attrs,
		slog.Any("formats", group(c.lines.formats)),
		slog.Any("verdicts", group(c.lines.verdicts)),
		slog.Any("reasons", group(c.lines.reasons)),
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
