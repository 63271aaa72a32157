// Command faults is a Lambda function that fails as its payload tells it to.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type request struct {
	Do   string `json:"do"`
	Size int    `json:"size"` // bytes
}

// A tooHot is an error with a type of its own.
type tooHot struct{ degrees int }

func (e *tooHot) Error() string { return fmt.Sprintf("%d degrees", e.degrees) }

func handle(ctx context.Context, r request) (any, error) {
	switch r.Do {
	case "error":
		return nil, &tooHot{451}
	case "panic":
		panic("out of cheese")
	case "exit":
		fmt.Println("going now")
		os.Exit(7)
	case "hang":
		log.Print("hanging")
		select {} // not even for its context
	case "deadline":
		deadline, ok := ctx.Deadline()
		if !ok {
			return nil, errors.New("no deadline")
		}
		return deadline.UnixMilli(), nil
	case "log":
		fmt.Print("to standard output: " + strings.Repeat("o", r.Size) + "\n")
		fmt.Fprint(os.Stderr, "to standard error\n")
		return r.Size, nil
	case "answer":
		// MultiReader's only because LimitReader's has exported fields, which
		// aws-lambda-go would answer with instead of what it reads.
		return io.MultiReader(io.LimitReader(zeros{}, int64(r.Size))), nil
	case "break off":
		return io.MultiReader(strings.NewReader("the first half"), broken{}), nil
	case "environment":
		return os.Environ(), nil
	case "context":
		lc, _ := lambdacontext.FromContext(ctx)
		return map[string]any{
			"id":    lc.AwsRequestID,
			"arn":   lc.InvokedFunctionArn,
			"trace": os.Getenv("_X_AMZN_TRACE_ID"),
			"group": lambdacontext.LogGroupName,
			"mb":    lambdacontext.MemoryLimitInMB,
		}, nil
	}
	return os.Getpid(), nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the source dried up") }

func main() { lambda.Start(handle) }
