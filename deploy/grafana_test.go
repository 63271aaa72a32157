package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"clearhop/analytics"
	"clearhop/encode"
	"clearhop/functions/delivery"
	"clearhop/internal/golden"
)

// This file makes the dashboards for Grafana in deploy/dashboards: athena.json from the
// questions of package analytics, and cloudwatch.json from the graphs and alarms of
// the template. They are in the classic JSON model, which Grafana 11 and later import.

// grafanaSchema is the schemaVersion of Grafana 11. Later versions raise it themselves
// when they import a dashboard; older ones refuse nothing but may ignore parts.
const grafanaSchema = 39

// The types of the data sources in Grafana.
const (
	athenaSource     = "grafana-athena-datasource"
	cloudWatchSource = "cloudwatch"
)

type (
	object = map[string]any
	array  = []any
)

// onDashboard is what a panel asks Athena: the dashboard's time range, and the length
// of time that the variable bucket holds.
var onDashboard = analytics.Query{
	Dialect:   analytics.Athena,
	Window:    analytics.Window{SinceSQL: "$__timeFrom()", UntilSQL: "$__timeTo()"},
	BucketSQL: "${bucket}",
	Limit:     dashboardRows,
}

// dashboardRows is the most rows of a panel. A panel over time shows all of them.
const dashboardRows = 50

// A row of the dashboard holds questions under a title. Grafana does not run the panels
// of a closed row, so its questions cost nothing until somebody opens it.
type questionRow struct {
	title     string
	open      bool
	questions []string
}

var questionRows = []questionRow{
	{"The chain", true, []string{"chain", "faults", "nlb_addresses", "data_quality"}},
	{"Traffic", true, []string{"traffic", "statuses_over_time", "latency_over_time"}},
	{"More about the chain", false, []string{"verdicts", "geo_states", "nlb_nodes", "health_checks", "log_groups"}},
	{"Statuses", false, []string{"statuses", "errors", "methods", "protocols"}},
	{"Latency", false, []string{"latency", "slow_paths", "latency_paths", "upstreams"}},
	{"Who asks for what", false, []string{"clients", "countries", "cities", "networks", "paths", "bytes", "referrers", "agents", "hosts", "visitors", "robots", "hours"}},
}

// notOnDashboard are the questions that no panel asks, with the reason.
var notOnDashboard = map[string]string{
	"client":  "it is about one client, who must be named",
	"tallies": "its rows are for the doctor",
}

// A grid places panels from left to right and from top to bottom. Grafana's grid is 24
// units wide.
type grid struct{ x, y, height int }

const gridWidth = 24

func (g *grid) place(width, height int) object {
	if g.x+width > gridWidth {
		g.x, g.y, g.height = 0, g.y+g.height, 0
	}
	at := object{"x": g.x, "y": g.y, "w": width, "h": height}
	g.x, g.height = g.x+width, max(g.height, height)
	return at
}

// next begins a new line.
func (g *grid) next() { g.x, g.y, g.height = 0, g.y+g.height, 0 }

// source names the data source that the variable of the dashboard holds.
func source(kind string) object { return object{"type": kind, "uid": "${datasource}"} }

func sourceVariable(kind string) object {
	return object{"type": "datasource", "name": "datasource", "label": "Data source", "query": kind, "refresh": 1, "current": object{}, "hide": 0, "includeAll": false, "multi": false}
}

// dashboard returns a whole dashboard. Nothing refreshes it on its own: each time costs
// queries.
func dashboard(uid, title, description, from string, variables, panels array) []byte {
	return pretty(object{
		"uid": uid, "title": title, "description": description, "tags": array{"clearhop", "nginx"}, "schemaVersion": grafanaSchema,
		"editable": true, "graphTooltip": 1, "timezone": "utc", "refresh": "", "time": object{"from": from, "to": "now"},
		"annotations": object{"list": array{}}, "links": array{}, "templating": object{"list": variables}, "panels": panels,
	})
}

// pretty writes a value as JSON for a person to read.
func pretty(value any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // SQL is full of < and >
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		panic(err) // maps, lists and texts can always be written
	}
	return b.Bytes()
}

