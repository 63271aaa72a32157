// Command picture draws the picture of the README: what the doctor prints at a
// terminal about a recorded chain whose NLB does not send the PROXY protocol.
//
//	go run ./internal/tools/picture build/clearhop docs/doctor.svg
//
// In go a built clearhop and the name of the file to write. Out comes an SVG of a
// terminal window with the command, and with what the program wrote, in its
// colours. The same program gives the same bytes.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

// run is the command. It returns the exit code: 0, 1 when there is no picture, 2
// when the command line is wrong.
func run(args []string, stderr io.Writer) int {
	if len(args) != 2 {
		fmt.Fprintln(stderr, "usage: picture CLEARHOP FILE.svg")
		return 2
	}
	svg, err := drawDoctor(args[0])
	if err == nil {
		err = os.WriteFile(args[1], svg, 0o644)
	}
	if err != nil {
		fmt.Fprintln(stderr, "picture:", err)
		return 1
	}
	return 0
}
