package trinotest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"clearhop/analytics"
	"clearhop/encode"
)

// Events makes the table of the Parquet files in a folder of the warehouse, and the
// views, as the template makes them in Athena. The database has the folder's name. Where
// it is there already, it is taken as it is.
func (s *Server) Events(t testing.TB, folder string) *Server {
	t.Helper()
	db := s.In("hive", folder)
	if len(db.Must(t, "SHOW SCHEMAS LIKE '"+folder+"'")) > 0 {
		return db
	}
	db.Must(t, "CREATE SCHEMA "+folder)
	db.Must(t, "CREATE TABLE "+analytics.Table+" ("+Columns(encode.Columns(), nil)+", dt varchar, hour varchar) "+
		"WITH (format = 'PARQUET', partitioned_by = ARRAY['dt', 'hour'], external_location = 'local:///"+folder+"')")
	db.Must(t, "CALL system.sync_partition_metadata('"+folder+"', '"+analytics.Table+"', 'ADD')")
	db.Views(t, analytics.Table)
	return db
}

// Views makes the views over a table, as the template does.
func (s *Server) Views(t testing.TB, table string) {
	t.Helper()
	for _, view := range analytics.Views() {
		from := "FROM " + s.schema + "."
		s.Must(t, "CREATE OR REPLACE VIEW "+view+" SECURITY INVOKER AS "+
			strings.Replace(analytics.ViewSQL(analytics.Athena, view, s.schema), from+analytics.Table, from+table, 1))
		// The types that the template gives the columns are those that the engine finds.
		var got, want []string
		for _, c := range s.Must(t, "DESCRIBE "+view) {
			got = append(got, fmt.Sprintf("%s %s", c[0], c[1]))
		}
		for _, c := range analytics.View(view) {
			want = append(want, c.Name+" "+c.SQLType(analytics.Athena))
		}
		if !slices.Equal(want, got) {
			t.Errorf("%s has the columns\n%v\nand the template says\n%v", view, got, want)
		}
	}
}

// Columns lists columns as CREATE TABLE takes them, with another type for those that are
// named.
func Columns(columns []encode.Column, other map[string]string) string {
	var all []string
	for _, c := range columns {
		kind, found := other[c.Name]
		if !found {
			kind = sqlType(c)
		}
		all = append(all, `"`+c.Name+`" `+kind)
	}
	return strings.Join(all, ", ")
}

// sqlType is the type of a column of the table in Trino's SQL.
func sqlType(c encode.Column) string {
	switch c.Kind {
	case encode.Timestamp:
		return "timestamp(3)"
	case encode.StringList:
		return "array(varchar)"
	case encode.StringMap:
		return "map(varchar, varchar)"
	case encode.ObjectList:
		return "array(row(" + Columns(c.Members, nil) + "))"
	case encode.String, encode.IP, encode.Integer, encode.Decimal, encode.Boolean:
		return analytics.ViewColumn{Type: c.Kind}.SQLType(analytics.Athena)
	}
	return "row(" + Columns(c.Members, nil) + ")"
}
