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
	"os"

	"clearhop/chain"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: samples FOLDER")
		os.Exit(2)
	}
	if err := os.CopyFS(os.Args[1], chain.Recorded()); err != nil {
		fmt.Fprintln(os.Stderr, "samples:", err)
		os.Exit(1)
	}
}
