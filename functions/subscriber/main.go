// Command subscriber is the Lambda function of a CloudWatch Logs subscription. It
// receives a payload of log events, makes an enriched event of each one, and puts
// the events into the sink that its environment names.
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
	f, err := delivery.OpenShipper(context.Background(), delivery.Shape{Name: "subscriber"}, os.Environ(), os.Stdout, os.Stderr)
	if err != nil {
		delivery.Fail(os.Stderr, err)
	}
	lambda.StartWithOptions(handler.NewSubscriber(f), lambda.WithEnableSIGTERM(f.Terminate))
}
