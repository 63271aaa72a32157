package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"clearhop/internal/mototest"
)

// tellResults tells moto, which runs no SQL, the rows of the next queries of Athena.
func tellResults(t *testing.T, endpoint string, n int) {
	t.Helper()
	const result = `{
		"rows": [
			{"Data": [{"VarCharValue": "/hello"}, {"VarCharValue": "7"}]},
			{"Data": [{"VarCharValue": "=cmd"}, {"VarCharValue": "2"}]},
			{"Data": [{}, {"VarCharValue": "1"}]}],
		"column_info": [
			{"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": "path", "Label": "path", "Type": "varchar", "Precision": 1, "Scale": 0, "Nullable": "UNKNOWN", "CaseSensitive": true},
			{"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": "requests", "Label": "requests", "Type": "bigint", "Precision": 1, "Scale": 0, "Nullable": "UNKNOWN", "CaseSensitive": false}]}`
	told := `{"account_id": "123456789012", "region": "` + region + `", "results": [` + strings.Repeat(result+",", n-1) + result + `]}`
	response, err := http.Post(endpoint+"/moto-api/static/athena/query-results", "application/json", strings.NewReader(told))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("moto takes no results: %s", response.Status)
	}
}

// TestQueryAthena: a question and one's own SQL are asked of Athena, in each form of
// output, and what was scanned is said beside the answer.
func TestQueryAthena(t *testing.T) {
	endpoint := mototest.Start(t)
	useEndpoint(t, endpoint)
	const sql = "SELECT path, count(*) AS requests FROM all_requests WHERE dt >= '2026-11-22' GROUP BY path"
	for _, test := range []struct {
		name string
		args []string
		want string
		says string
	}{
		{"own SQL", []string{"--output", "csv", sql}, "path,requests\n/hello,7\n'=cmd,2\n,1\n", "clearhop: Athena scanned "},
		{"a limit", []string{"--output", "ndjson", "--limit", "1", sql}, `{"path":"/hello","requests":7}` + "\n", "clearhop: Athena scanned "},
		{"a table", []string{"-q", sql}, "path    requests\n/hello         7\n=cmd           2\n-              1\n", ""},
		{"a named question", []string{"--output", "ndjson", "--since", "24h", "--where", "status >= 500", "--max-scan", "1000", "paths"},
			`{"path":"/hello","requests":7}` + "\n" + `{"path":"=cmd","requests":2}` + "\n" + `{"path":null,"requests":1}` + "\n", "clearhop: Athena scanned "},
	} {
		t.Run(test.name, func(t *testing.T) {
			tellResults(t, endpoint, 1)
			var out, errOut bytes.Buffer
			code := run(t.Context(), append([]string{"query", "--athena", "primary", "--database", "shop"}, test.args...), strings.NewReader(""), &out, &errOut)
			if code != exitOK || out.String() != test.want {
				t.Errorf("exit code %d, answer\n%s\nwant\n%s\n%s", code, out.String(), test.want, errOut.String())
			}
			if !strings.HasPrefix(errOut.String(), test.says) || test.says == "" && errOut.Len() > 0 {
				t.Errorf("standard error: %s", errOut.String())
			}
		})
	}
}

// TestQueryAthenaFails: what is missing is said before Athena is asked.
func TestQueryAthenaFails(t *testing.T) {
	useEndpoint(t, "http://127.0.0.1:1")
	f := func(code int, want string, args ...string) {
		t.Helper()
		var out, errOut bytes.Buffer
		got := run(t.Context(), append([]string{"query", "--athena", "shop"}, args...), strings.NewReader(""), &out, &errOut)
		if got != code || out.Len() > 0 || !strings.Contains(errOut.String(), want) {
			t.Errorf("%v: exit code %d, %q, want %d, %s", args, got, errOut.String(), code, want)
		}
	}
	f(exitUsage, "--since, --until and --where do not go with --athena and your own SQL", "--since", "1h", "SELECT 1")
	f(exitUsage, "give no file and no --db", "paths", "access.log")
	f(exitUsage, `there is no question "path"; did you mean paths?`, "path")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	f(exitFailed, "no AWS credentials found (set AWS_PROFILE, or run aws sso login)", "paths")
	t.Setenv("AWS_REGION", "")
	f(exitFailed, "no region is set", "paths")
}
