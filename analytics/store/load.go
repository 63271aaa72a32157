//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"context"
	"errors"
	"time"

	"clearhop/analytics"
	"clearhop/record"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// commitEvery is after how many new events a Load makes them permanent. Whatever ends
// the program then costs at most these.
// They are as many as a row group of DuckDB has, 122,880: the engine holds them in memory
// without compression until then.
const commitEvery = 6 * chunksPerFlush * rowsPerChunk

// chunksPerFlush is how many chunks become rows of the table at a time: 20,480 events.
// Until then they are in memory a second time, as nested objects.
const chunksPerFlush = 10

// A Load adds events to a Store. One goroutine at a time may use it.
type Load struct {
	s     *Store
	ctx   context.Context // ends the reading
	work  context.Context // of what must be completed all the same
	stats Stats
	ids   *idSet

	rows                 *chunk
	records              *recordRow
	id                   *column // event.id
	dataset              *column // event.dataset
	time                 *column // @timestamp
	dtColumn, hourColumn *column
	names                []string // of the columns of an event that are needed
	types                []mapping.LogicalType
	chunk                mapping.DataChunk
	appender             mapping.Appender
	open                 bool  // the appender and a transaction are
	since                int64 // events since the last commit
	unpacked             int64 // events since a database in memory was packed
	unflushed            int   // chunks
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
	l := &Load{s: s, ctx: ctx, work: context.WithoutCancel(ctx), ids: newIDSet()}
	for _, c := range neededColumns() {
		l.names = append(l.names, c.Name)
		l.types = append(l.types, logicalType(c))
	}
	l.rows = newChunk(neededColumns())
	var err error
	if l.records, err = newRecordRow(l.rows); err != nil {
		l.release()
		return nil, err
	}
	l.id, l.dataset, l.time = l.rows.at("event", "id"), l.rows.at("event", "dataset"), l.rows.at("timestamp")
	l.dtColumn, l.hourColumn = l.rows.at("dt"), l.rows.at("hour")
	l.chunk = mapping.CreateDataChunk(l.types)
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
	return l.s.query(l.ctx, "SELECT event_id FROM "+stored+" WHERE event_id IS NOT NULL", nil, func(c mapping.DataChunk) error {
		n := int(mapping.DataChunkGetSize(c))
		ids := vectorOf[text](mapping.DataChunkGetVector(c, 0), n)
		for i := range ids {
			l.ids.add(ids[i].bytes())
		}
		return nil
	})
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
	return nil
}

// insertSQL adds the rows of the table events, in which one batch of events is, as the
// views show them.
func insertSQL() string {
	return "INSERT INTO " + stored + " BY NAME " + analytics.ViewSQL(analytics.DuckDB, analytics.AllLines, "")
}

// Add adds one event, a JSON object, which it does not keep. After an *EventError, which
// is counted, further events can be added; after any other error nothing can.
func (l *Load) Add(event []byte) error {
	if l.failed != nil {
		return l.failed
	}
	if err := l.rows.add(event); err != nil {
		l.stats.Bad++
		return err
	}
	return l.take()
}

// AddRecord adds the event of a record, which it does not keep. It adds the same row as
// Add does for the event that an encode.Encoder writes, and costs less. Its errors are
// those of Add.
func (l *Load) AddRecord(rec *record.Record) error {
	if l.failed != nil {
		return l.failed
	}
	l.records.add(rec)
	return l.take()
}

// take takes over the last row, unless it is no event or a copy.
func (l *Load) take() error {
	row := l.rows.rows - 1
	if !l.id.has(row) || !l.dataset.has(row) || !l.time.has(row) {
		l.rows.rows--
		l.rows.takeBack()
		l.stats.Bad++
		return &EventError{Reason: "has no event.id, no event.dataset or no @timestamp"}
	}
	if !l.ids.add(l.rows.textAt(l.id, row)) {
		l.rows.rows--
		l.rows.takeBack()
		l.stats.Duplicates++
		return nil
	}
	l.setPartition(row)
	l.count(string(l.rows.textAt(l.dataset, row)), int64(l.time.words[row]))
	if l.rows.rows == rowsPerChunk {
		return l.fail(l.append())
	}
	return nil
}

// count counts a new event.
func (l *Load) count(dataset string, microseconds int64) {
	l.stats.Events++
	l.since++
	switch dataset {
	case analytics.Dataset:
		l.stats.Access++
	case "nginx.error":
		l.stats.Errors++
	case "nginx.unparsed":
		l.stats.Unparsed++
	default:
		l.stats.Other++
	}
	at := time.UnixMicro(microseconds).UTC()
	if l.stats.First.IsZero() || at.Before(l.stats.First) {
		l.stats.First = at
	}
	if at.After(l.stats.Last) {
		l.stats.Last = at
	}
}

// append gives the rows to the engine.
func (l *Load) append() error {
	if l.rows.rows == 0 {
		return nil
	}
	if err := l.begin(); err != nil {
		return err
	}
	err := l.rows.writeTo(l.chunk, func() error {
		if mapping.AppendDataChunk(l.appender, l.chunk) != mapping.StateSuccess {
			return &engineError{mapping.AppenderError(l.appender)}
		}
		return nil
	})
	if err != nil {
		return err
	}
	l.rows.reset()
	if l.unflushed++; l.unflushed == chunksPerFlush {
		l.unflushed = 0
		if mapping.AppenderFlush(l.appender) != mapping.StateSuccess {
			return &engineError{mapping.AppenderError(l.appender)}
		}
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

// commit makes what was added permanent.
func (l *Load) commit() error {
	if err := l.begin(); err != nil {
		return err
	}
	if mapping.AppenderFlush(l.appender) != mapping.StateSuccess {
		return &engineError{mapping.AppenderError(l.appender)}
	}
	if err := l.remember(); err != nil {
		return err
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
	if l.unpacked < commitEvery || l.s.o.Path != "" || l.s.o.Temporary {
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
		if l.open && mapping.AppenderClear(l.appender) != mapping.StateSuccess {
			l.failed = errors.Join(l.failed, &engineError{mapping.AppenderError(l.appender)})
		}
		l.closeAppender()
		_ = l.s.exec(l.work, "ROLLBACK") // the transaction may have ended by the failure
		l.stats.Events -= l.since
		return l.stats, l.failed
	}
	return l.stats, nil
}

func (l *Load) release() {
	l.closeAppender()
	mapping.DestroyDataChunk(&l.chunk)
	destroyTypes(l.types)
	l.types = nil
}
