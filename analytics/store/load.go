//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"clearhop/analytics"
	"clearhop/encode"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// commitEvery is after how many new events a Load makes them permanent. Whatever ends
// the program then costs at most these.
// They are as many as a row group of DuckDB has, 122,880: the engine holds them in memory
// without compression until then.
const commitEvery = 60 * rowsPerChunk

// packEvery is after how many new events a database in memory is packed. A line takes some
// 100 bytes there until then. Packing reads and writes all of them, so it is worth its time
// for many only.
const packEvery = 10 * commitEvery

// A Load adds events to a Store. One goroutine at a time may use it.
type Load struct {
	s     *Store
	ctx   context.Context // ends the reading
	work  context.Context // of what must be completed all the same
	stats Stats           // without the times
	ids   *idSet

	first, last int64 // microseconds since the Unix epoch, of the new events

	lines        *lines // what is the lines' own
	lineChunk    mapping.DataChunk
	lineAppender mapping.Appender

	// What repeats. The events in rows are samples: each has a set of values that is new.
	sets     [len(groups)]set // of the row in hand
	numbers  [len(groups)]*numbering
	rows     *chunk
	keys     [len(groups)]*column // the numbers of the sets that are new
	leaves   []leaf
	records  *recordRow
	names    []string // of the columns of rows
	types    []mapping.LogicalType
	chunk    mapping.DataChunk
	appender mapping.Appender

	dataset              *column // event.dataset
	datasetIs            []byte  // of the row in hand
	dtColumn, hourColumn *column
	open                 bool  // the appender and a transaction are
	since                int64 // events since the last commit
	unpacked             int64 // events since a database in memory was packed
	failed               error // nothing can be added after it

	dt, hour []byte  // of the file in hand
	bytes    int64   // of the files that were read
	done     []Known // files that were read, to be remembered with the next commit
}

