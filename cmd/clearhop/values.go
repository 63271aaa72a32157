package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"clearhop/internal/setting"

	"github.com/alecthomas/kong"
)

// values gather what is wrong with the values of flags, variables and settings of a
// file, so that all of it can be reported at once. kong itself ends at the first
// value that it cannot read.
type values struct {
	source  source
	command *kong.Node  // the selected one, once it is known
	file    *configFile // nil without --config
	wrong   []error
}

// A source is where a value comes from.
type source int

const (
	commandLine source = iota
	environment        // or the default
	inFile
)

// options make kong gather the errors here. kong reads the sources one after the
// other, and calls a hook before each.
func (v *values) options() []kong.Option {
	return []kong.Option{
		kong.PostBuild(v.watch),
		kong.Bind(v),
		kong.WithBeforeReset(func(ctx *kong.Context) error {
			v.source, v.command = environment, ctx.Selected()
			return nil
		}),
		kong.WithBeforeResolve(func() error {
			v.source = inFile
			return nil
		}),
	}
}

// watch puts a gatherer in front of the reader of each flag.
func (v *values) watch(app *kong.Kong) error {
	for _, command := range app.Model.Children {
		for _, flag := range command.Flags {
			g := gatherer{Mapper: flag.Mapper, values: v, flag: flag}
			if flag.IsBool() {
				flag.Mapper = boolGatherer{g}
			} else {
				flag.Mapper = g
			}
		}
	}
	return nil
}

// A gatherer reads the value of a flag. A wrong one is kept as an error, and the
// flag then has its default.
type gatherer struct {
	kong.Mapper
	values *values
	flag   *kong.Flag
}

// A boolGatherer is that of a flag that needs no value.
type boolGatherer struct{ gatherer }

// IsBool implements kong.BoolMapper.
func (boolGatherer) IsBool() bool { return true }

// Decode implements kong.Mapper. Its error is that of a value that is missing.
func (g gatherer) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	value := ctx.Scan.Peek()
	err := g.Mapper.Decode(ctx, target)
	if err == nil {
		err = g.checkEnum(target)
	}
	switch {
	case err == nil:
		return nil
	case value.IsEOL():
		return errors.New("the value is missing")
	case isSecret(g.flag):
		// kong's error shows the value.
		return fmt.Errorf("the value is missing; write one that begins with - as --%s=VALUE", g.flag.Name)
	case value.Type != kong.FlagValueToken && !value.IsValue():
		return err
	}
	g.values.add(g.flag, g.explain(err, value.Value))
	target.SetZero()
	if !g.flag.HasDefault {
		return nil
	}
	fallback := kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: g.flag.Default})
	return g.Mapper.Decode(ctx.WithScanner(fallback), target)
}

// checkEnum checks a value against the values that a flag may have, before kong
// does, which would end there.
func (g gatherer) checkEnum(target reflect.Value) error {
	if g.flag.Enum == "" || target.Kind() != reflect.String || g.flag.EnumMap()[target.String()] {
		return nil
	}
	// A flag that may be left out has the empty text as a value, which nobody writes.
	values := slices.DeleteFunc(g.flag.EnumSlice(), func(v string) bool { return v == "" })
	return fmt.Errorf("%q is none of %s", target.String(), strings.Join(values, ", "))
}

// explain returns what is wrong with a value in a person's words, where the reader
// of the flag has only those of a programmer.
func (g gatherer) explain(err error, value any) error {
	text := fmt.Sprint(value)
	switch g.flag.Target.Interface().(type) {
	case time.Duration:
		return fmt.Errorf("%q is no duration, such as 90s, 15m or 2h", text)
	case float64:
		return fmt.Errorf("%q is no number, such as 0.01", text)
	case int:
		return fmt.Errorf("%q is no whole number", text)
	case uint16:
		return fmt.Errorf("%q is no port, a number from 1 to 65535", text)
	case bool:
		return fmt.Errorf("%q is neither true nor false", text)
	case []string:
		return fmt.Errorf("%q is neither a text nor a list of texts", text)
	case map[string]string:
		return fmt.Errorf("%q is not of the form %s", text, g.flag.PlaceHolder)
	}
	return err
}

