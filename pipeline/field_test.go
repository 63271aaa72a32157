package pipeline_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/pipeline"
	"clearhop/record"
)

// A fieldCase is a file of testdata/field with what its events must say. The lines
// are of log_formats that people use, with addresses for documentation.
type fieldCase struct {
	File   string
	Args   []string // settings, as flags of the command
	Expect []struct {
		Line   int
		Is     map[string]any
		Absent []string
		Holds  []string
	}
	Counts map[string]int // of events by dataset
}

// TestFormatsOfTheField: lines that people have are read with the right values.
func TestFormatsOfTheField(t *testing.T) {
	dir := filepath.Join("testdata", "field")
	text, err := os.ReadFile(filepath.Join(dir, "formats.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for row := range bytes.Lines(text) {
		var c fieldCase
		if err := json.Unmarshal(row, &c); err != nil {
			t.Fatal(err)
		}
		cases++
		t.Run(c.File, func(t *testing.T) { c.check(t, readField(t, filepath.Join(dir, c.File), c.Args)) })
	}
	if cases == 0 {
		t.Error("there are no cases")
	}
}

// readField returns the events of a file.
func readField(t *testing.T, file string, args []string) [][]byte {
	t.Helper()
	var config pipeline.Config
	config.Parser.ErrorZone = "UTC"
	for i := 0; i+1 < len(args); i += 2 {
		switch args[i] {
		case "--format":
			config.Parser.Format = append(config.Parser.Format, args[i+1])
		case "--nlb":
			config.Client.NLB = append(config.Client.NLB, args[i+1])
		default:
			t.Fatalf("the flag %s is not known here", args[i])
		}
	}
	p, err := pipeline.New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w, origin := p.NewWorker(), &record.Origin{File: file}
	var events [][]byte
	for line := range bytes.Lines(text) {
		out := w.Process(&record.Line{Text: bytes.TrimRight(line, "\n"), Origin: origin})
		events = append(events, bytes.Clone(out.Data))
	}
	return events
}

func (c *fieldCase) check(t *testing.T, events [][]byte) {
	t.Helper()
	counts := map[string]int{}
	var flat []map[string]any
	for _, event := range events {
		var parsed map[string]any
		if err := json.Unmarshal(event, &parsed); err != nil {
			t.Fatal(err)
		}
		fields := map[string]any{}
		flatten("", parsed, fields)
		flat = append(flat, fields)
		counts[fmt.Sprint(fields["event.dataset"])]++
	}
	for _, x := range c.Expect {
		if x.Line >= len(flat) {
			t.Fatalf("line %d has no event", x.Line)
		}
		for name, want := range x.Is {
			if got := flat[x.Line][name]; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("line %d: %s is %v, want %v", x.Line, name, got, want)
			}
		}
		for _, name := range x.Absent {
			if got, ok := flat[x.Line][name]; ok {
				t.Errorf("line %d: %s is %v, want none", x.Line, name, got)
			}
		}
		for _, text := range x.Holds {
			if !strings.Contains(string(events[x.Line]), text) {
				t.Errorf("line %d: the event does not have %s", x.Line, text)
			}
		}
	}
	for dataset, want := range c.Counts {
		if counts[dataset] != want {
			t.Errorf("%d events of %s, want %d", counts[dataset], dataset, want)
		}
	}
}

// flatten writes the values of an object under dotted names.
func flatten(prefix string, object, into map[string]any) {
	for name, value := range object {
		if inner, ok := value.(map[string]any); ok {
			flatten(prefix+name+".", inner, into)
			continue
		}
		into[prefix+name] = value
	}
}
