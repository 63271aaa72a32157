package deploy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"clearhop/internal/samtest"
	"clearhop/verdict"

	"github.com/google/go-cmp/cmp"
)

// stacksOfAll returns a stack for each choice of what changes most of it.
func stacksOfAll(t *testing.T) map[string]samtest.Stack {
	t.Helper()
	all := map[string]samtest.Stack{}
	for _, r := range roads {
		for _, format := range []string{"parquet", "ndjson", "iceberg"} {
			if format == "iceberg" && r.road == "firehose" {
				continue // a rule refuses it
			}
			for _, source := range []string{"url", "maxmind", "layer", "none"} {
				for _, privacy := range []string{"none", "truncate", "hash"} {
					parameters := everything(r.road)
					parameters["EventFormat"], parameters["GeoIPSource"], parameters["Privacy"] = format, source, privacy
					parameters["PrivacyKeySecretArn"] = privacyKey
					all[strings.Join([]string{r.road, format, source, privacy}, " ")] = samtest.Deploy(t, "../template.yaml", parameters)
				}
			}
		}
	}
	return all
}

// TestEveryStack holds each choice of Road, EventFormat, GeoIPSource and Privacy.
func TestEveryStack(t *testing.T) {
	for name, s := range stacksOfAll(t) {
		words := strings.Fields(name)
		road, format, source, privacy := words[0], words[1], words[2], words[3]
		for resource, r := range s.Resources {
			holdReferences(t, s, name+": "+resource, r.Properties)
		}
		for output, o := range s.Outputs {
			holdReferences(t, s, name+": output "+output, o["Value"])
		}
		for _, r := range roads {
			if _, ok := s.Resources[r.function+"Function"]; ok != (r.road == road) {
				t.Errorf("%s: %sFunction is there: %t", name, r.function, ok)
				continue
			} else if !ok {
				continue
			}
			variables := at(t, s, r.function+"Function", "Environment.Variables").(map[string]any)
			if text, err := json.Marshal(s.Outputs["RedriveSettings"]["Value"]); err != nil || !strings.Contains(string(text), r.function+"Function") {
				t.Errorf("%s: the output RedriveSettings does not name the function: %s, %v", name, text, err)
			}
			key := variables["CLEARHOP_PRIVACY_KEY"]
			if keyed := key != ""; variables["CLEARHOP_PRIVACY"] != privacy || keyed != (privacy == "hash") {
				t.Errorf("%s: privacy %v with the key %v", name, variables["CLEARHOP_PRIVACY"], key)
			}
			if database := variables["CLEARHOP_CITY_DB"]; (database == "") != (source == "none") {
				t.Errorf("%s: the database of places is %v", name, database)
			}
		}
		const destination = "ExtendedS3DestinationConfiguration."
		for block, on := range map[string]bool{"ProcessingConfiguration": road == "firehose", "DataFormatConversionConfiguration": format != "ndjson"} {
			if got := at(t, s, "EventStream", destination+block+".Enabled"); got != on {
				t.Errorf("%s: %s is on: %v", name, block, got)
			}
		}
		// SAM adds a hash to the layer's name.
		if layers := s.OfType("AWS::Lambda::LayerVersion"); (len(layers) == 1) != (source == "layer") {
			t.Errorf("%s: the layers %v", name, layers)
		}
		for resource, want := range map[string]bool{
			"GeoUpdateFunction": source == "url" || source == "maxmind", "LogStream": road == "kinesis",
			"FailedQueue": road == "kinesis" && privacy != "none", "AlarmGeoAge": source == "url" || source == "maxmind", "AlarmGeoMissing": source != "none",
			"AlarmFailedConversion": format != "ndjson", "IcebergStream": format == "iceberg", "IcebergBucket": format == "iceberg", "AlarmIcebergAge": format == "iceberg", "AlarmFailedTransformation": road == "firehose", "SubscriptionRole": road != "subscription",
		} {
			if _, ok := s.Resources[resource]; ok != want {
				t.Errorf("%s: %s is there: %t", name, resource, ok)
			}
		}
	}
}

// TestAlarmsSayWhatToDo: the text of each alarm fits what CloudWatch takes, and each fault
// of the chain has an alarm that says its fix.
func TestAlarmsSayWhatToDo(t *testing.T) {
	texts := map[string]string{}
	for _, a := range alarms {
		if len(a.text) == 0 || len(a.text) > 1024 {
			t.Errorf("the text of %s has %d bytes", a.name, len(a.text))
		}
		if _, twice := texts[a.name]; twice {
			t.Errorf("there are two alarms %s", a.name)
		}
		texts[a.name] = a.text
	}
	for _, r := range verdict.Reasons() {
		if r.IsFault() && r != verdict.UnlistedNode && !strings.Contains(texts["Fault"+camel(r.String())], r.Info().Fix) {
			t.Errorf("no alarm says how to fix %s", r)
		}
	}
}

// holdReferences says which references of a value lead to nothing in the stack.
func holdReferences(t *testing.T, s samtest.Stack, where string, value any) {
	t.Helper()
	lead := func(name string) {
		name, _, _ = strings.Cut(name, ".")
		if _, ok := s.Resources[name]; ok || strings.HasPrefix(name, "AWS::") {
			return
		}
		if _, ok := s.Parameters[name]; !ok {
			t.Errorf("%s refers to %s, which is not there", where, name)
		}
	}
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			text, isText := inner.(string)
			switch {
			case key == "Ref" && isText:
				lead(text)
			case key == "Fn::GetAtt":
				if parts, ok := inner.([]any); ok {
					lead(parts[0].(string))
				}
			case key == "Fn::Sub" && isText:
				for _, m := range variable.FindAllStringSubmatch(text, -1) {
					lead(m[1])
				}
			case key == "Fn::Sub": // with names of its own
			default:
				holdReferences(t, s, where, inner)
			}
		}
	case []any:
		for _, inner := range v {
			holdReferences(t, s, where, inner)
		}
	}
}