func row(id int, title string, open bool, at object, panels array) object {
	return object{"id": id, "type": "row", "title": title, "collapsed": !open, "gridPos": at, "panels": panels}
}

// overTime reports whether the rows of a question are times in their order, with
// numbers only.
func overTime(q analytics.Question) bool {
	return q.Columns[0].Type == encode.Timestamp && q.Columns[0].Name == "since" &&
		!slices.ContainsFunc(q.Columns[1:], func(c analytics.Column) bool {
			return c.Type != encode.Integer && c.Type != encode.Decimal
		})
}

// grafanaUnit is Grafana's name of a unit.
func grafanaUnit(c analytics.Column) string {
	switch c.Unit {
	case "share":
		return "percentunit"
	case "seconds":
		return "s"
	case "bytes":
		return "bytes"
	}
	if c.Type == encode.Timestamp {
		return "dateTimeAsIso"
	}
	return ""
}

// questionPanel returns the panel of a question, and what it wants of the grid.
func questionPanel(q analytics.Question) (panel object, width, height int) {
	kind, format, ask := "table", 1, onDashboard
	options := object{"showHeader": true, "cellHeight": "sm"}
	width, height = 12, 8
	switch {
	case q.Name == "chain":
		kind, width = "stat", gridWidth
		options = object{"textMode": "value_and_name", "colorMode": "none", "graphMode": "none", "reduceOptions": object{"calcs": array{"lastNotNull"}, "fields": "/.*/", "values": false}}
	case overTime(q):
		kind, format, ask.Limit = "timeseries", 0, -1
		options = object{"legend": object{"displayMode": "list", "placement": "bottom", "showLegend": true}, "tooltip": object{"mode": "multi"}}
	}
	var overrides array
	for _, c := range q.Columns {
		properties := array{object{"id": "displayName", "value": c.Title}}
		if unit := grafanaUnit(c); unit != "" && !(kind == "timeseries" && c.Name == "since") {
			properties = append(properties, object{"id": "unit", "value": unit})
		}
		overrides = append(overrides, object{"matcher": object{"id": "byName", "options": c.Name}, "properties": properties})
	}
	return object{
		"type": kind, "title": q.Title, "description": q.Description, "datasource": source(athenaSource), "options": options,
		"fieldConfig": object{"defaults": object{}, "overrides": overrides},
		"targets": array{object{
			"refId": "A", "datasource": source(athenaSource), "format": format, "rawSQL": q.SQL(ask),
			"connectionArgs": object{"region": "__default", "catalog": "__default", "database": "__default"},
		}},
	}, width, height
}

func athenaDashboard(t *testing.T) []byte {
	t.Helper()
	var panels array
	var g grid
	id := 0
	number := func() int { id++; return id }
	for _, r := range questionRows {
		g.next()
		head, at := number(), g.place(gridWidth, 1)
		below := g // the panels of a closed row take no room until it is opened
		var inside array
		for _, name := range r.questions {
			q, ok := analytics.Find(name)
			if !ok {
				t.Fatalf("the dashboard asks %s, which is no question", name)
			}
			panel, width, height := questionPanel(q)
			panel["id"], panel["gridPos"] = number(), below.place(width, height)
			inside = append(inside, panel)
		}
		if r.open {
			panels = append(append(panels, row(head, r.title, true, at, array{})), inside...)
			g = below
		} else {
			panels = append(panels, row(head, r.title, false, at, inside))
		}
	}
	type length struct {
		text  string
		value int
	}
	var options array
	var query []string
	for _, l := range []length{{"minute", 60}, {"10 minutes", 600}, {"hour", 3600}, {"6 hours", 21600}, {"day", 86400}, {"week", 604800}} {
		options = append(options, object{"text": l.text, "value": strconv.Itoa(l.value), "selected": l.value == 3600})
		query = append(query, fmt.Sprintf("%s : %d", l.text, l.value))
	}
	bucket := object{
		"type": "custom", "name": "bucket", "label": "Count by", "query": strings.Join(query, ", "), "options": options,
		"current": options[2], "hide": 0, "includeAll": false, "multi": false,
	}
	return dashboard("clearhop-athena", "Clearhop: requests", "Where the chain is broken, how much traffic there is, what fails and what is slow. Each panel is a query that Athena bills; those of a closed row do not run.",
		"now-24h", array{sourceVariable(athenaSource), bucket}, panels)
}

