// Package setting lists the settings that a struct declares, and puts their
// names before errors.
//
// A setting is a field whose tags say how it is given: name is its flag and its
// key in a configuration file, env its environment variable, default its value
// where neither is given, and help what it does. Structs may be nested:
//
//	type Settings struct {
//		Trusted []string `name:"trusted" env:"CLEARHOP_TRUSTED"`
//	}
//	setting.List(&Settings{})     // one Setting: trusted, CLEARHOP_TRUSTED
//	setting.Error("trusted", err) // trusted: "x" is no address
//
// The functions keep no state and are safe for concurrent use.
package setting

import (
	"errors"
	"reflect"
	"strings"
)

// A Setting is one field of a struct of settings. Texts are empty where the
// field has no such tag.
type Setting struct {
	Field    string // the name of the field in Go
	Name     string // of the flag, and in a configuration file
	Variable string // in the environment
	Default  string
	Help     string
}

// List returns the settings of the struct that target points to, and of the
// structs inside it, in the order of their fields.
func List(target any) []Setting {
	return list(nil, reflect.TypeOf(target).Elem())
}

func list(to []Setting, in reflect.Type) []Setting {
	for i := range in.NumField() {
		f := in.Field(i)
		variable, _, _ := strings.Cut(f.Tag.Get("env"), ",")
		if variable == "-" {
			continue
		}
		name := f.Tag.Get("name")
		switch {
		case name != "" || variable != "":
			to = append(to, Setting{Field: f.Name, Name: name, Variable: variable, Default: f.Tag.Get("default"), Help: f.Tag.Get("help")})
		case f.Type.Kind() == reflect.Struct:
			to = list(to, f.Type)
		}
	}
	return to
}

// A ValueError says what is wrong with the value of a setting. Callers that know
// where the value came from, such as a line of a file, print that place with Err
// instead of the whole text.
type ValueError struct {
	Name string // of the setting
	Err  error
}

// Error returns the name and the cause.
func (e *ValueError) Error() string { return e.Name + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ValueError) Unwrap() error { return e.Err }

// Error puts the name of a setting before err, and before each of several
// errors that are joined in it: each becomes a *ValueError. It returns nil for nil.
func Error(name string, err error) error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return &ValueError{Name: name, Err: err}
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, Error(name, e))
	}
	return errors.Join(errs...)
}
