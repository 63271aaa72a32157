package athena_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"clearhop/analytics"
	"clearhop/aws/account"
	"clearhop/aws/athena"
	"clearhop/encode"
	"clearhop/internal/mototest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	service "github.com/aws/aws-sdk-go-v2/service/athena"
)

func callsOf(endpoint string) athena.Calls {
	client := service.New(service.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), RetryMaxAttempts: 1,
	})
	return athena.Calls{
		StartQueryExecution: client.StartQueryExecution, GetQueryExecution: client.GetQueryExecution,
		GetQueryResults: client.GetQueryResults, StopQueryExecution: client.StopQueryExecution,
	}
}

// TestMoto: moto runs no SQL. It gives the rows that it was told to give.
func TestMoto(t *testing.T) {
	endpoint := mototest.Start(t)
	told := `{"account_id": "123456789012", "region": "us-east-1", "results": [{
		"rows": [{"Data": [{"VarCharValue": "/hello"}, {"VarCharValue": "7"}]}, {"Data": [{}, {"VarCharValue": "2"}]}],
		"column_info": [
			{"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": "path", "Label": "path", "Type": "varchar", "Precision": 1, "Scale": 0, "Nullable": "UNKNOWN", "CaseSensitive": true},
			{"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": "requests", "Label": "requests", "Type": "bigint", "Precision": 1, "Scale": 0, "Nullable": "UNKNOWN", "CaseSensitive": false}]}]}`
	response, err := http.Post(endpoint+"/moto-api/static/athena/query-results", "application/json", strings.NewReader(told))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("moto takes no results: %s", response.Status)
	}
	e := athena.New(athena.Config{Calls: callsOf(endpoint), WorkGroup: "primary", Database: "clearhop"})
	got, err := e.Ask(t.Context(), "SELECT path, requests FROM requests")
	if err != nil {
		t.Fatal(err)
	}
	want := analytics.Answer{
		Columns: []analytics.Column{{Name: "path", Type: encode.String}, {Name: "requests", Type: encode.Integer}},
		Rows:    [][]any{{"/hello", int64(7)}, {nil, int64(2)}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// A stand is an Athena that answers as it was told, call by call. moto has no query
// that runs, fails or has pages.
type stand struct {
	mu      sync.Mutex
	answers map[string][]string // by action: JSON, or "400 Code: message"; the last one stays
	calls   []string            // "Action" or "Action key"
	asked   map[string]any      // the last StartQueryExecution
}

func start(t *testing.T, answers map[string][]string) (*stand, athena.Calls) {
	s := &stand{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, callsOf(server.URL)
}

func (s *stand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var in map[string]any
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	call := action
	if token, ok := in["NextToken"].(string); ok {
		call += " " + token
	}
	s.calls = append(s.calls, call)
	if action == "StartQueryExecution" {
		s.asked = in
	}
	list := s.answers[action]
	answer := "{}"
	if len(list) > 0 {
		answer = list[0]
	}
	if len(list) > 1 {
		s.answers[action] = list[1:]
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if failed, ok := strings.CutPrefix(answer, "400 "); ok {
		code, message, _ := strings.Cut(failed, ": ")
		w.Header().Set("X-Amzn-ErrorType", code)
		w.WriteHeader(http.StatusBadRequest)
		answer = fmt.Sprintf(`{"__type": %q, "Message": %q}`, code, message)
	}
	fmt.Fprint(w, answer)
}

const (
	started   = `{"QueryExecutionId": "q-1"}`
	running   = `{"QueryExecution": {"QueryExecutionId": "q-1", "Status": {"State": "RUNNING"}, "Statistics": {"DataScannedInBytes": %d}}}`
	succeeded = `{"QueryExecution": {"QueryExecutionId": "q-1", "Status": {"State": "SUCCEEDED"}, "Statistics": {"DataScannedInBytes": %d}}}`
	failed    = `{"QueryExecution": {"QueryExecutionId": "q-1", "Status": {"State": "FAILED", "StateChangeReason": "COLUMN_NOT_FOUND: line 1:8: Column 'pth' cannot be resolved"}}}`
	queued    = `{"QueryExecution": {"QueryExecutionId": "q-1", "Status": {"State": "QUEUED"}}}`
)

// page writes an answer of GetQueryResults as Athena does.
func page(token string, types []string, rows ...[]any) string {
	type datum struct {
		VarCharValue *string `json:",omitempty"`
	}
	var b bytes.Buffer
	var all []map[string][]datum
	for _, row := range rows {
		var data []datum
		for _, v := range row {
			d := datum{}
			if v != nil {
				d.VarCharValue = aws.String(v.(string))
			}
			data = append(data, d)
		}
		all = append(all, map[string][]datum{"Data": data})
	}
	var infos []map[string]any
	for _, t := range types {
		name, kind, _ := strings.Cut(t, " ")
		infos = append(infos, map[string]any{"Name": name, "Type": kind})
	}
	answer := map[string]any{"ResultSet": map[string]any{"Rows": all, "ResultSetMetadata": map[string]any{"ColumnInfo": infos}}}
	if token != "" {
		answer["NextToken"] = token
	}
	if err := json.NewEncoder(&b).Encode(answer); err != nil {
		panic(err)
	}
	return b.String()
}

func config(calls athena.Calls) athena.Config {
	return athena.Config{Calls: calls, WorkGroup: "clearhop", Database: "clearhop", Wait: time.Millisecond}
}

// TestPages: the names of the columns are the first row of the first page only, and
// values of each type come as text.
func TestPages(t *testing.T) {
	types := []string{"path varchar", "requests bigint", "share double", "robot boolean", "since timestamp", "day date", "price decimal"}
	s, calls := start(t, map[string][]string{
		"StartQueryExecution": {started},
		"GetQueryExecution":   {queued, fmt.Sprintf(running, 100), fmt.Sprintf(succeeded, 12345)},
		"GetQueryResults": {
			page("2", types, []any{"path", "requests", "share", "robot", "since", "day", "price"},
				[]any{"/a", "3", "0.25", "true", "2026-11-22 11:00:24.250", "2026-11-22", "1.50"}),
			page("", types, []any{nil, nil, nil, nil, nil, nil, nil}),
		},
	})
	e := athena.New(config(calls))
	got, err := e.Ask(t.Context(), "SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]any{
		{"/a", int64(3), 0.25, true, time.Date(2026, 11, 22, 11, 0, 24, 250e6, time.UTC), time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), 1.5},
		{nil, nil, nil, nil, nil, nil, nil},
	}
	if !reflect.DeepEqual(got.Rows, want) {
		t.Errorf("got  %v\nwant %v", got.Rows, want)
	}
	if e.Scanned() != 12345 {
		t.Errorf("scanned %d bytes", e.Scanned())
	}
	if s.asked["WorkGroup"] != "clearhop" || s.asked["QueryExecutionContext"].(map[string]any)["Database"] != "clearhop" {
		t.Errorf("asked for %v", s.asked)
	}
	if calls := strings.Join(s.calls, ", "); !strings.HasSuffix(calls, "GetQueryResults, GetQueryResults 2") {
		t.Errorf("calls: %s", calls)
	}
	// The bytes of the next query are added.
	if _, err := e.Ask(t.Context(), "SELECT 1"); err != nil || e.Scanned() != 24690 {
		t.Errorf("scanned %d bytes, %v", e.Scanned(), err)
	}
}

func TestFailures(t *testing.T) {
	f := func(want string, isWrong bool, answers map[string][]string) {
		t.Helper()
		_, calls := start(t, answers)
		_, err := athena.New(config(calls)).Ask(t.Context(), "SELECT pth FROM requests")
		refused, ok := errors.AsType[*athena.QueryError](err)
		if !ok || err.Error() != want || refused.IsWrong != isWrong {
			t.Errorf("%T: %v\nwant %s, wrong: %t", err, err, want, isWrong)
		}
	}
	f("Athena refuses the query: line 1:8: mismatched input", true, map[string][]string{
		"StartQueryExecution": {"400 InvalidRequestException: line 1:8: mismatched input"},
	})
	f("Athena did not answer the query q-1: COLUMN_NOT_FOUND: line 1:8: Column 'pth' cannot be resolved", true, map[string][]string{
		"StartQueryExecution": {started}, "GetQueryExecution": {queued, failed},
	})
	f("Athena did not answer the query q-1: cancelled", false, map[string][]string{
		"StartQueryExecution": {started}, "GetQueryExecution": {`{"QueryExecution": {"Status": {"State": "CANCELLED"}}}`},
	})
	f("Athena did not answer the query q-1: a row has 1 values, and there are 2 columns", false, map[string][]string{
		"StartQueryExecution": {started}, "GetQueryExecution": {fmt.Sprintf(succeeded, 1)},
		"GetQueryResults": {page("", []string{"a varchar", "b varchar"}, []any{"x"})},
	})
	f("Athena did not answer the query q-1: column a is no integer", false, map[string][]string{
		"StartQueryExecution": {started}, "GetQueryExecution": {fmt.Sprintf(succeeded, 1)},
		"GetQueryResults": {page("", []string{"a bigint"}, []any{"x"})},
	})
	for category, isWrong := range map[int]bool{1: false, 2: true, 3: false} {
		status := fmt.Sprintf(`{"QueryExecution": {"Status": {"State": "FAILED", "StateChangeReason": "DIVISION_BY_ZERO", "AthenaError": {"ErrorCategory": %d, "ErrorType": 1000}}}}`, category)
		f("Athena did not answer the query q-1: DIVISION_BY_ZERO", isWrong, map[string][]string{
			"StartQueryExecution": {started}, "GetQueryExecution": {status},
		})
	}
}

// TestLimit: a query that scans more than allowed is ended.
func TestLimit(t *testing.T) {
	s, calls := start(t, map[string][]string{
		"StartQueryExecution": {started}, "GetQueryExecution": {fmt.Sprintf(running, 900), fmt.Sprintf(running, 1001)},
	})
	c := config(calls)
	c.MaxScan = 1000
	_, err := athena.New(c).Ask(t.Context(), "SELECT 1")
	limit, ok := errors.AsType[*athena.ScanError](err)
	if !ok || limit.Scanned != 1001 || limit.Max != 1000 {
		t.Errorf("%v", err)
	}
	if s.calls[len(s.calls)-1] != "StopQueryExecution" {
		t.Errorf("calls: %v", s.calls)
	}
}

// TestInterrupt: a query whose caller is gone is ended.
func TestInterrupt(t *testing.T) {
	s, calls := start(t, map[string][]string{"StartQueryExecution": {started}, "GetQueryExecution": {fmt.Sprintf(running, 1)}})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := athena.New(config(calls)).Ask(ctx, "SELECT 1")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[len(s.calls)-1] != "StopQueryExecution" {
		t.Errorf("calls: %v", s.calls)
	}
}

func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := athena.New(config(callsOf(server.URL))).Ask(t.Context(), "SELECT 1")
	if _, ok := errors.AsType[*account.UnreachableError](err); !ok {
		t.Errorf("%T: %v", err, err)
	}
}
