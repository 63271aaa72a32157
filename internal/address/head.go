package address

// A Head is the end of a text that may be the head of an address: a program cut the
// text there. Texts are cut by nginx (error lines), syslog, and limits of events.
type Head struct {
	Start  int
	Groups int  // how many groups or numbers there are
	Colons bool // it has colons, so it would be an IPv6 address
	// Common reports that it is rather something common: a time, a hardware address,
	// the version behind the name of a product.
	Common bool
}

// longestHead is more than an address has bytes, also if each of them is escaped.
const longestHead = 200

// longestEscape is more than an escape has bytes that is not nested.
const longestEscape = 8

// readAt returns the character at i, which an escape may stand for, and how many bytes it
// takes. isCut reports that the text ends within an escape there.
func readAt(text []byte, i int) (c byte, width int, isCut bool) {
	c, width = Unescape(text, i)
	if c == '=' {
		c, width = unescapeQuoted(text, i)
	}
	isEscape := c == '%' || c == '\\' || c == '&' || c == '='
	return c, width, isEscape && width == 1 && len(text)-i <= longestEscape
}

// HeadAt returns the head of an address in which text[from:] ends. Groups is 0 if it
// ends in none. Find says what is a whole address, so from must not be in front of the
// end of the last one that it found.
func HeadAt(text []byte, from int) Head {
	i := max(from, len(text)-longestHead)
	h := Head{Start: i}
	var shape headShape
	letters := -1 // where the numbers begin, if letters stand in front
	for i < len(text) {
		c, width, isCut := readAt(text, i)
		if isCut {
			break
		}
		i += width
		switch {
		case !isHex(c) && c != '.' && c != ':':
			h.Start, letters = i, -1
			shape = headShape{}
			continue
		case !isDigit(c) && isHex(c) && shape.colons == 0:
			letters = i
		}
		shape.add(c)
	}
	if shape.colons == 0 && letters >= 0 {
		// Letters are no part of an IPv4 address. Those in front of it are a word.
		h.Start, shape = letters, headShape{}
		for at := letters; at < i; {
			c, width, _ := readAt(text, at)
			at += width
			shape.add(c)
		}
	}
	h.Groups, h.Colons = shape.groups, shape.colons > 0
	h.Common = shape.common() || !h.Colons && h.Start >= 2 && text[h.Start-1] == '/' && isLetter(text[h.Start-2])
	return h
}

// A headShape is what is counted of a run of digits, dots and colons.
type headShape struct {
	groups, colons int
	digits         int // of the group in hand
	longest        int // of the groups behind the first one
	first          int // of the first group
}

func (s *headShape) add(c byte) {
	if c == '.' || c == ':' {
		s.digits = 0
		if c == ':' {
			s.colons++
		}
		return
	}
	if s.digits == 0 {
		s.groups++
	}
	s.digits++
	if s.groups == 1 {
		s.first = s.digits
	} else {
		s.longest = max(s.longest, s.digits)
	}
}

// common reports whether the run is rather a time (2026:11:00:24, 11:00:24) or a
// hardware address (aa:bb:cc:dd:ee:ff).
func (s *headShape) common() bool {
	const time, hardware = 4, 6
	return s.colons > 0 && s.longest == 2 &&
		(s.groups < time || s.groups == time && s.first == 4 || s.groups == hardware && s.first == 2)
}
