package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"clearhop/aws/nlb"
	"clearhop/aws/query"
	"clearhop/aws/stored"
	"clearhop/aws/subscription"
	"clearhop/functions/delivery"
	"clearhop/internal/setting"
	"clearhop/internal/template"
	"clearhop/pipeline"
)

// A problem is what is wrong with the settings.
type problem struct {
	parameters []string // that it is about; none for the settings together
	text       string
}

// transform is the function whose events are its answer.
const transform = "TransformFunction"

var readers = []string{"SubscriberFunction", "StreamFunction", transform}

var nameOfStack = regexp.MustCompile(`^[a-z][a-z0-9-]{0,49}$`)

// checkAll checks the settings, and names all that is wrong with them.
func (d *deployment) checkAll(ctx context.Context) error {
	problems := d.problems(ctx)
	if len(problems) == 0 {
		return ctx.Err()
	}
	var lines []string
	for _, p := range problems {
		lines = append(lines, item(p.text))
	}
	return &settingsError{fmt.Errorf("the settings in %s cannot be deployed:\n%s\nNothing was uploaded.", d.path, strings.Join(lines, "\n"))}
}

// item returns a text as an item of a list, for a terminal of 80 columns.
func item(text string) string { return "  - " + strings.Join(wrap(text, 76), "\n    ") }

// problemsOf returns what is wrong with some parameters.
func (d *deployment) problemsOf(ctx context.Context, parameters []string) []string {
	var texts []string
	for _, p := range d.problems(ctx) {
		if slices.ContainsFunc(p.parameters, func(name string) bool { return slices.Contains(parameters, name) }) {
			texts = append(texts, p.text)
		}
	}
	return texts
}

// problems checks the limits of the template, then the settings as the function will read
// them, then whether AWS has what they name.
func (d *deployment) problems(ctx context.Context) []problem {
	var all []problem
	if !nameOfStack.MatchString(d.settings.stack) {
		all = append(all, problem{text: fmt.Sprintf("%s: %q is not a name of small letters, digits and hyphens, at most 50, that begins with a letter", stackName, d.settings.stack)})
	}
	for _, err := range flatten(d.template.Check(d.settings.values)) {
		p := problem{text: err.Error()}
		if of, ok := errors.AsType[*template.ParameterError](err); ok {
			p.parameters = []string{of.Name}
		}
		all = append(all, p)
	}
	if len(all) > 0 {
		return all // what follows reads these values
	}
	all = d.functionProblems(ctx, "")
	if d.checkAWS {
		all = append(all, d.awsProblems(ctx)...)
	}
	return all
}

// functionProblems returns what would keep the function from starting. layer is the folder
// of the built layer; without it the databases are left out, as they are those of S3, which
// come after the deployment.
func (d *deployment) functionProblems(ctx context.Context, layer string) []problem {
	function, err := d.template.Enabled(d.settings.values, readers...)
	if err != nil {
		return []problem{{text: err.Error()}}
	}
	variables, err := d.template.Environment(function, d.settings.values)
	if err != nil {
		return []problem{{text: err.Error()}}
	}
	for _, name := range []string{"CLEARHOP_CITY_DB", "CLEARHOP_ASN_DB"} {
		path, isInLayer := strings.CutPrefix(variables[name], "/opt/")
		if layer == "" || !isInLayer {
			delete(variables, name)
			continue
		}
		variables[name] = filepath.Join(layer, path)
	}
	var environ []string
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		environ = append(environ, name+"="+variables[name])
	}
	var all []problem
	for _, err := range flatten(delivery.Check(ctx, environ, function == transform, d.reader())) {
		all = append(all, d.problemOf(function, err))
	}
	return all
}

