// Command deploy deploys the stack of template.yaml from a checkout. make deploy runs it.
//
// It says first, all at once, what is missing on this machine. The first time it asks five
// questions and writes the answers into a settings file. It checks the settings as the
// functions will, shows what it will deploy, and asks once. Then it runs sam build and sam
// deploy, and sends one line through the stack.
//
// It is a tool of the checkout and no subcommand of clearhop, because it needs template.yaml,
// the sources and make; who has only the binary has none of these.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"clearhop/internal/template"
	"clearhop/internal/terminal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	os.Exit(code)
}

// A deployment is one run of the command.
type deployment struct {
	in   *answers
	out  io.Writer
	asks bool // a person can be asked

	path     string // of the settings file
	template *template.Template
	settings settings
	account  account
	checkAWS bool // log groups and NLBs are looked up
}

// run returns the exit code: 0 for deployed, or nothing to do; 1 for not deployed, or a line
// that did not arrive; 2 for settings that are wrong or missing; 130 for interrupted.
func run(ctx context.Context, args []string, in io.Reader, out io.Writer) int {
	flags := flag.NewFlagSet("deploy", flag.ContinueOnError)
	flags.SetOutput(out)
	d := &deployment{in: newAnswers(in), out: out, checkAWS: true}
	ask := flags.String("ask", "auto", "ask a person: `yes`, no, or auto, which asks at a terminal")
	flags.StringVar(&d.path, "file", "stack.yaml", "the settings `file` of the stack")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	switch *ask {
	case "yes":
		d.asks = true
	case "no":
	case "auto":
		d.asks = terminal.IsTerminal(in)
	default:
		fmt.Fprintf(out, "make deploy: ASK is yes, no or auto, not %q\n", *ask)
		return 2
	}
	err := d.run(ctx)
	switch wrong := (*settingsError)(nil); {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(out, "\nmake deploy: interrupted")
		return 130
	case errors.As(err, &wrong):
		fmt.Fprintf(out, "\nmake deploy: %v\n", err)
		return 2
	default:
		fmt.Fprintf(out, "\nmake deploy: %v\n", err)
		return 1
	}
}

// run goes through all steps.
func (d *deployment) run(ctx context.Context) error {
	text, err := os.ReadFile("template.yaml")
	if err != nil {
		return err
	}
	if d.template, err = template.Parse(text); err != nil {
		return err
	}
	exists, err := d.readSettings()
	if err != nil {
		return err
	}
	if err := d.findMissing(ctx, exists); err != nil {
		return err
	}
	deployed, err := d.describe(ctx)
	if err != nil {
		return err
	}
	if !exists {
		if err := d.begin(ctx, deployed); err != nil {
			return err
		}
	}
	if err := d.checkAll(ctx); err != nil {
		return err
	}
	if agreed, err := d.agree(ctx, deployed); err != nil || !agreed {
		return err
	}
	if err := d.build(ctx); err != nil {
		return err
	}
	if err := d.deploy(ctx); err != nil {
		return err
	}
	return d.smoke(ctx)
}
