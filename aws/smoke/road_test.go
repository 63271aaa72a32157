package smoke_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"clearhop/aws/smoke"
	"clearhop/aws/stack"
	"clearhop/internal/awstest"
	"clearhop/internal/firehosetest"
	"clearhop/internal/lambdatest"
	"clearhop/internal/mototest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

const (
	region = "eu-central-1"
	group  = "/ecs/web"
	own    = "/aws/lambda/shop-stream"
)

// small has what a smoke asks of the stack's template. Moto knows no SAM.
const small = `
Parameters:
  LogGroupName: { Type: String, Default: "" }
  LogFormat: { Type: String, Default: auto }
  Road: { Type: String, Default: kinesis }
  EventFormat: { Type: String, Default: ndjson }
  EventPrefix: { Type: String, Default: events/ }
  Rules: { Type: String, Default: "" }
Resources:
  EventBucket: { Type: "AWS::S3::Bucket", Properties: { BucketName: shop-events } }
  DeadLetterBucket: { Type: "AWS::S3::Bucket", Properties: { BucketName: shop-letters } }
  LogStream: { Type: "AWS::Kinesis::Stream", Properties: { Name: shop, ShardCount: 1 } }
Outputs:
  EventBucketName: { Value: !Ref EventBucket }
  DeadLetterBucketName: { Value: !Ref DeadLetterBucket }
  WorkGroup: { Value: primary }
  Database: { Value: shop }
  Destination: { Value: !GetAtt LogStream.Arn }
`

// An account is one in moto with the stack shop, which reads group.
type account struct {
	endpoint string
	stack    stack.Stack
	calls    smoke.Calls
	logs     *cloudwatchlogs.Client
	streams  *kinesis.Client
	events   *mototest.Bucket
	letters  *mototest.Bucket
}

func newAccount(t *testing.T, parameters map[string]string) *account {
	t.Helper()
	endpoint := mototest.Start(t)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": region, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	parameters["LogGroupName"] = group
	mototest.NewStack(t, endpoint, region, "shop", small, parameters)
	client, err := stack.Connect(t.Context(), "")
	must(t, err)
	a := &account{endpoint: endpoint}
	a.stack, err = client.Describe(t.Context(), "shop")
	must(t, err)
	a.calls, err = smoke.Connect(t.Context(), "")
	must(t, err)
	keys := credentials.NewStaticCredentialsProvider("test", "test", "")
	a.logs = cloudwatchlogs.New(cloudwatchlogs.Options{BaseEndpoint: &endpoint, Region: region, Credentials: keys})
	a.streams = kinesis.New(kinesis.Options{BaseEndpoint: &endpoint, Region: region, Credentials: keys})
	a.events, a.letters = mototest.OpenBucket(t, endpoint, region, "shop-events"), mototest.OpenBucket(t, endpoint, region, "shop-letters")
	for _, name := range []string{group, own} {
		_, err := a.logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name})
		must(t, err)
	}
	_, err = a.logs.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String(own), LogStreamName: aws.String("one")})
	must(t, err)
	return a
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// subscribe puts the stack's filter on the log group.
func (a *account) subscribe(t *testing.T) {
	t.Helper()
	_, err := a.logs.PutSubscriptionFilter(t.Context(), &cloudwatchlogs.PutSubscriptionFilterInput{
		LogGroupName: aws.String(group), FilterName: aws.String("shop-clearhop"), FilterPattern: aws.String(""),
		DestinationArn: aws.String(a.stack.Outputs["Destination"]), RoleArn: aws.String("arn:aws:iam::123456789012:role/logs"),
	})
	must(t, err)
}

// log writes into the log of the function.
func (a *account) log(ctx context.Context, text string) error {
	_, err := a.logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: aws.String(own), LogStreamName: aws.String("one"),
		LogEvents: []logtypes.InputLogEvent{{Message: &text, Timestamp: aws.Int64(time.Now().UnixMilli())}},
	})
	return err
}

// smoke runs a line through the stack.
func (a *account) smoke(t *testing.T, timeout time.Duration, say func(string)) (smoke.Arrival, error) {
	t.Helper()
	s, err := smoke.New(smoke.Config{Calls: a.calls, Stack: a.stack, Timeout: timeout, Poll: 50 * time.Millisecond, Say: say})
	must(t, err)
	return s.Run(t.Context())
}

