package address

// FindMail returns the place of the first name of a mail address in text from i on:
// text[start:at] is the name, and its "@" stands at at.
//
//	FindMail([]byte("/u?m=alice%40x.org"), 0) // 5, 10
//
// An "@" with no name in front or no host behind it, such as in "pkg@1.2.3", is none.
func FindMail(text []byte, i int) (start, at int, ok bool) {
	start = i
	for i < len(text) {
		c, width := Unescape(text, i)
		if c == '@' && start < i && isHost(text, i+width) {
			return start, i, true
		}
		i += width
		if !isMailName(c) {
			start = i
		}
	}
	return 0, 0, false
}

// isMailName reports whether c can be part of the name of a mail address. Others that
// could be, such as "/" and "=", rather end what stands in front.
func isMailName(c byte) bool {
	return IsWord(c) || c == '.' || c == '-' || c == '+' || c == '\'' || c == '%' || c >= 0x80
}

// isHost reports whether the name of a host stands at i: it has a letter.
func isHost(text []byte, i int) bool {
	const longest = 255
	for end := i + longest; i < len(text) && i < end; {
		c, width := Unescape(text, i)
		switch {
		case isLetter(c) || c >= 0x80:
			return true
		case !isDigit(c) && c != '.' && c != '-':
			return false
		}
		i += width
	}
	return false
}
