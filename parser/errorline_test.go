package parser

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"clearhop/internal/nginxtest"
	"clearhop/record"

	"github.com/google/go-cmp/cmp"
)

// dumpErrorLog reads each record of the log. It returns each record, followed by
// everything that was found in it. Lines are joined as in a stream.
func dumpErrorLog(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, line := range joinLines(splitLines(text), nil) {
		var r record.Record
		if strings.IndexByte(line, 0) >= 0 {
			fmt.Fprintf(&out, "%q\n", line) // so that the file stays text
		} else {
			fmt.Fprintf(&out, "%s\n", line)
		}
		if err := ParseErrorLine([]byte(line), nil, &r); err != nil {
			fmt.Fprintf(&out, "    %v\n\n", err)
			continue
		}
		fmt.Fprintf(&out, "    %s\n", r.Dataset)
		for _, field := range dumpError(&r) {
			fmt.Fprintf(&out, "    %s\n", field)
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

func dumpError(r *record.Record) []string {
	return append(dump(r), dumpStruct(reflect.ValueOf(r.Error))...)
}

func splitLines(text []byte) []string {
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// joinLines uses an ErrorJoin as its documentation says. No line is lost or repeated,
// however a join ends. Lines between those of a record follow the record.
func joinLines(lines []string, access func(string) bool) []string {
	var out, held, between []string
	var j ErrorJoin
	release := func() {
		out = append(append(out, held...), between...)
		held, between = nil, nil
	}
	for _, line := range lines {
		if len(held) > 0 {
			switch j.Add([]byte(line), access != nil && access(line)) {
			case JoinMore:
				held = append(held, line)
				continue
			case JoinDone:
				held = []string{string(j.Text())}
				release()
				continue
			case JoinBetween:
				between = append(between, line)
				continue
			case JoinBroken:
				release()
			}
		}
		if j.Start([]byte(line)) {
			held = []string{line}
			continue
		}
		out = append(out, line)
	}
	release()
	return out
}

func TestGoldenErrorLine(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "errorline", "*.log"))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".log") + ".golden"
		checkGolden(t, filepath.Join("errorline", name), dumpErrorLog(t, path))
	}
}

const wholeErrorLine = `2026/11/22 11:00:25 [error] 29#30: *18 connect() failed (111: Connection refused) while connecting to upstream, ` +
	`client: 203.0.113.9, server: www.example.com, request: "GET /a HTTP/1.1", subrequest: "/auth", ` +
	`upstream: "http://10.16.2.4:8080/a", host: "www.example.com", referrer: "https://www.example.com/"`

