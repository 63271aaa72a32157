package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"clearhop/internal/buildtest"
	"clearhop/internal/lambdatest"
	"clearhop/internal/mototest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

const (
	region  = "eu-central-1"
	timeout = 60 * time.Second
	group   = "/ecs/edge"
)

// An account is moto with a log group, and with a topic whose messages a queue gets.
type account struct {
	t        *testing.T
	endpoint string
	logs     *cloudwatchlogs.Client
	queues   *sqs.Client
	topics   *sns.Client
	topic    string
	queue    string
	bucket   *mototest.Bucket
	streams  int
}

func newAccount(t *testing.T) *account {
	t.Helper()
	endpoint := mototest.Start(t)
	test := credentials.NewStaticCredentialsProvider("test", "test", "")
	a := &account{
		t: t, endpoint: endpoint, bucket: mototest.NewBucket(t, endpoint, region, "events"),
		logs:   cloudwatchlogs.New(cloudwatchlogs.Options{BaseEndpoint: &endpoint, Region: region, Credentials: test}),
		queues: sqs.New(sqs.Options{BaseEndpoint: &endpoint, Region: region, Credentials: test}),
		topics: sns.New(sns.Options{BaseEndpoint: &endpoint, Region: region, Credentials: test}),
	}
	_, err := a.logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(group)})
	a.must(err)
	queue, err := a.queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("mail")})
	a.must(err)
	a.queue = *queue.QueueUrl
	a.makeTopic()
	return a
}

func (a *account) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a *account) makeTopic() {
	a.t.Helper()
	topic, err := a.topics.CreateTopic(a.t.Context(), &sns.CreateTopicInput{Name: aws.String("pager")})
	a.must(err)
	a.topic = *topic.TopicArn
	_, err = a.topics.Subscribe(a.t.Context(), &sns.SubscribeInput{TopicArn: &a.topic, Protocol: aws.String("sqs"), Endpoint: aws.String("arn:aws:sqs:" + region + ":123456789012:mail")})
	a.must(err)
}

// log puts lines of the last minutes into a new log stream, in the place of all others.
func (a *account) log(broken bool) {
	a.t.Helper()
	stream := func() *string { return aws.String(fmt.Sprintf("edge/nginx/%d", a.streams)) }
	if a.streams > 0 {
		_, err := a.logs.DeleteLogStream(a.t.Context(), &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: aws.String(group), LogStreamName: stream()})
		a.must(err)
	}
	a.streams++
	_, err := a.logs.CreateLogStream(a.t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String(group), LogStreamName: stream()})
	a.must(err)
	var events []logtypes.InputLogEvent
	first := time.Now().Add(-8 * time.Minute)
	for n := range 60 {
		at := first.Add(time.Duration(n) * 5 * time.Second)
		client, header := fmt.Sprintf("198.51.100.%d", n+1), fmt.Sprintf("198.51.100.%d", n+1)
		if broken {
			client, header = "10.16.1.11", "-"
		}
		text := fmt.Sprintf(`%s - - [%s] "GET /cart HTTP/1.1" 200 512 "-" "Mozilla/5.0 (agent %d)" "-" "-" 10.16.1.11 %s "shop.example" %032x %d.000 0.010 300 https "10.16.1.14:80" "200" "0.009"`,
			client, at.UTC().Format("02/Jan/2006:15:04:05 +0000"), n%20, header, n, at.Unix())
		events = append(events, logtypes.InputLogEvent{Message: &text, Timestamp: aws.Int64(at.UnixMilli())})
	}
	_, err = a.logs.PutLogEvents(a.t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String(group), LogStreamName: stream(), LogEvents: events})
	a.must(err)
}

// A mail is what the topic hands to its subscribers.
type mail struct{ Subject, Message string }

// mails takes all mails out of the queue.
func (a *account) mails() (all []mail) {
	a.t.Helper()
	for {
		got, err := a.queues.ReceiveMessage(a.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &a.queue, MaxNumberOfMessages: 10})
		a.must(err)
		if len(got.Messages) == 0 {
			return all
		}
		for i := range got.Messages {
			var m mail
			a.must(json.Unmarshal([]byte(*got.Messages[i].Body), &m))
			all = append(all, m)
			_, err := a.queues.DeleteMessage(a.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &a.queue, ReceiptHandle: got.Messages[i].ReceiptHandle})
			a.must(err)
		}
	}
}

