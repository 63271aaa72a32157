package decode

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"

	"clearhop/internal/jsonscan"
	"clearhop/record"
)

// A Decoder decodes the payloads that CloudWatch Logs sends. It reuses its buffers
// from call to call and is for one goroutine. It stays usable after an error.
type Decoder struct {
	opts Options

	packed   []byte // the bytes of the base64 text
	unpacked []byte // the JSON; lines alias it
	lines    []record.Line
	payload  Payload
	all      []*Payload // what DecodeAll returns

	src  bytes.Reader
	gzip gzip.Reader
}

// A Payload is the content of one delivery of CloudWatch Logs. It and everything
// it points to, except Origin, are valid until the decoder's next call.
type Payload struct {
	Type Type
	// Filters are the names of the subscription filters that matched.
	Filters []string
	// Origin names the account, log group and log stream of the lines.
	Origin *record.Origin
	// Lines are the log events, in their order. A Control payload has no lines,
	// even if it contains events.
	Lines []record.Line
}

// A Type says what a payload is for.
type Type uint8

const (
	// Data is a payload of log events. Its messageType is DATA_MESSAGE, or it has
	// logEvents and no messageType.
	Data Type = iota
	// Control is a probe of the destination. Its messageType is CONTROL_MESSAGE,
	// and it has no log lines.
	Control
)

// The bounds of the buffers that are kept from one call to the next. Without them,
// one large payload would occupy its memory for ever.
const (
	keepBytes = 16 << 20
	keepLines = 1 << 16
)

var (
	errEmpty     = errors.New("the payload is empty")
	errForm      = errors.New("not a payload of CloudWatch Logs: neither a Lambda event, base64 text, gzip nor JSON")
	errArray     = errors.New("not a payload of CloudWatch Logs: a JSON array")
	errNotBase64 = errors.New("not base64 text")
)

// NewDecoder returns a Decoder with the bounds of o.
func NewDecoder(o Options) *Decoder {
	return &Decoder{opts: o.withDefaults()}
}

// Decode decodes one payload in any of the forms that the package documentation
// lists. An error is a *PayloadError: then nothing of the payload is returned.
// Decode does not change data and does not keep it.
func (d *Decoder) Decode(data []byte) (*Payload, error) {
	d.trim()
	if isGzip(data) {
		return d.gunzip(data)
	}
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0:
		return nil, &PayloadError{Stage: StageForm, Err: errEmpty}
	case data[0] == '{':
		return d.object(data)
	case data[0] == '"':
		return d.quoted(data)
	case data[0] == '[':
		return nil, &PayloadError{Stage: StageForm, Err: errArray}
	case isBase64(data[0]):
		return d.unbase64(data)
	}
	return nil, &PayloadError{Stage: StageForm, Err: errForm}
}

// trim frees the buffers that the last call left too large to keep.
func (d *Decoder) trim() {
	if cap(d.packed) > keepBytes {
		d.packed = nil
	}
	if cap(d.unpacked) > keepBytes {
		d.unpacked = nil
	}
	if cap(d.lines) > keepLines {
		d.lines = nil
	}
}

func isGzip(b []byte) bool {
	return len(b) >= 2 && b[0] == 0x1f && b[1] == 0x8b
}

func isBase64(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '/'
}

// object decodes a JSON object: the event of a Lambda function, or a payload.
func (d *Decoder) object(data []byte) (*Payload, error) {
	s := scanner{jsonscan.Scanner{B: data}}
	v, found := s.awslogsData()
	if s.Err != nil {
		return nil, s.payloadError()
	}
	if found {
		return d.unbase64(d.unquote(v))
	}
	if len(data) > d.opts.MaxPayload {
		return nil, tooLarge(d.opts.MaxPayload)
	}
	d.unpacked = append(d.unpacked[:0], data...)
	return d.parse(d.unpacked)
}

// quoted decodes base64 text in quotes.
func (d *Decoder) quoted(data []byte) (*Payload, error) {
	s := scanner{jsonscan.Scanner{B: data}}
	v, ok := s.Value()
	if ok && s.I < len(data) {
		s.Fail(jsonscan.ErrTrailing)
	}
	if s.Err != nil {
		return nil, s.payloadError()
	}
	return d.unbase64(bytes.TrimSpace(d.unquote(v)))
}

