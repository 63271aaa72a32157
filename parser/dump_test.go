package parser

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"clearhop/record"
)

// dump returns everything that a parser found in a line: the record's fields in their
// order and by their Go names. It has empty fields but not absent ones.
func dump(r *record.Record) []string {
	var out []string
	if r.HasTimestamp {
		out = append(out, "Time="+time.UnixMilli(r.Timestamp).UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	access := dumpStruct(reflect.ValueOf(r.Access))
	for i, u := range r.Access.Upstream {
		access = append(access, fmt.Sprintf("Upstream[%d]={%s}", i, strings.Join(dumpStruct(reflect.ValueOf(u)), " ")))
	}
	for _, p := range r.Access.Extra {
		access = append(access, fmt.Sprintf("Extra.%s=%q", p.Name, p.Value))
	}
	return append(out, access...)
}

func dumpStruct(v reflect.Value) []string {
	var out []string
	for i := range v.NumField() {
		if v.Type() == reflect.TypeFor[record.Access]() && v.Type().Field(i).Name == "Request" {
			continue // the fields of its parts are there, or BadRequest is
		}
		switch x := v.Field(i).Interface().(type) {
		case []byte:
			if x != nil {
				out = append(out, fmt.Sprintf("%s=%q", v.Type().Field(i).Name, x))
			}
		case record.Int:
			if x.Valid {
				out = append(out, fmt.Sprintf("%s=%d", v.Type().Field(i).Name, x.N))
			}
		}
	}
	return out
}
