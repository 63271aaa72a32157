package pipeline_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"clearhop/decode"
	"clearhop/enrich/clientip"
	"clearhop/enrich/geoip"
	"clearhop/internal/chaintest"
	"clearhop/pipeline"
	"clearhop/record"

	fastgzip "github.com/klauspost/compress/gzip"
)

// payloadLines is how many lines the benchmarks' payload holds.
const payloadLines = 1000

// payload makes the event of a subscription: lines as nginx writes them in the
// recommended format, of many clients, paths and browsers.
func payload(b *testing.B, lines int) []byte {
	b.Helper()
	const seed = 20261122
	random := rand.New(rand.NewPCG(seed, seed))
	agents := []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		"curl/8.5.0",
	}
	type logEvent struct {
		ID        string `json:"id"`
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	events := make([]logEvent, lines)
	for i := range events {
		client := fmt.Sprintf("%d.%d.%d.%d", 1+random.IntN(220), random.IntN(256), random.IntN(256), 1+random.IntN(254))
		events[i] = logEvent{
			ID:        fmt.Sprintf("39%054d", i),
			Timestamp: 1_795_345_224_000 + int64(i),
			Message: fmt.Sprintf(`%s - - [22/Nov/2026:11:%02d:%02d +0000] "GET /shop/item/%d?ref=%x HTTP/1.1" %d %d "https://example.com/shop" "%s" "%s" "%s" 10.16.1.13 - "example.com" %032x 1795345224.%03d 0.%03d %d https "10.0.%d.%d:8080" "200" "0.%03d"`,
				client, i/60%60, i%60, random.IntN(5000), random.Uint64(), []int{200, 200, 200, 304, 404}[random.IntN(5)], random.IntN(90000),
				agents[random.IntN(len(agents))], client, client, random.Uint64(), i, random.IntN(999), 200+random.IntN(900),
				random.IntN(4), 1+random.IntN(250), random.IntN(999)),
		}
	}
	doc, err := json.Marshal(map[string]any{
		"messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/ecs/web", "logStream": "web/nginx/1",
		"subscriptionFilters": []string{"clearhop"}, "logEvents": events,
	})
	if err != nil {
		b.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(doc); err != nil {
		b.Fatal(err)
	}
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	return fmt.Appendf(nil, `{"awslogs":{"data":%q}}`, base64.StdEncoding.EncodeToString(packed.Bytes()))
}

func perLine(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/payloadLines, "ns/line")
	b.ReportMetric(float64(b.N)*payloadLines/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkPayload sets the whole path, from a Lambda event to encoded events,
// beside the floor: base64, gunzip and one scan of the JSON of the same event,
// which nobody can do without. The target is four times the floor.
func BenchmarkPayload(b *testing.B) {
	event := payload(b, payloadLines)
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		data := event[len(`{"awslogs":{"data":"`) : len(event)-len(`"}}`)]
		var packed, plain []byte
		var z fastgzip.Reader
		for b.Loop() {
			var err error
			if packed, err = base64.StdEncoding.AppendDecode(packed[:0], data); err != nil {
				b.Fatal(err)
			}
			if err := z.Reset(bytes.NewReader(packed)); err != nil {
				b.Fatal(err)
			}
			out := bytes.NewBuffer(plain[:0])
			if _, err := io.Copy(out, &z); err != nil {
				b.Fatal(err)
			}
			plain = out.Bytes()
			if !json.Valid(plain) {
				b.Fatal("not JSON")
			}
		}
		perLine(b)
	})
	whole := func(b *testing.B, c pipeline.Config) {
		b.ReportAllocs()
		c.Client.NLB, c.Client.Trusted = []string{"10.16.1.11"}, []string{"10.16.1.13"}
		w := open(b, c)
		d := decode.NewDecoder(decode.Options{})
		var out []byte
		gather := func(o *pipeline.Outcome) error {
			out = append(out, o.Data...)
			return o.Err
		}
		process := func(event []byte) {
			p, err := d.Decode(event)
			if err != nil {
				b.Fatal(err)
			}
			out = out[:0]
			if _, err := w.ProcessBatch(p.Lines, true, gather); err != nil {
				b.Fatal(err)
			}
		}
		for b.Loop() {
			process(event)
		}
		perLine(b)
		double := payload(b, 2*payloadLines)
		once, twice := testing.AllocsPerRun(10, func() { process(event) }), testing.AllocsPerRun(10, func() { process(double) })
		b.ReportMetric((twice-once)/payloadLines, "allocs/line") // beyond first sights, and those of a payload
	}
	b.Run("whole", func(b *testing.B) { whole(b, pipeline.Config{}) })
	// With the databases that make geoip builds, and clients of a thousand
	// networks at random: a real stream has fewer.
	b.Run("whole with GeoIP", func(b *testing.B) {
		c := pipeline.Config{GeoIP: geoip.Settings{CityDB: "../build/geoip/country.mmdb", ASNDB: "../build/geoip/asn.mmdb"}}
		if _, err := os.Stat(c.GeoIP.CityDB); err != nil {
			b.Skip("run make geoip first")
		}
		whole(b, c)
	})
}

// BenchmarkProcess is the path of one line, without decoding.
func BenchmarkProcess(b *testing.B) {
	w := open(b, pipeline.Config{Client: clientip.Settings{NLB: []string{"10.16.1.11"}, Trusted: []string{"10.16.1.13"}}})
	p, err := decode.NewDecoder(decode.Options{}).Decode(payload(b, payloadLines))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range p.Lines {
			w.Process(&p.Lines[i])
		}
	}
	perLine(b)
}

// BenchmarkDerivedID shows what the identity of a line from a file costs.
func BenchmarkDerivedID(b *testing.B) {
	w := open(b, pipeline.Config{})
	line := &record.Line{Text: chaintest.Lines(b, "ok/edge.seed.log")[0], Origin: &record.Origin{Source: "access.log"}}
	b.ReportAllocs()
	for b.Loop() {
		w.Process(line)
	}
}
