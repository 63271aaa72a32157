package encode

import (
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// plain marks the bytes that stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x7F; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendString appends s as a JSON string. Invalid UTF-8 becomes U+FFFD, byte
// by byte; control characters are escaped.
func appendString[T ~[]byte | ~string](dst []byte, s T) []byte {
	return appendText(append(dst, '"'), s)
}

// appendEscaped appends what follows the opening quote of a JSON string, of which the first
// i bytes stand for themselves.
func appendEscaped[T ~[]byte | ~string](dst []byte, s T, i int) []byte {
	start := 0
	for i < len(s) {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = append(dst, s[start:i]...)
			dst = appendEscape(dst, c)
			i++
			start = i
			continue
		}
		r, size := decodeRune(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, s[start:i]...)
			dst = append(dst, "\uFFFD"...)
			start = i + size
		case r < 0xA0: // C1 control characters
			dst = append(dst, s[start:i]...)
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&0xF])
			start = i + size
		}
		i += size
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// decodeRune is utf8.DecodeRune for both kinds of text, without a copy.
func decodeRune[T ~[]byte | ~string](s T) (rune, int) {
	var b [utf8.UTFMax]byte
	n := copy(b[:], s)
	return utf8.DecodeRune(b[:n])
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
}

// appendSeconds appends nanoseconds as seconds, without trailing zeros.
func appendSeconds(dst []byte, ns int64) []byte {
	const perSecond = 1_000_000_000
	if ns < 0 {
		dst = append(dst, '-')
		ns = -ns
	}
	dst = strconv.AppendInt(dst, ns/perSecond, 10)
	fraction := ns % perSecond
	if fraction == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := int64(perSecond / 10); fraction > 0; unit /= 10 {
		dst = append(dst, byte('0'+fraction/unit))
		fraction %= unit
	}
	return dst
}

// MinTime and MaxTime are the first and the last time that an event can have, in
// milliseconds since the Unix epoch: the years 0000 to 9999 that RFC 3339 can write.
const (
	MinTime = -62_167_219_200_000
	MaxTime = 253_402_300_799_999
)

// appendTime appends what follows the opening quote of a time: RFC 3339 in UTC with
// milliseconds. ms must lie between MinTime and MaxTime.
func appendTime(dst []byte, ms int64) []byte {
	const perDay = 86_400_000
	days, rest := ms/perDay, ms%perDay
	if rest < 0 {
		days--
		rest += perDay
	}
	y, m, d := civil(int(days))
	t := int(rest)
	const layout = `2006-01-02T15:04:05.000Z"`
	var b [len(layout)]byte
	copy(b[:], layout)
	digits(b[0:4], y)
	digits(b[5:7], m)
	digits(b[8:10], d)
	digits(b[11:13], t/3_600_000)
	digits(b[14:16], t/60_000%60)
	digits(b[17:19], t/1000%60)
	digits(b[20:23], t%1000)
	return append(dst, b[:]...)
}

// digits writes n with leading zeros.
func digits(b []byte, n int) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
}

// civil turns days since 1970-01-01 into a date of the Gregorian calendar.
// Years are counted from March, in eras of 400 years.
func civil(days int) (year, month, day int) {
	const (
		to1970     = 719468 // days from 0000-03-01 to 1970-01-01
		daysPerEra = 146097
	)
	days += to1970
	era := days / daysPerEra
	if days < 0 {
		era = (days - daysPerEra + 1) / daysPerEra
	}
	inEra := days - era*daysPerEra
	yearOfEra := (inEra - inEra/1460 + inEra/36524 - inEra/146096) / 365
	dayOfYear := inEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*dayOfYear + 2) / 153 // month counted from March
	year, month, day = yearOfEra+era*400, shifted+3, dayOfYear-(153*shifted+2)/5+1
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}
