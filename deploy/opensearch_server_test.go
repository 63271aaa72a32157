//go:build opensearch

package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tag opensearch keeps this file out of an ordinary go test: the server starts for a
// minute. make test compiles it all the same.

// opensearchJava is Java with OpenSearch, which ".ci/tools opensearch" gets.
const opensearchJava = "opensearch-java"

// openSearch is a server of our own on loopback.
type openSearch struct{ url string }

func startOpenSearch(t *testing.T) *openSearch {
	t.Helper()
	if _, err := exec.LookPath(opensearchJava); err != nil {
		t.Fatal("needs OpenSearch: run make opensearch")
	}
	home, port := t.TempDir(), freePort(t)
	log, err := os.Create(filepath.Join(home, "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(opensearchJava, "-Xmx1G", "--enable-native-access=ALL-UNNAMED", "--add-modules=jdk.incubator.vector",
		"-Dlog4j2.configurationFile=testdata/log4j2.properties", "testdata/OpenSearch.java", home, port, freePort(t))
	server.Stdout, server.Stderr = log, log
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
	s := &openSearch{url: "http://127.0.0.1:" + port}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	patience := time.After(5 * time.Minute)
	for {
		if response, err := http.Get(s.url); err == nil {
			_ = response.Body.Close()
			return s
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

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// call sends a request, whose body may be nil, and returns the answer.
func (s *openSearch) call(t *testing.T, method, path string, body any) object {
	t.Helper()
	text, isText := body.([]byte)
	if body != nil && !isText {
		text = []byte(inText(body))
	}
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answered, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer object
	if err := json.Unmarshal(answered, &answer); err != nil || response.StatusCode >= 300 {
		t.Fatalf("%s %s: %s: %s", method, path, response.Status, answered)
	}
	return answer
}

const allIndices = "/" + indexName + "-*"

// search returns the number of events that a query finds, and the aggregations.
func (s *openSearch) search(t *testing.T, query, aggregations object) (int, object) {
	t.Helper()
	body := object{"query": query, "size": 0, "track_total_hits": true}
	if aggregations != nil {
		body["aggs"] = aggregations
	}
	answer := s.call(t, http.MethodPost, allIndices+"/_search", body)
	found, _ := answer["aggregations"].(object)
	return int(answer["hits"].(object)["total"].(object)["value"].(float64)), found
}

// TestOpenSearch runs the commands of docs/statistics.md against a real OpenSearch, with
// the events of the chain and one that has every field. They are given twice, and each
// counts once. Then it asks what the saved objects ask.
func TestOpenSearch(t *testing.T) {
	s := startOpenSearch(t)
	t.Logf("OpenSearch %v", s.call(t, http.MethodGet, "/", nil)["version"].(object)["number"])
	full, err := os.ReadFile("../encode/testdata/full.json")
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, full); err != nil {
		t.Fatal(err)
	}
	texts := append(chainEvents(t), append(compact.Bytes(), '\n'))
	events := map[string]object{} // by id
	for _, text := range texts {
		var event object
		if err := json.Unmarshal(text, &event); err != nil {
			t.Fatal(err)
		}
		events[event["event"].(object)["id"].(string)] = event
	}
	for range 2 { // the second time all of them are copies
		s.runDocumented(t, texts)
		s.call(t, http.MethodPost, allIndices+"/_refresh", nil)
		if n, _ := s.search(t, object{"match_all": object{}}, nil); n != len(events) {
			t.Fatalf("%d documents of %d events", n, len(events))
		}
	}
	t.Run("create", func(t *testing.T) { s.createAgain(t, texts, len(events)) })
	for _, p := range pictures {
		t.Run(p.id, func(t *testing.T) { s.checkPicture(t, p, events) })
	}
	t.Run("types", func(t *testing.T) { s.checkTypes(t) })
}

// runDocumented runs the commands of docs/statistics.md, with a file in the place of the
// log. Each part of the events must be taken whole.
func (s *openSearch) runDocumented(t *testing.T, events [][]byte) {
	t.Helper()
	page, err := os.ReadFile("../docs/statistics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "### OpenSearch\n\n```sh\n")
	commands, _, found := strings.Cut(rest, "\n```\n")
	if !found {
		t.Fatal("docs/statistics.md has no commands for OpenSearch")
	}
	file := filepath.Join(t.TempDir(), "events.ndjson")
	if err := os.WriteFile(file, bytes.Join(events, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"https://localhost:9200": s.url, "clearhop enrich access.log": "cat '" + file + "'"} {
		if strings.Count(commands, from) != 1 {
			t.Fatalf("the commands have %q not once:\n%s", from, commands)
		}
		commands = strings.Replace(commands, from, to, 1)
	}
	command := exec.Command("sh", "-ec", commands)
	command.Dir = ".."
	said, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if want := `{"acknowledged":true}{"acknowledged":true}false`; strings.ReplaceAll(string(said), "\n", "") != want {
		t.Fatalf("the commands print %s, want %s", said, want)
	}
}

// createAgain gives the events once more, in the way that keeps the first copy: each of
// them is refused.
func (s *openSearch) createAgain(t *testing.T, texts [][]byte, count int) {
	var body bytes.Buffer
	for _, text := range texts {
		var event struct {
			At    string `json:"@timestamp"`
			Event struct {
				ID string `json:"id"`
			} `json:"event"`
		}
		if err := json.Unmarshal(text, &event); err != nil {
			t.Fatal(err)
		}
		body.WriteString(inText(object{"create": object{"_index": indexName + "-" + event.At[:10], "_id": event.Event.ID}}) + "\n")
		body.Write(text)
	}
	answer := s.call(t, http.MethodPost, "/_bulk?refresh=true", body.Bytes())
	for _, item := range answer["items"].([]any) {
		if status := item.(object)["create"].(object)["status"]; status != float64(http.StatusConflict) {
			t.Fatalf("a copy has the status %v", status)
		}
	}
	if n, _ := s.search(t, object{"match_all": object{}}, nil); n != count {
		t.Errorf("%d documents of %d events", n, count)
	}
}

// checkPicture asks what a visualisation asks, and holds the first of its lists to the
// events. The server does not read the query language of the dashboards, in which they
// write the filter, so it gets the same in Lucene's.
func (s *openSearch) checkPicture(t *testing.T, p picture, events map[string]object) {
	filter := strings.NewReplacer(" and ", " AND ", "not ", "NOT ", " : ", ":").Replace(p.filter)
	aggregations := object{}
	for _, m := range p.metrics {
		aggregations[m.(object)["id"].(string)] = asked(m.(object))
	}
	for i := len(p.buckets) - 1; i >= 0; i-- {
		outer := asked(p.buckets[i].(object))
		if len(aggregations) > 0 {
			outer["aggs"] = aggregations
		}
		aggregations = object{p.buckets[i].(object)["id"].(string): outer}
	}
	n, found := s.search(t, object{"query_string": object{"query": filter}}, aggregations)
	var kept []object
	for _, event := range events {
		if keeps(t, p.filter, event) {
			kept = append(kept, event)
		}
	}
	if n != len(kept) || n == 0 {
		t.Errorf("%s finds %d events of %d", filter, n, len(kept))
	}
	if len(p.buckets) == 0 {
		return
	}
	first := p.buckets[0].(object)
	field, size := first["params"].(object)["field"].(string), first["params"].(object)["size"]
	want := map[string]int{}
	for _, event := range kept {
		value := valueAt(event, field)
		if value != nil && first["type"] == "date_histogram" {
			value = value.(string)[:len("2006-01-02")]
		}
		if value != nil {
			want[fmt.Sprint(value)]++
		}
	}
	buckets := found["2"].(object)["buckets"].([]any)
	if most, limited := size.(int); len(buckets) != len(want) && (!limited || len(buckets) != most) {
		t.Errorf("%d values of %s, and there are %d", len(buckets), field, len(want))
	}
	for _, b := range buckets {
		bucket := b.(object)
		key := fmt.Sprint(bucket["key"])
		if text, ok := bucket["key_as_string"].(string); ok {
			key = text[:len("2006-01-02")]
		}
		if count := int(bucket["doc_count"].(float64)); count != want[key] {
			t.Errorf("%s %s: %d events, and there are %d", field, key, count, want[key])
		}
	}
}

// asked is an aggregation of a saved object as Dashboards asks it of the server. It
// chooses the length of a bucket by the time that is shown: a day here.
func asked(a object) object {
	params := a["params"].(object)
	switch a["type"] {
	case "date_histogram":
		return object{"date_histogram": object{"field": params["field"], "fixed_interval": "1d", "min_doc_count": params["min_doc_count"]}}
	case "terms":
		return object{"terms": object{"field": params["field"], "size": params["size"], "order": object{"_count": params["order"]}}}
	}
	return object{a["type"].(string): params}
}

// keeps reports whether an event fits a filter of a picture.
func keeps(t *testing.T, filter string, event object) bool {
	t.Helper()
	for _, part := range strings.Split(filter, " and ") {
		part, negated := strings.CutPrefix(part, "not ")
		field, want, found := strings.Cut(part, " : ")
		if !found {
			t.Fatalf("%s is no condition", part)
		}
		value := valueAt(event, field)
		fits := value != nil && (want == "*" || fmt.Sprint(value) == strings.Trim(want, `"`))
		if fits == negated {
			return false
		}
	}
	return true
}

// valueAt returns a field of an event by its path, or nil.
func valueAt(event object, path string) any {
	name, rest, nested := strings.Cut(path, ".")
	if below, ok := event[name].(object); nested && ok {
		return valueAt(below, rest)
	}
	if nested {
		return nil
	}
	return event[name]
}

// checkTypes asks the event that has every field, by what docs/statistics.md says of the
// types.
func (s *openSearch) checkTypes(t *testing.T) {
	at := object{"lat": 0, "lon": 0}
	for name, query := range map[string]object{
		"an address by its network": {"term": object{"client.ip": "0.0.0.0/0"}},
		"a point by its distance":   {"geo_distance": object{"distance": "20000km", "client.geo.location": at}},
		"a label":                   {"term": object{"labels.service": "web"}},
		"words of a line":           {"match": object{"event.original": "get"}},
	} {
		if n, _ := s.search(t, query, nil); n == 0 {
			t.Errorf("%s finds nothing", name)
		}
	}
	long := strings.Repeat("a", 1025)
	event := object{"@timestamp": "2026-11-22T11:00:24.007Z", "url": object{"path": long}, "not listed": object{"x": 1}}
	s.call(t, http.MethodPut, "/"+indexName+"-2026-11-22/_doc/long?refresh=true", event)
	if n, _ := s.search(t, object{"term": object{"url.path": long}}, nil); n != 0 {
		t.Errorf("a text of %d characters is found %d times by its value", len(long), n)
	}
	source := s.call(t, http.MethodGet, "/"+indexName+"-2026-11-22/_doc/long", nil)["_source"]
	if inText(source) != inText(event) {
		t.Errorf("the document is %s", inText(source))
	}
}
