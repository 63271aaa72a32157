//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"clearhop/analytics"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// Narrow makes the views show only the requests of a window that a condition holds for.
// The condition is SQL over the columns of the views. It must be called before the first
// question.
func (s *Store) Narrow(ctx context.Context, window analytics.Window, where string) error {
	var all []string
	const layout = "2006-01-02 15:04:05.000"
	if !window.Since.IsZero() {
		all = append(all, "ts >= timestamp '"+window.Since.UTC().Format(layout)+"'")
	}
	if !window.Until.IsZero() {
		all = append(all, "ts < timestamp '"+window.Until.UTC().Format(layout)+"'")
	}
	if strings.TrimSpace(where) != "" {
		if err := s.CheckCondition(ctx, where); err != nil {
			return err
		}
		all = append(all, "(\n"+where+"\n)")
	}
	if len(all) == 0 {
		return nil
	}
	if err := s.fence(ctx); err != nil {
		return err
	}
	s.narrow = " WHERE " + strings.Join(all, " AND ")
	return s.defineViews(ctx, s.plain)
}

// CheckCondition returns the *QueryError of a condition that is no SQL over the columns
// of the views.
func (s *Store) CheckCondition(ctx context.Context, where string) error {
	if err := s.fence(ctx); err != nil {
		return err
	}
	// In both places the parentheses must be those around the condition: what closes ours
	// and opens others cannot fit both.
	for _, around := range [][2]string{{"CASE WHEN (\n", "\n) THEN true END"}, {"(\n", "\n)"}} {
		statement, err := s.prepare(ctx, "SELECT true FROM "+analytics.Lines+" WHERE "+around[0]+where+around[1])
		if e, ok := errors.AsType[*QueryError](err); ok && e.Line > 1 {
			if e.Line--; e.Line > strings.Count(where, "\n")+1 {
				err = &QueryError{Reason: "the condition ends where more is expected", kind: e.kind}
			}
		}
		if err != nil {
			return err
		}
		mapping.DestroyPrepare(&statement)
	}
	return nil
}

// CheckQuery returns the *QueryError of SQL that Ask would refuse before it runs it. The
// SQL is not run.
func (s *Store) CheckQuery(ctx context.Context, sql string) error {
	if err := s.fence(ctx); err != nil {
		return err
	}
	statement, err := s.prepare(ctx, sql)
	if err == nil {
		mapping.DestroyPrepare(&statement)
	}
	return err
}

