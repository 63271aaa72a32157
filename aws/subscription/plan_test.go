package subscription_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"clearhop/aws/subscription"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const (
	account   = "123456789012"
	function  = "arn:aws:lambda:eu-central-1:123456789012:function:sub"
	elsewhere = "arn:aws:logs:eu-central-1:999999999999:destination:clearhop"
	stream    = "arn:aws:kinesis:eu-central-1:123456789012:stream/lines"
	firehose  = "arn:aws:firehose:eu-central-1:123456789012:deliverystream/lines"
	role      = "arn:aws:iam::123456789012:role/logs"
)

func destination(t testing.TB, arn string) (d subscription.Destination) {
	t.Helper()
	if err := d.UnmarshalText([]byte(arn)); err != nil {
		t.Fatal(err)
	}
	return d
}

// has is a filter that a group has.
func has(name, to, pattern, role string) types.SubscriptionFilter {
	f := types.SubscriptionFilter{FilterName: &name, DestinationArn: &to, FilterPattern: &pattern, Distribution: types.DistributionByLogStream}
	if role != "" {
		f.RoleArn = &role
	}
	return f
}

func group(name string, filters ...types.SubscriptionFilter) subscription.Group {
	return subscription.Group{Name: name, Account: account, Filters: filters}
}

func byPrefix(g subscription.Group) subscription.Group {
	g.ByPrefix = true
	return g
}

func ofClass(g subscription.Group, class types.LogGroupClass) subscription.Group {
	g.Class = class
	return g
}

// says returns a plan in one line.
func says(c subscription.Change, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return strings.TrimSuffix(string(c.Action)+": "+c.Detail, ": ")
}

func TestPlan(t *testing.T) {
	toFunction := subscription.Filter{Name: "clearhop", To: destination(t, function)}
	toOtherAccount := subscription.Filter{Name: "clearhop", To: destination(t, elsewhere)}
	errorsOnly := toFunction
	errorsOnly.Pattern = "ERROR"
	toAlias := subscription.Filter{Name: "clearhop", To: destination(t, function+":live")}
	toStream := subscription.Filter{Name: "clearhop", To: destination(t, stream), RoleARN: role}
	toFirehose := subscription.Filter{Name: "clearhop", To: destination(t, firehose), RoleARN: role}
	ours := has("clearhop", function, "", "")

	f := func(filter subscription.Filter, g subscription.Group, want string) {
		t.Helper()
		if got := says(filter.Plan(g)); got != want {
			t.Errorf("%s: %s\nwant %s", g.Name, got, want)
		}
	}
	f(toFunction, group("web"), "create")
	f(toFunction, byPrefix(group("web")), "create")
	f(toOtherAccount, group("web"), "create")
	f(toOtherAccount, group("web", has("clearhop", elsewhere, "", "")), "keep")
	f(toFunction, group("web", has("other", stream, "", role)), "create")
	f(toFunction, group("web", ours), "keep")
	f(toFunction, group("web", has("other", stream, "", role), ours), "keep")
	f(toFunction, group("web", has("clearhop", function, "", role)), "keep")
	f(toStream, group("web", has("clearhop", stream, "", role)), "keep")

	f(errorsOnly, group("web", ours), `update: pattern was ""`)
	f(toFunction, group("web", has("clearhop", stream, "a \"b\"", role)), "update: destination was "+stream+`, pattern was "a \"b\""`)
	f(toFunction, group("web", has("other", firehose, "", role), has("clearhop", stream, "", role)), "update: destination was "+stream)
	f(toStream, group("web", has("clearhop", stream, "", "arn:old")), "update: role was arn:old")
	f(toAlias, group("web", ours), "update: destination was "+function)

	// How many filters a group may have, AWS knows.
	f(toFunction, group("web", has("a", stream, "", role), has("b", firehose, "", role)), "create")
	f(toFunction, group("web", has("Clearhop", stream, "", role), has("clearhop-2", firehose, "", role)), "create")

	// A second filter would send events twice.
	f(toFunction, group("web", has("stack", function, "", "")), `keep: its filter "stack" already sends to the destination`)
	f(toFunction, group("web", has("stack", function, "", ""), has("clearhop", stream, "", role)), `keep: its filter "stack" already sends to the destination`)
	f(errorsOnly, group("web", has("stack", function, "", "")), `error: its filter "stack" already sends to the destination, with another pattern`)
	f(toFunction, group("web", has("stack", function, "", ""), ours), "keep")

	// No endless loops.
	const own = "it is the log of the destination itself"
	const ofFirehose = "it is the log of a Firehose stream, whose errors could come back to it in an endless loop"
	const ofFunction = "it is the log of a function; give its full name to subscribe it"
	f(toFunction, group("/aws/lambda/sub"), "error: "+own)
	f(toAlias, group("/aws/lambda/sub"), "error: "+own)
	f(toFunction, group("/aws/lambda/sub", ours), "error: "+own)
	f(toFunction, byPrefix(group("/aws/lambda/sub")), "skip: "+own)
	f(toFunction, group("/aws/lambda/sub-2"), "create")
	f(toFunction, byPrefix(group("/aws/lambda/sub-2")), "skip: "+ofFunction)
	f(toStream, byPrefix(group("/aws/lambda/sub")), "skip: "+ofFunction)
	f(toStream, group("/aws/lambda/sub"), "create")
	for _, filter := range []subscription.Filter{toFunction, toStream, toFirehose} {
		f(filter, group("/aws/kinesisfirehose/lines"), "error: "+ofFirehose)
		f(filter, byPrefix(group("/aws/kinesisfirehose/lines")), "skip: "+ofFirehose)
		f(filter, group("/aws/kinesis"), "create")
	}

	f(toFunction, ofClass(group("web"), types.LogGroupClassStandard), "create")
	for _, class := range types.LogGroupClass("").Values() {
		if class != types.LogGroupClassStandard {
			f(toFunction, byPrefix(ofClass(group("web"), class)), "error: its class is "+string(class)+"; only STANDARD log groups can be subscribed")
		}
	}
	f(toFunction, subscription.Group{Name: "web", Account: "210987654321"}, "error: it belongs to account 210987654321 and the destination to account "+account+"; both must be in the same account, or the other one must offer a destination of CloudWatch Logs")
}

