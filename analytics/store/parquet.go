//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"clearhop/analytics"
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
	if err := reader.exec(l.ctx, "CREATE OR REPLACE TEMP VIEW "+analytics.Table+" AS SELECT "+columns+" FROM "+from); err != nil {
		return l.parquetError(name, err)
	}
	// The rows go into the table as they come out of the file, so no row is held twice.
	if err := l.append(); err != nil {
		return l.fail(err)
	}
	if err := l.commit(); err != nil {
		return l.fail(err)
	}
	sql := "SELECT " + strings.Join(viewNames(), ", ") + " FROM (" + analytics.ViewSQL(analytics.DuckDB, analytics.AllLines, "") + ")"
	t := &transfer{l: l}
	err = errors.Join(reader.query(l.ctx, sql, nil, t.take), t.close())
	if l.failed != nil {
		return l.failed
	}
	return l.parquetError(name, err)
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

func viewNames() []string {
	var names []string
	for _, c := range analytics.View(analytics.AllLines) {
		names = append(names, c.Name)
	}
	return names
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

// A transfer moves chunks of another connection into the table, without the rows whose
// events are there already.
type transfer struct {
	l        *Load
	appender mapping.Appender
	isOpen   bool
}

// take takes over a chunk whose columns are those of viewNames.
func (t *transfer) take(c mapping.DataChunk) error {
	l, n := t.l, int(mapping.DataChunkGetSize(c))
	ids, sets, times := t.column(c, "event_id"), t.column(c, "dataset"), t.column(c, "ts")
	selected := mapping.CreateSelectionVector(mapping.IdxT(n))
	defer mapping.DestroySelectionVector(&selected)
	rows := unsafe.Slice((*uint32)(mapping.SelectionVectorGetDataPtr(selected)), n)
	kept := 0
	for i := range n {
		switch {
		case !isValid(ids, i) || !isValid(sets, i) || !isValid(times, i):
			l.stats.Bad++
		case !l.ids.add(vectorOf[text](ids, n)[i].bytes()):
			l.stats.Duplicates++
		default:
			l.count(string(vectorOf[text](sets, n)[i].bytes()), vectorOf[int64](times, n)[i])
			rows[kept] = uint32(i)
			kept++
		}
	}
	if kept == 0 {
		return nil
	}
	if kept < n {
		for i := range mapping.DataChunkGetColumnCount(c) {
			mapping.SliceVector(mapping.DataChunkGetVector(c, i), selected, mapping.IdxT(kept))
		}
		mapping.DataChunkSetSize(c, mapping.IdxT(kept))
	}
	return l.fail(t.append(c))
}

// column returns a column of viewNames.
func (t *transfer) column(c mapping.DataChunk, name string) mapping.Vector {
	return mapping.DataChunkGetVector(c, mapping.IdxT(slices.Index(viewNames(), name)))
}

func isValid(v mapping.Vector, i int) bool {
	mask := mapping.VectorGetValidity(v)
	return mask == nil || mapping.ValidityRowIsValid(mask, mapping.IdxT(i))
}

func (t *transfer) append(c mapping.DataChunk) error {
	l := t.l
	if !t.isOpen {
		if err := l.s.exec(l.work, "BEGIN TRANSACTION"); err != nil {
			return err
		}
		t.isOpen = true
		names := viewNames()
		if mapping.AppenderCreateExt(l.s.conn, catalog, "main", storedName, &t.appender) != mapping.StateSuccess {
			return &engineError{mapping.AppenderError(t.appender)}
		}
		for _, name := range names { // a table of an older version has them in another order
			if mapping.AppenderAddColumn(t.appender, name) != mapping.StateSuccess {
				return &engineError{mapping.AppenderError(t.appender)}
			}
		}
	}
	if mapping.AppendDataChunk(t.appender, c) != mapping.StateSuccess {
		return &engineError{mapping.AppenderError(t.appender)}
	}
	if l.since >= commitEvery {
		return t.commit()
	}
	return nil
}

func (t *transfer) commit() error {
	if !t.isOpen {
		return nil
	}
	t.isOpen = false
	flushed := mapping.AppenderFlush(t.appender)
	text := mapping.AppenderError(t.appender)
	if flushed != mapping.StateSuccess {
		_ = mapping.AppenderClear(t.appender)
	}
	mapping.AppenderDestroy(&t.appender)
	if flushed != mapping.StateSuccess {
		_ = t.l.s.exec(t.l.work, "ROLLBACK")
		return &engineError{text}
	}
	return t.l.committed(t.l.s.exec(t.l.work, "COMMIT"))
}

// close makes the rest permanent.
func (t *transfer) close() error { return t.l.fail(t.commit()) }
