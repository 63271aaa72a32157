package diagnose

import "clearhop/verdict"

// A request that begins like a PROXY protocol header fails before nginx knows who sent
// it. So its line names nobody, and visitors cannot be counted: one scanner can send
// any number of them through a chain that is right. What he cannot do is to keep the
// requests of others from being answered. If nginx does not listen for the PROXY
// protocol, every connection fails. So it counts whether right lines came meanwhile.

const (
	hardlyAny = 0.1 // of the lines, so few that are right: hardly any request came through
	fallTo    = 0.2 // of the right lines of the time before, so few are left
	fallFrom  = 20  // … and how many right lines there were in that time
)

// isRefusal reports whether every connection fails that shows the cause, and a visitor
// can write the same lines.
func (k cause) isRefusal() bool { return k.reason == verdict.ProxyProtocolNotListened }

// stopsRequests reports whether hardly any request came through beside the lines that
// show the cause: in all sources, in one of them, or since some time.
func (c *Counters) stopsRequests(k cause, n *causeTally) bool {
	if c.healthy == 0 || shareOf(n.lines, c.judgedBeside(k)) >= 1-hardlyAny && n.lines >= scannableMin {
		return true
	}
	if n.times.replaces(&c.right) {
		return true
	}
	for _, s := range c.sources {
		lines := s.causes[k]
		if len(c.sources) > 1 && lines >= scannableMin && shareOf(lines, s.judged) >= 1-hardlyAny {
			return true
		}
		if s.refused != nil && s.refused.replaces(&s.rightTimes) {
			return true
		}
	}
	return false
}

// replaces reports whether the lines of t came in the place of the right ones: from
// some time on, up to the end, there are some of t and hardly any right one, and just
// as long before there were many right ones.
func (t *timeline) replaces(right *timeline) bool {
	if t.width == 0 || right.width == 0 {
		return false
	}
	end := max(t.end(), right.end())
	for i, n := range t.buckets {
		if n == 0 {
			continue
		}
		from := t.start + int64(i)*t.width
		lines, left := t.after(from), right.from(from)
		before := right.from(from-(end-from)) - left
		if lines >= scannableMin && before >= fallFrom &&
			float64(left) <= hardlyAny*float64(lines) && float64(left) <= fallTo*float64(before) {
			return true
		}
	}
	return false
}

// end returns the end of the last bucket that holds lines.
func (t *timeline) end() int64 {
	for i := buckets - 1; i >= 0; i-- {
		if t.buckets[i] > 0 {
			return t.start + int64(i+1)*t.width
		}
	}
	return t.start
}

// from counts the lines in the buckets that end after a time.
func (t *timeline) from(at int64) (n int64) {
	for i, count := range t.buckets {
		if t.start+int64(i+1)*t.width > at {
			n += count
		}
	}
	return n
}
