package decode

import (
	"bytes"
	"unicode/utf8"
)

// An UnreadableError says that a stream is known, or looks like something, that holds
// no lines as it is, and what to do about it.
type UnreadableError struct {
	What string // what the stream is: "a tar archive"
	Hint string // what to do
}

// Error returns both in one line.
func (e *UnreadableError) Error() string { return "this is " + e.What + ": " + e.Hint }

// binaryHead is how many bytes at the start of a stream are examined to tell binary
// data from text.
const binaryHead = 4 << 10

// magic are the first bytes of streams that hold no lines as they are.
var magic = []struct {
	prefix string
	what   string
	hint   string
}{
	{"\xFD7zXZ\x00", "xz data", "unpack it first: xz -dc FILE | clearhop enrich"},
	{"\x04\x22\x4D\x18", "lz4 data", "unpack it first: lz4 -dc FILE | clearhop enrich"},
	{"\x1F\x9D", "an old compress file", "unpack it first: zcat FILE | clearhop enrich"},
	{"PK\x03\x04", "a zip archive", "unpack it first: unzip -p FILE | clearhop enrich"},
	{"7z\xBC\xAF\x27\x1C", "a 7z archive", "unpack it first: 7z e -so FILE | clearhop enrich"},
	{"%PDF-", "a PDF", "give the log itself"},
	{"PAR1", "Parquet, which holds no log lines", "give the log itself"},
	{"\xFF\xFE", "UTF-16 text, as > of PowerShell writes it", "convert it first: iconv -f UTF-16 -t UTF-8 FILE | clearhop enrich"},
	{"\xFE\xFF", "UTF-16 text", "convert it first: iconv -f UTF-16 -t UTF-8 FILE | clearhop enrich"},
}

// refuse returns an error for the head of a stream that holds no lines as it is, and
// nil for all others. head is what was read of the stream first. A few bytes that are no text are nothing unusual in a log: nginx
// escapes most, but not all of what visitors send.
func refuse(head []byte) error {
	if err := refuseBytes(head); err != nil {
		return err
	}
	return refuseCLI(head)
}

// refuseBytes returns an error for archives, compressed and binary data.
func refuseBytes(head []byte) error {
	for _, m := range magic {
		if bytes.HasPrefix(head, []byte(m.prefix)) {
			return &UnreadableError{m.what, m.hint}
		}
	}
	const tarMagic = 257
	if len(head) > tarMagic && bytes.HasPrefix(head[tarMagic:], []byte("ustar")) {
		return &UnreadableError{"a tar archive", "unpack it first: tar -xOf FILE | clearhop enrich"}
	}
	if isBinary(head) {
		return &UnreadableError{"binary data", "give a log, or log lines on standard input"}
	}
	return nil
}

// mayBeMagic reports whether head is too short to tell whether it begins with one of
// magic.
func mayBeMagic(head []byte) bool {
	for _, m := range magic {
		if len(head) < len(m.prefix) && m.prefix[:len(head)] == string(head) {
			return true
		}
	}
	return false
}

// isBinary reports whether the head of a stream is no text. Control characters, NUL
// among them, and bytes that are not UTF-8 are no text. In compressed data they are
// more than half of all bytes, and some stand at the very start. In an error log with
// the TLS handshakes of visitors, they may be more than half too, but nginx begins
// each line with a time. So more than 30 % of them are binary data if some are at the
// start, and more than 85 % in any case. NULs at the front do not count: a log that was
// emptied while it was written begins with a hole of them.
func isBinary(head []byte) bool {
	const (
		start = 20
		few   = 8 // so many do not count in any case
	)
	head = bytes.TrimLeft(head[:min(len(head), binaryHead)], "\x00")
	n := 0
	early := false
	for at := 0; at < len(head); {
		c, size := utf8.DecodeRune(head[at:])
		cut := c == utf8.RuneError && len(head)-at < utf8.UTFMax // the head may end in a character
		if isNoText(c, size) && !cut {
			n++
			early = early || at < start
		}
		at += size
	}
	share := n * 100 / max(len(head), 1)
	return n > few && (share > 85 || early && share > 30)
}

func isNoText(c rune, size int) bool {
	switch c {
	case '\t', '\n', '\r', 0x1b:
		return false
	case utf8.RuneError:
		return size == 1
	}
	return c < ' ' || c == 0x7f
}

// refuseCLI returns an error for output of the AWS CLI in a form for people.
func refuseCLI(head []byte) error {
	const asJSON = "run the command again with --output json"
	line, rest, whole := bytes.Cut(head, []byte("\n"))
	if !whole {
		return nil
	}
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) > 10 && len(bytes.Trim(line, "-")) == 0 && len(rest) > 0 && rest[0] == '|' {
		return &UnreadableError{"a table of the AWS CLI", asJSON}
	}
	line = bytes.TrimPrefix(line, []byte("- "))
	key, value, ok := bytes.Cut(line, []byte(":"))
	switch string(key) {
	case "events", "results", "searchedLogStreams":
		ok = ok && (len(value) == 0 || string(value) == " []")
	case "nextToken", "nextForwardToken", "nextBackwardToken", "queryLanguage":
	default:
		ok = false
	}
	if ok {
		return &UnreadableError{"YAML of the AWS CLI", asJSON}
	}
	if bytes.HasPrefix(line, []byte("@timestamp,")) && !bytes.Contains(line, []byte("@message")) {
		return errNoMessageColumn
	}
	return nil
}

var errNoMessageColumn error = &UnreadableError{
	"an export of Logs Insights without @message",
	"begin the query with: fields @timestamp, @message",
}
