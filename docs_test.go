package clearhop_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// maxReadme keeps the README what a newcomer reads. Tables of reference belong to
// docs.
const maxReadme = 220 // lines

func TestReadmeIsShort(t *testing.T) {
	if n := bytes.Count(read(t, "README.md"), []byte("\n")); n > maxReadme {
		t.Errorf("README.md has %d lines, and %d are allowed", n, maxReadme)
	}
}

// TestDocumentationLinks: each relative link of the documentation leads to a file or
// a folder, and its fragment to a heading.
func TestDocumentationLinks(t *testing.T) {
	pages := []string{"README.md", "CHANGELOG.md"}
	err := fs.WalkDir(os.DirFS("."), "docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			pages = append(pages, filepath.FromSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)\s]*)\)`)
	checked := 0
	for _, page := range pages {
		for _, match := range link.FindAllSubmatch(prose(read(t, page)), -1) {
			target := string(match[1])
			if strings.Contains(target, "://") {
				continue
			}
			checked++
			name, fragment, _ := strings.Cut(target, "#")
			file := page
			if name != "" {
				file = filepath.Join(filepath.Dir(page), filepath.FromSlash(name))
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s: %v", page, target, err)
			} else if fragment != "" && !hasHeading(read(t, file), fragment) {
				t.Errorf("%s links to %s: there is no such heading", page, target)
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d links were found", checked)
	}
}

// TestDocumentationNamesTests: each test that a page of the documentation names, as the
// proof of what it says, exists.
func TestDocumentationNamesTests(t *testing.T) {
	there := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (path == "build" || strings.HasPrefix(path, ".") && path != ".") {
			return fs.SkipDir
		}
		if err == nil && strings.HasSuffix(path, "_test.go") {
			for _, match := range declared.FindAllSubmatch(read(t, path), -1) {
				there[string(match[1])] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(?:\\w+\\.)?((?:Test|Fuzz)[A-Z]\\w*)`")
	checked := 0
	for _, page := range []string{"docs/reliability.md", "docs/security.md", "docs/architecture.md"} {
		for _, match := range named.FindAllSubmatch(read(t, page), -1) {
			if checked++; !there[string(match[1])] {
				t.Errorf("%s names %s: there is no such test", page, match[1])
			}
		}
	}
	if checked < 15 {
		t.Errorf("only %d names of tests were found", checked)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var block = regexp.MustCompile("(?ms)^```.*?^```$")

// prose is a page without its blocks of code.
func prose(page []byte) []byte { return block.ReplaceAll(page, nil) }

// hasHeading reports whether a page has the heading that GitHub gives that fragment.
func hasHeading(page []byte, fragment string) bool {
	for line := range strings.Lines(string(prose(page))) {
		if !strings.HasPrefix(line, "#") {
			continue
		}
		heading := strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
		var b strings.Builder
		for _, r := range heading {
			switch {
			case r == ' ':
				b.WriteByte('-')
			case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z':
				b.WriteRune(r)
			}
		}
		if b.String() == fragment {
			return true
		}
	}
	return false
}
