package deploy_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"clearhop/encode/parquet"
	"clearhop/internal/lambdatest"
	"clearhop/internal/mototest"
	"clearhop/internal/payloadtest"
	"clearhop/internal/samtest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"
	firehosetypes "github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const (
	stack       = "clearhop"
	stackRegion = "eu-central-1"
)

// roads are the ways that log events take, with the function of each.
var roads = []struct{ road, function, folder string }{
	{"subscription", "Subscriber", "subscriber"}, {"kinesis", "Stream", "stream"}, {"firehose", "Transform", "transform"},
}

// deploy is the stack of a road as a test looks at it.
func deploy(t *testing.T, road string) samtest.Stack {
	t.Helper()
	return samtest.Deploy(t, "../template.yaml", map[string]string{
		"Road": road, "LogGroupName": "/ecs/web", "NLB": "10.16.1.11", "Trusted": "10.16.1.13",
		"CityDB": "", "ASNDB": "", "DiscoverNLB": "",
	})
}

// An awsAccount is moto behind a recorder of calls.
type awsAccount struct {
	endpoint string // of moto itself
	recorded string // of the recorder, for the function

	mu    sync.Mutex
	calls map[string]bool // by the name of IAM's action
}

func newAccount(t *testing.T) *awsAccount {
	t.Helper()
	a := &awsAccount{endpoint: mototest.Start(t), calls: map[string]bool{}}
	target, err := url.Parse(a.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	recorder := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.record(t, r)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(recorder.Close)
	a.recorded = recorder.URL
	return a
}

var services = map[string]string{"Firehose_20150804": "firehose", "Kinesis_20131202": "kinesis", "AmazonSQS": "sqs"}

// record notes which action of IAM's a call needs.
func (a *awsAccount) record(t *testing.T, r *http.Request) {
	action := ""
	if service, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		action = services[service] + ":" + operation
	} else if r.Method == http.MethodPut && strings.Count(r.URL.Path, "/") > 1 {
		action = "s3:PutObject"
	}
	if action == "" {
		t.Errorf("a call that the test does not know: %s %s %s", r.Method, r.URL.Path, r.Header.Get("X-Amz-Target"))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls[action] = true
}

func (a *awsAccount) actions() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []string
	for action := range a.calls {
		all = append(all, action)
	}
	slices.Sort(all)
	return all
}

func (a *awsAccount) credentials() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider("test", "test", "")
}

func (a *awsAccount) s3() *s3.Client {
	return s3.New(s3.Options{BaseEndpoint: &a.endpoint, Region: stackRegion, Credentials: a.credentials(), UsePathStyle: true})
}

