package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/internal/golden"
	"clearhop/internal/mototest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	firehosetypes "github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/rogpeppe/go-internal/testscript"
)

// An awsAccount is one in moto: the function "clearhop-subscriber", the Kinesis
// stream "lines" and the Firehose stream "lines".
type awsAccount struct {
	endpoint string
	logs     *cloudwatchlogs.Client
}

func newAWSAccount(t *testing.T) *awsAccount {
	t.Helper()
	endpoint := mototest.Start(t)
	mototest.AddFunction(t, endpoint, region, "clearhop-subscriber")
	keys := credentials.NewStaticCredentialsProvider("test", "test", "")
	_, err := kinesis.New(kinesis.Options{BaseEndpoint: &endpoint, Region: region, Credentials: keys}).
		CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("lines"), ShardCount: aws.Int32(1)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = firehose.New(firehose.Options{BaseEndpoint: &endpoint, Region: region, Credentials: keys}).
		CreateDeliveryStream(t.Context(), &firehose.CreateDeliveryStreamInput{
			DeliveryStreamName: aws.String("lines"),
			ExtendedS3DestinationConfiguration: &firehosetypes.ExtendedS3DestinationConfiguration{
				BucketARN: aws.String("arn:aws:s3:::lines"),
				RoleARN:   aws.String("arn:aws:iam::123456789012:role/firehose"),
			},
		})
	if err != nil {
		t.Fatal(err)
	}
	return &awsAccount{
		endpoint: endpoint,
		logs:     cloudwatchlogs.New(cloudwatchlogs.Options{BaseEndpoint: &endpoint, Region: region, Credentials: keys}),
	}
}

// groups NAME... makes log groups.
func (a *awsAccount) groups(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		_, err := a.logs.CreateLogGroup(context.Background(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name})
		ts.Check(err)
	}
}

// filter GROUP NAME DESTINATION puts somebody else's filter on a log group.
func (a *awsAccount) filter(ts *testscript.TestScript, _ bool, args []string) {
	_, err := a.logs.PutSubscriptionFilter(context.Background(), &cloudwatchlogs.PutSubscriptionFilterInput{
		LogGroupName: &args[0], FilterName: &args[1], DestinationArn: &args[2], FilterPattern: aws.String(""),
	})
	ts.Check(err)
}

// filters prints what filters there are.
func (a *awsAccount) filters(ts *testscript.TestScript, _ bool, _ []string) {
	groups, err := a.logs.DescribeLogGroups(context.Background(), &cloudwatchlogs.DescribeLogGroupsInput{})
	ts.Check(err)
	for _, group := range groups.LogGroups {
		described, err := a.logs.DescribeSubscriptionFilters(context.Background(), &cloudwatchlogs.DescribeSubscriptionFiltersInput{LogGroupName: group.LogGroupName})
		ts.Check(err)
		for _, f := range described.SubscriptionFilters {
			fmt.Fprintf(ts.Stdout(), "%s %s %s role=%s pattern=%q\n", *group.LogGroupName, *f.FilterName, *f.DestinationArn, aws.ToString(f.RoleArn), *f.FilterPattern)
		}
	}
}

// TestSubscribeScripts runs the command against moto: each file in
// testdata/aws is a session, in one account for all.
func TestSubscribeScripts(t *testing.T) {
	account := newAWSAccount(t)
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "aws"),
		UpdateScripts: golden.Updating(),
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars,
				"AWS_ENDPOINT_URL="+account.endpoint, "AWS_REGION="+region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
				"AWS_CONFIG_FILE=none", "AWS_SHARED_CREDENTIALS_FILE=none", "AWS_EC2_METADATA_DISABLED=true",
				"FUNCTION=arn:aws:lambda:eu-central-1:123456789012:function:clearhop-subscriber",
				"STREAM=arn:aws:kinesis:eu-central-1:123456789012:stream/lines",
				"FIREHOSE=arn:aws:firehose:eu-central-1:123456789012:deliverystream/lines",
				"ROLE=arn:aws:iam::123456789012:role/logs",
			)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"groups":  account.groups,
			"filter":  account.filter,
			"filters": account.filters,
		},
	})
}

