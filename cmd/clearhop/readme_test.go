package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clearhop/internal/golden"
	"clearhop/parser"
	"clearhop/pipeline"
)

// TestReadme holds what the README shows against the code.
func TestReadme(t *testing.T) {
	format, _ := parser.Builtin(parser.Recommended)
	golden.Sections(t, filepath.Join("..", "..", "README.md"), map[string]string{
		"configuration": configurationTable(),
		"format":        "```nginx\n" + format + "\n```\n",
		"example":       example(t),
	})
}

// configurationTable makes the table of settings from the names and the help that
// the command and the functions read too.
func configurationTable() string {
	var b strings.Builder
	b.WriteString("| flag, key | variable | default | what it does |\n| --- | --- | --- | --- |\n")
	for _, s := range pipeline.Settings() {
		value := s.Default
		if value != "" {
			value = "`" + value + "`"
		}
		b.WriteString("| `--" + s.Name + "` | `" + s.Variable + "` | " + value + " | " + s.Help + " |\n")
	}
	return b.String()
}

// TestSettingsHaveHelp: each command that reads the settings prints the help of
// each of them that it uses, and of no other.
func TestSettingsHaveHelp(t *testing.T) {
	for _, command := range []string{"enrich", "doctor"} {
		var out, errOut bytes.Buffer
		if code := run(t.Context(), []string{command, "--help"}, nil, &out, &errOut); code != exitOK {
			t.Fatalf("exit code %d: %s", code, errOut.String())
		}
		printed := strings.Join(strings.Fields(out.String()), " ")
		for _, s := range pipeline.Settings() {
			uses := command == "enrich" || slices.Contains(usedByDoctor, s.Name)
			if shows := strings.Contains(printed, strings.TrimSuffix(s.Help, ".")+" ($"+s.Variable+")"); shows != uses {
				t.Errorf("%s --help shows %s: %t, and the command uses it: %t", command, s.Name, shows, uses)
			}
		}
	}
}

// example shows a line that real nginx wrote and the event made of it.
func example(t *testing.T) string {
	t.Helper()
	path := filepath.Join("..", "..", "pipeline", "testdata", "main_real_ip.log")
	line, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	args := []string{"enrich", "-q", "--nlb", "10.16.1.11", "--trusted", "10.16.1.13"}
	if code := run(t.Context(), args, bytes.NewReader(line), &out, &errOut); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errOut.String())
	}
	var event bytes.Buffer
	if err := json.Indent(&event, out.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	return "```\n" + string(line) + "```\n\nand this is its event:\n\n```json\n" + strings.TrimRight(event.String(), "\n") + "\n```\n"
}
