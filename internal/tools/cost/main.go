// Command cost says what a million lines cost on AWS, by the road that they take, the form
// of the events and the memory of the function:
//
//	cost                     print the tables of docs/operating.md
//	cost -measure BOOTSTRAP  run the built subscriber function, and write measured.yaml
//
// It reckons with two files: internal/price/prices.yaml has AWS's list prices, and
// measured.yaml beside this file has what the function needs for a line. -measure runs the
// function under the Runtime API of internal/lambdatest, with the databases of build/geoip,
// and has to be started in the folder of go.mod.
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

//go:embed measured.yaml
var file []byte

func main() {
	bootstrap := flag.String("measure", "", "the built subscriber function to measure")
	flag.Parse()
	if err := run(context.Background(), *bootstrap); err != nil {
		fmt.Fprintf(os.Stderr, "cost: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, bootstrap string) error {
	var m measured
	if err := yaml.Unmarshal(file, &m); err != nil {
		return fmt.Errorf("measured.yaml: %w", err)
	}
	if bootstrap != "" {
		var err error
		if m, err = measure(ctx, bootstrap); err != nil {
			return err
		}
		text, err := yaml.Marshal(m)
		if err != nil {
			return err
		}
		if err := os.WriteFile("internal/tools/cost/measured.yaml", text, 0o644); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "wrote internal/tools/cost/measured.yaml; now: go test ./internal/tools/cost -update")
	}
	fmt.Print(page(m))
	return nil
}
