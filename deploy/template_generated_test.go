package deploy_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"clearhop/analytics"
	"clearhop/encode"
	"clearhop/functions/delivery"
	"clearhop/internal/golden"
	"clearhop/internal/price"
	"clearhop/verdict"
)

// TestTemplateIsGenerated compares the generated parts of template.yaml with the code
// that they are made from: columns, views, queries, alarms and dashboard.
func TestTemplateIsGenerated(t *testing.T) {
	golden.YAMLSections(t, "../template.yaml", map[string]string{
		"columns": columnSection(encode.Columns()), "iceberg columns": columnSection(encode.RowColumns()), "views": viewSection(t),
		"queries": querySection(), "alarms": alarmSection(t), "dashboard": dashboardSection(t),
	})
}

// TestGuideIsGenerated compares the generated tables of docs/aws.md with the code.
func TestGuideIsGenerated(t *testing.T) {
	var metrics, rings, queries strings.Builder
	metrics.WriteString("| metric | unit | what it is |\n| --- | --- | --- |\n")
	for _, m := range delivery.Metrics() {
		fmt.Fprintf(&metrics, "| `%s` | %s | %s |\n", m.Name, m.Unit, m.Help)
	}
	rings.WriteString("| alarm | when it fires |\n| --- | --- |\n")
	for _, a := range alarms {
		fmt.Fprintf(&rings, "| %s | %s |\n", a.name, a.text)
	}
	queries.WriteString("| query | what it says |\n| --- | --- |\n")
	for _, q := range analytics.Questions() {
		fmt.Fprintf(&queries, "| `%s` | %s |\n", q.Name, q.Description)
	}
	tmpl := readTemplate(t)
	golden.Sections(t, "../docs/aws.md", map[string]string{
		"metrics": metrics.String(), "alarms": rings.String(), "queries": queries.String(),
		"deployer": deployerTable(t, tmpl), "costs": costTable(tmpl), "retained": retained(t, tmpl),
	})
}

// actionPrefixes are the prefixes of IAM's actions by the namespace of a type in the
// template.
var actionPrefixes = map[string]string{
	"Athena": "athena", "CloudWatch": "cloudwatch", "Glue": "glue", "IAM": "iam", "Kinesis": "kinesis",
	"KinesisFirehose": "firehose", "Lambda": "lambda", "Logs": "logs", "S3": "s3", "SQS": "sqs",
	"SNS": "sns", "Scheduler": "scheduler", "Serverless": "lambda",
}

// deployerTable lists what the template creates, by the service that the person who
// deploys needs permissions for.
func deployerTable(t *testing.T, tmpl template) string {
	t.Helper()
	created := map[string][]string{}
	for name, resource := range tmpl.Resources {
		part := strings.Split(resource.Type, "::")
		service, known := actionPrefixes[part[1]]
		if !known {
			t.Fatalf("%s: actionPrefixes lacks %s", name, part[1])
		}
		if !slices.Contains(created[service], part[2]) {
			created[service] = append(created[service], part[2])
		}
	}
	var b strings.Builder
	b.WriteString("| actions | for |\n| --- | --- |\n")
	for _, service := range slices.Sorted(maps.Keys(created)) {
		slices.Sort(created[service])
		fmt.Fprintf(&b, "| `%s:*` | `%s` |\n", service, strings.Join(created[service], "`, `"))
	}
	return b.String()
}

