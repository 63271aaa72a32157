package lambdatest

import (
	"context"
	"errors"
	"testing"

	"clearhop/internal/buildtest"
)

// StartForTest is Start for a test: a failure ends the test, Shutdown comes
// with the test's clean-up, and a test that failed shows the function's logs.
func StartForTest(t testing.TB, c Config) *Function {
	t.Helper()
	f, err := Start(t.Context(), c)
	if err != nil {
		if initErr, ok := errors.AsType[*InitError](err); ok {
			t.Logf("the function printed:\n%s", initErr.Logs)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's own context is over by now.
		exit := f.Shutdown(context.Background())
		if t.Failed() {
			t.Logf("the function ended with %s; it printed:\n%s", exit, f.Logs())
		}
	})
	return f
}

// Build builds the main package pkg, in the syntax of go build, seen from the
// test's directory, into a file named bootstrap, and returns its path. It is
// built once for a run of go test. The flags are a deployment's, but the machine
// is this one, and paths are not trimmed: with -trimpath the standard library
// would be compiled once more.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	return buildtest.Program(t, buildtest.Config{
		Package: pkg, Name: "bootstrap",
		Flags: []string{"-tags", "lambda.norpc", "-ldflags", "-s -w"},
		Env:   []string{"CGO_ENABLED=0"},
	})
}
