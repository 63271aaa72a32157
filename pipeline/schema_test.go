package pipeline_test

import (
	"bytes"
	"fmt"
	"testing"

	"clearhop/encode"
	"clearhop/pipeline"
	"clearhop/record"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestEventsFitTheSchema: every event of every sample in the tree, of whatever
// kind of line and however private, fits the published schema.
func TestEventsFitTheSchema(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(encode.JSONSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("event.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("event.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	datasets := map[record.Dataset]int{}
	for _, log := range samples(t, "../testdata/*/*.log", "testdata/*.log",
		"../parser/testdata/*.log", "../parser/testdata/*/*.log", "../decode/envelope/testdata/*.log") {
		for _, mode := range []string{"none", "truncate", "hash"} {
			w := open(t, private(mode))
			lines := linesOf(&record.Origin{Source: log.name, File: log.name}, log.lines...)
			n := 0
			_, err := w.ProcessBatch(lines, true, func(out *pipeline.Outcome) error {
				n++
				datasets[out.Record.Dataset]++
				event, err := jsonschema.UnmarshalJSON(bytes.NewReader(out.Data))
				if err != nil {
					return fmt.Errorf("line %d: %w", n, err)
				}
				if err := schema.Validate(event); err != nil {
					t.Errorf("%s: line %d: %v\n%s", log.name, n, err, out.Data)
				}
				return nil
			})
			if err != nil || n != len(lines) {
				t.Errorf("%s: %d events of %d lines, %v", log.name, n, len(lines), err)
			}
		}
	}
	if len(datasets) != 4 {
		t.Errorf("only these datasets came up: %v", datasets)
	}
}
