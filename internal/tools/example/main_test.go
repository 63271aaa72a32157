package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/internal/buildtest"
)

const stack = "../../../deploy/example/template.yaml"

// TestRun has the command itself check every variant of the example stack.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	var stdout, stderr strings.Builder
	code := run([]string{"-clearhop", buildtest.Program(t, buildtest.Config{Package: "clearhop/cmd/clearhop"}), stack, dir}, &stdout, &stderr)
	if code != 0 || stderr.Len() > 0 {
		t.Fatalf("exit code %d: %s\n%s", code, stderr.String(), stdout.String())
	}
	docs, err := os.ReadFile("../../../docs/example.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(docs), "<!-- generated: example-check -->\n```\n"+stdout.String()+"```\n<!-- end -->\n") {
		t.Errorf("docs/example.md does not have what the command prints:\n%s", stdout.String())
	}
	text, err := os.ReadFile(filepath.Join(dir, "edge-wrong-cidr", "edge.conf"))
	if err != nil || !strings.Contains(string(text), "set_real_ip_from 10.99.0.0/16;") {
		t.Errorf("%v\n%s", err, text)
	}
}

// TestRunFails: what is wrong is said, with its name.
func TestRunFails(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "template.yaml")
	if err := os.WriteFile(broken, []byte("Parameters: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "usage: example"},
		{[]string{"no-such-file", t.TempDir()}, "no-such-file"},
		{[]string{broken, t.TempDir()}, "template.yaml: template:"},
		{[]string{"-clearhop", "no-such-command", stack, t.TempDir()}, "example: none: "},
	} {
		var stdout, stderr strings.Builder
		if code := run(c.args, &stdout, &stderr); code != 2 || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%v: exit code %d, %s", c.args, code, stderr.String())
		}
	}
}
