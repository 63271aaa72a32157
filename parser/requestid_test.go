package parser_test

import (
	"testing"

	"clearhop/parser"
	"clearhop/record"
)

// TestRequestID: if this hop does not log an id of its own, the id that the previous
// hop passed on identifies the request, in any order of the variables.
func TestRequestID(t *testing.T) {
	for _, test := range []struct{ format, line, want, extra string }{
		{`$remote_addr $http_x_request_id`, "10.16.1.13 handed", "handed", "handed"},
		{`$remote_addr $request_id`, "10.16.1.13 own", "own", ""},
		{`$remote_addr $request_id "$http_x_request_id"`, `10.16.1.13 own "handed"`, "own", "handed"},
		{`$remote_addr "$http_x_request_id" $request_id`, `10.16.1.13 "handed" own`, "own", "handed"},
		{`$remote_addr "$http_x_request_id" $request_id`, `10.16.1.13 "-" own`, "own", ""},
	} {
		f, err := parser.Compile(test.format)
		if err != nil {
			t.Fatal(err)
		}
		var r record.Record
		if err := f.Parse([]byte(test.line), &r); err != nil {
			t.Fatal(err)
		}
		extra := ""
		for _, p := range r.Access.Extra {
			extra += string(p.Value)
		}
		if got := string(r.Access.RequestID); got != test.want || extra != test.extra {
			t.Errorf("%s of %s: id %q and extra %q, want %q and %q", test.line, test.format, got, extra, test.want, test.extra)
		}
	}
}
