package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"clearhop/internal/awstest"
	"clearhop/internal/firehosetest"
	"clearhop/internal/lambdatest"
	"clearhop/internal/mototest"
	"clearhop/internal/payloadtest"

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
	region  = "eu-central-1"
	timeout = 30 * time.Second
	stream  = "events"
)

var fakeCredentials = []string{"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test"}

func start(t *testing.T, env ...string) *lambdatest.Function {
	t.Helper()
	return lambdatest.StartForTest(t, lambdatest.Config{
		Binary: lambdatest.Build(t, "."), FunctionName: "subscriber", Region: region,
		Env: append(append([]string{}, payloadtest.Chain...), env...),
	})
}

// TestToFirehoseAndS3 is the whole road: the built function, driven as Lambda
// drives it, to moto's Firehose and from there to S3, where exactly the bytes
// lie that the command gives for the same payload.
func TestToFirehoseAndS3(t *testing.T) {
	endpoint := mototest.Start(t)
	bucket := makeStream(t, endpoint)
	f := start(t, append(fakeCredentials, "AWS_ENDPOINT_URL="+endpoint, "CLEARHOP_FIREHOSE_STREAM="+stream)...)
	lines := payloadtest.Lines(t)
	payload := payloadtest.Event(t, payloadtest.Document(t, "/ecs/web", lines))
	if _, err := f.Invoke(t.Context(), payload, timeout); err != nil {
		t.Fatalf("%v\n%s", err, f.Logs())
	}
	if got, want := bucket(), payloadtest.ByCommand(t, payload); !bytes.Equal(got, want) {
		t.Errorf("%d bytes are in S3, want the command's %d", len(got), len(want))
	}
	if logs := f.Logs(); !strings.Contains(logs, fmt.Sprintf(`"delivered":%d,`, len(lines))) || strings.Contains(logs, "210.227") || strings.Contains(logs, "/hello") {
		t.Errorf("the log lacks the count, or holds text of a line:\n%s", logs)
	}
}

// makeStream makes a Firehose stream to S3 and returns how to read what came.
func makeStream(t *testing.T, endpoint string) (read func() []byte) {
	t.Helper()
	const name = "clearhop-events"
	ctx := t.Context()
	credentials := credentials.NewStaticCredentialsProvider("test", "test", "")
	store := s3.New(s3.Options{BaseEndpoint: &endpoint, Region: region, Credentials: credentials, UsePathStyle: true})
	_, err := store.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(name),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}})
	if err != nil {
		t.Fatal(err)
	}
	hose := awsfirehose.New(awsfirehose.Options{BaseEndpoint: &endpoint, Region: region, Credentials: credentials})
	_, err = hose.CreateDeliveryStream(ctx, &awsfirehose.CreateDeliveryStreamInput{
		DeliveryStreamName: aws.String(stream), DeliveryStreamType: firehosetypes.DeliveryStreamTypeDirectPut,
		ExtendedS3DestinationConfiguration: &firehosetypes.ExtendedS3DestinationConfiguration{
			BucketARN: aws.String("arn:aws:s3:::" + name), RoleARN: aws.String("arn:aws:iam::123456789012:role/firehose"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() []byte {
		list, err := store.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(name)})
		if err != nil {
			t.Fatal(err)
		}
		var all []byte
		for _, object := range list.Contents {
			got, err := store.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(name), Key: object.Key})
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(got.Body)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b...)
		}
		return all
	}
}

