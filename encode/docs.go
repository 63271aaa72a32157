package encode

import (
	"encoding/json"
	"strings"
)

// This file makes documentation of the table of fields, for docs/event.md and
// docs/event.schema.json. No program calls it; tests write the documentation with
// make golden, and hold events to the schema.

// JSONSchema returns the event's JSON Schema (2020-12), indented, with a newline at
// the end.
func JSONSchema() []byte {
	root := newObject()
	for _, f := range Fields() {
		root.add(strings.Split(f.Path, "."), f)
	}
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	root.Title = "Clearhop event"
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("encode: the schema holds only marshallable values: " + err.Error())
	}
	return append(b, '\n')
}

// A schema is a node of the JSON Schema.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Type        string             `json:"type,omitempty"`
	Format      string             `json:"format,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	AnyOf       []schema           `json:"anyOf,omitempty"`
	Const       *int               `json:"const,omitempty"`
	Description string             `json:"description,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	// Additional is false, or the schema of a map's values.
	Additional any `json:"additionalProperties,omitempty"`
}

func newObject() *schema {
	return &schema{Type: "object", Properties: map[string]*schema{}, Additional: false}
}

// add puts f below s at path, and makes the objects on the way. An object is
// required if one of its members is.
func (s *schema) add(path []string, f Field) {
	name := path[0]
	if f.Always && (len(s.Required) == 0 || s.Required[len(s.Required)-1] != name) {
		s.Required = append(s.Required, name)
	}
	if len(path) == 1 {
		s.Properties[name] = leaf(f)
		return
	}
	child := s.Properties[name]
	if child == nil {
		child = newObject()
		s.Properties[name] = child
	}
	child.add(path[1:], f)
}

func leaf(f Field) *schema {
	s := &schema{Description: description(f)}
	switch f.Type {
	case String:
		s.Type = "string"
	case IP:
		s.Type = "string"
		s.AnyOf = []schema{{Format: "ipv4"}, {Format: "ipv6"}}
	case Timestamp:
		s.Type, s.Format = "string", "date-time"
		s.Pattern = `^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$`
	case Integer, Decimal, Boolean:
		s.Type = string(f.Type)
	case StringList:
		s.Type, s.Items = "array", &schema{Type: "string"}
	case StringMap:
		s.Type, s.Additional = "object", &schema{Type: "string"}
	case ObjectList:
		s.Type, s.Items = "array", newObject()
		for _, item := range f.Items {
			s.Items.add([]string{item.Path}, item)
		}
	}
	if f.Path == "schema_version" {
		version := SchemaVersion
		s.Const = &version
	}
	return s
}

func description(f Field) string {
	var parts []string
	if f.Doc != "" {
		parts = append(parts, f.Doc)
	}
	if f.Unit != "" {
		parts = append(parts, "Unit: "+f.Unit+".")
	}
	if f.From != "" {
		parts = append(parts, "From: "+f.From+".")
	}
	return strings.Join(parts, " ")
}

// MarkdownTable returns the event's fields as a table for the documentation.
func MarkdownTable() []byte {
	var b strings.Builder
	b.WriteString("| field | type | what it is | from |\n| --- | --- | --- | --- |\n")
	row := func(path string, f Field) {
		kind := string(f.Type)
		if f.Unit != "" {
			kind += ", " + f.Unit
		}
		b.WriteString("| `" + path + "` | " + kind + " | " + f.Doc + " | " + f.From + " |\n")
	}
	for _, f := range Fields() {
		row(f.Path, f)
		for _, item := range f.Items {
			row(f.Path+"[]."+item.Path, item)
		}
	}
	return []byte(b.String())
}
