package parser

// parseAnyTime reads a time in any form that access logs have, as milliseconds
// since the Unix epoch. rank says how precise the form is: of the times in a line,
// the most precise wins.
func parseAnyTime(b []byte) (ms int64, rank int, ok bool) {
	switch {
	case len(b) < 9:
		return 0, noTime, false
	case b[2] == '/':
		ms, ok = parseTimeLocal(b)
		return ms, kindTimeLocal.timeRank(), ok
	case b[4] == '-':
		return parseRFC3339(b)
	}
	return parseEpoch(b)
}

// parseRFC3339 reads 2026-11-22T11:00:24.007Z. The fraction is optional, the zone
// may have a colon or not, and a space may replace the T. A time without a zone is
// refused.
func parseRFC3339(b []byte) (ms int64, rank int, ok bool) {
	const seconds = len("2026-11-22T11:00:24")
	if len(b) <= seconds || b[7] != '-' || b[10] != 'T' && b[10] != 't' && b[10] != ' ' || b[13] != ':' || b[16] != ':' {
		return 0, noTime, false
	}
	rest, fraction := b[seconds:], int64(0)
	rank = kindTimeISO.timeRank()
	if rest[0] == '.' || rest[0] == ',' {
		n := digitRun(rest[1:])
		if n == 0 {
			return 0, noTime, false
		}
		fraction, rest = fractionMillis(rest[1:1+n]), rest[1+n:]
		rank = kindMsec.timeRank()
	}
	zone, ok := rfc3339Zone(rest)
	if !ok {
		return 0, noTime, false
	}
	month, ok := digits(b[5:7])
	if !ok {
		return 0, noTime, false
	}
	ms, ok = unixMilli(b[0:4], month, b[8:10], b[11:13], b[14:16], b[17:19], zone)
	return ms + fraction, rank, ok
}

// fractionMillis returns the digits after the point of a number of seconds as
// milliseconds. Finer digits are cut off.
func fractionMillis(digits []byte) int64 {
	ms := int64(0)
	for i, place := 0, int64(100); i < len(digits) && place > 0; i, place = i+1, place/10 {
		ms += int64(digits[i]-'0') * place
	}
	return ms
}

// rfc3339Zone reads Z, +06:00 or +0600 as seconds east of UTC.
func rfc3339Zone(b []byte) (seconds int, ok bool) {
	switch {
	case len(b) == 1:
		return 0, b[0] == 'Z' || b[0] == 'z'
	case len(b) == len("+06:00") && b[3] == ':':
		return zoneOffset(b[0], b[1:3], b[4:6])
	case len(b) == len("+0600"):
		return zoneOffset(b[0], b[1:3], b[3:5])
	}
	return 0, false
}

// parseEpoch reads the time since the Unix epoch. The number of digits before the
// point tells the unit. A number of fewer than nine digits, which would be seconds
// before March 1973, is something else, such as a duration.
func parseEpoch(b []byte) (ms int64, rank int, ok bool) {
	n := digitRun(b)
	whole, ok := parseInt(b[:n])
	if !ok || !isFraction(b[n:]) {
		return 0, noTime, false
	}
	rank = kindMsec.timeRank()
	switch n {
	case 9, 10:
		ms = whole * 1000
		if n == len(b) {
			rank = kindTimeISO.timeRank()
		} else {
			ms += fractionMillis(b[n+1:])
		}
	case 12, 13:
		ms = whole
	case 15, 16:
		ms = whole / 1000
	case 18, 19:
		ms = whole / nanosPerMilli
	default:
		return 0, noTime, false
	}
	return ms, rank, true
}

// isFraction reports whether b is empty, or a point and up to 18 digits.
func isFraction(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	return b[0] == '.' && 1 < len(b) && len(b) <= 19 && digitRun(b[1:]) == len(b)-1
}
