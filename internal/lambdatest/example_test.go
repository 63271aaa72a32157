package lambdatest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"clearhop/internal/lambdatest"
)

// It has no output to compare: it takes a built function.
func ExampleStart() {
	ctx := context.Background()
	f, err := lambdatest.Start(ctx, lambdatest.Config{
		Binary:       "build/forwarder/bootstrap",
		FunctionName: "forwarder",
		Env:          []string{"CLEARHOP_NLB=10.16.1.11"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer f.Shutdown(ctx)

	res, err := f.Invoke(ctx, []byte(`{"awslogs":{"data":""}}`), 30*time.Second)
	if failed, ok := errors.AsType[*lambdatest.FunctionError](err); ok {
		fmt.Println(failed.Type, failed.Message)
		return
	}
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Printf("%s after %v\n%s", res.Payload, res.Duration, res.Logs)
}
