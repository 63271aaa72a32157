// Package environment fills the settings of a Lambda function from its
// environment.
//
// In go the environment and pointers to structs whose fields bear env and
// default tags, pipeline.Config among them; out comes one error that names
// everything that is wrong. A variable that starts with CLEARHOP_ and belongs
// to no field is wrong too: a misspelt one must not quietly mean the default.
//
//	var settings struct{ Stream string `env:"CLEARHOP_FIREHOSE_STREAM,notEmpty"` }
//	var config pipeline.Config
//	err := environment.Load(os.Environ(), &settings, &config)
package environment

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

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
			errs = append(errs, fmt.Errorf("there is no setting %s", name))
		}
	}
	return errors.Join(errs...)
}

// named takes the parser's error apart and puts the variable's name in the
// place of the field's, which is all that the parser knows.
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
		if field, ok := fieldNamed(target, e, &parse); ok {
			e = fmt.Errorf("%s: %w", field.Tag.Get("env"), parse.Err)
		}
		errs = append(errs, e)
	}
	return errs
}

func fieldNamed(target any, err error, parse *env.ParseError) (reflect.StructField, bool) {
	if !errors.As(err, parse) {
		return reflect.StructField{}, false
	}
	return reflect.TypeOf(target).Elem().FieldByName(parse.Name)
}

// Variables lists the settings of the struct that target points to.
func Variables(target any) []Variable {
	var all []Variable
	for _, f := range reflect.VisibleFields(reflect.TypeOf(target).Elem()) {
		name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
		if name == "" || name == "-" {
			continue
		}
		all = append(all, Variable{Name: name, Default: f.Tag.Get("default"), Help: f.Tag.Get("help")})
	}
	return all
}
