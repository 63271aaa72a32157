package clearhop_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"clearhop/encode"
	"clearhop/functions/delivery"
	"clearhop/functions/environment"
	"clearhop/internal/samtest"
	"clearhop/pipeline"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// A template is template.yaml as far as the tests look into it. Intrinsic
// functions such as !Ref are read as their arguments.
type template struct {
	Parameters map[string]struct {
		Default        string `yaml:"Default"`
		AllowedPattern string `yaml:"AllowedPattern"`
	} `yaml:"Parameters"`
}

func readTemplate(t *testing.T) template {
	t.Helper()
	b, err := os.ReadFile("template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tmpl template
	if err := yaml.Unmarshal(b, &tmpl); err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestTemplateIsCleanForCfnLint(t *testing.T) {
	path, err := exec.LookPath("cfn-lint")
	if err != nil {
		const how = "cfn-lint is not on the PATH: make test gets it, or pip install cfn-lint"
		if os.Getenv("CI") == "true" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	for _, r := range roads {
		args := []string{"--parameters"}
		for name, value := range everything(r.road) {
			args = append(args, name+"="+value)
		}
		if out, err := exec.Command(path, append(args, "--", "template.yaml")...).CombinedOutput(); err != nil {
			t.Errorf("road %s: %v\n%s", r.road, err, out)
		}
	}
}

// everything chooses what the template has to offer.
func everything(road string) map[string]string {
	return map[string]string{
		"Road": road, "LogGroupName": "/ecs/web", "LogGroupName3": "/ecs/edge", "DiscoverNLB": "discover:shop", "NLB": "10.16.1.11", "Tracing": "Active",
		"KMSKeyArn":     "arn:aws:kms:eu-central-1:123456789012:key/1",
		"AlarmTopicArn": "arn:aws:sns:eu-central-1:123456789012:pager",
	}
}

// TestTemplateSetsOnlySettings: a variable that a function does not know would
// keep it from starting.
func TestTemplateSetsOnlySettings(t *testing.T) {
	shared := append(environment.Variables(&pipeline.Config{}), environment.Variables(&delivery.MetricSettings{})...)
	for _, r := range roads {
		known := shared
		if r.road != "firehose" {
			known = append(environment.Variables(&delivery.Settings{}), shared...)
		}
		s := samtest.Deploy(t, "template.yaml", everything(r.road))
		functions := s.OfType("AWS::Lambda::Function")
		if !slices.Equal(functions, []string{r.function + "Function"}) {
			t.Errorf("road %s: functions %v", r.road, functions)
		}
		for _, name := range functions {
			for variable := range s.Resources[name].Properties["Environment"].(map[string]any)["Variables"].(map[string]any) {
				if !slices.ContainsFunc(known, func(v environment.Variable) bool { return v.Name == variable }) {
					t.Errorf("%s sets %s, which is no setting", name, variable)
				}
			}
		}
	}
}

// forAll are the actions that IAM knows no resource for.
var forAll = []string{"ec2:DescribeNetworkInterfaces", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}

// TestTemplateRolesAreNarrow: no role may do everything, or something to
// everything, but for what IAM knows no resource for.
func TestTemplateRolesAreNarrow(t *testing.T) {
	for _, r := range roads {
		s := samtest.Deploy(t, "template.yaml", everything(r.road))
		roles := 0
		for name, resource := range s.Resources {
			var documents []any
			switch resource.Type {
			case "AWS::IAM::Role":
				roles++
				if resource.Properties["ManagedPolicyArns"] != nil {
					t.Errorf("%s uses managed policies, which are wider than what is needed", name)
				}
				for _, p := range resource.Properties["Policies"].([]any) {
					documents = append(documents, p.(map[string]any)["PolicyDocument"])
				}
			case "AWS::IAM::Policy":
				documents = append(documents, resource.Properties["PolicyDocument"])
			}
			for _, d := range documents {
				for _, statement := range d.(map[string]any)["Statement"].([]any) {
					holdNarrow(t, name, statement.(map[string]any))
				}
			}
		}
		if roles < 2 {
			t.Errorf("road %s has %d roles", r.road, roles)
		}
	}
}

func holdNarrow(t *testing.T, name string, statement map[string]any) {
	t.Helper()
	actions := flat(statement["Action"])
	allForAll := true
	for _, action := range actions {
		if action == "*" || strings.HasSuffix(action, ":*") {
			t.Errorf("%s allows %q", name, action)
		}
		allForAll = allForAll && slices.Contains(forAll, action)
	}
	for _, resource := range flat(statement["Resource"]) {
		if resource == "*" && !allForAll {
			t.Errorf("%s allows %v on everything", name, actions)
		}
	}
}

// flat lists the texts in a value.
func flat(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, item := range v {
			all = append(all, flat(item)...)
		}
		return all
	}
	return nil
}

// at looks up a path in a resource's properties: "A.B.0.C".
func at(t *testing.T, s samtest.Stack, resource, path string) any {
	t.Helper()
	r, ok := s.Resources[resource]
	if !ok {
		t.Errorf("there is no %s", resource)
		return nil
	}
	var value any = r.Properties
	for part := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// TestStack holds what a stack is relied on for, property by property, since
// nothing here deploys one.
func TestStack(t *testing.T) {
	stacks := map[string]samtest.Stack{}
	for _, r := range roads {
		stacks[r.road] = samtest.Deploy(t, "template.yaml", everything(r.road))
	}
	f := func(road, resource, path string, want any) {
		t.Helper()
		got := at(t, stacks[road], resource, path)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s.%s (-want +got):\n%s", road, resource, path, diff)
		}
	}
	arn := func(name string) any { return map[string]any{"Fn::GetAtt": []any{name, "Arn"}} }
	ref := func(name string) any { return map[string]any{"Ref": name} }

	// What a subscription that fails three times leaves.
	f("subscription", "SubscriberInvokeConfig", "DestinationConfig.OnFailure.Destination", arn("FailedQueue"))
	f("subscription", "SubscriptionPermission", "Principal", "logs.amazonaws.com")
	f("subscription", "SubscriptionPermission", "SourceAccount", ref("AWS::AccountId"))
	f("subscription", "Subscription1", "LogGroupName", "/ecs/web")
	f("subscription", "Subscription3", "LogGroupName", "/ecs/edge")
	f("subscription", "Subscription1", "RoleArn", nil)
	if _, ok := stacks["subscription"].Resources["Subscription2"]; ok {
		t.Error("there is a subscription of no log group")
	}
	// The stream's records come again from the first that failed.
	f("kinesis", "StreamFunctionLogs", "FunctionResponseTypes", []any{"ReportBatchItemFailures"})
	f("kinesis", "StreamFunctionLogs", "DestinationConfig.OnFailure.Destination", arn("FailedQueue"))
	f("kinesis", "Subscription1", "DestinationArn", arn("LogStream"))
	f("kinesis", "Subscription1", "RoleArn", arn("SubscriptionRole"))
	f("firehose", "Subscription1", "DestinationArn", arn("EventStream"))
	// Firehose converts to Parquet by the table, and enriches on that road only.
	const s3destination = "ExtendedS3DestinationConfiguration."
	for road := range stacks {
		f(road, "EventStream", s3destination+"CompressionFormat", "UNCOMPRESSED")
		f(road, "EventStream", s3destination+"DataFormatConversionConfiguration.SchemaConfiguration.TableName", ref("EventTable"))
		f(road, "EventStream", s3destination+"DataFormatConversionConfiguration.InputFormatConfiguration.Deserializer.OpenXJsonSerDe.ColumnToJsonKeyMappings.timestamp", "@timestamp")
		f(road, "EventTable", "TableInput.StorageDescriptor.SerdeInfo.SerializationLibrary", "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe")
		f(road, "EventTable", "TableInput.PartitionKeys", []any{map[string]any{"Name": "dt", "Type": "string"}, map[string]any{"Name": "hour", "Type": "string"}})
		if columns := at(t, stacks[road], "EventTable", "TableInput.StorageDescriptor.Columns").([]any); len(columns) != len(encode.Columns()) {
			t.Errorf("%s: the table has %d columns, want %d", road, len(columns), len(encode.Columns()))
		}
		if least, ok := at(t, stacks[road], "EventStream", s3destination+"BufferingHints.SizeInMBs").(float64); !ok || least < 64 {
			t.Errorf("%s: a conversion needs a buffer of 64 MB, not %v", road, least)
		}
	}
	f("firehose", "EventStream", s3destination+"ProcessingConfiguration.Processors.0.Parameters.0.ParameterValue", arn("TransformFunction"))
	f("subscription", "EventStream", s3destination+"ProcessingConfiguration", nil)
	// Lines of other formats go to S3 as they are.
	ndjson := everything("subscription")
	ndjson["EventFormat"] = "ndjson"
	stacks["ndjson"] = samtest.Deploy(t, "template.yaml", ndjson)
	f("ndjson", "EventStream", s3destination+"CompressionFormat", "GZIP")
	f("ndjson", "EventStream", s3destination+"DataFormatConversionConfiguration", nil)
	f("ndjson", "EventTable", "TableInput.StorageDescriptor.SerdeInfo.SerializationLibrary", "org.openx.data.jsonserde.JsonSerDe")

	for road, s := range stacks {
		for _, bucket := range s.OfType("AWS::S3::Bucket") {
			for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
				f(road, bucket, "PublicAccessBlockConfiguration."+block, true)
			}
			f(road, bucket, "BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault.SSEAlgorithm", "aws:kms")
			f(road, bucket+"Policy", "PolicyDocument.Statement.0.Effect", "Deny")
			f(road, bucket+"Policy", "PolicyDocument.Statement.0.Condition.Bool", map[string]any{"aws:SecureTransport": "false"})
			if at(t, s, bucket, "LifecycleConfiguration.Rules.0.ExpirationInDays") == nil {
				t.Errorf("%s: nothing expires in %s", road, bucket)
			}
		}
		for _, group := range s.OfType("AWS::Logs::LogGroup") {
			f(road, group, "RetentionInDays", "14")
		}
		for _, alarm := range s.OfType("AWS::CloudWatch::Alarm") {
			f(road, alarm, "AlarmActions", []any{everything(road)["AlarmTopicArn"]})
		}
		if n := len(s.OfType("AWS::CloudWatch::Alarm")); n != len(alarms) {
			t.Errorf("%s: %d alarms", road, n)
		}
	}
	// Without the wishes there is nothing of them.
	stacks["plain"] = samtest.Deploy(t, "template.yaml", map[string]string{"LogGroupName": "/ecs/web"})
	f("plain", "EventBucket", "BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault", map[string]any{"SSEAlgorithm": "AES256"})
	f("plain", "AlarmNoData", "AlarmActions", nil)
	for _, name := range []string{"SubscriberDiscoverPolicy", "SubscriberTracePolicy", "AccountSubscriptionToFunction"} {
		if _, ok := stacks["plain"].Resources[name]; ok {
			t.Errorf("%s is there although nobody asked for it", name)
		}
	}
}

// TestAllLogGroups: the policy for the whole account leaves out every group that
// the stack itself writes to.
func TestAllLogGroups(t *testing.T) {
	for road, policy := range map[string]string{"subscription": "AccountSubscriptionToFunction", "kinesis": "AccountSubscriptionToStream"} {
		parameters := everything(road)
		parameters["AllLogGroups"] = "true"
		s := samtest.Deploy(t, "template.yaml", parameters)
		if n := len(s.OfType("AWS::Logs::SubscriptionFilter")); n > 0 {
			t.Errorf("%s: %d groups are subscribed twice", road, n)
		}
		criteria := fmt.Sprint(at(t, s, policy, "SelectionCriteria"))
		for _, group := range s.OfType("AWS::Logs::LogGroup") {
			name := at(t, s, group, "LogGroupName").(map[string]any)["Fn::Sub"].(string)
			if !strings.Contains(criteria, `"`+name+`"`) {
				t.Errorf("%s: %s is not left out of %s", road, name, criteria)
			}
		}
	}
}

// TestTemplateDiscoversWhereAllowed: the setting that makes the function ask
// EC2, and the permission to do so, come together.
func TestTemplateDiscoversWhereAllowed(t *testing.T) {
	for _, r := range roads {
		for _, discover := range []string{"", "discover:shop"} {
			parameters := everything(r.road)
			parameters["DiscoverNLB"] = discover
			s := samtest.Deploy(t, "template.yaml", parameters)
			nlb := at(t, s, r.function+"Function", "Environment.Variables.CLEARHOP_NLB")
			_, allowed := s.Resources[r.function+"DiscoverPolicy"]
			if want := strings.TrimPrefix(discover+",10.16.1.11", ","); nlb != want || allowed != (discover != "") {
				t.Errorf("%s: CLEARHOP_NLB is %v, want %s; allowed: %t", r.road, nlb, want, allowed)
			}
		}
	}
	tmpl := readTemplate(t)
	// What the parameter lets through is what the setting takes.
	pattern := regexp.MustCompile("^(?:" + tmpl.Parameters["DiscoverNLB"].AllowedPattern + ")$")
	for _, value := range []string{"", "discover", "discover:shop-edge", "discover:a,discover:b", "discover,", "discover:", "discover:a*", "10.0.0.1", "discover:" + strings.Repeat("a", 33)} {
		p, err := pipeline.New(pipeline.Config{NLB: strings.Split(value, ",")})
		good := err == nil && !strings.HasSuffix(value, ",") && value != "10.0.0.1"
		if p != nil {
			p.Close()
		}
		if pattern.MatchString(value) != good {
			t.Errorf("%q: the template takes it: %t, the setting: %v", value, !good, err)
		}
	}
}
