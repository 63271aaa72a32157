package athena

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"clearhop/analytics"
	"clearhop/encode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"
)

// columns returns the columns of a result. Athena names the type of each; the values
// themselves all come as text.
func columns(infos []types.ColumnInfo) []analytics.Column {
	all := make([]analytics.Column, len(infos))
	for i := range infos {
		all[i] = analytics.Column{Name: aws.ToString(infos[i].Name), Type: typeOf(aws.ToString(infos[i].Type))}
	}
	return all
}

// typeOf returns the type of a column. What an answer has no type for stays text.
func typeOf(name string) encode.Type {
	switch name {
	case "tinyint", "smallint", "integer", "bigint":
		return encode.Integer
	case "real", "float", "double", "decimal":
		return encode.Decimal
	case "boolean":
		return encode.Boolean
	case "timestamp", "date":
		return encode.Timestamp
	}
	return encode.String
}

// isHead reports whether a row is the names of the columns, which Athena sends as the
// first row of a SELECT.
func isHead(row types.Row, columns []analytics.Column) bool {
	if len(row.Data) != len(columns) {
		return false
	}
	for i, c := range columns {
		if row.Data[i].VarCharValue == nil || *row.Data[i].VarCharValue != c.Name {
			return false
		}
	}
	return true
}

// values reads a row.
func values(row types.Row, columns []analytics.Column) ([]any, error) {
	if len(row.Data) != len(columns) {
		return nil, fmt.Errorf("a row has %d values, and there are %d columns", len(row.Data), len(columns))
	}
	all := make([]any, len(columns))
	for i, c := range columns {
		if row.Data[i].VarCharValue == nil {
			continue // NULL
		}
		v, err := value(*row.Data[i].VarCharValue, c.Type)
		if err != nil {
			return nil, fmt.Errorf("column %s is no %s", c.Name, c.Type)
		}
		all[i] = v
	}
	return all, nil
}

func value(text string, t encode.Type) (any, error) {
	switch t {
	case encode.Integer:
		return strconv.ParseInt(text, 10, 64)
	case encode.Decimal:
		return strconv.ParseFloat(text, 64)
	case encode.Boolean:
		return strconv.ParseBool(text)
	case encode.Timestamp:
		return parseTime(text)
	}
	return text, nil
}

// parseTime reads a timestamp or a date, which Athena writes without a zone.
func parseTime(text string) (time.Time, error) {
	text = strings.TrimSuffix(text, " UTC")
	if len(text) == len(time.DateOnly) {
		return time.Parse(time.DateOnly, text)
	}
	return time.Parse(time.DateTime, text) // it takes fractions of a second too
}