// TestPayloadsOfASubscription: lines put into a log group of moto's come back
// by its own subscription filter, in its own payloads, and go through the
// function.
func TestPayloadsOfASubscription(t *testing.T) {
	endpoint := mototest.Start(t)
	ctx := t.Context()
	credentials := credentials.NewStaticCredentialsProvider("test", "test", "")
	streams := kinesis.New(kinesis.Options{BaseEndpoint: &endpoint, Region: region, Credentials: credentials})
	logs := cloudwatchlogs.New(cloudwatchlogs.Options{BaseEndpoint: &endpoint, Region: region, Credentials: credentials})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	name, group, logStream := aws.String("subscription"), aws.String("/ecs/web"), aws.String("web/nginx/1")
	_, err := streams.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: name, ShardCount: aws.Int32(1)})
	must(err)
	described, err := streams.DescribeStream(ctx, &kinesis.DescribeStreamInput{StreamName: name})
	must(err)
	_, err = logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group})
	must(err)
	_, err = logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: logStream})
	must(err)
	_, err = logs.PutSubscriptionFilter(ctx, &cloudwatchlogs.PutSubscriptionFilterInput{
		LogGroupName: group, FilterName: aws.String("clearhop"), FilterPattern: aws.String(""),
		DestinationArn: described.StreamDescription.StreamARN, RoleArn: aws.String("arn:aws:iam::123456789012:role/logs"),
	})
	must(err)
	lines := payloadtest.Lines(t)
	var events []logtypes.InputLogEvent
	for i, line := range lines {
		events = append(events, logtypes.InputLogEvent{Message: aws.String(line), Timestamp: aws.Int64(time.Now().UnixMilli() + int64(i))})
	}
	_, err = logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: logStream, LogEvents: events})
	must(err)

	out := filepath.Join(t.TempDir(), "events.ndjson")
	f := start(t, "CLEARHOP_SINK=file", "CLEARHOP_FILE="+out)
	iterator, err := streams.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: name,
		ShardId: described.StreamDescription.Shards[0].ShardId, ShardIteratorType: kinesistypes.ShardIteratorTypeTrimHorizon})
	must(err)
	records, err := streams.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator.ShardIterator})
	must(err)
	var want []byte
	for _, r := range records.Records {
		payload := fmt.Appendf(nil, `{"awslogs":{"data":%q}}`, base64.StdEncoding.EncodeToString(r.Data))
		if _, err := f.Invoke(ctx, payload, timeout); err != nil {
			t.Fatalf("%v\n%s", err, f.Logs())
		}
		want = append(want, payloadtest.ByCommand(t, payload)...)
	}
	got, err := os.ReadFile(out)
	must(err)
	if n := bytes.Count(got, []byte("\n")); n != len(lines) || !bytes.Equal(got, want) {
		t.Errorf("%d events, want %d, and the command's bytes", n, len(lines))
	}
	if !bytes.Contains(got, []byte(`"log_group":"/ecs/web"`)) {
		t.Error("the log group is not in the events")
	}
}

// TestFirehoseThatFails: records and calls fail at random; every event arrives,
// and no call passes a documented limit.
func TestFirehoseThatFails(t *testing.T) {
	server := firehosetest.Start(t, awstest.Config{
		Targets: []string{stream},
		Script:  []awstest.Fault{firehosetest.Throttle(), awstest.FailRecords(0)},
		Random:  awstest.Random{Records: 0.2},
	})
	f := start(t, append(fakeCredentials, "AWS_ENDPOINT_URL_FIREHOSE="+server.URL, "CLEARHOP_FIREHOSE_STREAM="+stream)...)
	samples := payloadtest.Lines(t)
	var lines []string
	for len(lines) < 20_000 {
		lines = append(lines, samples...)
	}
	payload := payloadtest.Event(t, payloadtest.Document(t, "/ecs/web", lines))
	if _, err := f.Invoke(t.Context(), payload, timeout); err != nil {
		t.Fatalf("%v\n%s", err, f.Logs())
	}
	want := map[string]bool{}
	for line := range bytes.Lines(payloadtest.ByCommand(t, payload)) {
		want[string(line)] = true
	}
	for _, got := range server.Documents(stream) {
		delete(want, strings.TrimSuffix(string(got), "\n")+"\n")
	}
	if len(want) > 0 {
		t.Errorf("%d of %d events did not arrive", len(want), len(lines))
	}
}

// TestBadPayloads: a clear error, no crash, and the next invocation works.
func TestBadPayloads(t *testing.T) {
	out := filepath.Join(t.TempDir(), "events.ndjson")
	f := start(t, "CLEARHOP_SINK=file", "CLEARHOP_FILE="+out)
	gzipped := func(b []byte) string {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write(b)
		z.Close()
		return base64.StdEncoding.EncodeToString(packed.Bytes())
	}
	event := func(data string) []byte { return fmt.Appendf(nil, `{"awslogs":{"data":%q}}`, data) }
	cases := []struct {
		name, want string
		payload    []byte
	}{
		{"no base64", "base64", event("***")},
		{"no gzip", "gzip", event(base64.StdEncoding.EncodeToString([]byte("plain text")))},
		{"zlib", "gzip", event(base64.StdEncoding.EncodeToString([]byte("\x78\x9c\x03\x00\x00\x00\x00\x01")))},
		{"bomb", "size", event(gzipped(append([]byte(`{"messageType":"DATA_MESSAGE","logEvents":[`), make([]byte, 80<<20)...)))},
		{"wrong JSON", "json", event(gzipped([]byte(`{"messageType":"DATA_MESSAGE","logEvents":[{]}`)))},
		{"JSON of another kind", "type", event(gzipped([]byte(`{"messageType":"OTHER","logEvents":[]}`)))},
		{"empty data", "", event("")},
		{"empty object", "", []byte(`{}`)},
		{"a list", "", []byte(`[]`)},
		{"null", "", []byte(`null`)},
	}
	good := payloadtest.Event(t, payloadtest.Document(t, "/ecs/web", payloadtest.Lines(t)[:1]))
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := f.Invoke(t.Context(), c.payload, timeout)
			var failed *lambdatest.FunctionError
			if !errors.As(err, &failed) || !strings.Contains(failed.Message, c.want) {
				t.Errorf("got %v, want a function error that names %q", err, c.want)
			}
			if _, err := f.Invoke(t.Context(), good, timeout); err != nil {
				t.Errorf("the next invocation: %v", err)
			}
			b, err := os.ReadFile(out)
			if n := bytes.Count(b, []byte("\n")); err != nil || n != i+1 {
				t.Errorf("%d events, want %d (%v)", n, i+1, err)
			}
		})
	}
	if f.Restarts() != 0 {
		t.Errorf("the process was restarted %d times", f.Restarts())
	}
}

