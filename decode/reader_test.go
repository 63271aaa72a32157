package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"clearhop/record"
)

// spell writes lines as "offset text", followed by the defect.
func spell(lines []record.Line) []string {
	all := []string{}
	for _, l := range lines {
		s := fmt.Sprintf("%d %s", l.Offset, l.Text)
		if l.Defect != record.Sound {
			s += " (" + l.Defect.String() + ")"
		}
		all = append(all, s)
	}
	return all
}

func TestReaderLines(t *testing.T) {
	f := func(name, in string, want ...string) {
		t.Helper()
		got, err := drain(NewReader(strings.NewReader(in), Options{MaxLine: 8}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(append([]string{}, want...), spell(got)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	f("nothing", "")
	f("one", "a\n", "0 a")
	f("no newline at the end", "a\nbc", "0 a", "2 bc")
	f("CRLF", "a\r\nb\r\n", "0 a", "3 b")
	f("one \\r is cut, no more", "a\r\r\n\rb\n", "0 a\r", "4 \rb")
	f("\\r at the very end", "a\r", "0 a")
	f("empty lines are left out", "\n\r\na\n\n\nb\n\r", "3 a", "7 b")
	f("a blank line is a line", " \n\t\n", "0  ", "2 \t")
	f("any bytes", "\x00\x01\n\xff\xfe\n\x1f\n\x28\n", "0 \x00\x01", "3 \xff\xfe", "6 \x1f", "8 (")
	f("as long as allowed", "12345678\n12345678\r\n12345678", "0 12345678", "9 12345678", "19 12345678")
	f("one too long", "123456789\nok\n", "0 12345678 (line longer than the limit of 1 MiB)", "10 ok")
	f("one too long at the end", "ok\n123456789", "0 ok", "3 12345678 (line longer than the limit of 1 MiB)")
	f("one too long, CRLF", "123456789\r\nok\n", "0 12345678 (line longer than the limit of 1 MiB)", "11 ok")
	f("far too long", strings.Repeat("x", 1<<20)+"\nok\n", "0 xxxxxxxx (line longer than the limit of 1 MiB)", "1048577 ok")
	f("far too long at the end", "ok\n"+strings.Repeat("x", 1<<20), "0 ok", "3 xxxxxxxx (line longer than the limit of 1 MiB)")
	f("two too long", strings.Repeat("x", 1<<18)+"\n"+strings.Repeat("y", 1<<18)+"\n", "0 xxxxxxxx (line longer than the limit of 1 MiB)", "262145 yyyyyyyy (line longer than the limit of 1 MiB)")
}

func TestReaderBoundsMemory(t *testing.T) {
	endless := io.MultiReader(io.LimitReader(zeros{}, 16<<20), strings.NewReader("\nok\n"))
	r := NewReader(endless, Options{})
	got, err := drain(r)
	if err != nil || len(got) != 2 || got[0].Defect != record.TooLong || len(got[0].Text) != DefaultMaxLine || string(got[1].Text) != "ok" {
		t.Fatalf("%d lines, %v", len(got), err)
	}
	if n := len(r.lines.buf); n > 4*DefaultMaxLine {
		t.Errorf("the reader holds %d bytes", n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestReaderOrigin(t *testing.T) {
	f := func(name string, want record.Origin) {
		t.Helper()
		line, err := NewReader(strings.NewReader("a\n"), Options{Name: name}).Next()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, line.Origin); diff != "" {
			t.Errorf("%q: -want +got\n%s", name, diff)
		}
	}
	f("", record.Origin{Source: "-"})
	f("-", record.Origin{Source: "-"})
	f("./logs//access.log", record.Origin{Source: "logs/access.log", File: "logs/access.log", Name: "access.log"})
	f("/var/log/nginx/access.log", record.Origin{Source: "/var/log/nginx/access.log", File: "/var/log/nginx/access.log", Name: "access.log"})
}

// The Reader recognizes the content of a stream before the stream ends: each input
// comes from a pipe that stays open.
func TestReaderTellsContent(t *testing.T) {
	plain := payloadJSON(1)
	text := string(base64Of(pack(plain)))
	f := func(name, in string, wantPayload bool) {
		t.Helper()
		pr, pw := io.Pipe()
		defer pr.Close()
		go io.WriteString(pw, in)
		line, err := NewReader(pr, Options{}).Next()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if isPayload := line.ID != nil; isPayload != wantPayload {
			t.Errorf("%s: payload: %v, want %v", name, isPayload, wantPayload)
		}
	}
	f("an access line", nginxLines()[0]+"\n", false)
	f("a JSON access line", `{"time":"x","request":"GET / HTTP/1.1","status":200}`+"\n", false)
	f("JSON with nginx's escapes", `{"request":"\x16\x03","messageType":"DATA_MESSAGE"}`+"\n", false)
	f("a container's envelope", `{"log":"{\"messageType\":\"DATA_MESSAGE\"}\n","stream":"stdout"}`+"\n", false)
	f("the keys, further down", `{"a":{"awslogs":{"data":"H4sI"},"logEvents":[]}}`+"\n", false)
	f("the keys, of another kind", `{"awslogs":"x","logEvents":3,"messageType":"NEWS"}`+"\n", false)
	f("a line in quotes", "\"GET / HTTP/1.1\"\n", false)
	f("a word like base64", "H4sI am\n", false)
	f("HEAD", "HEAD / 200\n", false)

	f("a payload", string(plain), true)
	f("a payload, indented", "\n{\n  \"owner\": [{}],\n  \"logEvents\": [ {\"id\":\"1\",\"message\":\"x\"} ] }", true)
	f("an event", `{"version":1,"awslogs":{"data":"`+text+`"}}`, true)
	f("base64", text+"\n{", true)
	f("base64, quoted", `"`+text+`"`, true)
}

func TestReaderPayloads(t *testing.T) {
	plain := payloadJSON(2)
	event := lambdaEvent(plain)
	text := base64Of(pack(plain))
	var wrapped []byte
	for i := 0; i < len(text); i += 76 {
		wrapped = append(append(wrapped, text[i:min(i+76, len(text))]...), '\n')
	}
	join := func(sep string, parts ...[]byte) []byte { return bytes.Join(parts, []byte(sep)) }
	control := []byte(`{"messageType":"CONTROL_MESSAGE","logEvents":[{"id":"","message":"x"}]}`)
	for name, c := range map[string]struct {
		data  []byte
		times int
	}{
		"one":                   {plain, 1},
		"one behind the other":  {join("", plain, plain, event), 3},
		"by line":               {join("\n", plain, event, text, plain, nil), 4},
		"by CRLF":               {join("\r\n", text, text, nil), 2},
		"base64":                {text, 1},
		"base64, wrapped":       {join("", wrapped, wrapped, wrapped), 3},
		"base64 behind another": {join("", text, text), 2},
		"base64, quoted":        {join(`"`, nil, text, []byte("\n"), text, nil), 2},
		"with control messages": {join("", control, plain, control), 1},
		"gzip":                  {pack(plain), 1},
		"gzip of several":       {pack(join("\n", plain, plain)), 2},
		"gzip members":          {join("", pack(plain), pack(control), pack(plain)), 2},
		"gzip members by line":  {join("\n", pack(plain), pack(plain), nil), 2},
		"gzip of gzip members":  {pack(join("", pack(plain), pack(plain))), 2},
		"gzip of events":        {pack(join("\n", event, event)), 2},
		"zstd":                  {packZstd(join("\n", plain, event, text)), 3},
	} {
		var want []record.Line
		for range c.times {
			want = append(want, wantLines(2)...)
		}
		for how, r := range map[string]io.Reader{
			"at once":  bytes.NewReader(c.data),
			"bytewise": iotest.OneByteReader(bytes.NewReader(c.data)),
		} {
			got, err := drain(NewReader(r, Options{Name: "logs/2026.gz"}))
			if err != nil {
				t.Errorf("%s (%s): %v", name, how, err)
				continue
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (%s): -want +got\n%s", name, how, diff)
			}
		}
	}
}

// A bad payload does not affect the others.
func TestReaderBadPayloads(t *testing.T) {
	good := events(`{"id":"1","message":"x"}`)
	f := func(name, in string, wantLines int, want string) {
		t.Helper()
		got, err := drain(NewReader(strings.NewReader(in), Options{Name: "a.json", MaxPayload: 4096}))
		if len(got) != wantLines {
			t.Errorf("%s: %d lines, want %d", name, len(got), wantLines)
		}
		if fmt.Sprint(err) != want {
			t.Errorf("%s:\n got %v\nwant %s", name, err, want)
		}
	}
	n := len(good)
	f("cut off in a string", good+good[:n-5]+"\n"+good, 2, fmt.Sprintf("read a.json at byte %d: payload: json at byte %d: unexpected end of JSON", n, n-5))
	f("of unknown type", good+`{"messageType":"NEWS"}`+good, 2, fmt.Sprintf("read a.json at byte %d: payload: type at byte 0: unknown messageType", n))
	f("a line of something else", good+"\n<html>\n"+good, 2, fmt.Sprintf("read a.json at byte %d: payload: form at byte 0: not a payload of CloudWatch Logs: neither a Lambda event, base64 text, gzip nor JSON", n+1))
	f("cut off at the end", good+good[:n-1], 1, fmt.Sprintf("read a.json at byte %d: payload: json at byte %d: unexpected end of JSON", n, n-1))
	f("too large", good+events(`{"message":"`+strings.Repeat("x", 5000)+`"}`)+good, 1, fmt.Sprintf("read a.json at byte %d: larger than allowed", n))
}

func TestReaderBadStream(t *testing.T) {
	log := strings.Repeat("192.0.2.1 - - x\n", 10)
	fault := errors.New("fault")
	f := func(name string, r io.Reader, wantLines int, want string) {
		t.Helper()
		reader := NewReader(r, Options{Name: "a.log"})
		got, err := drain(reader)
		if len(got) != wantLines {
			t.Errorf("%s: %d lines, want %d", name, len(got), wantLines)
		}
		if fmt.Sprint(err) != want {
			t.Errorf("%s:\n got %v\nwant %s", name, err, want)
		}
		if _, again := reader.Next(); again == nil || again.Error() != err.Error() {
			t.Errorf("%s: the next call returns %v", name, again)
		}
	}
	first := len(log)
	good := pack([]byte(log))
	f("fault at once", iotest.ErrReader(fault), 0, "read a.log at byte 0: fault")
	f("fault in a line", io.MultiReader(strings.NewReader(log+"cut o"), iotest.ErrReader(fault)), 10, fmt.Sprintf("read a.log at byte %d: fault", first))
	f("fault while in doubt", io.MultiReader(strings.NewReader("{\"a\":\n1\n"), iotest.ErrReader(fault)), 2, "read a.log at byte 8: fault")
	f("gzip header cut off", bytes.NewReader(good[:8]), 0, "read a.log at byte 0: unexpected EOF")
	f("gzip cut off", bytes.NewReader(chop(good, 4)), 10, fmt.Sprintf("read a.log at byte %d: unexpected EOF", first))
	f("gzip checksum", bytes.NewReader(flip(good, -8)), 10, fmt.Sprintf("read a.log at byte %d: gzip: invalid checksum", first))
	f("second member cut off", bytes.NewReader(append(bytes.Clone(good), good[:5]...)), 10, fmt.Sprintf("read a.log at byte %d: unexpected EOF", first))
	f("bytes behind gzip", bytes.NewReader(append(bytes.Clone(good), "text"...)), 10, fmt.Sprintf("read a.log at byte %d: gzip: the bytes after the last member are not gzip", first))
	f("zstd cut off", bytes.NewReader(chop(packZstd([]byte(log)), 3)), 10, fmt.Sprintf("read a.log at byte %d: unexpected EOF", first))
	f("payload, gzip cut off", bytes.NewReader(chop(pack(payloadJSON(2)), 3)), 2, fmt.Sprintf("read a.log at byte %d: unexpected EOF", len(payloadJSON(2))))
}

// A zstd frame with a window of 256 MiB is refused before the memory is allocated.
func TestReaderBoundsZstd(t *testing.T) {
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf, zstd.WithWindowSize(256<<20), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(w, io.LimitReader(zeros{}, 1<<20))
	w.Close()
	_, err = drain(NewReader(&buf, Options{Name: "a.zst"}))
	if !errors.Is(err, zstd.ErrWindowSizeExceeded) {
		t.Errorf("error is %v", err)
	}
}

func TestReaderCountsBytes(t *testing.T) {
	packed := pack(bytes.Repeat([]byte("line\n"), 1000))
	r := NewReader(bytes.NewReader(packed), Options{})
	if n := r.BytesRead(); n != 0 {
		t.Errorf("%d bytes read before the first call", n)
	}
	if _, err := drain(r); err != nil {
		t.Fatal(err)
	}
	if n := r.BytesRead(); n != int64(len(packed)) {
		t.Errorf("%d bytes read, want %d", n, len(packed))
	}
}

func TestReaderRealLog(t *testing.T) {
	for _, path := range []string{"testdata/access.log", "testdata/error.log"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := slowLines(data, DefaultMaxLine)
		got, err := drain(NewReader(bytes.NewReader(data), Options{}))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", path, diff)
		}
	}
}

func TestReaderAllocs(t *testing.T) {
	log := []byte(strings.Join(nginxLines(), "\n") + "\n")
	payload := append(payloadJSON(1000), '\n')
	for name, in := range map[string]io.Reader{
		"lines":    &cycle{data: log},
		"gzip":     &cycle{data: pack(log)},
		"payloads": &cycle{data: payload},
	} {
		r := NewReader(in, Options{})
		next := func() {
			for range 1000 {
				if _, err := r.Next(); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 5 {
			next()
		}
		if allocs := testing.AllocsPerRun(20, next); allocs != 0 {
			t.Errorf("%s: %v allocations for 1,000 lines, want none", name, allocs)
		}
	}
}

// cycle returns the same bytes again and again.
type cycle struct {
	data []byte
	at   int
}

func (c *cycle) Read(p []byte) (int, error) {
	n := copy(p, c.data[c.at:])
	c.at = (c.at + n) % len(c.data)
	return n, nil
}

// TestByteOrderMark: it is not part of the first line. Elsewhere it is an ordinary
// text.
func TestByteOrderMark(t *testing.T) {
	r := NewReader(strings.NewReader("\xEF\xBB\xBFa\n\xEF\xBB\xBFb\n"), Options{Name: "x"})
	for _, want := range []struct {
		text   string
		offset int64
	}{{"a", 3}, {"\xEF\xBB\xBFb", 5}} {
		line, err := r.Next()
		if err != nil || string(line.Text) != want.text || line.Offset != want.offset {
			t.Fatalf("got %+v, %v; want %+v", line, err, want)
		}
	}
}
