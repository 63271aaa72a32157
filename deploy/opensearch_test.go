package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"clearhop/encode"
	"clearhop/internal/chaintest"
	"clearhop/internal/golden"
	"clearhop/pipeline"
	"clearhop/record"
)

// This file makes what OpenSearch needs, in deploy/opensearch, from the fields of the
// event: component-template.json with the mappings, index-template.json, which applies
// them to new indices, and dashboards.ndjson, which OpenSearch Dashboards imports.

// indexName begins the names of the indices, and is the name of the template.
const indexName = "clearhop-events"

// longTexts are the fields that people search by their words, not by their whole value.
var longTexts = []string{"event.original", "error.message"}

// mapping returns the mapping of a field.
//
// Visitors write most texts, and OpenSearch refuses a whole event if a keyword has more
// than 32766 bytes. So a keyword that is longer than 1024 characters is not indexed; it
// still stands in the event.
func mapping(f encode.Field) object {
	switch f.Type {
	case encode.IP:
		return object{"type": "ip"}
	case encode.Timestamp:
		return object{"type": "date"}
	case encode.Integer:
		return object{"type": "long"}
	case encode.Decimal:
		return object{"type": "double"}
	case encode.Boolean:
		return object{"type": "boolean"}
	case encode.StringMap: // one field for all keys: visitors cannot add fields to the index
		return object{"type": "flat_object"}
	case encode.ObjectList:
		return object{"properties": mappings(f.Items)}
	}
	if slices.Contains(longTexts, f.Path) {
		return object{"type": "text"}
	}
	return object{"type": "keyword", "ignore_above": 1024}
}

// mappings returns the mappings of fields as a tree. A latitude and a longitude are one
// point.
func mappings(fields []encode.Field) object {
	root := object{}
	for _, f := range fields {
		path, value := f.Path, mapping(f)
		if place, isPoint := strings.CutSuffix(path, ".lat"); isPoint {
			path, value = place, object{"type": "geo_point"}
		} else if strings.HasSuffix(path, ".lon") {
			continue
		}
		at := root
		names := strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			if at[name] == nil {
				at[name] = object{"properties": object{}}
			}
			at = at[name].(object)["properties"].(object)
		}
		at[names[len(names)-1]] = value
	}
	return root
}

func componentTemplate() object {
	return object{
		"_meta": object{"description": "The fields of Clearhop's events", "schema_version": encode.SchemaVersion},
		"template": object{"mappings": object{
			"dynamic":    false, // a field that is not listed stays in the event, and is not indexed
			"properties": mappings(encode.Fields()),
		}},
	}
}

func indexTemplate() object {
	return object{"index_patterns": array{indexName + "-*"}, "composed_of": array{indexName}, "priority": 200}
}

// TestOpenSearchTemplates writes the templates, and holds the mappings to the events.
func TestOpenSearchTemplates(t *testing.T) {
	golden.Check(t, "opensearch/component-template.json", pretty(componentTemplate()))
	golden.Check(t, "opensearch/index-template.json", pretty(indexTemplate()))
	root := mappings(encode.Fields())
	full, err := os.ReadFile("../encode/testdata/full.json")
	if err != nil {
		t.Fatal(err)
	}
	events := append(chainEvents(t), full)
	for _, text := range events {
		var event object
		if err := json.Unmarshal(text, &event); err != nil {
			t.Fatal(err)
		}
		checkMapped(t, "", event, root)
	}
}

