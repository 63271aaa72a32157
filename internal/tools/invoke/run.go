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

const usage = `usage: invoke [-events] [-env KEY=VALUE ...] [-timeout 30s] BOOTSTRAP PAYLOAD-FILE|-

Runs the built Lambda function BOOTSTRAP once with the JSON of PAYLOAD-FILE, or
of standard input for -. The response goes to standard output, the function's
logs go to standard error. The exit code is 1 when the function fails.

  -events         have the function deliver its events to a file, and print them to
                  standard output; the response then goes to standard error
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
	wantEvents := flags.Bool("events", false, "")
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
	c := lambdatest.Config{Binary: flags.Arg(0), Env: env, Logs: stderr}
	if *wantEvents {
		err = printEvents(ctx, c, payload, *timeout, stdout, stderr)
	} else {
		err = printResponse(ctx, c, payload, *timeout, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "invoke: %v\n", err)
		return 1
	}
	return 0
}

// printResponse invokes the function and prints its response to w.
func printResponse(ctx context.Context, c lambdatest.Config, payload []byte, timeout time.Duration, w io.Writer) error {
	response, err := invoke(ctx, c, payload, timeout)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s\n", response); err != nil {
		return fmt.Errorf("write the response: %w", err)
	}
	return nil
}

// printEvents invokes the function and prints the events that it delivered, also
// those of an invocation that failed. The function's standard output is its log, so
// it delivers to a file.
func printEvents(ctx context.Context, c lambdatest.Config, payload []byte, timeout time.Duration, stdout, stderr io.Writer) error {
	events, err := os.CreateTemp("", "events-*.ndjson")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(events.Name()) }()
	defer func() { _ = events.Close() }() // it is only read
	c.Env = append(c.Env, "CLEARHOP_SINK=file", "CLEARHOP_FILE="+events.Name())
	response, invokeErr := invoke(ctx, c, payload, timeout)
	if invokeErr == nil {
		fmt.Fprintf(stderr, "the function's response: %s\n", response)
	}
	if _, err := io.Copy(stdout, events); err != nil {
		return errors.Join(invokeErr, fmt.Errorf("write the events: %w", err))
	}
	return invokeErr
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
