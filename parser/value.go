package parser

import (
	"math"

	"clearhop/record"
)

const (
	nanosPerSecond = 1_000_000_000
	nanosPerMilli  = 1_000_000
	nanosPerMicro  = 1_000
)

// The reasons why a value is wrong. Events show them, so their texts must stay as
// they are.
const (
	notInt     = "not a whole number"
	notSeconds = "not a number of seconds"
	notTime    = "not a time"

	notProtocol = "not a protocol"
	notScheme   = "not http or https"
)

// parse reads a number: seconds become nanoseconds. An absent value gives an absent
// number.
func (k kind) parse(value []byte) (record.Int, string) {
	if value == nil {
		return record.Int{}, ""
	}
	var n int64
	var ok bool
	switch k {
	case kindSeconds, kindSecondsList:
		if n, ok = parseSeconds(value); !ok {
			return record.Int{}, notSeconds
		}
	default:
		if n, ok = parseInt(value); !ok {
			return record.Int{}, notInt
		}
	}
	return record.Int{N: n, Valid: true}, ""
}

// parseInt reads a number of decimal digits only.
func parseInt(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 19 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return int64(n), n <= math.MaxInt64
}

// parseSeconds reads seconds, with an optional fraction of up to nine digits, as
// nanoseconds.
func parseSeconds(b []byte) (int64, bool) {
	whole, fraction := b, []byte(nil)
	for i, c := range b {
		if c == '.' {
			whole, fraction = b[:i], b[i+1:]
			if len(fraction) == 0 {
				return 0, false
			}
			break
		}
	}
	s, ok := parseInt(whole)
	if !ok || s > math.MaxInt64/nanosPerSecond-1 || len(fraction) > 9 {
		return 0, false
	}
	var ns int64
	for i := range 9 {
		ns *= 10
		if i < len(fraction) {
			c := fraction[i]
			if c < '0' || c > '9' {
				return 0, false
			}
			ns += int64(c - '0')
		}
	}
	return s*nanosPerSecond + ns, true
}
