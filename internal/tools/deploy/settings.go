package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"clearhop/internal/template"

	"go.yaml.in/yaml/v3"
)

// The settings in the file that are no parameters of the template.
const (
	stackName    = "StackName"
	region       = "Region"
	uploadBucket = "UploadBucket"
)

// settings are those of a stack. Values are as CloudFormation takes them: lists with commas.
type settings struct {
	stack, region string
	bucket        string            // that functions are uploaded to; empty for one that SAM makes
	values        map[string]string // parameters that the file gives
}

// A settingsError says what is wrong with the settings, or that they are missing.
type settingsError struct{ err error }

// Error returns the causes, each on a line.
func (e *settingsError) Error() string { return e.err.Error() }

// Unwrap returns the causes.
func (e *settingsError) Unwrap() error { return e.err }

// readSettings reads the settings file, if there is one.
func (d *deployment) readSettings() (exists bool, err error) {
	d.settings = settings{stack: nameOf(d.path), values: map[string]string{}}
	text, err := os.ReadFile(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		d.settings.readFormer("samconfig.toml")
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return true, &settingsError{fmt.Errorf("%s cannot be read: %w", d.path, err)}
	}
	if document.IsZero() {
		return true, nil // nothing but comments
	}
	if err := d.settings.read(document.Content[0]); err != nil {
		return true, &settingsError{fmt.Errorf("%s: %w", d.path, err)}
	}
	return true, nil
}

// nameOf returns the name that a stack has if nobody names it: clearhop for stack.yaml,
// clearhop-prod for stack-prod.yaml.
func nameOf(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	return "clearhop" + strings.TrimPrefix(name, "stack")
}

// former finds what sam deploy --guided wrote into samconfig.toml in former versions.
var former = regexp.MustCompile(`(?m)^(stack_name|region) = "([^"]+)"`)

// readFormer takes over the name and the region of a stack that a former version deployed,
// so that its parameters are found.
func (s *settings) readFormer(path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		return // then nothing was deployed from this checkout
	}
	for _, m := range former.FindAllStringSubmatch(string(text), -1) {
		if m[1] == "region" {
			s.region = m[2]
		} else {
			s.stack = m[2]
		}
	}
}

// read takes over the members of a mapping.
func (s *settings) read(mapping *yaml.Node) error {
	if mapping.Kind != yaml.MappingNode {
		return errors.New("it does not hold lines of NAME: VALUE")
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		name, node := mapping.Content[i].Value, mapping.Content[i+1]
		var value string
		switch {
		case node.Tag == "!!null":
		case node.Kind == yaml.ScalarNode:
			value = strings.TrimSuffix(node.Value, "\n") // that of a text of several lines
		case node.Kind == yaml.SequenceNode:
			var items []string
			for _, item := range node.Content {
				items = append(items, item.Value)
			}
			value = strings.Join(items, ",")
		default:
			return fmt.Errorf("line %d: the value of %s is neither a text nor a list", node.Line, name)
		}
		switch name {
		case stackName:
			s.stack = value
		case region:
			s.region = value
		case uploadBucket:
			s.bucket = value
		default:
			s.values[name] = value
		}
	}
	return nil
}

// write writes a settings file with all parameters: those that have another value than
// their default as they are, the others behind a "#".
func (s *settings) write(path string, parameters []template.Parameter) error {
	var b bytes.Buffer
	b.WriteString(`# The settings of a stack of Clearhop. make deploy reads them each time, and git does not
# track this file: keep it. Take the "#" away before a setting to change it.
# What a change does to a running stack: docs/aws.md#change-a-setting

`)
	writeSetting(&b, "", stackName, s.stack)
	writeSetting(&b, "", region, s.region)
	b.WriteString("\n# A bucket of yours that the functions are uploaded to. Without it, SAM makes one.\n")
	if s.bucket == "" {
		writeSetting(&b, "#", uploadBucket, "")
	} else {
		writeSetting(&b, "", uploadBucket, s.bucket)
	}
	group := ""
	for _, p := range parameters {
		if p.Group != group {
			group = p.Group
			fmt.Fprintf(&b, "\n# ---------- %s ----------\n", group)
		}
		b.WriteString("\n")
		for _, line := range wrap(p.Description, 86) {
			fmt.Fprintf(&b, "# %s\n", line)
		}
		value, given := s.values[p.Name]
		if given && value != p.Default {
			writeSetting(&b, "", p.Name, value)
		} else {
			writeSetting(&b, "#", p.Name, p.Default)
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o600)
}

// writeSetting writes NAME: VALUE in YAML, each line behind a prefix.
func writeSetting(b *bytes.Buffer, prefix, name, value string) {
	text, err := yaml.Marshal(map[string]string{name: value})
	if err != nil {
		panic("deploy: a text cannot be written in YAML: " + err.Error())
	}
	for line := range bytes.Lines(text) {
		b.WriteString(prefix)
		b.Write(line)
	}
}

// wrap breaks a text into lines of at most width bytes.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
