// Command example checks the chain of the example stack before it is deployed: it takes the
// configurations of both hops out of the template, for each value of its parameter Broken
// and for the target type instance, and runs clearhop check over them:
//
//	go run ./internal/tools/example -clearhop build/clearhop deploy/example/template.yaml build/example
//
// It writes edge.conf and web.conf of each variant into a folder of its name, and prints a
// line for each: what the check finds. It exits with 1 if a variant that should be right is
// not, or the other way round, and with 2 if a variant cannot be checked.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"clearhop/internal/template"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// A variant is a chain that the template can make.
type variant struct {
	name       string
	values     map[string]string
	targetType string
	isRight    bool
}

// run is the command. It returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("example", flag.ContinueOnError)
	flags.SetOutput(stderr)
	clearhop := flags.String("clearhop", "build/clearhop", "the command `clearhop`")
	flags.Usage = func() { fmt.Fprintln(stderr, "usage: example [-clearhop COMMAND] TEMPLATE FOLDER") }
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() != 2 {
		flags.Usage()
		return 2
	}
	text, err := os.ReadFile(flags.Arg(0))
	if err == nil {
		var t *template.Template
		if t, err = template.Parse(text); err == nil {
			return checkAll(t, *clearhop, flags.Arg(1), stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "example: %s: %v\n", flags.Arg(0), err)
	return 2
}

// variants returns all chains of the template.
func variants(t *template.Template) []variant {
	var all []variant
	for _, p := range t.Parameters() {
		if p.Name == "Broken" {
			for _, name := range p.Allowed() {
				all = append(all, variant{name, map[string]string{"Broken": name}, "ip", name == "none"})
			}
		}
	}
	return append(all, variant{"instance", map[string]string{"Target": "instance"}, "instance", true})
}

func checkAll(t *template.Template, clearhop, folder string, stdout, stderr io.Writer) int {
	code := 0
	for _, v := range variants(t) {
		found, isRight, err := v.check(t, clearhop, filepath.Join(folder, v.name))
		if err != nil {
			fmt.Fprintf(stderr, "example: %s: %v\n", v.name, err)
			code = 2
			continue
		}
		note := ""
		if isRight != v.isRight {
			note, code = "  NOT AS IT SHOULD BE", max(code, 1)
		}
		fmt.Fprintf(stdout, "%-30s %s%s\n", v.name, found, note)
	}
	return code
}

// check writes the configurations of a variant and runs clearhop check over them.
func (v *variant) check(t *template.Template, clearhop, folder string) (found string, isRight bool, err error) {
	files, err := v.write(t, folder)
	if err != nil {
		return "", false, err
	}
	args := append([]string{"check"}, files...)
	args = append(args, "--output", "json", "--nlb", "10.16.0.0/28,10.16.0.16/28", "--trusted", "10.16.1.0/24,10.16.2.0/24", "--target-type", v.targetType)
	if v.targetType == "ip" {
		proxied, err := t.Text(v.values, "EdgeTargetGroup", "TargetGroupAttributes", "0", "Value")
		if err != nil {
			return "", false, err
		}
		sent := "off"
		if proxied == "true" {
			sent = "on"
		}
		args = append(args, "--proxy-protocol-v2", sent)
	}
	out, err := exec.Command(clearhop, args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		if exit.ExitCode() != 1 {
			return "", false, fmt.Errorf("clearhop check exits with %d: %s", exit.ExitCode(), exit.Stderr)
		}
	} else if err != nil {
		return "", false, err
	}
	var result struct {
		State    string `json:"state"`
		Findings []struct {
			Code string `json:"code"`
			Hop  string `json:"hop"`
		} `json:"findings"`
	}
	if err := json.Unmarshal(out, &result); err != nil {
		return "", false, fmt.Errorf("what clearhop check prints: %w", err)
	}
	words := []string{result.State}
	for _, f := range result.Findings {
		words = append(words, f.Code+" ("+f.Hop+")")
	}
	return strings.Join(words, "  "), result.State == "healthy", nil
}

// write writes the configurations of both hops and returns their names.
func (v *variant) write(t *template.Template, folder string) ([]string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	var files []string
	for _, hop := range []struct{ file, task string }{{"edge.conf", "EdgeTask"}, {"web.conf", "WebTask"}} {
		text, err := t.Text(v.values, hop.task, "ContainerDefinitions", "0", "Environment", "1", "Value")
		if err != nil {
			return nil, err
		}
		name := filepath.Join(folder, hop.file)
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return nil, err
		}
		files = append(files, name)
	}
	return files, nil
}
