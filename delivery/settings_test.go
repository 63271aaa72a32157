package delivery_test

import (
	"testing"

	"clearhop/delivery"
	"clearhop/functions/environment"
)

func TestSettings(t *testing.T) {
	f := func(want string, environ ...string) {
		t.Helper()
		var s delivery.Settings
		if err := environment.Load(environ, &s); err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := s.Check(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%v: got %q, want %q", environ, got, want)
		}
	}
	f("", "CLEARHOP_FIREHOSE_STREAM=events")
	f("", "CLEARHOP_SINK=file", "CLEARHOP_FILE=/tmp/x")
	f("", "CLEARHOP_SINK=stdout")
	f("CLEARHOP_FIREHOSE_STREAM: the sink firehose needs it")
	f("CLEARHOP_FIREHOSE_STREAM: is given, but the sink is file\nCLEARHOP_FILE: the sink file needs it",
		"CLEARHOP_SINK=file", "CLEARHOP_FIREHOSE_STREAM=events")
	f("", "CLEARHOP_SINK=s3", "CLEARHOP_S3=s3://bucket/events", "CLEARHOP_S3_FORMAT=parquet", "CLEARHOP_DEAD_LETTERS=s3://bucket/dead/")
	f("", "CLEARHOP_SINK=kinesis", "CLEARHOP_KINESIS_STREAM=events", "CLEARHOP_DEAD_LETTERS=https://sqs.eu-central-1.amazonaws.com/123456789012/dead")
	f("CLEARHOP_S3: is not of the form s3://bucket/prefix/\n"+`CLEARHOP_S3_FORMAT: there is no format "csv"; known: ndjson.gz, ndjson.zst, parquet`, "CLEARHOP_SINK=s3", "CLEARHOP_S3=bucket", "CLEARHOP_S3_FORMAT=csv")
	f("", "CLEARHOP_SINK=stdout", "CLEARHOP_ROUTES=a=firehose:x,b=s3://bucket/p/")
	f(`CLEARHOP_ROUTES: a: "sns:x" is none of firehose:STREAM, kinesis:STREAM and s3://bucket/prefix/`, "CLEARHOP_SINK=stdout", "CLEARHOP_ROUTES=a=sns:x")
	f("CLEARHOP_DEAD_LETTERS: is neither s3://bucket/prefix/ nor the URL of a queue", "CLEARHOP_SINK=stdout", "CLEARHOP_DEAD_LETTERS=dead")
	f("CLEARHOP_DEAD_LETTERS: is not of the form s3://bucket/prefix/", "CLEARHOP_SINK=stdout", "CLEARHOP_DEAD_LETTERS=s3:dead")
	f(`CLEARHOP_SINK: there is no sink "sns"; known: firehose, kinesis, s3, file, stdout`, "CLEARHOP_SINK=sns")
}