// TestSubscribeThrottled: calls that are throttled or in conflict are made
// again; one that meets the limit of filters is not.
func TestSubscribeThrottled(t *testing.T) {
	account := newAWSAccount(t)
	target, err := url.Parse(account.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	moto := httputil.NewSingleHostReverseProxy(target)
	answers := map[string]string{
		"Logs_20140328.DescribeLogGroups":           "ThrottlingException",
		"Logs_20140328.DescribeSubscriptionFilters": "ServiceUnavailableException",
		"Logs_20140328.PutSubscriptionFilter":       "OperationAbortedException",
	}
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := r.Header.Get("X-Amz-Target")
		asked = append(asked, strings.TrimPrefix(call, "Logs_20140328."))
		code, bad := answers[call]
		if !bad {
			moto.ServeHTTP(w, r)
			return
		}
		delete(answers, call)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		status := http.StatusBadRequest
		if code == "ServiceUnavailableException" {
			status = http.StatusServiceUnavailable
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"__type":%q,"message":"No."}`, code)
	}))
	defer proxy.Close()
	useEndpoint(t, proxy.URL)
	for _, name := range []string{"/ecs/web", "/ecs/api"} {
		if _, err := account.logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name}); err != nil {
			t.Fatal(err)
		}
	}
	f := func(group string, code int, out, errOut, calls string) {
		t.Helper()
		asked = nil
		var gotOut, gotErr bytes.Buffer
		const to = "arn:aws:lambda:eu-central-1:123456789012:function:clearhop-subscriber"
		got := run(t.Context(), []string{"subscribe", "--to", to, group}, strings.NewReader(""), &gotOut, &gotErr)
		if got != code || gotOut.String() != out || gotErr.String() != errOut {
			t.Errorf("exit code %d, %q, %q, want %d, %q, %q", got, gotOut.String(), gotErr.String(), code, out, errOut)
		}
		if got := strings.Join(asked, " "); got != calls {
			t.Errorf("calls: %s\nwant:  %s", got, calls)
		}
	}
	f("/ecs/web", exitOK, "created       /ecs/web\n", "", "DescribeLogGroups DescribeLogGroups "+
		"DescribeSubscriptionFilters DescribeSubscriptionFilters PutSubscriptionFilter PutSubscriptionFilter")
	answers["Logs_20140328.PutSubscriptionFilter"] = "LimitExceededException"
	f("/ecs/api", exitFailed, "failed        /ecs/api: put subscription filter: LimitExceededException: No.\n", "clearhop: 1 of 1 log groups failed\n",
		"DescribeLogGroups DescribeSubscriptionFilters PutSubscriptionFilter")
	answers["Logs_20140328.DescribeLogGroups"] = "AccessDeniedException"
	f("/ecs/web", exitFailed, "", "clearhop: describe log groups: AccessDeniedException: No.\n", "DescribeLogGroups")
}

// TestSubscribeInterrupted: the group in hand is finished, the next one not
// begun.
func TestSubscribeInterrupted(t *testing.T) {
	account := newAWSAccount(t)
	target, err := url.Parse(account.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	moto := httputil.NewSingleHostReverseProxy(target)
	ctx, interrupt := context.WithCancel(t.Context())
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutSubscriptionFilter") {
			interrupt()
		}
		moto.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	useEndpoint(t, proxy.URL)
	for _, name := range []string{"/ecs/api", "/ecs/web"} {
		if _, err := account.logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name}); err != nil {
			t.Fatal(err)
		}
	}
	var out, errOut bytes.Buffer
	const to = "arn:aws:lambda:eu-central-1:123456789012:function:clearhop-subscriber"
	code := run(ctx, []string{"subscribe", "--to", to, "--prefix", "/ecs/"}, strings.NewReader(""), &out, &errOut)
	if code != exitInterrupted || out.String() != "created       /ecs/api\n" || errOut.String() != "clearhop: interrupted\n" {
		t.Errorf("exit code %d, %q, %q", code, out.String(), errOut.String())
	}
}

// TestSubscribeUsage: what cannot be meant is refused before any call, all at
// once.
func TestSubscribeUsage(t *testing.T) {
	useEndpoint(t, "http://127.0.0.1:1")
	const (
		function = "arn:aws:lambda:eu-central-1:123456789012:function:clearhop-subscriber"
		stream   = "arn:aws:kinesis:eu-central-1:123456789012:stream/lines"
	)
	f := func(want string, args ...string) {
		t.Helper()
		var out, errOut bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(""), &out, &errOut); code != exitUsage || out.Len() > 0 || errOut.String() != want {
			t.Errorf("%v: exit code %d, %q, want %q", args, code, errOut.String(), want)
		}
	}
	f("clearhop: missing flags: --to=ARN\n", "subscribe", "/ecs/web")
	f("clearhop: <group> ... is missing: see clearhop subscribe --help\n", "subscribe", "--to", function)
	f("clearhop: --to: \"clearhop\" is not an ARN\n", "subscribe", "--to", "clearhop", "/ecs/web")
	f("clearhop: a stream needs a role with which CloudWatch Logs can write to it\n", "subscribe", "--to", stream, "/ecs/web")
	f("clearhop: a Lambda function needs no role; leave it out\n", "subscribe", "--to", function, "--role", "arn:aws:iam::123456789012:role/logs", "/ecs/web")
	f("clearhop: the role is not in the destination's account\n", "subscribe", "--to", stream, "--role", "arn:aws:iam::210987654321:role/logs", "/ecs/web")
	f("clearhop: \"a:b\" is not a filter name: use 1 to 512 characters, but not : and *\n", "unsubscribe", "--filter-name", "a:b", "/ecs/web")
	f("clearhop: \"\" is not a log group name: use letters, digits and - _ . / #, 1 to 512 characters\n"+
		"clearhop: \"/ecs/*\" is not a log group name: use letters, digits and - _ . / #, 1 to 512 characters\n",
		"subscribe", "--to", function, "--prefix", "", "/ecs/*")
	t.Setenv("AWS_REGION", "")
	f("clearhop: aws configuration: no region is set, for example by AWS_REGION\n", "unsubscribe", "/ecs/web")
}
