package decode

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/record"
)

func TestNameOfLog(t *testing.T) {
	for want, files := range map[string]string{
		"access.log": "access.log /var/log/nginx/access.log access.log.1 access.log.12.gz access.log-20261128 access.log-20261128.gz " +
			"access.log-20261128-1764288000.zst access.log.2026-11-28-09 access.log.20261128T101112 access-20261128.log access.2026-11-28.log.bz2 access.log.old access.log.bak.gz",
		"web-1.log":    "web-1.log web-1.log.1 web-1.log-20261128",
		"web.2.log":    "web.2.log web.2.log.3.gz",
		"access":       "access access.1 access-20261128",
		"20261128":     "20261128",
		"20261128.log": "20261128.log 20261128.log.1",
		"TEST.log":     "TEST.log TEST.log.1",
		"0.log":        "0.log 0.log.20261129-102030.gz",
		".gz":          ".gz",
	} {
		for file := range strings.FieldsSeq(files) {
			if got := nameOfLog(file); got != want {
				t.Errorf("%s is %q, want %q", file, got, want)
			}
		}
	}
}

// places returns what the ids of lines are made of, apart from the text.
func places(lines []record.Line) (all []string) {
	for i := range lines {
		all = append(all, string(lines[i].AppendPlace(nil))+string(lines[i].Text))
	}
	return all
}

// followed returns the lines that are in a file now, as a Follower reads them.
func followed(t *testing.T, path string, n int, o Options) (lines []record.Line) {
	t.Helper()
	f := Follow(t.Context(), path, o)
	defer f.Close()
	for range n {
		line, err := f.Next()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, clone(line))
	}
	return lines
}

// TestPlaceStays: a line has one place, and so one id, while its file is followed and
// when it is read after any kind of rotation. Another file of the name has other places.
func TestPlaceStays(t *testing.T) {
	text := "\n\r\none\r\ntwo\n" + strings.Repeat("x", 3*firstBytes) + "\ntwo\n"
	dir := t.TempDir()
	path := filepath.Join(dir, "access.log")
	appendTo(t, path, text)
	want := places(followed(t, path, 4, Options{}))
	for name, data := range map[string][]byte{
		"access.log": []byte(text), "access.log.1": []byte(text), "access.log-20261128": []byte(text),
		"old/access.log.2.gz": pack([]byte(text)), "access.log.3.zst": packZstd([]byte(text)),
	} {
		got, err := drain(NewReader(bytes.NewReader(data), Options{Name: name}))
		if err != nil || strings.Join(places(got), "|") != strings.Join(want, "|") {
			t.Errorf("%s: the places differ (%v)", name, err)
		}
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	appendTo(t, path, strings.Replace(text, "one", "ein", 1))
	for i, place := range places(followed(t, path, 4, Options{})) {
		if place == want[i] {
			t.Errorf("line %d has its place in another file too", i)
		}
	}
}

// TestPlaceFromEnd: a Follower that begins at the end gives the places of one that began
// at the start.
func TestPlaceFromEnd(t *testing.T) {
	for _, first := range []string{"one\n", "\n\r\none\r\n", strings.Repeat("x", 3*firstBytes) + "\n"} {
		path := logPath(t)
		appendTo(t, path, first+"old\n")
		f := Follow(t.Context(), path, Options{FromEnd: true})
		defer f.Close()
		if err := f.open(); err != nil {
			t.Fatal(err)
		}
		appendTo(t, path, "new\n")
		line, err := f.Next()
		if err != nil {
			t.Fatal(err)
		}
		want, err := drain(NewReader(strings.NewReader(first+"old\nnew\n"), Options{Name: path}))
		if err != nil {
			t.Fatal(err)
		}
		if got := places([]record.Line{clone(line)})[0]; got != places(want)[2] {
			t.Errorf("%.10q: %q, want %q", first, got, places(want)[2])
		}
	}
}
