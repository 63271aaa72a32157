package firehose

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"clearhop/sink"
)

const (
	// MaxDocuments is how many documents go into a record. With more, Firehose
	// accepts the record, but hands it to a transformation as one blob.
	MaxDocuments = 500

	// MaxRecordBytes is how long a record gets, and so a document: 998,400. It
	// is the largest number of whole billing steps below both 1,000 KB
	// (1,000,000) and 1,000 KiB (1,024,000).
	MaxRecordBytes = 195 * BillingStep

	// MaxRecords is how many records go into a call.
	MaxRecords = 500

	// MaxCallBytes is how much goes into a call, before base64: 3,993,600, four
	// full records. It is below both 4 MB (4,000,000) and 4 MiB (4,194,304).
	MaxCallBytes = 4 * MaxRecordBytes

	// BillingStep is what the length of a record is rounded up to when it is
	// billed. AWS says 5 KB; 5 KiB is the larger reading, off by 2.4% at most.
	BillingStep = 5 << 10
)

// A record is a run of documents that travel, and fail, together.
type record struct {
	// first and end bound its documents; those that are not sendable do not
	// count among them.
	first, end int
	documents  int
	size       int    // in bytes
	data       []byte // in the batch's buffer
	err        error  // why it is not delivered; nil if not tried yet
}

// sendable reports whether a document goes into a record. An empty one has
// nothing to deliver.
func sendable(d *sink.Document) bool {
	return 0 < len(d.Data) && len(d.Data) <= MaxRecordBytes
}

// pack returns the record that begins at docs[first], without its data. It has
// no documents if none from there on is sendable.
func pack(docs []sink.Document, first int) record {
	r := record{first: first, end: first}
	for ; r.end < len(docs); r.end++ {
		d := &docs[r.end]
		if !sendable(d) {
			continue
		}
		if r.documents == MaxDocuments || r.size+len(d.Data) > MaxRecordBytes {
			break
		}
		r.documents++
		r.size += len(d.Data)
	}
	return r
}

// A batch is the records of one call and the memory they live in.
type batch struct {
	buf     []byte
	records []record
	pending []int          // of records, those not delivered yet
	entries []types.Record // the pending ones as the SDK takes them
}

// fill packs the documents from next on into the records of one call, and
// returns the first document of the next call.
//
// Records are first bounded and then copied, so that the buffer has its final
// size, which MaxCallBytes bounds, before anything points into it. A record that
// the call has no room for is not cut to the room left: the next call takes it
// whole.
func (b *batch) fill(docs []sink.Document, next int) int {
	b.reset()
	size := 0
	for next < len(docs) && len(b.records) < MaxRecords {
		r := pack(docs, next)
		if size+r.size > MaxCallBytes {
			break
		}
		next = r.end
		if r.documents > 0 {
			size += r.size
			b.pending = append(b.pending, len(b.records))
			b.records = append(b.records, r)
		}
	}
	b.buf = slices.Grow(b.buf[:0], size)
	for i := range b.records {
		r := &b.records[i]
		start := len(b.buf)
		for j := r.first; j < r.end; j++ {
			if sendable(&docs[j]) {
				b.buf = append(b.buf, docs[j].Data...)
			}
		}
		r.data = b.buf[start:len(b.buf):len(b.buf)]
	}
	return next
}

// reset forgets the records and keeps the memory.
func (b *batch) reset() {
	clear(b.records)
	b.records = b.records[:0]
	b.pending = b.pending[:0]
}

// appendFailures appends the documents of the records still pending.
func (b *batch) appendFailures(failures []sink.Failure, docs []sink.Document) []sink.Failure {
	for _, i := range b.pending {
		r := &b.records[i]
		failures = appendFailures(failures, docs, r.first, r.end, r.err)
	}
	return failures
}

// appendFailures appends the sendable documents from first up to end; the others
// have been accounted for.
func appendFailures(failures []sink.Failure, docs []sink.Document, first, end int, err error) []sink.Failure {
	for i := first; i < end; i++ {
		if sendable(&docs[i]) {
			failures = append(failures, sink.Failure{Index: i, Err: err})
		}
	}
	return failures
}
