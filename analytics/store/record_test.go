//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"errors"
	"testing"
	"time"

	"clearhop/enrich/clientip"
	"clearhop/internal/chaintest"
	"clearhop/internal/mmdbtest"
	"clearhop/pipeline"
	"clearhop/privacy"
	"clearhop/record"
	"clearhop/rule"
)

// hostileLines are what a visitor or a broken disk can put into a log.
var hostileLines = []string{
	"192.0.2.7 - - [22/Nov/2026:11:00:24 +0000] \"GET /a?q=\xff\xfe\xe2\x82 HTTP/1.1\" 200 3 \"\" \"\U0001F600 \xc2\x9b\x00'; DROP TABLE loaded; --\"",
	`192.0.2.7 - - [22/Nov/2026:11:00:24 +0000] "\x16\x03\x01" 400 157 "-" "-"`,
	`192.0.2.7 - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 99999999999999999999 3 "-" "-"`,
	"no line at all \x00\xff", "{", `{"status":200,"request_time":"0.1"}`, "",
}

// TestRecords: a record gives the same row as the event that is written of it, in every
// column, also where privacy hides and where rules sample.
func TestRecords(t *testing.T) {
	chainOf := clientip.Settings{NLB: []string{"10.16.1.11"}, Trusted: []string{"10.16.1.13", "10.16.1.15"}}
	dir := t.TempDir()
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	city := write(t, dir+"/city.mmdb", string(mmdbtest.City(t, now, "JP")))
	asn := write(t, dir+"/asn.mmdb", string(mmdbtest.ASN(t, now, 2516)))
	for name, c := range map[string]pipeline.Config{
		"plain":    {Client: chainOf},
		"truncate": {Client: chainOf, Privacy: privacy.Settings{Mode: "truncate", RedactQuery: []string{"q"}}},
		"hash":     {Client: chainOf, Privacy: privacy.Settings{Mode: "hash", Key: "a key of a test, thirty-two bytes."}},
		"rules":    {Rules: rule.Settings{Rule: []string{"drop verdict=health_check", "sample:0.5 status=2xx"}}, Original: true},
	} {
		c.GeoIP.CityDB, c.GeoIP.ASNDB = city, asn
		c.Now = func() time.Time { return now }
		want := loadLog(t, c, func(l *Load, out *pipeline.Outcome) error {
			if len(out.Data) == 0 {
				return nil
			}
			return l.Add(out.Data)
		})
		c.NoEvents = true
		got := loadLog(t, c, func(l *Load, out *pipeline.Outcome) error {
			if len(out.Data) > 0 {
				t.Error("there is an event in spite of NoEvents")
			}
			if out.Dropped {
				return nil
			}
			return l.AddRecord(out.Record)
		})
		if got != want || len(want) < 10_000 {
			t.Errorf("%s: the rows differ: %d bytes of records, %d of events", name, len(got), len(want))
		}
	}
}

// loadLog takes all recorded logs through a pipeline, and returns the table of what add
// added.
func loadLog(t *testing.T, c pipeline.Config, add func(*Load, *pipeline.Outcome) error) string {
	t.Helper()
	p, err := pipeline.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	s := open(t, Options{})
	l, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := p.NewWorker()
	process := func(origin *record.Origin, at int, text []byte) {
		out := w.Process(&record.Line{Text: text, Offset: int64(at), Origin: origin})
		if err := add(l, &out); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range chaintest.Names(t, "*/*.log") {
		origin := &record.Origin{Source: name, File: name, LogGroup: "/ecs/web"}
		for i, text := range chaintest.Lines(t, name) {
			process(origin, i, text)
		}
	}
	for i, text := range hostileLines {
		process(&record.Origin{Source: "hostile"}, i, []byte(text))
	}
	if stats, err := l.Finish(); err != nil || stats.Bad > 0 {
		t.Fatal(stats, errors.Join(err))
	}
	return ask(t, s, "SELECT * FROM all_lines ORDER BY event_id")
}
