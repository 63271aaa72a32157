package analytics

import (
	"fmt"
	"slices"
	"strings"

	"clearhop/encode"
	"clearhop/verdict"
)

// The views. Each of them has the columns of View.
const (
	Requests    = "requests"     // one row for each access line, its copies left out
	AllRequests = "all_requests" // one row for each access line, and one for each copy of it
	Lines       = "lines"        // one row for each line of any dataset, its copies left out
	AllLines    = "all_lines"    // one row for each line of any dataset, and one for each copy of it
)

// Views returns the names of the views.
func Views() []string { return []string{Requests, AllRequests, Lines, AllLines} }

// ViewDescription says what the rows of a view are.
func ViewDescription(view string) string {
	return map[string]string{
		Requests:    "One row for each access line. An event that is in the table twice counts once.",
		AllRequests: "One row for each access line, and one more for each copy of it.",
		Lines:       "One row for each line: those of the error log and those that no format reads too. An event that is in the table twice counts once.",
		AllLines:    "One row for each line of any kind, and one more for each copy of it.",
	}[view]
}

// Table is the table of events that the views read. Its columns are those of
// encode.Columns and Partitions.
const Table = "events"

// Dataset is the dataset of the events that Requests and AllRequests show.
const Dataset = "nginx.access"

// A ViewColumn is a column of the views.
type ViewColumn struct {
	Name string
	Doc  string // what it is, if that is more than the field of the event
	Unit string // empty if there is none
	Type encode.Type

	// Field is the path of the event's field that the column shows. It is empty for a
	// column that is made of several, or of none.
	Field string

	expressions [2]string // by Dialect
}

// Expression is the SQL that reads the column from a row of Table.
func (c ViewColumn) Expression(d Dialect) string { return c.expressions[d] }

