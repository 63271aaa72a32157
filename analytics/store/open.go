//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"clearhop/analytics"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

const (
	// catalog is the name under which the engine has the database.
	catalog = "clearhop"
	// storedLines is the table of lines: one row for each event that was loaded.
	storedLines = catalog + ".main." + lineTable
	lineTable   = "loaded_lines"
	// storedValues is the table of the values that repeat. See places.go.
	storedValues = catalog + ".main." + valueTable
	valueTable   = "loaded_values"
	// oldTable is the table that earlier versions kept all events in.
	oldTable = "loaded"

	defaultMemory = 256 << 20
	// maxSpill is how much of what does not fit into memory may go to a temporary
	// folder.
	maxSpill = "20GiB"
)

// HasEngine says whether this program was built with DuckDB.
const HasEngine = true

// A Store holds events. See the package's documentation.
type Store struct {
	*engine
	o        Options
	readOnly bool   // the database is attached for reading only
	spill    string // the temporary folder
	fenced   bool
	closed   bool
	attached bool
	shared   bool // the engine is that of another Store
	// hasReader: the engine was closed off for a Reader, so its settings are locked.
	hasReader bool
	narrow    string // a condition of the views, with WHERE

	plain bool // the texts of the views are of the type VARCHAR
	held  [len(groups)]heldGroup

	// live is in the place of held where a Reader asks while a Load adds.
	live   *liveValues
	joined [len(groups)]bool // of a Reader: the values are too many
}

// Open opens a database file, or makes a database in memory. Its error is ErrNoEngine, a
// *BusyError, a *FileError or a *FullError where the caller can do something about it.
func Open(ctx context.Context, o Options) (*Store, error) {
	e, err := newEngine()
	if err != nil {
		return nil, fmt.Errorf("start DuckDB: %w", err)
	}
	s := &Store{engine: e, o: o}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	var err error
	if s.spill, err = os.MkdirTemp("", "clearhop-"); err != nil {
		return err
	}
	for _, sql := range []string{
		fmt.Sprintf("SET memory_limit = '%dB'", cmp.Or(s.o.Memory, defaultMemory)),
		setThreads(1), // until questions are asked
		"SET temp_directory = " + literal(s.spill),
		"SET max_temp_directory_size = '" + maxSpill + "'",
		"SET TimeZone = 'UTC'", // answers must not depend on the machine
		// The rows of the views must come in the order in which they were loaded, also
		// where values are joined to them: the lines are never the side of a join of
		// which a table is built.
		"SET disabled_optimizers = 'join_order,build_side_probe_side'",
	} {
		if err := s.exec(ctx, sql); err != nil {
			return err
		}
	}
	if s.isInMemory() {
		// DuckDB would pack the database with nearly every commit; a Load says when.
		if err := s.exec(ctx, "SET checkpoint_threshold = '1TB'"); err != nil {
			return err
		}
	}
	if err := s.attach(ctx, s.o.ReadOnly); err != nil {
		return err
	}
	if s.o.ReadOnly {
		return s.checkTables(ctx)
	}
	return s.explain(s.define(ctx))
}

// setThreads is the SQL that sets how many threads the engine uses. One thread loads: what
// is loaded comes in small steps, in which more threads mostly wait for each other, and
// DuckDB's wait by looking again and again.
func setThreads(n int) string { return fmt.Sprintf("SET threads = %d", n) }

// askThreads is how many threads answer a question: GOMAXPROCS, which is the number of CPUs
// that the process may use.
func askThreads() int { return runtime.GOMAXPROCS(0) }

// isInMemory reports whether the database is in no file.
func (s *Store) isInMemory() bool { return s.o.Path == "" && !s.o.Temporary }

// attach attaches the database, and makes it the one that is asked.
func (s *Store) attach(ctx context.Context, readOnly bool) error {
	sql := "ATTACH ':memory:' AS " + catalog + " (COMPRESS)"
	if s.o.Temporary && s.o.Path == "" {
		sql = "ATTACH " + literal(filepath.Join(s.spill, "events.db")) + " AS " + catalog + " (TYPE duckdb)"
	}
	if s.o.Path != "" {
		path, err := filepath.Abs(s.o.Path) // so no prefix such as s3: has a meaning
		if err != nil {
			return err
		}
		if err := checkFile(s.o.Path, readOnly); err != nil {
			return err
		}
		sql = "ATTACH " + literal(path) + " AS " + catalog + " (TYPE duckdb"
		if readOnly {
			sql += ", READ_ONLY"
		}
		sql += ")"
	}
	if err := s.exec(ctx, sql); err != nil {
		return s.explain(err)
	}
	s.readOnly, s.attached = readOnly, true
	return s.exec(ctx, "USE "+catalog)
}

// checkFile refuses what DuckDB would refuse with words that help nobody, or make into
// a database: a folder, an empty file, a file to read that is not there.
func checkFile(path string, readOnly bool) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist) && readOnly:
		return &FileError{path, "there is no such database; give log files or events too, and it is made of them"}
	case errors.Is(err, os.ErrNotExist):
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return &FileError{path, "there is no folder " + filepath.Dir(path)}
		}
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return &FileError{path, "is a folder; --db takes the name of a database file. Folders of events are arguments without --db"}
	case !info.Mode().IsRegular():
		return &FileError{path, "is no regular file, so it cannot hold a database"}
	case info.Size() == 0:
		return &FileError{path, "is empty, so it is no database; remove it, or use another file"}
	}
	return nil
}

