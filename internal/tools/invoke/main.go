// Command invoke runs a built Lambda function once, without Lambda. It gives the
// payload to the bootstrap as the service would, and prints the response to
// standard output and the function's logs to standard error. With -events it prints
// the events that the function delivers to standard output instead, and the response
// to standard error:
//
//	invoke [-events] [-env KEY=VALUE ...] [-timeout 30s] BOOTSTRAP PAYLOAD-FILE|-
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