func TestPlanRemoval(t *testing.T) {
	ours := has("clearhop", function, "", "")
	f := func(to subscription.Destination, g subscription.Group, want string) {
		t.Helper()
		if got := says(subscription.Removal{Name: "clearhop", To: to}.Plan(g)); got != want {
			t.Errorf("%s: %s\nwant %s", g.Name, got, want)
		}
	}
	anywhere, there := subscription.Destination{}, destination(t, stream)
	f(anywhere, group("web"), `keep: it has no filter "clearhop"`)
	f(anywhere, group("web", has("clearhop-2", function, "", "")), `keep: it has no filter "clearhop"`)
	f(anywhere, group("web", has("a", function, "", ""), ours), "remove: destination was "+function)
	f(anywhere, byPrefix(group("/aws/lambda/sub", ours)), "remove: destination was "+function)
	f(there, group("web", ours), `keep: its filter "clearhop" sends to `+function)
	f(there, group("web", has("clearhop", stream, "x", role)), "remove: destination was "+stream)
}

// TestFullError: callers can distinguish a full group from other failures, and the
// message names the filters of which one must go.
func TestFullError(t *testing.T) {
	refusal := &types.LimitExceededException{Message: aws.String("Resource limit exceeded.")}
	logs := &subscription.Logs{PutSubscriptionFilter: func(context.Context, *cloudwatchlogs.PutSubscriptionFilterInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutSubscriptionFilterOutput, error) {
		return nil, refusal
	}}
	filter := subscription.Filter{Name: "clearhop", To: destination(t, function)}
	for _, tt := range []struct {
		had  []types.SubscriptionFilter
		want string
	}{
		{nil, "put subscription filter: LimitExceededException: Resource limit exceeded."},
		{[]types.SubscriptionFilter{has("a", stream, "", role), has("b", firehose, "", role)},
			`AWS allows it no more subscription filters than the 2 that it has; remove one of them: "a", "b"`},
	} {
		change, err := filter.Plan(group("web", tt.had...))
		if err != nil {
			t.Fatal(err)
		}
		err = logs.Apply(t.Context(), change)
		var full *subscription.FullError
		if !errors.As(err, &full) || len(full.Filters) != len(tt.had) || err.Error() != tt.want || !errors.Is(err, refusal) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

// TestUpdateKeeps: AWS resets the settings that an update leaves out, so an update
// repeats those that are not ours.
func TestUpdateKeeps(t *testing.T) {
	had := has("clearhop", stream, "old", role)
	had.Distribution = types.DistributionRandom
	had.ApplyOnTransformedLogs = true
	had.EmitSystemFields = []string{"@aws.account"}
	had.FieldSelectionCriteria = aws.String(`@aws.region = "eu-central-1"`)
	f := func(filter subscription.Filter, want string) {
		t.Helper()
		change, err := filter.Plan(group("web", had))
		if err != nil {
			t.Fatal(err)
		}
		var put *cloudwatchlogs.PutSubscriptionFilterInput
		logs := subscription.Logs{PutSubscriptionFilter: keepInput(&put)}
		if err := logs.Apply(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(put)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	const kept = `"ApplyOnTransformedLogs":true,"Distribution":"%s","EmitSystemFields":["@aws.account"],"FieldSelectionCriteria":"@aws.region = \"eu-central-1\"",`
	f(subscription.Filter{Name: "clearhop", To: destination(t, stream), RoleARN: role},
		`{"DestinationArn":"`+stream+`","FilterName":"clearhop","FilterPattern":"","LogGroupName":"web",`+strings.Replace(kept, "%s", "Random", 1)+`"RoleArn":"`+role+`"}`)
	f(subscription.Filter{Name: "clearhop", To: destination(t, function)},
		`{"DestinationArn":"`+function+`","FilterName":"clearhop","FilterPattern":"","LogGroupName":"web",`+strings.Replace(kept, "%s", "", 1)+`"RoleArn":null}`)
}

func TestDestination(t *testing.T) {
	f := func(arn, want string) {
		t.Helper()
		var d subscription.Destination
		err := d.UnmarshalText([]byte(arn))
		got := strings.TrimRight(strings.Join([]string{d.Service, d.Partition, d.Region, d.Account, d.Name, d.Qualifier}, " "), " ")
		if err != nil {
			if d != (subscription.Destination{}) {
				t.Errorf("%s: a destination beside the error", arn)
			}
			got = err.Error()
		} else if d.ARN != arn {
			t.Errorf("%s: the ARN is %s", arn, d.ARN)
		}
		if got != want {
			t.Errorf("%s: %s\nwant %s", arn, got, want)
		}
	}
	f(function, "lambda aws eu-central-1 123456789012 sub")
	f(function+":live", "lambda aws eu-central-1 123456789012 sub live")
	f(function+":$LATEST", "lambda aws eu-central-1 123456789012 sub $LATEST")
	f(stream, "kinesis aws eu-central-1 123456789012 lines")
	f(firehose, "firehose aws eu-central-1 123456789012 lines")
	f(elsewhere, "logs aws eu-central-1 999999999999 clearhop")
	f("arn:aws-cn:lambda:cn-north-1:123456789012:function:sub", "lambda aws-cn cn-north-1 123456789012 sub")

	no := func(arn, why string) {
		t.Helper()
		f(arn, `"`+arn+`"`+why)
	}
	const noARN, noDestination, wrong = " is not an ARN", " is not the ARN of a Lambda function, Kinesis stream, Firehose stream or destination of CloudWatch Logs", ": its region, account or name is missing or wrong"
	no("", noARN)
	no("sub", noARN)
	no("arn:aws:lambda:eu-central-1", noARN)
	no("arn:aws:s3:::bucket", noDestination)
	no("arn:aws:logs:eu-central-1:123456789012:log-group:there", noDestination)
	no("arn:aws:logs:eu-central-1:123456789012:destination:", wrong)
	no("arn:aws:logs:eu-central-1:123456789012:destination:there:x", wrong)
	no("arn:aws:lambda:eu-central-1:123456789012:layer:sub", noDestination)
	no("arn:aws:lambda:eu-central-1:123456789012:sub", noDestination)
	no("arn:aws:kinesis:eu-central-1:123456789012:stream:lines", noDestination)
	no("arn:aws:firehose:eu-central-1:123456789012:stream/lines", noDestination)
	no("arn:aws:lambda::123456789012:function:sub", wrong)
	no("arn:aws:lambda:eu-central-1:12345678901:function:sub", wrong)
	no("arn:aws:lambda:eu-central-1:12345678901x:function:sub", wrong)
	no("arn:aws:lambda:eu-central-1:123456789012:function:", wrong)
	no("arn:aws:lambda:eu-central-1:123456789012:function:sub:", wrong)
	no("arn:aws:lambda:eu-central-1:123456789012:function:sub:live:x", wrong)
	no("arn:aws:lambda:eu-central-1:123456789012:function:s'b", wrong)
	no("arn:aws:kinesis:eu-central-1:123456789012:stream/", wrong)
	no("arn:aws:kinesis:eu-central-1:123456789012:stream/a/b", wrong)
}

func TestPermissionCommand(t *testing.T) {
	f := func(arn, want string) {
		t.Helper()
		if got := destination(t, arn).PermissionCommand(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	f(stream, "")
	f("arn:aws-cn:lambda:cn-north-1:123456789012:function:sub:$LATEST", "aws lambda add-permission --region cn-north-1 --function-name sub --qualifier '$LATEST' --statement-id cloudwatch-logs"+
		" --action lambda:InvokeFunction --principal logs.amazonaws.com --source-account 123456789012 --source-arn 'arn:aws-cn:logs:cn-north-1:123456789012:log-group:*'")
}

func TestValidate(t *testing.T) {
	f := func(filter subscription.Filter, want string) {
		t.Helper()
		got := ""
		if err := filter.Validate(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	toFunction, toStream := destination(t, function), destination(t, stream)
	f(subscription.Filter{Name: "clearhop", To: toFunction, Pattern: strings.Repeat("x", 1024)}, "")
	f(subscription.Filter{Name: strings.Repeat("x", 512), To: toStream, RoleARN: role}, "")
	f(subscription.Filter{Name: "clearhop", To: toStream, RoleARN: "logs"}, `"logs" is not the ARN of an IAM role`)
	f(subscription.Filter{Name: "clearhop", To: toStream, RoleARN: "arn:aws:iam::123456789012:user/me"}, `"arn:aws:iam::123456789012:user/me" is not the ARN of an IAM role`)
	f(subscription.Filter{To: toFunction, Pattern: strings.Repeat("x", 1025), RoleARN: role},
		"\"\" is not a filter name: use 1 to 512 characters, but not : and *\nthe pattern is longer than 1024 bytes\na Lambda function needs no role; leave it out")
}
