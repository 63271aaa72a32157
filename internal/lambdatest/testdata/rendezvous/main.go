// Command rendezvous is a Lambda function whose invocations answer only once as
// many of them run as their payload says.
package main

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"
)

var (
	mu     sync.Mutex
	here   int // invocations that run now
	all    = make(chan struct{})
	opened bool
)

type request struct {
	Parties int  `json:"parties"` // zero answers at once
	Panic   bool `json:"panic"`
	Hang    bool `json:"hang"` // once all are there
}

func handle(ctx context.Context, r request) (int, error) {
	if r.Panic {
		panic("one of several")
	}
	mu.Lock()
	here++
	now := here
	if here >= r.Parties && !opened {
		opened = true
		close(all)
	}
	mu.Unlock()
	defer func() {
		mu.Lock()
		here--
		mu.Unlock()
	}()
	if r.Parties == 0 {
		return now, nil
	}
	select {
	case <-all:
		if r.Hang {
			fmt.Fprintln(os.Stderr, "all are here")
			select {}
		}
		return r.Parties, nil
	case <-ctx.Done():
		return 0, fmt.Errorf("only %d of %d came: %w", now, r.Parties, ctx.Err())
	}
}

func main() { lambda.Start(handle) }