// panelsOf returns all panels of a dashboard that show data.
func panelsOf(t *testing.T, text []byte) []map[string]any {
	t.Helper()
	var d struct{ Panels []map[string]any }
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	var all []map[string]any
	ids := map[any]bool{}
	for len(d.Panels) > 0 {
		p := d.Panels[0]
		d.Panels = d.Panels[1:]
		if ids[p["id"]] {
			t.Errorf("two panels have the id %v", p["id"])
		}
		ids[p["id"]] = true
		if p["type"] != "row" {
			all = append(all, p)
			continue
		}
		for _, inside := range p["panels"].([]any) {
			d.Panels = append(d.Panels, inside.(map[string]any))
		}
	}
	return all
}

func targetsOf(panel map[string]any) []map[string]any {
	var all []map[string]any
	for _, target := range panel["targets"].([]any) {
		all = append(all, target.(map[string]any))
	}
	return all
}

// TestAthenaDashboard writes deploy/dashboards/athena.json, and holds it to the questions.
func TestAthenaDashboard(t *testing.T) {
	text := athenaDashboard(t)
	golden.Check(t, "dashboards/athena.json", text)
	shown := map[string]bool{}
	for _, r := range questionRows {
		for _, name := range r.questions {
			if shown[name] {
				t.Errorf("the dashboard asks %s twice", name)
			}
			shown[name] = true
		}
	}
	for _, q := range analytics.Questions() {
		if shown[q.Name] == (notOnDashboard[q.Name] != "") {
			t.Errorf("%s must stand either in questionRows or, with a reason, in notOnDashboard", q.Name)
		}
	}
	panels := panelsOf(t, text)
	if len(panels) != len(shown) {
		t.Errorf("%d panels for %d questions", len(panels), len(shown))
	}
	macro := regexp.MustCompile(`\$\{?\w+\}?`)
	for _, p := range panels {
		for _, target := range targetsOf(p) {
			sql := target["rawSQL"].(string)
			for _, found := range macro.FindAllString(sql, -1) {
				if !slices.Contains([]string{"$__timeFrom", "$__timeTo", "${bucket}"}, found) {
					t.Errorf("%s: nothing fills in %s", p["title"], found)
				}
			}
			if !strings.Contains(sql, "dt >= ") {
				t.Errorf("%s reads all days", p["title"])
			}
		}
	}
}

// filledIn is the SQL as Athena gets it: the plugin replaces a macro by a literal.
func filledIn(sql string) string {
	return strings.NewReplacer("$__timeFrom()", "TIMESTAMP '2026-11-27 00:30:00'", "$__timeTo()", "TIMESTAMP '2026-11-28 00:30:00'", "${bucket}", "3600").Replace(sql)
}

// TestTrinoParsesTheDashboard has Trino's own parser read the SQL of each panel.
func TestTrinoParsesTheDashboard(t *testing.T) {
	const trinoJava = "trino-java"
	if _, err := exec.LookPath(trinoJava); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("there is no %s: .ci/tools gets it with Maven, which needs Java 24 or newer", trinoJava)
		}
		t.Skipf("needs Trino's parser: run .ci/tools, which gets it with Maven, and put build/tools/bin on the PATH")
	}
	var titles, statements []string
	for _, p := range panelsOf(t, athenaDashboard(t)) {
		for _, target := range targetsOf(p) {
			titles, statements = append(titles, p["title"].(string)), append(statements, filledIn(target["rawSQL"].(string)))
		}
	}
	statements = append(statements, "SELECT FROM WHERE") // or else the parser would not be asked
	command := exec.Command(trinoJava, "../analytics/testdata/Parse.java")
	command.Stdin, command.Stderr = strings.NewReader(strings.Join(statements, "\x00")), os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(said) != len(statements) || said[len(titles)] == "ok" {
		t.Fatalf("%d statements, the last of which is no SQL, have these answers:\n%s", len(statements), out)
	}
	for i, title := range titles {
		if said[i] != "ok" {
			t.Errorf("%s: %s\n%s", title, said[i], statements[i])
		}
	}
}

