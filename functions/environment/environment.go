// Package environment fills the settings of a Lambda function from its
// environment.
//
// In go the environment and pointers to structs whose fields have env and
// default tags, such as pipeline.Config. Out comes one error that names every
// mistake. A variable that starts with CLEARHOP_ and belongs to no field is a
// mistake too: a misspelt name must not quietly mean the default.
//
//	var settings struct{ Stream string `env:"CLEARHOP_FIREHOSE_STREAM,notEmpty"` }
//	var config pipeline.Config
//	err := environment.Load(os.Environ(), &settings, &config)
package environment

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"clearhop/internal/setting"

	"github.com/caarlos0/env/v11"
)

// Prefix starts the name of each of our variables.
const Prefix = "CLEARHOP_"

// A Variable is a setting as the documentation shows it.
type Variable struct {
	Name    string
	Default string
	Help    string
}

// Load fills the structs that targets point to from environ, which is as
// os.Environ returns it. A variable that is set to nothing counts as not set:
// templates cannot leave one out.
func Load(environ []string, targets ...any) error {
	given := map[string]string{}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && value != "" {
			given[name] = value
		}
	}
	var errs []error
	known := map[string]bool{}
	for _, target := range targets {
		for _, v := range Variables(target) {
			known[v.Name] = true
		}
		err := env.ParseWithOptions(target, env.Options{Environment: given, DefaultValueTagName: "default"})
		errs = append(errs, named(target, err)...)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if strings.HasPrefix(name, Prefix) && !known[name] {
			errs = append(errs, unknown(name, slices.Sorted(maps.Keys(known))))
		}
	}
	return errors.Join(errs...)
}

// unknown is the error of a variable that belongs to no field.
func unknown(name string, known []string) error {
	if meant := setting.Nearest(name, known); meant != "" {
		return fmt.Errorf("there is no setting %s; did you mean %s?", name, meant)
	}
	return fmt.Errorf("there is no setting %s", name)
}

// named replaces the names of fields, which are all that the parser knows, with
// those of their variables.
func named(target any, err error) []error {
	if err == nil {
		return nil
	}
	var several env.AggregateError
	if !errors.As(err, &several) {
		return []error{err}
	}
	var errs []error
	for _, e := range several.Errors {
		var parse env.ParseError
		if errors.As(e, &parse) {
			for _, s := range setting.List(target) {
				if s.Field == parse.Name {
					e = setting.Error(s.Variable, parse.Err)
				}
			}
		}
		errs = append(errs, e)
	}
	return errs
}

// Variables lists the settings of the struct that target points to, and of the
// structs inside it.
func Variables(target any) []Variable {
	var all []Variable
	for _, s := range setting.List(target) {
		if s.Variable != "" {
			all = append(all, Variable{Name: s.Variable, Default: s.Default, Help: s.Help})
		}
	}
	return all
}
