package batchput

import (
	"slices"

	"clearhop/sink"
)

// A Record is a run of documents that are sent together, and fail together.
type Record struct {
	ID   []byte // of its first document; it points into the documents of the Put
	Data []byte // the data of its documents, in order

	// The record holds the sendable documents among docs[first:end].
	first, end int
	documents  int
	size       int   // in bytes
	err        error // why it is not delivered; nil before the first attempt
}

// A batch is the records of one call and the memory they live in.
type batch struct {
	Limits

	buf     []byte
	records []Record
	pending []int    // the indices of records that are not delivered yet
	refused []int    // the indices of records that would fail again
	sending []Record // the pending records of one call
	sizes   []int    // of the records that one call confirmed
}

// sendable reports whether a document goes into a record. An empty document has
// nothing to deliver.
func (b *batch) sendable(d *sink.Document) bool {
	return 0 < len(d.Data) && len(d.Data) <= b.RecordBytes
}

// pack returns the record that begins at docs[first], without its data. The
// record has no documents if none from there on is sendable.
func (b *batch) pack(docs []sink.Document, first int) Record {
	r := Record{first: first, end: first}
	for ; r.end < len(docs); r.end++ {
		d := &docs[r.end]
		if !b.sendable(d) {
			continue
		}
		if r.documents == b.Documents || r.documents > 0 && r.size+len(d.Data) > b.FillBytes {
			break
		}
		if r.documents == 0 {
			r.ID = d.ID
		}
		r.documents++
		r.size += len(d.Data)
	}
	return r
}

// fill packs the documents from next on into the records of one call, and
// returns the first document of the next call.
//
// It decides first which documents make which record, and copies them after that.
// So the buffer has its final size, which CallBytes bounds, before anything points
// into it. A record for which the call has no room left is not cut: the next call
// takes it whole.
func (b *batch) fill(docs []sink.Document, next int) int {
	b.reset()
	size, room := 0, b.CallBytes
	for next < len(docs) && len(b.records) < b.Records {
		r := b.pack(docs, next)
		if r.size+b.Overhead > room {
			break
		}
		next = r.end
		if r.documents > 0 {
			size += r.size
			room -= r.size + b.Overhead
			b.pending = append(b.pending, len(b.records))
			b.records = append(b.records, r)
		}
	}
	b.buf = slices.Grow(b.buf[:0], size)
	for i := range b.records {
		r := &b.records[i]
		start := len(b.buf)
		for j := r.first; j < r.end; j++ {
			if b.sendable(&docs[j]) {
				b.buf = append(b.buf, docs[j].Data...)
			}
		}
		r.Data = b.buf[start:len(b.buf):len(b.buf)]
	}
	return next
}

// reset removes the records and keeps the memory.
func (b *batch) reset() {
	clear(b.records)
	clear(b.sending)
	b.records = b.records[:0]
	b.pending = b.pending[:0]
	b.refused = b.refused[:0]
	b.sending = b.sending[:0]
}

// appendFailures appends the documents of the records that were not delivered.
func (b *batch) appendFailures(failures []sink.Failure, docs []sink.Document) []sink.Failure {
	for _, list := range [][]int{b.pending, b.refused} {
		for _, i := range list {
			r := &b.records[i]
			failures = b.appendFailed(failures, docs, r.first, r.end, r.err)
		}
	}
	return failures
}

// appendFailed appends the sendable documents among docs[first:end]. tooLarge has
// listed the others that fail.
func (b *batch) appendFailed(failures []sink.Failure, docs []sink.Document, first, end int, err error) []sink.Failure {
	for i := first; i < end; i++ {
		if b.sendable(&docs[i]) {
			failures = append(failures, sink.Failure{Index: i, Err: err})
		}
	}
	return failures
}
