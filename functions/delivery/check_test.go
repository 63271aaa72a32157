package delivery_test

import (
	"context"
	"errors"
	"testing"

	"clearhop/aws/stored"
	"clearhop/functions/delivery"
)

// TestCheck: the check says what the start of a function says, and asks AWS for nothing.
func TestCheck(t *testing.T) {
	reader := stored.Reader{
		Secret: func(context.Context, string) (string, error) { return "0123456789abcdef", nil },
		Object: func(context.Context, string) ([]byte, error) { return nil, errors.New("forbidden") },
	}
	f := func(want string, returnsEvents bool, environ ...string) {
		t.Helper()
		got := ""
		if err := delivery.Check(t.Context(), environ, returnsEvents, reader); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%v:\n%s\nwant:\n%s", environ, got, want)
		}
	}
	const stream = "CLEARHOP_FIREHOSE_STREAM=events"
	f("", false, stream, "CLEARHOP_NLB=discover:shop", "CLEARHOP_CITY_DB=s3://bucket/geoip/city.mmdb")
	f("", true, "CLEARHOP_DEAD_LETTERS=s3://bucket/letters/", "CLEARHOP_PRIVACY=hash", "CLEARHOP_PRIVACY_KEY=@arn:aws:secretsmanager:eu-central-1:123456789012:secret:key-AbCdEf")
	f("CLEARHOP_TRUSTED: s3://lists/cdn.txt cannot be read: forbidden", false, stream, "CLEARHOP_TRUSTED=@s3://lists/cdn.txt")
	f("CLEARHOP_RULES: route:archive leads nowhere: CLEARHOP_ROUTES does not name it", false, stream, "CLEARHOP_RULES=route:archive verdict=direct")
	f("CLEARHOP_FIREHOSE_STREAM: the sink firehose needs it", false)
	f(`trusted: "10.0.0.0/33" is no address, CIDR or "unix:"`, false, stream, "CLEARHOP_TRUSTED=10.0.0.0/33")
}
