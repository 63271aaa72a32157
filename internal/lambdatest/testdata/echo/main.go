// Command echo is a Lambda function that answers with its payload.
package main

import (
	"encoding/json"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(payload json.RawMessage) (json.RawMessage, error) { return payload, nil })
}
