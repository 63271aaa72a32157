//go:build cgo && (linux || darwin) && (amd64 || arm64)

package main

import (
	"errors"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// countWithDuckDB is what someone does by hand with DuckDB and the JSON events: read them
// into a table, and ask for the totals and for the top of a few columns.
func countWithDuckDB(name string) error {
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
	sql := []string{
		"CREATE TABLE events AS SELECT * FROM read_json('" + strings.ReplaceAll(name, "'", "''") + "', format = 'newline_delimited')",
		"SELECT count(*), count(DISTINCT client.ip), sum(http.response.body.bytes) FROM events",
		"SELECT date_trunc('hour', CAST(\"@timestamp\" AS timestamp)), count(*) FROM events GROUP BY 1 ORDER BY 1",
	}
	for _, column := range []string{"client.ip", "client.geo.country_iso_code", "url.path", "http.request.referrer", "user_agent.name", "http.response.status_code"} {
		sql = append(sql, "SELECT "+column+", count(*) FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 10")
	}
	for _, statement := range sql {
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
