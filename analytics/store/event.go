//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"slices"
	"strings"

	"clearhop/analytics"
	"clearhop/encode"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// neededColumns returns the columns of the table events, as far as the views read them:
// what they do not read is not loaded. The SQL of the views tells; a field whose name
// begins that of a needed one is loaded with it. The partitions follow.
func neededColumns() []encode.Column {
	sql := strings.ReplaceAll(analytics.ViewSQL(analytics.DuckDB, analytics.AllLines, ""), `"`, "")
	needed := needed(sql, "", encode.Columns())
	for _, name := range analytics.Partitions() {
		needed = append(needed, encode.Column{Name: name, Key: name, Kind: encode.String})
	}
	return needed
}

// isPartition reports whether a column is one of the partitions.
func isPartition(name string) bool { return slices.Contains(analytics.Partitions(), name) }

func needed(sql, prefix string, columns []encode.Column) []encode.Column {
	var all []encode.Column
	for _, c := range columns {
		switch {
		case c.Kind != "":
			if strings.Contains(sql, prefix+c.Name) {
				all = append(all, c)
			}
		default:
			if c.Members = needed(sql, prefix+c.Name+".", c.Members); len(c.Members) > 0 {
				all = append(all, c)
			}
		}
	}
	return all
}

// logicalType returns the type of a column of the table events in DuckDB, which must be
// destroyed.
func logicalType(c encode.Column) mapping.LogicalType {
	switch c.Kind {
	case encode.Timestamp:
		return mapping.CreateLogicalType(mapping.TypeTimestamp)
	case encode.Integer:
		return mapping.CreateLogicalType(mapping.TypeBigInt)
	case encode.Decimal:
		return mapping.CreateLogicalType(mapping.TypeDouble)
	case encode.Boolean:
		return mapping.CreateLogicalType(mapping.TypeBoolean)
	case encode.String, encode.IP:
		return mapping.CreateLogicalType(mapping.TypeVarchar)
	case encode.StringList, encode.StringMap, encode.ObjectList:
		return listType(c)
	}
	return structType(c.Members)
}

func listType(c encode.Column) mapping.LogicalType {
	element := mapping.CreateLogicalType(mapping.TypeVarchar)
	defer func() { mapping.DestroyLogicalType(&element) }()
	switch c.Kind {
	case encode.StringMap:
		return mapping.CreateMapType(element, element)
	case encode.ObjectList:
		mapping.DestroyLogicalType(&element)
		element = structType(c.Members)
	}
	return mapping.CreateListType(element)
}

func structType(members []encode.Column) mapping.LogicalType {
	types := make([]mapping.LogicalType, len(members))
	names := make([]string, len(members))
	for i, m := range members {
		types[i], names[i] = logicalType(m), m.Name
	}
	defer destroyTypes(types)
	return mapping.CreateStructType(types, names)
}

func destroyTypes(types []mapping.LogicalType) {
	for i := range types {
		mapping.DestroyLogicalType(&types[i])
	}
}
