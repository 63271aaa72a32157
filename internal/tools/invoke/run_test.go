package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"clearhop/internal/lambdatest"
)

func TestRun(t *testing.T) {
	// go test keys its cached results on the files that a test opens.
	if _, err := os.ReadFile("../../lambdatest/testdata/faults/main.go"); err != nil {
		t.Fatal(err)
	}
	faults := lambdatest.Build(t, "../../lambdatest/testdata/faults")
	dir := t.TempDir()
	file := filepath.Join(dir, "payload.json")
	if err := os.WriteFile(file, []byte(`{"do":"answer","size":3}`), 0o600); err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

	for _, test := range []struct {
		name   string
		args   []string
		stdin  string
		code   int
		stdout string
		stderr string // its end; REQUEST stands for the request's ID
	}{
		{
			name: "payload from a file", args: []string{faults, file},
			stdout: "000\n",
		},
		{
			name: "payload from standard input", args: []string{faults, "-"},
			stdin: `{"do":"log","size":1}`, stdout: "1\n",
			stderr: "to standard output: o\nto standard error\n",
		},
		{
			name: "an error", args: []string{faults, "-"}, stdin: `{"do":"error"}`, code: 1,
			stderr: "invoke: the function failed: tooHot: 451 degrees\n",
		},
		{
			name: "an exit", args: []string{faults, "-"}, stdin: `{"do":"exit"}`, code: 1,
			stderr: "going now\ninvoke: the function's process ended during request REQUEST: exit status 7; its last line was \"going now\"\n",
		},
		{
			name: "a timeout", args: []string{"-timeout", "300ms", faults, "-"}, stdin: `{"do":"hang"}`, code: 1,
			stderr: "invoke: request REQUEST: task timed out after 0.30 seconds\n",
		},
		{
			name: "not JSON", args: []string{faults, "-"}, stdin: `{`, code: 1,
			stderr: "invoke: payload refused: it is not JSON\n",
		},
		{
			name: "no such payload", args: []string{faults, filepath.Join(dir, "none")}, code: 2,
			stderr: "no such file or directory\n",
		},
		{
			name: "no such function", args: []string{filepath.Join(dir, "none"), file}, code: 1,
			stderr: "no such file or directory; it printed nothing\n",
		},
		{
			name: "a variable without a value", args: []string{"-env", "A", faults, file}, code: 1,
			stderr: "invoke: lambdatest: Env: entry 1 is not KEY=VALUE\n",
		},
		{name: "no arguments", code: 2, stderr: usage},
		{name: "an unknown flag", args: []string{"-x"}, code: 2, stderr: usage},
		{name: "help", args: []string{"-help"}, stderr: usage},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), test.args, strings.NewReader(test.stdin), &stdout, &stderr)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if stdout.String() != test.stdout {
				t.Errorf("standard output %q, want %q", stdout.String(), test.stdout)
			}
			if got := id.ReplaceAllString(stderr.String(), "REQUEST"); !strings.HasSuffix(got, test.stderr) {
				t.Errorf("standard error %q, want the end %q", got, test.stderr)
			}
		})
	}
}

func TestVariablesReachTheFunction(t *testing.T) {
	faults := lambdatest.Build(t, "../../lambdatest/testdata/faults")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"-env", "A=1", "-env", "B=x=y", faults, "-"}, strings.NewReader(`{"do":"environment"}`), &stdout, &stderr)
	if code != 0 || !strings.Contains(stdout.String(), `"A=1","B=x=y"`) {
		t.Errorf("exit code %d, %s%s", code, stdout.String(), stderr.String())
	}
}

// TestEvents: the events go to standard output alone, the rest to standard error.
func TestEvents(t *testing.T) {
	subscriber := lambdatest.Build(t, "../../../functions/subscriber")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"-events", subscriber, "../../../testdata/payload/subscription.json"}, nil, &stdout, &stderr)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	events := 0
	for line := range strings.Lines(stdout.String()) {
		events++
		if !strings.HasPrefix(line, `{"@timestamp":"`) || !strings.Contains(line, `"schema_version":`) {
			t.Errorf("standard output has what is no event: %s", line)
		}
	}
	if events == 0 || strings.Contains(stderr.String(), `"schema_version":`) || !strings.Contains(stderr.String(), "the function's response: null\n") {
		t.Errorf("%d events, standard error:\n%s", events, stderr.String())
	}

	stdout.Reset()
	if code := run(t.Context(), []string{"-events", subscriber, "-"}, strings.NewReader("{"), &stdout, &stderr); code != 1 || stdout.Len() > 0 {
		t.Errorf("a payload that is not JSON: exit code %d, %s", code, stdout.String())
	}
}
