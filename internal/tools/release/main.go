// Command release makes the parts of a release that goreleaser does not make. It runs in
// the folder of go.mod, and make snapshot calls it:
//
//	release lambda VERSION FILE.zip URL             the functions, built, with a template that uses them
//	release image VERSION FILE.tar ROOTS COMMIT     an image for each architecture, in one OCI archive
//	release formula VERSION FOLDER URL              the Homebrew formula of the archives in FOLDER
//
// URL is the address where the files of the release will be.
//
// The same commit makes the same bytes: files are sorted, and their time is that of
// SOURCE_DATE_EPOCH, in seconds since 1970, or 1 January 1980.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "release: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	at, err := sourceDate(os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	switch {
	case len(args) == 4 && args[0] == "lambda":
		return makeLambda(args[1], args[2], args[3], at)
	case len(args) == 5 && args[0] == "image":
		return makeImage(args[1], args[2], args[3], args[4], at)
	case len(args) == 4 && args[0] == "formula":
		return makeFormula(args[1], args[2], args[3])
	}
	return fmt.Errorf("usage: release lambda VERSION FILE.zip URL | image VERSION FILE.tar ROOTS COMMIT | formula VERSION FOLDER URL")
}

// sourceDate is the time of every file. A zip cannot hold one before 1980.
func sourceDate(seconds string) (time.Time, error) {
	at := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	if seconds == "" {
		return at, nil
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return at, fmt.Errorf("SOURCE_DATE_EPOCH is no number of seconds: %q", seconds)
	}
	return time.Unix(max(n, at.Unix()), 0).UTC(), nil
}
