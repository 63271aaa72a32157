package parser

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/record"
)

// FuzzParse: a format does not change, lose or invent anything. The places of the
// values and the fixed text between them make up the line, byte for byte. Each
// number and time is in its place. Reading a line again gives the same values.
func FuzzParse(f *testing.F) {
	for _, c := range usualLines {
		f.Add([]byte(c.line))
	}
	for _, path := range []string{
		filepath.Join("testdata", "clearhop.log"),
		filepath.Join("..", "testdata", "seed", "access.log"),
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			f.Add(bytes.TrimSuffix(line, []byte("\n")))
		}
	}
	var formats []*Format
	for _, text := range append(builtinDirectives(), witnessed...) {
		formats = append(formats, mustCompile(f, text))
	}
	for _, c := range usualLines {
		formats = append(formats, mustCompile(f, c.format))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		before := bytes.Clone(line)
		for _, format := range formats {
			var r, again record.Record
			err := format.Parse(line, &r)
			if err == nil {
				places := make([]place, len(format.steps))
				read := line
				var e record.ParseError
				if !format.split(read, places, &e) {
					clear(places)
					read = bytes.Trim(line, " \t") // the blanks around a line do not count
					if !format.split(read, places, &e) {
						t.Fatalf("%s: parsed, and then: %v", shape(format), &e)
					}
				}
				if got := printed(format, read, places); !bytes.Equal(got, read) {
					t.Fatalf("%s:\n line %q\nprint %q", shape(format), read, got)
				}
			}
			if err2 := format.Parse(line, &again); fmt.Sprint(err) != fmt.Sprint(err2) || fmt.Sprint(dump(&r)) != fmt.Sprint(dump(&again)) {
				t.Fatalf("%s: read twice in two ways:\n%v %q\n%v %q", shape(format), err, dump(&r), err2, dump(&again))
			}
		}
		if !bytes.Equal(line, before) {
			t.Fatalf("the line was changed to %q", line)
		}
	})
}

// printed returns the line that the values and the fixed text make up.
func printed(f *Format, line []byte, places []place) []byte {
	out := bytes.Clone(f.prefix)
	for i, p := range places {
		out = append(out, line[p.start:p.end]...)
		out = append(out, f.steps[i].literal...)
	}
	return out
}

// FuzzUnescape: a value that nginx escapes, and that is unescaped, is the same value.
func FuzzUnescape(f *testing.F) {
	f.Add([]byte(`say "hi" \x22 \u0041`))
	f.Add([]byte("\x00\x1f\x7f\x80\xff\n\r\t\b\f\\"))
	f.Add([]byte("caf\xc3\xa9 \xed\xa0\x80"))
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, c := range []struct {
			escape Escape
			undo   func(dst, raw []byte) []byte
		}{{EscapeDefault, appendUnescaped}, {EscapeJSON, appendUnescapedJSON}} {
			escaped := appendEscaped(nil, value, c.escape)
			got := c.undo([]byte("kept"), escaped)
			if want := append([]byte("kept"), value...); !bytes.Equal(got, want) {
				t.Errorf("escape=%v: %q is written %q and read %q", c.escape, value, escaped, got)
			}
			// A value without escapes can contain any bytes. It never becomes longer.
			if got := c.undo(nil, value); len(got) > len(value) {
				t.Errorf("escape=%v: %q grew to %q", c.escape, value, got)
			}
		}
	})
}

