package main

import (
	"bytes"
	"strings"
	"testing"

	"clearhop/internal/mototest"
)

// TestSmoke: what a person sees of a line that stops, and the exit codes. aws/smoke tests
// the whole way.
func TestSmoke(t *testing.T) {
	endpoint := mototest.Start(t)
	useEndpoint(t, endpoint)
	mototest.AddLogGroup(t, endpoint, region, "/ecs/web")
	mototest.NewStack(t, endpoint, region, "shop", `{
		"Parameters": {"LogGroupName": {"Type": "String", "Default": "/ecs/web"}, "LogFormat": {"Type": "String", "Default": "main"}},
		"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "shop"}}},
		"Outputs": {"EventBucketName": {"Value": {"Ref": "B"}}, "DeadLetterBucketName": {"Value": {"Ref": "B"}}, "WorkGroup": {"Value": "primary"},
			"Database": {"Value": "shop"}, "Destination": {"Value": "arn:aws:lambda:eu-central-1:123456789012:function:shop-subscriber"}}}`, nil)
	f := func(code int, out, errOut string, args ...string) {
		t.Helper()
		var gotOut, gotErr bytes.Buffer
		got := run(t.Context(), append([]string{"smoke"}, args...), strings.NewReader(""), &gotOut, &gotErr)
		if got != code || !strings.Contains(gotOut.String(), out) || !strings.HasSuffix(gotErr.String(), errOut) {
			t.Errorf("%v: exit code %d, %q, %q\nwant %d, %q, %q", args, got, gotOut.String(), gotErr.String(), code, out, errOut)
		}
	}
	const subscribe = "Deploy the stack with this log group, or run: clearhop subscribe --to arn:aws:lambda:eu-central-1:123456789012:function:shop-subscriber /ecs/web"
	f(exitFailed, "", "clearhop: No subscription filter of /ecs/web sends to the stack\nclearhop: "+subscribe+"\n", "--stack", "shop")
	f(exitFailed, `"stage":"subscription","seconds":0,"reason":"No subscription filter of /ecs/web sends to the stack. `+subscribe+`"}`, "Ctrl-C ends the waiting\n", "--stack", "shop", "--json")
	f(exitUsage, "", "clearhop: --stack: there is no stack \"shop2\" in this account and region\n", "--stack", "shop2")
	f(exitUsage, "", "clearhop: --poll: 0s is no time to wait\n", "--stack", "shop", "--poll", "0s")
	f(exitUsage, "", "give another format that the log group has with --format\n", "--stack", "shop", "--format", "$status")
	t.Setenv("AWS_REGION", "")
	f(exitUsage, "", "clearhop: aws configuration: no region is set, for example by AWS_REGION\n", "--stack", "shop")
}
