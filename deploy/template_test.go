package deploy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"clearhop/aws/nlb"
	outlets "clearhop/delivery"
	"clearhop/encode"
	"clearhop/enrich/clientip"
	"clearhop/functions/delivery"
	"clearhop/functions/diagnosis/watch"
	"clearhop/functions/environment"
	"clearhop/functions/geoupdate/update"
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
		Description    string `yaml:"Description"`
	} `yaml:"Parameters"`
	Resources map[string]struct {
		Type           string `yaml:"Type"`
		DeletionPolicy string `yaml:"DeletionPolicy"`
		Properties     struct {
			VersioningConfiguration struct {
				Status string `yaml:"Status"`
			} `yaml:"VersioningConfiguration"`
		} `yaml:"Properties"`
	} `yaml:"Resources"`
	Rules map[string]struct {
		RuleCondition yaml.Node `yaml:"RuleCondition"`
		Assertions    []struct {
			Assert            yaml.Node `yaml:"Assert"`
			AssertDescription string    `yaml:"AssertDescription"`
		} `yaml:"Assertions"`
	} `yaml:"Rules"`
}

func readTemplate(t *testing.T) template {
	t.Helper()
	b, err := os.ReadFile("../template.yaml")
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
	if out, err := exec.Command(path, "example/template.yaml").CombinedOutput(); err != nil {
		t.Errorf("the example: %v\n%s", err, out)
	}
	for name, d := range deployments() {
		args := []string{"--parameters"}
		for name, value := range d.parameters {
			args = append(args, name+"="+value)
		}
		if out, err := exec.Command(path, append(args, "--", "../template.yaml")...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
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

const privacyKey = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:clearhop/privacy-AbCdEf"

// A deployment is a road with what is chosen for it.
type deployment struct {
	road, function string
	parameters     map[string]string
}

// deployments are what the rules that hold for every stack are tried on: each
// road, and the roads with databases of GeoIP in a bucket and pseudonyms.
func deployments() map[string]deployment {
	all := map[string]deployment{}
	for _, r := range roads {
		plain := everything(r.road)
		plain["GeoIPSource"] = "url"
		all[r.road] = deployment{r.road, r.function, plain}
		source := "maxmind"
		if r.road == "kinesis" {
			source = "layer"
		}
		with := everything(r.road)
		with["GeoIPSource"], with["Privacy"], with["PrivacyKeySecretArn"] = source, "hash", privacyKey
		all[r.road+" "+source] = deployment{r.road, r.function, with}
		if r.road == "subscription" {
			rows := everything(r.road)
			rows["GeoIPSource"], rows["EventFormat"], rows["AnalystPolicy"], rows["SubnetIds"], rows["SecurityGroupIds"] = "url", "iceberg", "true", "subnet-1", "sg-1"
			all[r.road+" iceberg"] = deployment{r.road, r.function, rows}
		}
	}
	return all
}

// TestTemplateSetsOnlySettings: a variable that a function does not know would
// keep it from starting.
func TestTemplateSetsOnlySettings(t *testing.T) {
	shared := append(environment.Variables(&pipeline.Config{}), environment.Variables(&delivery.MetricSettings{})...)
	for deployed, d := range deployments() {
		var known []environment.Variable
		if d.road == "firehose" {
			known = append(environment.Variables(&outlets.LetterSettings{}), shared...)
		} else {
			known = append(environment.Variables(&outlets.Settings{}), shared...)
		}
		want := map[string][]environment.Variable{d.function + "Function": known}
		if source := d.parameters["GeoIPSource"]; source != "layer" {
			want["GeoUpdateFunction"] = environment.Variables(&update.Settings{})
		}
		want["DiagnosisFunction"] = append(environment.Variables(&watch.Settings{}), environment.Variables(&pipeline.Config{})...)
		s := samtest.Deploy(t, "../template.yaml", d.parameters)
		functions := s.OfType("AWS::Lambda::Function")
		if len(functions) != len(want) {
			t.Errorf("%s: functions %v", deployed, functions)
		}
		for _, name := range functions {
			for variable := range at(t, s, name, "Environment.Variables").(map[string]any) {
				if !slices.ContainsFunc(want[name], func(v environment.Variable) bool { return v.Name == variable }) {
					t.Errorf("%s: %s sets %s, which is no setting", deployed, name, variable)
				}
			}
			// "clearhop subscribe" knows a function's own log group by its name.
			function := at(t, s, name, "FunctionName").(map[string]any)["Fn::Sub"].(string)
			group := at(t, s, name, "LoggingConfig.LogGroup").(map[string]any)["Ref"].(string)
			if diff := cmp.Diff(map[string]any{"Fn::Sub": "/aws/lambda/" + function}, at(t, s, group, "LogGroupName")); diff != "" {
				t.Errorf("%s: %s logs elsewhere (-want +got):\n%s", deployed, name, diff)
			}
		}
	}
}

// forAll are the actions that IAM knows no resource for.
var forAll = []string{
	"ec2:DescribeNetworkInterfaces", "xray:PutTraceSegments", "xray:PutTelemetryRecords",
	// Lambda makes the interfaces in the subnets with the function's role, and AWS's own
	// policy for that names no narrower resource either.
	"ec2:CreateNetworkInterface", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
}

// TestTemplateRolesAreNarrow: no role may do everything, or something to
// everything, but for what IAM knows no resource for.
func TestTemplateRolesAreNarrow(t *testing.T) {
	for deployed, d := range deployments() {
		s := samtest.Deploy(t, "../template.yaml", d.parameters)
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
			t.Errorf("%s: %d roles", deployed, roles)
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
		stacks[r.road] = samtest.Deploy(t, "../template.yaml", everything(r.road))
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
	f("subscription", "SubscriberInvokeConfig", "DestinationConfig.OnFailure.Destination", arn("DeadLetterBucket"))
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
	f("kinesis", "StreamFunctionLogs", "DestinationConfig.OnFailure.Destination", arn("DeadLetterBucket"))
	f("kinesis", "StreamFunctionLogs", "ParallelizationFactor", "2")
	f("kinesis", "LogStream", "StreamModeDetails.StreamMode", "ON_DEMAND")
	f("kinesis", "LogStream", "ShardCount", nil)
	shards := everything("kinesis")
	shards["KinesisShards"] = "4"
	stacks["kinesis"] = samtest.Deploy(t, "../template.yaml", shards)
	f("kinesis", "LogStream", "StreamModeDetails.StreamMode", "PROVISIONED")
	f("kinesis", "LogStream", "ShardCount", "4")
	// A record that always fails is given up while the stream still has what
	// stands behind it.
	f("kinesis", "StreamFunctionLogs", "MaximumRecordAgeInSeconds", 86400.0)
	f("kinesis", "StreamFunctionLogs", "MaximumRetryAttempts", 50.0)
	f("kinesis", "LogStream", "RetentionPeriodHours", 48.0)
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
	// Firehose keeps a block that an update leaves out. So a block that is not wanted says so.
	off := map[string]any{"Enabled": false}
	f("subscription", "EventStream", s3destination+"ProcessingConfiguration", off)
	f("kinesis", "EventStream", s3destination+"ProcessingConfiguration", off)
	// Lines of other formats go to S3 as they are.
	ndjson := everything("subscription")
	ndjson["EventFormat"] = "ndjson"
	stacks["ndjson"] = samtest.Deploy(t, "../template.yaml", ndjson)
	f("ndjson", "EventStream", s3destination+"CompressionFormat", "GZIP")
	f("ndjson", "EventStream", s3destination+"DataFormatConversionConfiguration", off)
	f("ndjson", "EventTable", "TableInput.StorageDescriptor.SerdeInfo.SerializationLibrary", "org.openx.data.jsonserde.JsonSerDe")

	// Nothing is kept as it came where visitors are hidden.
	hidden := everything("subscription")
	hidden["Privacy"], hidden["PrivacyKeySecretArn"] = "hash", privacyKey
	stacks["hidden"] = samtest.Deploy(t, "../template.yaml", hidden)
	f("hidden", "SubscriberInvokeConfig", "DestinationConfig", nil)
	f("hidden", "SubscriberInvokeConfig", "MaximumRetryAttempts", 2.0)
	if roles := fmt.Sprint(at(t, stacks["hidden"], "SubscriberRole", "Policies")); strings.Contains(roles, "aws/lambda/") {
		t.Error("the function may keep payloads although visitors are hidden")
	}

	for road, s := range stacks {
		f(road, "EventBucket", "LifecycleConfiguration.Rules.1", map[string]any{"Id": "errors", "Status": "Enabled", "Prefix": "errors/", "ExpirationInDays": 14.0})
		// A path takes names apart at their dots: these hold some.
		table := at(t, s, "EventTable", "TableInput.Parameters").(map[string]any)
		if diff := cmp.Diff(map[string]any{"Fn::Sub": "NOW-${EventRetentionDays}DAYS,NOW+1DAYS"}, table["projection.dt.range"]); diff != "" {
			t.Errorf("%s: the table's days (-want +got):\n%s", road, diff)
		}
		f(road, "AlarmDeliveryAge", "Dimensions", []any{map[string]any{"Name": "DeliveryStreamName", "Value": ref("EventStream")}})
		for _, query := range s.OfType("AWS::Athena::NamedQuery") {
			if sql := at(t, s, query, "QueryString").(string); !strings.Contains(sql, "WHERE dt >= ") {
				t.Errorf("%s reads every day there is:\n%s", query, sql)
			}
		}
		for _, bucket := range s.OfType("AWS::S3::Bucket") {
			for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
				f(road, bucket, "PublicAccessBlockConfiguration."+block, true)
			}
			f(road, bucket, "BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault.SSEAlgorithm", "aws:kms")
			f(road, bucket+"Policy", "PolicyDocument.Statement.0.Effect", "Deny")
			f(road, bucket+"Policy", "PolicyDocument.Statement.0.Condition.Bool", map[string]any{"aws:SecureTransport": "false"})
			const rule = "LifecycleConfiguration.Rules.0."
			if at(t, s, bucket, rule+"ExpirationInDays") == nil && at(t, s, bucket, rule+"NoncurrentVersionExpiration") == nil {
				t.Errorf("%s: nothing expires in %s", road, bucket)
			}
		}
		for _, group := range s.OfType("AWS::Logs::LogGroup") {
			f(road, group, "RetentionInDays", "14")
		}
		for _, alarm := range s.OfType("AWS::CloudWatch::Alarm") {
			notified := any([]any{everything(road)["AlarmTopicArn"]})
			if strings.HasPrefix(alarm, "AlarmFault") && alarm != "AlarmFaults" {
				notified = nil // the diagnosis says it
			}
			f(road, alarm, "AlarmActions", notified)
		}
		for _, a := range alarms {
			if _, ok := s.Resources["Alarm"+a.name]; ok != (a.condition == "" || s.Conditions[a.condition]) {
				t.Errorf("%s: the alarm %s is there: %t", road, a.name, ok)
			}
		}
	}
	// Without databases nobody is told that there are none.
	stacks["placeless"] = samtest.Deploy(t, "../template.yaml", map[string]string{"GeoIPSource": "none"})
	for _, name := range []string{"AlarmGeoAge", "AlarmGeoMissing", "GeoIPLayer", "GeoIPBucket"} {
		if _, ok := stacks["placeless"].Resources[name]; ok {
			t.Errorf("%s is there without GeoIP", name)
		}
	}
	f("placeless", "SubscriberFunction", "Environment.Variables.CLEARHOP_CITY_DB", "")
	// Without the wishes there is nothing of them.
	stacks["plain"] = samtest.Deploy(t, "../template.yaml", map[string]string{"LogGroupName": "/ecs/web"})
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
		s := samtest.Deploy(t, "../template.yaml", parameters)
		if n := len(s.OfType("AWS::Logs::SubscriptionFilter")); n > 0 {
			t.Errorf("%s: %d groups are subscribed twice", road, n)
		}
		if document := at(t, s, policy, "PolicyDocument").(map[string]any)["Fn::Sub"].(string); strings.Contains(document, "${FilterPattern}") || !json.Valid([]byte(document)) {
			t.Errorf("%s: a pattern may break the policy %s", road, document)
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
			s := samtest.Deploy(t, "../template.yaml", parameters)
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
		p, err := pipeline.New(pipeline.Config{Client: clientip.Settings{NLB: strings.Split(value, ",")}, NodeFinder: nlb.Nodes})
		good := err == nil && !strings.HasSuffix(value, ",") && value != "10.0.0.1"
		if p != nil {
			p.Close()
		}
		if pattern.MatchString(value) != good {
			t.Errorf("%q: the template takes it: %t, the setting: %v", value, !good, err)
		}
	}
}

// TestTemplateKeepsNoRawPayload: where something is hidden in the events, a payload that
// is given up stands in no queue, and the function may not put one there.
func TestTemplateKeepsNoRawPayload(t *testing.T) {
	for _, tt := range []struct {
		privacy, redact string
		kept            bool
	}{
		{"none", "", true}, {"none", "email", false}, {"none", "email,phone", false},
		{"truncate", "", false}, {"hash", "", false}, {"hash", "email", false},
	} {
		parameters := everything("subscription")
		parameters["Privacy"], parameters["RedactQuery"], parameters["PrivacyKeySecretArn"] = tt.privacy, tt.redact, privacyKey
		s := samtest.Deploy(t, "../template.yaml", parameters)
		kept := at(t, s, "SubscriberInvokeConfig", "DestinationConfig.OnFailure.Destination") != nil
		role, err := json.Marshal(s.Resources["SubscriberRole"].Properties)
		if err != nil {
			t.Fatal(err)
		}
		if allowed := bytes.Contains(role, []byte("${DeadLetterBucket.Arn}/aws/lambda/*")); kept != tt.kept || allowed != tt.kept {
			t.Errorf("Privacy %s, RedactQuery %q: kept %t, allowed %t, want %t", tt.privacy, tt.redact, kept, allowed, tt.kept)
		}
	}
	// The bucket gets whole records of a stream, the queue only their numbers.
	for privacy, want := range map[string]string{"none": "DeadLetterBucket", "truncate": "FailedQueue"} {
		parameters := everything("kinesis")
		parameters["Privacy"] = privacy
		s := samtest.Deploy(t, "../template.yaml", parameters)
		if diff := cmp.Diff(map[string]any{"Fn::GetAtt": []any{want, "Arn"}}, at(t, s, "StreamFunctionLogs", "DestinationConfig.OnFailure.Destination")); diff != "" {
			t.Errorf("Privacy %s (-want +got):\n%s", privacy, diff)
		}
		policies := fmt.Sprint(at(t, s, "StreamRole", "Policies"))
		if toBucket, toQueue := strings.Contains(policies, "${DeadLetterBucket.Arn}/aws/lambda/*"), strings.Contains(policies, "sqs:SendMessage"); toBucket == toQueue || toBucket != (want == "DeadLetterBucket") {
			t.Errorf("Privacy %s: may write to the bucket: %t, to the queue: %t", privacy, toBucket, toQueue)
		}
		_, queue := s.Resources["FailedQueue"]
		_, alarm := s.Resources["AlarmFailedQueue"]
		if queue != (want == "FailedQueue") || queue != alarm {
			t.Errorf("Privacy %s: the queue is there: %t, its alarm: %t", privacy, queue, alarm)
		}
	}
}

// TestTemplateKeepsFormatsApart: objects of two formats never lie below one prefix, and
// no prefix of the events is one where objects expire early.
func TestTemplateKeepsFormatsApart(t *testing.T) {
	for format, folder := range map[string]string{"parquet": "parquet", "ndjson": "ndjson", "iceberg": "parquet"} {
		parameters := everything("subscription")
		parameters["EventFormat"] = format
		s := samtest.Deploy(t, "../template.yaml", parameters)
		for path, want := range map[string]string{
			"EventStream:ExtendedS3DestinationConfiguration.Prefix": "${EventPrefix}" + folder + "/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/",
			"EventTable:TableInput.StorageDescriptor.Location":      "s3://${EventBucket}/${EventPrefix}" + folder + "/",
		} {
			resource, path, _ := strings.Cut(path, ":")
			if got := at(t, s, resource, path).(map[string]any)["Fn::Sub"]; got != want {
				t.Errorf("%s: %s.%s is %s, want %s", format, resource, path, got, want)
			}
		}
	}
	// Go knows no (?!…), so the test takes it off and holds it by itself.
	pattern, found := strings.CutPrefix(readTemplate(t).Parameters["EventPrefix"].AllowedPattern, "(?!(errors|athena)/)")
	if !found {
		t.Fatal("the pattern lets prefixes through where objects expire early")
	}
	taken := regexp.MustCompile("^(?:" + pattern + ")$")
	for value, want := range map[string]bool{"events/": true, "a/b=1/": true, "errors-of-nginx/": true, "": false, "/": false, "/events/": false, "events": false} {
		if taken.MatchString(value) != want {
			t.Errorf("EventPrefix %q: taken: %t", value, !want)
		}
	}
}

// TestTemplateRules: choices that do not go together are refused before a
// stack is made.
func TestTemplateRules(t *testing.T) {
	tmpl := readTemplate(t)
	for _, tt := range []struct {
		parameters map[string]string
		want       string // part of what is said; empty where nothing is wrong
	}{
		{map[string]string{}, ""},
		{map[string]string{"Privacy": "truncate"}, ""},
		{map[string]string{"Privacy": "hash"}, "needs PrivacyKeySecretArn"},
		{map[string]string{"Privacy": "hash", "PrivacyKeySecretArn": privacyKey}, ""},
		{map[string]string{"EventFormat": "iceberg", "Road": "kinesis"}, ""},
		{map[string]string{"EventFormat": "iceberg", "Road": "firehose"}, "EventFormat iceberg works only"},
		{map[string]string{"AllLogGroups": "true"}, ""},
		{map[string]string{"AllLogGroups": "true", "Road": "kinesis"}, ""},
		{map[string]string{"AllLogGroups": "true", "Road": "firehose"}, "Road=subscription or Road=kinesis"},
		{map[string]string{"Road": "firehose", "FilterPattern": `"GET"`}, ""},
		{map[string]string{"AllLogGroups": "true", "FilterPattern": `"GET"`}, "takes no FilterPattern"},
	} {
		values := map[string]string{}
		for name, p := range tmpl.Parameters {
			values[name] = p.Default
		}
		for name, value := range tt.parameters {
			values[name] = value
		}
		var broken []string
		for _, rule := range tmpl.Rules {
			if !holds(t, &rule.RuleCondition, values) {
				continue
			}
			for _, a := range rule.Assertions {
				if !holds(t, &a.Assert, values) {
					broken = append(broken, a.AssertDescription)
				}
			}
		}
		if said := strings.Join(broken, " "); (said == "") != (tt.want == "") || !strings.Contains(said, tt.want) {
			t.Errorf("%v: %q, want %q", tt.parameters, said, tt.want)
		}
	}
}

// holds works out a condition of a rule: !Equals and !Not, of !Ref and text.
func holds(t *testing.T, n *yaml.Node, values map[string]string) bool {
	t.Helper()
	switch {
	case n.Tag == "!Not" && len(n.Content) == 1:
		return !holds(t, n.Content[0], values)
	case n.Tag == "!Equals" && len(n.Content) == 2:
		text := func(n *yaml.Node) string {
			if n.Tag != "!Ref" {
				return n.Value
			}
			value, ok := values[n.Value]
			if !ok {
				t.Errorf("a rule looks at %s, which is no parameter", n.Value)
			}
			return value
		}
		return text(n.Content[0]) == text(n.Content[1])
	}
	t.Fatalf("line %d: the test cannot work out %s", n.Line, n.Tag)
	return false
}

// TestTemplateGeoIP: the databases are loaded from where they are put, by who
// may read them, and old ones are gone before MaxMind's terms want it.
func TestTemplateGeoIP(t *testing.T) {
	for name, d := range deployments() {
		source := d.parameters["GeoIPSource"]
		if source == "layer" {
			continue
		}
		s := samtest.Deploy(t, "../template.yaml", d.parameters)
		const variables = "Environment.Variables."
		bucket := at(t, s, "GeoUpdateFunction", variables+"CLEARHOP_GEO_BUCKET").(map[string]any)["Ref"].(string)
		prefix := at(t, s, "GeoUpdateFunction", variables+"CLEARHOP_GEO_PREFIX").(string)
		for variable, database := range map[string]string{"CLEARHOP_CITY_DB": "city", "CLEARHOP_ASN_DB": "asn"} {
			want := map[string]any{"Fn::Sub": "s3://${" + bucket + "}/" + prefix + database + ".mmdb"}
			if diff := cmp.Diff(want, at(t, s, d.function+"Function", variables+variable)); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", name, variable, diff)
			}
		}
		below := "${" + bucket + ".Arn}/" + prefix + "*"
		for policy, path := range map[string]string{"GeoIPReadPolicy": "PolicyDocument", "GeoUpdateRole": "Policies"} {
			if document := fmt.Sprint(at(t, s, policy, path)); !strings.Contains(document, "Fn::Sub:"+below) {
				t.Errorf("%s: %s allows nothing below the prefix: %s", name, policy, document)
			}
		}
		if diff := cmp.Diff([]any{map[string]any{"Ref": d.function + "Role"}}, at(t, s, "GeoIPReadPolicy", "Roles")); diff != "" {
			t.Errorf("%s: who may read the databases (-want +got):\n%s", name, diff)
		}
		if days, ok := at(t, s, bucket, "LifecycleConfiguration.Rules.0.NoncurrentVersionExpiration.NoncurrentDays").(float64); !ok || days < 1 || days >= 28 {
			t.Errorf("%s: old versions stay for %v days", name, days)
		}
		if at(t, s, bucket, "VersioningConfiguration.Status") != "Enabled" || at(t, s, bucket, "LifecycleConfiguration.Rules.0.Status") != "Enabled" {
			t.Errorf("%s: the bucket keeps no versions, or all of them", name)
		}
		if key := at(t, s, bucket, "BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault.KMSMasterKeyID"); key != d.parameters["KMSKeyArn"] {
			t.Errorf("%s: the bucket's key is %v", name, key)
		}
		if policies := fmt.Sprint(at(t, s, "GeoUpdateRole", "Policies")); !strings.Contains(policies, "kms:GenerateDataKey") {
			t.Errorf("%s: the update may not use the key", name)
		}
		if _, ok := s.Resources["GeoUpdateSecretPolicy"]; ok != (source == "maxmind") {
			t.Errorf("%s: a secret may be read: %t", name, ok)
		}
		for _, resource := range []string{"GeoUpdateFunction", "GeoUpdateLogGroup", "GeoUpdateRole", "GeoUpdateScheduleRole", bucket} {
			if tags := fmt.Sprint(at(t, s, resource, "Tags")); !strings.Contains(tags, "Key:application Value:clearhop") {
				t.Errorf("%s: %s has the tags %s", name, resource, tags)
			}
		}
	}
	// What the parameters let through is what the settings take.
	tmpl := readTemplate(t)
	for parameter, values := range map[string][]string{ // two that are good, then two that are not
		"GeoIPEditions": {tmpl.Parameters["GeoIPEditions"].Default, "city=GeoIP2-City,asn=GeoIP2-ISP", "city=a/b,asn=c", "city=,asn="},
		"GeoIPURLs":     {tmpl.Parameters["GeoIPURLs"].Default, "city=https://a/b?c=d,asn=https://e", "city=http://a,asn=https://e", "city=ftp://a,asn=https://b"},
	} {
		pattern := regexp.MustCompile("^(?:" + tmpl.Parameters[parameter].AllowedPattern + ")$")
		for i, value := range values {
			environ := []string{"CLEARHOP_GEO_BUCKET=b", "CLEARHOP_GEO_DATABASES=" + value}
			if parameter == "GeoIPEditions" {
				environ = append(environ, "CLEARHOP_GEO_SECRET=s")
			}
			var s update.Settings
			err := errors.Join(environment.Load(environ, &s), s.Check())
			if good := i < 2; (err == nil) != good || pattern.MatchString(value) != good {
				t.Errorf("%s: %q: the template takes it: %t, the setting: %v", parameter, value, pattern.MatchString(value), err)
			}
		}
	}
}
