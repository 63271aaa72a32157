package template

import (
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A scope is a template with a value for each parameter, in which expressions are worked
// out.
type scope struct {
	template *Template
	values   map[string]string
}

// noValue is what AWS::NoValue gives: the property is as if it were not there.
type noValue struct{}

// Enabled returns the one of some resources whose condition holds.
func (t *Template) Enabled(values map[string]string, resources ...string) (string, error) {
	with := scope{t, t.Complete(values)}
	for _, name := range resources {
		node := t.resources[name]
		if node == nil {
			return "", fmt.Errorf("template: there is no resource %s", name)
		}
		condition := member(node, "Condition")
		if condition == nil {
			return name, nil
		}
		holds, err := with.condition(condition.Value)
		if err != nil || holds {
			return name, err
		}
	}
	return "", fmt.Errorf("template: none of %s is made", strings.Join(resources, ", "))
}

// Environment returns the variables that a function gets.
func (t *Template) Environment(function string, values map[string]string) (map[string]string, error) {
	variables := t.variables(function)
	if variables == nil {
		return nil, fmt.Errorf("template: %s has no environment", function)
	}
	with := scope{t, t.Complete(values)}
	environment := map[string]string{}
	for name, node := range members(variables) {
		value, err := with.text(node)
		if err != nil {
			return nil, fmt.Errorf("template: %s: %w", name, err)
		}
		environment[name] = value
	}
	return environment, nil
}

// Text returns a property of a resource that is a text. path leads to it from the
// resource's properties, by the names of members and the places in lists, which count
// from 0.
func (t *Template) Text(values map[string]string, resource string, path ...string) (string, error) {
	node := t.resources[resource]
	for _, name := range append([]string{"Properties"}, path...) {
		if node == nil {
			break
		}
		if place, err := strconv.Atoi(name); err == nil && node.Kind == yaml.SequenceNode && place >= 0 && place < len(node.Content) {
			node = node.Content[place]
			continue
		}
		node = member(node, name)
	}
	if node == nil {
		return "", fmt.Errorf("template: %s has no %s", resource, strings.Join(path, "."))
	}
	text, err := scope{t, t.Complete(values)}.text(node)
	if err != nil {
		return "", fmt.Errorf("template: %s of %s: %w", strings.Join(path, "."), resource, err)
	}
	return text, nil
}

// References returns the parameters that a variable of a function is made of, each once.
func (t *Template) References(function, variable string) []string {
	variables := t.variables(function)
	if variables == nil {
		return nil
	}
	var names []string
	for name, node := range members(variables) {
		if name == variable {
			names = t.references(nil, node)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (t *Template) references(to []string, node *yaml.Node) []string {
	named := func(name string) {
		if slices.ContainsFunc(t.parameters, func(p Parameter) bool { return p.Name == name }) {
			to = append(to, name)
		}
	}
	switch node.Tag {
	case "!Ref":
		named(node.Value)
	case "!Sub":
		for _, m := range variable.FindAllStringSubmatch(node.Value, -1) {
			named(m[1])
		}
	}
	for _, child := range node.Content {
		to = t.references(to, child)
	}
	return to
}

// variables returns the environment of a function in the template; nil for none.
func (t *Template) variables(function string) *yaml.Node {
	node := t.resources[function]
	for _, name := range []string{"Properties", "Environment", "Variables"} {
		if node == nil {
			return nil
		}
		node = member(node, name)
	}
	return node
}

// members yields the members of a mapping in their order.
func members(node *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		if node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, node.Content[i+1]) {
				return
			}
		}
	}
}

// member returns a member of a mapping, or nil.
func member(node *yaml.Node, name string) *yaml.Node {
	for key, value := range members(node) {
		if key == name {
			return value
		}
	}
	return nil
}

// condition works out a condition by its name.
func (s scope) condition(name string) (bool, error) {
	node := s.template.conditions[name]
	if node == nil {
		return false, fmt.Errorf("there is no condition %s", name)
	}
	return s.holds(node)
}

// holds works out an expression that is true or false.
func (s scope) holds(node *yaml.Node) (bool, error) {
	switch node.Tag {
	case "!Condition":
		return s.condition(node.Value)
	case "!Equals":
		a, errA := s.text(node.Content[0])
		b, errB := s.text(node.Content[1])
		if errA != nil {
			return false, errA
		}
		return a == b, errB
	case "!Not":
		holds, err := s.holds(node.Content[0])
		return !holds, err
	case "!And", "!Or":
		for _, child := range node.Content {
			holds, err := s.holds(child)
			if err != nil || holds == (node.Tag == "!Or") {
				return holds, err
			}
		}
		return node.Tag == "!And", nil
	}
	return false, fmt.Errorf("line %d: %s is no condition that is known here", node.Line, node.Tag)
}

// text works out an expression that is a text.
func (s scope) text(node *yaml.Node) (string, error) {
	value, err := s.value(node)
	if err != nil {
		return "", err
	}
	switch v := value.(type) {
	case string:
		return v, nil
	case noValue:
		return "", nil
	case []string:
		return strings.Join(v, ","), nil
	}
	return "", fmt.Errorf("line %d: it is no text", node.Line)
}

// variable is a reference in the text of !Sub.
var variable = regexp.MustCompile(`\$\{([A-Za-z0-9:.]+)\}`)

// value works out an expression: a string, a []string or noValue.
func (s scope) value(node *yaml.Node) (any, error) {
	if node.Kind == yaml.SequenceNode && !strings.HasPrefix(node.Tag, "!") || node.Tag == "!!seq" {
		return s.list(node)
	}
	switch node.Tag {
	case "!Ref":
		if node.Value == "AWS::NoValue" {
			return noValue{}, nil
		}
		return s.reference(node.Value), nil
	case "!GetAtt":
		return s.reference(node.Value), nil
	case "!Sub":
		return s.substitute(node)
	case "!If":
		holds, err := s.condition(node.Content[0].Value)
		if err != nil {
			return nil, err
		}
		if holds {
			return s.value(node.Content[1])
		}
		return s.value(node.Content[2])
	case "!Join":
		return s.join(node)
	case "!Split":
		text, err := s.text(node.Content[1])
		return strings.Split(text, node.Content[0].Value), err
	case "!Select":
		return s.choose(node)
	case "!FindInMap":
		return s.find(node)
	}
	if node.Kind == yaml.ScalarNode && strings.HasPrefix(node.Tag, "!!") {
		return node.Value, nil
	}
	return nil, fmt.Errorf("line %d: %s is no expression that is known here", node.Line, node.Tag)
}

// list works out each item of a list.
func (s scope) list(node *yaml.Node) ([]string, error) {
	var all []string
	for _, child := range node.Content {
		text, err := s.text(child)
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, nil
}

func (s scope) join(node *yaml.Node) (any, error) {
	items := node.Content[1]
	if items.Tag == "!Ref" { // of a list
		return strings.Join(strings.Split(s.reference(items.Value), ","), node.Content[0].Value), nil
	}
	all, err := s.list(items)
	return strings.Join(all, node.Content[0].Value), err
}

// substitute puts values into a text. A list also gives names to values for it.
func (s scope) substitute(node *yaml.Node) (any, error) {
	text, named := node, map[string]string{}
	if node.Kind == yaml.SequenceNode {
		text = node.Content[0]
		for name, value := range members(node.Content[1]) {
			v, err := s.text(value)
			if err != nil {
				return nil, err
			}
			named[name] = v
		}
	}
	return variable.ReplaceAllStringFunc(text.Value, func(m string) string {
		name := m[2 : len(m)-1]
		if v, isNamed := named[name]; isNamed {
			return v
		}
		return s.reference(name)
	}), nil
}

// find looks a value up in a mapping.
func (s scope) find(node *yaml.Node) (any, error) {
	keys, err := s.list(node)
	if err != nil {
		return nil, err
	}
	at := s.template.mappings[keys[0]]
	for _, key := range keys[1:] {
		if at == nil {
			break
		}
		at = member(at, key)
	}
	if at == nil {
		return nil, fmt.Errorf("line %d: the mappings have no %s", node.Line, strings.Join(keys, ", "))
	}
	return s.value(at)
}

func (s scope) choose(node *yaml.Node) (any, error) {
	value, err := s.value(node.Content[1])
	if err != nil {
		return nil, err
	}
	all, isList := value.([]string)
	index, err := strconv.Atoi(node.Content[0].Value)
	if err != nil || !isList || index < 0 || index >= len(all) {
		return nil, fmt.Errorf("line %d: there is no such item to select", node.Line)
	}
	return all[index], nil
}

// reference returns the value of a parameter, or the name of a resource in small letters,
// without the attribute that is asked for.
func (s scope) reference(name string) string {
	if value, isParameter := s.values[name]; isParameter {
		return value
	}
	resource, _, _ := strings.Cut(name, ".")
	return strings.ToLower(strings.ReplaceAll(resource, "::", "-"))
}
