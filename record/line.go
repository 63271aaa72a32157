package record

import (
	"encoding/binary"
	"fmt"
)

// A Line is one raw log line and where it came from. The decode package makes
// it, the parser package reads it.
//
// Text aliases the decoder's buffer: it holds until the decoder's next call.
type Line struct {
	// ID is the identity that the source gave the line, such as the event id
	// of CloudWatch Logs. Empty where the source gives none: the event's id is
	// then derived from Origin.Name, First, Offset and Text.
	ID []byte
	// Text is the line without its line ending.
	Text []byte
	// Time is when the source says the line was written, in milliseconds since
	// the Unix epoch. It means something only if HasTime is set.
	Time    int64
	HasTime bool
	// Offset is where the line starts, in bytes from the start of the
	// decompressed source; in a CloudWatch payload the event's index.
	Offset int64
	// First is a hash of the first line of the file. It tells files of one name apart,
	// such as a log before and after its rotation. 0 where the source has a name that is
	// never used again.
	First uint64
	// Seen says that the line was read and passed on before. It comes again for what it
	// says about the lines behind it, and becomes no event.
	Seen bool
	// Defect says what is wrong with the line itself, before any parsing.
	Defect Defect
	// Origin is shared by all lines of one source. It is never nil.
	Origin *Origin
}

// AppendPlace appends to dst what tells the place of the line from all others: the name
// of its source, the first line of its file, and its offset.
func (l *Line) AppendPlace(dst []byte) []byte {
	dst = l.appendName(dst)
	if l.First != 0 {
		dst = binary.BigEndian.AppendUint64(dst, l.First)
	}
	return l.appendOffset(dst)
}

// AppendPlainPlace is AppendPlace without the first line of the file: for ids from
// which nobody may find out what that line says.
func (l *Line) AppendPlainPlace(dst []byte) []byte { return l.appendOffset(l.appendName(dst)) }

func (l *Line) appendName(dst []byte) []byte {
	name := l.Origin.Name
	if name == "" {
		name = l.Origin.Source
	}
	return append(append(dst, name...), 0)
}

func (l *Line) appendOffset(dst []byte) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(l.Offset))
}

// A Defect is why a line cannot be parsed whatever its format is. Such a line
// becomes an event of the dataset nginx.unparsed.
type Defect uint8

const (
	// Sound is a line with nothing wrong.
	Sound Defect = iota
	// TooLong is a line longer than the reader's bound; Text is its head.
	TooLong
	// Malformed is a log event of a payload that has no message; Text is the
	// event as it stood in the payload.
	Malformed
	// Unfinished is a line of a followed file that had no end yet when the reading was
	// interrupted; Text is what was there of it.
	Unfinished
)

// MaxLine is the limit: how long a line or message can be, in bytes. CloudWatch Logs
// accepts no longer event.
const MaxLine = 1 << 20

var tooLong = fmt.Sprintf("line longer than the limit of %d MiB", MaxLine>>20)

// String returns the text that error.message carries.
func (d Defect) String() string {
	switch d {
	case Sound:
		return ""
	case TooLong:
		return tooLong
	case Malformed:
		return "log event without a message"
	case Unfinished:
		return "the line had no end yet when the program was interrupted"
	}
	return "unknown defect"
}

// An Origin is where lines come from. Empty fields are unknown.
type Origin struct {
	// Source names the input for people: a file's path as given, "-" for standard
	// input, group and stream for CloudWatch Logs.
	Source string
	// Name names the input for identities: a file's name without its folder and without
	// what rotation and compression add to it. Empty where Source is the name.
	Name string
	// File is the path of the file that holds the lines; empty for standard
	// input and for payloads, wherever those were read from.
	File string
	// AccountID, LogGroup and LogStream stand in the CloudWatch payload.
	AccountID string
	LogGroup  string
	LogStream string
	// InOrder says that the source itself gives the lines in the order in which they
	// were written, as a subscription of CloudWatch Logs does. A file or a document of
	// the AWS CLI can be newest first.
	InOrder bool
}
