package parser

import "clearhop/record"

// parseTimeLocal reads $time_local, "28/Sep/1970:12:00:00 +0600", as milliseconds
// since the Unix epoch.
func parseTimeLocal(b []byte) (int64, bool) {
	if len(b) != len("28/Sep/1970:12:00:00 +0600") ||
		b[2] != '/' || b[6] != '/' || b[11] != ':' || b[14] != ':' || b[17] != ':' || b[20] != ' ' {
		return 0, false
	}
	month, ok := monthNumber(b[3], b[4], b[5])
	if !ok {
		return 0, false
	}
	zone, ok := zoneOffset(b[21], b[22:24], b[24:26])
	if !ok {
		return 0, false
	}
	return unixMilli(b[7:11], month, b[0:2], b[12:14], b[15:17], b[18:20], zone)
}

// parseTimeISO reads $time_iso8601, "1970-09-28T12:00:00+06:00", as milliseconds
// since the Unix epoch.
func parseTimeISO(b []byte) (int64, bool) {
	if len(b) != len("1970-09-28T12:00:00+06:00") ||
		b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[22] != ':' {
		return 0, false
	}
	month, ok := digits(b[5:7])
	if !ok {
		return 0, false
	}
	zone, ok := zoneOffset(b[19], b[20:22], b[23:25])
	if !ok {
		return 0, false
	}
	return unixMilli(b[0:4], month, b[8:10], b[11:13], b[14:16], b[17:19], zone)
}

// unixMilli returns a time as milliseconds since the Unix epoch. year has four bytes, and
// what follows month has two. zone is in seconds east of UTC. A second of 60 is accepted, for leap seconds.
func unixMilli(year []byte, month int, day, hour, minute, second []byte, zone int) (int64, bool) {
	century, y := pair(year), pair(year[2:])
	d, h, m, s := pair(day), pair(hour), pair(minute), pair(second)
	if century < 0 || y < 0 || h < 0 || m < 0 || s < 0 {
		return 0, false
	}
	y += 100 * century
	if month < 1 || month > 12 || d < 1 || d > daysIn(y, month) || h > 23 || m > 59 || s > 60 {
		return 0, false
	}
	seconds := int64(daysFromCivil(y, month, d))*86400 + int64(h*3600+m*60+s-zone)
	return seconds * 1000, true
}

// daysFromCivil returns the number of days from 1970-01-01 in the proleptic
// Gregorian calendar. It counts years from March, so that a leap day is the last
// day of its year.
func daysFromCivil(y, m, d int) int {
	if m <= 2 {
		y--
		m += 12
	}
	y += 400                       // keeps y positive, because divisions round towards zero
	const to1970 = 719468 + 146097 // days from 0000-03-01 to 1970-01-01, and in 400 years
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 1 - to1970
}

func daysIn(y, m int) int {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// pair reads the two decimal digits that b begins with; it is -1 if they are none.
func pair(b []byte) int {
	tens, ones := b[0]-'0', b[1]-'0'
	if tens > 9 || ones > 9 {
		return -1
	}
	return int(tens)*10 + int(ones)
}

// digits reads decimal digits.
func digits(b []byte) (int, bool) {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// zoneOffset returns an offset in seconds east of UTC.
func zoneOffset(sign byte, hours, minutes []byte) (int, bool) {
	h, m := pair(hours), pair(minutes)
	if h < 0 || h > 23 || m < 0 || m > 59 || (sign != '+' && sign != '-') {
		return 0, false
	}
	offset := h*3600 + m*60
	if sign == '-' {
		offset = -offset
	}
	return offset, true
}

// monthNumber returns the month of three letters as nginx writes them: Jan is 1.
func monthNumber(a, b, c byte) (int, bool) {
	switch string([]byte{a, b, c}) {
	case "Jan":
		return 1, true
	case "Feb":
		return 2, true
	case "Mar":
		return 3, true
	case "Apr":
		return 4, true
	case "May":
		return 5, true
	case "Jun":
		return 6, true
	case "Jul":
		return 7, true
	case "Aug":
		return 8, true
	case "Sep":
		return 9, true
	case "Oct":
		return 10, true
	case "Nov":
		return 11, true
	case "Dec":
		return 12, true
	}
	return 0, false
}

// setZone stores the zone at the end of a time as nginx writes it: +0600 or +06:00.
// A time without a zone changes nothing.
func setZone(r *record.Record, value []byte) {
	for _, width := range [...]int{len("+0600"), len("+06:00")} {
		if len(value) < width {
			return
		}
		if zone, ok := rfc3339Zone(value[len(value)-width:]); ok {
			r.Zone = zone
			return
		}
	}
}

// maxTimeDifference is how much $msec and $time_local of one line can differ, in
// milliseconds. nginx takes both from one clock; other programs may log when a request
// began, and when it ended.
const maxTimeDifference = 60 * 60 * 1000

// correctTime takes the time of a line from a less precise variable, if the more
// precise one is far from it. A value before an unquoted $msec may hold what looks like
// a time; no visitor writes before $time_local, which has brackets.
func correctTime(r *record.Record, coarse []byte) {
	ms, ok := parseTimeLocal(coarse)
	if !ok {
		ms, ok = parseTimeISO(coarse)
	}
	if difference := r.Timestamp - ms; ok && r.HasTimestamp && (difference > maxTimeDifference || difference < -maxTimeDifference) {
		r.Timestamp = ms
	}
}
