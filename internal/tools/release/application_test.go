package main

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestApplication: what the template of a release says to the Serverless Application
// Repository is the description of the stack, files that are in the zip, and addresses
// below the one of the release.
func TestApplication(t *testing.T) {
	text, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	changed, _, err := releaseTemplate(text, "1.2.3", "https://example.com/clearhop/v1.2.3/")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Description string               `yaml:"Description"`
		Metadata    map[string]yaml.Node `yaml:"Metadata"`
	}
	if err := yaml.Unmarshal(changed, &template); err != nil {
		t.Fatal(err)
	}
	if _, ok := template.Metadata["AWS::CloudFormation::Interface"]; !ok {
		t.Error("the groups of the parameters are gone")
	}
	var got application
	node := template.Metadata["AWS::ServerlessRepo::Application"]
	if err := node.Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := application{
		Name: "clearhop", Description: template.Description, Author: "clearhop",
		SpdxLicenseID: "MIT", LicenseURL: "LICENSE", ReadmeURL: "README.md",
		Labels:          []string{"nginx", "access-logs", "nlb", "proxy-protocol", "client-ip", "cloudwatch-logs", "firehose", "athena"},
		HomePageURL:     "https://example.com/clearhop/v1.2.3/",
		SourceCodeURL:   "https://example.com/clearhop/v1.2.3/clearhop_1.2.3_source.tar.gz",
		SemanticVersion: "1.2.3",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestApplicationWithoutHost: a release that is nowhere on the web has no addresses.
func TestApplicationWithoutHost(t *testing.T) {
	for _, releases := range []string{"", "file:///tmp/dist", "dist", "https://", "://", "s3://bucket/key"} {
		a, err := newApplication("The stack", "1.2.3", releases)
		if err != nil || a.HomePageURL != "" || a.SourceCodeURL != "" {
			t.Errorf("%q: %q and %q (%v)", releases, a.HomePageURL, a.SourceCodeURL, err)
		}
	}
}

// TestApplicationLimits holds each limit of the repository, at it and one beyond it.
func TestApplicationLimits(t *testing.T) {
	letters := func(n int) string { return strings.Repeat("a", n) }
	labels := func(n int) []string { return slices.Repeat([]string{"a"}, n) }
	for _, c := range []struct {
		field     string
		set       func(*application, string)
		good, bad []string
	}{
		{"name", func(a *application, v string) { a.Name = v },
			[]string{"a", "A-1", letters(140)}, []string{"", letters(141), "a b", "a_b", "ä"}},
		{"description", func(a *application, v string) { a.Description = v },
			[]string{"a", letters(256)}, []string{"", letters(257)}},
		{"author", func(a *application, v string) { a.Author = v },
			[]string{"a", "a-b-1", letters(127)}, []string{"", letters(128), "A", "-a", "a-", "a--b", "The authors"}},
		{"label", func(a *application, v string) { a.Labels = []string{v} },
			[]string{"a", "a+b-c_d:e/f@G1", letters(127)}, []string{"", letters(128), "a b", "a.b"}},
		{"version", func(a *application, v string) { a.SemanticVersion = v },
			[]string{"0.0.1", "1.2.3-rc.1", "0.0.1-g0123456", "1.0.0+build.07"},
			[]string{"", "v1.2.3", "1.2", "1.2.3.4", "01.2.3", "0.0.1-0123456", "1.2.3-"}},
	} {
		for i, value := range slices.Concat(c.good, c.bad) {
			a, err := newApplication("The stack", "1.2.3", "")
			if err != nil {
				t.Fatal(err)
			}
			c.set(&a, value)
			err = a.check()
			if i < len(c.good) && err != nil {
				t.Errorf("%s %q: %v", c.field, value, err)
			}
			if i >= len(c.good) && (err == nil || !strings.Contains(err.Error(), c.field)) {
				t.Errorf("%s %q: the error is %v", c.field, value, err)
			}
		}
	}
	for n, good := range map[int]bool{0: true, 10: true, 11: false} {
		a, _ := newApplication("The stack", "1.2.3", "")
		a.Labels = labels(n)
		if err := a.check(); (err == nil) != good {
			t.Errorf("%d labels: %v", n, err)
		}
	}
}

// TestLicence: the licence has one name in all that a release says of it.
func TestLicence(t *testing.T) {
	for file, want := range map[string]string{
		"../../../LICENSE":          licenceID + " License\n",
		"../../../.goreleaser.yaml": "\n    license: " + licenceID + "\n",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s does not say %q", file, want)
		}
	}
}

// TestRepositoryTypes: docs/release.md names the types of resources of the template that
// the list of the Serverless Application Repository does not have, and no others. The list
// is that of AWS's developer guide of about 2020; a newer one has more.
func TestRepositoryTypes(t *testing.T) {
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	listed := strings.Fields(read("testdata/repository-types.txt"))
	var unlisted []string
	for _, found := range regexp.MustCompile(`(?m)^    Type: (AWS::\S+)$`).FindAllStringSubmatch(read("../../../template.yaml"), -1) {
		if !slices.Contains(listed, found[1]) && !slices.Contains(unlisted, found[1]) {
			unlisted = append(unlisted, found[1])
		}
	}
	slices.Sort(unlisted)
	_, section, _ := strings.Cut(read("../../../docs/release.md"), "\n## The Serverless Application Repository\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var named []string
	for _, found := range regexp.MustCompile("(?m)^- `(AWS::[^`]+)`").FindAllStringSubmatch(section, -1) {
		named = append(named, found[1])
	}
	slices.Sort(named)
	if len(listed) < 100 || !slices.Equal(unlisted, named) {
		t.Errorf("of %d types, the template has %v that are not listed. docs/release.md names %v", len(listed), unlisted, named)
	}
}
