package firehose_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"clearhop/encode"
	"clearhop/internal/awstest"
	"clearhop/internal/firehosetest"
	"clearhop/sink"
	"clearhop/sink/firehose"
)

// TestRows: each event is a record and a row. What is no event fails alone, one that is
// too long is shortened and says so, and a record that the service refuses is named by its
// place among the documents.
func TestRows(t *testing.T) {
	event := func(id, agent string) sink.Document {
		return sink.Document{ID: []byte(id), Data: fmt.Appendf(nil,
			`{"@timestamp":"2026-11-22T11:00:24.007Z","schema_version":1,"event":{"id":%q,"kind":"event","dataset":"nginx.access"},"user_agent":{"original":%q}}`+"\n", id, agent)}
	}
	docs := []sink.Document{
		event("a", "curl"), {ID: []byte("raw"), Data: []byte("\x1f\x8b")}, event("long", strings.Repeat("x", firehose.MaxRecordBytes)), event("b", "curl"),
	}
	server := firehosetest.Start(t, awstest.Config{Targets: []string{stream}})
	s := newSink(t, firehose.Config{Client: firehosetest.NewClient(server.URL), Rows: true})
	err := s.Put(t.Context(), docs)
	var failed *sink.PutError
	if !errors.As(err, &failed) || len(failed.Failures) != 1 || failed.Failures[0].Index != 1 || !errors.Is(failed.Failures[0].Err, encode.ErrNoRow) {
		t.Errorf("got %v", err)
	}
	rows := server.Documents(stream)
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, id := range []string{"a", "long", "b"} {
		var row struct {
			Timestamp int64
			EventID   string `json:"event_id"`
			Event     struct{ Truncated []string }
		}
		if err := json.Unmarshal(rows[i], &row); err != nil {
			t.Fatal(err)
		}
		if cut := len(row.Event.Truncated) > 0; row.EventID != id || row.Timestamp != 1795345224007000 || cut != (id == "long") {
			t.Errorf("row %d is %.200s", i, rows[i])
		}
	}
	stats := s.TakeStats()
	if stats.Documents != 3 || stats.DocumentsFailed != 1 || stats.Truncated != 1 || stats.Records != 3 {
		t.Errorf("counted %+v", stats)
	}
	// All of them refused: the places are those of the documents.
	denied := firehosetest.Start(t, awstest.Config{Targets: []string{stream}, Script: []awstest.Fault{awstest.AccessDenied()}})
	s = newSink(t, firehose.Config{Client: firehosetest.NewClient(denied.URL), Rows: true})
	if err := s.Put(t.Context(), docs); !errors.As(err, &failed) || len(failed.Failures) != 4 {
		t.Fatalf("got %v", err)
	}
	for i, f := range failed.Failures {
		if f.Index != i {
			t.Errorf("failure %d is of document %d", i, f.Index)
		}
	}
	if err := s.Put(t.Context(), docs[1:2]); !errors.As(err, &failed) || len(failed.Failures) != 1 {
		t.Errorf("got %v", err)
	}
	if err := s.Put(t.Context(), nil); err != nil {
		t.Errorf("nothing to put: %v", err)
	}
	if !bytes.HasSuffix(rows[0], []byte("}")) && !bytes.HasSuffix(rows[0], []byte("}\n")) {
		t.Errorf("the row ends with %q", rows[0][len(rows[0])-5:])
	}
}
