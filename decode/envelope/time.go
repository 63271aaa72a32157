package envelope

// parseTime reads a time of RFC 3339, with any fraction and zone, as
// milliseconds since the Unix epoch; what is finer is cut off. A leap second
// is no time, as in package time.
func parseTime(b []byte) (ms int64, ok bool) {
	const form = "2006-01-02T15:04:05"
	if len(b) <= len(form) {
		return 0, false
	}
	for i := range len(form) {
		if isDigit(form[i]) != isDigit(b[i]) || !isDigit(form[i]) && form[i] != b[i] {
			return 0, false
		}
	}
	year, month, day := two(b)*100+two(b[2:]), two(b[5:]), two(b[8:])
	hour, minute, second := two(b[11:]), two(b[14:]), two(b[17:])
	if year == 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	b = b[len(form):]
	milli := int64(0)
	if b[0] == '.' {
		i := 1
		for worth := int64(100); i < len(b) && isDigit(b[i]); i++ {
			milli += int64(b[i]-'0') * worth
			worth /= 10
		}
		if i == 1 {
			return 0, false
		}
		b = b[i:]
	}
	zone, ok := offset(b)
	if !ok {
		return 0, false
	}
	seconds := daysBefore(year, month, day)*86400 + int64(hour*3600+minute*60+second) - int64(zone)
	return seconds*1000 + milli, true
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

// daysBefore returns how many days lie between the Unix epoch and a date. It
// lets the year begin in March, so that a leap day is the last of its year.
func daysBefore(year, month, day int) int64 {
	const toEpoch = 719468 // days from March 1st of the year 0
	if month <= 2 {
		year--
		month += 12
	}
	inYear := (153*(month-3)+2)/5 + day - 1
	return int64(year*365+year/4-year/100+year/400+inYear) - toEpoch
}
