package parser

import (
	"errors"
	"fmt"
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
		old        = `::1 - [1.1.1.1] - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "\x22" 81 0.012 [a] `
		old2019    = old + `[] - - - - 5c8f`
		old2018    = old + `- - - - 5c8f`
		old2017    = old + `- - - -`
		basic      = `::1 [22/Nov/2026:11:00:24 +0000] TCP 200 3 4 0.012`
		proxy      = basic + ` "-" "-" "-" "-"`
		upstream   = combined + `rt=0.012 uct="0.001" uht="0.002" urt="0.010"`
		timed      = combined + ` 0.012 0.001, 0.010 .`
		object     = `{"remote_addr":"::1","status":200,"request":"GET / HTTP/1.1"}`
		labels     = "host:::1\tstatus:200\treq:GET / HTTP/1.1"
		short      = `::1 200`
	)
	// A line of each format, in the order of BuiltinNames.
	formats := append(BuiltinNames(), JSON, LTSV, "short")
	lines := []string{combined, main, mainRealIP, clearhop, ingress, old2019, old2018, old2017, basic, proxy, upstream, timed, object, labels, short}
	if diff := cmp.Diff(append(formats, CombinedExtra), s.Names()); diff != "" {
		t.Fatalf("formats (-want +got):\n%s", diff)
	}
	if len(lines) != len(formats) {
		t.Fatalf("%d lines of %d formats: add the line of a new format, in the order of %q", len(lines), len(formats), formats)
	}
	// Each format after each other one: the lines before change nothing.
	for i := range lines {
		for j := range lines {
			for _, k := range []int{i, j} {
				var got, want record.Record
				if err := s.Parse([]byte(lines[k]), &got); err != nil {
					t.Fatalf("%s after %s: %v", formats[k], formats[i], err)
				}
				if got.Format != formats[k] {
					t.Errorf("%s was read as %s", formats[k], got.Format)
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
	f(head+`200 3 "-" "-" x`, "combined", "", len(head)+len(`200 3 "-" "-"`)+1)
	f(`200 x`, "", "", 4)
}

func TestSetClone(t *testing.T) {
	s, err := newSet(Auto)
	if err != nil {
		t.Fatal(err)
	}
	const combined = `::1 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-"`
	var r record.Record
	if err := s.Parse([]byte(combined+` "-"`), &r); err != nil {
		t.Fatal(err)
	}
	c := s.Clone()
	if c.last != 0 || s.last != 1 {
		t.Errorf("the clone starts with format %d, the original goes on with %d; want 0 and 1", c.last, s.last)
	}
	r.Reset()
	if err := c.Parse([]byte(combined), &r); err != nil {
		t.Fatal(err)
	}
	if s.last != 1 {
		t.Error("the clone's line changed the original")
	}
	if diff := cmp.Diff(s.Names(), c.Names()); diff != "" {
		t.Errorf("formats (-original +clone):\n%s", diff)
	}
}

// TestSetOrder: a line that two formats read is read with the first of them, and the
// error of a line that none reads is always the same, whatever was read before. A line
// of the second format costs no memory.
func TestSetOrder(t *testing.T) {
	const (
		head  = `::1 [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 `
		timed = `log_format timed '$remote_addr [$time_local] "$request" $status $request_time';`
		tag   = `log_format tagged '$remote_addr [$time_local] "$request" $status $http_x_tag';`
	)
	for _, texts := range [][]string{{timed, tag}, {timed, tag, Auto}, {Auto, timed, tag}, {timed, Auto, tag}, {"main", timed, JSON, tag}} {
		for _, before := range []string{"", head + "blue", head + "0.250", `{"status":200,"remote_addr":"::1"}`, `::1 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "-" "-"`} {
			s, err := newSet(texts...)
			if err != nil {
				t.Fatal(err)
			}
			fresh := s.Clone()
			for _, line := range []string{head + "0.250", head + "blue", "junk", `{"a":1}`, "{", head, "::1 - - [22/Nov/2026:11:00:24 +0000] x"} {
				var first, got, want record.Record
				_ = s.Parse([]byte(before), &first)
				errGot, errWant := s.Parse([]byte(line), &got), fresh.Clone().Parse([]byte(line), &want)
				if fmt.Sprint(errGot) != fmt.Sprint(errWant) || got.Format != want.Format {
					t.Errorf("%q: %q after %q: %s %v, alone: %s %v", texts, line, before, got.Format, errGot, want.Format, errWant)
				}
			}
			var r record.Record
			line := []byte(head + "blue")
			if n := testing.AllocsPerRun(100, func() { r.Reset(); err = s.Parse(line, &r) }); n != 0 || err != nil {
				t.Errorf("%q: %v allocations, %v", texts, n, err)
			}
		}
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
	f("format 1: log_format cannot be read back: column 6: nothing stands between $host and $host, and $host can begin with any byte\n"+
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
