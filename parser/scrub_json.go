package parser

import "bytes"

// AppendScrubbedJSON does for a text of JSON what AppendScrubbed does for others. The
// value of a member is a secret if its key is the name of a secret header. In other
// strings, the escapes \r and \n end a line. The text need not be whole: lines are cut.
func AppendScrubbedJSON(dst, text []byte) (out []byte, found bool) {
	s := scrubber{out: dst, text: text}
	secret := false // the key before the value in hand names a secret
	list := false   // so do all values of the list in hand
	for at := 0; at < len(text); {
		switch c := text[at]; c {
		case '"':
			end := closingQuote(text, at+1)
			if behind := bytes.TrimLeft(text[min(end+1, len(text)):], " \t\r\n"); len(behind) > 0 && behind[0] == ':' {
				secret = isSecretHeader(text[at+1 : end])
			} else if secret {
				s.replace(at+1, end)
			} else {
				s.stringLines(at+1, end)
			}
			at = end + 1
		case ',', '{', '[', '}', ']':
			list = secret && (list || c == '[') && c != ']'
			secret = list
			at++
		case ':', ' ', '\t', '\r', '\n':
			at++
		default:
			end := at + max(1, bareLen(text[at:]))
			if secret {
				s.quoted(at, end)
			}
			at = end
		}
	}
	if !s.found {
		return dst, false
	}
	return append(s.out, text[s.copied:]...), true
}

// bareLen returns the length of the number, true, false or null at the start of text.
func bareLen(text []byte) int {
	if n := bytes.IndexAny(text, ",]} \t\r\n\""); n >= 0 {
		return n
	}
	return len(text)
}

// quoted replaces a value that is no string by one.
func (s *scrubber) quoted(start, end int) {
	s.out = append(append(append(append(s.out, s.text[s.copied:start]...), '"'), scrubbed...), '"')
	s.copied, s.found = end, true
}

// closingQuote returns where the quote stands that ends the string from at on, or the end
// of the text.
func closingQuote(text []byte, at int) int {
	for ; at < len(text); at++ {
		switch text[at] {
		case '"':
			return at
		case '\\':
			at++
		}
	}
	return len(text)
}

// stringLines replaces the secrets of a string between its quotes, line by line.
func (s *scrubber) stringLines(at, end int) {
	for at < end {
		stop := at
		for stop < end && !isLineEscape(s.text[stop:end]) {
			if s.text[stop] == '\\' {
				stop++
			}
			stop++
		}
		stop = min(stop, end)
		if start, ok := secretHeader(s.text[at:stop]); ok {
			s.replace(at+start, stop)
		} else {
			s.stringParameters(at, stop)
		}
		at = stop + len(`\n`)
	}
}

// isLineEscape reports whether a string goes on with \r or \n.
func isLineEscape(b []byte) bool {
	return len(b) >= 2 && b[0] == '\\' && (b[1] == 'r' || b[1] == 'n')
}

// stringParameters is parameters for a part of a string, in which each quote is
// escaped. The escape stays.
func (s *scrubber) stringParameters(at, end int) {
	for at < end {
		i := bytes.IndexByte(s.text[at:end], '=')
		if i < 0 {
			return
		}
		start := at + i + 1
		if !secretParameter(s.text[at : start-1]) {
			at = start
			continue
		}
		at = start + parameterEnd(s.text[start:end])
		if n := bytes.IndexByte(s.text[start:at], '\\'); n >= 0 {
			at = start + n
		}
		s.replace(start, at)
		at = max(at, start+1)
	}
}