// fence closes the engine: from here on it reaches nothing outside, and what is loaded
// cannot be changed through it. An interrupt does not end it halfway: the question after an
// interrupted one would find the database detached.
func (s *Store) fence(ctx context.Context) error {
	if s.fenced {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	if s.o.Path != "" && !s.readOnly {
		// What was loaded is written now. From here on the file is open for reading
		// only, which also lets other processes ask it.
		for _, sql := range []string{"USE memory", "DETACH " + catalog} {
			if err := s.exec(ctx, sql); err != nil {
				return s.explain(err)
			}
		}
		s.attached = false
		if err := s.attach(ctx, true); err != nil {
			return err
		}
	}
	if err := s.holdGroups(ctx); err != nil {
		return err
	}
	if err := s.defineViews(ctx, false); err != nil {
		return err
	}
	if err := s.closeOff(ctx); err != nil {
		return err
	}
	s.fenced = true
	return nil
}

// Ask runs one SELECT and returns all rows. Its error is a *QueryError if the SQL is wrong
// or is anything else than one SELECT.
func (s *Store) Ask(ctx context.Context, sql string) (analytics.Answer, error) {
	var answer analytics.Answer
	err := s.Each(ctx, sql, func(columns []analytics.Column) error {
		answer.Columns = columns
		return nil
	}, func(row []any) error {
		answer.Rows = append(answer.Rows, row)
		return nil
	})
	return answer, err
}

// ErrEnough ends Each without an error when row returns it.
var ErrEnough = errors.New("enough rows")

// Each runs one SELECT, calls begin with its columns and then row with each row, which
// row may keep. The values are as in an analytics.Answer. The columns have no titles and
// no units.
func (s *Store) Each(ctx context.Context, sql string, begin func([]analytics.Column) error, row func([]any) error) error {
	if err := s.fence(ctx); err != nil {
		return err
	}
	statement, err := s.prepare(ctx, sql)
	if err != nil {
		return err
	}
	defer func() { mapping.DestroyPrepare(&statement) }()
	if plain, changed := plainSQL(statement, sql); changed {
		simpler, err := s.prepare(ctx, plain)
		if err != nil {
			return err
		}
		mapping.DestroyPrepare(&statement)
		statement = simpler
	}
	var readers []valueReader
	defer func() { destroyReaders(readers) }()
	err = s.run(ctx, statement, func(r *mapping.Result) error {
		var columns []analytics.Column
		for i := range mapping.ColumnCount(r) {
			reader := newValueReader(mapping.ColumnLogicalType(r, i))
			readers = append(readers, reader)
			columns = append(columns, analytics.Column{Name: mapping.ColumnName(r, i), Type: reader.kind})
		}
		return begin(columns)
	}, func(c mapping.DataChunk) error { return eachRow(c, readers, row) })
	var said *engineError
	switch {
	case errors.Is(err, ErrEnough):
		return nil
	case errors.As(err, &said):
		return s.queryError(said.text, sql)
	}
	return err
}

func eachRow(c mapping.DataChunk, readers []valueReader, row func([]any) error) error {
	n := int(mapping.DataChunkGetSize(c))
	for i := range readers {
		readers[i].vector(mapping.DataChunkGetVector(c, mapping.IdxT(i)), n)
	}
	for i := range n {
		values := make([]any, len(readers))
		for k := range readers {
			values[k] = readers[k].value(i)
		}
		if err := row(values); err != nil {
			return err
		}
	}
	return nil
}

// prepare prepares SQL that must be one SELECT. The caller destroys the statement, also
// after an error. Little is possible with a text and not with a value of an ENUM, such as
// COLLATE; so what is wrong with the SQL is judged by views whose texts are plain.
func (s *Store) prepare(ctx context.Context, sql string) (mapping.PreparedStatement, error) {
	if err := s.followGroups(ctx); err != nil {
		return mapping.PreparedStatement{}, err
	}
	statement, err := s.prepareOnce(ctx, sql)
	if _, ok := errors.AsType[*QueryError](err); !ok || s.plain {
		return statement, err
	}
	if err := s.defineViews(ctx, true); err != nil {
		return statement, err
	}
	mapping.DestroyPrepare(&statement)
	return s.prepareOnce(ctx, sql)
}

func (s *Store) prepareOnce(ctx context.Context, sql string) (statement mapping.PreparedStatement, err error) {
	if strings.TrimSpace(sql) == "" {
		return statement, &QueryError{Reason: "the query is empty"}
	}
	if i := strings.IndexByte(sql, 0); i >= 0 || !utf8.ValidString(sql) {
		return statement, &QueryError{Reason: "the query is no text: it has a zero byte, or bytes that are not UTF-8"}
	}
	var extracted mapping.ExtractedStatements
	defer mapping.DestroyExtracted(&extracted)
	n := mapping.ExtractStatements(s.conn, sql, &extracted)
	switch {
	case n == 0 && mapping.ExtractStatementsError(extracted) != "":
		return statement, s.queryError(mapping.ExtractStatementsError(extracted), sql)
	case n == 0:
		return statement, &QueryError{Reason: "the query is empty"}
	case n > 1:
		return statement, &QueryError{Reason: fmt.Sprintf("one SELECT is expected, and these are %d statements", n)}
	}
	if !startsAsSelect(sql) {
		return statement, &QueryError{Reason: "one SELECT is expected; nothing else is run"}
	}
	if err := s.checkFunctions(ctx, sql); err != nil { // before anything is bound: binding calls some of them
		return statement, err
	}
	state := mapping.PrepareExtractedStatement(s.conn, extracted, 0, &statement)
	if state != mapping.StateSuccess {
		text := mapping.PrepareError(statement)
		mapping.DestroyPrepare(&statement)
		if err := ctx.Err(); err != nil {
			return statement, err
		}
		return statement, s.queryError(text, sql)
	}
	if mapping.PreparedStatementType(statement) != mapping.StatementTypeSelect {
		mapping.DestroyPrepare(&statement)
		return statement, &QueryError{Reason: "one SELECT is expected; nothing else is run"}
	}
	if mapping.NParams(statement) > 0 {
		mapping.DestroyPrepare(&statement)
		return statement, &QueryError{Reason: "the query has parameters such as ? or $1, and nothing gives them values"}
	}
	return statement, nil
}

// queryError returns the error of some SQL, which may also be that of a full device.
func (s *Store) queryError(text, sql string) error {
	if isFull(text) {
		return s.explain(&engineError{text})
	}
	e := newQueryError(text, sql)
	if e.hasKind("Permission") || e.hasKind("Invalid Configuration") {
		return &QueryError{Reason: "a query reaches no file, no network, no extension and no setting", kind: e.kind}
	}
	return e
}

// plainSQL returns SQL that gives the same rows with values of the types that an Answer
// has, and whether that differs from the SQL of the statement. Lists, structs and maps
// become JSON.
func plainSQL(statement mapping.PreparedStatement, sql string) (string, bool) {
	changed := false
	var columns []string
	for i := range mapping.PreparedStatementColumnCount(statement) {
		name := mapping.PreparedStatementColumnName(statement, i)
		column := fmt.Sprintf("#%d", i+1)
		switch id := mapping.PreparedStatementColumnType(statement, i); {
		case isPlain(id):
		case id == mapping.TypeList || id == mapping.TypeStruct || id == mapping.TypeMap || id == mapping.TypeArray || id == mapping.TypeUnion:
			column, changed = "CAST(to_json("+column+") AS VARCHAR)", true
		default:
			column, changed = "CAST("+column+" AS VARCHAR)", true
		}
		columns = append(columns, column+" AS "+identifier(name))
	}
	sql = strings.TrimRight(strings.TrimSpace(sql), "; \t\r\n")
	return "SELECT " + strings.Join(columns, ", ") + " FROM (\n" + sql + "\n)", changed
}
