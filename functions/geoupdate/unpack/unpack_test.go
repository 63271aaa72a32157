package unpack_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"clearhop/functions/geoupdate/unpack"
)

// FuzzDatabase: what was packed comes out again, and of a packed file that was cut
// off nothing comes out without an error.
func FuzzDatabase(f *testing.F) {
	f.Add([]byte("a database"), 5)
	f.Add([]byte{}, 0)
	f.Add(bytes.Repeat([]byte("ustar"), 300), 600)
	f.Add([]byte{0x1f, 0x8b}, 1)
	f.Fuzz(func(t *testing.T, content []byte, cut int) {
		isGzip := bytes.HasPrefix(content, []byte{0x1f, 0x8b})
		isTar := len(content) >= 512 && string(content[257:262]) == "ustar"
		var zipped, archived bytes.Buffer
		z := gzip.NewWriter(&zipped)
		z.Write(content)
		z.Close()
		z.Reset(&archived)
		w := tar.NewWriter(z)
		w.WriteHeader(&tar.Header{Name: "db/README", Mode: 0o644, Size: 1})
		w.Write([]byte("x"))
		w.WriteHeader(&tar.Header{Name: "db/db.mmdb", Mode: 0o644, Size: int64(len(content))})
		w.Write(content)
		w.WriteHeader(&tar.Header{Name: "db/LICENSE", Mode: 0o644, Size: 1})
		w.Write([]byte("x"))
		w.Close()
		z.Close()
		for name, packed := range map[string][]byte{"as it is": content, "gzip": zipped.Bytes(), "tar": archived.Bytes()} {
			if name == "as it is" && isGzip || name == "gzip" && isTar {
				continue
			}
			got, err := read(packed)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s: got %d bytes, %v; want %d", name, len(got), err, len(content))
			}
			// The first two bytes tell gzip; without them it is something else.
			if at := max(cut, 2); name != "as it is" && at < len(packed) {
				if _, err := read(packed[:at]); err == nil {
					t.Errorf("%s: %d of %d bytes are taken for whole", name, at, len(packed))
				}
			}
		}
	})
}

func read(packed []byte) ([]byte, error) {
	r, err := unpack.Database(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
