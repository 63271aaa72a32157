// Package site_test holds the site of the documentation to the documentation.
package site_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// page is a page in the site's navigation.
var page = regexp.MustCompile(`(?m)^ +- .*: ([a-z.-]+\.md)$`)

// TestNavigation: each page of docs stands in the navigation once, and nothing else but the
// README and the changelog.
func TestNavigation(t *testing.T) {
	text, err := os.ReadFile("mkdocs.yml")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, m := range page.FindAllStringSubmatch(string(text), -1) {
		named = append(named, m[1])
	}
	want := []string{"changelog.md", "index.md"}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages {
		want = append(want, filepath.Base(p))
	}
	slices.Sort(named)
	if slices.Sort(want); !slices.Equal(named, want) {
		t.Errorf("the navigation has\n%v\nand docs has\n%v", named, want)
	}
	if strings.Contains(string(text), "analytics:") || !strings.Contains(string(text), "font: false") {
		t.Error("the site fetches something from another host")
	}
}
