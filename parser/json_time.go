package parser

// parseAnyTime reads a time in any form that access logs bear it in, into
// milliseconds since the Unix epoch. rank says how fine the form is: the finest
// of a line counts.
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

// parseRFC3339 reads 2026-11-22T11:00:24.007Z with or without the fraction, a
// zone with or without a colon, and a space in the place of the T. A time
// without a zone is none.
func parseRFC3339(b []byte) (ms int64, rank int, ok bool) {
	const seconds = len("2026-11-22T11:00:24")
	if len(b) <= seconds || b[7] != '-' || b[10] != 'T' && b[10] != 't' && b[10] != ' ' || b[13] != ':' || b[16] != ':' {
		return 0, noTime, false
	}
	rest, fraction := b[seconds:], 0
	rank = kindTimeISO.timeRank()
	if rest[0] == '.' || rest[0] == ',' {
		n := digitRun(rest[1:])
		if n == 0 {
			return 0, noTime, false
		}
		for i := range 3 {
			fraction *= 10
			if i < n {
				fraction += int(rest[1+i] - '0')
			}
		}
		rest, rank = rest[1+n:], kindMsec.timeRank()
	}
	zone := 0
	switch {
	case len(rest) == 1 && (rest[0] == 'Z' || rest[0] == 'z'):
	case len(rest) == len("+06:00") && rest[3] == ':':
		zone, ok = zoneOffset(rest[0], rest[1:3], rest[4:6])
		if !ok {
			return 0, noTime, false
		}
	case len(rest) == len("+0600"):
		zone, ok = zoneOffset(rest[0], rest[1:3], rest[3:5])
		if !ok {
			return 0, noTime, false
		}
	default:
		return 0, noTime, false
	}
	month, ok := digits(b[5:7])
	if !ok {
		return 0, noTime, false
	}
	ms, ok = unixMilli(b[0:4], month, b[8:10], b[11:13], b[14:16], b[17:19], zone)
	return ms + int64(fraction), rank, ok
}

// parseEpoch reads what has passed since the Unix epoch. The number of digits
// before the point tells the unit; with fewer than nine (before March 1973) it
// is something else, such as a duration.
func parseEpoch(b []byte) (ms int64, rank int, ok bool) {
	n := digitRun(b)
	whole, ok := parseInt(b[:n])
	rest := b[n:]
	if !ok || len(rest) == 1 || len(rest) > 1 && (rest[0] != '.' || len(rest) > 19 || digitRun(rest[1:]) != len(rest)-1) {
		return 0, noTime, false
	}
	rank = kindMsec.timeRank()
	switch {
	case n == 9 || n == 10:
		ms = whole * 1000
		for i, place := 1, int64(100); i < len(rest) && place > 0; i, place = i+1, place/10 {
			ms += int64(rest[i]-'0') * place
		}
		if len(rest) == 0 {
			rank = kindTimeISO.timeRank()
		}
	case n == 12 || n == 13:
		ms = whole
	case n == 15 || n == 16:
		ms = whole / 1000
	case n == 18 || n == 19:
		ms = whole / nanosPerMilli
	default:
		return 0, noTime, false
	}
	return ms, rank, true
}