// objects is all that lies in a bucket below a prefix.
func (a *awsAccount) objects(t *testing.T, bucket, prefix string) [][]byte {
	t.Helper()
	list, err := a.s3().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, object := range list.Contents {
		got, err := a.s3().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: object.Key})
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// make makes the stack's resources that moto knows, under the names that the
// template gives them, or under those of the resources.
func (a *awsAccount) make(t *testing.T, s samtest.Stack) {
	t.Helper()
	for _, name := range s.OfType("AWS::S3::Bucket") {
		_, err := a.s3().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(physical(name)),
			CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: stackRegion}})
		if err != nil {
			t.Fatal(err)
		}
	}
	hose := awsfirehose.New(awsfirehose.Options{BaseEndpoint: &a.endpoint, Region: stackRegion, Credentials: a.credentials()})
	_, err := hose.CreateDeliveryStream(t.Context(), &awsfirehose.CreateDeliveryStreamInput{
		DeliveryStreamName: aws.String(physical("EventStream")), DeliveryStreamType: firehosetypes.DeliveryStreamTypeDirectPut,
		ExtendedS3DestinationConfiguration: &firehosetypes.ExtendedS3DestinationConfiguration{
			BucketARN: aws.String("arn:aws:s3:::" + physical("EventBucket")), RoleARN: aws.String("arn:aws:iam::123456789012:role/firehose"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// physical is the name that a resource of the stack has in the test.
func physical(name string) string { return stack + "-" + strings.ToLower(name) }

var reference = regexp.MustCompile(`\$\{([A-Za-z0-9]+)\}`)

// environmentOf is that of a function of the stack, as Lambda would set it.
func environmentOf(t *testing.T, s samtest.Stack, function string) []string {
	t.Helper()
	variables := s.Resources[function].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
	var environ []string
	for name, value := range variables {
		text := ""
		switch v := value.(type) {
		case string:
			text = v
		case map[string]any:
			if ref, ok := v["Ref"].(string); ok {
				text = physical(ref)
			} else if sub, ok := v["Fn::Sub"].(string); ok {
				text = reference.ReplaceAllStringFunc(sub, func(m string) string { return physical(m[2 : len(m)-1]) })
			} else {
				t.Fatalf("%s is %v", name, v)
			}
		}
		environ = append(environ, name+"="+text)
	}
	return environ
}

// payloads puts lines into a log group of moto's, and returns what its
// subscription makes of them.
func (a *awsAccount) payloads(t *testing.T, group string, lines []string) [][]byte {
	t.Helper()
	ctx := t.Context()
	streams := kinesis.New(kinesis.Options{BaseEndpoint: &a.endpoint, Region: stackRegion, Credentials: a.credentials()})
	logs := cloudwatchlogs.New(cloudwatchlogs.Options{BaseEndpoint: &a.endpoint, Region: stackRegion, Credentials: a.credentials()})
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	name := aws.String("logs")
	must(streams.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: name, ShardCount: aws.Int32(1)}))
	must(logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}))
	must(logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: aws.String("web/nginx/1")}))
	must(logs.PutSubscriptionFilter(ctx, &cloudwatchlogs.PutSubscriptionFilterInput{
		LogGroupName: &group, FilterName: aws.String(stack), FilterPattern: aws.String(""),
		DestinationArn: aws.String("arn:aws:kinesis:" + stackRegion + ":123456789012:stream/logs"), RoleArn: aws.String("arn:aws:iam::123456789012:role/logs"),
	}))
	now := time.Now().UnixMilli()
	var events []logtypes.InputLogEvent
	for _, line := range lines {
		events = append(events, logtypes.InputLogEvent{Message: aws.String(line), Timestamp: aws.Int64(now)})
	}
	must(logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: aws.String("web/nginx/1"), LogEvents: events}))
	shards, err := streams.ListShards(ctx, &kinesis.ListShardsInput{StreamName: name})
	must(shards, err)
	iterator, err := streams.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: name, ShardId: shards.Shards[0].ShardId, ShardIteratorType: kinesistypes.ShardIteratorTypeTrimHorizon})
	must(iterator, err)
	got, err := streams.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator.ShardIterator})
	must(got, err)
	var all [][]byte
	for _, r := range got.Records {
		all = append(all, r.Data)
	}
	if len(all) == 0 {
		t.Fatal("the subscription delivered nothing")
	}
	return all
}

