package parser

import (
	"math/rand/v2"
	"testing"
	"time"
)

const (
	layoutLocal = "02/Jan/2006:15:04:05 -0700"
	layoutISO   = "2006-01-02T15:04:05-07:00"
)

func TestTime(t *testing.T) {
	f := func(parse func([]byte) (int64, bool), text string, want string) {
		t.Helper()
		got, ok := parse([]byte(text))
		if want == "" {
			if ok {
				t.Errorf("%q was read as %d", text, got)
			}
			return
		}
		wantTime, err := time.Parse(time.RFC3339, want)
		if err != nil {
			t.Fatal(err)
		}
		if !ok || got != wantTime.UnixMilli() {
			t.Errorf("%q: got %d, %t; want %d", text, got, ok, wantTime.UnixMilli())
		}
	}
	local, iso := parseTimeLocal, parseTimeISO

	f(local, "01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00Z")
	f(local, "28/Sep/1970:12:00:00 +0600", "1970-09-28T06:00:00Z")
	f(local, "31/Mar/2020:13:55:28 +0900", "2020-03-31T04:55:28Z")
	f(local, "31/Dec/1969:23:59:59 +0000", "1969-12-31T23:59:59Z")
	f(iso, "1970-09-28T12:00:00+06:00", "1970-09-28T06:00:00Z")

	// Zones of half and quarter hours, west of UTC, and beyond the date line.
	f(local, "01/Jan/2026:00:00:00 +0530", "2025-12-31T18:30:00Z")
	f(local, "01/Jan/2026:00:00:00 +1245", "2025-12-31T11:15:00Z")
	f(local, "31/Dec/2026:23:30:00 -0930", "2027-01-01T09:00:00Z")
	f(local, "01/Jan/2026:00:00:00 +1400", "2025-12-31T10:00:00Z")
	f(iso, "2026-12-31T23:59:59-00:30", "2027-01-01T00:29:59Z")

	// Both sides of Berlin's clock changes: the zone of the line is what counts.
	f(local, "29/Mar/2026:01:59:59 +0100", "2026-03-29T00:59:59Z")
	f(local, "29/Mar/2026:03:00:00 +0200", "2026-03-29T01:00:00Z")
	f(local, "25/Oct/2026:02:30:00 +0200", "2026-10-25T00:30:00Z")
	f(local, "25/Oct/2026:02:30:00 +0100", "2026-10-25T01:30:00Z")

	// Leap days.
	f(local, "29/Feb/2024:12:00:00 +0000", "2024-02-29T12:00:00Z")
	f(local, "29/Feb/2000:12:00:00 +0000", "2000-02-29T12:00:00Z")
	f(local, "01/Mar/2100:00:00:00 +0000", "2100-03-01T00:00:00Z")
	f(local, "29/Feb/2023:12:00:00 +0000", "")
	f(local, "29/Feb/2100:12:00:00 +0000", "")
	f(iso, "2023-02-29T12:00:00+00:00", "")
	f(local, "30/Feb/2024:12:00:00 +0000", "")
	f(local, "31/Apr/2026:12:00:00 +0000", "")
	f(local, "31/Jun/2026:12:00:00 +0000", "")
	f(local, "32/Jan/2026:12:00:00 +0000", "")
	f(local, "00/Jan/2026:12:00:00 +0000", "")

	// A leap second is the first second of the next minute.
	f(local, "31/Dec/2016:23:59:60 +0000", "2017-01-01T00:00:00Z")
	f(local, "31/Dec/2016:23:59:61 +0000", "")

	// The ends of what four digits can say.
	f(local, "01/Jan/0000:00:00:00 +0000", "0000-01-01T00:00:00Z")
	f(local, "29/Feb/0000:00:00:00 +0000", "0000-02-29T00:00:00Z")
	f(local, "31/Dec/9999:23:59:59 +0000", "9999-12-31T23:59:59Z")

	// Neither form.
	for _, text := range []string{
		"", "-",
		"28/sep/1970:12:00:00 +0600", "28/Xxx/1970:12:00:00 +0600",
		"28/Sep/1970 12:00:00 +0600", "28-Sep-1970:12:00:00 +0600",
		"28/Sep/1970:12:00:00 0600 ", "28/Sep/1970:12:00:00 *0600",
		"28/Sep/1970:24:00:00 +0600", "28/Sep/1970:12:60:00 +0600",
		"28/Sep/1970:12:00:00 +2400", "28/Sep/1970:12:00:00 +0060",
		" 8/Sep/1970:12:00:00 +0600", "28/Sep/197a:12:00:00 +0600",
		"28/Sep/1970:12:00:00 +06000", "28/Sep/1970:12:00:00 +060",
	} {
		f(local, text, "")
	}
	for _, text := range []string{
		"", "-",
		"1970-09-28T12:00:00Z", "1970-09-28 12:00:00+06:00", "1970-13-28T12:00:00+06:00",
		"1970-00-28T12:00:00+06:00", "1970-0a-28T12:00:00+06:00", "1970-09-28T12:00:00+06.00",
		"1970-09-28T12:00:00+0a:00", "1970-09-28T12:00:00 06:00",
	} {
		f(iso, text, "")
	}
}

// time.Parse is the slow twin.
func TestTimeAgainstStandardLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	first := time.Date(0, 1, 2, 0, 0, 0, 0, time.UTC).Unix()
	last := time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC).Unix()
	check := func(at time.Time) {
		t.Helper()
		for _, c := range []struct {
			layout string
			parse  func([]byte) (int64, bool)
		}{{layoutLocal, parseTimeLocal}, {layoutISO, parseTimeISO}} {
			text := at.Format(c.layout)
			want, err := time.Parse(c.layout, text)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := c.parse([]byte(text)); !ok || got != want.UnixMilli() {
				t.Fatalf("%q: got %d, %t; want %d", text, got, ok, want.UnixMilli())
			}
		}
	}
	for range 100_000 {
		zone := time.FixedZone("", (random.IntN(2*23*60)-23*60)*60)
		check(time.Unix(first+random.Int64N(last-first), 0).In(zone))
	}
	// Every day of a century that holds all the kinds of leap year.
	for at := time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC); at.Year() < 2105; at = at.AddDate(0, 0, 1) {
		check(at)
	}
}

// Texts that are almost times: the parser and the standard library accept the same
// texts, with two exceptions. The standard library does not accept a second of 60.
// It accepts zones of 24 hours, so zones do not change here.
func TestTimeMutations(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const alphabet = "0123456789+-/: TJanFebSepDec"
	for _, c := range []struct {
		layout, text string
		zone         int
		parse        func([]byte) (int64, bool)
	}{
		{layoutLocal, "28/Feb/2027:12:09:59 +0600", len("28/Feb/2027:12:09:59"), parseTimeLocal},
		{layoutISO, "2027-02-28T12:09:59+06:00", len("2027-02-28T12:09:59"), parseTimeISO},
	} {
		for range 100_000 {
			text := []byte(c.text)
			for range 1 + random.IntN(2) {
				text[random.IntN(c.zone)] = alphabet[random.IntN(len(alphabet))]
			}
			if string(text[c.zone-2:c.zone]) == "60" {
				continue
			}
			got, ok := c.parse(text)
			want, err := time.Parse(c.layout, string(text))
			if ok != (err == nil) || ok && got != want.UnixMilli() {
				t.Fatalf("%q: got %d, %t; the standard library says %v, %v", text, got, ok, want, err)
			}
		}
	}
}