// Load begins to add events. Finish must be called on the Load. The Store cannot be asked
// meanwhile.
func (s *Store) Load(ctx context.Context) (*Load, error) {
	if s.fenced || s.readOnly {
		return nil, errors.New("the database was opened for questions, so nothing can be loaded")
	}
	l := &Load{s: s, ctx: ctx, work: context.WithoutCancel(ctx), ids: newIDSet(), first: math.MaxInt64, last: math.MinInt64}
	columns := neededColumns()
	for _, g := range groups {
		columns = append(columns, encode.Column{Name: g.key(), Kind: encode.Integer})
	}
	for _, c := range columns {
		l.names = append(l.names, c.Name)
		l.types = append(l.types, logicalType(c))
	}
	l.lines, l.rows = newLines(), newChunk(columns)
	for i, g := range groups {
		l.keys[i] = l.rows.at(g.key())
	}
	l.leaves = leavesOf(l.rows.columns, l.lines)
	l.dataset, l.dtColumn, l.hourColumn = l.rows.at("event", "dataset"), l.rows.at("dt"), l.rows.at("hour")
	var err error
	if l.records, err = newRecordRow(l); err != nil {
		l.release()
		return nil, err
	}
	l.chunk, l.lineChunk = mapping.CreateDataChunk(l.types), l.lines.newChunk()
	if err := l.readNumbers(); err != nil {
		l.release()
		return nil, err
	}
	if err := l.readIDs(); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

// at returns the column at a path of names.
func (c *chunk) at(path ...string) *column {
	columns := c.columns
	var found *column
	for _, name := range path {
		found = nil
		for _, column := range columns {
			if column.Name == name {
				found = column
			}
		}
		if found == nil {
			return &column{}
		}
		columns = found.members
	}
	return found
}

// readIDs reads the ids of the events that are in the table.
func (l *Load) readIDs() error {
	return l.s.query(l.ctx, "SELECT "+idColumn+", "+idTextColumn+" FROM "+storedLines, nil, func(c mapping.DataChunk) error {
		n := int(mapping.DataChunkGetSize(c))
		short, long := mapping.DataChunkGetVector(c, 0), mapping.DataChunkGetVector(c, 1)
		ids, texts := vectorOf[huge](short, n), vectorOf[text](long, n)
		for i := range n {
			if isValid(short, i) {
				l.ids.add(ids[i].bytes())
			} else if isValid(long, i) {
				l.ids.add(texts[i].bytes())
			}
		}
		return nil
	})
}

// readNumbers begins the numbers of new sets of values behind those of the table.
func (l *Load) readNumbers() error {
	next, err := nextNumbers(l.ctx, l.s.engine)
	for g := range l.numbers {
		l.numbers[g] = newNumbering(next[g])
	}
	if l.s.live != nil {
		l.s.live.restart(next)
	}
	return err
}

// nextNumbers returns the numbers behind those of the tables.
func nextNumbers(ctx context.Context, e *engine) (next [len(groups)]uint32, err error) {
	for i, g := range groups {
		sql := "SELECT CAST(coalesce(max(" + g.key() + ") + 1, 0) AS UINTEGER) FROM " + storedValues
		err := e.query(ctx, sql, nil, func(c mapping.DataChunk) error {
			next[i] = vectorOf[uint32](mapping.DataChunkGetVector(c, 0), 1)[0]
			return nil
		})
		if err != nil {
			return next, err
		}
	}
	return next, nil
}

// next returns the numbers behind those that were given.
func (l *Load) next() (all [len(groups)]uint32) {
	for g, n := range l.numbers {
		all[g] = n.next
	}
	return all
}

// begin opens a transaction and the appender in it.
func (l *Load) begin() error {
	if l.open {
		return nil
	}
	if err := l.s.exec(l.work, "BEGIN TRANSACTION"); err != nil {
		return err
	}
	l.open = true
	if mapping.AppenderCreateQuery(l.s.conn, insertSQL(), l.types, analytics.Table, l.names, &l.appender) != mapping.StateSuccess {
		return &engineError{mapping.AppenderError(l.appender)}
	}
	if mapping.AppenderCreateExt(l.s.conn, catalog, "main", lineTable, &l.lineAppender) != mapping.StateSuccess {
		return &engineError{mapping.AppenderError(l.lineAppender)}
	}
	for _, c := range l.lines.columns { // a table of another version may have them in another order
		if mapping.AppenderAddColumn(l.lineAppender, c.name) != mapping.StateSuccess {
			return &engineError{mapping.AppenderError(l.lineAppender)}
		}
	}
	return nil
}

// insertSQL adds the new sets of values of the table events, in which samples of them
// are, as the views show them.
func insertSQL() string {
	var columns []string
	for _, p := range places() {
		if p.group >= 0 {
			columns = append(columns, p.Expression(analytics.DuckDB)+" AS "+p.Name)
		}
	}
	for _, g := range groups {
		columns = append(columns, g.key())
	}
	return "INSERT INTO " + storedValues + " BY NAME SELECT " + strings.Join(columns, ", ") + " FROM " + analytics.Table
}

// Add adds one event, a JSON object, which it does not keep. After an *EventError, which
// is counted, further events can be added; after any other error nothing can.
func (l *Load) Add(event []byte) error {
	if l.failed != nil {
		return l.failed
	}
	before := len(l.rows.arena)
	if err := l.rows.add(event); err != nil {
		l.stats.Bad++
		return err
	}
	return l.takeEvent(before)
}

// takeEvent takes over the last row of the chunk, unless it is no event or a copy. It
// stays in the chunk only if it has a set of values that is new. Its texts are in the
// arena from a place on.
func (l *Load) takeEvent(from int) error {
	l.beginRow()
	l.readRow()
	l.rows.rows--
	isSample := false
	err := l.take(func() {
		isSample = true
		l.rows.rows++
	})
	if !isSample {
		l.rows.takeBack()
		l.rows.arena = l.rows.arena[:min(from, len(l.rows.arena))]
	}
	return err
}

// beginRow begins a row.
func (l *Load) beginRow() {
	l.lines.begin()
	for i := range l.sets {
		l.sets[i] = l.sets[i][:0]
	}
	l.datasetIs = l.datasetIs[:0]
}

// take takes over the row in hand, unless it is no event or a copy. If it has a set of
// values that is new, sample must add its event to the chunk.
func (l *Load) take(sample func()) error {
	row, id := l.lines.rows, l.lines.id
	if !l.lines.ts.has(row) || len(l.datasetIs) == 0 || !id.has(row) && !l.lines.idText.has(row) {
		l.stats.Bad++
		return &EventError{Reason: "has no event.id, no event.dataset or no @timestamp"}
	}
	if !l.ids.add(l.idOfRow(row)) {
		l.stats.Duplicates++
		return nil
	}
	l.sets[len(groups)-1].add(0, l.dt)
	l.sets[len(groups)-1].add(0, l.hour)
	var isNew [len(groups)]bool
	anyNew := false
	for i, n := range l.numbers {
		l.lines.keys[i].keys[row], isNew[i] = n.number(l.sets[i])
		anyNew = anyNew || isNew[i]
	}
	l.lines.rows++
	l.count(int64(l.lines.ts.words[row]))
	if anyNew {
		sample()
		at := l.rows.rows - 1
		l.setPartition(at)
		for i, yes := range isNew {
			if yes {
				l.keys[i].setWord(at, uint64(l.lines.keys[i].keys[row]))
			}
		}
	}
	if l.lines.rows == rowsPerChunk {
		return l.fail(l.append())
	}
	return nil
}

// idOfRow returns the bytes that stand for the id of a row: 16 of them, or a text.
func (l *Load) idOfRow(row int) []byte {
	if l.lines.id.has(row) {
		return l.lines.id.ids[row].bytes()
	}
	return textIn(l.lines.arena, &l.lines.idText.texts[row])
}

// count counts a new event.
func (l *Load) count(microseconds int64) {
	l.stats.Events++
	l.since++
	switch string(l.datasetIs) {
	case analytics.Dataset:
		l.stats.Access++
	case "nginx.error":
		l.stats.Errors++
	case "nginx.unparsed":
		l.stats.Unparsed++
	default:
		l.stats.Other++
	}
	l.first, l.last = min(l.first, microseconds), max(l.last, microseconds)
}

// counted returns what was counted.
func (l *Load) counted() Stats {
	stats := l.stats
	if l.first <= l.last {
		stats.First, stats.Last = time.UnixMicro(l.first).UTC(), time.UnixMicro(l.last).UTC()
	}
	return stats
}

// append gives the rows to the engine.
func (l *Load) append() error {
	if l.lines.rows == 0 {
		return nil
	}
	if err := l.begin(); err != nil {
		return err
	}
	if err := l.lines.writeTo(l.lineChunk, appendTo(l.lineAppender, l.lineChunk)); err != nil {
		return err
	}
	l.lines.reset()
	// The samples are as many as the lines at most.
	if l.rows.rows > 0 {
		if err := l.rows.writeTo(l.chunk, appendTo(l.appender, l.chunk)); err != nil {
			return err
		}
		l.rows.reset()
	}
	if l.since >= commitEvery {
		return l.commit()
	}
	return nil
}

// Commit makes permanent what was added so far, so that a Reader sees it. Without it that
// happens after many events, and in Finish.
func (l *Load) Commit() error {
	if l.failed != nil {
		return l.failed
	}
	err := l.append()
	if err == nil && (l.since > 0 || len(l.done) > 0) {
		err = l.commit()
	}
	return l.fail(err)
}

// appendTo returns a function that gives a chunk to an appender.
func appendTo(a mapping.Appender, c mapping.DataChunk) func() error {
	return func() error {
		if mapping.AppendDataChunk(a, c) != mapping.StateSuccess {
			return &engineError{mapping.AppenderError(a)}
		}
		return nil
	}
}

// commit makes what was added permanent.
func (l *Load) commit() error {
	if err := l.begin(); err != nil {
		return err
	}
	for _, a := range []mapping.Appender{l.appender, l.lineAppender} {
		if mapping.AppenderFlush(a) != mapping.StateSuccess {
			return &engineError{mapping.AppenderError(a)}
		}
	}
	if err := l.remember(); err != nil {
		return err
	}
	if l.s.live != nil {
		if err := l.s.live.publish(l.work, l.s.engine, l.next()); err != nil {
			return err
		}
	}
	l.closeAppender()
	return l.committed(l.s.exec(l.work, "COMMIT"))
}

// committed counts what a commit made permanent. A database in memory is packed then.
func (l *Load) committed(err error) error {
	if err != nil {
		return err
	}
	l.unpacked += l.since
	l.since = 0
	if l.unpacked < packEvery || !l.s.isInMemory() {
		return nil
	}
	err = l.s.exec(l.work, "CHECKPOINT "+catalog)
	if err != nil && l.s.hasReader {
		return nil // a question is in hand, so it is packed later
	}
	l.unpacked = 0
	return err
}

func (l *Load) closeAppender() {
	if l.open {
		mapping.AppenderDestroy(&l.appender)
		mapping.AppenderDestroy(&l.lineAppender)
		l.open = false
	}
}

// Count counts files of logs that were read.
func (l *Load) Count(files int) { l.stats.Files += files }

// Skip counts a file of logs that was left out because an earlier Load has all of it.
func (l *Load) Skip() { l.stats.Known++ }

// fail remembers an error after which nothing can be added.
func (l *Load) fail(err error) error {
	if err == nil || l.failed != nil {
		return l.failed
	}
	l.failed = l.s.explain(err)
	return l.failed
}

// Finish makes everything permanent that was added, and returns what it was. After a
// failure only what was committed before is kept, and Finish returns that failure. If the
// context has ended, what was added until then is kept.
func (l *Load) Finish() (Stats, error) {
	defer l.release()
	if l.failed == nil {
		err := l.append()
		if err == nil {
			err = l.commit()
		}
		if err != nil {
			_ = l.fail(err)
		}
	}
	if l.failed != nil {
		for _, a := range []mapping.Appender{l.appender, l.lineAppender} {
			if l.open && mapping.AppenderClear(a) != mapping.StateSuccess {
				l.failed = errors.Join(l.failed, &engineError{mapping.AppenderError(a)})
			}
		}
		l.closeAppender()
		_ = l.s.exec(l.work, "ROLLBACK") // the transaction may have ended by the failure
		l.stats.Events -= l.since
		return l.counted(), l.failed
	}
	return l.counted(), nil
}

func (l *Load) release() {
	l.closeAppender()
	mapping.DestroyDataChunk(&l.chunk)
	mapping.DestroyDataChunk(&l.lineChunk)
	destroyTypes(l.types)
	l.types = nil
}
