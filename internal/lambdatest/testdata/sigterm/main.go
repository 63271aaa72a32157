// Command sigterm is a Lambda function that asks for SIGTERM. With STAY set it
// says so and stays, as Go functions do that do not exit in the callback.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

type request struct {
	Hang bool `json:"hang"`
}

func handle(r request) (string, error) {
	if r.Hang {
		select {}
	}
	return "ok", nil
}

func main() {
	lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() {
		fmt.Println("flushed before the end")
		if os.Getenv("STAY") == "" {
			os.Exit(0)
		}
	}))
}
