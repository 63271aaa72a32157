// Package lambdatest runs a built Lambda function the way the service does:
// as a process that asks for work over the Lambda Runtime API.
//
// In goes the path of a bootstrap and a payload, out comes what the function
// answered, or an error that says how it failed:
//
//	f, err := lambdatest.Start(ctx, lambdatest.Config{
//		Binary: "build/forwarder/bootstrap",
//		Env:    []string{"CLEARHOP_NLB=10.16.1.11"},
//	})
//	if err != nil { ... } // *InitError: what it printed is in err.Logs
//	defer f.Shutdown(ctx)
//	res, err := f.Invoke(ctx, payload, 30*time.Second)
//
// In a test [StartForTest] does the clearing up, and [Build] makes the
// bootstrap with the flags of a deployment:
//
//	f := lambdatest.StartForTest(t, lambdatest.Config{Binary: lambdatest.Build(t, ".")})
//
// What the caller sees of a failure:
//
//   - the handler returned an error or panicked: a [FunctionError]
//   - the process ended during the invocation: an [ExitError]
//   - the deadline passed: [ErrTimeout]; the process is killed
//   - the process failed before it asked for work: an [InitError]
//
// After a panic, an exit or a timeout the next Invoke starts a new process, as
// the service does; Restarts counts them.
//
// # When an invocation is over
//
// Invoke returns when the function has answered and has asked for its next
// invocation or has ended. So what it logs, and the restart that a panic
// costs, never fall into the next invocation.
//
// # Concurrency
//
// A Function is safe for concurrent use. Invocations wait their turn: as many
// are in flight as there are workers, which is one, or Config.Concurrency for
// a function that reads AWS_LAMBDA_MAX_CONCURRENCY. With several workers one
// process serves them all: a panic, an exit or a timeout of one takes the
// others with it, and they end with an ExitError.
//
// # What the service does and this does not
//
//   - It freezes the process between invocations; here goroutines go on.
//   - It enforces memory, processor share and a read-only file system.
//   - It retries asynchronous invocations, and a failed initialization within
//     the first invocation's time. Here a failed initialization is an error,
//     and its time, bounded by Config.InitTimeout, is not the invocation's.
//   - It hands out real credentials; here they are words that no account knows.
//   - It streams responses of functions so configured. Here a streamed body is
//     gathered and held to the same 6 MB.
//   - It runs external extensions and delivers their events. Here an extension
//     may register for no event, which is what lambda.WithEnableSIGTERM does.
//   - It traces; here the trace ID is well formed and says not sampled.
//   - It runs the architecture of the deployment; here the bootstrap must run
//     on this machine.
package lambdatest
