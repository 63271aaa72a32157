//go:build unix

package measure

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// CPU chooses the time of CPUs of a cost, in seconds.
func CPU(c Cost) float64 { return c.CPU.Seconds() }

// Elapsed chooses the time that passed, in seconds.
func Elapsed(c Cost) float64 { return c.Elapsed.Seconds() }

// Peak chooses the peak of memory, in bytes.
func Peak(c Cost) float64 { return float64(c.Peak) }

// A Spread is what was measured several times.
type Spread struct {
	Median, Min, Max float64
	N                int // how often; the others mean nothing if it is 0
}

// SpreadOf is the spread of values. The median of an even number is the mean of the two
// in the middle.
func SpreadOf(values []float64) Spread {
	n := len(values)
	if n == 0 {
		return Spread{}
	}
	s := slices.Sorted(slices.Values(values))
	return Spread{Median: (s[(n-1)/2] + s[n/2]) / 2, Min: s[0], Max: s[n-1], N: n}
}

// Of is the spread of one part of many costs.
func Of(costs []Cost, part func(Cost) float64) Spread {
	values := make([]float64, len(costs))
	for i, c := range costs {
		values[i] = part(c)
	}
	return SpreadOf(values)
}

// RatioOf is the spread of a : b, taken in each round.
func RatioOf(a, b []Cost, part func(Cost) float64) Spread {
	var ratios []float64
	for i := range min(len(a), len(b)) {
		if divisor := part(b[i]); divisor > 0 {
			ratios = append(ratios, part(a[i])/divisor)
		}
	}
	return SpreadOf(ratios)
}

// Median is the median of values, of which there is at least one. Of an even number it is
// the greater one of the two in the middle.
func Median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// Thousands writes a number with commas.
func Thousands(n int) string {
	if n < 0 {
		return "-" + Thousands(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return Thousands(n/1000) + fmt.Sprintf(",%03d", n%1000)
}

// Seconds makes a duration of seconds.
func Seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
