package parser

import "bytes"

// scrubbed stands for a secret.
const scrubbed = "[scrubbed]"

// AppendScrubbed appends text to dst with its secrets replaced by "[scrubbed]",
// and reports whether there were any. If there were none, it returns dst as it
// was, and text serves as it is:
//
//	if out, found := parser.AppendScrubbed(buf, text); found {
//		text, buf = out[len(buf):], out
//	}
//
// Secrets are
//
//   - the values of headers whose name holds cookie, auth, token, secret,
//     password, api-key, session or jwt, in whatever company, that
//     stand at the start of a line or of what a broken header quotes. A value
//     reaches to the end of its line, whatever it holds, but not into what nginx
//     writes behind a broken header;
//   - the values of parameters, behind "?", "&" or ";", whose name ends in token,
//     password, passwd, pwd, secret, apikey, api_key, api-key, signature or jwt,
//     or is sig. A value reaches to the next "&", ";" or "#", white space, or a
//     quote that ends a part of an error line.
//
// Names are read without regard to case, and not if they are percent-encoded.
// A secret whose name was cut off cannot be told, one whose end was cut off
// can. Scrubbing twice is scrubbing once.
func AppendScrubbed(dst, text []byte) (out []byte, found bool) {
	s := scrubber{out: dst, text: text}
	for at := 0; at < len(text); at++ {
		end := len(text)
		if n := bytes.IndexAny(text[at:], "\r\n"); n >= 0 {
			end = at + n
		}
		start, ok := secretHeader(text[at:end])
		if !ok {
			s.parameters(at, end)
			at = end
			continue
		}
		start += at
		at = start + headerEnd(text[start:])
		s.replace(start, at)
	}
	if !s.found {
		return dst, false
	}
	return append(s.out, text[s.copied:]...), true
}

type scrubber struct {
	out, text []byte
	copied    int // how much of text out has
	found     bool
}

// replace copies up to start and leaves out what stands up to end.
func (s *scrubber) replace(start, end int) {
	if start == end || string(s.text[start:end]) == scrubbed {
		return
	}
	s.out = append(s.out, s.text[s.copied:start]...)
	s.out = append(s.out, scrubbed...)
	s.copied, s.found = end, true
}

// parameters replaces the secret parameters of text[at:end].
func (s *scrubber) parameters(at, end int) {
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
		at = start + parameterEnd(s.text[start:])
		s.replace(start, at)
	}
}

// secretHeader reports whether line, or what a broken header quotes in it,
// begins with a secret header, and where the value starts.
func secretHeader(line []byte) (value int, ok bool) {
	from := 0
	if value, ok = headerValue(line); !ok {
		// Only now: a value may hold what looks like a broken header.
		i := bytes.Index(line, []byte(brokenHeader))
		if i < 0 {
			return 0, false
		}
		from = i + len(brokenHeader)
		value, ok = headerValue(line[from:])
	}
	return from + value, ok
}

func headerValue(line []byte) (value int, ok bool) {
	n := bytes.IndexByte(line, ':')
	if n < 0 || !isSecretHeader(bytes.Trim(line[:n], " \t")) {
		return 0, false
	}
	value = n + 1
	for value < len(line) && (line[value] == ' ' || line[value] == '\t') {
		value++
	}
	return value, true
}

func isSecretHeader(name []byte) bool {
	for _, part := range [...]string{"cookie", "auth", "token", "secret", "password", "api-key", "apikey", "session", "jwt"} {
		for i := 0; i+len(part) <= len(name); i++ {
			if equalFold(name[i:i+len(part)], part) {
				return len(name) <= maxHeaderName && isHeaderName(name)
			}
		}
	}
	return false
}

// maxHeaderName bounds what is taken for the name of a header.
const maxHeaderName = 64

// isHeaderName keeps a sentence with such a word in it from being one.
func isHeaderName(name []byte) bool {
	for _, c := range name {
		if !isNameByte(c) && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// headerEnd returns where a header's value ends that text starts with. Only a
// line feed ends it for sure, so that a carriage return in its middle hides
// nothing.
func headerEnd(text []byte) int {
	if n := bytes.IndexByte(text, '\n'); n >= 0 {
		text = text[:n]
	}
	if n := bytes.LastIndex(text, []byte(brokenHeaderEnd+clientKey)); n >= 0 {
		text = text[:n]
	}
	return len(bytes.TrimRight(text, "\r"))
}

// secretParameter reports whether text ends in the name of a secret parameter,
// with what must stand in front of it.
func secretParameter(text []byte) bool {
	start := len(text)
	for start > 0 && isParameterByte(text[start-1]) {
		start--
	}
	if start == 0 || text[start-1] != '?' && text[start-1] != '&' && text[start-1] != ';' {
		return false
	}
	name := text[start:]
	for _, end := range [...]string{
		"token", "password", "passwd", "pwd", "secret",
		"apikey", "api_key", "api-key", "signature", "jwt",
	} {
		if len(name) >= len(end) && equalFold(name[len(name)-len(end):], end) {
			return true
		}
	}
	return equalFold(name, "sig")
}

func isParameterByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

// parameterEnd returns where a parameter's value ends that text starts with.
func parameterEnd(text []byte) int {
	for i, c := range text {
		switch {
		case c <= ' ' || c == '&' || c == ';' || c == '#':
			return i
		case c == '"':
			// nginx lets quotes pass in a URL. One ends the value if it can
			// end a part.
			if i+1 == len(text) || text[i+1] <= ' ' || text[i+1] == ',' {
				return i
			}
		}
	}
	return len(text)
}

// equalFold reports whether b is s, which is in lower case, but for the case of
// ASCII letters.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != s[i] {
			return false
		}
	}
	return true
}