// costTable has what is counted in the code, at AWS's list prices. 0.3 GB is a million
// lines as CloudWatch Logs counts them: 270 bytes and 26 for each.
func costTable(tmpl template) string {
	count, watched := 0, 0
	for _, resource := range tmpl.Resources {
		if resource.Type == "AWS::CloudWatch::Alarm" {
			count++
		}
	}
	for _, a := range alarms {
		watched += max(1, len(a.metrics))
	}
	metrics := len(delivery.Metrics())
	const hours = 730 // of a month
	dollars := func(name price.Name) float64 { return price.Of(name).Dollars }
	var b strings.Builder
	b.WriteString("| what | list price | makes |\n| --- | --- | --- |\n")
	row := func(format string, args ...any) { fmt.Fprintf(&b, "| "+format+" |\n", args...) }
	row("up to %d metrics | %s each | up to $%.0f", metrics, price.Of(price.Metric), math.Ceil(float64(metrics)*dollars(price.Metric)))
	row("up to %d alarms | %s for each metric that they watch | about $%.0f", count, price.Of(price.Alarm), math.Ceil(float64(watched)*dollars(price.Alarm)))
	row("the dashboard | %s; the first three of an account are free | up to %[1]s", price.Of(price.Dashboard))
	row("`Road=kinesis`, on demand | %s an hour, %s a GB written (gzip) | about $%.0f", price.Of(price.KinesisHour), price.Of(price.Kinesis), math.Ceil(hours*dollars(price.KinesisHour)))
	row("`Road=kinesis` with `KinesisShards`: each shard | %s an hour | $%.0f", price.Of(price.KinesisShard), hours*dollars(price.KinesisShard))
	row("Firehose: each million lines | %s a GB, and %s a GB for Parquet | [by road and form](operating.md#what-a-million-lines-cost)", price.Of(price.Firehose), price.Of(price.FirehoseParquet))
	row("Lambda: each million lines | %s a GB-second, %s a million invocations | [by road and memory](operating.md#what-a-million-lines-cost)", price.Of(price.LambdaArm), price.Price{Dollars: dollars(price.LambdaRequest) * 1e6})
	row("S3, Athena | %s a GB stored; %s a TB that queries read | little, with Parquet", price.Of(price.S3Store), price.Of(price.Athena))
	row("CloudWatch Logs: each million lines, with or without Clearhop | %s a GB taken in | about $%.2f", price.Of(price.Logs), 0.3*dollars(price.Logs))
	return b.String()
}

// retained lists what is left when the stack is deleted.
func retained(t *testing.T, tmpl template) string {
	t.Helper()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(tmpl.Resources)) {
		resource := tmpl.Resources[name]
		if resource.DeletionPolicy != "RetainExceptOnCreate" {
			continue
		}
		holds, known := map[string]string{
			"EventBucket":      "the events",
			"DeadLetterBucket": "the dead letters",
			"IcebergBucket":    "the rows of the Iceberg table, with `EventFormat=iceberg`",
			"IcebergTable":     "what the Iceberg table knows of its rows, in Glue. This stays if `EventFormat` changes; with the stack its database goes, and only the files in `IcebergBucket` stay",
			"GeoIPBucket":      "the GeoIP databases, if `GeoIPSource` is `maxmind` or `url`",
		}[name]
		if !known {
			t.Fatalf("retained does not know what %s holds", name)
		}
		if resource.Properties.VersioningConfiguration.Status == "Enabled" {
			holds += "; it keeps versions"
		}
		fmt.Fprintf(&b, "- `%s`: %s.\n", name, holds)
	}
	return b.String()
}

// firstParameters are those that the README names: with the defaults of the others
// the stack does its work.
var firstParameters = []string{"LogGroupName", "DiscoverNLB", "Trusted", "LogFormat", "AlarmEmail"}

// TestReadme holds the parameters that the README names to the template.
func TestReadme(t *testing.T) {
	parameters := readTemplate(t).Parameters
	var b strings.Builder
	b.WriteString("| parameter | what it is |\n| --- | --- |\n")
	for _, name := range firstParameters {
		parameter, ok := parameters[name]
		if !ok {
			t.Fatalf("template.yaml has no parameter %s", name)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, strings.TrimSpace(parameter.Description))
	}
	golden.Sections(t, "../README.md", map[string]string{"parameters": b.String()})
}

func columnSection(columns []encode.Column) string {
	var b strings.Builder
	for _, c := range columns {
		fmt.Fprintf(&b, "- { Name: %s, Type: %q }\n", c.Name, c.Type)
	}
	return b.String()
}

// glueType is the Glue type of a type of Athena's SQL.
func glueType(athena string) string {
	switch athena {
	case "varchar":
		return "string"
	case "timestamp(3)":
		return "timestamp"
	}
	return athena
}

