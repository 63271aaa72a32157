package decode

import (
	"bufio"
	"bytes"
	"io"
)

// DecodeAll decodes a record that holds one payload or several: of a Kinesis or
// Firehose stream whose producer joins documents, or gzip members, before it puts them.
// They may be separated by white space. Each payload may have any of the forms that
// Decode reads; several must be gzip or JSON.
//
// Either all payloads of the record are returned, or none and the *PayloadError of the
// record read as one. The payloads and everything they point to, except Origin, are
// valid until the decoder's next call. The bounds hold for all payloads together.
func (d *Decoder) DecodeAll(data []byte) ([]*Payload, error) {
	p, err := d.Decode(data)
	if err == nil {
		d.all = append(d.all[:0], p)
		return d.all, nil
	}
	documents := data
	if isGzip(data) {
		var ok bool
		if documents, ok = inflate(data, d.opts.MaxPayload); !ok {
			return nil, err
		}
	}
	if all := d.several(documents); all != nil {
		return all, nil
	}
	return nil, err
}

// inflate unpacks all gzip members of data, also with newlines between them. It reports
// false if they cannot be read, or are larger than limit.
func inflate(data []byte, limit int) (documents []byte, ok bool) {
	in := &members{in: bufio.NewReaderSize(bytes.NewReader(data), readSize)}
	documents, err := io.ReadAll(io.LimitReader(in, int64(limit)+1))
	return documents, err == nil && len(documents) <= limit
}

// several decodes documents that follow each other. It returns nil if there
// is none, or if one of them is no payload.
func (d *Decoder) several(documents []byte) []*Payload {
	if len(documents) > d.opts.MaxPayload {
		return nil
	}
	var all []*Payload
	for {
		documents = documents[blank(documents):]
		if len(documents) == 0 {
			break
		}
		if documents[0] != '{' {
			return nil
		}
		var end cut
		n, whole := end.json(documents)
		if !whole {
			return nil
		}
		// Each has a decoder of its own, so that all stay valid. Records like this
		// are rare.
		p, err := NewDecoder(d.opts).Decode(documents[:n])
		if err != nil {
			return nil
		}
		all = append(all, p)
		documents = documents[n:]
	}
	return all
}