// cloudWatchDimensions give, by namespace, the dimension of its metrics and the variable
// of the dashboard that holds its value.
// A metric comes before the others of its namespace if only it has the dimension.
var cloudWatchDimensions = []struct{ namespace, dimension, variable, label, metric string }{
	{"AWS/Lambda", "EventSourceMappingUUID", "mapping", "Event source mapping (Road=kinesis)", droppedRecords},
	{"Clearhop", "FunctionName", "function", "Function", "Lines"},
	{"AWS/Lambda", "FunctionName", "function", "", ""},
	{"AWS/Firehose", "DeliveryStreamName", "stream", "Firehose stream", "DeliveryToS3.DataFreshness"},
	{"AWS/Kinesis", "StreamName", "lines", "Data stream (Road=kinesis)", "IncomingRecords"},
	{"AWS/Logs", "FilterName", "filter", "Subscription filter", "ForwardedLogEvents"},
	{"AWS/SQS", "QueueName", "queue", "Queue of what was given up", "ApproximateNumberOfMessagesVisible"},
}

// droppedRecords is the one metric of Lambda's that has no name of a function.
const droppedRecords = "DroppedEventCount"

// cloudWatchTarget returns the query of a metric of ours, or of AWS as NAMESPACE:NAME.
func cloudWatchTarget(t *testing.T, id, metric, statistic, period string, hide bool) object {
	t.Helper()
	namespace, name, statistic := metricOf(metric, statistic)
	for _, d := range cloudWatchDimensions {
		if d.namespace == namespace && (d.metric == droppedRecords) == (name == droppedRecords) {
			return object{
				"refId": strings.ToUpper(id), "id": id, "datasource": source(cloudWatchSource), "queryMode": "Metrics", "metricQueryType": 0, "metricEditorMode": 0,
				"region": "default", "namespace": namespace, "metricName": name, "dimensions": object{d.dimension: "${" + d.variable + "}"}, "matchExact": true,
				"statistic": statistic, "period": period, "label": name, "expression": "", "hide": hide,
			}
		}
	}
	t.Fatalf("%s: no variable holds the dimension of %s", metric, namespace)
	return nil
}

// timePanel returns a panel of CloudWatch's numbers over time.
func timePanel(title, description string, targets array, custom, defaults object) object {
	defaults["custom"] = custom
	return object{
		"type": "timeseries", "title": title, "description": description, "datasource": source(cloudWatchSource), "targets": targets,
		"options":     object{"legend": object{"displayMode": "list", "placement": "bottom", "showLegend": true}, "tooltip": object{"mode": "multi"}},
		"fieldConfig": object{"defaults": defaults, "overrides": array{}},
	}
}

// alarmPanel shows the number that an alarm looks at, with a line where it fires.
func alarmPanel(t *testing.T, a alarm, parameters map[string]string) object {
	t.Helper()
	note, limit := "", a.threshold
	if name, isParameter := strings.CutPrefix(limit, "!Ref "); isParameter {
		limit = parameters[name]
		note = " The line is at the default of the parameter " + name + "."
	}
	threshold, err := strconv.ParseFloat(limit, 64)
	if err != nil {
		t.Fatalf("%s: %v", a.name, err)
	}
	period := strconv.Itoa(a.period)
	var targets array
	for i, m := range a.metrics {
		targets = append(targets, cloudWatchTarget(t, "m"+strconv.Itoa(i+1), m, a.statistic, period, a.expression != ""))
	}
	if a.query != "" {
		targets = append(targets, object{
			"refId": "VALUE", "id": "value", "datasource": source(cloudWatchSource), "queryMode": "Metrics", "metricQueryType": 1, "metricEditorMode": 1,
			"region": "default", "namespace": "AWS/Logs", "metricName": "", "dimensions": object{}, "statistic": "Sum", "period": period, "label": a.name, "hide": false,
			"sqlExpression": strings.ReplaceAll(a.query, "${AWS::StackName}-clearhop", "${filter}"),
		})
	}
	if a.expression != "" {
		targets = append(targets, object{
			"refId": "VALUE", "id": "value", "datasource": source(cloudWatchSource), "queryMode": "Metrics", "metricQueryType": 0, "metricEditorMode": 1,
			"region": "default", "namespace": "", "metricName": "", "dimensions": object{}, "statistic": a.statistic, "period": period, "label": a.name, "expression": a.expression, "hide": false,
		})
	}
	steps := array{object{"color": "green", "value": nil}, object{"color": "red", "value": threshold}}
	if a.below {
		steps = array{object{"color": "red", "value": nil}, object{"color": "green", "value": threshold}}
	}
	return timePanel("Alarm "+a.name, a.text+note, targets, object{"thresholdsStyle": object{"mode": "line"}}, object{"thresholds": object{"mode": "absolute", "steps": steps}})
}