func viewSection(t *testing.T) string {
	var b strings.Builder
	for _, view := range analytics.Views() {
		fmt.Fprintf(&b, `%sView:
  Type: AWS::Glue::Table
  Properties:
    CatalogId: !Ref AWS::AccountId
    DatabaseName: !Ref EventDatabase
    TableInput:
      Name: %s
      Description: %q
      TableType: VIRTUAL_VIEW
      Parameters: { presto_view: "true", comment: Presto View }
      ViewExpandedText: /* Presto View */
      ViewOriginalText: !Sub
        - "/* Presto View: ${View} */"
        - View:
            Fn::Base64: !Sub
              - '%s'
              - Database: !Ref EventDatabase
                Table: !If [Iceberg, events_iceberg, %s]
      StorageDescriptor:
        SerdeInfo: {}
        Columns:
`, camel(view), view, analytics.ViewDescription(view), strings.ReplaceAll(storedView(t, view), "'", "''"), analytics.Table)
		for _, c := range analytics.View(view) {
			fmt.Fprintf(&b, "          - { Name: %s, Type: %s }\n", c.Name, glueType(c.SQLType(analytics.Athena)))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// storedView returns the JSON in which Athena stores a view.
func storedView(t *testing.T, view string) string {
	t.Helper()
	type column struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
	var columns []column
	for _, c := range analytics.View(view) {
		columns = append(columns, column{c.Name, c.SQLType(analytics.Athena)})
	}
	sql := analytics.ViewSQL(analytics.Athena, view, "${Database}")
	const from = "FROM ${Database}."
	if strings.Count(sql, from+analytics.Table) != 1 {
		t.Fatalf("the view %s does not read %s once", view, analytics.Table)
	}
	sql = strings.Replace(sql, from+analytics.Table, from+"${Table}", 1)
	b, err := json.Marshal(map[string]any{
		"originalSql": sql, "catalog": "awsdatacatalog", "schema": "${Database}", "columns": columns,
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b))
}

// camel writes a name in the way that the template names resources: slow_paths
// becomes SlowPaths.
func camel(name string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// stored is what a named query asks for, and days says it to a person.
var stored = analytics.Query{Dialect: analytics.Athena, Window: analytics.Window{Days: 7}}

const days = " Of the last 7 days."

func querySection() string {
	var b strings.Builder
	for _, q := range analytics.Questions() {
		fmt.Fprintf(&b, "Query%s:\n  Type: AWS::Athena::NamedQuery\n  Properties:\n    Name: %s\n    Description: %q\n    Database: !Ref EventDatabase\n    WorkGroup: !Ref EventWorkGroup\n    QueryString: |\n",
			camel(q.Name), q.Name, q.Description+days)
		for line := range strings.Lines(q.SQL(stored)) {
			b.WriteString("      " + line)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// An alarm compares a metric, or an expression of several metrics, with a threshold.
type alarm struct {
	name, text string
	metrics    []string // ours by name; those of AWS as NAMESPACE:NAME, such as AWS/Lambda:Errors; /Minimum after it for another statistic
	expression string   // of m1, m2 …; empty for the first metric alone
	statistic  string
	threshold  string
	below      bool
	period     int // seconds
	periods    int
	missing    string // TreatMissingData of CloudWatch
	query      string // Metrics Insights, in the place of metrics
	condition  string // the condition of the template under which the alarm exists; empty for always
	notify     string // the condition under which it notifies the topic; empty for whenever there is one
}

// alarms are all alarms of the template. Each one is about a fault that a person must
// fix.
var alarms = slices.Concat(alarmsOfTheChain, faultAlarms(), alarmsOfTheDelivery)

// faultAlarms are one alarm for each reason that is a fault, so that what is sent names
// the finding and its cure: once when it begins, and again when it has ended.
// They notify nobody where the function diagnosis sends the same with its evidence.
// UnlistedNode has an alarm of its own, because one such line is enough.
func faultAlarms() []alarm {
	var all []alarm
	for _, r := range verdict.Reasons() {
		if !r.IsFault() || r == verdict.UnlistedNode {
			continue
		}
		info := r.Info()
		name := "Fault" + camel(info.Code)
		all = append(all, alarm{
			name: name, text: "Finding " + info.Code + ": " + info.Means + ". The fix: " + info.Fix + ". For the lines that show it: clearhop doctor on the log.",
			metrics: []string{name, "Lines"}, expression: "IF(m2 > 0, 100 * FILL(m1, 0) / m2, 0)", statistic: "Sum", threshold: "!Ref FaultPercent", period: 300, periods: 3, missing: "notBreaching",
			notify: "FaultAlarmsNotify",
		})
	}
	return all
}

var alarmsOfTheChain = []alarm{
	{name: "Faults", text: "The share of lines with a fault of the chain, all reasons together. The message of the diagnosis, or the alarms whose names begin with Fault, say which reason and how to fix it.",
		metrics: []string{"Faults", "Lines"}, expression: "IF(m2 > 0, 100 * m1 / m2, 0)", statistic: "Sum", threshold: "!Ref FaultPercent", period: 300, periods: 3, missing: "notBreaching"},
	{name: "UnlistedNode", text: "An address behaves like a node of the NLB, and nlb does not hold it: was an Availability Zone added, or the NLB created again? Run clearhop doctor on the log.",
		metrics: []string{"FaultUnlistedNode"}, statistic: "Sum", threshold: "0", period: 300, periods: 3, missing: "notBreaching"},
}

var alarmsOfTheDelivery = []alarm{
	{name: "Unparsed", text: "The share of lines that no format reads: has the log_format changed? Run clearhop format --from FILE on the log, and give what it prints to the parameter LogFormat.",
		metrics: []string{"Unparsed", "Lines"}, expression: "IF(m2 > 0, 100 * m1 / m2, 0)", statistic: "Sum", threshold: "!Ref UnparsedPercent", period: 300, periods: 3, missing: "notBreaching"},
	{name: "DeadLetters", text: "Events or payloads became dead letters: see the function's log for the reason.",
		metrics: []string{"DeadLetters"}, statistic: "Sum", threshold: "0", period: 300, periods: 1, missing: "notBreaching"},
	{name: "Undelivered", text: "Events were neither delivered nor kept; the service sends them again.",
		metrics: []string{"Undelivered"}, statistic: "Sum", threshold: "0", period: 300, periods: 3, missing: "notBreaching"},
	{name: "PayloadsUnread", text: "Payloads cannot be read: does something else write to the stream or invoke the function?",
		metrics: []string{"PayloadsUnread"}, statistic: "Sum", threshold: "0", period: 300, periods: 1, missing: "notBreaching"},
	{name: "Refused", text: "The function's own log comes back to it: take its log group out of the subscription.",
		metrics: []string{"Refused"}, statistic: "Sum", threshold: "0", period: 300, periods: 1, missing: "notBreaching"},
	{name: "SubscriptionErrors", text: "CloudWatch Logs cannot deliver the lines of a log group: see DeliveryErrors in AWS/Logs by FilterName, and run clearhop subscribe --dry-run.",
		query: "SELECT SUM(DeliveryErrors) FROM \"AWS/Logs\" WHERE FilterName = '${AWS::StackName}-clearhop'", threshold: "0", period: 300, periods: 2, missing: "notBreaching"},
	{name: "SubscriptionThrottles", text: "CloudWatch Logs is throttled when it delivers the lines of a log group: raise the concurrency of the function or the shards or quota of the stream.",
		query: "SELECT SUM(DeliveryThrottling) FROM \"AWS/Logs\" WHERE FilterName = '${AWS::StackName}-clearhop'", threshold: "0", period: 300, periods: 3, missing: "notBreaching"},
	{name: "GivenUp", text: "Payloads were given up after three attempts. Without Privacy and RedactQuery they are in the bucket of dead letters, below aws/lambda/async/.",
		metrics: []string{"AWS/Lambda:AsyncEventsDropped"}, statistic: "Sum", threshold: "0", period: 300, periods: 1, missing: "notBreaching", condition: "BySubscription"},
	{name: "GivenUpRecords", text: "Records of the data stream were given up. They are in the bucket of dead letters, below aws/lambda/; with Privacy or RedactQuery only their numbers, in FailedQueue.",
		metrics: []string{"AWS/Lambda:DroppedEventCount"}, statistic: "Sum", threshold: "0", period: 300, periods: 1, missing: "notBreaching", condition: "ByKinesis"},
	{name: "FailedQueue", text: "Batches of the data stream were given up: the queue FailedQueue holds the numbers of their records.",
		metrics: []string{"AWS/SQS:ApproximateNumberOfMessagesVisible"}, statistic: "Maximum", threshold: "0", period: 300, periods: 1, missing: "notBreaching", condition: "KinesisPrivate"},
	{name: "FailedLost", text: "What was given up could not be kept either: may the function's role write into the bucket of dead letters or the queue?",
		metrics: []string{"AWS/Lambda:DestinationDeliveryFailures"}, statistic: "Sum", threshold: "0", period: 300, periods: 1, missing: "notBreaching"},
	{name: "DeliveryAge", text: "Firehose has not put events to S3 for 15 minutes: see its log.",
		metrics: []string{"AWS/Firehose:DeliveryToS3.DataFreshness"}, statistic: "Maximum", threshold: "900", period: 300, periods: 1, missing: "notBreaching"},
	{name: "FailedConversion", text: "Firehose cannot convert events to Parquet: see errors/ in the bucket of the events.",
		metrics: []string{"AWS/Firehose:FailedConversion.Records"}, statistic: "Sum", threshold: "0", period: 300, periods: 1, missing: "notBreaching", condition: "Parquet"},
	{name: "IteratorAge", text: "The function is an hour behind the stream: raise KinesisParallel, or see what it fails of.",
		metrics: []string{"AWS/Lambda:IteratorAge"}, statistic: "Maximum", threshold: "3600000", period: 300, periods: 1, missing: "notBreaching", condition: "ByKinesis"},
	{name: "StreamThrottles", text: "The data stream refuses lines as too much: raise KinesisShards, or set it to 0 for on demand.",
		metrics: []string{"AWS/Kinesis:WriteProvisionedThroughputExceeded"}, statistic: "Sum", threshold: "0", period: 300, periods: 3, missing: "notBreaching", condition: "ByKinesis"},
	{name: "FailedTransformation", text: "Firehose cannot have records transformed: may it invoke the function? See its log, and errors/ in the bucket of the events.",
		metrics: []string{"AWS/Firehose:ExecuteProcessing.Success"}, statistic: "Minimum", threshold: "1", below: true, period: 300, periods: 2, missing: "notBreaching", condition: "ByFirehose"},
	{name: "FirehoseThrottles", text: "The Firehose stream refuses records as too much: have its quota raised.",
		metrics: []string{"AWS/Firehose:ThrottledRecords"}, statistic: "Sum", threshold: "0", period: 300, periods: 3, missing: "notBreaching"},
	{name: "SinkThrottles", text: "Firehose refuses calls as too much: raise its quota.",
		metrics: []string{"Throttles"}, statistic: "Sum", threshold: "10", period: 300, periods: 3, missing: "notBreaching"},
	{name: "IcebergAge", text: "Firehose has not put rows into the Iceberg table for 15 minutes: see its log, and errors/ in the bucket of the events.",
		metrics: []string{icebergFreshness}, statistic: "Maximum", threshold: "900", period: 300, periods: 1, missing: "notBreaching", condition: "Iceberg"},
	{name: "FirehoseQuota", text: "The Firehose stream takes more than 80 % of its quota of bytes, records or calls a second: have it raised before it throttles, with the Firehose limits form of AWS.",
		metrics:    []string{"AWS/Firehose:IncomingBytes", "AWS/Firehose:BytesPerSecondLimit/Minimum", "AWS/Firehose:IncomingRecords", "AWS/Firehose:RecordsPerSecondLimit/Minimum", "AWS/Firehose:IncomingPutRequests", "AWS/Firehose:PutRequestsPerSecondLimit/Minimum"},
		expression: "100 / 300 * MAX([m1 / m2, m3 / m4, m5 / m6])", statistic: "Sum", threshold: "80", period: 300, periods: 2, missing: "notBreaching"},
	{name: "FunctionErrors", text: "Invocations fail.",
		metrics: []string{"AWS/Lambda:Errors"}, statistic: "Sum", threshold: "0", period: 300, periods: 1, missing: "notBreaching"},
	{name: "FunctionThrottles", text: "Lambda throttles the function: raise its concurrency.",
		metrics: []string{"AWS/Lambda:Throttles"}, statistic: "Sum", threshold: "0", period: 300, periods: 3, missing: "notBreaching"},
	{name: "GeoAge", text: "The GeoIP database is old: see why geoupdate fetches no new one in its log.",
		metrics: []string{"GeoDatabaseAge"}, expression: "m1 / 86400", statistic: "Maximum", threshold: "!Ref GeoMaxAgeDays", period: 3600, periods: 1, missing: "notBreaching", condition: "GeoIPInBucket"},
	// The first databases come a quarter of an hour after the stack, so one hour alone is
	// no fault.
	{name: "GeoMissing", text: "Events have no country: there is no GeoIP database. Run the command in the output UpdateGeoIP, and see the log of geoupdate.",
		metrics: []string{"GeoMissing"}, statistic: "Sum", threshold: "0", period: 3600, periods: 2, missing: "notBreaching", condition: "HasGeoIP"},
	{name: "NoData", text: "No log line came for an hour: is the subscription still there?",
		metrics: []string{"Lines"}, statistic: "Sum", threshold: "1", below: true, period: 3600, periods: 1, missing: "breaching"},
}

// function is the expression for the name of the function that reports the metrics.
const function = "!If [BySubscription, !Ref SubscriberFunction, !If [ByKinesis, !Ref StreamFunction, !Ref TransformFunction]]"

// icebergFreshness is the metric of the stream to the Iceberg table.
const icebergFreshness = "AWS/Firehose:DeliveryToIceberg.DataFreshness"

// dimensions give the dimension of a metric by its namespace.
var dimensions = map[string]string{
	"Clearhop":     "{ Name: FunctionName, Value: " + function + " }",
	"AWS/Lambda":   "{ Name: FunctionName, Value: " + function + " }",
	"AWS/SQS":      "{ Name: QueueName, Value: !GetAtt FailedQueue.QueueName }",
	"AWS/Kinesis":  "{ Name: StreamName, Value: !Ref LogStream }",
	"AWS/Firehose": "{ Name: DeliveryStreamName, Value: !Ref EventStream }",
}

// dimension returns the dimension of a metric of AWS's or of ours.
func (a alarm) dimension(namespace, metric string) string {
	switch {
	case "AWS/Firehose:"+metric == icebergFreshness:
		return "{ Name: DeliveryStreamName, Value: !Ref IcebergStream }"
	case metric == droppedRecords:
		return "{ Name: EventSourceMappingUUID, Value: !Ref StreamFunctionLogs }"
	case namespace != "AWS/Lambda":
	case a.condition == "ByKinesis": // only the stream function exists then
		return "{ Name: FunctionName, Value: !Ref StreamFunction }"
	case a.condition == "BySubscription":
		return "{ Name: FunctionName, Value: !Ref SubscriberFunction }"
	}
	return dimensions[namespace]
}

// metricOf reads a metric of an alarm. usual is the statistic that it has if it names none.
func metricOf(name, usual string) (namespace, metric, statistic string) {
	namespace, metric, isAWS := strings.Cut(name, ":")
	if !isAWS {
		return "Clearhop", name, usual
	}
	metric, statistic, other := strings.Cut(metric, "/")
	if !other {
		statistic = usual
	}
	return namespace, metric, statistic
}

func alarmSection(t *testing.T) string {
	known := map[string]bool{}
	for _, m := range delivery.Metrics() {
		known[m.Name] = true
	}
	metric := func(name, usual string) (namespace, metric, statistic string) {
		namespace, metric, statistic = metricOf(name, usual)
		if namespace == "Clearhop" && !known[name] {
			t.Errorf("an alarm looks at %s, which no function reports", name)
		}
		return namespace, metric, statistic
	}
	var b strings.Builder
	for _, a := range alarms {
		operator, notify := "GreaterThanThreshold", cmp.Or(a.notify, "HasTopic")
		if a.below {
			operator = "LessThanThreshold"
		}
		fmt.Fprintf(&b, "Alarm%s:\n  Type: AWS::CloudWatch::Alarm\n", a.name)
		if a.condition != "" {
			fmt.Fprintf(&b, "  Condition: %s\n", a.condition)
		}
		fmt.Fprintf(&b, `  Properties:
    AlarmName: !Sub ${AWS::StackName}-%s
    AlarmDescription: %q
    AlarmActions: !If [%s, [!If [GivenTopic, !Ref AlarmTopicArn, !Ref AlarmTopic]], !Ref AWS::NoValue]
    OKActions: !If [%s, [!If [GivenTopic, !Ref AlarmTopicArn, !Ref AlarmTopic]], !Ref AWS::NoValue]
    ComparisonOperator: %s
    EvaluationPeriods: %d
    Threshold: %s
    TreatMissingData: %s
`, strings.ToLower(a.name[:1])+a.name[1:], a.text, notify, notify, operator, a.periods, a.threshold, a.missing)
		if a.query != "" {
			fmt.Fprintf(&b, "    Metrics:\n      - { Id: value, Expression: !Sub %q, Label: %s, Period: %d, ReturnData: true }\n\n", a.query, a.name, a.period)
			continue
		}
		if a.expression == "" {
			space, name, statistic := metric(a.metrics[0], a.statistic)
			fmt.Fprintf(&b, "    Namespace: %s\n    MetricName: %s\n    Statistic: %s\n    Period: %d\n    Dimensions:\n      - %s\n\n",
				space, name, statistic, a.period, a.dimension(space, name))
			continue
		}
		fmt.Fprintf(&b, "    Metrics:\n      - { Id: value, Expression: %q, Label: %s, ReturnData: true }\n", a.expression, a.name)
		for i, m := range a.metrics {
			space, name, statistic := metric(m, a.statistic)
			fmt.Fprintf(&b, `      - Id: m%d
        ReturnData: false
        MetricStat:
          Stat: %s
          Period: %d
          Metric:
            Namespace: %s
            MetricName: %s
            Dimensions:
              - %s
`, i+1, statistic, a.period, space, name, a.dimension(space, name))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// A graph is a widget of the dashboard.
type graph struct {
	title   string
	metrics []string
	stat    string
	stacked bool
	right   []string // metrics of the right axis, with a unit of their own
}

var graphs = []graph{
	{"Data quality: lines with a fault, an NLB's private address, or unread", []string{"Faults", "NLBPrivateIP", "Unparsed"}, "Sum", false, nil},
	{"Who the client is, by verdict", []string{"VerdictDirect", "VerdictForwarded", "VerdictInternal", "VerdictHealthCheck", "VerdictDisputed", "VerdictLost", "VerdictUnreadable"}, "Sum", true, nil},
	{"Faults by reason", nil, "Sum", true, nil}, // all of them
	{"Lines and events", []string{"Lines", "Events", "Dropped"}, "Sum", false, nil},
	{"Trouble: dead letters, undelivered, retries, throttles", []string{"DeadLetters", "Undelivered", "PayloadsUnread", "Retries", "Throttles", "Truncated"}, "Sum", false, nil},
	{"Lag of the youngest event, ms", []string{"Lag"}, "p90", false, nil},
	{"Bytes sent, and billed", []string{"BytesSent", "BytesBilled"}, "Sum", false, nil},
	{"GeoIP: look-ups (left), age of the database in seconds (right)", []string{"GeoMissing", "GeoFound", "GeoNotFound", "GeoDbStale"}, "Sum", false, []string{"GeoDatabaseAge"}},
}

// faultMetrics are the metrics that count one reason each that is a fault.
func faultMetrics() []string {
	var faults []string
	for _, m := range delivery.Metrics() {
		if strings.HasPrefix(m.Name, "Fault") && m.Name != "Faults" {
			faults = append(faults, m.Name)
		}
	}
	return faults
}

func dashboardSection(t *testing.T) string {
	known := map[string]bool{}
	for _, m := range delivery.Metrics() {
		known[m.Name] = true
	}
	type widget struct {
		Type       string         `json:"type"`
		X          int            `json:"x"`
		Y          int            `json:"y"`
		Width      int            `json:"width"`
		Height     int            `json:"height"`
		Properties map[string]any `json:"properties"`
	}
	const width, height = 12, 6
	var widgets []widget
	for i, g := range graphs {
		names := g.metrics
		if names == nil {
			names = faultMetrics()
		}
		var metrics [][]any
		for _, name := range slices.Concat(names, g.right) {
			if !known[name] {
				t.Errorf("the dashboard shows %s, which no function reports", name)
			}
			line := []any{"Clearhop", name, "FunctionName", "${Function}"}
			if slices.Contains(g.right, name) {
				line = append(line, map[string]string{"yAxis": "right", "stat": "Maximum"})
			}
			metrics = append(metrics, line)
		}
		widgets = append(widgets, widget{"metric", i % 2 * width, i / 2 * height, width, height, map[string]any{
			"title": g.title, "metrics": metrics, "stat": g.stat, "period": 300, "region": "${AWS::Region}", "view": "timeSeries", "stacked": g.stacked,
		}})
	}
	body, err := json.Marshal(map[string]any{"widgets": widgets})
	if err != nil {
		t.Fatal(err)
	}
	return "Dashboard:\n  Type: AWS::CloudWatch::Dashboard\n  Properties:\n    DashboardName: !Ref AWS::StackName\n    DashboardBody: !Sub\n      - " +
		strconv.Quote(string(body)) + "\n      - Function: " + function + "\n\n"
}
