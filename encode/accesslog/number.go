package accesslog

import "strconv"

const (
	nanosPerMilli = 1_000_000
	milliPerSec   = 1000
	secondsPerDay = 24 * 60 * 60
)

// appendPadded appends n with zeros before it, so that it has at least width
// digits.
func appendPadded(dst []byte, n int64, width int) []byte {
	for limit := int64(10); width > 1; width-- {
		if n < limit {
			for range width - 1 {
				dst = append(dst, '0')
			}
			break
		}
		limit *= 10
	}
	return strconv.AppendInt(dst, n, 10)
}

// appendMillis appends milliseconds as seconds with three decimals: 1234 is 1.234.
func appendMillis(dst []byte, ms int64) []byte {
	if ms < 0 {
		dst, ms = append(dst, '-'), -ms
	}
	dst = strconv.AppendInt(dst, ms/milliPerSec, 10)
	return appendPadded(append(dst, '.'), ms%milliPerSec, 3)
}

// A moment is a time taken apart in its zone.
type moment struct {
	year, month, day     int64
	hour, minute, second int64
	sign                 byte // of the zone
	zoneHours, zoneMins  int64
}

// split takes a time apart. ms is milliseconds since the Unix epoch, zone is seconds
// east of UTC.
func split(ms int64, zone int) moment {
	local := floorDiv(ms, milliPerSec) + int64(zone)
	days := floorDiv(local, secondsPerDay)
	second := local - days*secondsPerDay
	m := moment{hour: second / 3600, minute: second / 60 % 60, second: second % 60, sign: '+'}
	m.year, m.month, m.day = civil(days)
	if zone < 0 {
		m.sign, zone = '-', -zone
	}
	m.zoneHours, m.zoneMins = int64(zone)/3600, int64(zone)/60%60
	return m
}

// civil returns the date that is a number of days after 1970-01-01. It counts years
// from March, so that a leap day is the last day of its year.
func civil(days int64) (year, month, day int64) {
	const daysPerEra = 146097 // of 400 years
	days += 719468            // since 0000-03-01
	era := floorDiv(days, daysPerEra)
	ofEra := days - era*daysPerEra
	yearOfEra := (ofEra - ofEra/1460 + ofEra/36524 - ofEra/146096) / 365
	dayOfYear := ofEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	fromMarch := (5*dayOfYear + 2) / 153
	day = dayOfYear - (153*fromMarch+2)/5 + 1
	month = fromMarch + 3
	year = yearOfEra + era*400
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// appendLocal appends a time as $time_local: 28/Sep/1970:12:00:00 +0600.
func (m *moment) appendLocal(dst []byte) []byte {
	dst = append(appendPadded(dst, m.day, 2), '/')
	dst = append(append(dst, months[3*(m.month-1):3*m.month]...), '/')
	dst = append(appendPadded(dst, m.year, 4), ':')
	dst = append(m.appendClock(dst), ' ', m.sign)
	return appendPadded(appendPadded(dst, m.zoneHours, 2), m.zoneMins, 2)
}

// appendISO appends a time as $time_iso8601: 1970-09-28T12:00:00+06:00.
func (m *moment) appendISO(dst []byte) []byte {
	dst = append(appendPadded(dst, m.year, 4), '-')
	dst = append(appendPadded(dst, m.month, 2), '-')
	dst = append(appendPadded(dst, m.day, 2), 'T')
	dst = append(m.appendClock(dst), m.sign)
	dst = append(appendPadded(dst, m.zoneHours, 2), ':')
	return appendPadded(dst, m.zoneMins, 2)
}

func (m *moment) appendClock(dst []byte) []byte {
	dst = append(appendPadded(dst, m.hour, 2), ':')
	dst = append(appendPadded(dst, m.minute, 2), ':')
	return appendPadded(dst, m.second, 2)
}
