package deploy_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
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
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	stack        = "clearhop"
	stackRegion  = "eu-central-1"
	stackAccount = "123456789012"
)

// A call is what a function asked AWS for: an action of IAM, and the resource by its ARN.
type call struct{ action, resource string }

// roads are the ways that log events take, with the function of each.
var roads = []struct{ road, function, folder string }{
	{"subscription", "Subscriber", "subscriber"}, {"kinesis", "Stream", "stream"}, {"firehose", "Transform", "transform"},
}

// deploy is the stack of a road as a test looks at it. The key of its pseudonyms is in the
// secret.
func deploy(t *testing.T, road, secretARN string) samtest.Stack {
	t.Helper()
	return samtest.Deploy(t, "../template.yaml", map[string]string{
		"Road": road, "LogGroupName": "/ecs/web", "NLB": "10.16.1.11", "TrustedObject": "s3://" + physical("GeoIPBucket") + "/lists/proxies.txt",
		// Nothing of the lines is hidden by this. It only makes the function read the key.
		"Privacy": "hash", "PrivacyKeySecretArn": secretARN,
	})
}

// An awsAccount is moto behind a recorder of calls.
type awsAccount struct {
	endpoint string // of moto itself
	recorded string // of the recorder, for the function

	mu    sync.Mutex
	calls map[call]bool
}

func newAccount(t *testing.T) *awsAccount {
	t.Helper()
	a := &awsAccount{endpoint: mototest.Start(t), calls: map[call]bool{}}
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

var services = map[string]string{"Firehose_20150804": "firehose", "Kinesis_20131202": "kinesis", "AmazonSQS": "sqs", "secretsmanager": "secretsmanager", "Logs_20140328": "logs"}

// record notes which action of IAM's a call needs, and on what.
func (a *awsAccount) record(t *testing.T, r *http.Request) {
	var c call
	if service, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		var in struct{ DeliveryStreamName, SecretId, LogGroupName string } //nolint:revive // the names are AWS's
		if err := json.Unmarshal(body, &in); err != nil {
			t.Error(err)
		}
		c = call{services[service] + ":" + operation, in.SecretId}
		if in.DeliveryStreamName != "" {
			c.resource = "arn:aws:firehose:" + stackRegion + ":" + stackAccount + ":deliverystream/" + in.DeliveryStreamName
		}
		if services[service] == "logs" { // AWS wants the ARN of a group with :* at its end
			c.resource = "arn:aws:logs:" + stackRegion + ":" + stackAccount + ":log-group:" + in.LogGroupName + ":*"
		}
	} else if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, err := url.ParseQuery(string(body))
		if err != nil {
			t.Error(err)
		}
		c = call{"sns:" + form.Get("Action"), form.Get("TopicArn")}
	} else if strings.Count(r.URL.Path, "/") > 1 {
		action := map[string]string{http.MethodPut: "s3:PutObject", http.MethodGet: "s3:GetObject"}[r.Method]
		c = call{action, "arn:aws:s3:::" + strings.TrimPrefix(r.URL.Path, "/")}
	}
	if c.action == "" || c.resource == "" {
		t.Errorf("a call that the test does not know: %s %s %s", r.Method, r.URL.Path, r.Header.Get("X-Amz-Target"))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls[c] = true
}

// called returns what was recorded.
func (a *awsAccount) called() []call {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Collect(maps.Keys(a.calls))
}

func (a *awsAccount) credentials() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider("test", "test", "")
}

func (a *awsAccount) s3() *s3.Client {
	return s3.New(s3.Options{BaseEndpoint: &a.endpoint, Region: stackRegion, Credentials: a.credentials(), UsePathStyle: true})
}

// makeSecret makes the secret with the key of pseudonyms, and returns its ARN.
func (a *awsAccount) makeSecret(t *testing.T) string {
	t.Helper()
	secrets := secretsmanager.New(secretsmanager.Options{BaseEndpoint: &a.endpoint, Region: stackRegion, Credentials: a.credentials()})
	out, err := secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("clearhop/privacy"), SecretString: aws.String("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ARN
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
	_, err := a.s3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(physical("GeoIPBucket")), Key: aws.String("lists/proxies.txt"), Body: strings.NewReader("10.16.1.13 # the edge\n")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = hose.CreateDeliveryStream(t.Context(), &awsfirehose.CreateDeliveryStreamInput{
		DeliveryStreamName: aws.String(physical("EventStream")), DeliveryStreamType: firehosetypes.DeliveryStreamTypeDirectPut,
		ExtendedS3DestinationConfiguration: &firehosetypes.ExtendedS3DestinationConfiguration{
			BucketARN: aws.String("arn:aws:s3:::" + physical("EventBucket")), RoleARN: aws.String("arn:aws:iam::123456789012:role/firehose"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// physical is the name that a resource of the stack has in the test. The stream has the
// one that the template gives it, because a role names it so.
func physical(name string) string {
	if name == "EventStream" {
		return stack + "-events"
	}
	return stack + "-" + strings.ToLower(name)
}

// environmentOf is that of a function of the stack, as Lambda would set it.
func environmentOf(t *testing.T, s samtest.Stack, function string) []string {
	t.Helper()
	variables := s.Resources[function].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
	var environ []string
	for name, value := range variables {
		environ = append(environ, name+"="+textOf(t, s, value))
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
			account := newAccount(t)
			secret := account.makeSecret(t)
			s := deploy(t, r.road, secret)
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
			holdCalls(t, s, r.function+"Role", account.called())
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
		// The hash is of the time too at which the line was put.
		own := e["event"].(map[string]any)
		if own["hash"] == nil {
			t.Errorf("an event of CloudWatch Logs has no hash: %s", event)
		}
		delete(own, "id")
		delete(own, "hash")
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = string(b)
	}
	return all
}
