package terminal

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestText(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(Printable("a\x1b[2Jb\nc"), "a\uFFFD[2Jb\uFFFDc")
	f(Printable("größe 日本"), "größe 日本")
	f(Printable("a\xffb"), "a\uFFFDb")
	f(Percent(1, 8), "12.5%")
	f(Percent(0, 3), "0.0%")
	f(Percent(0, 0), "")
	f(Plural(0, "line"), "0 lines")
	f(Plural(1, "line"), "1 line")
	f(Plural(2, "access line"), "2 access lines")
}

// TestNoTerminal: a file is no terminal, so that nothing but the text gets there.
func TestNoTerminal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if Colours("auto", out) || Colours("never", out) || Colours("auto", &bytes.Buffer{}) {
		t.Error("colours for what is no terminal")
	}
	if !Colours("always", out) {
		t.Error("no colours although always is asked for")
	}
}

// TestWidth: COLUMNS decides where it is a number, and wide characters count as
// what a terminal makes of them.
func TestWidth(t *testing.T) {
	f := func(columns string, want int) {
		t.Helper()
		t.Setenv("COLUMNS", columns)
		if got := Width(&bytes.Buffer{}); got != want {
			t.Errorf("COLUMNS=%q: %d, want %d", columns, got, want)
		}
	}
	f("", 80)
	f("132", 132)
	f("wide", 80)
	f("-1", 80)
	for text, want := range map[string]int{"": 0, "abc": 3, "größe": 5, "日本": 4, "e\u0301": 1} {
		if got := Columns(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
}
