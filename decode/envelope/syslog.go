package envelope

import (
	"bytes"

	"clearhop/record"
)

// openSyslog opens a syslog message. It reads RFC 3164 as nginx writes it for
// access_log syslog:, with or without the host, and as a syslog daemon stores
// it, without the priority:
//
//	<190>Nov 22 11:00:25 host nginx: line
//	<190>Nov 22 11:00:25 nginx: line
//	Nov 22 11:00:25 host nginx[123]: line
//	Nov 22 11:00:25.123456 host nginx[123]: line
//
// After a priority, the time may also be one of RFC 3339. It reads RFC 5424 too:
//
//	<190>1 2026-11-22T11:00:25Z host nginx 123 - [a b="c"] line
func openSyslog(text []byte, e *record.Envelope) ([]byte, bool) {
	rest, hasPriority := priority(text)
	if hasPriority && bytes.HasPrefix(rest, []byte("1 ")) {
		inner, ok := openRFC5424(rest[2:], e)
		if !ok {
			return text, false
		}
		return inner, true
	}
	var (
		ms      int64
		hasTime bool
	)
	switch {
	case isStamp(rest):
		rest = skipFraction(rest[len(stampForm)-1:])
		if len(rest) == 0 || rest[0] != ' ' {
			return text, false
		}
		rest = rest[1:]
	case hasPriority:
		stamp, behind, ok := word(rest)
		if !ok {
			return text, false
		}
		if ms, hasTime = parseTime(stamp); !hasTime {
			return text, false
		}
		rest = behind
	default:
		return text, false
	}
	first, inner, ok := word(rest)
	if !ok {
		return text, false
	}
	if !isTag(first) {
		if first, inner, ok = word(inner); !ok || !isTag(first) {
			return text, false
		}
	}
	add(e, record.Syslog)
	setTime(e, ms, hasTime)
	return inner, true
}

// priority returns what follows "<190>", which is the facility times eight plus
// the severity.
func priority(text []byte) ([]byte, bool) {
	const maxPriority = 191
	if len(text) == 0 || text[0] != '<' {
		return text, false
	}
	n, i := 0, 1
	for i < len(text) && i <= 3 && isDigit(text[i]) {
		n = n*10 + int(text[i]-'0')
		i++
	}
	if i == 1 || i == len(text) || text[i] != '>' || n > maxPriority {
		return text, false
	}
	return text[i+1:], true
}

// stampForm is a time of RFC 3164. Letters stand for any month and digits for any
// digits; the first digit of the day may be a space.
const stampForm = "Nov 22 11:00:25 " // the last byte is a space or the dot of a fraction

// skipFraction returns what follows the fraction of a second, which journalctl -o
// short-precise writes: "Nov 22 11:00:25.123456 host nginx[123]: ".
func skipFraction(text []byte) []byte {
	if len(text) == 0 || text[0] != '.' {
		return text
	}
	for text = text[1:]; len(text) > 0 && isDigit(text[0]); {
		text = text[1:]
	}
	return text
}

func isStamp(text []byte) bool {
	if len(text) < len(stampForm) {
		return false
	}
	switch string(text[:3]) {
	case "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec":
	default:
		return false
	}
	for i := 3; i < len(stampForm); i++ {
		switch want, c := stampForm[i], text[i]; {
		case i == len(stampForm)-1 && c == '.':
		case !isDigit(want):
			if c != want {
				return false
			}
		case !isDigit(c) && (i != 4 || c != ' '):
			return false
		}
	}
	return true
}

// isTag reports whether w names a program and ends the header: "nginx:" or
// "nginx[123]:". The name is at most as long as RFC 5424 allows.
func isTag(w []byte) bool {
	const maxName = 48
	name, ok := bytes.CutSuffix(w, []byte(":"))
	if !ok {
		return false
	}
	if name, ok = cutPID(name); !ok || len(name) == 0 || len(name) > maxName {
		return false
	}
	for _, c := range name {
		if !isDigit(c) && !isLetter(c) && c != '_' && c != '-' && c != '.' && c != '/' {
			return false
		}
	}
	return true
}

// cutPID removes "[123]" from the end of a program's name. It reports false if
// there is a "]" without the rest.
func cutPID(name []byte) ([]byte, bool) {
	pid, ok := bytes.CutSuffix(name, []byte("]"))
	if !ok {
		return name, true
	}
	for len(pid) > 0 && isDigit(pid[len(pid)-1]) {
		pid = pid[:len(pid)-1]
	}
	return bytes.CutSuffix(pid, []byte("["))
}

// openRFC5424 opens what follows the version: time, host, program, process,
// message id, structured data and message. Each except the message may be "-".
func openRFC5424(rest []byte, e *record.Envelope) ([]byte, bool) {
	stamp, rest, ok := word(rest)
	if !ok {
		return nil, false
	}
	var ms int64
	hasTime := false
	if string(stamp) != "-" {
		if ms, hasTime = parseTime(stamp); !hasTime {
			return nil, false
		}
	}
	for range 4 {
		if _, rest, ok = word(rest); !ok {
			return nil, false
		}
	}
	n := structuredLen(rest)
	if n == 0 {
		return nil, false
	}
	inner := rest[n:]
	if len(inner) > 0 {
		if inner[0] != ' ' {
			return nil, false
		}
		inner = bytes.TrimPrefix(inner[1:], []byte("\ufeff"))
	}
	add(e, record.Syslog)
	setTime(e, ms, hasTime)
	return inner, true
}

// structuredLen returns the length of "-" or of the bracketed elements at the
// start of text, or 0 if there are none. In a quoted value, a backslash makes the
// next byte an ordinary one.
func structuredLen(text []byte) int {
	if len(text) > 0 && text[0] == '-' {
		return 1
	}
	i := 0
	for i < len(text) && text[i] == '[' {
		quoted := false
		for i++; ; i++ {
			if i >= len(text) {
				return 0
			}
			if text[i] == ']' && !quoted {
				break
			}
			switch text[i] {
			case '"':
				quoted = !quoted
			case '\\':
				if quoted {
					i++
				}
			}
		}
		i++
	}
	return i
}
