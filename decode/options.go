package decode

import (
	"path/filepath"
	"time"

	"clearhop/record"
)

// The defaults of Options.
const (
	// DefaultMaxLine is the limit of a line, in bytes.
	DefaultMaxLine = record.MaxLine
	// DefaultMaxPayload is 64 MiB. The event of a Lambda function has at most
	// 1 MB of base64. It reaches this bound only if it decompresses to more than
	// 80 times its size.
	DefaultMaxPayload = 64 << 20
	// DefaultPoll is the time between two looks of Follow at its file.
	DefaultPoll = 250 * time.Millisecond
)

// Options are the bounds of decoding and the name of the input. The zero value is
// ready for use.
type Options struct {
	// Name is the path of the input. It becomes part of the identity of the
	// lines. Empty or "-" means standard input. A Decoder ignores it.
	Name string
	// MaxLine is the length of the longest line or message, in bytes without the
	// line ending. 0 or less means DefaultMaxLine.
	MaxLine int
	// MaxPayload is the size of the largest payload, in bytes, both compressed
	// and decompressed. 0 or less means DefaultMaxPayload.
	MaxPayload int

	// Poll is the time between two looks of Follow at the end of its file.
	// 0 or less means DefaultPoll.
	Poll time.Duration
	// Tick replaces Poll if it is not nil: Follow looks once for each value that
	// it receives.
	Tick <-chan time.Time
	// FromEnd makes Follow skip the lines that are in the file when Follow first
	// looks for it. If the file does not exist then, all its lines are read.
	FromEnd bool
	// Resume is where Follow goes on; nil for the start of the file. The log may have
	// been rotated since. FromEnd then means nothing.
	Resume *Position
	// Keep says that another Follower will go on where this one ends. A line without
	// an end is then left for it.
	Keep bool
}

func (o Options) withDefaults() Options {
	if o.MaxLine <= 0 {
		o.MaxLine = DefaultMaxLine
	}
	if o.MaxPayload <= 0 {
		o.MaxPayload = DefaultMaxPayload
	}
	if o.Poll <= 0 {
		o.Poll = DefaultPoll
	}
	return o
}

// origin returns the Origin of the lines. The name is cleaned, so that a file has
// the same name on every system.
func (o Options) origin() *record.Origin {
	if o.Name == "" || o.Name == "-" {
		return &record.Origin{Source: "-"}
	}
	name := filepath.ToSlash(filepath.Clean(o.Name))
	return &record.Origin{Source: name, File: name, Name: nameOfLog(name)}
}