// createOnly are the properties that CloudFormation cannot change: it creates the resource
// anew, and the old one goes with what it holds. They are those of the schemas of the
// types.
var createOnly = map[string][]string{
	"AWS::S3::Bucket":                      {"BucketName"},
	"AWS::KinesisFirehose::DeliveryStream": {"DeliveryStreamName", "DeliveryStreamType"},
	"AWS::Kinesis::Stream":                 {"Name"},
	"AWS::Lambda::Function":                {"FunctionName", "PackageType"},
	"AWS::Lambda::EventSourceMapping":      {"EventSourceArn", "StartingPosition"},
	"AWS::Lambda::Permission":              {"FunctionName", "Action", "Principal", "SourceArn", "SourceAccount"},
	"AWS::Logs::LogGroup":                  {"LogGroupName"},
	"AWS::Logs::SubscriptionFilter":        {"FilterName", "LogGroupName"},
	"AWS::Glue::Database":                  {"CatalogId", "DatabaseInput.Name"},
	"AWS::Glue::Table":                     {"CatalogId", "DatabaseName", "TableInput.Name"},
	"AWS::Athena::WorkGroup":               {"Name"},
	"AWS::SQS::Queue":                      {"QueueName"},
	"AWS::IAM::Role":                       {"RoleName", "Path"},
	"AWS::CloudWatch::Alarm":               {"AlarmName"},
	"AWS::CloudWatch::Dashboard":           {"DashboardName"},
}

// TestEveryTransition: a running stack can be changed from each choice to each other one.
// What holds data stays, nothing is made anew under a name that is taken, and nothing is
// left to what a service keeps because an update does not name it.
func TestEveryTransition(t *testing.T) {
	stacks := stacksOfAll(t)
	more := func(name string, parameters map[string]string) {
		all := everything("kinesis")
		maps.Copy(all, parameters)
		stacks["kinesis, "+name] = samtest.Deploy(t, "../template.yaml", all)
	}
	more("shards", map[string]string{"KinesisShards": "4", "KinesisParallel": "10"})
	more("another prefix", map[string]string{"EventPrefix": "logs/"})
	more("no key", map[string]string{"KMSKeyArn": ""})
	more("a VPC", map[string]string{"SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"})
	names := slices.Sorted(maps.Keys(stacks))
	seen := map[string]bool{}
	wrong := func(format string, arguments ...any) {
		if text := fmt.Sprintf(format, arguments...); !seen[text] {
			seen[text] = true
			t.Error(text)
		}
	}
	for _, from := range names {
		for _, to := range names {
			for _, bucket := range []string{"EventBucket", "DeadLetterBucket"} {
				if _, ok := stacks[to].Resources[bucket]; !ok {
					wrong("%s: there is no %s", to, bucket)
				}
			}
			for name, before := range stacks[from].Resources {
				after, stays := stacks[to].Resources[name]
				if !stays {
					continue
				}
				for _, property := range createOnly[before.Type] {
					if !cmp.Equal(at(t, stacks[from], name, property), at(t, stacks[to], name, property)) {
						wrong("%s.%s changes from %q to %q, so it is created anew", name, property, from, to)
					}
				}
				if before.Type != after.Type {
					wrong("%s changes its type from %q to %q", name, from, to)
				}
			}
			const destination = "ExtendedS3DestinationConfiguration"
			for block := range at(t, stacks[from], "EventStream", destination).(map[string]any) {
				if at(t, stacks[to], "EventStream", destination+"."+block) == nil {
					wrong("Firehose keeps %s from %q, because %q does not name it", block, from, to)
				}
			}
		}
	}
	for name, r := range stacks[names[0]].Resources {
		if _, known := createOnly[r.Type]; strings.HasPrefix(r.Type, "AWS::S3::Bucket") && !known && r.Type != "AWS::S3::BucketPolicy" {
			t.Errorf("%s: createOnly does not know %s", name, r.Type)
		}
	}
}

// TestEveryParameterHasItsChange: docs/aws.md says of each parameter what a change does to
// a running stack.
func TestEveryParameterHasItsChange(t *testing.T) {
	page, err := os.ReadFile("../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## Change a setting\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !found {
		t.Fatal(`docs/aws.md has no section "Change a setting"`)
	}
	listed := map[string]int{}
	quoted := regexp.MustCompile("`([A-Za-z0-9]+)`")
	for line := range strings.Lines(section) {
		if first, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | "); ok && strings.HasPrefix(line, "| `") {
			for _, m := range quoted.FindAllStringSubmatch(first, -1) {
				listed[m[1]]++
			}
		}
	}
	parameters := readTemplate(t).Parameters
	for name := range parameters {
		if listed[name] != 1 {
			t.Errorf("the table has %s %d times", name, listed[name])
		}
	}
	for name := range listed {
		if _, ok := parameters[name]; !ok {
			t.Errorf("the table has %s, which is no parameter", name)
		}
	}
}
