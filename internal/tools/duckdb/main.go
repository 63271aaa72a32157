//go:build cgo && (linux || darwin) && (amd64 || arm64)

// Command duckdb does with DuckDB what people do with it by hand, so that make compare and
// make compare-report can measure it as a process of its own:
//
//	duckdb version        print the version of DuckDB
//	duckdb events FILE    read JSON events into a table, and ask for the totals and for the
//	                      top of a few columns
//	duckdb lines FILE     take the lines of an access log in combined apart with a regular
//	                      expression, and write the fields as JSON to /dev/null
//
// "lines" uses one thread, as the programs that it stands beside.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "duckdb: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "version":
		_, err := fmt.Fprintln(os.Stdout, "DuckDB", mapping.LibraryVersion())
		return err
	case len(args) == 2 && args[0] == "events":
		return ask(events(literal(args[1])))
	case len(args) == 2 && args[0] == "lines":
		return ask(lines(literal(args[1])))
	}
	return errors.New("usage: duckdb version, or duckdb events FILE, or duckdb lines FILE")
}

// events returns the statements that count the events of a file.
func events(file string) []string {
	sql := []string{
		"CREATE TABLE events AS SELECT * FROM read_json(" + file + ", format = 'newline_delimited')",
		"SELECT count(*), count(DISTINCT client.ip), sum(http.response.body.bytes) FROM events",
		"SELECT date_trunc('hour', CAST(\"@timestamp\" AS timestamp)), count(*) FROM events GROUP BY 1 ORDER BY 1",
	}
	for _, column := range []string{"client.ip", "client.geo.country_iso_code", "url.path", "http.request.referrer", "user_agent.name", "http.response.status_code"} {
		sql = append(sql, "SELECT "+column+", count(*) FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 10")
	}
	return sql
}

// lines returns the statements that take the lines of a file apart. The file has one column,
// whose values no character separates or quotes.
func lines(file string) []string {
	const combined = `^(\S+) - (.*?) \[([^\]]*)\] "([^"]*)" (\d{3}) (\d+) "([^"]*)" "([^"]*)"`
	return []string{
		"SET threads = 1",
		"COPY (SELECT unnest(regexp_extract(line, '" + combined + "', " +
			"['remote_addr', 'remote_user', 'time_local', 'request', 'status', 'body_bytes_sent', 'http_referer', 'http_user_agent'])) " +
			"FROM read_csv(" + file + ", columns = {'line': 'VARCHAR'}, header = false, auto_detect = false, delim = '\x01', quote = '', escape = '')) " +
			"TO '/dev/null' (FORMAT json)",
	}
}

// literal writes a text as SQL does.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// ask runs statements in a database that is kept in memory.
func ask(statements []string) error {
	var db mapping.Database
	var message string
	var config mapping.Config
	if mapping.CreateConfig(&config) != mapping.StateSuccess {
		return errors.New("DuckDB cannot be configured")
	}
	defer mapping.DestroyConfig(&config)
	if mapping.OpenExt(":memory:", &db, config, &message) != mapping.StateSuccess {
		return errors.New(message)
	}
	defer mapping.Close(&db)
	var conn mapping.Connection
	if mapping.Connect(db, &conn) != mapping.StateSuccess {
		return errors.New("DuckDB refuses a connection")
	}
	defer mapping.Disconnect(&conn)
	for _, statement := range statements {
		var result mapping.Result
		state := mapping.Query(conn, statement, &result)
		text := mapping.ResultError(&result)
		mapping.DestroyResult(&result)
		if state != mapping.StateSuccess {
			return errors.New(text)
		}
	}
	return nil
}
