// Command transform is the Lambda function of a Firehose stream's data
// transformation. It receives records and answers with the enriched events of
// each. A record is a compressed payload of CloudWatch Logs, or lines that
// Firehose has taken out of one.
//
// The table of its settings is in docs/settings.md.
package main

import (
	"context"
	"os"

	outlets "clearhop/delivery"
	"clearhop/functions/delivery"
	"clearhop/functions/handler"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	f, err := delivery.OpenAnswerer(context.Background(), "transform", os.Environ(), os.Stderr)
	if err != nil {
		delivery.Fail(os.Stderr, err)
	}
	lambda.StartWithOptions(handler.NewTransform(f, &outlets.Opener{}).Handle, lambda.WithEnableSIGTERM(f.Terminate))
}
