package diagnose

import "slices"

// A clock counts requests by the minute and by the hour, so that a person can read the
// times. It keeps the minutes and the hours with the most requests. (A timeline keeps
// buckets whose width is no whole minute.) Lines come nearly in the order of their
// times, so the requests of one minute are added together first.
type clock struct {
	minutes, hours *frequent[int64, int64]
	minute, n      int64 // not added yet
}

const (
	anHour = 60 * aMinute
	aDay   = 24 * anHour

	maxTimes = 10_000 // a week of minutes, a year of hours
)

func newClock() clock {
	return clock{minutes: newFrequent[int64, int64](maxTimes), hours: newFrequent[int64, int64](maxTimes)}
}

// add counts a request at a time in milliseconds since the Unix epoch.
func (c *clock) add(at int64) {
	if minute := floor(at, aMinute); minute != c.minute {
		c.flush()
		c.minute = minute
	}
	c.n++
}

func (c *clock) flush() {
	if c.n > 0 {
		*c.minutes.at(c.minute, c.n) += c.n
		*c.hours.at(floor(c.minute, anHour), c.n) += c.n
		c.n = 0
	}
}

// steps are the lengths of time that a row may stand for, in milliseconds. All that are
// shorter than an hour divide it.
var steps = [...]int64{
	aMinute, 2 * aMinute, 5 * aMinute, 10 * aMinute, 15 * aMinute, 30 * aMinute,
	anHour, 2 * anHour, 3 * anHour, 6 * anHour, 12 * anHour,
	aDay, 2 * aDay, 7 * aDay, 14 * aDay, 28 * aDay, 91 * aDay, 364 * aDay, 10 * 364 * aDay, 100 * 364 * aDay, 10_000 * 364 * aDay,
}

// Times are the requests in steps of time.
type Times struct {
	Start, Step int64 // milliseconds, the start since the Unix epoch
	Last        int64 // the start of the last minute with requests
	Requests    []int64
	Outside     int64 // requests at other times
}

// in returns the requests in at most so many steps of time. A few requests that are
// far from all others, up to one in fifty, stay outside.
func (c *clock) in(rows int) Times {
	c.flush()
	first, last := c.span()
	t := Times{Last: last}
	for _, t.Step = range steps {
		if t.Start = floor(first, t.Step); (last-t.Start)/t.Step < int64(rows) {
			break
		}
	}
	counts := c.minutes
	if t.Step >= anHour {
		counts = c.hours
	}
	for _, s := range counts.slots {
		row := (s.key - t.Start) / t.Step
		if s.key < t.Start || row >= int64(rows) {
			t.Outside += *s.value
			continue
		}
		for int64(len(t.Requests)) <= row {
			t.Requests = append(t.Requests, 0)
		}
		t.Requests[row] += *s.value
	}
	return t
}

// span returns the first and the last minute that has requests, without the few that
// are far away.
func (c *clock) span() (first, last int64) {
	hours := slices.Clone(c.hours.slots)
	slices.SortFunc(hours, func(a, b slot[int64, int64]) int { return int((a.key - b.key) / anHour) })
	if len(hours) == 0 {
		return 0, 0
	}
	total := int64(0)
	for _, h := range hours {
		total += *h.value
	}
	const far, few = 12 * anHour, 50
	for left := total / few; len(hours) > 1; {
		front, back := hours[0], hours[len(hours)-1]
		switch {
		case hours[1].key-front.key > far && *front.value <= left:
			hours, left = hours[1:], left-*front.value
		case back.key-hours[len(hours)-2].key > far && *back.value <= left:
			hours, left = hours[:len(hours)-1], left-*back.value
		default:
			left = 0
		}
		if left == 0 {
			break
		}
	}
	first, last = hours[0].key, hours[len(hours)-1].key
	from, to := last+anHour, first // of the minutes that are kept
	for _, m := range c.minutes.slots {
		if m.key >= first && m.key < last+anHour {
			from, to = min(from, m.key), max(to, m.key)
		}
	}
	return min(from, first+anHour-aMinute), max(to, last)
}
