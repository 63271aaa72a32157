package encode_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"clearhop/encode"
)

const rowEvent = `{"@timestamp":"2026-11-22T11:00:24.007Z","schema_version":1,"event":{"id":"3f2a","kind":"event","dataset":"nginx.access"},"url":{"original":"/,\"event\":{\"id\":\"evil\""}}` + "\n"

func TestAppendRow(t *testing.T) {
	row, err := encode.AppendRow([]byte("before "), []byte(rowEvent))
	want := `before {"timestamp":1795345224007000,"dt":"2026-11-22","hour":"11","event_id":"3f2a",` + strings.TrimPrefix(rowEvent, `{"@timestamp":"2026-11-22T11:00:24.007Z",`)
	if err != nil || string(row) != want {
		t.Errorf("got %s, %v, want %s", row, err, want)
	}
	if n := len(row) - len("before ") - len(rowEvent) - len("3f2a"); n > encode.RowOverhead {
		t.Errorf("the row is %d bytes longer than its event", n)
	}
	buffer := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := encode.AppendRow(buffer, []byte(rowEvent)); err != nil {
			t.Fatal(err)
		}
	}); n > 1 { // the conversion of the constant in this test
		t.Errorf("%v allocations", n)
	}
	for _, event := range []string{
		"", "{}\n", "\x1f\x8b", `{"@timestamp":"`, `{"@timestamp":"2026-11-22T11:00:24.007Z"`, `{"@timestamp":"2026-11-22T11:00:24.007Z","x":1}`, `{"@timestamp":"2026-11-22T11:00:24.007Z","x":1,"event":{"id":"a"}}`,
		`{"@timestamp":"2026-13-22T11:00:24.007Z","schema_version":1,"event":{"id":"a"}}`, `{"@timestamp":"2026-11-22T11:00:24.007Z","schema_version":1}`,
		`{"@timestamp":"2026-11-22T11:00:24.007Z","schema_version":1,"event":{"id":"a`, `{"@timestamp":"2026-11-22T11:00:24.007Z","schema_version":1,"event":{"id":"a\"b"}}`,
	} {
		if got, err := encode.AppendRow([]byte("x"), []byte(event)); !errors.Is(err, encode.ErrNoRow) || string(got) != "x" {
			t.Errorf("%q: %q, %v", event, got, err)
		}
	}
}

// FuzzAppendRow: a row of a valid event is valid JSON, says the event's own time and id,
// and has the event's other members.
func FuzzAppendRow(f *testing.F) {
	f.Add([]byte(rowEvent))
	f.Add([]byte(`{"@timestamp":"1969-12-31T23:59:59.999Z","schema_version":1,"event":{"id":"é"}}`))
	f.Fuzz(func(t *testing.T, event []byte) {
		row, err := encode.AppendRow(nil, event)
		if err != nil || !json.Valid(event) {
			return
		}
		var before, after map[string]json.RawMessage
		if json.Unmarshal(event, &before) != nil {
			t.Skip()
		}
		if err := json.Unmarshal(row, &after); err != nil {
			t.Fatalf("%q gives %q: %v", event, row, err)
		}
		var stamp, day, hour string
		var micros int64
		for value, target := range map[string]any{"@timestamp": &stamp} {
			if err := json.Unmarshal(before[value], target); err != nil {
				t.Skip() // the key is there twice
			}
		}
		for value, target := range map[string]any{"timestamp": &micros, "dt": &day, "hour": &hour} {
			if err := json.Unmarshal(after[value], target); err != nil {
				t.Skip()
			}
		}
		if at := time.UnixMicro(micros).UTC(); at.Format("2006-01-02T15:04:05.000Z") != stamp && len(before) == len(after)-3 {
			t.Errorf("%q became %q", stamp, at)
		}
	})
}