// chainEvents returns the events of all logs of the recorded chain.
func chainEvents(t *testing.T) [][]byte {
	t.Helper()
	p, err := pipeline.New(pipeline.Config{Label: map[string]string{"service": "web"}, Original: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var events [][]byte
	w := p.NewWorker()
	for _, name := range chaintest.Names(t, "*/*.log") {
		var lines []record.Line
		origin := &record.Origin{Source: name, File: name}
		for i, line := range chaintest.Lines(t, name) {
			lines = append(lines, record.Line{Origin: origin, Text: line, Offset: int64(i)})
		}
		if _, err := w.ProcessBatch(lines, true, func(out *pipeline.Outcome) error {
			events = append(events, bytes.Clone(out.Data))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if len(events) < 100 {
		t.Fatalf("the chain has only %d events", len(events))
	}
	return events
}

// checkMapped holds the values of an object to their mappings.
func checkMapped(t *testing.T, path string, value, properties object) {
	t.Helper()
	for name, v := range value {
		at := strings.TrimPrefix(path+"."+name, ".")
		m, ok := properties[name].(object)
		if !ok {
			t.Errorf("%s has no mapping", at)
			continue
		}
		values, isList := v.([]any)
		if !isList {
			values = array{v}
		}
		for _, v := range values {
			inside, isObject := v.(object)
			below, hasProperties := m["properties"].(object)
			kind, _ := m["type"].(string)
			if hasProperties != (isObject && kind == "") {
				t.Errorf("%s: the value %v does not fit the mapping %v", at, v, m)
			}
			if hasProperties && isObject {
				checkMapped(t, at, inside, below)
			} else if !fits(kind, v) {
				t.Errorf("%s: a %s cannot be %v", at, kind, v)
			}
		}
	}
}

// fits reports whether OpenSearch takes a value for a field of a type.
func fits(kind string, value any) bool {
	switch v := value.(type) {
	case string:
		return slices.Contains([]string{"keyword", "text", "ip", "date"}, kind)
	case float64:
		return kind == "double" || kind == "long" && v == float64(int64(v))
	case bool:
		return kind == "boolean"
	case object:
		return kind == "flat_object" || kind == "geo_point" && len(v) == 2 && v["lat"] != nil && v["lon"] != nil
	}
	return false
}

// A picture is a visualisation of OpenSearch Dashboards.
type picture struct {
	id, title, kind string
	filter          string // in the query language of the dashboards
	metrics         array  // aggregations of the schema "metric"; nil for a count
	buckets         array
	width           int // of the grid, which is 48 wide
}

// requestsOnly leaves health checks out, and lines that are no requests.
const requestsOnly = `event.dataset : "nginx.access" and not provenance.verdict : "health_check"`

func aggregation(id, kind, schema string, params object) object {
	return object{"id": id, "enabled": true, "type": kind, "schema": schema, "params": params}
}

func byTime() object {
	return aggregation("2", "date_histogram", "segment", object{"field": "@timestamp", "interval": "auto", "min_doc_count": 1})
}

func by(id, schema, field string, size int) object {
	return aggregation(id, "terms", schema, object{"field": field, "size": size, "order": "desc", "orderBy": "1", "missingBucket": false, "otherBucket": false})
}

var pictures = []picture{
	{id: "nlb-private-ip", title: "Requests that show an NLB's address", kind: "metric", filter: requestsOnly + " and provenance.nlb_private_ip : true", width: 12},
	{id: "verdicts", title: "How the client is known, over time", kind: "histogram", filter: `event.dataset : "nginx.access"`, buckets: array{byTime(), by("3", "group", "provenance.verdict", 10)}, width: 36},
	{id: "reasons", title: "Reasons, by hop", kind: "table", filter: "provenance.hop : *", buckets: array{by("2", "bucket", "provenance.hop", 5), by("3", "bucket", "provenance.reason", 20)}, width: 24},
	{id: "statuses", title: "Statuses over time", kind: "histogram", filter: requestsOnly, buckets: array{byTime(), by("3", "group", "http.response.status_code", 15)}, width: 24},
	{id: "latency", title: "Latency over time, ns", kind: "line", filter: requestsOnly, metrics: array{aggregation("1", "percentiles", "metric", object{"field": "event.duration", "percents": array{50, 90, 99}})}, buckets: array{byTime()}, width: 48},
	{id: "clients", title: "Clients", kind: "table", filter: requestsOnly, buckets: array{by("2", "bucket", "client.ip", 20)}, width: 16},
	{id: "countries", title: "Countries", kind: "table", filter: requestsOnly, buckets: array{by("2", "bucket", "client.geo.country_name", 20)}, width: 16},
	{id: "paths", title: "Paths", kind: "table", filter: requestsOnly, buckets: array{by("2", "bucket", "url.path", 20)}, width: 16},
}

// A savedObject is one line of an export of OpenSearch Dashboards.
type savedObject struct {
	ID               string            `json:"id"`
	Type             string            `json:"type"`
	Attributes       object            `json:"attributes"`
	References       []objectReference `json:"references"`
	MigrationVersion map[string]string `json:"migrationVersion"`
}

type objectReference struct {
	Name string `json:"name"`
	Type string `json:"type"`
	ID   string `json:"id"`
}

// inText writes a value as the JSON that saved objects hold as a text.
func inText(value any) string {
	b, err := json.Marshal(value)
	if err != nil {
		panic(err) // maps, lists and texts can always be written
	}
	return string(b)
}

// visualisation returns the saved object of a picture.
func visualisation(p picture) savedObject {
	metrics := p.metrics
	if metrics == nil {
		metrics = array{aggregation("1", "count", "metric", object{"customLabel": "Events"})}
	}
	params := object{"type": p.kind, "addTooltip": true}
	switch p.kind {
	case "table":
		params = object{"perPage": 20, "showPartialRows": false, "showTotal": false}
	case "histogram", "line":
		mode := "normal"
		if p.kind == "histogram" {
			mode = "stacked"
		}
		params["addLegend"], params["legendPosition"] = true, "right"
		params["categoryAxes"] = array{object{"id": "CategoryAxis-1", "type": "category", "position": "bottom", "show": true, "scale": object{"type": "linear"}, "labels": object{"show": true, "filter": true}, "title": object{}}}
		params["valueAxes"] = array{object{"id": "ValueAxis-1", "name": "LeftAxis-1", "type": "value", "position": "left", "show": true, "scale": object{"type": "linear", "mode": "normal"}, "labels": object{"show": true}, "title": object{"text": ""}}}
		params["seriesParams"] = array{object{"show": true, "type": p.kind, "mode": mode, "data": object{"id": "1", "label": p.title}, "valueAxis": "ValueAxis-1", "drawLinesBetweenPoints": true, "showCircles": true}}
	}
	const index = "kibanaSavedObjectMeta.searchSourceJSON.index"
	return savedObject{
		ID: "clearhop-" + p.id, Type: "visualization", MigrationVersion: map[string]string{"visualization": "7.10.0"},
		References: []objectReference{{index, "index-pattern", indexName}},
		Attributes: object{
			"title": "Clearhop: " + p.title, "description": "", "version": 1, "uiStateJSON": "{}",
			"visState":              inText(object{"title": p.title, "type": p.kind, "aggs": append(slices.Clone(metrics), p.buckets...), "params": params}),
			"kibanaSavedObjectMeta": object{"searchSourceJSON": inText(object{"query": object{"language": "kuery", "query": p.filter}, "filter": array{}, "indexRefName": index})},
		},
	}
}

// savedObjects returns the index pattern, the visualisations and the dashboard.
func savedObjects() []savedObject {
	all := []savedObject{{
		ID: indexName, Type: "index-pattern", MigrationVersion: map[string]string{"index-pattern": "7.6.0"}, References: []objectReference{},
		Attributes: object{"title": indexName + "-*", "timeFieldName": "@timestamp"},
	}}
	var panels array
	references := []objectReference{}
	const width, height = 48, 15
	x, y := 0, 0
	for i, p := range pictures {
		all = append(all, visualisation(p))
		if x+p.width > width {
			x, y = 0, y+height
		}
		n, name := fmt.Sprint(i+1), fmt.Sprintf("panel_%d", i)
		panels = append(panels, object{"panelIndex": n, "gridData": object{"x": x, "y": y, "w": p.width, "h": height, "i": n}, "embeddableConfig": object{}, "version": "2.11.0", "panelRefName": name})
		references = append(references, objectReference{name, "visualization", "clearhop-" + p.id})
		x += p.width
	}
	return append(all, savedObject{
		ID: "clearhop", Type: "dashboard", MigrationVersion: map[string]string{"dashboard": "7.9.3"}, References: references,
		Attributes: object{
			"title": "Clearhop: requests", "description": "The chain first, then statuses, latency, clients, countries and paths.", "hits": 0, "version": 1, "timeRestore": false,
			"panelsJSON": inText(panels), "optionsJSON": inText(object{"useMargins": true, "hidePanelTitles": false}),
			"kibanaSavedObjectMeta": object{"searchSourceJSON": inText(object{"query": object{"language": "kuery", "query": ""}, "filter": array{}})},
		},
	})
}

// TestSavedObjects writes the export, and holds it to itself and to the mappings.
func TestSavedObjects(t *testing.T) {
	var b bytes.Buffer
	for _, o := range savedObjects() {
		line, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	golden.Check(t, "opensearch/dashboards.ndjson", b.Bytes())
	known := map[string]bool{}
	var objects []savedObject
	for line := range bytes.Lines(b.Bytes()) {
		var o savedObject
		if err := json.Unmarshal(line, &o); err != nil {
			t.Fatal(err)
		}
		if known[o.Type+"/"+o.ID] {
			t.Errorf("%s %s is there twice", o.Type, o.ID)
		}
		known[o.Type+"/"+o.ID] = true
		objects = append(objects, o)
	}
	for _, o := range objects {
		names := map[string]bool{}
		for _, r := range o.References {
			names[r.Name] = true
			if !known[r.Type+"/"+r.ID] {
				t.Errorf("%s refers to %s %s, which is not in the export", o.ID, r.Type, r.ID)
			}
		}
		checkTexts(t, o, o.Attributes, names)
	}
	used := func(field string) {
		kind := kindOf(mappings(encode.Fields()), field)
		if kind == "" || kind == "text" {
			t.Errorf("a visualisation counts by %s, which is %q", field, kind)
		}
	}
	for _, p := range pictures {
		for _, a := range append(slices.Clone(p.metrics), p.buckets...) {
			used(a.(object)["params"].(object)["field"].(string))
		}
		for _, word := range strings.Fields(p.filter) {
			if strings.Contains(word, ".") && !strings.HasPrefix(word, `"`) {
				used(word)
			}
		}
	}
}

// checkTexts reads the JSON inside the texts of a saved object, whose names end with
// JSON or State. Each name of a reference in it must be one of the object's references.
func checkTexts(t *testing.T, o savedObject, attributes object, names map[string]bool) {
	t.Helper()
	for key, value := range attributes {
		switch v := value.(type) {
		case object:
			checkTexts(t, o, v, names)
		case string:
			if key != "visState" && !strings.HasSuffix(key, "JSON") {
				continue
			}
			var inside any
			if err := json.Unmarshal([]byte(v), &inside); err != nil {
				t.Errorf("%s, %s: %v", o.ID, key, err)
			}
			list, isList := inside.([]any)
			if !isList {
				list = array{inside}
			}
			for _, entry := range list {
				for _, reference := range []string{"panelRefName", "indexRefName"} {
					if name, ok := entry.(object)[reference].(string); ok && !names[name] {
						t.Errorf("%s, %s: there is no reference %s", o.ID, key, name)
					}
				}
			}
		}
	}
}

// kindOf returns the type of a field by its path, or nothing.
func kindOf(properties object, path string) string {
	name, rest, nested := strings.Cut(path, ".")
	m, ok := properties[name].(object)
	if !ok {
		return ""
	}
	if nested {
		below, _ := m["properties"].(object)
		return kindOf(below, rest)
	}
	kind, _ := m["type"].(string)
	return kind
}
