package diagnose

import "math"

// A timeline counts lines by time in a fixed number of buckets. When a time does
// not fit into them, all buckets become twice as wide.
type timeline struct {
	start, width int64 // milliseconds; width 0: nothing was counted
	buckets      [buckets]int64
}

const (
	buckets    = 256
	firstWidth = 1000 // milliseconds
)

func (t *timeline) add(at, n int64) {
	if t.width == 0 {
		t.start, t.width = floor(at, firstWidth), firstWidth
	}
	for at < t.start || at >= t.start+t.width*buckets {
		t.widen(at)
	}
	t.buckets[(at-t.start)/t.width] += n
}

// widen doubles the width. The new start is a multiple of it, at or before the
// old one, and moves towards at where at lies before it.
func (t *timeline) widen(at int64) {
	width := 2 * t.width
	start := floor(min(t.start, max(at, t.start-width*buckets/2)), width)
	var wider [buckets]int64
	for i, n := range t.buckets {
		if n > 0 {
			to := (t.start + int64(i)*t.width - start) / width
			wider[min(to, buckets-1)] += n
		}
	}
	t.start, t.width, t.buckets = start, width, wider
}

func floor(at, width int64) int64 {
	return int64(math.Floor(float64(at)/float64(width))) * width
}

// before counts the lines in the buckets that end at or before a time.
func (t *timeline) before(at int64) (n int64) {
	for i, count := range t.buckets {
		if t.start+int64(i+1)*t.width <= at {
			n += count
		}
	}
	return n
}

// after counts the lines in the buckets that start at or after a time.
func (t *timeline) after(at int64) (n int64) {
	for i, count := range t.buckets {
		if t.start+int64(i)*t.width >= at {
			n += count
		}
	}
	return n
}

// around counts the lines of the timeline, which are right, before a fault began and
// after it ended, and 0 where they are too few to say that it did. first and last are
// the times of the fault's lines, and judged is how many lines there are, right or
// wrong.
func (t *timeline) around(first, last, lines, judged int64) (before, after int64) {
	if first == 0 || t.width == 0 {
		return 0, 0
	}
	before, after = t.before(first), t.after(last+1)
	within := max(judged-before-after, 1)
	share := shareOf(lines, within)
	if float64(before)*share < changeMin {
		before = 0
	}
	if float64(after)*share < changeMin {
		after = 0
	}
	return before, after
}
