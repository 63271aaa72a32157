package encode

import "strings"

// A Column is a column of a table of events. An object of the event is one column,
// and the fields in it are parts of its type.
type Column struct {
	Name string // "@timestamp" is the column timestamp
	Key  string // in the event

	// Type is the column's in Glue, Athena and Hive: struct<ip:string,…>.
	Type string

	Kind    Type     // of a field; empty if Members is not
	Members []Column // of an object, and of the objects of an ObjectList
}

// Columns returns the columns of a table of events, in the order of Fields.
func Columns() []Column {
	return columns(Fields(), "")
}

// columns makes columns from fields whose paths start with prefix. Fields of one
// object stand together.
func columns(fields []Field, prefix string) []Column {
	var all []Column
	for i := 0; i < len(fields); {
		key, _, nested := strings.Cut(strings.TrimPrefix(fields[i].Path, prefix), ".")
		c := Column{Name: strings.TrimPrefix(key, "@"), Key: key}
		if !nested {
			c.Kind = fields[i].Type
			c.Members = columns(fields[i].Items, "")
			c.Type = c.Kind.glue(c.Members)
			all = append(all, c)
			i++
			continue
		}
		inside, first := prefix+key+".", i
		for i < len(fields) && strings.HasPrefix(fields[i].Path, inside) {
			i++
		}
		c.Members = columns(fields[first:i], inside)
		c.Type = structOf(c.Members)
		all = append(all, c)
	}
	return all
}

// glue is the type's name in Glue. members are those of an ObjectList.
func (t Type) glue(members []Column) string {
	switch t {
	case Timestamp:
		return "timestamp"
	case Integer:
		return "bigint"
	case Decimal:
		return "double"
	case Boolean:
		return "boolean"
	case StringList:
		return "array<string>"
	case StringMap:
		return "map<string,string>"
	case ObjectList:
		return "array<" + structOf(members) + ">"
	case String, IP:
	}
	return "string"
}

func structOf(members []Column) string {
	parts := make([]string, len(members))
	for i, m := range members {
		parts[i] = m.Name + ":" + m.Type
	}
	return "struct<" + strings.Join(parts, ",") + ">"
}
