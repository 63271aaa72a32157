package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/internal/golden"
)

// TestEventCode: the code in package encode is what its table of fields gives.
func TestEventCode(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "encode")
	code, err := generate(folder)
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, filepath.Join(folder, "event_generated.go"), code)
}

// TestRowsThatAreRefused: what the code would not say rightly is an error with its place.
func TestRowsThatAreRefused(t *testing.T) {
	for row, want := range map[string]string{
		`5`: "a row of fields is no call",
		`text("a", "", "", func(r *R) []byte { x := r.A; return x })`: "a function without a name is one return",
		`text("a", "", "", func(r *R) []byte {})`:                     "a function without a name is one return",
		`text("a", "", "", func(x *R) []byte { return x.A })`:         "the parameter is called r",
		`text("a", "", "", r.A)`:                                      "the way to a value is no function",
		`text(unknown, "", "", f)`:                                    "the path is no text",
		`list("a", "", "", func(r *R) []byte { return nil })`:         "a list is appended by a function with a name",
		`unheard("a", "", "", f)`:                                     "no code for a field of the kind unheard",
	} {
		folder := t.TempDir()
		text := "package encode\n\nvar fields = []field{\n" + row + ",\n}\n"
		if err := os.WriteFile(filepath.Join(folder, "fields.go"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := generate(folder); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v, want %s", row, err, want)
		}
	}
}
