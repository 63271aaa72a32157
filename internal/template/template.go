// Package template reads a SAM template as far as its parameters reach: their defaults and
// limits, the rules and conditions that look at them, the environment that a function
// gets by them, and the text of any other property.
//
// In go the text of a template and values of its parameters. Out comes what CloudFormation
// would refuse, and what it would put into a function's environment, before anything is
// uploaded:
//
//	t, err := template.Parse(text)
//	err = t.Check(map[string]string{"Road": "kinesis"})   // every value that would be refused
//	function, err := t.Enabled(values, "SubscriberFunction", "StreamFunction")
//	environment, err := t.Environment(function, values)   // CLEARHOP_FORMAT: auto, …
//	text, err := t.Text(values, "EdgeTargetGroup", "TargetGroupAttributes", "0", "Value")
//
// What only a deployment knows, such as the name of a bucket, is the name of the resource in
// small letters. A Template is immutable and safe for concurrent use.
package template

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clearhop/internal/setting"

	"go.yaml.in/yaml/v3"
)

// A Parameter is a parameter of a template.
type Parameter struct {
	Name        string
	Group       string // the heading that it stands below; empty for none
	Type        string // String, Number or CommaDelimitedList
	Default     string
	Description string

	allowed    []string
	forbidden  *regexp.Regexp // what a value must not begin with; nil for nothing
	pattern    *regexp.Regexp // what a value must be as a whole; nil for anything
	constraint string         // the pattern in words; may be empty
	min, max   *float64
}

// Allowed returns the values that the parameter may have; nil for any. The caller must not
// change them.
func (p *Parameter) Allowed() []string { return p.allowed }

// A Template is a SAM template.
type Template struct {
	parameters []Parameter
	rules      []rule
	conditions map[string]*yaml.Node
	resources  map[string]*yaml.Node
	mappings   map[string]*yaml.Node
}

// A rule is what CloudFormation asserts before it begins.
type rule struct {
	condition  yaml.Node // zero for always
	assertions []assertion
}

type assertion struct {
	Assert      yaml.Node `yaml:"Assert"`
	Description string    `yaml:"AssertDescription"`
}

