// Command clearhop puts the client back into nginx access logs: it reads log
// lines and writes one enriched event a line.
package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	// The first signal ends the work after the record in hand, the second one
	// ends the process: signal.NotifyContext's stop gives the signals back.
	dropEmptySettings()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// dropEmptySettings unsets our variables that are set to nothing: as in the
// Lambdas, whose templates cannot leave one out, they count as not set.
func dropEmptySettings() {
	for _, pair := range os.Environ() {
		if name, value, _ := strings.Cut(pair, "="); value == "" && strings.HasPrefix(name, ourPrefix) {
			_ = os.Unsetenv(name) // it fails for names that no variable has
		}
	}
}
