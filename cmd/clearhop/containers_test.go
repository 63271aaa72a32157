package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestContainers: a log is read in whatever a person has it: the output of the AWS CLI
// and of Logs Insights, behind the prefix of a viewer, in the record of a log router.
// Each row of cases.jsonl names fields of the first event and counts datasets.
func TestContainers(t *testing.T) {
	dir := filepath.Join("testdata", "containers")
	rows, err := os.ReadFile(filepath.Join(dir, "cases.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for row := range bytes.Lines(rows) {
		var c struct {
			File   string
			First  map[string]any
			Counts map[string]int
		}
		if err := json.Unmarshal(row, &c); err != nil {
			t.Fatal(err)
		}
		n++
		t.Run(c.File, func(t *testing.T) {
			events := enriched(t, filepath.Join(dir, c.File))
			for field, want := range c.First {
				if got := fmt.Sprint(events[0][field]); got != fmt.Sprint(want) {
					t.Errorf("%s is %s, want %v", field, got, want)
				}
			}
			for dataset, want := range c.Counts {
				got := 0
				for _, e := range events {
					if e["event.dataset"] == dataset {
						got++
					}
				}
				if got != want {
					t.Errorf("%d events of %s, want %d", got, dataset, want)
				}
			}
		})
	}
	if n < 20 {
		t.Errorf("only %d cases", n)
	}
}

// enriched returns the events of a file, each with its fields by their dotted names.
func enriched(t *testing.T, args ...string) []map[string]any {
	t.Helper()
	var out, errOut bytes.Buffer
	if code := run(t.Context(), append([]string{"enrich", "-q"}, args...), strings.NewReader(""), &out, &errOut); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errOut.String())
	}
	var events []map[string]any
	for line := range bytes.Lines(out.Bytes()) {
		var event map[string]any
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatal(err)
		}
		events = append(events, dotted(map[string]any{}, "", event))
	}
	if len(events) == 0 {
		t.Fatal("no events")
	}
	return events
}

func dotted(all map[string]any, prefix string, object map[string]any) map[string]any {
	for key, value := range object {
		if inner, ok := value.(map[string]any); ok {
			dotted(all, prefix+key+".", inner)
		} else {
			all[prefix+key] = value
		}
	}
	return all
}

// TestSameEvent: a log event has the same id and time from a subscription's payload
// and from filter-log-events, in each of its forms.
func TestSameEvent(t *testing.T) {
	const (
		id      = "39123456789012345678901234567890123456789012345678901234"
		message = "/docker-entrypoint.sh: Configuration complete; ready for start up"
	)
	forms := map[string]string{
		"payload": `{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":[],"logEvents":[{"id":"` + id + `","timestamp":1754733600123,"message":"` + message + `"}]}`,
		"json":    "{\n  \"events\": [\n    {\"logStreamName\":\"s\",\"timestamp\":1754733600123,\"message\":\"" + message + "\",\"ingestionTime\":1,\"eventId\":\"" + id + "\"}\n  ]\n}",
		"text":    "EVENTS\t" + id + "\t1754733601000\ts\t" + message + "\t1754733600123\n",
		"jq":      `{"logStreamName":"s","timestamp":1754733600123,"message":"` + message + `","ingestionTime":1,"eventId":"` + id + `"}`,
	}
	for name, text := range forms {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		events := enriched(t, path)
		e := events[0]
		if len(events) != 1 || e["event.id"] != id || e["@timestamp"] != "2025-08-09T10:00:00.123Z" ||
			e["event.timestamp_from"] != "cloudwatch" || e["aws.cloudwatch.log_stream"] != "s" {
			t.Errorf("%s: %d events, the first %v", name, len(events), e)
		}
	}
}