// isSecret reports whether no message may show the value of a flag.
func isSecret(flag *kong.Flag) bool { return flag.Tag != nil && flag.Tag.Has("secret") }

// add keeps an error of a value. The environment is read for all commands; only
// that of the selected one counts.
func (v *values) add(flag *kong.Flag, err error) {
	if v.source == commandLine || v.command != nil && slices.Contains(v.command.Flags, flag) {
		v.wrong = append(v.wrong, fmt.Errorf("%s: %w", v.place(flag, v.source), err))
	}
}

// place says which value is meant, for a message.
func (v *values) place(flag *kong.Flag, from source) string {
	switch {
	case from == commandLine:
		return "--" + flag.Name
	case from == environment:
		if name := variable(flag); name != "" {
			return name
		}
	case v.file != nil:
		if s, given := v.file.settings[flag.Name]; given {
			return v.file.at(s.line) + ": " + flag.Name
		}
	}
	return flag.Name
}

// locate puts the place of each wrong value before its error: a *setting.ValueError
// knows only the name of its setting.
func (v *values) locate(ctx *kong.Context, err error) error {
	var errs []error
	for _, e := range flatten(err) {
		if wrong, ok := e.(*setting.ValueError); ok { //nolint:errorlint // one that is wrapped has a text around it
			e = fmt.Errorf("%s: %w", v.origin(ctx, wrong.Name), wrong.Err)
		}
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

// origin returns the place of the value of a setting; its name alone if nobody gave
// it one.
func (v *values) origin(ctx *kong.Context, name string) string {
	i := slices.IndexFunc(ctx.Selected().Flags, func(f *kong.Flag) bool { return f.Name == name })
	if i < 0 {
		return name
	}
	flag := ctx.Selected().Flags[i]
	onLine := slices.ContainsFunc(ctx.Path, func(p *kong.Path) bool { return p.Flag == flag && !p.Resolved })
	switch {
	case onLine:
		return v.place(flag, commandLine)
	case variable(flag) != "":
		return v.place(flag, environment)
	}
	return v.place(flag, inFile)
}

// A checker is a command that can say what is wrong with its settings without
// running.
type checker interface{ checkSettings() error }

// check returns all that is wrong with the values of a command line, if kong could not
// read some of them; nil if it read all. It adds what the command itself refuses.
func (v *values) check(ctx *kong.Context) error {
	if len(v.wrong) == 0 {
		return nil // the command checks its settings when it runs
	}
	return errors.Join(append(v.wrong, v.refused(ctx))...)
}

// refused returns what a command refuses of its settings, each with its place.
func (v *values) refused(ctx *kong.Context) error {
	c, ok := ctx.Selected().Target.Addr().Interface().(checker)
	if !ok {
		return nil
	}
	err := c.checkSettings()
	if err == nil {
		return nil
	}
	return v.locate(ctx, err)
}

// complete adds to the error of a command that did not run, because of one of its
// settings, what is wrong with the others.
func (v *values) complete(ctx *kong.Context, err error) error {
	if _, ok := errors.AsType[*usageError](err); !ok {
		return err
	}
	errs := flatten(v.locate(ctx, err))
	known := map[string]bool{}
	for _, e := range errs {
		known[e.Error()] = true
	}
	if all := v.refused(ctx); all != nil {
		for _, e := range flatten(all) {
			if !known[e.Error()] {
				errs = append(errs, e)
			}
		}
	}
	return &usageError{errors.Join(errs...)}
}

// warnOfVariables warns of variables that start like ours and that the command does
// not read: a misspelt one would quietly mean the default.
func warnOfVariables(w io.Writer, command *kong.Node) {
	if !readsConfig(command) {
		return
	}
	var known []string
	for _, flag := range command.Flags {
		known = append(known, flag.Envs...)
	}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		if value == "" || !strings.HasPrefix(name, ourPrefix) || slices.Contains(known, name) {
			continue
		}
		printErrors(w, fmt.Errorf("the variable %s is ignored: clearhop %s has no such setting%s", name, command.Name, didYouMean(name, known)))
	}
}

// ourPrefix starts the name of each of our environment variables.
const ourPrefix = "CLEARHOP_"
