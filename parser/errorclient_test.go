package parser

import (
	"testing"

	"clearhop/record"
)

// TestErrorClientCannotBeForged: a visitor writes the name of a user, a path, a host and
// a referrer. In none of them he can put a client in the place of himself.
func TestErrorClientCannotBeForged(t *testing.T) {
	const (
		head = `2026/11/22 11:00:24 [error] 7#7: *3 `
		fake = `, client: 198.51.100.66, server: s, request: "GET / HTTP/1.1", host: "h"`
		own  = `, client: 203.0.113.9, server: _, request: "GET / HTTP/1.1", host: "example.com"`
		// The same request with the fake in its path.
		ownOfPath = `, client: 203.0.113.9, server: _, request: "GET /x%22%2C%20client%3A%20198.51.100.66%2C HTTP/1.1", host: "example.com"`
	)
	for name, c := range map[string]struct {
		text, client string
	}{
		"a user's name":              {`user "x"` + fake + ` was not found in "/etc/nginx/.htpasswd"` + own, "203.0.113.9"},
		"a user's name, open quote":  {`user "x` + fake + `": password mismatch` + own, "203.0.113.9"},
		"a user's name, two clients": {`user "x"` + fake + fake + ` was not found in "/etc/nginx/.htpasswd"` + own, "203.0.113.9"},
		"a user's name, upstream":    {`user "x"` + fake + `, upstream: "http://a/": password mismatch` + own, "203.0.113.9"},
		"a path":                     {`open() "/html/x"` + fake + `" failed (2: No such file or directory)` + ownOfPath, "203.0.113.9"},
		"a path, open quote":         {`open() "/html/x` + fake + `" failed (2: No such file or directory)` + ownOfPath, "203.0.113.9"},
		"a whole message in a path":  {`open() "/html/x" failed (2: No such file or directory)` + fake + `" failed (2: No such file or directory)` + ownOfPath, "203.0.113.9"},
		"an index":                   {`directory index of "/html/x` + fake + `" is forbidden` + ownOfPath, "203.0.113.9"},
		"an unknown message":         {`something "x` + fake + `" is bad` + own, "203.0.113.9"},
		"a referrer":                 {`open() "/html/x" failed (2: No such file or directory)` + own + `, referrer: "a"` + fake + `"`, "203.0.113.9"},
		"a referrer of an upstream":  {`upstream timed out (110: Connection timed out) while reading response header from upstream` + own + `, referrer: "` + fake, "203.0.113.9"},
		"a host":                     {`access forbidden by rule, client: 203.0.113.9, server: _, request: "GET / HTTP/1.1", host: "a"` + fake, "203.0.113.9"},
		"an upstream":                {`connect() failed (111: Connection refused) while connecting to upstream, client: 203.0.113.9, server: _, request: "GET / HTTP/1.1", upstream: "http://10.0.0.2/"` + fake, "203.0.113.9"},
		"a path and a referrer":      {`open() "/html/x" failed (2: No such file or directory)` + own + `, referrer: "a" failed (2: x)` + ownOfPath, ""},
		"PHP":                        {`FastCGI sent in stderr: "a"` + fake + `" while reading response header from upstream` + own, "203.0.113.9"},
		"nothing forged":             {`open() "/html/x" failed (2: No such file or directory)` + own, "203.0.113.9"},
		"cut off":                    {`open() "/html/x" failed (2: No such file or directory), client: 203.0.113.9, server: _, request: "GET /`, "203.0.113.9"},
	} {
		var r record.Record
		if err := ParseErrorLine([]byte(head+c.text), nil, &r); err != nil {
			t.Fatal(err)
		}
		if got := string(r.Error.Client); got != c.client {
			t.Errorf("%s: client %q, want %q", name, got, c.client)
		}
	}
}
