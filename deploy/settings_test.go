package deploy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	outlets "clearhop/delivery"
	"clearhop/encode"
	"clearhop/functions/delivery"
	"clearhop/functions/environment"
	"clearhop/internal/golden"
	"clearhop/internal/samtest"
	"clearhop/pipeline"
)

// A setting is a variable of the functions that read lines, as the template sets it.
type setting struct {
	variable string
	value    string // CloudFormation's expression
	only     string // the function that has it; empty for all of them
}

const notFirehose = "subscriber stream" // events of the road firehose are the function's answer

// settings are all variables that the template sets for the functions that read lines.
// The template's sections "settings of NAME" are made of them.
var settings = []setting{
	{variable: "CLEARHOP_FORMAT", value: "!Ref LogFormat"},
	{variable: "CLEARHOP_FORMAT_FOR", value: "!Ref FormatFor"},
	{variable: "CLEARHOP_JSON_KEYS", value: list("JSONKeys")},
	{variable: "CLEARHOP_ERROR_ZONE", value: "!Ref ErrorZone"},
	{variable: "CLEARHOP_NLB", value: `!If
  - Discover
  - !Join [",", [!Ref DiscoverNLB, !Join [",", !Ref NLB]]]
  - !Join [",", !Ref NLB]`},
	{variable: "CLEARHOP_NLB_REFRESH", value: "!Ref NLBRefresh"},
	{variable: "CLEARHOP_TRUSTED", value: `!If
  - HasTrustedObject
  - !If
    - HasTrusted
    - !Join [",", [!Join [",", !Ref Trusted], !Sub "@${TrustedObject}"]]
    - !Sub "@${TrustedObject}"
  - !Join [",", !Ref Trusted]`},
	{variable: "CLEARHOP_INTERNAL", value: list("Internal")},
	{variable: "CLEARHOP_STRICT", value: "!Ref Strict"},
	{variable: "CLEARHOP_HEALTH_PATH", value: list("HealthPaths")},
	{variable: "CLEARHOP_CLIENT_FIELDS", value: list("ClientFields")},
	{variable: "CLEARHOP_CITY_DB", value: database("city", "CityDB")},
	{variable: "CLEARHOP_ASN_DB", value: database("asn", "ASNDB")},
	{variable: "CLEARHOP_GEO_REFRESH", value: "!Ref GeoIPRefresh"},
	{variable: "CLEARHOP_GEO_MAX_AGE", value: "!Ref GeoIPMaxAge"},
	{variable: "CLEARHOP_LABELS", value: list("Labels")},
	{variable: "CLEARHOP_ORIGINAL", value: "!Ref Original"},
	{variable: "CLEARHOP_PRIVACY", value: "!Ref Privacy"},
	{variable: "CLEARHOP_PRIVACY_KEY", value: `!If [HasPrivacyKey, !Sub "@${PrivacyKeySecretArn}", ""]`},
	{variable: "CLEARHOP_REDACT_QUERY", value: list("RedactQuery")},
	{variable: "CLEARHOP_RULES", value: "!Ref Rules"},
	{variable: "CLEARHOP_METRICS", value: "Clearhop"},
	{variable: "CLEARHOP_DEAD_LETTERS", value: "!Sub s3://${DeadLetterBucket}/letters/"},
	{variable: "CLEARHOP_SINK", value: "firehose", only: notFirehose},
	{variable: "CLEARHOP_FIREHOSE_STREAM", value: "!If [Iceberg, !Ref IcebergStream, !Ref EventStream]", only: notFirehose},
	{variable: "CLEARHOP_FIREHOSE_FORMAT", value: "!If [Iceberg, row, ndjson]", only: notFirehose},
	{variable: "CLEARHOP_ROUTES", value: list("Routes"), only: notFirehose},
}

// notSet are the variables that the template does not set, and why.
var notSet = map[string]string{
	"CLEARHOP_KINESIS_STREAM": "the stack delivers to Firehose; a route can lead to a stream",
	"CLEARHOP_S3":             "the stack delivers to Firehose; a route can lead to S3",
	"CLEARHOP_S3_FORMAT":      "the format of routes to S3 stays ndjson.gz, which every reader knows",
	"CLEARHOP_FILE":           "it is for local runs",
	"CLEARHOP_NO_EVENT_HASH":  "who needs the hash finds out when the events are there",
}

func list(parameter string) string { return `!Join [",", !Ref ` + parameter + "]" }

func database(name, parameter string) string {
	return "!If\n  - GeoIPInBucket\n  - !Sub s3://${GeoIPBucket}/geoip/" + name + ".mmdb\n  - !If [GeoIPInLayer, !Ref " + parameter + `, ""]`
}

// readers are the functions that read lines, by their names in the sections.
var readers = []string{"subscriber", "stream", "transform", "diagnosis"}

