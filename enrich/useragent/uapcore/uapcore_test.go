package uapcore

import (
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	lists, err := Read(strings.NewReader(`# comment
os_parsers:
  ####
  - regex: 'it''s # no comment: \d'  # a comment
    os_replacement: "Windows"

  - regex: 'second'
`))
	if err != nil {
		t.Fatal(err)
	}
	entries := lists["os"]
	if len(lists) != 1 || len(entries) != 2 {
		t.Fatalf("got %+v", lists)
	}
	if got, want := entries[0].Values["regex"], `it's # no comment: \d`; got != want {
		t.Errorf("regex %q, want %q", got, want)
	}
	if got, want := entries[0].Values["os_replacement"], "Windows"; got != want {
		t.Errorf("os_replacement %q, want %q", got, want)
	}
	if entries[0].Line != 4 || entries[1].Line != 7 {
		t.Errorf("lines %d and %d, want 4 and 7", entries[0].Line, entries[1].Line)
	}
}

func TestReadErrors(t *testing.T) {
	f := func(yaml, want string) {
		t.Helper()
		_, err := Read(strings.NewReader(yaml))
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", yaml, err, want)
		}
	}
	f("- regex: 'a'", `line 1: neither a list nor a key: "- regex: 'a'"`)
	f("os_parsers:\nword", `line 2: neither a list nor a key: "word"`)
	f("os_parsers:\n  regex: 'a'", `line 2: key before the first entry`)
	f("os_parsers:\n  - regex: a", `line 2: value is not quoted: "a"`)
	f("os_parsers:\n  - regex: 'a", `line 2: value without a closing quote: "'a"`)
	f("os_parsers:\n  - regex: 'a' b", `line 2: text after a quoted value: "b"`)
	f("os_parsers:\n  - regex: \"a\\n\"", `line 2: escape in a double-quoted value: "\"a\\n\""`)
	f("os_parsers:\n  - regex: 'a'\n    regex: 'b'", `line 3: key "regex" twice`)
}
