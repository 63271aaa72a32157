package envelope

// timeForm is how a time of RFC 3339 begins. Each digit stands for any digit.
const timeForm = "2006-01-02T15:04:05"

// parseTime reads a time of RFC 3339, with any fraction and zone, as
// milliseconds since the Unix epoch. Finer fractions are cut off. Like package
// time, it does not accept leap seconds.
func parseTime(b []byte) (ms int64, ok bool) {
	if len(b) <= len(timeForm) || !hasTimeForm(b) {
		return 0, false
	}
	year, month, day := two(b)*100+two(b[2:]), two(b[5:]), two(b[8:])
	hour, minute, second := two(b[11:]), two(b[14:]), two(b[17:])
	if !isDate(year, month, day) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	milli, rest, ok := fraction(b[len(timeForm):])
	if !ok {
		return 0, false
	}
	zone, ok := offset(rest)
	if !ok {
		return 0, false
	}
	seconds := daysBefore(year, month, day)*86400 + int64(hour*3600+minute*60+second) - int64(zone)
	return seconds*1000 + milli, true
}

// hasTimeForm reports whether b, which is longer than timeForm, begins with
// digits and punctuation in the same places.
func hasTimeForm(b []byte) bool {
	for i := range len(timeForm) {
		if isDigit(timeForm[i]) != isDigit(b[i]) || !isDigit(timeForm[i]) && timeForm[i] != b[i] {
			return false
		}
	}
	return true
}

// fraction reads ".123456", which may be absent, as milliseconds.
func fraction(b []byte) (milli int64, rest []byte, ok bool) {
	if b[0] != '.' {
		return 0, b, true
	}
	i := 1
	for worth := int64(100); i < len(b) && isDigit(b[i]); i++ {
		milli += int64(b[i]-'0') * worth
		worth /= 10
	}
	return milli, b[i:], i > 1
}

// offset reads "Z" or "+09:00" as seconds east of UTC.
func offset(b []byte) (int, bool) {
	if len(b) == 1 && b[0] == 'Z' {
		return 0, true
	}
	if len(b) != len("+09:00") || b[0] != '+' && b[0] != '-' || b[3] != ':' ||
		!isDigit(b[1]) || !isDigit(b[2]) || !isDigit(b[4]) || !isDigit(b[5]) {
		return 0, false
	}
	hours, minutes := two(b[1:]), two(b[4:])
	if hours > 23 || minutes > 59 {
		return 0, false
	}
	seconds := hours*3600 + minutes*60
	if b[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// two reads two digits.
func two(b []byte) int { return int(b[0]-'0')*10 + int(b[1]-'0') }

// isDate reports whether a date exists. RFC 3339 has no year 0.
func isDate(year, month, day int) bool {
	return year > 0 && 1 <= month && month <= 12 && 1 <= day && day <= daysIn(year, month)
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysBefore returns the number of days from the Unix epoch to a date. It counts
// years from March, so that a leap day is the last day of its year.
func daysBefore(year, month, day int) int64 {
	const toEpoch = 719468 // days from March 1st of the year 0
	if month <= 2 {
		year--
		month += 12
	}
	inYear := (153*(month-3)+2)/5 + day - 1
	return int64(year*365+year/4-year/100+year/400+inYear) - toEpoch
}
