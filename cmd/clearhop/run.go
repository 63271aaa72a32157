package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"clearhop/internal/terminal"
	"clearhop/sink"

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
	Enrich      enrichCommand             `cmd:"" help:"Read nginx access logs and write one enriched event a line."`
	Doctor      doctorCommand             `cmd:"" help:"Read a sample of the logs and say which hop of the chain is broken, and what mends it."`
	Format      formatCommand             `cmd:"" help:"Explain a log_format: what each variable feeds, and what the missing ones cost."`
	Subscribe   subscribeCommand          `cmd:"" help:"Put a subscription filter on log groups of CloudWatch Logs."`
	Unsubscribe unsubscribeCommand        `cmd:"" help:"Take a subscription filter from log groups of CloudWatch Logs."`
	Version     versionCommand            `cmd:"" help:"Print the version, and whose data it uses."`
	Completion  kongcompletion.Completion `cmd:"" help:"Print how to turn on tab completion for bash, zsh or fish."`
}

const description = `Clearhop puts the client back into nginx logs behind a Network Load Balancer.

It reads access logs, finds each request's client in the fields that the proxy
chain left, and flags the records that still show the load balancer's own address.`

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
	app, err := kong.New(&cli,
		kong.Name("clearhop"),
		kong.Description(description),
		kong.Writers(out, errOut),
		kong.Exit(func(c int) { panic(exit(c)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ShortUsageOnError(),
		kong.Configuration(loadConfig),
		kong.PostBuild(addHelp),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{in: in, out: out, err: errOut}),
	)
	if err != nil {
		panic("clearhop: the command line's grammar is wrong: " + err.Error())
	}
	kongcompletion.Register(app)
	command, err := app.Parse(args)
	if err != nil {
		printErrors(errOut, err)
		if len(args) == 0 {
			fmt.Fprintln(errOut, `Try "clearhop enrich FILE" or "clearhop --help".`)
		}
		return exitUsage
	}
	switch err := command.Run(); {
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
// hold anything, so it is made fit for a terminal.
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

// flatten lists the errors of a joined one. A sink's error stays one: it
// accounts for each document.
func flatten(err error) []error {
	var parse *kong.ParseError
	if errors.As(err, &parse) {
		err = parse.Unwrap()
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if _, whole := err.(*sink.PutError); whole || !ok { //nolint:errorlint // what it is joined with is taken apart
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
