//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"errors"
	"path/filepath"
	"strings"
	"unsafe"

	"clearhop/encode"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// parquet loads a Parquet file, as far as its columns are those of events. It may be of
// another version: a column that it has not is NULL, and one that nobody needs is not
// read.
func (l *Load) parquet(name string) error {
	reader, err := l.s.another()
	if err != nil {
		return err
	}
	defer reader.disconnect()
	path, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	from := "read_parquet([" + literal(globFree(path)) + "], hive_partitioning = false)"
	columns, err := l.parquetColumns(reader, from)
	if err != nil {
		return l.parquetError(name, err)
	}
	if err := l.s.exec(l.work, setThreads(askThreads())); err != nil { // the engine decodes the file
		return err
	}
	err = reader.query(l.ctx, "SELECT "+columns+" FROM "+from, nil, func(c mapping.DataChunk) error {
		if err := l.takeChunk(c); err != nil {
			return l.fail(err)
		}
		return nil
	})
	if threadsErr := l.s.exec(l.work, setThreads(1)); err == nil {
		err = threadsErr
	}
	if l.failed != nil {
		return l.failed
	}
	return l.parquetError(name, err)
}

// takeChunk takes over events that the engine has in a chunk, whose columns are those of
// neededColumns.
func (l *Load) takeChunk(c mapping.DataChunk) error {
	n := int(mapping.DataChunkGetSize(c))
	var from []vectorSource
	for i := range int(mapping.DataChunkGetColumnCount(c)) {
		from = append(from, newVectorSource(l.rows.columns[i], mapping.DataChunkGetVector(c, mapping.IdxT(i)), n))
	}
	for row := range n {
		before := len(l.rows.arena)
		for i := range from {
			l.rows.arena = from[i].copyTo(row, l.rows.rows, l.rows.arena)
		}
		l.rows.rows++
		err := l.takeEvent(before)
		if _, isBad := errors.AsType[*EventError](err); err != nil && !isBad { // that one is counted
			return err
		}
	}
	return nil
}

// A vectorSource reads values of a column of events from a vector of the engine.
type vectorSource struct {
	to     *column
	vector mapping.Vector
	mask   unsafe.Pointer // nil: there are all values
	size   int

	members []vectorSource // of a struct; of a list one: its elements
}

func newVectorSource(to *column, vector mapping.Vector, n int) vectorSource {
	s := vectorSource{to: to, vector: vector, mask: mapping.VectorGetValidity(vector), size: n}
	switch to.Kind {
	case encode.StringList, encode.ObjectList, encode.StringMap:
		elements := int(mapping.ListVectorGetSize(vector))
		s.members = []vectorSource{newVectorSource(to.members[0], mapping.ListVectorGetChild(vector), elements)}
	case "":
		for i, m := range to.members {
			s.members = append(s.members, newVectorSource(m, mapping.StructVectorGetChild(vector, mapping.IdxT(i)), n))
		}
	}
	return s
}

// copyTo copies the value at from to the place at of the column, and the texts in it to
// an arena.
func (s *vectorSource) copyTo(from, at int, arena []byte) []byte {
	if s.mask != nil && *(*uint64)(unsafe.Add(s.mask, from/64*8))>>(from%64)&1 == 0 {
		return arena
	}
	switch s.to.Kind {
	case encode.StringList, encode.ObjectList, encode.StringMap:
		list := vectorOf[span](s.vector, s.size)[from]
		s.to.beginList(at)
		for i := range list.size {
			arena = s.members[0].copyTo(int(list.from+i), s.to.addElement(at), arena)
		}
	case encode.String, encode.IP:
		return s.to.setText(at, vectorOf[text](s.vector, s.size)[from].bytes(), arena)
	case encode.Boolean:
		s.to.setWord(at, uint64(vectorOf[uint8](s.vector, s.size)[from]))
	case encode.Timestamp, encode.Integer, encode.Decimal:
		s.to.setWord(at, vectorOf[uint64](s.vector, s.size)[from])
	default:
		s.to.mark(at)
		for i := range s.members {
			arena = s.members[i].copyTo(from, at, arena)
		}
	}
	return arena
}

// A columnsError says why the columns of a file are not those of events.
type columnsError struct{ reason string }

// Error implements error.
func (e *columnsError) Error() string { return "its columns are not those of events: " + e.reason }

// globFree escapes what DuckDB would take as a pattern of names.
func globFree(path string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
}

func (l *Load) parquetError(name string, err error) error {
	if columns, ok := errors.AsType[*columnsError](err); ok {
		return &FileError{name, columns.Error()}
	}
	var said *engineError
	if !errors.As(err, &said) {
		return err
	}
	if isFull(said.text) {
		return l.s.explain(err)
	}
	return &FileError{name, "cannot be read as Parquet: " + firstLine(said.text)}
}

