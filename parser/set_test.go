package parser

import (
	"errors"
	"testing"

	"clearhop/record"

	"github.com/google/go-cmp/cmp"
)

func newSet(texts ...string) (*Set, error) { return NewSet(SetConfig{Formats: texts}) }

func TestSet(t *testing.T) {
	s, err := newSet(Auto, `log_format short '$remote_addr $status';`)
	if err != nil {
		t.Fatal(err)
	}
	const (
		combined   = `::1 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "\x22"`
		main       = combined + ` "1.1.1.1"`
		mainRealIP = main + ` "2.2.2.2"`
		clearhop   = mainRealIP + ` - - "h" 5c8f 1795345224.007 0.012 81 http "-" "-" "-"`
		ingress    = combined + ` 81 0.012 [default-web-8080] [] 10.16.2.4:8080, 10.16.2.5:8080 0, 12 0.001, 0.010 502, 200 5c8f`
		upstream   = combined + `rt=0.012 uct="0.001" uht="0.002" urt="0.010"`
		timed      = combined + ` 0.012 0.001, 0.010 .`
		object     = `{"remote_addr":"::1","status":200,"request":"GET / HTTP/1.1"}`
		short      = `::1 200`
	)
	// A line of each format, in the order of BuiltinNames.
	formats := append(BuiltinNames(), JSON, "short")
	lines := []string{combined, main, mainRealIP, clearhop, ingress, upstream, timed, object, short}
	if diff := cmp.Diff(append(formats, CombinedExtra), s.Names()); diff != "" {
		t.Fatalf("formats (-want +got):\n%s", diff)
	}
	if len(lines) != len(formats) {
		t.Fatalf("%d lines of %d formats: add the line of a new format, in the order of %q", len(lines), len(formats), formats)
	}
	// Each format after each other one: the format that matched last only changes
	// the order.
	for i := range lines {
		for j := range lines {
			for _, k := range []int{i, j} {
				var got, want record.Record
				if err := s.Parse([]byte(lines[k]), &got); err != nil {
					t.Fatalf("%s after %s: %v", formats[k], formats[i], err)
				}
				if s.last != k {
					t.Errorf("%s was read as %s", formats[k], formats[s.last])
				}
				if err := s.formats[k].Parse([]byte(lines[k]), &want); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(dump(&want), dump(&got)); diff != "" {
					t.Errorf("%s after %s (-alone +set):\n%s", formats[k], formats[i], diff)
				}
			}
		}
	}
}

func TestSetError(t *testing.T) {
	f := func(line, format, variable string, column int) {
		t.Helper()
		s, err := newSet("main", "combined", "$status")
		if err != nil {
			t.Fatal(err)
		}
		var r record.Record
		err = s.Parse([]byte(line), &r)
		var got *record.ParseError
		if !errors.As(err, &got) {
			t.Errorf("%q: error %v", line, err)
			return
		}
		if got.Format != format || got.Variable != variable || got.Column != column {
			t.Errorf("%q: %v, want column %d: $%s (log_format %s)", line, err, column, variable, format)
		}
		if r.Dataset != record.Unparsed || dump(&r) != nil {
			t.Errorf("%q left %v %q behind", line, r.Dataset, dump(&r))
		}
	}
	const head = `::1 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" `
	f(``, "main", "remote_addr", 1) // none got anywhere: the first one's
	f(`hello`, "main", "remote_addr", 1)
	f(head+`x 3 "-" "-" "-"`, "main", "status", len(head)+1)
	f(head+`200 3 "-" "-" "-" "-"`, "main", "", len(head)+len(`200 3 "-" "-" "-"`)+1)
	f(head+`200 3 "-" "-" `, "combined", "", len(head)+len(`200 3 "-" "-"`)+1)
	f(`200 `, "", "", 4)
}

func TestSetClone(t *testing.T) {
	s, err := newSet("$status", `"$http_referer"`)
	if err != nil {
		t.Fatal(err)
	}
	var r record.Record
	if err := s.Parse([]byte(`"a"`), &r); err != nil {
		t.Fatal(err)
	}
	c := s.Clone()
	if c.last != 0 || s.last != 1 {
		t.Errorf("the clone starts with format %d, the original goes on with %d; want 0 and 1", c.last, s.last)
	}
	r.Reset()
	if err := c.Parse([]byte("200"), &r); err != nil {
		t.Fatal(err)
	}
	if s.last != 1 {
		t.Error("the clone's line changed the original")
	}
	if diff := cmp.Diff(s.Names(), c.Names()); diff != "" || len(c.formats) != 2 {
		t.Errorf("formats (-original +clone):\n%s", diff)
	}
}

// One error reports everything that is wrong.
func TestNewSetErrors(t *testing.T) {
	f := func(want string, texts ...string) {
		t.Helper()
		_, err := newSet(texts...)
		if err == nil || err.Error() != want {
			t.Errorf("NewSet(%q): %v\nwant %s", texts, err, want)
		}
	}
	f("no format")
	f("format 1: log_format cannot be read back: column 6: nothing stands between $host and $host\n"+
		"format 3: not a log_format: column 1: a variable's name must follow \"$\"", `$host$host`, `$host`, `$`)
	_, err := newSet(`$host$host`, `$`)
	if !errors.Is(err, ErrAmbiguous) || !errors.Is(err, ErrSyntax) {
		t.Errorf("%v does not wrap its causes", err)
	}
}

// TestLastResort: combined_extra reads a line if nothing else fits, and it is never
// remembered as the format that matched last.
func TestLastResort(t *testing.T) {
	s, err := newSet(Auto)
	if err != nil {
		t.Fatal(err)
	}
	const combined = `::1 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-"`
	for line, want := range map[string]string{combined + ` what 1 2`: CombinedExtra, combined: "combined"} {
		for range 2 {
			var r record.Record
			if err := s.Parse([]byte(line), &r); err != nil || r.Format != want {
				t.Errorf("%q was read as %q (%v), want %q", line, r.Format, err, want)
			}
		}
	}
}
