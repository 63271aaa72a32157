// Command samples writes the recorded logs of package chain below a folder, as
// the plain files that a person gives to clearhop:
//
//	go run ./internal/tools/samples build/samples
//	build/clearhop doctor build/samples/ppv2-off/edge.clearhop.log
//
// Each scenario of docs/chain.md is a folder; [chain.Recorded] lists its files.
// A file that exists is never overwritten.
package main

import (
	"fmt"
	"io"
	"os"

	"clearhop/chain"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

// run is the command. It returns the exit code: 0, 1 when a file could not be
// written, 2 when the command line is wrong.
func run(args []string, stderr io.Writer) int {
	if len(args) != 1 {
		fmt.Fprintln(stderr, "usage: samples FOLDER")
		return 2
	}
	if err := os.CopyFS(args[0], chain.Recorded()); err != nil {
		fmt.Fprintln(stderr, "samples:", err)
		return 1
	}
	return 0
}