func (a *account) start() *lambdatest.Function {
	a.t.Helper()
	return lambdatest.StartForTest(a.t, lambdatest.Config{
		Binary: lambdatest.Build(a.t, "."), FunctionName: "shop-diagnosis", Region: region,
		Env: []string{
			"AWS_ENDPOINT_URL=" + a.endpoint, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_MAX_ATTEMPTS=1",
			"CLEARHOP_NLB=10.16.1.11", "CLEARHOP_TRUSTED=10.16.1.13", "CLEARHOP_DIAGNOSIS_LOG_GROUPS=,/ecs/*,",
			"CLEARHOP_DIAGNOSIS_TOPIC=" + a.topic, "CLEARHOP_DIAGNOSIS_STATE=s3://events/diagnosis/state.json", "CLEARHOP_DIAGNOSIS_NAME=shop",
		},
	})
}

// TestFromLinesToMail is the whole way of a finding: lines in a log group, the built
// function, its state in S3, the topic, and the mail that a subscriber gets.
func TestFromLinesToMail(t *testing.T) {
	a := newAccount(t)
	f := a.start()
	run := func(when string, want ...string) []mail {
		t.Helper()
		result, err := f.Invoke(t.Context(), []byte(`{"whatever":true}`), timeout)
		if err != nil {
			t.Fatalf("%s: %v\n%s", when, err, result.Logs)
		}
		got := a.mails()
		for i := range max(len(got), len(want)) {
			if len(got) != len(want) || !strings.HasPrefix(got[i].Subject, want[i]) {
				t.Fatalf("%s: got %q, want %q\n%s", when, got, want, result.Logs)
			}
		}
		return got
	}
	a.log(false)
	run("in a right chain")
	if keys := a.bucket.Keys(); len(keys) > 0 {
		t.Errorf("the bucket holds %s", keys)
	}
	a.log(true)
	began := run("when it breaks", "shop: proxy_protocol_off at the edge hop began, 100.0% of lines")
	for _, want := range []string{"Seen in 60 of 60 lines", "Peers: 10.16.1.11 (60 of 60)", "real_ip_header proxy_protocol;", "GET /cart", "--nlb 10.16.1.11 \\ --trusted 10.16.1.13"} {
		if !strings.Contains(strings.Join(strings.Fields(began[0].Message), " "), want) {
			t.Errorf("the mail lacks %q:\n%s", want, began[0].Message)
		}
	}
	holdCommand(t, a, began[0].Message)
	run("while it is broken")
	f.Shutdown(t.Context())
	f = a.start() // a new instance knows what the old one sent
	run("after a new start")
	a.log(false)
	run("right for one period")
	run("right for two")
	run("right for three", "shop: proxy_protocol_off at the edge hop ended")
	run("later")

	// What cannot be published fails the function, and is published by the next run.
	a.log(true)
	_, err := a.topics.DeleteTopic(t.Context(), &sns.DeleteTopicInput{TopicArn: &a.topic})
	a.must(err)
	_, err = f.Invoke(t.Context(), nil, timeout)
	if failed, ok := errors.AsType[*lambdatest.FunctionError](err); !ok || !strings.Contains(failed.Message, "publish to the topic: ") {
		t.Errorf("without a topic: %v", err)
	}
	a.makeTopic()
	run("with the topic", "shop: proxy_protocol_off at the edge hop is back, 100.0% of lines")
	run("with the topic")
}

// holdCommand runs the command of a mail as a person would paste it.
func holdCommand(t *testing.T, a *account, text string) {
	t.Helper()
	_, command, found := strings.Cut(text, "To look closer:\n")
	command, _, _ = strings.Cut(command, "\n\n")
	if !found || !strings.HasPrefix(command, "  clearhop doctor --log-group '"+group+"' \\\n") {
		t.Fatalf("there is no command in:\n%s", text)
	}
	program := buildtest.Program(t, buildtest.Config{Package: "clearhop/cmd/clearhop"})
	cmd := exec.Command("sh", "-c", strings.Replace(command, "clearhop", program, 1))
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+a.endpoint, "AWS_REGION="+region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || !strings.Contains(string(out), "proxy_protocol_off") {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
}

func TestEveryBadSettingIsNamedAtStart(t *testing.T) {
	_, err := lambdatest.Start(t.Context(), lambdatest.Config{Binary: lambdatest.Build(t, "."), Env: []string{
		"CLEARHOP_NLB=10.0.0.0/33", "CLEARHOP_DIAGNOSIS_TOPIC=pager",
	}})
	failed, ok := errors.AsType[*lambdatest.InitError](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"CLEARHOP_DIAGNOSIS_TOPIC: ", "CLEARHOP_DIAGNOSIS_LOG_GROUPS: ", "CLEARHOP_DIAGNOSIS_STATE: ", "10.0.0.0/33"} {
		if !strings.Contains(failed.Logs, want) {
			t.Errorf("%q is not in the log:\n%s", want, failed.Logs)
		}
	}
}
