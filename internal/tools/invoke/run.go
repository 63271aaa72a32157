package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"clearhop/internal/lambdatest"
)

const usage = `usage: invoke [-env KEY=VALUE ...] [-timeout 30s] BOOTSTRAP PAYLOAD-FILE|-

Runs the built Lambda function BOOTSTRAP once with the JSON of PAYLOAD-FILE, or
of standard input for -. The response goes to standard output, the function's
logs go to standard error. The exit code is 1 when the function fails.

  -env KEY=VALUE  set a variable of the function; may be repeated. It inherits
                  none.
  -timeout 30s    the function's deadline
`

// run is the command; it returns the exit code: 0, 1 when the function failed,
// 2 when the command line is wrong.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var env []string
	flags := flag.NewFlagSet("invoke", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	flags.Func("env", "", func(variable string) error {
		env = append(env, variable)
		return nil
	})
	timeout := flags.Duration("timeout", 30*time.Second, "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() != 2:
		flags.Usage()
		return 2
	}
	payload, err := readPayload(flags.Arg(1), stdin)
	if err != nil {
		fmt.Fprintf(stderr, "invoke: %v\n", err)
		return 2
	}
	response, err := invoke(ctx, lambdatest.Config{Binary: flags.Arg(0), Env: env, Logs: stderr}, payload, *timeout)
	if err != nil {
		fmt.Fprintf(stderr, "invoke: %v\n", err)
		return 1
	}
	if _, err := fmt.Fprintf(stdout, "%s\n", response); err != nil {
		fmt.Fprintf(stderr, "invoke: write the response: %v\n", err)
		return 1
	}
	return 0
}

func readPayload(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		// One byte more than is allowed, so that Invoke sees that it is too much.
		return io.ReadAll(io.LimitReader(stdin, lambdatest.MaxPayload+1))
	}
	return os.ReadFile(name)
}

func invoke(ctx context.Context, c lambdatest.Config, payload []byte, timeout time.Duration) ([]byte, error) {
	f, err := lambdatest.Start(ctx, c)
	if err != nil {
		return nil, err
	}
	// After an interrupt the function still gets its time to shut down.
	defer f.Shutdown(context.WithoutCancel(ctx))
	res, err := f.Invoke(ctx, payload, timeout)
	return res.Payload, err
}