// A line that was cut at any place still gives what precedes the cut.
func TestErrorLineCut(t *testing.T) {
	var whole record.Record
	if err := ParseErrorLine([]byte(wholeErrorLine), nil, &whole); err != nil {
		t.Fatal(err)
	}
	head := strings.Index(wholeErrorLine, " *18")
	for n := range len(wholeErrorLine) {
		line := wholeErrorLine[:n]
		var r record.Record
		err := ParseErrorLine([]byte(line), nil, &r)
		if n < head {
			if err == nil || IsErrorLine([]byte(line)) {
				t.Errorf("%q was read", line)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		for _, c := range []struct {
			key       string
			got, want []byte
		}{
			{", client: ", r.Error.Client, whole.Error.Client}, {", server: ", r.Error.Server, whole.Error.Server},
			{`, request: "`, r.Error.Request, whole.Error.Request}, {`, subrequest: "`, r.Error.Subrequest, whole.Error.Subrequest},
			{`, upstream: "`, r.Error.Upstream, whole.Error.Upstream}, {`, host: "`, r.Error.Host, whole.Error.Host},
			{`, referrer: "`, r.Error.Referrer, whole.Error.Referrer},
		} {
			from := strings.Index(wholeErrorLine, c.key) + len(c.key)
			if n < from {
				if c.got != nil {
					t.Errorf("%q: %q is %q", line, c.key, c.got)
				}
			} else if want := c.want[:min(len(c.want), n-from)]; c.got == nil || !bytes.Equal(c.got, want) {
				t.Errorf("%q: %q is %q, want %q", line, c.key, c.got, want)
			}
		}
	}
}

func TestErrorLineMismatch(t *testing.T) {
	f := func(line, want string) { // ¶ marks the column
		t.Helper()
		column := strings.Index(line, "¶") + 1
		line = strings.Replace(line, "¶", "", 1)
		var r record.Record
		err := ParseErrorLine([]byte(line), nil, &r)
		var parse *record.ParseError
		if !errors.As(err, &parse) || *parse != (record.ParseError{Column: column, Reason: want}) {
			t.Errorf("%q: got %v, want column %d: %s", line, err, column, want)
		}
		if r.HasTimestamp || r.Dataset != record.Unparsed {
			t.Errorf("%q: the record was changed", line)
		}
	}
	f("¶", notErrorTime)
	f("¶Host: example.com\r", notErrorTime)
	f("2026¶-11-22 11:00:25 [error] 1#1: x", notErrorTime)
	f("2026/11/22 11:00:2¶", notErrorTime)
	f("2026/11/22 11:00:25¶", notErrorLevel)
	f("2026/11/22 11:00:25¶ error] 1#1: x", notErrorLevel)
	f("2026/11/22 11:00:25 [¶Error] 1#1: x", notErrorLevel)
	f("2026/11/22 11:00:25 [¶error", notErrorLevel)
	f("2026/11/22 11:00:25 [error]¶", notProcess)
	f("2026/11/22 11:00:25 [error] ¶x", notProcess)
	f("2026/11/22 11:00:25 [error] ¶1: x", notProcess)
	f("2026/11/22 11:00:25 [error] 1#¶: x", notProcess)
	f("2026/11/22 11:00:25 [error] 1#1:¶x", notProcess)
	f("2026/11/22 11:00:25 [error] ¶99999999999999999999#1: x", notProcess)
	f("¶2026/13/22 11:00:25 [error] 1#1: x", notTime)
	f("¶2026/02/29 11:00:25 [error] 1#1: x", notTime)
	f("¶2026/11/22 24:00:25 [error] 1#1: x", notTime)
	f("203¶"+`.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 1 "-" "-"`, notErrorTime)
}

func TestErrorTime(t *testing.T) {
	f := func(zone, local, want string) {
		t.Helper()
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		var r record.Record
		if err := ParseErrorLine([]byte(local+" [error] 1#1: x"), location, &r); err != nil {
			t.Fatal(err)
		}
		if got := time.UnixMilli(r.Timestamp).UTC().Format(time.RFC3339); got != want || !r.HasTimestamp {
			t.Errorf("%s in %s is %s, want %s", local, zone, got, want)
		}
	}
	f("UTC", "2026/11/22 11:00:25", "2026-11-22T11:00:25Z")
	f("Asia/Kolkata", "2026/11/22 11:00:25", "2026-11-22T05:30:25Z")
	f("Pacific/Kiritimati", "2026/01/01 00:00:00", "2025-12-31T10:00:00Z")

	// Clocks set forward at 02:00 to 03:00: the hour between does not exist.
	f("Europe/Berlin", "2026/03/29 01:59:59", "2026-03-29T00:59:59Z")
	f("Europe/Berlin", "2026/03/29 02:30:00", "2026-03-29T01:30:00Z")
	f("Europe/Berlin", "2026/03/29 03:00:00", "2026-03-29T01:00:00Z")
	f("America/New_York", "2026/03/08 01:59:59", "2026-03-08T06:59:59Z")
	f("America/New_York", "2026/03/08 02:30:00", "2026-03-08T07:30:00Z")
	f("America/New_York", "2026/03/08 03:00:00", "2026-03-08T07:00:00Z")

	// Clocks set back at 03:00 to 02:00: the hour comes twice.
	f("Europe/Berlin", "2026/10/25 01:59:59", "2026-10-24T23:59:59Z")
	f("Europe/Berlin", "2026/10/25 02:00:00", "2026-10-25T00:00:00Z")
	f("Europe/Berlin", "2026/10/25 02:59:59", "2026-10-25T00:59:59Z")
	f("Europe/Berlin", "2026/10/25 03:00:00", "2026-10-25T02:00:00Z")
	f("America/New_York", "2026/11/01 01:30:00", "2026-11-01T05:30:00Z")
	f("Australia/Lord_Howe", "2026/04/05 01:45:00", "2026-04-04T14:45:00Z") // half an hour
	f("Pacific/Apia", "2011/12/30 12:00:00", "2011-12-30T22:00:00Z")        // a day that Samoa left out
}

// Any time that a clock showed is read back. Of two times with the same text, it is
// the earlier one.
func TestErrorTimeReadsClocks(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for at := time.Date(2026, 1, 1, 0, 0, 7, 0, time.UTC); at.Year() < 2028; at = at.Add(13 * time.Minute) {
			local := at.In(location).Format("2006/01/02 15:04:05")
			ms, ok := errorTime([]byte(local), location)
			got := time.UnixMilli(ms)
			if !ok || got.After(at) || got.In(location).Format("2006/01/02 15:04:05") != local {
				t.Fatalf("%s in %s is %s, want %s", local, zone, got.UTC(), at)
			}
		}
	}
}

func TestErrorJoin(t *testing.T) {
	const (
		first  = "2026/11/22 11:00:25 [error] 1#1: *1 broken header: \"GET / HTTP/1.1\r"
		last   = `" while reading PROXY protocol, client: 10.16.1.11, server: 10.16.1.13:80`
		access = `203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 1 "-" "-"`
		other  = `2026/11/22 11:00:25 [error] 2#2: *2 no live upstreams while connecting to upstream, client: 203.0.113.9, server: _`
		php    = `2026/11/22 11:00:25 [error] 1#1: *1 FastCGI sent in stderr: "PHP message: a "quoted" word`
		phpEnd = `PHP message: b" while reading response header from upstream, client: 203.0.113.9, server: _, request: "GET / HTTP/1.1", host: "h"`
		lua    = `2026/11/22 11:00:25 [error] 1#1: *1 lua entry thread aborted: runtime error: a.lua:3: attempt to index a nil value`
		luaEnd = "\ta.lua: in function <a.lua:1>, client: 203.0.113.9, server: _, request: \"GET / HTTP/1.1\", host: \"h\""
		odd    = `2026/11/22 11:00:25 [error] 1#1: it's 5" long`
	)
	line := func(parts ...string) string { return strings.Join(parts, "\n") }
	lines := func(parts ...string) []string { return parts }
	readable := func(line string) bool { return strings.HasPrefix(line, "custom ") }
	f := func(in, want []string) {
		t.Helper()
		if diff := cmp.Diff(want, joinLines(in, readable)); diff != "" {
			t.Errorf("%.200q (-want +got):\n%s", in, diff)
		}
	}
	f(lines(first, "Host: a\r", "\r", last), lines(line(first, "Host: a\r", "\r", last)))
	f(lines(first+"\r", "Host: a\r\r", "\r\r", last+"\r"), lines(line(first+"\r", "Host: a\r\r", "\r\r", last+"\r"))) // CRLF again
	f(lines(first, "", "\x00\xff", last, access), lines(line(first, "", "\x00\xff", last), access))
	f(lines(php, phpEnd), lines(line(php, phpEnd))) // two quotes and an open one
	f(lines(lua, "stack traceback:", "coroutine 0:", luaEnd), lines(line(lua, "stack traceback:", "coroutine 0:", luaEnd)))
	f(lines(first, last, first, last), lines(line(first, last), line(first, last)))

	// Lines between.
	f(lines(first, access, "Host: a\r", "custom x", last, access), lines(line(first, "Host: a\r", last), access, "custom x", access))
	f(lines(first, "2001:db8::1 - -", "/docker-entrypoint.sh: x", last), lines(line(first, last), "2001:db8::1 - -", "/docker-entrypoint.sh: x"))
	f(lines(first, "fed: x\r", last), lines(line(first, "fed: x\r", last)))

	// A new record ends the open one, of which nothing is lost.
	f(lines(first, "Host: a\r", other, "\r", last), lines(first, "Host: a\r", other, "\r", last))
	f(lines(first, "Host: a\r", first, last), lines(first, "Host: a\r", line(first, last)))
	f(lines(first, access, other), lines(first, access, other))

	// The input ends.
	f(lines(first, "Host: a\r"), lines(first, "Host: a\r"))
	f(lines(first), lines(first))
	f(lines("Host: a\r", "\r", last, other), lines("Host: a\r", "\r", last, other))

	// A stray quote costs nothing.
	f(lines(odd, "x", "y", access, other), lines(odd, "x", "y", access, other))
	many := append(lines(odd), strings.Split(strings.Repeat("neither access nor error\n", 200), "\n")...)
	f(many, many)
	flood := append(lines(odd), strings.Split(strings.Repeat(access+"\n", 2*MaxBetween)+last, "\n")...)
	f(flood, flood)

	// Lines that are whole.
	f(lines(other, "Host: a\r", last), lines(other, "Host: a\r", last))
	f(lines(`2026/11/22 11:00:25 [notice] 1#1: using the "epoll" event method`, "x"), lines(`2026/11/22 11:00:25 [notice] 1#1: using the "epoll" event method`, "x"))

	// nginx cut the record.
	cut := first + "\nCookie: a=" + strings.Repeat("b", MaxErrorLine-len(first)-len("\nCookie: a="))
	f(append(strings.Split(cut, "\n"), "x"), lines(cut, "x"))
	f(append(strings.Split(cut+"b", "\n"), "x"), append(strings.Split(cut+"b", "\n"), "x")) // longer than a record is
	full := first[:len(first)-1] + strings.Repeat("b", MaxErrorLine-len(first)+1)
	f(lines(full, last), lines(full, last))
}

// The memory and time for a record are in proportion to what nginx writes, even if
// its lines are short.
func TestErrorJoinIsBounded(t *testing.T) {
	var j ErrorJoin
	if !j.Start([]byte(`2026/11/22 11:00:25 [error] 1#1: *1 broken header: "`)) {
		t.Fatal("not open")
	}
	n := 0
	for j.Add(nil, false) == JoinMore {
		if n++; n > MaxErrorLine || len(j.Text()) > MaxErrorLine {
			t.Fatal("no end")
		}
	}
}

// A real nginx writes error records about requests, and each has the parts that it
// must have.
func TestNginxErrors(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"html", "html/dir"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ports := nginxtest.Start(t, dir, 3, func(ports []int) string {
		return fmt.Sprintf(nginxErrorConf, dir, ports[0], ports[1], ports[2])
	})
	plain, proxied, closed := fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1]), fmt.Sprintf("127.0.0.1:%d", ports[2])
	logPath := filepath.Join(dir, "error.log")
	seen := 0
	// next waits for the next record that begins with message.
	next := func(message string) record.Record {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			text, err := os.ReadFile(logPath)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.HasSuffix(text, []byte("\n")) {
				lines := joinLines(splitLines(text), nil)
				for i := seen; i < len(lines); i++ {
					var r record.Record
					if err := ParseErrorLine([]byte(lines[i]), time.Local, &r); err != nil {
						t.Fatalf("%q: %v", lines[i], err)
					}
					if strings.HasPrefix(string(r.Error.Message), message) {
						seen = i + 1
						return r
					}
				}
			}
			if time.Now().After(deadline) {
				t.Fatalf("no %q in\n%s", message, text)
			}
		}
	}
	f := func(addr, send, message string, want ...string) {
		t.Helper()
		before := time.Now().Truncate(time.Second)
		nginxtest.Fire(t, addr, send)
		r := next(message)
		if at := time.UnixMilli(r.Timestamp); !r.HasTimestamp || at.Before(before.Add(-time.Second)) || at.After(time.Now()) {
			t.Errorf("%s: %s is not between %s and now", message, at, before)
		}
		if !r.Error.PID.Valid || !r.Error.TID.Valid || !r.Error.Connection.Valid {
			t.Errorf("%s: no process or no connection", message)
		}
		got := dumpStruct(reflect.ValueOf(r.Error))
		got = without(got, "PID=", "TID=", "Connection=")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%.60q (-want +got):\n%s", send, diff)
		}
	}
	get := func(path string, headers ...string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n" + strings.Join(append(headers, "\r\n"), "\r\n")
	}
	const client, server, host = `Client="127.0.0.1"`, `Server="www.example.com"`, `Host="www.example.com"`
	const enoent, enoentText = `Errno=2`, `ErrnoText="No such file or directory"`
	root := dir + "/html"

	f(plain, get("/nothing"), "open() ", `Level="error"`, fmt.Sprintf("Message=%q", `open() "`+root+`/nothing" failed`),
		enoent, enoentText, client, server, `Request="GET /nothing HTTP/1.1"`, host)
	f(plain, get("/x", "Referer: http://h/\"a\", host: \"b\", client: 198.51.100.66, server: evil"), "open() ", `Level="error"`,
		fmt.Sprintf("Message=%q", `open() "`+root+`/x" failed`), enoent, enoentText, client, server,
		`Request="GET /x HTTP/1.1"`, host, `Referrer="http://h/\"a\", host: \"b\", client: 198.51.100.66, server: evil"`)
	f(plain, get("/a%0Ab%22c,%20client:%20198.51.100.66,%20server:%20evil"), "open() ", `Level="error"`,
		fmt.Sprintf("Message=%q", `open() "`+root+"/a\nb\"c, client: 198.51.100.66, server: evil\" failed"), enoent, enoentText, client, server,
		`Request="GET /a%0Ab%22c,%20client:%20198.51.100.66,%20server:%20evil HTTP/1.1"`, host)
	f(plain, get("/dir/"), "directory index of ", `Level="error"`, fmt.Sprintf("Message=%q", `directory index of "`+root+`/dir/" is forbidden`),
		client, server, `Request="GET /dir/ HTTP/1.1"`, host)
	f(plain, get("/denied"), "access forbidden", `Level="error"`, `Message="access forbidden by rule"`, client, server, `Request="GET /denied HTTP/1.1"`, host)
	f(plain, get("/refused?a=b"), "connect() ", `Level="error"`, `Message="connect() failed"`, `Errno=111`, `ErrnoText="Connection refused"`,
		`Action="connecting to upstream"`, client, server, `Request="GET /refused?a=b HTTP/1.1"`, fmt.Sprintf("Upstream=%q", "http://"+closed+"/refused?a=b"), host)
	f(plain, get("/gone"), "no live upstreams", `Level="error"`, `Message="no live upstreams"`, `Action="connecting to upstream"`,
		client, server, `Request="GET /gone HTTP/1.1"`, `Upstream="http://gone/gone"`, host)
	f(plain, get("/auth"), "connect() ", `Level="error"`, `Message="connect() failed"`, `Errno=111`, `ErrnoText="Connection refused"`,
		`Action="connecting to upstream"`, client, server, `Request="GET /auth HTTP/1.1"`, `Subrequest="/check"`, fmt.Sprintf("Upstream=%q", "http://"+closed+"/check"), host)
	nginxtest.Fire(t, plain, get("/limited"))
	f(plain, get("/limited"), "limiting requests", `Level="error"`, `Message="limiting requests, excess: 1.000 by zone \"one\""`,
		client, server, `Request="GET /limited HTTP/1.1"`, host)
	f(plain, "POST / HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 99\r\nConnection: close\r\n\r\n"+strings.Repeat("a", 99), "client intended", `Level="error"`,
		`Message="client intended to send too large body: 99 bytes"`, client, server, `Request="POST / HTTP/1.1"`, host)
	f(plain, "GET / HTTP/1.1\r\n\r\n", "client sent HTTP/1.1", `Level="info"`, `Message="client sent HTTP/1.1 request without \"Host\" header"`,
		`Action="reading client request headers"`, client, server, `Request="GET / HTTP/1.1"`)
	f(plain, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "client sent invalid host", `Level="info"`, `Message="client sent invalid host header"`,
		`Action="reading client request headers"`, client, server, `Request="GET / HTTP/1.1"`, `Host="a, b"`)
	f(plain, "get /a \"b\", c: \"d HTTP/1.1\r\n\r\n", "client sent invalid method", `Level="info"`, `Message="client sent invalid method"`,
		`Action="reading client request line"`, client, server, `Request="get /a \"b\", c: \"d HTTP/1.1"`)
	f(plain, "GET / HTTP/9.9\r\n\r\n", "client sent invalid version", `Level="info"`, `Message="client sent invalid version"`,
		`Action="reading client request line"`, client, server, `Request="GET / HTTP/9.9"`)
	f(proxied, "GET / HTTP/1.1\r\nHost: a\r\nCookie: b=\"c\r\n\r\n", "broken header: ", `Level="error"`,
		`Message="broken header: \"GET / HTTP/1.1\r\nHost: a\r\nCookie: b=\"c\r\n\r\n\""`,
		`Action="reading PROXY protocol"`, client, fmt.Sprintf("Server=%q", proxied))

	// A health check that opens a connection and sends nothing.
	for _, c := range []struct{ addr, action string }{{plain, "waiting for request"}, {proxied, "reading PROXY protocol"}} {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		if e := next("client closed connection").Error; string(e.Action) != c.action || string(e.Client) != "127.0.0.1" || string(e.Server) != c.addr {
			t.Errorf("a closed connection: %q", dumpStruct(reflect.ValueOf(e)))
		}
	}

	// The record is too long: nginx cuts it in the middle of the URI.
	nginxtest.Fire(t, plain, get("/"+strings.Repeat("a", 3000)))
	r := next("client sent too long URI")
	if want := "GET /aaa"; !bytes.HasPrefix(r.Error.Request, []byte(want)) || r.Error.Host != nil {
		t.Errorf("the request is %q, want %q …; the host %q", r.Error.Request, want, r.Error.Host)
	}

	// Everything that nginx wrote meanwhile is an error record, and its parts print
	// the same text.
	text, err := os.ReadFile(logPath)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range joinLines(splitLines(text), nil) {
		var r record.Record
		if err := ParseErrorLine([]byte(line), time.Local, &r); err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		if got := printErrorLine(line[:len(errorTimeShape)], &r.Error); got != line && got != line+`"` {
			t.Errorf("\n line %q\nprint %q", line, got)
		}
		if at := time.UnixMilli(r.Timestamp).In(time.Local).Format("2006/01/02 15:04:05"); !strings.HasPrefix(line, at) {
			t.Errorf("%q: read as %s", line, at)
		}
	}
}