// reader reads what settings refer to. The key of pseudonyms is the function's alone, so
// another text of the same kind stands for it. A list that this person may not read is no
// fault of the settings.
func (d *deployment) reader() stored.Reader {
	r := stored.Reader{Secret: func(context.Context, string) (string, error) { return strings.Repeat("key ", 8), nil }}
	read := stored.Lazy().Object
	r.Object = func(ctx context.Context, url string) ([]byte, error) {
		text, err := read(ctx, url)
		if err != nil {
			d.note("%s cannot be read from here, so it was not checked: %v", url, err)
		}
		return text, nil
	}
	return r
}

// note tells a person what could not be checked.
func (d *deployment) note(format string, args ...any) {
	fmt.Fprintf(d.out, "Note: "+format+".\n", args...)
}

// problemOf puts the names of parameters in the place of a variable or a flag.
func (d *deployment) problemOf(function string, err error) problem {
	name, rest, _ := strings.Cut(err.Error(), ": ")
	for _, s := range setting.List(&pipeline.Config{}) {
		if s.Name == name {
			name = s.Variable
		}
	}
	parameters := d.template.References(function, name)
	if len(parameters) == 0 {
		return problem{text: err.Error()}
	}
	given := slices.DeleteFunc(slices.Clone(parameters), func(name string) bool { return d.settings.values[name] == "" })
	if len(given) == 0 {
		given = parameters[:1]
	}
	return problem{parameters: given, text: strings.Join(given, ", ") + ": " + rest}
}

// lookTime bounds what AWS is asked about one setting.
const lookTime = 20 * time.Second

// awsProblems looks whether AWS has what the settings name. What may not be looked at is a
// note.
func (d *deployment) awsProblems(ctx context.Context) []problem {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	values := d.template.Complete(d.settings.values)
	all := d.logGroupProblems(ctx, values)
	if values["DiscoverNLB"] == "" {
		return all
	}
	var names []string
	for item := range strings.SplitSeq(values["DiscoverNLB"], ",") {
		if _, name, named := strings.Cut(item, ":"); named {
			names = append(names, name)
		}
	}
	find, err := nlb.Nodes(names)
	if err == nil {
		_, err = find(ctx)
	}
	if missing, ok := errors.AsType[*nlb.NotFoundError](err); ok {
		return append(all, problem{parameters: []string{"DiscoverNLB"},
			text: "DiscoverNLB: " + missing.Error() + ": look at the name, and whether the NLB is in " + d.account.region})
	}
	if err != nil {
		d.note("the addresses of the NLB could not be looked up, so its name was not checked: %v", cause(err))
	}
	return all
}

// logGroupProblems looks for the log groups.
func (d *deployment) logGroupProblems(ctx context.Context, values map[string]string) []problem {
	var all []problem
	var logs *subscription.Logs
	for _, name := range []string{"LogGroupName", "LogGroupName2", "LogGroupName3", "LogGroupName4", "LogGroupName5"} {
		if values[name] == "" || values["AllLogGroups"] == "true" {
			continue
		}
		if logs == nil {
			var err error
			if logs, err = subscription.Connect(ctx, d.settings.region); err != nil {
				return []problem{{text: err.Error()}}
			}
		}
		groups, err := logs.Find(ctx, values[name], false)
		if missing, ok := errors.AsType[*subscription.NotFoundError](err); ok {
			all = append(all, problem{[]string{name}, fmt.Sprintf("%s: %v in %s: nginx, or who runs it, must have made it before", name, missing, d.account.region)})
			continue
		}
		if err != nil {
			d.note("the log group %s could not be looked up, so it was not checked: %v", values[name], cause(err))
			continue
		}
		if class := groups[0].Class; class != "" && class != "STANDARD" {
			all = append(all, problem{[]string{name}, fmt.Sprintf("%s: the class of %s is %s; only STANDARD log groups can be subscribed", name, values[name], class)})
		}
	}
	return all
}

// cause returns the answer of AWS alone, where there is one.
func cause(err error) error {
	if refused, ok := errors.AsType[*query.ServiceError](err); ok {
		return refused
	}
	return err
}

// flatten lists the errors of a joined one.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}
