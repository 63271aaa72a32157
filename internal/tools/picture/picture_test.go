package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"clearhop/internal/buildtest"
	"clearhop/internal/golden"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestDoctorPicture holds the committed picture to what the doctor prints now. make
// picture draws it anew.
func TestDoctorPicture(t *testing.T) {
	clearhop := buildtest.Program(t, buildtest.Config{Package: "clearhop/cmd/clearhop"})
	for _, name := range []string{"COLUMNS", "NO_COLOR", "CLEARHOP_TRUSTED"} {
		t.Setenv(name, "10") // the picture does not depend on the environment
	}
	file := filepath.Join(t.TempDir(), "doctor.svg")
	var stderr strings.Builder
	if code := run([]string{clearhop, file}, &stderr); code != 0 || stderr.Len() > 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	svg, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, svg)
	for _, shown := range []string{"does not send the PROXY protocol", "proxy_protocol;", "proxy_protocol_v2"} {
		if !bytes.Contains(svg, []byte(shown)) {
			t.Errorf("the picture does not show %q", shown)
		}
	}
	golden.Check(t, filepath.Join("..", "..", "..", "docs", "doctor.svg"), svg)
}

func TestNoPicture(t *testing.T) {
	f := func(wantCode int, want string, args ...string) {
		t.Helper()
		var stderr strings.Builder
		if code := run(args, &stderr); code != wantCode || !strings.Contains(stderr.String(), want) {
			t.Errorf("%v: exit code %d: %s", args, code, stderr.String())
		}
	}
	folder := t.TempDir()
	script := func(name, body string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	f(2, "usage: picture CLEARHOP FILE.svg\n", "one")
	f(1, "no such file", filepath.Join(folder, "missing"), filepath.Join(folder, "a.svg"))
	f(1, "found no fault", script("healthy", "exit 0"), filepath.Join(folder, "a.svg"))
	f(1, "a reason", script("fails", "echo a reason >&2; exit 2"), filepath.Join(folder, "a.svg"))
	f(1, "cannot be drawn", script("moves", `printf '\033[2J'; exit 1`), filepath.Join(folder, "a.svg"))
	f(1, "no such file", script("broken", "exit 1"), filepath.Join(folder, "no", "folder.svg"))
}

func TestScreen(t *testing.T) {
	red := style{Bold: true, Colour: 31}
	f := func(text string, columns int, want ...row) {
		t.Helper()
		got, err := screen(text, columns)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	f("a\n\n  b  c \n", 80, row{{Text: "a"}}, nil, row{{Column: 2, Text: "b  c"}})
	f("no line feed", 80, row{{Text: "no line feed"}})
	f("\x1b[1;31mbroken\x1b[0m: 1", 80, row{{Text: "broken", Style: red}, {Column: 6, Text: ": 1"}})
	f("\x1b[1;31mon\ntwo\x1b[m rows\n", 80,
		row{{Text: "on", Style: red}}, row{{Text: "two", Style: red}, {Column: 4, Text: "rows"}})
	f("\x1b[1;2;31mx\x1b[22my\x1b[39mz\n", 80, row{
		{Text: "x", Style: style{Bold: true, Dim: true, Colour: 31}},
		{Column: 1, Text: "y", Style: style{Colour: 31}}, {Column: 2, Text: "z"},
	})
	f("abcd\nabcdef\n", 4, row{{Text: "abcd"}}, row{{Text: "abcd"}}, row{{Text: "ef"}})
	f("“ä” b\n", 4, row{{Text: "“ä”"}}, row{{Text: "b"}})
	f("", 80)

	for _, text := range []string{"\a", "a\tb", "a\rb", "\xff", "\x1b", "\x1b[1", "\x1b]0;title\a", "\x1b[2J", "\x1b[4m", "\x1b[38;5;1m"} {
		if rows, err := screen(text, 80); err == nil || !strings.Contains(err.Error(), "cannot be drawn") {
			t.Errorf("%q: %v, %v", text, rows, err)
		}
	}
}

func TestShorten(t *testing.T) {
	rows := []row{{{Text: "a"}}, nil, {{Text: "b"}}, {{Text: "c"}}}
	f := func(most int, want ...row) {
		t.Helper()
		if diff := cmp.Diff(want, shorten(rows, most)); diff != "" {
			t.Errorf("%d rows (-want +got):\n%s", most, diff)
		}
	}
	f(4, rows...)
	f(3, rows[0], row{{Text: "… 3 more lines", Style: style{Dim: true}}})
	f(2, rows[0], row{{Text: "… 3 more lines", Style: style{Dim: true}}})
}

func TestDraw(t *testing.T) {
	svg := draw(window{
		Name: "a & b", Title: "<title>", Description: `"quoted"`, Columns: 10,
		Rows: []row{{{Column: 2, Text: "x < y", Style: style{Bold: true, Dim: true, Colour: 32}}, {Column: 8, Text: "z"}}},
	})
	wellFormed(t, svg)
	for _, want := range []string{
		`<text x="34.8" y="68" textLength="42.0" class="b d c32">x &lt; y</text>`,
		`<text x="85.2" y="68" textLength="8.4">z</text>`,
		">a &amp; b</text>", `<title id="title">&lt;title&gt;</title>`, `viewBox="0 0 120 92"`,
	} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("no %s in\n%s", want, svg)
		}
	}
}

// TestContrast: each colour of a text can be read on the background of the window.
func TestContrast(t *testing.T) {
	colours := map[string]string{"foreground": foreground, "faint": faint}
	for n, colour := range palette {
		colours[strconv.Itoa(n)] = colour
	}
	for name, colour := range colours {
		if c := (luminance(t, colour) + 0.05) / (luminance(t, background) + 0.05); c < 4.5 {
			t.Errorf("%s, %s: the contrast is %.1f", name, colour, c)
		}
	}
}

// luminance is the relative luminance of a colour such as #ff7b72, by WCAG 2.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 24)
	if err != nil {
		t.Fatal(err)
	}
	linear := func(shift int) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}

func wellFormed(t *testing.T, svg []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