// nginxErrorConf takes the directory, and the ports: plain, proxied, closed.
const nginxErrorConf = `
error_log %[1]s/error.log info;
events { worker_connections 64; }
http {
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	access_log off;
	lingering_close off;
	client_header_buffer_size 1k;
	large_client_header_buffers 4 2k;
	client_max_body_size 10;
	root %[1]s/html;
	limit_req_zone $uri zone=one:1m rate=1r/m;
	upstream gone { server 127.0.0.1:%[4]d down; }
	server {
		listen 127.0.0.1:%[2]d;
		listen 127.0.0.1:%[3]d proxy_protocol;
		server_name www.example.com;
		location / { }
		location /denied { deny all; }
		location /refused { proxy_pass http://127.0.0.1:%[4]d; }
		location /gone { proxy_pass http://gone; }
		location /auth { auth_request /check; }
		location /check { internal; proxy_pass http://127.0.0.1:%[4]d; }
		location /limited { limit_req zone=one; }
	}
}
`

// without removes the fields that begin with one of the names.
func without(fields []string, names ...string) []string {
	var out []string
next:
	for _, field := range fields {
		for _, name := range names {
			if strings.HasPrefix(field, name) {
				continue next
			}
		}
		out = append(out, field)
	}
	return out
}

// printErrorLine writes a line as nginx does.
func printErrorLine(at string, e *record.ErrorLine) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s [%s] %d#%d: ", at, e.Level, e.PID.N, e.TID.N)
	if e.Connection.Valid {
		fmt.Fprintf(&out, "*%d ", e.Connection.N)
	}
	out.Write(e.Message)
	if e.Errno.Valid {
		fmt.Fprintf(&out, " (%d: %s)", e.Errno.N, e.ErrnoText)
	} else if e.ErrnoText != nil {
		fmt.Fprintf(&out, " (%s)", e.ErrnoText)
	}
	for _, p := range []struct {
		before string
		value  []byte
		after  string
	}{
		{whileKey, e.Action, ""}, {clientKey, e.Client, ""}, {serverKey, e.Server, ""},
		{`, request: "`, e.Request, `"`}, {`, subrequest: "`, e.Subrequest, `"`}, {`, upstream: "`, e.Upstream, `"`},
		{`, host: "`, e.Host, `"`}, {`, referrer: "`, e.Referrer, `"`},
	} {
		if p.value != nil {
			out.WriteString(p.before + string(p.value) + p.after)
		}
	}
	return out.String()
}

