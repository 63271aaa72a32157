// Command subscriber is the Lambda function of a CloudWatch Logs subscription:
// it gets a payload of log events, makes an enriched event of each and puts
// them into the sink that its environment names.
//
// The table of its settings is in the README.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"clearhop/functions/delivery"
)

func main() {
	log := delivery.NewLogger(os.Stderr)
	h, err := newHandler(context.Background(), os.Environ(), os.Stdout, log)
	if err != nil {
		log.Error("the function cannot start", "error", err)
		os.Exit(1)
	}
	lambda.StartWithOptions(h, lambda.WithEnableSIGTERM(func() {
		h.close()
		os.Exit(0) // nothing is left to do, so do not wait to be killed
	}))
}