// appendEscaped writes a value as nginx does: ngx_http_log_escape and
// ngx_escape_json.
func appendEscaped(dst, value []byte, escape Escape) []byte {
	for _, c := range value {
		switch {
		case escape == EscapeDefault && (c < ' ' || c == '"' || c == '\\' || c >= 0x7F):
			dst = fmt.Appendf(dst, `\x%02X`, c)
		case escape != EscapeJSON:
			dst = append(dst, c)
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			if i := strings.IndexByte("\n\r\t\b\f", c); i >= 0 {
				dst = append(dst, '\\', "nrtbf"[i])
			} else {
				dst = fmt.Appendf(dst, `\u%04X`, c)
			}
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// FuzzFormat: if Compile accepts a format, the lines that nginx writes in it can be
// read back. If the end of each value is certain, the values are the same. If not,
// the line is read in one of the possible ways, and the first value that differs is
// shorter than the one that was written.
func FuzzFormat(f *testing.F) {
	for _, text := range append(builtinDirectives(), witnessed...) {
		f.Add(text, []byte("GET / HTTP/1.1\x00a b [c] \" - \\\x00\xc3\xa9, : -\x00"))
	}
	f.Add(`"$scheme://$host$request_uri" $uri$is_args$args $status`, []byte("a\x00b\x00c?d\x00e\x00f\x00g-\x00"))
	f.Add(`log_format x escape=json '$server_port$request_method$uri$is_args$args|$host$uri';`, []byte("a\x00b\x00c?d\x00e\x00f\x00g-\x00"))
	f.Add(`$http_a|$http_b|$host:$server_port-$status`, []byte("a|b\x00c\x00"))
	f.Add(`[$upstream_addr] $upstream_status:$time_local$msec`, []byte("[a], b"))
	f.Add(`log_format x escape=json '\\$http_a\\"$http_b" $host\\';`, []byte(`\\"`))
	f.Add(`log_format x escape=none '$http_a"$time_iso8601 $http_b';`, []byte(`"`))
	f.Fuzz(func(t *testing.T, text string, material []byte) {
		format, err := Compile(text)
		if err != nil {
			return
		}
		line := append([]byte{}, format.prefix...)
		values := make([][]byte, len(format.steps))
		raws := make([][]byte, len(format.steps))
		ends := make([]int, len(format.steps))
		certain := true
		for i := range format.steps {
			st := &format.steps[i]
			values[i], material = nginxValue(st.variable, material)
			if i > 0 && st.isArgs && format.steps[i-1].variable.kind == kindMark && len(values[i-1]) == 0 && len(values[i]) > 0 {
				values[i] = nil // there is no "?"
			}
			raws[i] = appendEscaped(nil, values[i], format.escape)
			if values[i] == nil && format.escape == EscapeDefault {
				raws[i] = []byte("-")
			}
			line = append(line, raws[i]...)
			line = append(line, st.literal...)
			certain = certain && !st.open
			ends[i] = len(line) - len(st.literal)
		}
		for i, st := range format.steps {
			if st.variable.kind.isList() && !st.marked && goesOnAsList(line[ends[i]:], st.variable.kind) {
				return // what follows the list looks like one more item
			}
		}

		places := make([]place, len(format.steps))
		var e record.ParseError
		if !format.split(line, places, &e) {
			t.Fatalf("%s\nwrote %q\n line %q: %v", shape(format), raws, line, &e)
		}
		if got := printed(format, line, places); !bytes.Equal(got, line) {
			t.Fatalf("%s:\n line %q\nprint %q", shape(format), line, got)
		}
		for i, p := range places {
			raw := line[p.start:p.end]
			if bytes.Equal(raw, raws[i]) {
				continue
			}
			if certain || len(raw) >= len(raws[i]) {
				t.Fatalf("%s\nwrote %q\n line %q: value %d is %q", shape(format), raws, line, i, raw)
			}
			return // a shorter value fits too: the documented ambiguity
		}

		// The places are the same, so the values are the same, except that "-"
		// looks like an absent value, and an empty value can too.
		var r record.Record
		for i, p := range places {
			raw := line[p.start:p.end]
			got := format.value(raw, &r)
			want := values[i]
			if format.absent(raw) {
				want = nil
			}
			if !bytes.Equal(got, want) || (got == nil) != (want == nil) {
				t.Fatalf("%s: %q was written %q and read %q", shape(format), values[i], raw, got)
			}
		}
		if err := format.Parse(line, &r); err != nil {
			t.Fatalf("%s\nline %q: %v", shape(format), line, err)
		}
	})
}

// nginxValue makes a value that nginx could write for the variable. It uses the
// material up to its first NUL. nil means an absent value.
func nginxValue(v variable, material []byte) (value, rest []byte) {
	chunk, rest, _ := bytes.Cut(material, []byte{0})
	pick := 0
	for _, c := range chunk {
		pick = (pick*31 + int(c)) & 0xFFFF
	}
	number := func() []byte { return fmt.Appendf(nil, "%d", pick) }
	seconds := func() []byte { return fmt.Appendf(nil, "%d.%03d", pick, pick%1000) }
	list := func(item func() []byte) []byte {
		out := item()
		for n := pick % 3; n > 0; n-- {
			out = append(out, []string{", ", " : "}[n%2]...)
			if pick%5 == 0 {
				out = append(out, '-')
			} else {
				out = append(out, item()...)
			}
		}
		return out
	}
	switch v.kind {
	case kindTimeLocal:
		return fmt.Appendf(nil, "%02d/Feb/2024:%02d:00:59 -0%d%d0", pick%29+1, pick%24, pick%10, pick%6), rest
	case kindTimeISO:
		return fmt.Appendf(nil, "2024-02-%02dT%02d:00:59+0%d:30", pick%29+1, pick%24, pick%10), rest
	case kindMsec:
		return seconds(), rest
	}
	switch first := v.beginning(); {
	case v.kind == kindMark:
		return []byte("?")[:pick%2], rest
	case len(chunk) > 0 && first['/']:
		return append([]byte("/"), chunk...), rest
	case len(chunk) > 0 && first['h']:
		return []byte([]string{"http", "https"}[pick%2]), rest
	case len(chunk) > 0 && first['H']:
		return fmt.Appendf(nil, "HTTP/%d", pick), rest
	case len(chunk) > 0 && first['G']:
		return []byte("GET"), rest
	}
	if len(chunk) == 0 {
		if len(rest)%2 == 1 && (v.kind == kindText || v.kind == kindWord || v.kind == kindProtocol) {
			return []byte{}, rest
		}
		return nil, rest
	}
	switch v.kind {
	case kindInt:
		return number(), rest
	case kindSeconds:
		return seconds(), rest
	case kindWord, kindProtocol:
		return bytes.Map(func(r rune) rune {
			if r <= ' ' {
				return -1
			}
			return r
		}, chunk), rest
	case kindTextList:
		return list(func() []byte { return fmt.Appendf(nil, "[::%x]:%d", pick, pick) }), rest
	case kindIntList:
		return list(number), rest
	case kindSecondsList:
		return list(seconds), rest
	default:
		return chunk, rest
	}
}
