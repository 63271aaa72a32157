package decode

import (
	"path/filepath"
	"time"

	"clearhop/record"
)

// The bounds where Options gives none.
const (
	// DefaultMaxLine is 1 MiB: CloudWatch Logs takes no longer event.
	DefaultMaxLine = 1 << 20
	// DefaultMaxPayload is 64 MiB. The event of a Lambda is at most 1 MB of
	// base64, which gets there only if it unpacks to more than 80 times its
	// size.
	DefaultMaxPayload = 64 << 20
	// DefaultPoll is how often Follow looks at its file.
	DefaultPoll = 250 * time.Millisecond
)

// Options are the bounds of decoding and the name of what is decoded. The zero
// value is ready for use.
type Options struct {
	// Name is the path of the input, which gives its lines their identity.
	// Empty or "-" is standard input. A Decoder has no use for it.
	Name string
	// MaxLine is the longest line or message, in bytes without the line
	// ending. 0 or less stands for DefaultMaxLine.
	MaxLine int
	// MaxPayload is the largest payload, in bytes, packed or unpacked.
	// 0 or less stands for DefaultMaxPayload.
	MaxPayload int

	// Poll is how often Follow looks for new text at the end of its file.
	// 0 or less stands for DefaultPoll.
	Poll time.Duration
	// Tick, if not nil, takes the place of Poll: Follow looks once for each
	// value received.
	Tick <-chan time.Time
	// FromEnd makes Follow leave out the lines that the file holds when it is
	// first opened. A file that was not there yet is read from its start.
	FromEnd bool
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

// origin returns where the lines of the named file come from. The name is
// cleaned, so that one file has one name on every system.
func (o Options) origin() *record.Origin {
	if o.Name == "" || o.Name == "-" {
		return &record.Origin{Source: "-"}
	}
	name := filepath.ToSlash(filepath.Clean(o.Name))
	return &record.Origin{Source: name, File: name}
}
