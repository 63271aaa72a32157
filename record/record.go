// Package record holds the Record: one line of an nginx log as typed values,
// and what the steps of the pipeline found out about it.
//
// The package is a leaf. Parsers fill a Record, the enrich steps add to it,
// encoders read it; none of them knows the others.
//
// # Presence
//
// Absent and empty differ throughout. A text value is absent when it is nil,
// and present but empty when it has length zero; a number carries its own
// Valid. nginx writes "-" for a variable that has no value, which parsers turn
// into absent, and nothing at all for an empty one.
//
// # Lifetime
//
// The text values are slices of the line, of the Record's own scratch space or
// of a step's cache. They hold until the Record's next Reset. A Record is not
// safe for concurrent use; each goroutine has its own and uses it again for
// each line, which is why a steady stream allocates nothing.
package record

import "net/netip"

// A Record is one line on its way through the pipeline. The zero value is
// ready for use.
type Record struct {
	// Line is the line that the record was made of.
	Line Line
	// ID identifies the event for good: Line.ID, or one derived from the line.
	ID []byte
	// Hash is the same for the same log event on each road out of CloudWatch Logs; nil
	// where the line is none of its events.
	Hash []byte
	// Original is the line as it was read, where the event is to carry it;
	// else nil.
	Original []byte
	// OriginalCut says that the line was longer than Original can be.
	OriginalCut bool
	// Dataset says what kind of line it is.
	Dataset Dataset
	// Timestamp is when the request ended, in milliseconds since the Unix
	// epoch, and TimestampFrom where that was read. A parser that found no time
	// in the line leaves HasTimestamp unset.
	Timestamp     int64
	HasTimestamp  bool
	TimestampFrom TimeSource
	// Zone is the time zone in which the line has its time, in seconds east of UTC.
	Zone int
	// Format is the name of the log_format that an AccessLine was read with.
	Format string
	// Access holds what nginx logged of the request, for an AccessLine.
	Access Access
	// Error holds the parts of an error line, for an ErrorLogLine.
	Error ErrorLine
	// Envelope is what a log router wrapped around the line.
	Envelope Envelope
	// Doubt says whether a visitor can have written the line.
	Doubt Doubt
	// Continues is the ID of the line that this one goes on; nil for most.
	Continues []byte
	// ParseError says why an unparsed line is none; nil for all others.
	ParseError *ParseError
	// SampleRate is the share of records like this one that are kept, above 0
	// and below 1; 0 where none are left out.
	SampleRate float64

	// Client, Provenance, Geo, AS, UserAgent and URL are the work of the
	// enrich steps.
	Client     Client
	Provenance Provenance
	Geo        Geo
	AS         AS
	UserAgent  UserAgent
	URL        URL

	scratch []byte
}

// Reset makes r ready for the next line and keeps the memory it holds.
func (r *Record) Reset() {
	upstream, extra := r.Access.Upstream[:0], r.Access.Extra[:0]
	provenance := r.Provenance
	provenance.Reset()
	scratch := r.scratch
	if cap(scratch) > maxScratch {
		scratch = nil
	}
	*r = Record{scratch: scratch[:0], Provenance: provenance}
	r.Access.Upstream, r.Access.Extra = upstream, extra
}

// ResetAccess takes back what a parser filled in before it failed.
func (r *Record) ResetAccess() {
	upstream, extra := r.Access.Upstream[:0], r.Access.Extra[:0]
	r.Access = Access{Upstream: upstream, Extra: extra}
	r.Dataset, r.Timestamp, r.HasTimestamp, r.Zone, r.Format = Unparsed, 0, false, 0, ""
	r.scratch = r.scratch[:0]
}

// maxScratch bounds the scratch space that a Record keeps from line to line:
// one hostile line does not enlarge every Record for good.
const maxScratch = 64 << 10

// Scratch lends the Record's scratch space for values that do not stand in the
// line as they are, such as undone escapes. The caller appends to it and hands
// the longer slice back with SetScratch.
func (r *Record) Scratch() []byte { return r.scratch }