// notDiagnosed are the variables that say nothing about the chain, so that the function
// diagnosis does without them. Its own ones stand beside its section.
var notDiagnosed = []string{
	"CLEARHOP_CITY_DB", "CLEARHOP_ASN_DB", "CLEARHOP_GEO_REFRESH", "CLEARHOP_GEO_MAX_AGE", "CLEARHOP_LABELS", "CLEARHOP_ORIGINAL",
	"CLEARHOP_RULES", "CLEARHOP_METRICS", "CLEARHOP_DEAD_LETTERS",
}

// TestSettingsAreGenerated compares the environments of the functions in template.yaml
// with the list of settings.
func TestSettingsAreGenerated(t *testing.T) {
	sections := map[string]string{}
	for _, name := range readers {
		var b strings.Builder
		for _, s := range settings {
			if (s.only == "" || strings.Contains(s.only, name)) && (name != "diagnosis" || !slices.Contains(notDiagnosed, s.variable)) {
				fmt.Fprintf(&b, "%s: %s\n", s.variable, s.value)
			}
		}
		sections["settings of "+name] = b.String()
	}
	golden.YAMLSections(t, "../template.yaml", sections)
}

// TestEverySettingHasItsParameter: what the functions take can be set in the template,
// or it is said why not; and no parameter is there that nothing reads.
func TestEverySettingHasItsParameter(t *testing.T) {
	set := map[string]bool{}
	for _, s := range settings {
		set[s.variable] = true
	}
	known := append(environment.Variables(&pipeline.Config{}), environment.Variables(&delivery.MetricSettings{})...)
	known = append(known, environment.Variables(&outlets.Settings{})...)
	exists := map[string]bool{}
	for _, v := range known {
		exists[v.Name] = true
		if set[v.Name] == (notSet[v.Name] != "") {
			t.Errorf("%s: the template sets it: %t, a reason not to: %q", v.Name, set[v.Name], notSet[v.Name])
		}
	}
	for name := range set {
		if !exists[name] {
			t.Errorf("the template sets %s, which is no setting", name)
		}
	}
	b, err := os.ReadFile("../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(b), "\nRules:\n")
	for name, p := range readTemplate(t).Parameters {
		used := regexp.MustCompile(`(!Ref |\$\{)` + name + `\b`)
		if !used.MatchString(body) {
			t.Errorf("nothing reads the parameter %s", name)
		}
		if p.Description == "" {
			t.Errorf("the parameter %s has no description", name)
		}
	}
}

// TestEnvironmentHasRoom: Lambda takes 4 KB of names and values together. What the
// template sets by itself must leave room for lists of networks and for rules.
func TestEnvironmentHasRoom(t *testing.T) {
	const most, room = 4096, 3000
	for _, r := range roads {
		s := samtest.Deploy(t, "../template.yaml", everything(r.road))
		used := 0
		for name, value := range at(t, s, r.function+"Function", "Environment.Variables").(map[string]any) {
			used += len(name) + len(textOf(t, s, value))
		}
		if used > most-room {
			t.Errorf("%s: %d bytes are used, which leaves less than %d", r.road, used, room)
		}
	}
}

// TestIcebergTable: the table has the columns of a row, and the function writes rows into
// the stream of the table.
func TestIcebergTable(t *testing.T) {
	parameters := everything("subscription")
	parameters["EventFormat"] = "iceberg"
	s := samtest.Deploy(t, "../template.yaml", parameters)
	event := []byte(`{"@timestamp":"2026-11-22T11:00:24.007Z","schema_version":1,"event":{"id":"a"}}` + "\n")
	row, err := encode.AppendRow(nil, event)
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(row, &keys); err != nil {
		t.Fatal(err)
	}
	var columns []string
	for _, c := range at(t, s, "IcebergTable", "TableInput.StorageDescriptor.Columns").([]any) {
		columns = append(columns, c.(map[string]any)["Name"].(string))
	}
	for key := range keys {
		if !slices.Contains(columns, key) {
			t.Errorf("the table has no column for %s of a row", key)
		}
	}
	if len(columns) != len(encode.RowColumns()) {
		t.Errorf("the table has the columns %v", columns)
	}
	variables := at(t, s, "SubscriberFunction", "Environment.Variables").(map[string]any)
	if stream := textOf(t, s, variables["CLEARHOP_FIREHOSE_STREAM"]); stream != physical("IcebergStream") || variables["CLEARHOP_FIREHOSE_FORMAT"] != "row" {
		t.Errorf("events go to %s as %v", stream, variables["CLEARHOP_FIREHOSE_FORMAT"])
	}
	for _, st := range mayDo(t, s, "SubscriberRole") {
		if slices.Contains(st.actions, "firehose:PutRecordBatch") && !slices.ContainsFunc(st.resources, func(r string) bool { return strings.HasSuffix(r, physical("IcebergStream")) }) {
			t.Errorf("the function may write to %v", st.resources)
		}
	}
	// Objects of the table never expire: its metadata would name files that are gone.
	for _, rule := range at(t, s, "IcebergBucket", "LifecycleConfiguration.Rules").([]any) {
		if rule.(map[string]any)["ExpirationInDays"] != nil {
			t.Errorf("files of the table expire by %v", rule)
		}
	}
}
