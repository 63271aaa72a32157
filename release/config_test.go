// Package release holds the configuration of the release to the tree, and with the tag
// snapshot what make snapshot made to what docs/release.md says of it.
package release_test

import (
	"go/build/constraint"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A configuration is what the tests read of .goreleaser.yaml.
type configuration struct {
	Builds []struct {
		ID      string   `yaml:"id"`
		Main    string   `yaml:"main"`
		LDFlags []string `yaml:"ldflags"`
		Env     []string `yaml:"env"`
		Targets []string `yaml:"targets"`
	} `yaml:"builds"`
	Archives []struct {
		IDs   []string `yaml:"ids"`
		Files []struct {
			Source string `yaml:"src"`
		} `yaml:"files"`
	} `yaml:"archives"`
	Packages []struct {
		Contents []struct {
			Source string `yaml:"src"`
		} `yaml:"contents"`
	} `yaml:"nfpms"`
}

func readConfiguration(t *testing.T) configuration {
	t.Helper()
	text, err := os.ReadFile("../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c configuration
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// notLinked is the system for which the store has an engine, but that a release builds
// without: the library of DuckDB for Windows needs GCC's C++ library, and zig has another.
const notLinked = "windows_amd64"

// TestTargets: each system is built for once, and with cgo where the store has an engine
// that can be linked.
func TestTargets(t *testing.T) {
	text, err := os.ReadFile("../analytics/store/open.go")
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	condition, err := constraint.Parse(line)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range readConfiguration(t).Builds {
		cgo := slices.Contains(b.Env, "CGO_ENABLED=1")
		if !cgo && !slices.Contains(b.Env, "CGO_ENABLED=0") {
			t.Errorf("the build %s leaves open whether it has cgo", b.ID)
		}
		for _, target := range b.Targets {
			words := strings.Split(target, "_")
			got = append(got, words[0]+"/"+words[1])
			hasEngine := condition.Eval(func(tag string) bool { return tag == "cgo" || tag == words[0] || tag == words[1] })
			if linked := hasEngine && !strings.HasPrefix(target, notLinked); cgo != linked {
				t.Errorf("%s is built with cgo: %v. The store has an engine for it that can be linked: %v", target, cgo, linked)
			}
		}
	}
	slices.Sort(got)
	want := "darwin/amd64 darwin/arm64 linux/amd64 linux/arm64 windows/amd64 windows/arm64"
	if strings.Join(got, " ") != want {
		t.Errorf("built are %v, want %s", got, want)
	}
}

// TestVersionFlags: the linker ignores a variable that is not there.
func TestVersionFlags(t *testing.T) {
	text, err := os.ReadFile("../cmd/clearhop/version.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range readConfiguration(t).Builds {
		var set []string
		for _, word := range strings.Fields(strings.Join(b.LDFlags, " ")) {
			if name, _, found := strings.Cut(word, "="); found {
				set = append(set, strings.TrimPrefix(name, "main."))
			}
		}
		if declared := "var " + strings.Join(set, ", ") + " string\n"; !strings.Contains(string(text), declared) {
			t.Errorf("the build %s sets %v, and version.go has no line %q", b.ID, set, declared)
		}
	}
}

// TestSources: each file that is packed is in the tree, or written by clearhop manual.
func TestSources(t *testing.T) {
	c := readConfiguration(t)
	var sources []string
	for _, a := range c.Archives {
		for _, f := range a.Files {
			sources = append(sources, f.Source)
		}
	}
	for _, p := range c.Packages {
		for _, f := range p.Contents {
			sources = append(sources, f.Source)
		}
	}
	if len(sources) == 0 {
		t.Fatal("nothing is packed")
	}
	for _, source := range sources {
		if source == "" {
			t.Error("a file without src is packed")
		}
		if strings.HasPrefix(source, "build/dist/pages/") {
			continue // TestScripts/manual of the command holds which there are
		}
		if found, err := filepath.Glob(filepath.Join("..", source)); err != nil || len(found) == 0 {
			t.Errorf("%s is not in the tree (%v)", source, err)
		}
	}
}