// SetScratch takes back what Scratch lent.
func (r *Record) SetScratch(b []byte) { r.scratch = b }

// A Dataset is the kind of a line; its text is the event's event.dataset.
type Dataset uint8

const (
	// Unparsed is a line that no format reads.
	Unparsed Dataset = iota
	// AccessLine is a line of an access log.
	AccessLine
	// ErrorLogLine is a line of an error log.
	ErrorLogLine
	// OtherLine is known chatter: of an entrypoint, nginx's notices, and lines
	// that go on another one.
	OtherLine
)

// NumDatasets is the length of an array that is indexed by Dataset.
const NumDatasets = int(OtherLine) + 1

// String returns the value of event.dataset.
func (d Dataset) String() string {
	switch d {
	case AccessLine:
		return "nginx.access"
	case ErrorLogLine:
		return "nginx.error"
	case OtherLine:
		return "nginx.other"
	case Unparsed:
		return "nginx.unparsed"
	}
	return "nginx.unparsed"
}

// A Doubt says whether a visitor can have written a whole line, and not only values in
// it: nginx writes paths into its error log with their line breaks. A line in doubt is
// no evidence of anything.
type Doubt uint8

const (
	// NoDoubt: nginx wrote the line, as far as can be known.
	NoDoubt Doubt = iota
	// DoubtAccess: the line can stand inside an error record. That counts only if it is
	// an access line.
	DoubtAccess
	// DoubtPossible: the line can stand inside an error record. That counts if the line
	// would be evidence about the client or the chain.
	DoubtPossible
	// DoubtAttempt: the line can stand inside an error record, and a visitor sent a
	// line break that nginx wrote into such a record.
	DoubtAttempt
)

// A TimeSource is where a record's timestamp comes from.
type TimeSource uint8

const (
	// FromLine: the line itself bears the time.
	FromLine TimeSource = iota
	// FromEnvelope: the time that a log router gave the line.
	FromEnvelope
	// FromSource: the log event's time, as CloudWatch Logs stored it.
	FromSource
	// FromPrevious: the time of the line before it in the stream.
	FromPrevious
	// FromClock: the time of reading, for want of any other.
	FromClock
)

// String returns the value of event.timestamp_from; empty for FromLine.
func (s TimeSource) String() string {
	switch s {
	case FromLine:
		return ""
	case FromEnvelope:
		return "envelope"
	case FromSource:
		return "cloudwatch"
	case FromPrevious:
		return "previous_line"
	case FromClock:
		return "clock"
	}
	return ""
}

// An Int is a whole number that may be absent.
type Int struct {
	N     int64
	Valid bool
}

// A Pair is a variable without a field of its own: its nginx name and value.
type Pair struct {
	Name  string
	Value []byte
}

// A URL is the request's target in parts. Values are as the client sent them,
// percent-encoding left alone.
type URL struct {
	// Original is the request target as it stood in the request line.
	Original []byte
	// Path is the target up to the first "?" or "#".
	Path []byte
	// Query is what follows the "?", without it.
	Query []byte
	// Extension is what follows the last "." of the path's last segment.
	Extension []byte
	// Domain is the host asked for, without port and brackets.
	Domain []byte
	// Scheme is http or https, where known.
	Scheme []byte
	// Port is the server's port, where known.
	Port Int
}

// A Client is who sent the request, as far as that can be known.
type Client struct {
	// IP is the client's address; the zero Addr where it cannot be known or is
	// hidden. An address of a proxy never stands here. It is unmapped and has
	// no zone.
	IP netip.Addr
	// Address is what was logged in the client's place when that is no IP
	// address: a masked address, a name, "unix:"; or the pseudonym of a hidden
	// one.
	Address []byte
	// Port is the client's port, where nginx logged one that is not the peer's.
	Port Int
	// SourceIP and SourcePort are the TCP peer that nginx saw; SourceAddress is
	// the pseudonym of a hidden one.
	SourceIP      netip.Addr
	SourceAddress []byte
	SourcePort    Int
}
