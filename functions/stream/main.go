// Command stream is the Lambda function of a Kinesis data stream that CloudWatch
// Logs subscriptions write to. It receives records, each a compressed payload of
// log events, makes an enriched event of each log event, and puts the events into
// the sink that its environment names.
//
// The table of its settings is in docs/settings.md.
package main

import (
	"context"
	"os"

	"clearhop/functions/delivery"
	"clearhop/functions/handler"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	f, err := delivery.OpenShipper(context.Background(), delivery.Shape{Name: "stream", Resends: true}, os.Environ(), os.Stdout, os.Stderr)
	if err != nil {
		delivery.Fail(os.Stderr, err)
	}
	lambda.StartWithOptions(handler.NewStream(f).Handle, lambda.WithEnableSIGTERM(f.Terminate))
}
