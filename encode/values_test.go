package encode_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"clearhop/encode"
	"clearhop/record"
)

// values is the encode.Row of a test: each value by its path, as the event has it.
type values struct {
	t     *testing.T
	paths []string
	all   map[string]any
}

func (v *values) Text(field int, value []byte) { v.all[v.paths[field]] = string(value) }
func (v *values) Integer(field int, value int64) {
	if v.paths[field] == "@timestamp" {
		v.all["@timestamp"] = time.UnixMilli(value).UTC().Format("2006-01-02T15:04:05.000Z")
		return
	}
	v.all[v.paths[field]] = float64(value)
}
func (v *values) Decimal(field int, value float64) { v.all[v.paths[field]] = value }
func (v *values) Boolean(field int, value bool)    { v.all[v.paths[field]] = value }
func (v *values) JSON(field int, value []byte) {
	var list any
	if err := json.Unmarshal(value, &list); err != nil {
		v.t.Errorf("%s: %s: %v", v.paths[field], value, err)
	}
	v.all[v.paths[field]] = fmt.Sprint(list)
}

// TestFieldReader: a reader gives the values of the event, of every field, whatever bytes
// a visitor sent.
func TestFieldReader(t *testing.T) {
	var paths []string
	for _, f := range encode.Fields() {
		if f.Path != "labels" {
			paths = append(paths, f.Path)
		}
	}
	reader, err := encode.NewFieldReader(paths)
	if err != nil {
		t.Fatal(err)
	}
	hostile := full()
	hostile.Access.UserAgent = []byte("\xff\xfe \xe2\x82 \u009b\x00\"\\ \U0001F600")
	hostile.Access.Referer, hostile.Access.RequestID = []byte{}, nil
	hostile.Geo.CityName = "M\xfcnchen"
	hostile.Timestamp = encode.MinTime
	unparsed := &record.Record{ID: []byte("1"), Original: []byte("\x16\x03"), Line: record.Line{Origin: &record.Origin{}},
		ParseError: &record.ParseError{Column: 3, Reason: "no quote"}, Timestamp: -1,
		Envelope: record.Envelope{LogGroup: []byte("/ecs/web")}}
	for name, rec := range map[string]*record.Record{"full": full(), "hostile": hostile, "unparsed": unparsed} {
		got := &values{t, paths, map[string]any{}}
		reader.Read(rec, got)
		var event map[string]any
		if err := json.Unmarshal(encoder(t, nil).Append(nil, rec), &event); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{}
		flatten(event, "", want)
		if !maps.Equal(got.all, want) {
			t.Errorf("%s:\n got %v\nwant %v", name, got.all, want)
		}
	}
	rec := full()
	if n := testing.AllocsPerRun(10, func() { reader.Read(rec, silent{}) }); n > 0 {
		t.Errorf("Read allocates %v times", n)
	}
	if _, err := encode.NewFieldReader([]string{"labels"}); err == nil {
		t.Error("labels are not in a record, and are not refused")
	}
}

// silent is an encode.Row that keeps nothing.
type silent struct{}

func (silent) Text(int, []byte)     {}
func (silent) Integer(int, int64)   {}
func (silent) Decimal(int, float64) {}
func (silent) Boolean(int, bool)    {}
func (silent) JSON(int, []byte)     {}

// flatten gives the values of an event by their paths.
func flatten(object map[string]any, prefix string, to map[string]any) {
	for key, value := range object {
		path := prefix + key
		switch value := value.(type) {
		case map[string]any:
			if path == "nginx.access.extra" {
				to[path] = fmt.Sprint(value)
				continue
			}
			flatten(value, path+".", to)
		case []any:
			to[path] = fmt.Sprint(value)
		default:
			to[path] = value
		}
	}
}

// BenchmarkFieldReader reads all fields of a record that has all of them.
func BenchmarkFieldReader(b *testing.B) {
	var paths []string
	for _, f := range encode.Fields() {
		if f.Path != "labels" {
			paths = append(paths, f.Path)
		}
	}
	reader, err := encode.NewFieldReader(paths)
	if err != nil {
		b.Fatal(err)
	}
	rec := full()
	b.ReportAllocs()
	for b.Loop() {
		reader.Read(rec, silent{})
	}
}
