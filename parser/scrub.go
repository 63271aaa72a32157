package parser

import (
	"bytes"
	"strings"
)

// scrubbed replaces a secret. It is part of events.
const scrubbed = "[scrubbed]"

// AppendScrubbed appends text to dst, with its secrets replaced by "[scrubbed]", and
// reports whether there were any. Without secrets it appends nothing, so that the
// caller can go on with text itself:
//
//	if out, found := parser.AppendScrubbed(buf, text); found {
//		text, buf = out[len(buf):], out
//	}
//
// Secrets are
//
//   - the values of headers whose names contain cookie, auth, token, secret,
//     password, api-key, apikey, session or jwt. The header must be at the start
//     of a line, or of the text that a broken header quotes. The value ends with
//     its line, or where nginx continues after a broken header;
//   - the values of parameters, after "?", "&" or ";", whose names end in token,
//     password, passwd, pwd, secret, apikey, api_key, api-key, signature or jwt,
//     or are sig. The value ends at "&", ";", "#", white space, or a quote that
//     ends a part of an error line.
//
// The case of names does not matter. Percent-encoded names are not recognized, and
// neither is a secret whose name was cut off. A secret whose end was cut off is
// replaced too. Scrubbing a text again changes nothing.
func AppendScrubbed(dst, text []byte) (out []byte, found bool) {
	s := scrubber{out: dst, text: text}
	feed := -1 // where the next line feed is: a text may have many carriage returns in front of it
	for at := 0; at < len(text); at++ {
		if feed < at {
			feed = indexFrom(text, at, '\n')
		}
		end := indexFrom(text[:feed], at, '\r')
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

// indexFrom returns the first place of c in text from at on, or the length of text.
func indexFrom(text []byte, at int, c byte) int {
	if n := bytes.IndexByte(text[at:], c); n >= 0 {
		return at + n
	}
	return len(text)
}

type scrubber struct {
	out, text []byte
	copied    int // the number of bytes of text that out has
	found     bool
}

// replace copies the text up to start, and replaces text[start:end].
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

// secretHeader reports whether line, or the text that a broken header quotes in it,
// begins with a secret header. It returns where the value starts.
func secretHeader(line []byte) (value int, ok bool) {
	from := 0
	if value, ok = headerValue(line); !ok {
		// This comes second, because a value may contain what looks like a
		// broken header.
		i := bytes.Index(line, []byte(brokenHeader))
		if i < 0 {
			return 0, false
		}
		from = i + len(brokenHeader)
		value, ok = headerValue(line[from:])
	}
	return from + value, ok
}

// headerValue returns where the value of the secret header at the start of line
// starts. It reports false if there is no such header.
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

// isSecretHeader reports whether name is that of a header with a secret.
func isSecretHeader(name []byte) bool {
	return len(name) <= maxHeaderName && isHeaderName(name) && namesSecret(name) // most lines fail the first two
}

// namesSecret reports whether the name of a header, or of nginx's variable for it, has a
// part that tells of a secret.
func namesSecret[T []byte | string](name T) bool {
	for _, part := range [...]string{"cookie", "auth", "token", "secret", "password", "api-key", "apikey", "session", "jwt"} {
		for i := 0; i+len(part) <= len(name); i++ {
			if equalFold(name[i:i+len(part)], part) {
				return true
			}
		}
	}
	return false
}

// IsSecretVariable reports whether the variable of that name, without its "$", holds
// the value of a secret header or a cookie, or of a parameter that AppendScrubbed takes
// for a secret: http_authorization, sent_http_set_cookie, cookie_sid, arg_token. The
// name may also be a key of JSON that names the header alone: headers.Cookie.
func IsSecretVariable(name string) bool {
	name = name[strings.LastIndexByte(name, '.')+1:]
	for _, header := range [...]string{
		"cookie", "cookies", "set_cookie", "set-cookie",
		"authorization", "proxy_authorization", "proxy-authorization",
	} {
		if equalFold(name, header) {
			return true
		}
	}
	kind, rest, _ := strings.Cut(name, "_")
	if kind == "sent" || kind == "upstream" {
		kind, rest, _ = strings.Cut(rest, "_")
	}
	switch kind {
	case "cookie":
		return rest != ""
	case "arg":
		return isSecretName(rest)
	case "http", "trailer":
		return namesSecret(rest) || strings.Contains(rest, "api_key")
	}
	return false
}

// maxHeaderName is the length of the longest name of a header.
const maxHeaderName = 64

// isHeaderName reports whether name has only bytes of header names. A sentence has
// spaces.
func isHeaderName(name []byte) bool {
	for _, c := range name {
		if !isNameByte(c) && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// headerEnd returns the end of the header's value at the start of text. Only a line
// feed ends it: if a carriage return did too, the rest of a secret with one would
// stay.
func headerEnd(text []byte) int {
	if n := bytes.IndexByte(text, '\n'); n >= 0 {
		text = text[:n]
	}
	if n := bytes.LastIndex(text, []byte(brokenHeaderEnd+clientKey)); n >= 0 {
		text = text[:n]
	}
	return len(bytes.TrimRight(text, "\r"))
}

// secretParameter reports whether text ends in the name of a secret parameter, with
// "?", "&" or ";" before it.
func secretParameter(text []byte) bool {
	start := len(text)
	for start > 0 && isParameterByte(text[start-1]) {
		start--
	}
	if start == 0 || text[start-1] != '?' && text[start-1] != '&' && text[start-1] != ';' {
		return false
	}
	return isSecretName(text[start:])
}

// isSecretName reports whether a parameter of that name has a secret value.
func isSecretName[T []byte | string](name T) bool {
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

// parameterEnd returns the end of the parameter's value at the start of text.
func parameterEnd(text []byte) int {
	for i, c := range text {
		switch {
		case c <= ' ' || c == '&' || c == ';' || c == '#':
			return i
		case c == '"':
			// nginx does not escape quotes in a URL. A quote ends the value
			// only if it can end a part of the line.
			if i+1 == len(text) || text[i+1] <= ' ' || text[i+1] == ',' {
				return i
			}
		}
	}
	return len(text)
}

// equalFold reports whether b and s are equal apart from the case of ASCII letters.
// s must be in lower case.
func equalFold[T []byte | string](b T, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range len(b) {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != s[i] {
			return false
		}
	}
	return true
}
