package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"clearhop/internal/setting"
	"clearhop/pipeline"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// addHelp gives the flags of the pipeline's settings their help, which does not
// stand in their tags.
func addHelp(app *kong.Kong) error {
	for _, command := range app.Model.Children {
		for _, flag := range command.Flags {
			if flag.Help == "" {
				flag.Help = pipeline.Help(flag.Name)
			}
		}
	}
	return nil
}

// A configFlag is the flag --config: the name of a configuration file. That is YAML
// (and so JSON too) whose keys are the names of the flags.
//
//	nlb: [10.16.1.11]
//	trusted: [10.16.1.0/24]
//	label: {service: web, env: prod}
type configFlag string

// BeforeResolve reads the file. kong calls it before it asks for the settings that
// neither the command line nor the environment gives.
func (configFlag) BeforeResolve(ctx *kong.Context, trace *kong.Path, v *values) error {
	file, err := readConfig(string(ctx.FlagValue(trace.Flag).(configFlag)), secrets(ctx.Model)) //nolint:forcetypeassert // it is this flag
	if err != nil {
		return err
	}
	v.file = file
	v.wrong = append(append(v.wrong, file.wrong...), file.unknown(ctx.Model)...)
	ctx.AddResolver(file)
	return nil
}

// A configFile answers kong with the settings of a file. A flag on the command
// line comes before an environment variable, and that before the file.
type configFile struct {
	name     string
	settings map[string]fileSetting
	names    []string // of the settings, in the order of the file
	wrong    []error  // settings that cannot be used
	secrets  []string // the names of the settings whose values no message may show
}

// A fileSetting is one setting of a file.
type fileSetting struct {
	line  int // from 1
	value any
}

// at returns the place of a line, as FILE:LINE.
func (f *configFile) at(line int) string { return f.name + ":" + strconv.Itoa(line) }

// readConfig reads a file. The error is of a file that holds no settings. What is
// wrong with single settings is in the result.
func readConfig(name string, secrets []string) (*configFile, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	f := &configFile{name: name, settings: map[string]fileSetting{}, secrets: secrets}
	var document yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	switch err := d.Decode(&document); {
	case errors.Is(err, io.EOF): // the file is empty
		return f, nil
	case err != nil:
		return nil, f.syntax(err)
	}
	// What a second document holds would be lost.
	var second yaml.Node
	switch err := d.Decode(&second); {
	case err == nil:
		return nil, fmt.Errorf("%s: the file holds more than one document", f.at(second.Line))
	case !errors.Is(err, io.EOF):
		return nil, f.syntax(err)
	}
	return f, f.fill(document.Content[0])
}

// syntax returns an error of the YAML parser with the file and the line. The parser
// quotes the names of anchors, and "*NAME" may be a key that nobody put into quotes.
func (f *configFile) syntax(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if strings.Contains(text, "anchor '") {
		text = `a value begins with "*", which names no other value here; put it into quotes`
	}
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if line, text, ok := strings.Cut(rest, ": "); ok {
			return fmt.Errorf("%s:%s: no valid YAML: %s", f.name, line, text)
		}
	}
	return fmt.Errorf("%s: no valid YAML: %s", f.name, text)
}

// fill takes the settings out of the file's map. The error is of a file that has
// none.
func (f *configFile) fill(top *yaml.Node) error {
	switch {
	case top.Kind == yaml.ScalarNode && top.Tag == "!!null":
		return nil // nothing but comments
	case top.Kind != yaml.MappingNode:
		return fmt.Errorf("%s: settings are expected, one NAME: VALUE a line", f.at(top.Line))
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, node := top.Content[i], top.Content[i+1]
		if first, twice := f.settings[key.Value]; twice {
			f.wrong = append(f.wrong, fmt.Errorf("%s: %s is set already, in line %d", f.at(key.Line), key.Value, first.line))
			continue
		}
		if slices.Contains(f.secrets, key.Value) && !isPlainText(node) {
			// Nothing else is read: the error of another setting that shares this
			// value would show it.
			return fmt.Errorf("%s: %s: one text is expected, in quotes if it has other characters than letters and digits; not a list, a map, or a value with & or * in front", f.at(key.Line), key.Value)
		}
		value, err := valueOf(node)
		if err != nil {
			f.wrong = append(f.wrong, fmt.Errorf("%s: %s: %w", f.at(key.Line), key.Value, err))
		}
		f.settings[key.Value] = fileSetting{line: key.Line, value: value}
		f.names = append(f.names, key.Value)
	}
	return nil
}

