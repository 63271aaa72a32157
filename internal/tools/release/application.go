package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// licenceID is what SPDX calls the licence of LICENSE.
const licenceID = "MIT"

// An application is what the Serverless Application Repository of AWS shows of the stack.
// sam publish reads it from the Metadata of the template.
type application struct {
	Name            string   `yaml:"Name"`
	Description     string   `yaml:"Description"`
	Author          string   `yaml:"Author"`
	SpdxLicenseID   string   `yaml:"SpdxLicenseId"`
	LicenseURL      string   `yaml:"LicenseUrl"` // a file beside the template, which sam package uploads
	ReadmeURL       string   `yaml:"ReadmeUrl"`  // the same
	Labels          []string `yaml:"Labels"`
	HomePageURL     string   `yaml:"HomePageUrl,omitempty"`
	SourceCodeURL   string   `yaml:"SourceCodeUrl,omitempty"`
	SemanticVersion string   `yaml:"SemanticVersion"`
}

// newApplication describes a version of the stack. description is that of the template.
// releases is the address where the files of the release will be. If it is not on the web,
// as while no host is fixed, the application has no addresses.
func newApplication(description, version, releases string) (application, error) {
	a := application{
		Name:            "clearhop",
		Description:     strings.TrimSpace(description),
		Author:          "clearhop",
		SpdxLicenseID:   licenceID,
		LicenseURL:      "LICENSE",
		ReadmeURL:       "README.md",
		Labels:          []string{"nginx", "access-logs", "nlb", "proxy-protocol", "client-ip", "cloudwatch-logs", "firehose", "athena"},
		SemanticVersion: version,
	}
	if u, err := url.Parse(releases); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		a.HomePageURL = releases
		a.SourceCodeURL = strings.TrimSuffix(releases, "/") + "/" + sourceArchive(version)
	}
	return a, a.check()
}

// sourceArchive is the file of a release that holds the sources.
func sourceArchive(version string) string {
	return "clearhop_" + version + "_source.tar.gz"
}

// What the repository accepts, from the reference of the metadata that sam publish reads.
var (
	applicationName  = regexp.MustCompile(`^[a-zA-Z0-9-]{1,140}$`)
	applicationOwner = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	applicationLabel = regexp.MustCompile(`^[a-zA-Z0-9+\-_:/@]{1,127}$`)
	// From semver.org. A number in front of or behind a point has no leading zero.
	semanticVersion = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)` +
		`(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?` +
		`(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$`)
)

const (
	maxDescription = 256
	maxAuthor      = 127
	maxLabels      = 10
)

// check returns what the repository would refuse.
func (a application) check() error {
	var refused []error
	refuse := func(ok bool, field string, value any) {
		if !ok {
			refused = append(refused, fmt.Errorf("the Serverless Application Repository does not take the %s %q", field, value))
		}
	}
	refuse(applicationName.MatchString(a.Name), "name", a.Name)
	refuse(a.Description != "" && len(a.Description) <= maxDescription, "description", a.Description)
	refuse(len(a.Author) <= maxAuthor && applicationOwner.MatchString(a.Author), "author", a.Author)
	refuse(len(a.Labels) <= maxLabels, "labels", a.Labels)
	for _, label := range a.Labels {
		refuse(applicationLabel.MatchString(label), "label", label)
	}
	refuse(semanticVersion.MatchString(a.SemanticVersion), "version", a.SemanticVersion)
	return errors.Join(refused...)
}

// addApplication writes the application into the section Metadata of a template.
func addApplication(template []byte, a application) ([]byte, error) {
	const section = "\nMetadata:\n"
	if bytes.Count(template, []byte(section)) != 1 {
		return nil, errors.New("template.yaml has no section Metadata")
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(map[string]application{"AWS::ServerlessRepo::Application": a}); err != nil {
		return nil, err
	}
	indented := "  " + strings.ReplaceAll(strings.TrimSpace(b.String()), "\n", "\n  ") + "\n"
	return bytes.Replace(template, []byte(section), []byte(section+indented), 1), nil
}
