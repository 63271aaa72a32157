package decode

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

// DecodeAll decodes a record that holds one payload or several: of a Kinesis or
// Firehose stream whose producer joins documents, or gzip members, before it puts them.
// They may be separated by white space. Each payload may have any of the forms that
// Decode reads; several must be gzip or JSON. A document of OpenFailed may stand for the
// payloads in it.
//
// Either all payloads of the record are returned, or none and the *PayloadError of the
// record read as one. The payloads and everything they point to, except Origin, are
// valid until the decoder's next call. The bounds hold for all payloads together.
func (d *Decoder) DecodeAll(data []byte) ([]*Payload, error) {
	all, _, err := d.decodeAll(data, true)
	return all, err
}

// decodeAll is DecodeAll, and returns how many bytes were unpacked. open says that
// documents of OpenFailed are opened.
func (d *Decoder) decodeAll(data []byte, open bool) (all []*Payload, size int, err error) {
	p, err := d.Decode(data)
	if err == nil {
		d.all = append(d.all[:0], p)
		return d.all, len(d.unpacked), nil
	}
	documents := data
	if isGzip(data) {
		var ok bool
		if documents, ok = inflate(data, d.opts.MaxPayload); !ok {
			return nil, 0, err
		}
	}
	all, failed := d.several(documents, open)
	switch {
	case failed != nil:
		return nil, 0, failed
	case all == nil:
		return nil, 0, err
	}
	return all, len(documents), nil
}

// inflate unpacks all gzip members of data, also with newlines between them. It reports
// false if they cannot be read, or are larger than limit.
func inflate(data []byte, limit int) (documents []byte, ok bool) {
	in := &members{in: bufio.NewReaderSize(bytes.NewReader(data), readSize)}
	documents, err := io.ReadAll(io.LimitReader(in, int64(limit)+1))
	return documents, err == nil && len(documents) <= limit
}

// several decodes documents that follow each other. It returns nil if there is none, or
// if one of them is no payload. The error is about the records of a document that was
// opened.
func (d *Decoder) several(documents []byte, open bool) ([]*Payload, error) {
	if len(documents) > d.opts.MaxPayload {
		return nil, nil
	}
	left := d.opts.MaxPayload // bytes that the records of documents may still unpack to
	var all []*Payload
	for {
		documents = documents[blank(documents):]
		if len(documents) == 0 {
			return all, nil
		}
		if documents[0] != '{' {
			return nil, nil
		}
		var end cut
		n, whole := end.json(documents)
		if !whole {
			return nil, nil
		}
		// Each has a decoder of its own, so that all stay valid. Records like this
		// are rare.
		p, err := NewDecoder(d.opts).Decode(documents[:n])
		switch {
		case err == nil:
			all = append(all, p)
		case !open:
			return nil, nil
		default:
			failed, err := openFailed(documents[:n], d.opts.MaxPayload)
			if errors.Is(err, ErrNotFailed) {
				return nil, nil
			}
			if err != nil {
				return nil, noPayload(err)
			}
			if all, err = d.records(all, failed.Records, &left); err != nil {
				return nil, err
			}
		}
		documents = documents[n:]
	}
}

// records appends the payloads of the records of a document. left is how many bytes they
// may still unpack to, and becomes less by them.
func (d *Decoder) records(all []*Payload, records [][]byte, left *int) ([]*Payload, error) {
	for _, record := range records {
		if *left <= 0 {
			return nil, tooLarge(d.opts.MaxPayload)
		}
		one := NewDecoder(Options{MaxLine: d.opts.MaxLine, MaxPayload: *left})
		payloads, size, err := one.decodeAll(record, false)
		if err != nil {
			return nil, err
		}
		*left -= minEvent + size
		one.packed, one.gzip = nil, gzip.Reader{} // there may be thousands of records
		all = append(all, payloads...)
	}
	return all, nil
}

// noPayload returns the error of OpenFailed as a *PayloadError.
func noPayload(err error) error {
	if _, ok := errors.AsType[*PayloadError](err); ok {
		return err
	}
	return &PayloadError{Stage: StageForm, Err: err}
}