// TestRoads is the whole road of each kind, as the template sets it up: lines
// put into a log group come out of S3 as events that Parquet takes. What the
// functions call is held against what their roles allow.
func TestRoads(t *testing.T) {
	var first []string // the events of the first road
	for _, r := range roads {
		t.Run(r.road, func(t *testing.T) {
			s := deploy(t, r.road)
			account := newAccount(t)
			account.make(t, s)
			f := lambdatest.StartForTest(t, lambdatest.Config{
				Binary: lambdatest.Build(t, "../functions/"+r.folder), FunctionName: stack + "-" + r.folder, Region: stackRegion,
				Env: append(environmentOf(t, s, r.function+"Function"), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_ENDPOINT_URL="+account.recorded),
			})
			lines := payloadtest.LinesIn(t, "..")
			payloads := account.payloads(t, "/ecs/web", lines)
			payloads = append(payloads, []byte("\x1f\x8bbroken"))
			events := travel(t, f, account, r.road, payloads)
			if len(events) != len(lines) {
				t.Errorf("%d events of %d lines", len(events), len(lines))
			}
			var file bytes.Buffer
			w, err := parquet.NewWriter(&file, parquet.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, event := range events {
				if err := w.Write([]byte(event)); err != nil {
					t.Errorf("Parquet does not take it: %v", err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if len(account.objects(t, physical("DeadLetterBucket"), "letters/")) == 0 {
				t.Error("the payload that cannot be read is no dead letter")
			}
			holdActions(t, s, r.function+"Role", account.actions())
			// The same lines give the same events on each road, but for what moto
			// makes anew each time.
			events = withoutIdentity(t, events)
			if first == nil {
				first = events
			} else if !slices.Equal(events, first) {
				t.Error("this road gives other events than the first one")
			}
		})
	}
}

// travel takes payloads through a function as the road does, and returns the
// events that arrive.
func travel(t *testing.T, f *lambdatest.Function, account *awsAccount, road string, payloads [][]byte) []string {
	t.Helper()
	invoke := func(event string) []byte {
		t.Helper()
		result, err := f.Invoke(t.Context(), []byte(event), 30*time.Second)
		if err != nil {
			t.Fatalf("%v\n%s", err, f.Logs())
		}
		return result.Payload
	}
	var records []string
	var all []byte
	for i, p := range payloads {
		data := base64.StdEncoding.EncodeToString(p)
		switch road {
		case "subscription":
			invoke(fmt.Sprintf(`{"awslogs":{"data":%q}}`, data))
		case "kinesis":
			records = append(records, fmt.Sprintf(`{"kinesis":{"sequenceNumber":"%d","data":%q}}`, i, data))
		case "firehose":
			records = append(records, fmt.Sprintf(`{"recordId":"%d","data":%q}`, i, data))
		}
	}
	switch road {
	case "kinesis":
		invoke(`{"Records":[` + strings.Join(records, ",") + `]}`)
	case "firehose":
		answer := invoke(`{"deliveryStreamArn":"arn:aws:firehose:` + stackRegion + `:123456789012:deliverystream/` + physical("EventStream") + `","records":[` + strings.Join(records, ",") + `]}`)
		var response struct {
			Records []struct {
				Result string
				Data   []byte
			}
		}
		if err := json.Unmarshal(answer, &response); err != nil {
			t.Fatal(err)
		}
		for _, r := range response.Records {
			if r.Result == "Ok" {
				all = append(all, r.Data...)
			}
		}
	}
	if road != "firehose" {
		all = bytes.Join(account.objects(t, physical("EventBucket"), ""), nil)
	}
	var events []string
	for line := range bytes.Lines(all) {
		events = append(events, string(line))
	}
	return events
}

func withoutIdentity(t *testing.T, events []string) []string {
	t.Helper()
	all := make([]string, len(events))
	for i, event := range events {
		var e map[string]any
		if err := json.Unmarshal([]byte(event), &e); err != nil {
			t.Fatal(err)
		}
		delete(e["event"].(map[string]any), "id")
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = string(b)
	}
	return all
}

// byTheService are actions that a role allows for what Lambda does in the
// function's name: its log, its event source, its failed invocations.
var byTheService = []string{
	"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage",
	"kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:ListShards",
}

// whenFull is what only an answer that is full asks for; functions/transform
// tests it.
var whenFull = []string{"firehose:PutRecordBatch"}

// holdActions holds what a function called against what its role allows: none
// missing, none unused.
func holdActions(t *testing.T, s samtest.Stack, role string, called []string) {
	t.Helper()
	var allowed []string
	for _, p := range s.Resources[role].Properties["Policies"].([]any) {
		document := p.(map[string]any)["PolicyDocument"].(map[string]any)
		for _, statement := range document["Statement"].([]any) {
			switch action := statement.(map[string]any)["Action"].(type) {
			case string:
				allowed = append(allowed, action)
			case []any:
				for _, a := range action {
					allowed = append(allowed, a.(string))
				}
			}
		}
	}
	for _, action := range called {
		if !slices.Contains(allowed, action) {
			t.Errorf("%s does not allow %s, which the function calls", role, action)
		}
	}
	for _, action := range allowed {
		if !slices.Contains(called, action) && !slices.Contains(byTheService, action) && !(role == "TransformRole" && slices.Contains(whenFull, action)) {
			t.Errorf("%s allows %s, which the function never calls", role, action)
		}
	}
}