// Parse reads a template.
func Parse(text []byte) (*Template, error) {
	var document struct {
		Metadata struct {
			Interface struct {
				Groups []struct {
					Label struct {
						Default string `yaml:"default"`
					} `yaml:"Label"`
					Parameters []string `yaml:"Parameters"`
				} `yaml:"ParameterGroups"`
			} `yaml:"AWS::CloudFormation::Interface"`
		} `yaml:"Metadata"`
		Parameters yaml.Node `yaml:"Parameters"`
		Rules      yaml.Node `yaml:"Rules"`
		Conditions yaml.Node `yaml:"Conditions"`
		Mappings   yaml.Node `yaml:"Mappings"`
		Resources  yaml.Node `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	t := &Template{
		conditions: maps.Collect(members(&document.Conditions)),
		resources:  maps.Collect(members(&document.Resources)),
		mappings:   maps.Collect(members(&document.Mappings)),
	}
	groups := map[string]string{}
	var order []string
	for _, g := range document.Metadata.Interface.Groups {
		for _, name := range g.Parameters {
			groups[name] = g.Label.Default
			order = append(order, name)
		}
	}
	for name, node := range members(&document.Parameters) {
		p, err := readParameter(name, node)
		if err != nil {
			return nil, fmt.Errorf("template: parameter %s: %w", name, err)
		}
		p.Group = groups[name]
		t.parameters = append(t.parameters, p)
	}
	place := func(p Parameter) int {
		if i := slices.Index(order, p.Name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(t.parameters, func(a, b Parameter) int { return place(a) - place(b) })
	for name, node := range members(&document.Rules) {
		var r struct {
			Condition  yaml.Node   `yaml:"RuleCondition"`
			Assertions []assertion `yaml:"Assertions"`
		}
		if err := node.Decode(&r); err != nil {
			return nil, fmt.Errorf("template: rule %s: %w", name, err)
		}
		t.rules = append(t.rules, rule{condition: r.Condition, assertions: r.Assertions})
	}
	return t, nil
}

// readParameter reads one parameter.
func readParameter(name string, node *yaml.Node) (Parameter, error) {
	var from struct {
		Type           string   `yaml:"Type"`
		Default        string   `yaml:"Default"`
		Description    string   `yaml:"Description"`
		AllowedValues  []string `yaml:"AllowedValues"`
		AllowedPattern string   `yaml:"AllowedPattern"`
		Constraint     string   `yaml:"ConstraintDescription"`
		Min            *float64 `yaml:"MinValue"`
		Max            *float64 `yaml:"MaxValue"`
	}
	if err := node.Decode(&from); err != nil {
		return Parameter{}, err
	}
	p := Parameter{
		Name: name, Type: from.Type, Default: from.Default, Description: strings.TrimSpace(from.Description),
		allowed: from.AllowedValues, constraint: from.Constraint, min: from.Min, max: from.Max,
	}
	if from.AllowedPattern == "" {
		return p, nil
	}
	pattern, err := p.readLookahead(from.AllowedPattern)
	if err != nil {
		return p, err
	}
	p.pattern, err = regexp.Compile(`^(?:` + pattern + `)$`)
	return p, err
}

// readLookahead takes what a value must not begin with off a pattern: CloudFormation's
// patterns are Java's, and Go has no (?!…).
func (p *Parameter) readLookahead(pattern string) (rest string, err error) {
	const opening = "(?!"
	if !strings.HasPrefix(pattern, opening) {
		return pattern, nil
	}
	depth := 1
	for i := len(opening); i < len(pattern); i++ {
		switch pattern[i] {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			p.forbidden, err = regexp.Compile("^(?:" + pattern[len(opening):i] + ")")
			return pattern[i+1:], err
		}
	}
	return "", errors.New("AllowedPattern: a parenthesis is not closed")
}

// Parameters returns the parameters in the order of their groups. The caller must not
// change them.
func (t *Template) Parameters() []Parameter { return t.parameters }

// Complete returns values with the defaults of the parameters that they do not have.
func (t *Template) Complete(values map[string]string) map[string]string {
	all := map[string]string{}
	for _, p := range t.parameters {
		all[p.Name] = p.Default
		if value, given := values[p.Name]; given {
			all[p.Name] = value
		}
	}
	return all
}

// A ParameterError says why CloudFormation would refuse the value of a parameter.
type ParameterError struct {
	Name   string
	Reason string
}

// Error returns the name and the reason.
func (e *ParameterError) Error() string { return e.Name + ": " + e.Reason }

// Check returns everything that CloudFormation would refuse: parameters that do not exist,
// values outside of their limits (each a *ParameterError), and rules that do not hold.
func (t *Template) Check(values map[string]string) error {
	var errs []error
	var names []string
	for i := range t.parameters {
		p := &t.parameters[i]
		names = append(names, p.Name)
		if value, given := values[p.Name]; given {
			if reason := p.refuses(value); reason != "" {
				errs = append(errs, &ParameterError{p.Name, reason})
			}
		}
	}
	for name := range values {
		if !slices.Contains(names, name) {
			reason := "there is no such parameter"
			if meant := setting.Nearest(name, names); meant != "" {
				reason += "; did you mean " + meant + "?"
			}
			errs = append(errs, &ParameterError{name, reason})
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	with := scope{t, t.Complete(values)}
	for _, r := range t.rules {
		if err := r.check(with); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (r *rule) check(with scope) error {
	if !r.condition.IsZero() {
		if holds, err := with.holds(&r.condition); err != nil || !holds {
			return err
		}
	}
	var errs []error
	for i := range r.assertions {
		holds, err := with.holds(&r.assertions[i].Assert)
		if err == nil && !holds {
			err = errors.New(strings.TrimSuffix(r.assertions[i].Description, "."))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// refuses returns why a value is outside of the limits of its parameter, or "".
func (p *Parameter) refuses(value string) string {
	if len(p.allowed) > 0 && !slices.Contains(p.allowed, value) {
		return fmt.Sprintf("%.100q is not allowed; allowed: %s", value, strings.Join(p.allowed, ", "))
	}
	if p.pattern != nil && (!p.pattern.MatchString(value) || p.forbidden != nil && p.forbidden.MatchString(value)) {
		if p.constraint != "" {
			return fmt.Sprintf("%.100q cannot be used; write %s", value, strings.TrimSuffix(p.constraint, "."))
		}
		return fmt.Sprintf("%.100q has characters that are not allowed, or the wrong form", value)
	}
	if p.Type != "Number" {
		return ""
	}
	number, err := strconv.ParseFloat(value, 64)
	switch {
	case err != nil:
		return fmt.Sprintf("%.100q is not a number", value)
	case p.min != nil && number < *p.min:
		return fmt.Sprintf("%s is less than %v", value, *p.min)
	case p.max != nil && number > *p.max:
		return fmt.Sprintf("%s is more than %v", value, *p.max)
	}
	return ""
}
