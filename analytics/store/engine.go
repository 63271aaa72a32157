//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"context"
	"errors"
	"strings"
	"time"

	bindings "github.com/duckdb/duckdb-go-bindings"
	"github.com/duckdb/duckdb-go/v2/mapping"
)

// An engine is a DuckDB in this process, with one connection to it. It belongs to one
// goroutine at a time.
//
// It is used through the thin package mapping and not through database/sql, because
// loading fills the vectors of DuckDB itself, and database/sql hides its connection.
type engine struct {
	db   mapping.Database
	conn mapping.Connection
}

// newEngine starts a DuckDB that holds nothing. What it must never do is set here,
// before anything else can be asked of it.
func newEngine() (*engine, error) {
	var config mapping.Config
	if mapping.CreateConfig(&config) != mapping.StateSuccess {
		return nil, errors.New("DuckDB cannot be configured")
	}
	defer mapping.DestroyConfig(&config)
	for name, value := range map[string]string{
		"autoinstall_known_extensions": "false",
		"autoload_known_extensions":    "false",
		"allow_community_extensions":   "false",
		"allow_unsigned_extensions":    "false",
		"allow_persistent_secrets":     "false",
	} {
		if mapping.SetConfig(config, name, value) != mapping.StateSuccess {
			return nil, errors.New("DuckDB does not know the setting " + name)
		}
	}
	e := &engine{}
	var message string
	if mapping.OpenExt(":memory:", &e.db, config, &message) != mapping.StateSuccess {
		return nil, errors.New(message)
	}
	if mapping.Connect(e.db, &e.conn) != mapping.StateSuccess {
		mapping.Close(&e.db)
		return nil, errors.New("DuckDB refuses a connection")
	}
	return e, nil
}

// another returns another connection to the same engine.
func (e *engine) another() (*engine, error) {
	more := &engine{db: e.db}
	if mapping.Connect(e.db, &more.conn) != mapping.StateSuccess {
		return nil, errors.New("DuckDB refuses a connection")
	}
	return more, nil
}

func (e *engine) disconnect() { mapping.Disconnect(&e.conn) }

func (e *engine) close() {
	e.disconnect()
	mapping.Close(&e.db)
}

// An engineError is what DuckDB says: its first word tells the kind.
type engineError struct{ text string }

// Error returns the text as DuckDB gave it.
func (e *engineError) Error() string { return e.text }

// hasKind reports whether the error is of a kind of DuckDB, such as "IO Error".
func (e *engineError) hasKind(kind string) bool { return strings.HasPrefix(e.text, kind) }

// exec runs a statement whose result nobody needs.
func (e *engine) exec(ctx context.Context, sql string) error {
	defer e.watch(ctx)()
	var result mapping.Result
	defer mapping.DestroyResult(&result)
	if mapping.Query(e.conn, sql, &result) != mapping.StateSuccess {
		return e.failure(ctx, mapping.ResultError(&result))
	}
	return nil
}

// watch interrupts what the engine does when ctx ends. The function that it returns ends
// the watch.
func (e *engine) watch(ctx context.Context) func() {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		mapping.Interrupt(e.conn)
		close(done)
	})
	return func() {
		if !stop() {
			<-done // the connection must not be interrupted later
		}
	}
}

func (e *engine) failure(ctx context.Context, text string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return &engineError{text}
}

// query runs a statement and calls each with the chunks of its result. begin is called
// before, with the columns; nil if nobody needs them.
func (e *engine) query(ctx context.Context, sql string, begin func(*mapping.Result) error, each func(mapping.DataChunk) error) error {
	var statement mapping.PreparedStatement
	defer mapping.DestroyPrepare(&statement)
	if mapping.Prepare(e.conn, sql, &statement) != mapping.StateSuccess {
		return e.failure(ctx, mapping.PrepareError(statement))
	}
	return e.run(ctx, statement, begin, each)
}

// run runs a prepared statement. The result is not gathered in memory: chunks come as
// they are made.
func (e *engine) run(ctx context.Context, statement mapping.PreparedStatement, begin func(*mapping.Result) error, each func(mapping.DataChunk) error) error {
	defer e.watch(ctx)()
	var pending mapping.PendingResult
	defer mapping.DestroyPending(&pending)
	if bindings.PendingPreparedStreaming(statement, &pending) != mapping.StateSuccess {
		return e.failure(ctx, mapping.PendingError(pending))
	}
	if !work(pending) {
		return e.failure(ctx, mapping.PendingError(pending))
	}
	var result mapping.Result
	defer mapping.DestroyResult(&result)
	if mapping.ExecutePending(pending, &result) != mapping.StateSuccess {
		return e.failure(ctx, mapping.ResultError(&result))
	}
	if begin != nil {
		if err := begin(&result); err != nil {
			return err
		}
	}
	for {
		chunk := mapping.FetchChunk(result)
		if chunk.Ptr == nil {
			break
		}
		err := each(chunk)
		mapping.DestroyDataChunk(&chunk)
		if err != nil {
			return err
		}
	}
	if text := mapping.ResultError(&result); text != "" {
		return e.failure(ctx, text)
	}
	return ctx.Err()
}

// idle is how long a thread sleeps that waits for those of the engine.
const idle = 50 * time.Microsecond

// work takes part in what the engine does until a result can be fetched. It reports false
// after an error. ExecutePending alone does so too, but it asks for another task again and
// again while threads of the engine have the last ones, which costs as much as their work.
func work(pending mapping.PendingResult) bool {
	for {
		switch bindings.PendingExecuteTask(pending) {
		case mapping.PendingStateResultNotReady:
		case mapping.PendingStateNoTasksAvailable:
			time.Sleep(idle)
		case mapping.PendingStateError:
			return false
		default:
			return true
		}
	}
}

// identifier writes a name in SQL.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
