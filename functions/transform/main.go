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

	"clearhop/functions/delivery"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	f, err := delivery.OpenAnswerer(context.Background(), "transform", os.Environ(), os.Stderr)
	if err != nil {
		delivery.Fail(os.Stderr, err)
	}
	lambda.StartWithOptions(newHandler(f).handle, lambda.WithEnableSIGTERM(f.Terminate))
}