func TestControlMessageAndOwnGroupAreAnsweredWithoutEvents(t *testing.T) {
	out := filepath.Join(t.TempDir(), "events.ndjson")
	f := start(t, "CLEARHOP_SINK=file", "CLEARHOP_FILE="+out)
	control := []byte(`{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1795345224007,"message":"CWL CONTROL MESSAGE: Checking health of destination."}]}`)
	own := payloadtest.Document(t, "/aws/lambda/subscriber", payloadtest.Lines(t))
	for range 3 {
		for _, payload := range [][]byte{control, own} {
			if _, err := f.Invoke(t.Context(), payloadtest.Event(t, payload), timeout); err != nil {
				t.Fatal(err)
			}
		}
	}
	if b, err := os.ReadFile(out); err != nil || len(b) > 0 {
		t.Errorf("%d bytes of events, %v", len(b), err)
	}
	// A line of log each time would be a loop: it is said once.
	if n := strings.Count(f.Logs(), "own log group"); n != 1 {
		t.Errorf("the refusal was logged %d times", n)
	}
}

// TestDiscover: the function looks the NLB's nodes up as it is used. It starts
// without them, sees new ones at the next look, and keeps the last set when EC2
// is away; the log says so, and names no address of theirs.
func TestDiscover(t *testing.T) {
	target, err := url.Parse(mototest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(httputil.NewSingleHostReverseProxy(target))
	defer proxy.Close()
	n := mototest.NewNetwork(t, target.String(), region, "10.16.1.0/24")
	out := filepath.Join(t.TempDir(), "events.ndjson")
	f := start(t, append([]string{"CLEARHOP_SINK=file", "CLEARHOP_FILE=" + out, "AWS_ENDPOINT_URL=" + proxy.URL,
		"CLEARHOP_NLB=discover:shop-edge", "CLEARHOP_NLB_REFRESH=1ns"}, fakeCredentials...)...)
	var lines []string
	for _, peer := range []string{"10.16.1.11", "10.16.1.12"} {
		lines = append(lines, peer+` - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3 "-" "probe/1.0" "-" "-"`)
	}
	payload := payloadtest.Event(t, payloadtest.Document(t, "/ecs/web", lines))
	seen := 0
	check := func(when string, want ...string) {
		t.Helper()
		if _, err := f.Invoke(t.Context(), payload, timeout); err != nil {
			t.Fatalf("%s: %v\n%s", when, err, f.Logs())
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		events := strings.Split(strings.TrimSpace(string(b)), "\n")[seen:]
		seen += len(events)
		for i := range want {
			if len(events) != len(want) || !strings.Contains(events[i], want[i]) {
				t.Errorf("%s: event %d lacks %s:\n%s", when, i, want[i], events)
			}
		}
	}
	const (
		node     = `"verdict":"lost","nlb_private_ip":true,"nlb":"shop-edge"`
		inferred = `"verdict":"lost","nlb_private_ip":true,"nlb_inferred":true`
		client   = `"client":{"ip":"10.16.1.12"}`
	)
	check("no NLB is there", inferred, inferred)
	n.AddInterface("ELB net/shop-edge/1", "10.16.1.11")
	check("one node is there", node, client)
	n.AddInterface("ELB net/shop-edge/1", "10.16.1.12")
	check("it was scaled out", node, node)
	if logs := f.Logs(); strings.Count(logs, "could not be looked up") != 2 || // at the start and at the first invocation
		!strings.Contains(logs, `no network interface is described as \"ELB net/shop-edge/*\"`) || !strings.Contains(logs, "every private address") {
		t.Errorf("the log does not say that nothing was found:\n%s", logs)
	}
	proxy.Close()
	check("EC2 is away", node, node)
	if logs := f.Logs(); strings.Count(logs, "could not be looked up") != 3 || !strings.Contains(logs, `"holds":"what was found at 20`) ||
		!strings.Contains(logs, `"nodes":2`) || strings.Contains(logs, "10.16.1.1") {
		t.Errorf("the log does not say that the last set holds, or names it:\n%s", logs)
	}
}

func TestEveryBadSettingIsNamedAtStart(t *testing.T) {
	_, err := lambdatest.Start(t.Context(), lambdatest.Config{Binary: lambdatest.Build(t, "."), Env: []string{
		"CLEARHOP_NLB=x", "CLEARHOP_STRICT=perhaps", "CLEARHOP_TRUSTD=10.0.0.0/8", "CLEARHOP_SINK=file",
		"CLEARHOP_FORMAT=$a$b", "CLEARHOP_CITY_DB=/no/such.mmdb",
	}})
	var failed *lambdatest.InitError
	if !errors.As(err, &failed) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"nlb: ", "CLEARHOP_STRICT: ", "there is no setting CLEARHOP_TRUSTD", "CLEARHOP_FILE: ", "nothing stands between", "/no/such.mmdb"} {
		if !strings.Contains(failed.Logs, want) {
			t.Errorf("%q is not in the log:\n%s", want, failed.Logs)
		}
	}
}

// TestRouteLeadsNowhere: with one sink there is nothing to route to.
func TestRouteLeadsNowhere(t *testing.T) {
	_, err := lambdatest.Start(t.Context(), lambdatest.Config{Binary: lambdatest.Build(t, "."), Env: []string{
		"CLEARHOP_SINK=stdout", "CLEARHOP_RULES=drop verdict=health_check;route:faults verdict=lost",
	}})
	var failed *lambdatest.InitError
	if !errors.As(err, &failed) || !strings.Contains(failed.Logs, "route:faults leads nowhere") {
		t.Errorf("got %v", err)
	}
}

// TestConcurrentInvocations: each event arrives once, whole.
func TestConcurrentInvocations(t *testing.T) {
	out := filepath.Join(t.TempDir(), "events.ndjson")
	f := lambdatest.StartForTest(t, lambdatest.Config{
		Binary: lambdatest.Build(t, "."), FunctionName: "subscriber", Concurrency: 4,
		Env: append([]string{"CLEARHOP_SINK=file", "CLEARHOP_FILE=" + out}, payloadtest.Chain...),
	})
	lines := payloadtest.Lines(t)
	var wg sync.WaitGroup
	const invocations = 40
	for i := range invocations {
		wg.Go(func() {
			payload := payloadtest.Event(t, payloadtest.Document(t, fmt.Sprintf("/ecs/web-%d", i), lines))
			if _, err := f.Invoke(t.Context(), payload, timeout); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	groups := map[string]int{}
	for line := range bytes.Lines(b) {
		var event struct {
			AWS struct {
				Cloudwatch struct {
					LogGroup string `json:"log_group"`
				}
			}
		}
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatal(err)
		}
		groups[event.AWS.Cloudwatch.LogGroup]++
	}
	if len(groups) != invocations {
		t.Errorf("events of %d groups, want %d", len(groups), invocations)
	}
	for group, n := range groups {
		if n != len(lines) {
			t.Errorf("%s: %d events, want %d", group, n, len(lines))
		}
	}
}

// TestShutdown: SIGTERM closes the sink and ends the process by itself.
func TestShutdown(t *testing.T) {
	f := lambdatest.StartForTest(t, lambdatest.Config{
		Binary: lambdatest.Build(t, "."), Env: []string{"CLEARHOP_SINK=stdout"}, ShutdownGrace: time.Minute,
	})
	if _, err := f.Invoke(t.Context(), payloadtest.Event(t, payloadtest.Document(t, "/ecs/web", payloadtest.Lines(t))), timeout); err != nil {
		t.Fatal(err)
	}
	if exit := f.Shutdown(context.Background()); exit.Code != 0 || exit.Killed {
		t.Errorf("it ended by %v", exit)
	}
	if !strings.Contains(f.Logs(), `"closed"`) {
		t.Errorf("the sink was not closed:\n%s", f.Logs())
	}
	t.Logf("from the start of the process to its asking for work: %v", f.ReadyAfter())
}
