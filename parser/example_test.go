package parser_test

import (
	"errors"
	"fmt"
	"time"

	"clearhop/parser"
	"clearhop/record"
)

func Example() {
	// The directive as it is written in nginx.conf.
	format, err := parser.Compile(`
		log_format timed '$remote_addr - $remote_user [$time_local] "$request" '
		                 '$status $request_time "$upstream_addr" "$upstream_status"';`)
	if err != nil {
		fmt.Println(err)
		return
	}
	line := []byte(`203.0.113.9 - anna [22/Nov/2026:12:00:24 +0100] "GET /caf\xC3\xA9 HTTP/1.1" ` +
		`200 0.012 "10.0.0.1:80, 10.0.0.2:80" "502, 200"`)

	var r record.Record
	if err := format.Parse(line, &r); err != nil {
		fmt.Println(err)
		return
	}
	a := &r.Access
	fmt.Println(time.UnixMilli(r.Timestamp).UTC().Format(time.RFC3339))
	fmt.Printf("%s %s took %v\n", a.Method, a.RequestTarget, time.Duration(a.RequestTime.N))
	for _, try := range a.Upstream {
		fmt.Printf("%s answered %d\n", try.Address, try.Status.N)
	}
	// Output:
	// 2026-11-22T11:00:24Z
	// GET /café took 12ms
	// 10.0.0.1:80 answered 502
	// 10.0.0.2:80 answered 200
}

// A log_format that cannot be read back is refused before the first line.
func ExampleCompile_refused() {
	_, err := parser.Compile(`log_format tight '$remote_addr [$time_local] $status$body_bytes_sent';`)
	fmt.Println(err)
	fmt.Println(errors.Is(err, parser.ErrAmbiguous))
	// Output:
	// log_format cannot be read back: column 53: nothing stands between $status and $body_bytes_sent, and $status can contain a digit, with which $body_bytes_sent can begin
	// true
}

// An absent value is nil, an empty one is not.
func ExampleFormat_Parse_absent() {
	format, err := parser.Compile(`"$http_referer" "$http_user_agent"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	var r record.Record
	if err := format.Parse([]byte(`"-" ""`), &r); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("referer absent:", r.Access.Referer == nil)
	fmt.Println("user agent absent:", r.Access.UserAgent == nil)
	// Output:
	// referer absent: true
	// user agent absent: false
}

// The error says where a line does not fit its format. It contains nothing of the
// line.
func ExampleFormat_Parse_error() {
	format, err := parser.Compile("combined")
	if err != nil {
		fmt.Println(err)
		return
	}
	var r record.Record
	err = format.Parse([]byte(`203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" OK 3 "-" "-"`), &r)
	fmt.Println(err)

	var parse *record.ParseError
	if errors.As(err, &parse) {
		fmt.Println(parse.Variable, parse.Column)
	}
	// Output:
	// column 63: $status: the text that ends the value is not there (log_format combined)
	// status 63
}

// A Set reads the logs of services that write different formats.
func ExampleSet() {
	set, err := parser.NewSet(parser.SetConfig{Formats: []string{parser.Auto, `log_format probe '$remote_addr $status';`}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range []string{
		`203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "curl/8.0" "198.51.100.7"`,
		`10.16.1.11 204`,
		`nginx: configuration file test is successful`,
	} {
		var r record.Record
		if err := set.Parse([]byte(line), &r); err != nil {
			fmt.Println(r.Dataset, err)
			continue
		}
		fmt.Printf("%v %s %d %q\n", r.Dataset, r.Access.RemoteAddr, r.Access.Status.N, r.Access.XForwardedFor)
	}
	// Output:
	// nginx.access 203.0.113.9 200 "198.51.100.7"
	// nginx.access 10.16.1.11 204 ""
	// nginx.unparsed column 8: $status: not a whole number (log_format probe)
}