// isPlainText reports whether a value is a text of its own, or nothing.
func isPlainText(node *yaml.Node) bool {
	switch {
	case node.Kind != yaml.ScalarNode || node.Anchor != "" || node.ShortTag() == "!!bool":
		return false
	case node.ShortTag() == "!!null":
		return len(node.Value) <= len("null") // a longer one has the tag !!null and is none
	}
	return true
}

// secrets returns the names of the settings whose values no message may show.
func secrets(app *kong.Application) []string {
	var names []string
	for _, command := range app.Children {
		for _, flag := range command.Flags {
			if isSecret(flag) {
				names = append(names, flag.Name)
			}
		}
	}
	return names
}

// valueOf returns a value as kong takes it. A number stays the text that it is, as
// on the command line: kong would read a duration without a unit as nanoseconds.
func valueOf(node *yaml.Node) (value any, err error) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch node.Kind {
	case yaml.ScalarNode:
		if tag := node.ShortTag(); tag != "!!null" && tag != "!!bool" {
			return node.Value, nil
		}
	case yaml.SequenceNode:
		var list []string
		if node.Decode(&list) == nil {
			items := make([]any, len(list))
			for i, item := range list {
				items[i] = item
			}
			return items, nil
		}
	case yaml.MappingNode:
		var texts map[string]string
		if node.Decode(&texts) == nil {
			items := map[string]any{}
			for key, text := range texts {
				items[key] = text
			}
			return items, nil
		}
	}
	err = node.Decode(&value)
	return value, err
}

// unknown reports each key that is no setting: a misspelt one must not quietly mean
// the default. The settings of all commands that read a file are known, so that
// they can share one.
func (f *configFile) unknown(app *kong.Application) []error {
	var known []string
	for _, command := range app.Children {
		if !readsConfig(command) {
			continue
		}
		for _, flag := range command.Flags {
			if flag.Name != "config" {
				known = append(known, flag.Name)
			}
		}
	}
	var errs []error
	for _, name := range f.names {
		if !slices.Contains(known, name) {
			line, meant := f.settings[name].line, didYouMean(name, known)
			for _, secret := range f.secrets {
				if strings.HasPrefix(name, secret) { // a value without the space in front of it
					name, meant = secret+"…", "; did you mean "+secret+": VALUE?"
				}
			}
			errs = append(errs, fmt.Errorf("%s: there is no setting %q%s", f.at(line), name, meant))
		}
	}
	return errs
}

// didYouMean is the end of a message about a name that is not known.
func didYouMean(name string, known []string) string {
	if meant := setting.Nearest(name, known); meant != "" {
		return "; did you mean " + meant + "?"
	}
	return ""
}

// readsConfig reports whether a command has settings that a file can hold.
func readsConfig(command *kong.Node) bool {
	return slices.ContainsFunc(command.Flags, func(flag *kong.Flag) bool { return flag.Name == "config" })
}

// Validate does nothing: all errors of the file are gathered in values.
func (f *configFile) Validate(*kong.Application) error { return nil }

// Resolve returns the file's value of a flag; nil if the file has none, or if the
// environment has one.
func (f *configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if variable(flag) != "" {
		return nil, nil
	}
	return f.settings[flag.Name].value, nil
}

// variable returns the name of the environment variable that gives a flag its
// value; "" if none does.
func variable(flag *kong.Flag) string {
	for _, name := range flag.Envs {
		if os.Getenv(name) != "" {
			return name
		}
	}
	return ""
}
