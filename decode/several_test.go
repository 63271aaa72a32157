package decode

import (
	"bytes"
	"testing"
)

// TestDecodeAll: a record may hold several payloads, and is read as a whole or not at
// all.
func TestDecodeAll(t *testing.T) {
	one, two := payloadJSON(3), payloadJSON(2)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	newline := []byte("\n")
	f := func(name string, data []byte, want ...int) {
		t.Helper()
		d := NewDecoder(Options{MaxPayload: 1 << 20})
		before := bytes.Clone(data)
		for range 2 {
			all, err := d.DecodeAll(data)
			if (err != nil) != (len(want) == 0) || len(all) != len(want) {
				t.Fatalf("%s: %d payloads, %v", name, len(all), err)
			}
			for i, p := range all {
				if len(p.Lines) != want[i] || len(p.Lines[0].ID) == 0 {
					t.Errorf("%s: payload %d has %d lines, want %d", name, i, len(p.Lines), want[i])
				}
			}
		}
		if !bytes.Equal(data, before) {
			t.Errorf("%s: the data was changed", name)
		}
	}
	f("one", pack(one), 3)
	f("two documents in one member", pack(join(one, two)), 3, 2)
	f("two documents and newlines", pack(join(one, newline, two, newline)), 3, 2)
	f("two members", join(pack(one), pack(two)), 3, 2)
	f("two members and newlines", join(pack(one), newline, pack(two), newline), 3, 2)
	f("one member and a newline", join(pack(one), newline), 3)
	f("plain documents", join(one, newline, two), 3, 2)
	f("the second is broken", pack(join(one, two[:len(two)-2])))
	f("the second is none", pack(join(one, []byte("{}"))))
	f("the second member is cut off", join(pack(one), pack(two)[:20]))
	f("too large", join(pack(one), pack(bytes.Repeat([]byte(" "), 1<<20)), pack(two)))
	f("text", []byte("a\nb"))
	f("empty", nil)
	f("blank", pack([]byte(" ")))
}