func cloudWatchDashboard(t *testing.T) []byte {
	t.Helper()
	parameters := map[string]string{}
	for name, p := range readTemplate(t).Parameters {
		parameters[name] = p.Default
	}
	variables := array{sourceVariable(cloudWatchSource)}
	for _, d := range cloudWatchDimensions {
		if d.metric == "" {
			continue
		}
		variables = append(variables, object{
			"type": "query", "name": d.variable, "label": d.label, "datasource": source(cloudWatchSource), "refresh": 1, "sort": 1, "current": object{}, "hide": 0, "includeAll": false, "multi": false,
			"query": object{"queryType": "dimensionValues", "region": "default", "namespace": d.namespace, "metricName": d.metric, "dimensionKey": d.dimension, "dimensionFilters": object{}, "refId": "CloudWatchVariableQueryEditor-VariableQuery"},
		})
	}
	var panels array
	var g grid
	add := func(panel object, width, height int) {
		panel["id"], panel["gridPos"] = len(panels)+1, g.place(width, height)
		panels = append(panels, panel)
	}
	add(row(0, "What the functions report", true, nil, array{}), gridWidth, 1)
	for _, graph := range graphs {
		stacking := "none"
		if graph.stacked {
			stacking = "normal"
		}
		names := graph.metrics
		if names == nil {
			names = faultMetrics()
		}
		var targets, overrides array
		for i, name := range slices.Concat(names, graph.right) {
			statistic := graph.stat
			if slices.Contains(graph.right, name) {
				statistic = "Maximum"
				overrides = append(overrides, object{"matcher": object{"id": "byName", "options": name}, "properties": array{object{"id": "custom.axisPlacement", "value": "right"}}})
			}
			targets = append(targets, cloudWatchTarget(t, "m"+strconv.Itoa(i+1), name, statistic, "300", false))
		}
		panel := timePanel(graph.title, "", targets, object{"stacking": object{"mode": stacking, "group": "A"}, "fillOpacity": 10}, object{})
		if overrides != nil {
			panel["fieldConfig"].(object)["overrides"] = overrides
		}
		add(panel, 12, 8)
	}
	add(row(0, "What the alarms look at", true, nil, array{}), gridWidth, 1)
	for _, a := range alarms {
		add(alarmPanel(t, a, parameters), 8, 7)
	}
	return dashboard("clearhop-cloudwatch", "Clearhop: functions", "The metrics of Clearhop's functions, and what the alarms of the stack look at.", "now-6h", variables, panels)
}

// TestCloudWatchDashboard writes deploy/dashboards/cloudwatch.json, and holds it to the
// metrics and the alarms.
func TestCloudWatchDashboard(t *testing.T) {
	text := cloudWatchDashboard(t)
	golden.Check(t, "dashboards/cloudwatch.json", text)
	known := map[string]bool{}
	for _, m := range delivery.Metrics() {
		known[m.Name] = true
	}
	panels := panelsOf(t, text)
	if len(panels) != len(graphs)+len(alarms) {
		t.Errorf("%d panels for %d graphs and %d alarms", len(panels), len(graphs), len(alarms))
	}
	for _, p := range panels {
		ids := map[any]bool{}
		for _, target := range targetsOf(p) {
			if ids[target["refId"]] {
				t.Errorf("%s: two queries are called %v", p["title"], target["refId"])
			}
			ids[target["refId"]] = true
			if target["namespace"] == "Clearhop" && !known[target["metricName"].(string)] {
				t.Errorf("%s shows %v, which no function reports", p["title"], target["metricName"])
			}
		}
	}
}