// define makes the tables that are not there yet, and adds to a table of an older
// version the columns that are new.
func (s *Store) define(ctx context.Context) error {
	if err := s.checkVersion(ctx); err != nil {
		return err
	}
	sql := []string{
		"CREATE TABLE IF NOT EXISTS " + catalog + ".main.files (path varchar, name varchar, head varchar, head_lines bigint, size bigint, modified bigint)",
	}
	for table, columns := range tables() {
		sql = append(sql, "CREATE TABLE IF NOT EXISTS "+table+" ("+strings.Join(columns, ", ")+")")
		for _, c := range columns {
			sql = append(sql, "ALTER TABLE "+table+" ADD COLUMN IF NOT EXISTS "+c)
		}
	}
	for _, statement := range sql {
		if err := s.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// tables returns the columns of the tables of events, with their types.
func tables() map[string][]string {
	var ofLines, ofValues []string
	for _, c := range newLines().columns {
		ofLines = append(ofLines, c.name+" "+c.sqlType())
	}
	for _, p := range places() {
		if p.group >= 0 {
			ofValues = append(ofValues, p.Name+" "+p.SQLType(analytics.DuckDB))
		}
	}
	for _, g := range groups {
		ofValues = append(ofValues, g.key()+" uinteger")
	}
	return map[string][]string{storedLines: ofLines, storedValues: ofValues}
}

// checkVersion refuses a database that an earlier version made, which kept its events in
// another table.
func (s *Store) checkVersion(ctx context.Context) error {
	isOld := false
	sql := "SELECT count(*) > 0 FROM duckdb_tables() WHERE database_name = " + literal(catalog) + " AND schema_name = 'main' AND table_name = " + literal(oldTable)
	err := s.query(ctx, sql, nil, func(c mapping.DataChunk) error {
		isOld = vectorOf[bool](mapping.DataChunkGetVector(c, 0), 1)[0]
		return nil
	})
	if err == nil && isOld {
		err = &FileError{s.o.Path, "was made by an earlier clearhop, which stored events in another way; " +
			"use another file with --db and load the logs into it, or remove this one first"}
	}
	return err
}

// checkTables refuses a database that does not have the tables of events.
func (s *Store) checkTables(ctx context.Context) error {
	if err := s.checkVersion(ctx); err != nil {
		return err
	}
	for table, columns := range tables() {
		names := make([]string, len(columns))
		for i, c := range columns {
			names[i], _, _ = strings.Cut(c, " ")
		}
		if err := s.exec(ctx, "SELECT "+strings.Join(names, ", ")+" FROM "+table+" LIMIT 0"); err != nil {
			return s.notOurs(err)
		}
	}
	return nil
}

// notOurs returns the error of a database in which the table of events is missing or has
// other columns.
func (s *Store) notOurs(err error) error {
	var said *engineError
	if s.o.Path == "" || !errors.As(err, &said) || !said.hasKind("Catalog Error") && !said.hasKind("Binder Error") {
		return err
	}
	return &FileError{s.o.Path, "is a DuckDB database without the events of this clearhop; load files into it, or use another file"}
}

// holder finds the process that has a file open in what DuckDB says.
var holder = regexp.MustCompile(`lock is held in (\S+) \(PID (\d+)\)`)

// explain returns an error that names the file and says what to do, where DuckDB has
// words for its programmers.
func (s *Store) explain(err error) error {
	var said *engineError
	if !errors.As(err, &said) {
		return err
	}
	text := said.text
	switch {
	case isFull(text) && s.o.Path != "":
		return &FullError{s.o.Path}
	case isFull(text):
		return &FullError{os.TempDir()}
	case s.o.Path == "":
		return err
	case strings.Contains(text, "Could not set lock"), strings.Contains(text, "being used by another process"):
		busy := &BusyError{Path: s.o.Path}
		if m := holder.FindStringSubmatch(text); m != nil {
			busy.By = filepath.Base(m[1]) + " (process " + m[2] + ")"
		}
		return busy
	case strings.Contains(text, "not a valid DuckDB database"):
		return &FileError{s.o.Path, "is no DuckDB database; files to read are arguments without --db"}
	case strings.Contains(text, "version number"):
		return &FileError{s.o.Path, "was written by another version of DuckDB, which this clearhop cannot read (it has " + mapping.LibraryVersion() + "); use a newer clearhop, or load the files into a new database"}
	case strings.Contains(text, "Read-only file system"), strings.Contains(text, "ermission denied"), strings.Contains(text, "read-only mode"):
		return &FileError{s.o.Path, "cannot be written here: the folder or the file is read-only"}
	}
	return &FileError{s.o.Path, firstLine(text)}
}

// isFull reports whether DuckDB could not write because a device is full.
func isFull(text string) bool {
	return strings.Contains(text, "No space left on device") || strings.Contains(text, "Disk quota exceeded") ||
		strings.Contains(text, "not enough space on the disk") || strings.Contains(text, "max_temp_directory_size")
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// Close closes the database, and writes what is not written yet.
func (s *Store) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	if s.shared {
		s.disconnect()
		return nil
	}
	var err error
	if s.hasReader && s.o.Path != "" {
		if execErr := s.exec(context.Background(), "CHECKPOINT "+catalog); execErr != nil {
			err = s.explain(execErr)
		}
	} else if s.attached && s.o.Path != "" && !s.readOnly {
		// Where the fence failed, the database may be detached already.
		for _, sql := range []string{"USE memory", "DETACH DATABASE IF EXISTS " + catalog} {
			if execErr := s.exec(context.Background(), sql); execErr != nil {
				err = errors.Join(err, s.explain(execErr))
			}
		}
	}
	s.close()
	s.releaseGroups()
	s.live.release()
	return errors.Join(err, os.RemoveAll(s.spill))
}
