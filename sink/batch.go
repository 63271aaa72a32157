package sink

// A Batch gathers copies of documents, so that many go into a sink with one Put.
// The zero value is ready for use. It belongs to one goroutine at a time.
//
//	b.Add(id, data)
//	err := s.Put(ctx, b.Documents())
//	b.Reset()
type Batch struct {
	text []byte // the data and then the id of each document
	ends []batchEnd
	docs []Document
	size int
}

// A batchEnd says where the data of a document ends in the text of a Batch, and
// where its id ends.
type batchEnd struct{ data, id int }

// maxKept bounds the memory that a Batch keeps from Reset to Reset, in bytes.
const maxKept = 8 << 20

// Add copies a document.
func (b *Batch) Add(id, data []byte) {
	b.text = append(b.text, data...)
	end := batchEnd{data: len(b.text)}
	b.text = append(b.text, id...)
	end.id = len(b.text)
	b.ends = append(b.ends, end)
	b.size += len(data)
}

// Size returns how many bytes of data were added.
func (b *Batch) Size() int { return b.size }

// Documents returns what was added, in order. The result is valid until the next
// Add or Reset.
func (b *Batch) Documents() []Document {
	b.docs = b.docs[:0]
	at := 0
	for _, end := range b.ends {
		b.docs = append(b.docs, Document{ID: b.text[end.data:end.id:end.id], Data: b.text[at:end.data:end.data]})
		at = end.id
	}
	return b.docs
}

// Reset empties the Batch.
func (b *Batch) Reset() {
	if cap(b.text) > maxKept {
		b.text = nil
	}
	clear(b.docs) // they point into the text
	b.text, b.ends, b.docs, b.size = b.text[:0], b.ends[:0], b.docs[:0], 0
}
