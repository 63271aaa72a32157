// Command gonx parses the lines of a log in combined with the library gonx, and prints how
// many there are. make compare measures it.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/satyrius/gonx"
)

const combined = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "gonx: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: gonx FILE, or gonx -version")
	}
	if args[0] == "-version" {
		info, ok := debug.ReadBuildInfo()
		if !ok {
			return errors.New("this build does not know its modules")
		}
		for _, module := range info.Deps {
			if module.Path == "github.com/satyrius/gonx" {
				fmt.Println("gonx", module.Version)
			}
		}
		return nil
	}
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	parser := gonx.NewParser(combined)
	lines, unread := 0, 0
	scanner := bufio.NewScanner(f)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		lines++
		if _, err := parser.ParseString(scanner.Text()); err != nil {
			unread++
		}
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	if unread*100 > lines {
		return fmt.Errorf("%d of %d lines cannot be read", unread, lines)
	}
	fmt.Println(lines, "lines,", unread, "not read")
	return nil
}