// TestWholeRoad: the line goes through moto's CloudWatch Logs into its Kinesis stream, from
// there through the built function, driven as Lambda drives it, into the stand-in for
// Firehose, and lies in the bucket as Firehose would put it there.
func TestWholeRoad(t *testing.T) {
	a := newAccount(t, map[string]string{"LogFormat": "main_real_ip"})
	a.subscribe(t)
	hose := firehosetest.Start(t, awstest.Config{Targets: []string{"events"}})
	f := lambdatest.StartForTest(t, lambdatest.Config{
		Binary: lambdatest.Build(t, "../../functions/stream"), FunctionName: "shop-stream", Region: region,
		Env: []string{
			"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_ENDPOINT_URL_FIREHOSE=" + hose.URL,
			"CLEARHOP_FIREHOSE_STREAM=events", "CLEARHOP_FORMAT=main_real_ip", "CLEARHOP_NLB=10.16.1.11",
		},
	})
	services := sync.WaitGroup{}
	defer services.Wait()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	services.Go(func() {
		if err := a.deliver(ctx, t, f, hose); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
	var said []string
	arrival, err := a.smoke(t, 2*time.Minute, func(what string) { said = append(said, what) })
	if err != nil {
		t.Fatal(err)
	}
	if arrival.Verdict != "direct" || len(arrival.EventID) == 0 || arrival.LogGroup != group {
		t.Errorf("%+v", arrival)
	}
	if len(said) == 0 || !strings.Contains(said[0], "the line is sent") {
		t.Errorf("said %q", said)
	}
}

// deliver is what AWS does between a Kinesis stream and S3: it invokes the function, and
// puts what Firehose got into the bucket. It returns when the event of a smoke is there.
func (a *account) deliver(ctx context.Context, t *testing.T, f *lambdatest.Function, hose *awstest.Server) error {
	described, err := a.streams.DescribeStream(ctx, &kinesis.DescribeStreamInput{StreamName: aws.String("shop")})
	if err != nil {
		return err
	}
	iterator, err := a.streams.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: aws.String("shop"),
		ShardId: described.StreamDescription.Shards[0].ShardId, ShardIteratorType: kinesistypes.ShardIteratorTypeTrimHorizon})
	if err != nil {
		return err
	}
	next := iterator.ShardIterator
	for ctx.Err() == nil {
		got, err := a.streams.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: next})
		if err != nil {
			return err
		}
		next = got.NextShardIterator
		for _, record := range got.Records {
			payload := fmt.Appendf(nil, `{"Records":[{"kinesis":{"sequenceNumber":%q,"data":%q},"eventSource":"aws:kinesis","eventID":"1"}]}`,
				aws.ToString(record.SequenceNumber), base64.StdEncoding.EncodeToString(record.Data))
			if _, err := f.Invoke(ctx, payload, 20*time.Second); err != nil {
				return fmt.Errorf("%w\n%s", err, f.Logs())
			}
			if err := a.log(ctx, "START RequestId"); err != nil {
				return err
			}
		}
		for _, document := range hose.Documents("events") {
			if bytes.Contains(document, []byte("/"+smoke.Mark)) {
				return a.write(t, document)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// write puts an event into the bucket, and has moto's Athena return its columns.
func (a *account) write(t *testing.T, document []byte) error {
	var event struct {
		Event      struct{ ID string }
		Provenance struct{ Verdict string }
		AWS        struct {
			CloudWatch struct {
				LogStream string `json:"log_stream"`
			}
		}
		UserAgent struct{ Bot bool } `json:"user_agent"`
	}
	if err := json.Unmarshal(document, &event); err != nil {
		return err
	}
	if !event.UserAgent.Bot || !strings.HasPrefix(event.AWS.CloudWatch.LogStream, smoke.Mark) {
		return fmt.Errorf("the event cannot be told apart: %s", document)
	}
	mototest.TellAthena(t, a.endpoint, region, []string{"event_id", "verdict"}, []string{event.Event.ID, event.Provenance.Verdict})
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(document); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	a.events.Put(time.Now().UTC().Format("events/ndjson/dt=2006-01-02/hour=15/")+"shop-1.ndjson.gz", packed.Bytes())
	return nil
}

// TestStopped: at each stage the line can stop, and the error says which one it is.
func TestStopped(t *testing.T) {
	a := newAccount(t, map[string]string{"Rules": "drop status=204"})
	const short = 5 * time.Second
	// g runs what happens after the line was sent.
	g := func(stage smoke.Stage, reason, fix string, happens func()) {
		t.Helper()
		_, err := a.smoke(t, short, func(string) {
			happens()
			happens = func() {}
		})
		var stopped *smoke.StoppedError
		if !errors.As(err, &stopped) {
			t.Fatalf("got %v, want a *StoppedError", err)
		}
		if stopped.Stage != stage || !strings.Contains(stopped.Reason, reason) || !strings.Contains(stopped.Fix, fix) {
			t.Errorf("%s: %s. %s\nwant %s: %s. %s", stopped.Stage, stopped.Reason, stopped.Fix, stage, reason, fix)
		}
	}
	f := func(stage smoke.Stage, reason, fix string) {
		t.Helper()
		g(stage, reason, fix, func() {})
	}
	f(smoke.Subscription, "No subscription filter of /ecs/web sends to the stack", "clearhop subscribe --to arn:aws:kinesis:eu-central-1:123456789012:stream/shop /ecs/web")
	a.subscribe(t)
	f(smoke.Function, "The function was not invoked within 5s", "which may leave the line out on purpose")

	logged := func(text string) func() {
		return func() {
			if err := a.log(t.Context(), text); err != nil {
				t.Error(err)
			}
		}
	}
	now := time.Now().UTC()
	g(smoke.Objects, "The function runs, but no object came into s3://shop-events/events/ndjson/", "--timeout", logged("START RequestId"))
	g(smoke.Function, `The function cannot start: {"level":"ERROR","msg":"the function cannot start"`, "make deploy",
		logged(`{"level":"ERROR","msg":"the function cannot start","error":"settings: trusted"}`))
	g(smoke.Function, `The function failed: {"level":"ERROR","msg":"x"}`, "/aws/lambda/shop-stream", logged(`{"level":"ERROR","msg":"x"}`))
	g(smoke.Objects, "Firehose put events aside meanwhile, such as s3://shop-events/errors/format-conversion-failed/a", "errorMessage",
		func() { a.events.Put("errors/format-conversion-failed/a", nil) })
	g(smoke.Function, "Dead letters came meanwhile, such as s3://shop-letters/letters/a", "reason", func() { a.letters.Put("letters/a", nil) })
	mototest.TellAthena(t, a.endpoint, region, []string{"event_id", "verdict"}, nil)
	g(smoke.Table, "but the table has no row of the line within 5s", "EventPrefix",
		func() { a.events.Put(now.Format("events/ndjson/dt=2006-01-02/hour=15/")+"a", nil) })

	a.stack.Parameters["LogGroupName"] = "/ecs/gone"
	f(smoke.Subscription, "There is no log group /ecs/gone", "AWS_REGION")
}
