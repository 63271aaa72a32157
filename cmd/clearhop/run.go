package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"clearhop/internal/terminal"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
)

// The exit codes, as the help and docs/settings.md state them.
const (
	exitOK          = 0   // all was done; unparsable lines are events, not failures
	exitFailed      = 1   // some input could not be read, events not written, or log groups not changed
	exitUsage       = 2   // the command line or the configuration is wrong, or the NLB's nodes cannot be discovered
	exitInterrupted = 130 // ended by a signal, after the record in hand
)

// grammar is the command line.
type grammar struct {
	Enrich      enrichCommand             `cmd:"" help:"Read nginx access logs and write one event a line, with the true client."`
	Check       checkCommand              `cmd:"" help:"Predict what a chain of nginx configurations will log, before it serves."`
	Doctor      doctorCommand             `cmd:"" help:"Read logs and say which hop is broken, and how to fix it."`
	Report      reportCommand             `cmd:"" help:"Print a report of logs or events: the chain, traffic, latency, clients."`
	Serve       serveCommand              `cmd:"" help:"Serve the dashboard of logs or events on this machine."`
	Query       queryCommand              `cmd:"" help:"Answer a question about logs or events: a named one, or one in SQL."`
	Format      formatCommand             `cmd:"" help:"Explain a log_format: what is read from it, and what is missing."`
	Backfill    backfillCommand           `cmd:"" help:"Deliver the lines of the past: of log groups, or of an export in S3."`
	Subscribe   subscribeCommand          `cmd:"" help:"Put a subscription filter on log groups of CloudWatch Logs."`
	Unsubscribe unsubscribeCommand        `cmd:"" help:"Remove a subscription filter from log groups of CloudWatch Logs."`
	Redrive     redriveCommand            `cmd:"" help:"Send dead letters again, and what Firehose or Lambda gave up."`
	Smoke       smokeCommand              `cmd:"" help:"Send one line through a deployed stack, and wait until it is in the table."`
	Version     versionCommand            `cmd:"" help:"Print the version, and the sources of the data."`
	Completion  kongcompletion.Completion `cmd:"" help:"Print how to turn on tab completion in bash, zsh or fish."`
	Help        helpCommand               `cmd:"" help:"Print the help of a command."`
	Manual      manualCommand             `cmd:"" hidden:"" help:"Write the man pages and the completions into a folder."`

	ShowVersion versionFlag `name:"version" help:"Print the version."`
}

const description = `Clearhop finds the true client of each request in nginx logs behind a Network Load
Balancer (NLB).

It reads access logs, finds the client in the fields that the proxies logged, and
marks the lines that still show the load balancer's own address.`

// helpCommand prints the help of another command.
type helpCommand struct {
	Command []string `arg:"" optional:"" help:"The name of a command. The default is the help of clearhop itself."`
}

// Run parses a command line that asks for help. kong prints it and ends the program.
func (c *helpCommand) Run(ctx *kong.Context) error {
	_, err := ctx.Parse(append(c.Command, "--help"))
	return &usageError{err}
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run is the command but for the process around it.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) (code int) {
	// kong ends the program after --help; here that is a panic that ends run.
	type exit int
	defer func() {
		if r := recover(); r != nil {
			c, ok := r.(exit)
			if !ok {
				panic(r)
			}
			code = int(c)
		}
	}()
	var cli grammar
	given := &values{}
	app, err := kong.New(&cli, append(given.options(),
		kong.Name("clearhop"),
		kong.Description(description),
		kong.Writers(out, errOut),
		kong.Exit(func(c int) { panic(exit(c)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ShortUsageOnError(),
		kong.PostBuild(addHelp),
		kong.PostBuild(hideUnused),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{in: in, out: out, err: errOut}),
	)...)
	if err != nil {
		panic("clearhop: the command line's grammar is wrong: " + err.Error())
	}
	if completed(app) {
		return exitOK
	}
	command, err := app.Parse(args)
	if err != nil {
		err = errors.Join(append(given.wrong, missingArgument(err))...)
	} else {
		err = given.check(command)
	}
	if err != nil {
		printErrors(errOut, err)
		if len(args) == 0 {
			fmt.Fprintln(errOut, `Try "clearhop doctor FILE", "clearhop enrich FILE" or "clearhop --help".`)
		}
		return exitUsage
	}
	warnOfVariables(errOut, command.Selected())
	return exitCodeOf(errOut, given.complete(command, runProfiled(command)))
}

// missingArgument says that an argument is missing where kong only names the one that it
// expected.
func missingArgument(err error) error {
	var parse *kong.ParseError
	name, ok := strings.CutPrefix(err.Error(), `expected "<`)
	if !ok || !errors.As(err, &parse) || parse.Context == nil || parse.Context.Selected() == nil {
		return err
	}
	return fmt.Errorf("<%s is missing: see %s --help", strings.TrimSuffix(name, `"`), parse.Context.Selected().FullPath())
}

// exitCodeOf prints what a command returned, and returns the exit code that says the
// same.
func exitCodeOf(errOut io.Writer, err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errInterrupted):
		fmt.Fprintln(errOut, "clearhop: interrupted")
		return exitInterrupted
	default:
		var verdict exitCode
		if errors.As(err, &verdict) {
			if rest := verdict.with; rest != nil {
				printErrors(errOut, rest)
			}
			return verdict.code
		}
		printErrors(errOut, err)
		var usage *usageError
		if errors.As(err, &usage) {
			return exitUsage
		}
		return exitFailed
	}
}

// printErrors prints each error of a joined one on a line. Names of files may
// hold anything, so control characters are taken out.
func printErrors(w io.Writer, err error) {
	for _, e := range flatten(err) {
		fmt.Fprintf(w, "clearhop: %s\n", terminal.Printable(e.Error()))
	}
}

// errInterrupted is returned by a command that a signal ended.
var errInterrupted = errors.New("interrupted")

// An exitCode is the answer of a command that speaks by its exit code, with the
// errors that are to be printed.
type exitCode struct {
	code int
	with error
}

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// A usageError is a command line or configuration that cannot be used.
type usageError struct{ err error }

func (e *usageError) Error() string   { return e.err.Error() }
func (e *usageError) Unwrap() []error { return flatten(e.err) }

// flatten lists the errors of a joined one.
func flatten(err error) []error {
	if parse, ok := err.(*kong.ParseError); ok { //nolint:errorlint // what it is joined with is taken apart
		err = parse.Unwrap()
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	if len(all) == 0 {
		return []error{err}
	}
	return all
}
