package address

// separates are the bytes of which one stands behind the first number of every address,
// or begins the address: a dot, a colon, and the first bytes of what Unescape and
// unescapeQuoted read. Words and most numbers are followed by another byte, so that a
// text is searched at few places only.
var separates = [256]bool{
	'.': true, ':': true,
	'%': true, '\\': true, '&': true, '=': true, wideLead: true, idealLead: true,
}

// next returns the first place from i on where findAt may find an address, or the length
// of the text. It leaves out no place where findAt finds one.
func next(text []byte, i int) int {
	for at := i; at < len(text); at++ {
		if !separates[text[at]] {
			continue
		}
		if start := startBefore(text, i, at); start < at {
			return start
		}
		if startsAt(text, at) {
			return at
		}
		i = at + 1
	}
	return len(text)
}

// startBefore returns the first place from i on where an address may begin whose first
// number ends at the separator at end. If there is none, it returns end.
func startBefore(text []byte, i, end int) int {
	c, escaped, ok := separator(text, i, end)
	if !ok {
		return end
	}
	digits := end // where the decimal digits begin that stand in front of the separator
	for digits > i && isDigit(text[digits-1]) {
		digits--
	}
	first := digits // where the hexadecimal ones begin
	for first > i && isHex(text[first-1]) {
		first--
	}
	n := end - first
	switch {
	case c != ':' && first >= i+2 && lower(text[first-1]) == 'x' && text[first-2] == '0':
		return first - 2
	case n > 0 && !isHex(byteBefore(text, first)) && (escaped || c == '.' && n == 1 || c == ':' && n <= maxGroupDigits):
		return first
	case (escaped || c == '.') && !isDigit(byteBefore(text, digits)):
		return digits
	}
	return end
}

// separator returns the separator at end, and whether it is written as an escape. ok says
// whether it can end the first number of an address that begins at i or behind it.
func separator(text []byte, i, end int) (c byte, escaped, ok bool) {
	if end == i || !isHex(text[end-1]) && lower(text[end-1]) != 'x' {
		return 0, false, false
	}
	r := reading{text: text}
	c, width := r.at(end)
	switch {
	case width > 1:
		return c, true, c == '.' || c == ':' || isHex(c) || lower(c) == 'x'
	case c == '.':
		return c, false, hasDots(text, end)
	}
	return c, false, c == ':' && hasColons(text, end)
}

// startsAt reports whether an address may begin with the separator at i, or behind the
// escape there.
func startsAt(text []byte, i int) bool {
	switch text[i] {
	case '.':
		return false
	case ':':
		return !isHex(byteBefore(text, i)) && i+1 < len(text) && separates[text[i+1]]
	case '=':
		c, _ := unescapeQuoted(text, i)
		return c == ':'
	}
	c, width := Unescape(text, i)
	if c == ':' || isHex(c) {
		return true
	}
	if width == 1 {
		return false
	}
	behind := i + width
	for behind < len(text) && isHex(text[behind]) {
		behind++
	}
	return behind < len(text) && (separates[text[behind]] || lower(text[behind]) == 'x')
}

// byteBefore returns the byte in front of i. In front of the text it is a space.
func byteBefore(text []byte, i int) byte {
	if i == 0 {
		return ' '
	}
	return text[i-1]
}

// hasDots reports whether the dot at i may be the first one of an address: it takes three,
// with nothing but digits between them.
func hasDots(text []byte, i int) bool {
	const least = 3
	n := 0
	for ; i < len(text) && n < least; i++ {
		switch c := text[i]; {
		case c == '.':
			n++
		case !isHex(c):
			return separates[c] && isEscape(text, i) || lower(c) == 'x'
		}
	}
	return n == least
}

// hasColons reports whether the colon at i may be the first one of an address: it takes
// two without a digit between them, or six.
func hasColons(text []byte, i int) bool {
	const least = 6
	n := 0
	for ; i < len(text) && n < least; i++ {
		switch c := text[i]; {
		case c == ':' && i+1 < len(text) && text[i+1] == ':':
			return true
		case c == ':':
			n++
		case !isHex(c):
			return separates[c] && isEscape(text, i)
		}
	}
	return n == least
}

// isEscape reports whether an escape stands at i.
func isEscape(text []byte, i int) bool {
	r := reading{text: text}
	_, width := r.at(i)
	return width > 1
}
