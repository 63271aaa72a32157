package pipeline_test

import (
	"testing"
	"time"

	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/verdict"
)

// TestSteps: a caller that leaves out steps gets the same of what it asks for, and nothing
// of the rest.
func TestSteps(t *testing.T) {
	type seen struct {
		dataset record.Dataset
		path    string
		time    int64
		doubt   record.Doubt
		reason  verdict.Reason
		id      bool
		data    bool
	}
	look := func(lines []record.Line, only pipeline.Steps) (all []seen) {
		w := open(t, pipeline.Config{Only: only, Now: func() time.Time { return time.UnixMilli(1_795_345_224_007) }})
		_, err := w.ProcessBatch(lines, true, func(out *pipeline.Outcome) error {
			r := out.Record
			all = append(all, seen{r.Dataset, string(r.URL.Path), r.Timestamp, r.Doubt, r.Provenance.Reason, len(out.ID)+len(r.ID) > 0, len(out.Data) > 0})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	reasons := 0
	for _, log := range samples(t, "../testdata/*/*.log", "testdata/*.log") {
		lines := linesOf(&record.Origin{Source: log.name, File: log.name}, log.lines...)
		whole, judged, parsed := look(lines, pipeline.AllSteps), look(lines, pipeline.Judged), look(lines, pipeline.Parsed)
		for i, want := range whole {
			if !want.id || !want.data {
				t.Errorf("%s: line %d: no event", log.name, i+1)
			}
			want.id, want.data = false, false
			if judged[i] != want {
				t.Errorf("%s: line %d: judged %+v, want %+v", log.name, i+1, judged[i], want)
			}
			if want.reason != verdict.NoReason {
				reasons++
			}
			want.reason = verdict.NoReason
			if parsed[i] != want {
				t.Errorf("%s: line %d: parsed %+v, want %+v", log.name, i+1, parsed[i], want)
			}
		}
	}
	if reasons == 0 {
		t.Error("no line has a reason")
	}
}
