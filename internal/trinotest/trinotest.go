// Package trinotest starts a real Trino, the engine that Athena is built on, and makes in
// it what the stack makes in Athena.
//
//	server := trinotest.Start(t, "build/tools/trino", warehouse)
//	events := server.Events(t, "month") // the table and the views over warehouse/month/dt=…/hour=…/*.parquet
//	answer, err := events.Ask(t.Context(), "SELECT count(*) FROM requests")
//
// In goes a folder with the server, which ".ci/tools athena" gets, and a folder of Parquet
// files. Out come answers as Athena's engine gives them. The server listens on loopback
// and is stopped when the test ends. It has two catalogues: hive, with the files as
// tables, and iceberg, whose tables lie in the same folder. A Server is safe for
// concurrent use.
package trinotest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

	"clearhop/analytics"
	"clearhop/encode"
)

// java is Java of the version that Trino needs, which .ci/tools gets.
const java = "trino-java"

// A Server is a Trino server, with the catalogue and the schema of its statements.
type Server struct {
	url, catalog, schema string
	client               *http.Client
}

var _ analytics.Engine = (*Server)(nil)

// Start starts the server in the folder home, with its tables in the folder warehouse.
func Start(t testing.TB, home, warehouse string) *Server {
	t.Helper()
	home, err := filepath.Abs(home)
	if err != nil {
		t.Fatal(err)
	}
	port, etc := freePort(t), t.TempDir()
	configure(t, etc, home, warehouse, port)
	log, err := os.Create(filepath.Join(etc, "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(java, "-Xmx2G", "-Djdk.attach.allowAttachSelf=true", "--enable-native-access=ALL-UNNAMED",
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
	s := &Server{url: fmt.Sprintf("http://127.0.0.1:%d/v1/statement", port), client: &http.Client{}, catalog: "hive", schema: "default"}
	s.await(t, ended, log.Name())
	return s
}

// configure writes the server's settings. A memory of what lies in a folder would hide
// files that are written while the server runs.
func configure(t testing.TB, etc, home, warehouse string, port int) {
	t.Helper()
	const files = "hive.metastore.catalog.dir=local:///metastore\nfs.native-local.enabled=true\n"
	for name, text := range map[string]string{
		"catalog/hive.properties":    "connector.name=hive\nhive.metastore=file\nhive.non-managed-table-writes-enabled=true\n" + files,
		"catalog/iceberg.properties": "connector.name=iceberg\niceberg.catalog.type=TESTING_FILE_METASTORE\n" + strings.Replace(files, "/metastore", "/iceberg", 1),
	} {
		write(t, filepath.Join(etc, name), text+"local.location="+warehouse+"\n")
	}
	write(t, filepath.Join(etc, "config.properties"), fmt.Sprintf(`coordinator=true
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
}

// await returns when the server answers.
func (s *Server) await(t testing.TB, ended <-chan struct{}, log string) {
	t.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	patience := time.After(5 * time.Minute)
	for {
		if _, err := s.Ask(t.Context(), "SELECT 1"); err == nil {
			return
		}
		select {
		case <-tick.C:
			continue
		case <-ended:
		case <-patience:
		}
		text, _ := os.ReadFile(log)
		t.Fatalf("the server does not answer. The end of its log:\n%s", text[max(0, len(text)-5000):])
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// In returns the same server with another catalogue, which is hive or iceberg, and
// another schema, which is what Athena calls a database.
func (s *Server) In(catalog, schema string) *Server {
	other := *s
	other.catalog, other.schema = catalog, schema
	return &other
}

// Version returns the server's version, such as 476.
func (s *Server) Version(t testing.TB) string {
	t.Helper()
	return fmt.Sprint(s.Must(t, "SELECT node_version FROM system.runtime.nodes")[0][0])
}

// A page is a part of the server's answer to a statement.
type page struct {
	NextURI string
	Error   *struct{ Message string }
	Columns []struct{ Name, Type string }
	Data    [][]any
}

// Must runs a statement and returns its rows. The test ends if the server refuses it.
func (s *Server) Must(t testing.TB, statement string) [][]any {
	t.Helper()
	a, err := s.Ask(t.Context(), statement)
	if err != nil {
		t.Fatalf("%v\n%s", err, statement)
	}
	return a.Rows
}

// Ask implements analytics.Engine. Any statement can be given, not only a SELECT.
func (s *Server) Ask(ctx context.Context, statement string) (analytics.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	p, err := s.page(ctx, http.MethodPost, s.url, statement)
	all := p
	for err == nil && p.Error == nil && p.NextURI != "" {
		p, err = s.page(ctx, http.MethodGet, p.NextURI, "")
		all.Data = append(all.Data, p.Data...)
		if p.Columns != nil {
			all.Columns = p.Columns
		}
	}
	if err == nil && p.Error != nil {
		err = errors.New(p.Error.Message)
	}
	if err != nil {
		return analytics.Answer{}, err
	}
	return answer(all)
}

func (s *Server) page(ctx context.Context, method, url, body string) (page, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return page{}, err
	}
	// Not UTC, so that an answer which depends on the session's zone is wrong.
	for name, value := range map[string]string{"User": "test", "Catalog": s.catalog, "Schema": s.schema, "Time-Zone": "Asia/Tokyo"} {
		request.Header.Set("X-Trino-"+name, value)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return page{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return page{}, err
	}
	var p page
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a bigint is no float64
	if err := d.Decode(&p); err != nil {
		return page{}, fmt.Errorf("%s: %s", response.Status, text)
	}
	return p, nil
}

// answer gives the values the types that analytics.Answer has.
func answer(p page) (analytics.Answer, error) {
	var a analytics.Answer
	for _, c := range p.Columns {
		a.Columns = append(a.Columns, analytics.Column{Name: c.Name, Type: typeOf(c.Type)})
	}
	for _, row := range p.Data {
		for i, value := range row {
			v, err := valueOf(a.Columns[i].Type, value)
			if err != nil {
				return analytics.Answer{}, fmt.Errorf("%s, of type %s: %w", a.Columns[i].Name, p.Columns[i].Type, err)
			}
			row[i] = v
		}
		a.Rows = append(a.Rows, row)
	}
	return a, nil
}

func typeOf(name string) encode.Type {
	switch {
	case name == "double", strings.HasPrefix(name, "decimal"):
		return encode.Decimal
	case name == "bigint", name == "integer":
		return encode.Integer
	case name == "boolean":
		return encode.Boolean
	case strings.HasPrefix(name, "timestamp"):
		return encode.Timestamp
	}
	return encode.String
}

func valueOf(t encode.Type, value any) (any, error) {
	switch v := value.(type) {
	case json.Number:
		if t == encode.Decimal {
			return v.Float64()
		}
		return strconv.ParseInt(v.String(), 10, 64)
	case string:
		switch t {
		case encode.Timestamp:
			return time.Parse("2006-01-02 15:04:05.999999999", v)
		case encode.Decimal: // of SQL's type decimal
			return strconv.ParseFloat(v, 64)
		}
	}
	return value, nil
}