// SQLType is the column's type in the SQL of an engine.
func (c ViewColumn) SQLType(d Dialect) string {
	switch c.Type {
	case encode.Timestamp:
		if d == DuckDB {
			return "timestamp"
		}
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
	panic(fmt.Sprintf("analytics: a view has no column of type %s", c.Type))
}

// fieldColumns are the columns that show a field of the event as it is. All other
// fields can be read from Table.
var fieldColumns = []struct{ name, path string }{
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
	{"dataset", "event.dataset"},
	{"timestamp_from", "event.timestamp_from"},
	{"schema_version", "schema_version"},
	{"account", "cloud.account.id"},
	{"file", "log.file.path"},
	{"response_bytes", "http.response.bytes"},
	{"http_version", "http.version"},
	{"tls_version", "tls.version"},
}

// madeColumns are the columns that are made of several fields, or of none. The
// functions that reach into a list differ between the engines.
var madeColumns = []ViewColumn{
	{Name: "weight", Type: encode.Decimal, Unit: "requests",
		Doc:         "How many requests the event stands for: `1 / event.sample_rate`, or 1. The sum of it is the number of requests. It is a multiple of 1/65536: such numbers have one sum, in whatever order they are added.",
		expressions: both("coalesce(round(65536e0 / nullif(event.sample_rate, 0)) / 65536e0, 1e0)")},
	{Name: "fault", Type: encode.Boolean,
		Doc:         "The reason is a fault of the chain.",
		expressions: both("coalesce(provenance.reason IN (" + faults() + "), false)")},
	{Name: "health_check", Type: encode.Boolean,
		Doc:         "The request is a probe of the load balancer.",
		expressions: both("coalesce(provenance.verdict = 'health_check', false)")},
	{Name: "robot", Type: encode.Boolean,
		Doc:         "`bot`, and false where no user agent is known.",
		expressions: both("coalesce(user_agent.bot, false)")},
	{Name: "client", Type: encode.String,
		Doc:         "`client_ip`, or with `privacy: hash` the client's pseudonym.",
		expressions: both("coalesce(client.ip, CASE WHEN provenance.vouched THEN client.address END)")},
	{Name: "bytes", Type: encode.Integer, Unit: "bytes",
		Doc:         "What was sent to the client: `response_bytes`, or `body_bytes` where the line does not log that.",
		expressions: both("coalesce(http.response.bytes, http.response.body.bytes)")},
	{Name: "alternatives", Type: encode.String,
		Doc:         "`provenance.alternatives`, with commas between them.",
		expressions: [2]string{"array_to_string(provenance.alternatives, ',')", "array_join(provenance.alternatives, ',')"}},
	lastTry("upstream", "address", encode.String, "", "The upstream server that was tried last."),
	lastTry("upstream_status", "status", encode.Integer, "", "The status of the upstream server that was tried last."),
	lastTry("upstream_seconds", "response_time", encode.Decimal, "seconds", "How long the upstream server took that was tried last."),
	lastTry("cache_status", "cache_status", encode.String, "", "What nginx's cache said of the request: `HIT`, `MISS` …"),
	{Name: "upstream_tries", Type: encode.Integer,
		Doc:         "How many upstream servers were tried.",
		expressions: [2]string{"len(nginx.access.upstream)", "cardinality(nginx.access.upstream)"}},
}

// faults lists the reasons that are faults of the chain.
func faults() string {
	var all []string
	for _, r := range verdict.Reasons() {
		if r.IsFault() {
			all = append(all, Literal(r.String()))
		}
	}
	return strings.Join(all, ", ")
}

// both is an expression that is the same in both dialects.
func both(expression string) [2]string { return [2]string{expression, expression} }

// lastTry is a column with a member of the last entry of nginx.access.upstream.
func lastTry(name, member string, t encode.Type, unit, doc string) ViewColumn {
	return ViewColumn{Name: name, Type: t, Unit: unit, Doc: doc, expressions: [2]string{
		"list_extract(nginx.access.upstream, -1)." + member,
		"element_at(nginx.access.upstream, -1)." + member,
	}}
}

// Partitions returns the columns that Athena takes from the names of the objects: the
// day and the hour, in UTC, in which the events arrived. In a table that was not read
// from such objects they are NULL.
func Partitions() []string { return []string{"dt", "hour"} }

// View returns the columns of a view, one of Views. The last ones are the partitions.
func View(view string) []ViewColumn {
	if !slices.Contains(Views(), view) {
		panic("analytics: there is no view " + view)
	}
	fields := map[string]encode.Field{}
	for _, f := range encode.Fields() {
		fields[f.Path] = f
	}
	var all []ViewColumn
	for _, c := range fieldColumns {
		f, ok := fields[c.path]
		if !ok {
			panic("analytics: the event has no field " + c.path)
		}
		column := ViewColumn{Name: c.name, Unit: f.Unit, Type: f.Type, Field: c.path, expressions: both(expression(c.path))}
		if f.Type == encode.Timestamp {
			// Parquet's timestamps have a time zone for DuckDB. A cast would use that
			// of the session.
			column.Unit = ""
			column.expressions[DuckDB] = "epoch_ms(epoch_ms(" + column.expressions[DuckDB] + "))"
			// An Iceberg table's timestamps have microseconds, and Athena refuses a view
			// whose column has another type than it declares.
			column.expressions[Athena] = "CAST(" + column.expressions[Athena] + " AS " + column.SQLType(Athena) + ")"
		}
		all = append(all, column)
	}
	all = append(all, madeColumns...)
	if view == Requests || view == Lines {
		all = append(all, copies)
	}
	for _, p := range Partitions() {
		all = append(all, ViewColumn{Name: p, Type: encode.String, expressions: both(p),
			Doc: "The " + map[string]string{"dt": "day", "hour": "hour"}[p] + " in which the event arrived, in UTC."})
	}
	return all
}

// copies is a column of the views that leave copies out. Its expression is not for a row
// of Table, but for one of the view that shows them.
var copies = ViewColumn{Name: "copies", Type: encode.Integer,
	Doc:         "How many copies of the event the table has, this one counted.",
	expressions: both("CASE WHEN event_id IS NULL THEN 1 ELSE count(*) OVER (PARTITION BY event_id) END")}

// copyNumber numbers the copies of an event. Copies are equal, unless an older version
// of the program wrote one of them: the newest is taken. The rest of the order is for
// the partitions alone.
const copyNumber = "row_number() OVER (PARTITION BY event_id ORDER BY schema_version DESC, dt DESC, hour DESC)"

// isKept is the condition that leaves copies out, behind copyNumber AS copy. Rows that
// no program of ours wrote may have no id.
const isKept = "(copy = 1 OR event_id IS NULL)"

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

// ViewSQL returns the query that defines a view, one of Views. It reads the table
// events of the database, or of the default database if the name is empty.
func ViewSQL(d Dialect, view, database string) string {
	names := columnNames(view)
	if view == Requests || view == Lines {
		all := "all_" + view
		return "SELECT " + names + " FROM (SELECT " + columnNames(all) + ", " + copies.Expression(d) + " AS copies, " +
			copyNumber + " AS copy FROM (" + ViewSQL(d, all, database) + ")) WHERE " + isKept
	}
	var columns []string
	for _, c := range View(view) {
		columns = append(columns, c.Expression(d)+" AS "+c.Name)
	}
	table := Table
	if database != "" {
		table = database + "." + Table
	}
	sql := "SELECT " + strings.Join(columns, ", ") + " FROM " + table
	if view == AllRequests {
		sql += " WHERE event.dataset = " + Literal(Dataset)
	}
	return sql
}

// columnNames lists the columns of a view.
func columnNames(view string) string {
	var names []string
	for _, c := range View(view) {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}
