package parser_test

import (
	"testing"

	"clearhop/parser"
)

// TestEndsForgedRecord: only a line break in the path of a request is one that nginx
// writes as such.
func TestEndsForgedRecord(t *testing.T) {
	f := func(line string, want bool) {
		t.Helper()
		if got := parser.EndsForgedRecord([]byte(line)); got != want {
			t.Errorf("%v for %s", got, line)
		}
	}
	const end = `y" failed (2: No such file or directory), client: 198.51.100.7, server: _, request: `
	f(end+`"GET /%0Ay HTTP/1.1", host: "h"`, true)
	f(end+`"GET /%0dy?q=1 HTTP/1.1", host: "h"`, true)
	f(end+`"GET /q?x=%0A HTTP/1.1", host: "h"`, false)
	f(end+`"GET /q?x=1 HTTP/1.1", host: "h", referrer: "http://h/?%0A"`, false)
	f(end+`"GET /y HTTP/1.1", host: "h"`, false)
	// A visitor writes a request with a query before the one of nginx.
	f(`y, client: 203.0.113.66, server: x, request: "GET /?" failed (2: x), client: 198.51.100.7, server: _, request: "GET /%0Ay HTTP/1.1"`, true)
	f(`y, client: 203.0.113.66, request: "GET /", request: "?`+end+`"GET /%0A HTTP/1.1"`, true)
	f(`no end of a record: %0A`, false)
}
