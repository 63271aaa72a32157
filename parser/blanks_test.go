package parser

import (
	"testing"

	"clearhop/record"
)

// Blanks and tabs around a line do not keep it from being read.
func TestBlanksAroundLines(t *testing.T) {
	f := func(format, line, want string) {
		t.Helper()
		s, err := newSet(format)
		if err != nil {
			t.Fatal(err)
		}
		for _, blanks := range [][2]string{{"", " "}, {"", "\t"}, {"", " \t "}, {" ", ""}, {"\t", " "}} {
			var r record.Record
			if err := s.Parse([]byte(blanks[0]+line+blanks[1]), &r); err != nil || r.Format != want {
				t.Errorf("%s: %q is read as %q (%v), want %q", format, blanks[0]+line+blanks[1], r.Format, err, want)
			}
		}
	}
	const combined = `::1 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "x"`
	f("combined", combined, "combined")
	f(Auto, combined, "combined")
	f(Auto, combined+` "-"`, "main")
	f(Auto, `203.0.113.9 [22/Nov/2026:11:00:24 +0000] TCP 200 8743 944 0.473`, "basic")
	f(Auto, `{"remote_addr":"::1","status":200}`, JSON)
	f(`$remote_addr $status $request_time`, `::1 200 0.012`, "(unnamed)")
	f(`$status $remote_addr`, `200 ::1`, "(unnamed)")
}
