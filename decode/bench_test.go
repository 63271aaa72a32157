package decode

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/klauspost/compress/gzip"
)

const benchLines = 1000

func perLine(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchLines, "ns/line")
}

// benchPayload returns a payload of real lines. Their addresses and request ids vary
// as in real traffic, because equal lines would decompress too fast.
func benchPayload() []byte {
	random := rand.New(rand.NewPCG(1, 2))
	plain := payloadJSON(benchLines)
	plain = regexp.MustCompile(`\b210\.227\.0\.10\b`).ReplaceAllFunc(plain, func([]byte) []byte {
		return fmt.Appendf(nil, "203.0.%d.%d", random.IntN(256), random.IntN(256))
	})
	return regexp.MustCompile(`q=1`).ReplaceAllFunc(plain, func([]byte) []byte {
		return fmt.Appendf(nil, "q=%08x", random.Uint32())
	})
}

// BenchmarkDecode and BenchmarkFloor decode the same payload. Their bytes are those
// of its JSON.
func BenchmarkDecode(b *testing.B) {
	plain := benchPayload()
	for _, c := range []struct {
		name string
		data []byte
	}{{"event", lambdaEvent(plain)}, {"gzip", pack(plain)}, {"JSON", plain}} {
		b.Run(c.name, func(b *testing.B) {
			d := NewDecoder(Options{})
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Decode(c.data); err != nil {
					b.Fatal(err)
				}
			}
			perLine(b)
		})
	}
}

// BenchmarkFloor is the minimum for a Lambda event: base64, gunzip and one scan of
// the JSON, with all buffers allocated.
func BenchmarkFloor(b *testing.B) {
	plain := benchPayload()
	text := base64Of(pack(plain))
	packed := make([]byte, len(text))
	unpacked := make([]byte, len(plain)+1)
	var src bytes.Reader
	var z gzip.Reader
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		n, err := base64.StdEncoding.Decode(packed, text)
		if err != nil {
			b.Fatal(err)
		}
		src.Reset(packed[:n])
		if err := z.Reset(&src); err != nil {
			b.Fatal(err)
		}
		if n, err = io.ReadFull(&z, unpacked); err != io.ErrUnexpectedEOF {
			b.Fatal(err)
		}
		if !json.Valid(unpacked[:n]) {
			b.Fatal("not valid")
		}
	}
	perLine(b)
}

// BenchmarkReader reads plain and compressed lines. Its bytes are decompressed bytes.
func BenchmarkReader(b *testing.B) {
	var log []byte
	lines := nginxLines()
	for i := range 10 * benchLines {
		log = append(append(log, lines[i%len(lines)]...), '\n')
	}
	payload := append(benchPayload(), '\n')
	for _, c := range []struct {
		name string
		data []byte
		size int
		want int
	}{
		{"lines", log, len(log), 10 * benchLines},
		{"gzip", pack(log), len(log), 10 * benchLines},
		{"zstd", packZstd(log), len(log), 10 * benchLines},
		{"payloads", bytes.Repeat(payload, 10), 10 * len(payload), 10 * benchLines},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(c.size))
			for b.Loop() {
				r := NewReader(bytes.NewReader(c.data), Options{})
				for n := 0; ; n++ {
					if _, err := r.Next(); err == io.EOF {
						if n != c.want {
							b.Fatal(n)
						}
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
