package deploy_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"clearhop/internal/lambdatest"
	"clearhop/internal/samtest"
	"clearhop/verdict"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// TestDiagnosisIsThere: the function comes with somebody to tell and a log group to
// read, and goes with its switch.
func TestDiagnosisIsThere(t *testing.T) {
	resources := []string{"DiagnosisFunction", "DiagnosisRole", "DiagnosisLogGroup", "DiagnosisSchedule", "DiagnosisScheduleRole", "DiagnosisAlarm"}
	f := func(want bool, parameters map[string]string) samtest.Stack {
		t.Helper()
		s := samtest.Deploy(t, "../template.yaml", parameters)
		for _, name := range resources {
			if _, ok := s.Resources[name]; ok != want {
				t.Errorf("%v: %s is there: %t", parameters, name, ok)
			}
		}
		for _, r := range verdict.Reasons() {
			if !r.IsFault() || r == verdict.UnlistedNode {
				continue
			}
			name := "AlarmFault" + camel(r.String())
			notifies := at(t, s, name, "AlarmActions") != nil && at(t, s, name, "OKActions") != nil
			if topic := parameters["AlarmEmail"]+parameters["AlarmTopicArn"] != ""; notifies != (topic && !want) {
				t.Errorf("%v: %s notifies: %t", parameters, name, notifies)
			}
		}
		return s
	}
	with := func(more map[string]string) map[string]string {
		all := map[string]string{"AlarmEmail": "pager@shop.example", "LogGroupName4": "/ecs/web"}
		maps.Copy(all, more)
		return all
	}
	s := f(true, with(nil))
	if expression := textOf(t, s, at(t, s, "DiagnosisSchedule", "ScheduleExpression")); expression != "rate(10 minutes)" {
		t.Errorf("the schedule is %s", expression)
	}
	f(true, with(map[string]string{"LogGroupName4": "", "DiagnosisLogGroups": "/ecs/*"}))
	f(true, with(map[string]string{"LogGroupName4": "", "AllLogGroups": "true"}))
	f(true, with(map[string]string{"AlarmEmail": "", "AlarmTopicArn": "arn:aws:sns:eu-central-1:123456789012:pager"}))
	f(false, with(map[string]string{"DiagnosisMinutes": "0"}))
	f(false, with(map[string]string{"LogGroupName4": ""}))
	f(false, with(map[string]string{"AlarmEmail": ""}))
}

// TestDiagnosisReadsWhatItMay: the log groups that the function is told to read are those
// that its role allows.
func TestDiagnosisReadsWhatItMay(t *testing.T) {
	const logs = "arn:aws:logs:eu-central-1:123456789012:log-group:"
	for want, parameters := range map[string]map[string]string{
		"/ecs/edge,/ecs/web":   {"LogGroupName": "/ecs/edge", "LogGroupName3": "/ecs/web"},
		"/ecs/a,/ecs/b,/ecs/c": {"LogGroupName5": "/ecs/a", "DiagnosisLogGroups": "/ecs/b,/ecs/c"},
		"/ecs/*":               {"DiagnosisLogGroups": "/ecs/*"},
		"*":                    {"AllLogGroups": "true"},
	} {
		parameters["AlarmEmail"] = "pager@shop.example"
		s := samtest.Deploy(t, "../template.yaml", parameters)
		told := strings.FieldsFunc(textOf(t, s, at(t, s, "DiagnosisFunction", "Environment.Variables.CLEARHOP_DIAGNOSIS_LOG_GROUPS")), func(r rune) bool { return r == ',' })
		if got := strings.Join(told, ","); got != want {
			t.Errorf("%v: it is told to read %s, want %s", parameters, got, want)
		}
		var allowed []string
		lists := false
		for _, st := range mayDo(t, s, "DiagnosisRole") {
			if slices.Contains(st.actions, "logs:FilterLogEvents") {
				allowed = append(allowed, st.resources...)
			}
			lists = lists || slices.Contains(st.actions, "logs:DescribeLogGroups")
		}
		for _, name := range told {
			if !slices.ContainsFunc(allowed, func(pattern string) bool { return matches(pattern, logs+name+":*") }) {
				t.Errorf("%v: it may not read %s, only %s", parameters, name, allowed)
			}
			if strings.HasSuffix(name, "*") && !lists {
				t.Errorf("%v: it may not list log groups", parameters)
			}
		}
		if len(allowed) != len(told) || want != "*" && slices.ContainsFunc(allowed, func(pattern string) bool { return matches(pattern, logs+"/other:*") }) {
			t.Errorf("%v: it may read %s", parameters, allowed)
		}
	}
}

// TestDiagnosis runs the built function with the settings of the template. What it calls
// is held against what its role allows.
func TestDiagnosis(t *testing.T) {
	account := newAccount(t)
	topics := sns.New(sns.Options{BaseEndpoint: &account.endpoint, Region: stackRegion, Credentials: account.credentials()})
	topic, err := topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("pager")})
	if err != nil {
		t.Fatal(err)
	}
	s := samtest.Deploy(t, "../template.yaml", map[string]string{
		"LogGroupName2": "/ecs/web", "NLB": "10.16.1.11", "TrustedObject": "s3://" + physical("GeoIPBucket") + "/lists/proxies.txt",
		"Privacy": "truncate", "RedactQuery": "email", "Rules": "drop verdict=health_check", "Labels": "team=web", "AlarmTopicArn": *topic.TopicArn,
	})
	account.make(t, s)
	broken(t, account, "/ecs/web")
	f := lambdatest.StartForTest(t, lambdatest.Config{
		Binary: lambdatest.Build(t, "../functions/diagnosis"), FunctionName: stack + "-diagnosis", Region: stackRegion,
		Env: append(environmentOf(t, s, "DiagnosisFunction"), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_ENDPOINT_URL="+account.recorded),
	})
	result, err := f.Invoke(t.Context(), []byte(`{}`), 60*time.Second)
	if err != nil || !strings.Contains(string(result.Payload), `"sent":["clearhop: proxy_protocol_off at the edge hop began`) {
		t.Fatalf("%s, %v\n%s", result.Payload, err, result.Logs)
	}
	holdCalls(t, s, "DiagnosisRole", account.called())
}

// broken puts lines into a log group as an edge writes them to which the NLB sends no
// PROXY protocol.
func broken(t *testing.T, a *awsAccount, group string) {
	t.Helper()
	ctx := t.Context()
	logs := cloudwatchlogs.New(cloudwatchlogs.Options{BaseEndpoint: &a.endpoint, Region: stackRegion, Credentials: a.credentials()})
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}))
	must(logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: aws.String("edge/nginx/1")}))
	at := time.Now().Add(-5 * time.Minute)
	var events []logtypes.InputLogEvent
	for n := range 30 {
		text := fmt.Sprintf(`10.16.1.11 - - [%s] "GET /cart HTTP/1.1" 200 512 "-" "Mozilla/5.0 (agent %d)" "-" "-" 10.16.1.11 - "shop.example" %032x %d.000 0.010 300 https "10.16.1.14:80" "200" "0.009"`,
			at.UTC().Format("02/Jan/2006:15:04:05 +0000"), n, n, at.Unix())
		events = append(events, logtypes.InputLogEvent{Message: &text, Timestamp: aws.Int64(at.UnixMilli())})
	}
	must(logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: aws.String("edge/nginx/1"), LogEvents: events}))
}