// parquetColumns returns the SQL of the columns that are needed, with the types that they
// have in the table events.
func (l *Load) parquetColumns(reader *engine, from string) (string, error) {
	var types []mapping.LogicalType
	var names []string
	err := reader.query(l.ctx, "SELECT * FROM "+from+" LIMIT 0", func(r *mapping.Result) error {
		for i := range mapping.ColumnCount(r) {
			names = append(names, mapping.ColumnName(r, i))
			types = append(types, mapping.ColumnLogicalType(r, i))
		}
		return nil
	}, func(mapping.DataChunk) error { return nil })
	defer destroyTypes(types)
	if err != nil {
		return "", err
	}
	have := map[string]mapping.LogicalType{}
	for i, name := range names {
		have[name] = types[i]
	}
	if !hasMember(have["event"], "id") || !hasMember(have["event"], "dataset") || have["timestamp"].Ptr == nil {
		return "", &columnsError{"there is no event.id, no event.dataset or no timestamp"}
	}
	var all []string
	for _, c := range neededColumns() {
		sql, err := columnFrom(c, identifier(c.Name), have[c.Name])
		if err != nil {
			return "", err
		}
		all = append(all, sql+" AS "+identifier(c.Name))
	}
	for name, value := range map[string][]byte{"dt": l.dt, "hour": l.hour} {
		if value != nil {
			for i := range all {
				if strings.HasSuffix(all[i], " AS "+identifier(name)) {
					all[i] = literal(string(value)) + " AS " + name
				}
			}
		}
	}
	return strings.Join(all, ", "), nil
}

func hasMember(t mapping.LogicalType, name string) bool {
	if t.Ptr == nil || mapping.GetTypeId(t) != mapping.TypeStruct {
		return false
	}
	for i := range mapping.StructTypeChildCount(t) {
		if mapping.StructTypeChildName(t, i) == name {
			return true
		}
	}
	return false
}

// columnFrom returns the SQL that reads a column of the table events from a column of
// type t at path. There may be none.
func columnFrom(c encode.Column, path string, t mapping.LogicalType) (string, error) {
	if t.Ptr == nil {
		return "CAST(NULL AS " + typeSQL(c) + ")", nil
	}
	id := mapping.GetTypeId(t)
	wrong := &columnsError{strings.ReplaceAll(path, `"`, "") + " has another type"}
	switch {
	case c.Kind == encode.ObjectList && id == mapping.TypeList:
		element := mapping.ListTypeChildType(t)
		defer mapping.DestroyLogicalType(&element)
		if mapping.GetTypeId(element) != mapping.TypeStruct {
			return "", wrong
		}
		object, err := structFrom(c.Members, "item", element)
		return "list_transform(" + path + ", lambda item: " + object + ")", err
	case c.Kind == "" && id == mapping.TypeStruct:
		return structFrom(c.Members, path, t)
	case c.Kind == encode.StringList && id == mapping.TypeList, c.Kind == encode.StringMap && id == mapping.TypeMap:
		return path, nil
	case isOf(c.Kind, id):
		return "CAST(" + path + " AS " + typeSQL(c) + ")", nil
	}
	return "", wrong
}

func structFrom(members []encode.Column, path string, t mapping.LogicalType) (string, error) {
	var parts []string
	for _, m := range members {
		var member mapping.LogicalType
		for i := range mapping.StructTypeChildCount(t) {
			if mapping.StructTypeChildName(t, i) == m.Name {
				member = mapping.StructTypeChildType(t, i)
			}
		}
		sql, err := columnFrom(m, path+"."+identifier(m.Name), member)
		mapping.DestroyLogicalType(&member)
		if err != nil {
			return "", err
		}
		parts = append(parts, identifier(m.Name)+" := "+sql)
	}
	return "struct_pack(" + strings.Join(parts, ", ") + ")", nil
}

// isOf reports whether a column of Parquet holds values of a field's type.
func isOf(kind encode.Type, id mapping.Type) bool {
	switch id {
	case mapping.TypeVarchar:
		return kind == encode.String || kind == encode.IP
	case mapping.TypeTimestamp, mapping.TypeTimestampMS, mapping.TypeTimestampNS, mapping.TypeTimestampTZ:
		return kind == encode.Timestamp
	case mapping.TypeTinyInt, mapping.TypeSmallInt, mapping.TypeInteger, mapping.TypeBigInt, mapping.TypeUTinyInt, mapping.TypeUSmallInt, mapping.TypeUInteger:
		return kind == encode.Integer || kind == encode.Decimal
	case mapping.TypeFloat, mapping.TypeDouble:
		return kind == encode.Decimal
	case mapping.TypeBoolean:
		return kind == encode.Boolean
	}
	return false
}

// typeSQL returns the name of a column's type in DuckDB.
func typeSQL(c encode.Column) string {
	switch c.Kind {
	case encode.Timestamp:
		return "TIMESTAMP"
	case encode.Integer:
		return "BIGINT"
	case encode.Decimal:
		return "DOUBLE"
	case encode.Boolean:
		return "BOOLEAN"
	case encode.StringList:
		return "VARCHAR[]"
	case encode.StringMap:
		return "MAP(VARCHAR, VARCHAR)"
	case encode.String, encode.IP:
		return "VARCHAR"
	}
	parts := make([]string, len(c.Members))
	for i, m := range c.Members {
		parts[i] = identifier(m.Name) + " " + typeSQL(m)
	}
	sql := "STRUCT(" + strings.Join(parts, ", ") + ")"
	if c.Kind == encode.ObjectList {
		sql += "[]"
	}
	return sql
}

func isValid(v mapping.Vector, i int) bool {
	mask := mapping.VectorGetValidity(v)
	return mask == nil || mapping.ValidityRowIsValid(mask, mapping.IdxT(i))
}
