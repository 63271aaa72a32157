//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"fmt"
	"strings"
	"testing"

	"clearhop/encode"
)

// TestManyKeys: an object may have so many different keys and no more, and the row before
// an event that has too many stays.
func TestManyKeys(t *testing.T) {
	object := func(n int) []byte {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"k%d":"v"`, i)
		}
		return []byte(`{"labels":{"k0":"again"` + b.String() + `}}`)
	}
	c := newChunk([]encode.Column{{Name: "labels", Key: "labels", Kind: encode.StringMap}})
	if err := c.add(object(maxKeys)); err != nil {
		t.Error(err)
	}
	err := c.add(object(maxKeys + 1))
	if err == nil || !strings.Contains(err.Error(), "more than 1024 different keys") {
		t.Errorf("one key too many: %v", err)
	}
	if err := c.add(object(2)); err != nil {
		t.Error(err)
	}
	if spans := c.columns[0].spans; c.rows != 2 || spans[0].size != maxKeys || spans[1] != (span{from: maxKeys, size: 2}) {
		t.Errorf("%d rows, %v", c.rows, spans)
	}
}