// unquote returns a string without its escapes. Some encoders write "\/" for the
// slashes of base64 text and "\u003d" for the equal signs at its end.
func (d *Decoder) unquote(v jsonscan.Value) []byte {
	if !v.Escaped {
		return v.Raw
	}
	d.unpacked = append(d.unpacked[:0], v.Raw...) // not in use before gunzip
	return jsonscan.Unescape(d.unpacked)
}

// A scanner reads the JSON of payloads.
type scanner struct{ jsonscan.Scanner }

// awslogsData finds the member data of the top-level member awslogs. At a key that
// only a payload has, it stops and reports false.
func (s *scanner) awslogsData() (data jsonscan.Value, found bool) {
	if !s.Enter('{') {
		return jsonscan.Value{}, false
	}
	for first := true; ; first = false {
		key, more := s.Key(first)
		if !more {
			break
		}
		switch {
		case string(key) == "messageType" || string(key) == "logEvents":
			return jsonscan.Value{}, false
		case string(key) == "awslogs" && s.Peek() == '{':
			data, found = s.member("data")
		default:
			s.Value()
		}
		if s.Err != nil {
			return jsonscan.Value{}, false
		}
	}
	s.End()
	if found && data.Kind != jsonscan.Text {
		s.Fail(errNotBase64)
	}
	return data, found
}

// member reads an object and returns the value of one key.
func (s *scanner) member(name string) (v jsonscan.Value, found bool) {
	s.Enter('{')
	for key, member, ok := s.Member(true); ok; key, member, ok = s.Member(false) {
		if string(key) == name {
			v, found = member, true
		}
	}
	return v, found && s.Err == nil
}

func (s *scanner) payloadError() error {
	return &PayloadError{Stage: StageJSON, Offset: int64(s.I), Err: s.Err}
}

func tooLarge(offset int) error {
	return &PayloadError{Stage: StageSize, Offset: int64(offset), Err: ErrTooLarge}
}

func (d *Decoder) unbase64(text []byte) (*Payload, error) {
	n := base64.StdEncoding.DecodedLen(len(text))
	if n > d.opts.MaxPayload {
		return nil, tooLarge(d.opts.MaxPayload)
	}
	if cap(d.packed) < n {
		d.packed = make([]byte, n+n/4)
	}
	n, err := base64.StdEncoding.Decode(d.packed[:n], text)
	if err != nil {
		e := &PayloadError{Stage: StageBase64, Err: errNotBase64}
		if at, ok := errors.AsType[base64.CorruptInputError](err); ok {
			e.Offset = int64(at)
		}
		return nil, e
	}
	return d.gunzip(d.packed[:n])
}

// gunzip decompresses all gzip members of packed, up to the bound.
func (d *Decoder) gunzip(packed []byte) (*Payload, error) {
	d.src.Reset(packed)
	defer d.src.Reset(nil)
	fail := func(stage Stage, err error) (*Payload, error) {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF // the header was cut short
		}
		return nil, &PayloadError{Stage: stage, Offset: int64(len(packed) - d.src.Len()), Err: err}
	}
	if err := d.gzip.Reset(&d.src); err != nil {
		return fail(StageGzip, err)
	}

	limit := d.opts.MaxPayload
	buf := d.unpacked[:0]
	if want := sizeHint(packed, limit); cap(buf) < want {
		buf = make([]byte, 0, want+want/4)
	}
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := d.gzip.Read(buf[len(buf):min(cap(buf), limit+1)])
		buf = buf[:len(buf)+n]
		d.unpacked = buf
		switch {
		case len(buf) > limit:
			return fail(StageSize, ErrTooLarge)
		case err == io.EOF:
			return d.parse(buf)
		case err != nil:
			return fail(StageGzip, err)
		}
	}
}

// sizeHint returns the decompressed size of packed, according to the last four
// bytes of gzip. They may be wrong, so the hint is no larger than the highest
// ratio of deflate allows.
func sizeHint(packed []byte, limit int) int {
	const maxRatio = 1032 // bytes out of one byte
	if len(packed) < 4 {
		return 0
	}
	size := int64(binary.LittleEndian.Uint32(packed[len(packed)-4:]))
	size = min(size, int64(len(packed))*maxRatio, int64(limit))
	// With one byte more, the read that fills the buffer also reaches the end.
	return int(size) + 1
}
