package analytics

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// SQL returns the question as one SELECT for an engine. Its rows are in a total order,
// so every engine gives the same rows in the same order.
//
// The question reads the view requests, or lines if it is about lines that are no
// requests too. For Athena it reads all_requests or all_lines and leaves the copies
// out itself: then only the days are read that the window has. The view requests has to
// read all days, because it does not know in which of them a copy stands.
func (q Question) SQL(ask Query) string {
	var b strings.Builder
	between := "WITH "
	for _, from := range []struct{ name, distinct string }{{"chosen", Requests}, {"chosen_lines", Lines}} {
		if !reads(q.body, from.name) {
			continue
		}
		b.WriteString(between + from.name + " AS (\n" + ask.from(from.distinct, strings.Contains(q.body+ask.Where, "copies")) + "\n)")
		between = ", "
	}
	b.WriteString("\n" + ask.fill(q.body))
	if limit := ask.limit(q.Limit); limit > 0 {
		b.WriteString("\nLIMIT " + strconv.Itoa(limit))
	}
	return b.String() + "\n"
}

// From returns the SELECT of all rows that the query asks for, with all columns of view,
// which is Requests or Lines. It is what the SQL of a Question calls chosen or
// chosen_lines. For Athena it has the column copies only if the condition names it.
func (ask Query) From(view string) string {
	return ask.from(view, strings.Contains(ask.Where, copies.Name))
}

func (ask Query) from(view string, withCopies bool) string {
	if ask.Dialect == DuckDB {
		window := ask.Window.condition("\n  WHERE ", false)
		if window == "" {
			return "  SELECT * FROM " + view + ask.where("\n  WHERE ")
		}
		return "  SELECT * FROM " + view + window + ask.where("\n    AND ")
	}
	all := AllRequests
	if view == Lines {
		all = AllLines
	}
	sql := "  SELECT * FROM (\n    SELECT *,"
	if withCopies {
		sql += "\n      " + copies.Expression(Athena) + " AS copies,"
	}
	return sql + "\n      " + copyNumber + " AS copy\n    FROM " + all + ask.Window.condition("\n    WHERE ", true) + "\n  )\n" +
		"  WHERE " + isKept + ask.where("\n    AND ")
}

// reads reports whether the SQL reads from a table.
func reads(sql, table string) bool {
	for _, line := range strings.Split(sql, "\n") {
		if strings.HasSuffix(line, "FROM "+table) || strings.Contains(line, "FROM "+table+" ") || strings.Contains(line, "FROM "+table+")") {
			return true
		}
	}
	return false
}

// where returns the condition of the query behind a word, or nothing. It stands in
// lines of its own: a comment at its end must not hide the parenthesis.
func (ask Query) where(word string) string {
	if strings.TrimSpace(ask.Where) == "" {
		return ""
	}
	return word + "(\n" + ask.Where + "\n)"
}

func (ask Query) limit(usual int) int {
	if ask.Limit == 0 {
		return usual
	}
	return max(ask.Limit, 0)
}

// Times are counted from a Monday, so that weeks begin with one. passed is the number of
// seconds since then.
const (
	firstDay             = "timestamp '1970-01-05 00:00:00'"
	firstDayMicroseconds = "345600000000" // since the Unix epoch
	passed               = "date_diff('second', " + firstDay + ", ts)"
)

// fill puts the values of the query into the SQL of a question.
func (ask Query) fill(body string) string {
	bucket := ask.Bucket
	if bucket < time.Second {
		bucket = time.Hour
	}
	n := strconv.FormatInt(int64(bucket/time.Second), 10)
	if ask.BucketSQL != "" {
		n = ask.BucketSQL
	}
	since := firstDay + " + (" + passed + " - " + passed + " % " + n + ") * interval '1' second"
	if ask.Dialect == DuckDB {
		// The same time, made without a date and an interval for each row.
		since = "make_timestamp(epoch_us(ts) - (epoch_us(ts) - " + firstDayMicroseconds + ") % (cast(1000000 AS bigint) * (" + n + ")))"
	}
	return strings.NewReplacer(
		"{bucket}", since,
		"{client}", Literal(ask.Client),
		"{percentiles}", Percentiles,
	).Replace(body)
}

// Percentiles are the columns p50, p90 and p99, in seconds, of rows that have a value of
// duration_ns each, with the weight of all requests up to that value (below) and of all
// there are (total). The percentile is the nearest rank: the smallest value that so many
// of the requests do not exceed. The last term covers that 0.9 and 0.99 are not exact in
// binary.
const Percentiles = "min(CASE WHEN below >= 0.5e0 * total - 1e-6 THEN duration_ns END) / 1e9 AS p50,\n" +
	"         min(CASE WHEN below >= 0.9e0 * total - 1e-6 THEN duration_ns END) / 1e9 AS p90,\n" +
	"         min(CASE WHEN below >= 0.99e0 * total - 1e-6 THEN duration_ns END) / 1e9 AS p99"

// Literal writes a text as an expression of SQL whose value it is, for both dialects. It
// is the one way for a value to become part of SQL: whatever the text holds, it stays a
// value. Neither engine knows an escape in such a literal but the doubled quote. DuckDB
// takes no zero byte in SQL, so chr makes it. The text must be valid UTF-8; what is not
// becomes U+FFFD.
func Literal(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	if !strings.Contains(text, "\x00") {
		return quoted
	}
	return "(" + strings.ReplaceAll(quoted, "\x00", "' || chr(0) || '") + ")"
}

// condition returns the window as a condition behind a word, or nothing if it is open.
// With partitions it also names the days that may hold such requests. An event
// arrives after its request, but the clock of a host can be ahead of the service's: an
// hour is allowed for that. There is no last day: events may arrive late, when old logs
// are read or dead letters are delivered again.
func (w Window) condition(word string, partitions bool) string {
	const layout = "2006-01-02 15:04:05.000"
	var all []string
	switch {
	case w.Days > 0:
		first := fmt.Sprintf("cast(current_timestamp AT TIME ZONE 'UTC' AS date) - interval '%d' day", w.Days)
		if partitions {
			all = append(all, "dt >= cast("+first+" AS varchar)")
		}
		all = append(all, "ts >= cast("+first+" AS timestamp)")
	case w.SinceSQL != "":
		if partitions {
			all = append(all, "dt >= cast(cast("+w.SinceSQL+" - interval '1' hour AS date) AS varchar)")
		}
		all = append(all, "ts >= "+w.SinceSQL)
	case !w.Since.IsZero():
		since := w.Since.UTC()
		if partitions {
			all = append(all, "dt >= '"+since.Add(-time.Hour).Format(time.DateOnly)+"'")
		}
		all = append(all, "ts >= timestamp '"+since.Format(layout)+"'")
	}
	switch {
	case w.UntilSQL != "":
		all = append(all, "ts < "+w.UntilSQL)
	case !w.Until.IsZero():
		all = append(all, "ts < timestamp '"+w.Until.UTC().Format(layout)+"'")
	}
	if len(all) == 0 {
		return ""
	}
	return word + strings.Join(all, "\n      AND ")
}
