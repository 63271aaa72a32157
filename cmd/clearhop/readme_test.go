package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clearhop/internal/chaintest"
	"clearhop/internal/golden"
	"clearhop/parser"
	"clearhop/pipeline"
)

// TestReadme holds what the README shows to the code and to the recorded chain.
func TestReadme(t *testing.T) {
	format, _ := parser.Builtin(parser.Recommended)
	golden.Sections(t, filepath.Join("..", "..", "README.md"), map[string]string{
		"samples": samples(t),
		"format":  "```nginx\n" + format + "\n```\n",
	})
}

// samples tells of what make run reads: the access lines in the recommended format
// and the error lines of all set-ups, and the lines of the seed. Which set-ups are
// healthy is docs/chain.md's word.
func samples(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "chain.md"))
	if err != nil {
		t.Fatal(err)
	}
	recorded := chaintest.Dir(t)
	scenarios, err := os.ReadDir(recorded)
	if err != nil {
		t.Fatal(err)
	}
	healthy := 0
	for _, s := range scenarios {
		if bytes.Contains(page, []byte("- **"+s.Name()+"** (no fault)")) {
			healthy++
		}
	}
	args := []string{"enrich", "-q", filepath.Join("..", "..", "testdata", "seed", "access.log")}
	for _, logs := range []string{"*.clearhop.log", "*.error.log"} {
		files, err := filepath.Glob(filepath.Join(recorded, "*", logs))
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, files...)
	}
	var events, errOut bytes.Buffer
	if code := run(t.Context(), args, nil, &events, &errOut); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errOut.String())
	}
	return fmt.Sprintf("`make run` reads %d lines. All but a few were written by a real nginx, in %d set-ups of one\n"+
		"chain: %d are healthy, and %d have a fault ([what each is](docs/chain.md#the-scenarios)).\n",
		bytes.Count(events.Bytes(), []byte("\n")), len(scenarios), healthy, len(scenarios)-healthy)
}

// TestSettingsPage holds the table of the settings in docs/settings.md.
func TestSettingsPage(t *testing.T) {
	golden.Sections(t, filepath.Join("..", "..", "docs", "settings.md"), map[string]string{
		"configuration": configurationTable(),
	})
}

// TestEventPage holds the example in docs/event.md.
func TestEventPage(t *testing.T) {
	golden.Sections(t, filepath.Join("..", "..", "docs", "event.md"), map[string]string{"example": example(t)})
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
