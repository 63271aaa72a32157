package smoke_test

import (
	"strings"
	"testing"
	"time"

	"clearhop/aws/smoke"
	"clearhop/aws/stack"
)

// TestLine: a line of each kind of format says the path, and can be read back.
func TestLine(t *testing.T) {
	now := time.Date(2026, 11, 29, 4, 0, 0, 0, time.UTC)
	f := func(format, want string) {
		t.Helper()
		got, err := smoke.Line(format, "0123456789abcdef", now)
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v\nwant %s", format, got, err, want)
		}
	}
	const combined = `192.0.2.1 - - [29/Nov/2026:04:00:00 +0000] "GET /clearhop-smoke/0123456789abcdef HTTP/1.1" 200 0 "-" "clearhop-smoke-bot/1.0"`
	f("", combined)
	f("auto", combined)
	f("combined", combined)
	f("main", combined+` "-"`)
	f(`log_format j escape=json '{"ip":"$remote_addr","path":"$request_uri","t":"$time_iso8601"}';`, `{"ip":"192.0.2.1","path":"/clearhop-smoke/0123456789abcdef","t":"2026-11-29T04:00:00+00:00"}`)
	for _, bad := range []string{"$remote_addr $status", "nothing"} {
		if line, err := smoke.Line(bad, "0123456789abcdef", now); err == nil {
			t.Errorf("%s gave %s", bad, line)
		}
	}
}

// TestNew: what is wrong with a stack is said before anything is sent.
func TestNew(t *testing.T) {
	outputs := map[string]string{"EventBucketName": "a", "DeadLetterBucketName": "b", "WorkGroup": "c", "Database": "d", "Destination": "e"}
	f := func(want string, outputs map[string]string, parameters ...string) {
		t.Helper()
		s := stack.Stack{Name: "shop", Status: "ROLLBACK_COMPLETE", Outputs: outputs, Parameters: map[string]string{}}
		for _, p := range parameters {
			name, value, _ := strings.Cut(p, "=")
			s.Parameters[name] = value
		}
		_, err := smoke.New(smoke.Config{Stack: s})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v: %v, want %s", parameters, err, want)
		}
	}
	f(`the stack "shop" has no output EventBucketName (its state is ROLLBACK_COMPLETE)`, nil)
	f("the stack names no log group", outputs)
	f("the stack has formats for single log groups", outputs, "LogGroupName=/ecs/web", "FormatFor=/ecs/*=main")
	f("no line can be written in the format of the stack: ", outputs, "LogGroupName=/ecs/web", "LogFormat=$status")
}
