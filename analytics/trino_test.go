//go:build athena

package analytics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clearhop/analytics"
	"clearhop/encode"
)

var trinoHome = flag.String("trino", "", "compare the answers with those of the Trino server in this folder (make athena)")

// The tag athena keeps this file out of an ordinary go test: the server is a large
// archive, and its answers take minutes. make test compiles it all the same.

// trino is a Trino server of our own on loopback, with Hive's catalogue over folders of
// Parquet files: what Athena is, as far as it can be had.
type trino struct {
	url, schema string
	client      http.Client
}

// startTrino starts the server with a warehouse in a folder. It is stopped when the test
// ends.
func startTrino(t *testing.T, warehouse string) *trino {
	t.Helper()
	home, err := filepath.Abs(*trinoHome)
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	etc := t.TempDir()
	writeText(t, filepath.Join(etc, "catalog", "hive.properties"), `connector.name=hive
hive.metastore=file
hive.metastore.catalog.dir=local:///metastore
hive.non-managed-table-writes-enabled=true
fs.native-local.enabled=true
local.location=`+warehouse+"\n")
	writeText(t, filepath.Join(etc, "config.properties"), fmt.Sprintf(`coordinator=true
node-scheduler.include-coordinator=true
node.environment=test
node.id=test
node.bind-ip=127.0.0.1
node.internal-address=127.0.0.1
catalog.config-dir=%[1]s/catalog
plugin.dir=%[2]s/plugin
http-server.http.port=%[3]d
discovery.uri=http://127.0.0.1:%[3]d
`, etc, home, port))
	log, err := os.Create(filepath.Join(etc, "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(trinoJava, "-Xmx2G", "-Djdk.attach.allowAttachSelf=true", "--enable-native-access=ALL-UNNAMED",
		"--add-modules=jdk.incubator.vector", "-Dconfig="+filepath.Join(etc, "config.properties"), "-Dnode.data-dir="+filepath.Join(etc, "data"), "-Dlog.enable-console=true",
		"-cp", filepath.Join(home, "lib", "*"), "io.trino.server.TrinoServer")
	server.Dir, server.Stdout, server.Stderr = home, log, log
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = server.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = server.Process.Kill()
		<-ended
		_ = log.Close()
	})
	e := &trino{url: fmt.Sprintf("http://127.0.0.1:%d/v1/statement", port), schema: "default"}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	patience := time.After(5 * time.Minute)
	for {
		if _, err := e.ask("SELECT 1"); err == nil {
			return e
		}
		select {
		case <-tick.C:
			continue
		case <-ended:
		case <-patience:
		}
		text, _ := os.ReadFile(log.Name())
		t.Fatalf("the server does not answer. The end of its log:\n%s", text[max(0, len(text)-5000):])
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func writeText(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A result is a page of the server's answer.
type result struct {
	NextURI string
	Error   *struct{ Message string }
	Columns []struct{ Name, Type string }
	Data    [][]any
}

// ask runs a statement.
func (e *trino) ask(statement string) (result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	page, err := e.page(ctx, http.MethodPost, e.url, statement)
	all := page
	for err == nil && page.Error == nil && page.NextURI != "" {
		page, err = e.page(ctx, http.MethodGet, page.NextURI, "")
		all.Data = append(all.Data, page.Data...)
		if page.Columns != nil {
			all.Columns = page.Columns
		}
	}
	if err == nil && page.Error != nil {
		err = errors.New(page.Error.Message)
	}
	return all, err
}

func (e *trino) page(ctx context.Context, method, url, body string) (result, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return result{}, err
	}
	for name, value := range map[string]string{"User": "test", "Catalog": "hive", "Schema": e.schema, "Time-Zone": "Asia/Tokyo"} {
		request.Header.Set("X-Trino-"+name, value)
	}
	response, err := e.client.Do(request)
	if err != nil {
		return result{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return result{}, err
	}
	var page result
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a bigint is no float64
	if err := d.Decode(&page); err != nil {
		return result{}, fmt.Errorf("%s: %s", response.Status, text)
	}
	return page, nil
}

func (e *trino) must(t testing.TB, statement string) result {
	t.Helper()
	r, err := e.ask(statement)
	if err != nil {
		t.Fatalf("%v\n%s", err, statement)
	}
	return r
}

func (e *trino) run(t testing.TB, statement string) [][]any {
	t.Helper()
	r, err := e.ask(statement)
	if err != nil {
		t.Errorf("%v\n%s", err, statement)
	}
	for _, row := range r.Data {
		for i, value := range row {
			row[i] = fromJSON(t, r.Columns[i].Type, value)
		}
	}
	return r.Data
}

// fromJSON turns a value as Trino writes it into one of Go's types.
func fromJSON(t testing.TB, kind string, value any) any {
	t.Helper()
	switch v := value.(type) {
	case json.Number:
		if kind == "double" {
			f, err := v.Float64()
			if err != nil {
				t.Errorf("%s %v: %v", kind, v, err)
			}
			return f
		}
		n, err := strconv.ParseInt(v.String(), 10, 64)
		if err != nil {
			t.Errorf("%s %v: %v", kind, v, err)
		}
		return n
	case string:
		if strings.HasPrefix(kind, "timestamp") {
			at, err := time.Parse("2006-01-02 15:04:05.999999999", v)
			if err != nil {
				t.Errorf("%s %v: %v", kind, v, err)
			}
			return at
		}
	}
	return value
}

// open returns the database with the table of the Parquet files in a folder of the
// warehouse, and the views, as the template makes them in Athena.
func (e *trino) open(t *testing.T, database string) *trino {
	t.Helper()
	db := &trino{url: e.url, schema: database}
	if len(db.must(t, "SHOW SCHEMAS LIKE '"+database+"'").Data) > 0 {
		return db
	}
	db.must(t, "CREATE SCHEMA "+database)
	var columns []string
	for _, c := range encode.Columns() {
		columns = append(columns, `"`+c.Name+`" `+trinoType(c))
	}
	columns = append(columns, "dt varchar", "hour varchar")
	db.must(t, "CREATE TABLE events ("+strings.Join(columns, ", ")+") WITH (format = 'PARQUET', partitioned_by = ARRAY['dt', 'hour'], external_location = 'local:///"+database+"')")
	db.must(t, "CALL system.sync_partition_metadata('"+database+"', 'events', 'ADD')")
	for _, view := range analytics.Views() {
		db.must(t, "CREATE VIEW "+view+" SECURITY INVOKER AS "+analytics.ViewSQL(analytics.Athena, view, database))
		// The types that the template gives the columns are those that the engine finds.
		var got, want []string
		for _, c := range db.must(t, "DESCRIBE "+view).Data {
			got = append(got, fmt.Sprintf("%s %s", c[0], c[1]))
		}
		for _, c := range analytics.View(view) {
			want = append(want, c.Name+" "+c.SQLType(analytics.Athena))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("columns of %s (-want +got):\n%s", view, diff)
		}
	}
	return db
}

// trinoType is the type of a column of the table in Trino's SQL.
func trinoType(c encode.Column) string {
	switch c.Kind {
	case encode.Timestamp:
		return "timestamp(3)"
	case encode.StringList:
		return "array(varchar)"
	case encode.StringMap:
		return "map(varchar, varchar)"
	case encode.ObjectList:
		return "array(" + rowType(c.Members) + ")"
	case encode.String, encode.IP, encode.Integer, encode.Decimal, encode.Boolean:
		return analytics.ViewColumn{Type: c.Kind}.SQLType(analytics.Athena)
	}
	return rowType(c.Members)
}

func rowType(members []encode.Column) string {
	parts := make([]string, len(members))
	for i, m := range members {
		parts[i] = `"` + m.Name + `" ` + trinoType(m)
	}
	return "row(" + strings.Join(parts, ", ") + ")"
}

// TestTrinoAgrees compares each answer of DuckDB with that of a real Trino, row by row,
// over the same Parquet files.
func TestTrinoAgrees(t *testing.T) {
	if *trinoHome == "" {
		t.Fatal("needs a Trino server: run make athena")
	}
	warehouse := t.TempDir()
	writeChain(t, filepath.Join(warehouse, "chain"))
	writeMonth(t, filepath.Join(warehouse, "month"))
	server := startTrino(t, warehouse)
	t.Logf("Trino %s", server.must(t, "SELECT node_version FROM system.runtime.nodes").Data[0][0])
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }
	all, few := analytics.Questions(), []analytics.Question{}
	for _, name := range []string{"chain", "traffic", "slow_paths", "tallies"} {
		q, _ := analytics.Find(name)
		few = append(few, q)
	}
	for _, c := range []struct {
		table, name string
		questions   []analytics.Question
		ask         analytics.Query
	}{
		{"month", "all", all, asked},
		{"chain", "all", all, analytics.Query{Client: "210.227.0.10"}},
		{"month", "some", few, analytics.Query{Bucket: 6 * time.Hour, Limit: 7, Where: "status >= 400 -- a comment", Window: analytics.Window{Since: day(10), Until: day(20)}}},
		{"month", "dashboard", few, analytics.Query{BucketSQL: "3600", Limit: 50, Window: analytics.Window{SinceSQL: "TIMESTAMP '2026-11-10 00:30:00'", UntilSQL: "TIMESTAMP '2026-11-12 00:00:00'"}}},
		{"month", "days", few, analytics.Query{Window: analytics.Window{Days: 36500}, Limit: -1}},
	} {
		ours, theirs := openDuckDB(t, filepath.Join(warehouse, c.table)), server.open(t, c.table)
		for _, q := range c.questions {
			t.Run(c.table+"/"+c.name+"/"+q.Name, func(t *testing.T) {
				c.ask.Dialect = analytics.DuckDB
				want := answer(t, ours, q, c.ask)
				c.ask.Dialect = analytics.Athena
				if diff := cmp.Diff(want, answer(t, theirs, q, c.ask)); diff != "" {
					t.Errorf("(-DuckDB +Trino):\n%s", diff)
				}
			})
		}
		// The views that leave copies out themselves.
		for _, view := range analytics.Views() {
			count := "SELECT count(*), sum(weight) FROM " + view
			if ours, theirs := ours.run(t, count), theirs.run(t, count); cmp.Diff(ours, theirs) != "" {
				t.Errorf("%s, %s: DuckDB %v, Trino %v", c.table, view, ours, theirs)
			}
		}
	}
}
