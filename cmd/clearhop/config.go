package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"clearhop/pipeline"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// addHelp puts the help of the pipeline's settings, whose tags have none, behind
// their flags.
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

// loadConfig reads a configuration file: YAML (and so JSON too) whose keys are
// the names of the flags.
//
//	nlb: [10.16.1.11]
//	trusted: [10.16.1.0/24]
//	label: {service: web, env: prod}
func loadConfig(r io.Reader) (kong.Resolver, error) {
	settings := map[string]any{}
	d := yaml.NewDecoder(r)
	err := d.Decode(&settings)
	if err == nil {
		// What a second document holds would be lost.
		if err = d.Decode(&yaml.Node{}); err == nil {
			err = errors.New("it holds more than one document")
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	return configFile(settings), nil
}

// A configFile answers kong with the settings of a file. A flag on the command
// line comes before an environment variable, and that before the file.
type configFile map[string]any

// Validate reports each key that is no setting: a misspelt one must not
// quietly mean the default.
func (f configFile) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, command := range app.Children {
		if !readsConfig(command) {
			continue
		}
		for _, flag := range command.Flags {
			known[flag.Name] = true
		}
	}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(f)) {
		if !known[key] {
			errs = append(errs, fmt.Errorf("configuration file: there is no setting %q", key))
		}
	}
	return errors.Join(errs...)
}

// readsConfig reports whether a command has settings that a file can hold.
func readsConfig(command *kong.Node) bool {
	return slices.ContainsFunc(command.Flags, func(flag *kong.Flag) bool { return flag.Name == "config" })
}

// Resolve returns the file's value of a flag; nil if it has none to say.
func (f configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if os.Getenv(name) != "" {
			return nil, nil
		}
	}
	return f[flag.Name], nil
}
