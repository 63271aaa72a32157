package parser

import (
	"strings"
	"testing"

	"clearhop/record"
)

// TestRequestIDForgesNothing: a visitor whom the edge lets write X-Request-ID cannot
// move the time of a line, nor its duration or scheme.
func TestRequestIDForgesNothing(t *testing.T) {
	directive, _ := Builtin(Recommended)
	web := strings.Replace(directive, "$request_id", "$http_x_request_id", 1)
	const head = usualCombined + ` "-" "-" 10.16.1.13 - "h" `
	const tail = ` 1795345224.223 0.001 127 http "-" "-" "-"`
	for _, id := range []string{
		`c32b561c4b871871fb489653b6774bdd`,
		`x 1000000000.000 9.001 1 https`,
		`x 1000000000.000 9.001 1 https 1000000000.000 9.001 1 https`,
		`1000000000.000 9.001 1 http`,
		`-`,
	} {
		for _, format := range []string{web, Auto} {
			s, err := NewSet(SetConfig{Formats: []string{format}})
			if err != nil {
				t.Fatal(err)
			}
			var r record.Record
			if err := s.Parse([]byte(head+id+tail), &r); err != nil {
				t.Errorf("%s: %v", id, err)
				continue
			}
			if at := r.Timestamp / 1000; at != 1795345224 && r.Format == s.Names()[0] {
				t.Errorf("%s: the time is %d", id, at)
			}
			if strings.Contains(string(r.Access.Scheme), "https") || r.Access.RequestTime.N > 1e9 {
				t.Errorf("%s: scheme %q, duration %d", id, r.Access.Scheme, r.Access.RequestTime.N)
			}
		}
	}
}

// TestTimesThatDisagree: $msec far from $time_local is not believed.
func TestTimesThatDisagree(t *testing.T) {
	f := mustCompile(t, `$remote_addr [$time_local] $http_x $msec`)
	for line, want := range map[string]int64{
		`10.0.0.1 [22/Nov/2026:11:00:24 +0000] a 1795345224.223`: 1795345224223,
		`10.0.0.1 [22/Nov/2026:13:00:24 +0200] a 1795345230.000`: 1795345230000,
		`10.0.0.1 [22/Nov/2026:11:00:24 +0000] a 1000000000.000`: 1795345224000,
		`10.0.0.1 [22/Nov/2026:11:00:24 +0000] a 1995345224.000`: 1795345224000,
	} {
		var r record.Record
		if err := f.Parse([]byte(line), &r); err != nil || r.Timestamp != want {
			t.Errorf("%s: %d, %v, want %d", line, r.Timestamp, err, want)
		}
	}
}