// FuzzErrorLine: the parts of a line print the same line, byte for byte, up to the
// end of the last part. The test does not check zeros before numbers and ", udp
// client". Joining lines only adds line breaks.
func FuzzErrorLine(f *testing.F) {
	for _, name := range []string{"nginx.log", "hostile.log"} {
		text, err := os.ReadFile(filepath.Join("testdata", "errorline", name))
		if err != nil {
			f.Fatal(err)
		}
		for _, line := range splitLines(text) {
			f.Add([]byte(line))
		}
	}
	f.Add([]byte(wholeErrorLine))
	f.Add([]byte("2026/11/22 11:00:25 [error] 1#1:\r"))
	f.Add([]byte("2026/11/22 11:00:25 [error] 1#1: *1 broken header: \"GET / HTTP/1.1\r\nHost: a\r\n\r\n\" while reading PROXY protocol, client: ::1, server: x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		var r record.Record
		err := ParseErrorLine(text, nil, &r)
		var parse *record.ParseError
		if IsErrorLine(text) != (err == nil || errors.As(err, &parse) && parse.Reason == notTime) {
			t.Fatalf("%q: IsErrorLine is %t: %v", text, IsErrorLine(text), err)
		}
		if err == nil {
			line := string(bytes.TrimRight(text, "\r\n"))
			printed := strings.TrimSuffix(printErrorLine(line[:len(errorTimeShape)], &r.Error), `"`)
			plain := strings.Replace(line, udpClientKey, clientKey, 1)
			head, _, _ := readErrorHead([]byte(line))
			zeros := line[:head.end] != printErrorLine(line[:len(errorTimeShape)], &record.ErrorLine{Level: r.Error.Level, PID: r.Error.PID, TID: r.Error.TID, Connection: r.Error.Connection}) ||
				r.Error.Errno.Valid && !strings.Contains(line, fmt.Sprintf(" (%d: ", r.Error.Errno.N))
			if !zeros && !strings.HasPrefix(line, printed) && !strings.HasPrefix(plain, printed) {
				t.Fatalf("\n line %q\nprint %q", line, printed)
			}
			if e := &r.Error; e.Message == nil || e.Client == nil && (e.Server != nil || e.Request != nil || e.Host != nil) {
				t.Fatalf("%q: %q", text, dumpError(&r))
			}
		}
		lines := splitLines(text)
		if got, want := strings.Join(joinLines(lines, nil), "\n"), strings.Join(lines, "\n"); len(got) != len(want) {
			t.Fatalf("joining made %q of %q", got, want)
		}
		if !bytes.Equal(text, before) {
			t.Fatalf("the line was changed to %q", text)
		}
	})
}

func TestErrorLineAllocatesNothing(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(wholeErrorLine)
	broken := [][]byte{
		[]byte("2026/11/22 11:00:25 [error] 1#1: *1 broken header: \"GET / HTTP/1.1\r"), []byte("Host: a\r"), []byte("\r"),
		[]byte(`" while reading PROXY protocol, client: 10.16.1.11, server: 10.16.1.13:80`),
	}
	var r record.Record
	var j ErrorJoin
	run := func() {
		r.Reset()
		if err := ParseErrorLine(line, berlin, &r); err != nil {
			t.Fatal(err)
		}
		if !j.Start(broken[0]) {
			t.Fatal("not open")
		}
		for _, line := range broken[1:] {
			j.Add(line, false)
		}
		if j.Open() {
			t.Fatal("still open")
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkErrorLine(b *testing.B) {
	line := []byte(wholeErrorLine)
	var r record.Record
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset()
		if err := ParseErrorLine(line, nil, &r); err != nil {
			b.Fatal(err)
		}
	}
}
