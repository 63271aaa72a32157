package mototest

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"testing"
)

// NewStack makes a CloudFormation stack of a template, in YAML or JSON, with parameters.
func NewStack(t testing.TB, endpoint, region, name, template string, parameters map[string]string) {
	t.Helper()
	form := url.Values{"StackName": {name}, "TemplateBody": {template}}
	for i, key := range slices.Sorted(maps.Keys(parameters)) {
		form.Set(fmt.Sprintf("Parameters.member.%d.ParameterKey", i+1), key)
		form.Set(fmt.Sprintf("Parameters.member.%d.ParameterValue", i+1), parameters[key])
	}
	ask(t, endpoint, region, "cloudformation", "2010-05-15", "CreateStack", form, nil)
}

// TellAthena tells moto, which runs no SQL, the row that the next query returns: one column
// of text for each value.
func TellAthena(t testing.TB, endpoint, region string, columns, values []string) {
	t.Helper()
	var info, row string
	for i, column := range columns {
		comma := ""
		if i > 0 {
			comma = ","
		}
		info += fmt.Sprintf(`%s{"CatalogName":"hive","SchemaName":"","TableName":"","Name":%q,"Label":%[2]q,"Type":"varchar","Precision":1,"Scale":0,"Nullable":"UNKNOWN","CaseSensitive":true}`, comma, column)
		if len(values) > 0 {
			row += fmt.Sprintf(`%s{"VarCharValue":%q}`, comma, values[i])
		}
	}
	rows := ""
	if row != "" {
		rows = `{"Data":[` + row + `]}`
	}
	body := fmt.Sprintf(`{"account_id":%q,"region":%q,"results":[{"rows":[%s],"column_info":[%s]}]}`, account, region, rows, info)
	post(t, endpoint, region, "athena", "/moto-api/static/athena/query-results", "application/json", []byte(body))
}

// AddLogGroup makes a log group.
func AddLogGroup(t testing.TB, endpoint, region, name string) {
	t.Helper()
	post(t, endpoint, region, "logs", "/", "application/x-amz-json-1.1", fmt.Appendf(nil, `{"logGroupName":%q}`, name), "Logs_20140328.CreateLogGroup")
}
