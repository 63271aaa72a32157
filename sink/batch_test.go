package sink_test

import (
	"fmt"
	"strings"
	"testing"

	"clearhop/sink"
)

func TestBatch(t *testing.T) {
	var b sink.Batch
	for _, n := range []int{0, 1, 100, 3} { // used again, with more and with less
		size := 0
		for i := range n {
			id, data := fmt.Appendf(nil, "id-%d", i), []byte(strings.Repeat("x", i)+"\n")
			b.Add(id, data)
			size += len(data)
			id[0], data[0] = 'X', 'X' // copies were made
		}
		docs := b.Documents()
		if len(docs) != n || b.Size() != size {
			t.Errorf("%d documents of %d bytes, want %d of %d", len(docs), b.Size(), n, size)
		}
		for i, d := range docs {
			if string(d.ID) != fmt.Sprintf("id-%d", i) || string(d.Data) != strings.Repeat("x", i)+"\n" {
				t.Errorf("document %d is %q %q", i, d.ID, d.Data)
			}
		}
		b.Reset()
		if len(b.Documents()) != 0 || b.Size() != 0 {
			t.Error("not empty after Reset")
		}
	}
}

func TestBatchAllocatesNothing(t *testing.T) {
	var b sink.Batch
	id, data := []byte("id"), []byte("{}\n")
	each := func() {
		for range 100 {
			b.Add(id, data)
		}
		b.Documents()
		b.Reset()
	}
	each()
	if n := testing.AllocsPerRun(100, each); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
