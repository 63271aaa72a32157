// Package analytics has the SQL for a table of events: the view requests, with one
// flat row for each access record, and the queries that most users need. The SQL is
// written here once. A test copies it into template.yaml, which gives it to Athena.
//
//	for _, c := range analytics.View() { … }      // c.Name, c.Expression, c.Type
//	for _, q := range analytics.Queries() { … }   // q.Name, q.Description, q.SQL
//
// The functions are safe for concurrent use.
package analytics

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"clearhop/encode"
)

// A ViewColumn is a column of the view requests.
type ViewColumn struct {
	Name string
	// Expression is the SQL that reads the column from a row of the table events.
	Expression string
	// Type is the column's type in Athena's SQL.
	Type string
}

// view has each column of the view requests and the field of the event that it shows.
// All other fields can be read from the table events.
var view = []struct{ name, path string }{
	{"ts", "@timestamp"},
	{"event_id", "event.id"},
	{"client_ip", "client.ip"},
	{"client_address", "client.address"},
	{"client_country", "client.geo.country_iso_code"},
	{"client_country_name", "client.geo.country_name"},
	{"client_region", "client.geo.region_name"},
	{"client_city", "client.geo.city_name"},
	{"client_asn", "client.as.number"},
	{"client_as_org", "client.as.organization.name"},
	{"source_ip", "source.ip"},
	{"verdict", "provenance.verdict"},
	{"reason", "provenance.reason"},
	{"hop", "provenance.hop"},
	{"field", "provenance.field"},
	{"vouched", "provenance.vouched"},
	{"nlb_private_ip", "provenance.nlb_private_ip"},
	{"nlb", "provenance.nlb"},
	{"geo_state", "provenance.geo_state"},
	{"method", "http.request.method"},
	{"status", "http.response.status_code"},
	{"body_bytes", "http.response.body.bytes"},
	{"request_bytes", "http.request.bytes"},
	{"request_id", "http.request.id"},
	{"referrer", "http.request.referrer"},
	{"duration_ns", "event.duration"},
	{"host", "url.domain"},
	{"path", "url.path"},
	{"query", "url.query"},
	{"user_agent", "user_agent.original"},
	{"agent_name", "user_agent.name"},
	{"agent_os", "user_agent.os.name"},
	{"bot", "user_agent.bot"},
	{"log_group", "aws.cloudwatch.log_group"},
	{"log_stream", "aws.cloudwatch.log_stream"},
}

// Dataset is the dataset of the events that the view shows.
const Dataset = "nginx.access"

// Partitions returns the columns that Athena takes from the names of the objects: the
// day and the hour, in UTC, in which the events arrived.
func Partitions() []string { return []string{"dt", "hour"} }

// View returns the columns of the view requests, followed by the partitions.
func View() []ViewColumn {
	types := map[string]encode.Type{}
	for _, f := range encode.Fields() {
		types[f.Path] = f.Type
	}
	var all []ViewColumn
	for _, c := range view {
		t, ok := types[c.path]
		if !ok {
			panic("analytics: the event has no field " + c.path)
		}
		all = append(all, ViewColumn{c.name, expression(c.path), athenaType(t)})
	}
	for _, p := range Partitions() {
		all = append(all, ViewColumn{p, p, "varchar"})
	}
	return all
}

// expression writes the path of a field in SQL. It quotes the words that SQL
// reserves, such as "as".
func expression(field string) string {
	parts := strings.Split(strings.TrimPrefix(field, "@"), ".")
	for i, part := range parts {
		if part == "as" || part == "timestamp" {
			parts[i] = `"` + part + `"`
		}
	}
	return strings.Join(parts, ".")
}

func athenaType(t encode.Type) string {
	switch t {
	case encode.Timestamp:
		return "timestamp(3)"
	case encode.Integer:
		return "bigint"
	case encode.Decimal:
		return "double"
	case encode.Boolean:
		return "boolean"
	case encode.String, encode.IP:
		return "varchar"
	}
	panic(fmt.Sprintf("analytics: a view has no column of type %s", t))
}

// ViewSQL returns the query that defines the view. It reads the table events of the
// database, or of the default database if the name is empty.
func ViewSQL(database string) string {
	table := "events"
	if database != "" {
		table = database + ".events"
	}
	var columns []string
	for _, c := range View() {
		columns = append(columns, c.Expression+" AS "+c.Name)
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + table + " WHERE event.dataset = '" + Dataset + "'"
}

// A Query is a query of the view requests.
type Query struct {
	Name        string
	Description string
	SQL         string
}

//go:embed queries/*.sql
var files embed.FS

// Queries returns the queries that most users need, sorted by name. Each one is a file
// in the folder queries. The first line of the file is a comment that describes it.
func Queries() []Query {
	names, err := files.ReadDir("queries")
	if err != nil {
		panic("analytics: " + err.Error())
	}
	var all []Query
	for _, entry := range names {
		b, err := files.ReadFile(path.Join("queries", entry.Name()))
		if err != nil {
			panic("analytics: " + err.Error())
		}
		head, sql, _ := strings.Cut(string(b), "\n")
		all = append(all, Query{
			Name:        strings.TrimSuffix(entry.Name(), ".sql"),
			Description: strings.TrimPrefix(head, "-- "),
			SQL:         sql,
		})
	}
	return slices.Clip(all)
}
