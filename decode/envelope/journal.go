package envelope

import (
	"bytes"

	"clearhop/record"
)

// openWeekday opens a line of journalctl -o short-full, and of -o with-unit:
//
//	Sun 2026-11-22 11:00:25 UTC host nginx[123]: line
//
// Names of zones have no fixed meaning, so the time is used only if it is in UTC.
func openWeekday(text []byte, e *record.Envelope) ([]byte, bool) {
	const form = "Xxx 2006-01-02 15:04:05 "
	if len(text) <= len(form) || text[3] != ' ' || text[8] != '-' || !hasForm(text, form) || !isWeekday(text[:3]) {
		return text, false
	}
	zone, rest, ok := word(text[len(form):])
	if !ok {
		return text, false
	}
	inner, ok := cutHostAndTag(rest)
	if !ok {
		return text, false
	}
	add(e, record.Syslog)
	if string(zone) == "UTC" {
		ms, ok := parseSpaced(text[len("Xxx "):len(form)-1], zone)
		setTime(e, ms, ok)
	}
	return inner, true
}

func isWeekday(name []byte) bool {
	switch string(name) {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
		return true
	}
	return false
}

// openUnixTime opens a line of journalctl -o short-unix:
//
//	1795345225.123456 host nginx[123]: line
//
// nginx's $msec has three digits behind the dot.
func openUnixTime(text []byte, e *record.Envelope) ([]byte, bool) {
	const form = "1795345225.123456 "
	if len(text) <= len(form) || text[10] != '.' || !hasForm(text, form) {
		return text, false
	}
	inner, ok := cutHostAndTag(text[len(form):])
	if !ok {
		return text, false
	}
	ms, _ := seconds(text[:len(form)-1])
	add(e, record.Syslog)
	setTime(e, ms, true)
	return inner, true
}

// openMonotonic opens a line of journalctl -o short-monotonic, whose time is that since
// the start of the machine, and of -o short-delta:
//
//	[  1234.567890] host nginx[123]: line
//	[  1234.567890 <    0.000123 >] host nginx[123]: line
func openMonotonic(text []byte, e *record.Envelope) ([]byte, bool) {
	const longest = len("[123456789.567890 <123456789.567890 >] ")
	n := bytes.Index(text[:min(len(text), longest)], []byte("] "))
	if n < len("[ 1.567890") {
		return text, false
	}
	dots := 0
	for _, c := range text[1:n] {
		switch {
		case c == '.':
			dots++
		case !isDigit(c) && c != ' ' && c != '<' && c != '>':
			return text, false
		}
	}
	inner, ok := cutHostAndTag(text[n+2:])
	if !ok || dots == 0 || dots > 2 {
		return text, false
	}
	add(e, record.Syslog)
	return inner, true
}

// seconds reads a decimal number of seconds since the Unix epoch, with a fraction or
// without one, as milliseconds. It reports false for times before 2001 and after 2286.
func seconds(b []byte) (ms int64, ok bool) {
	const digits = len("1795345225")
	whole, fraction, hasFraction := bytes.Cut(b, []byte("."))
	n, ok := decimal(whole)
	if !ok || len(whole) != digits || whole[0] == '0' || hasFraction && len(fraction) == 0 {
		return 0, false
	}
	ms = n * 1000
	for i, unit := 0, int64(100); i < len(fraction); i++ {
		if !isDigit(fraction[i]) {
			return 0, false
		}
		ms += unit * int64(fraction[i]-'0')
		unit /= 10
	}
	return ms, true
}

// parseSpaced reads a time such as "2026-11-22 11:00:25.123456789", with a zone such as
// "+0000" or "UTC".
func parseSpaced(b, zone []byte) (ms int64, ok bool) {
	const longest = len("2026-11-22T11:00:25.123456789+00:00")
	var space [longest]byte
	if len(b) < len(timeForm) || len(b)+len("+00:00") > longest || b[10] != ' ' {
		return 0, false
	}
	at := append(space[:0], b...)
	at[10] = 'T'
	switch {
	case string(zone) == "UTC":
		at = append(at, 'Z')
	case len(zone) == len("+0000"):
		at = append(append(append(at, zone[:3]...), ':'), zone[3:]...)
	default:
		return 0, false
	}
	return parseTime(at)
}
