package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"clearhop/aws/smoke"
	"clearhop/aws/stack"
	"clearhop/internal/setting"
	"clearhop/internal/terminal"
)

// smokeCommand sends a line through a stack.
type smokeCommand struct {
	Stack    string        `required:"" placeholder:"NAME" help:"The name of the stack."`
	Region   string        `placeholder:"REGION" help:"The region of the stack. The default is that of AWS's configuration."`
	LogGroup string        `placeholder:"GROUP" help:"The log group that gets the line. The default is the first one that the stack names."`
	Format   string        `placeholder:"FORMAT" help:"The format of the line. The default is the LogFormat of the stack."`
	Timeout  time.Duration `default:"15m" help:"How long the line may take (${default})."`
	Poll     time.Duration `default:"10s" help:"The time between two looks (${default})."`
	JSON     bool          `name:"json" help:"Print the result as one JSON object: id, log_group, stage, event_id, verdict, seconds, reason."`
}

// Help is what --help prints below the usage.
func (c *smokeCommand) Help() string {
	return `Puts one access line into a log group of a stack, and waits until the table of the
stack has it. That takes about six minutes, because Firehose gathers events for
five. If the line stops, the command says where, and what to do.

The line asks for the path ` + smoke.Path("ID") + ` from ` + smoke.Client + `, in a log stream of
its own, ` + smoke.Mark + `ID. Its user agent says that it is a robot, so statistics of
visitors leave it out. To leave it out of a query of your own:
  WHERE log_stream IS NULL OR log_stream NOT LIKE '` + smoke.Mark + `%'

Examples:
  clearhop smoke --stack clearhop
  clearhop smoke --stack clearhop --log-group /ecs/api --timeout 30m

It needs these permissions: cloudformation:DescribeStacks on the stack;
logs:DescribeSubscriptionFilters, logs:CreateLogStream and logs:PutLogEvents on the
log group; logs:FilterLogEvents on the log group of the function; s3:ListBucket on
both buckets; and what a query of Athena needs, which the stack's AnalystPolicy has.

Exit codes: 0 the table has the line; 1 it stopped on the way, or a call to AWS failed;
2 the command line or AWS's configuration is wrong, or there is no such stack;
130 interrupted.`
}

// Run goes through all stages.
func (c *smokeCommand) Run(ctx context.Context, s streams) error {
	for name, value := range map[string]time.Duration{"timeout": c.Timeout, "poll": c.Poll} {
		if value <= 0 {
			return &usageError{setting.Error(name, fmt.Errorf("%v is no time to wait", value))}
		}
	}
	try, err := c.prepare(ctx, s)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "clearhop: the line %s goes to a log group of the stack %s; Ctrl-C ends the waiting\n", try.ID(), c.Stack)
	arrival, err := try.Run(ctx)
	var stopped *smoke.StoppedError
	switch {
	case errors.Is(err, context.Canceled):
		return errInterrupted
	case errors.As(err, &stopped):
		if c.JSON {
			if err := c.print(s, smokeResult{ID: stopped.ID, Stage: string(stopped.Stage), Reason: stopped.Error()}); err != nil {
				return err
			}
			return exitCode{code: exitFailed}
		}
		return errors.Join(errors.New(stopped.Reason), errors.New(stopped.Fix)) // each on a line
	case err != nil:
		return err
	}
	if c.JSON {
		return c.print(s, smokeResult{
			ID: arrival.ID, LogGroup: arrival.LogGroup, Stage: string(smoke.Table),
			EventID: arrival.EventID, Verdict: arrival.Verdict, Seconds: int(arrival.Took.Seconds()),
		})
	}
	_, err = fmt.Fprintf(s.out, "The line came through %s into the table after %s, as the event %s with the verdict %s.\n",
		arrival.LogGroup, arrival.Took.Round(time.Second), arrival.EventID, arrival.Verdict)
	return err
}

// prepare asks for the stack and makes the line.
func (c *smokeCommand) prepare(ctx context.Context, s streams) (*smoke.Smoke, error) {
	client, err := stack.Connect(ctx, c.Region)
	if err != nil {
		return nil, &usageError{err}
	}
	waiting := s.sayWhatIsAwaited("an answer of CloudFormation" + inRegion(c.Region))
	deployed, err := client.Describe(ctx, c.Stack)
	waiting.Stop()
	switch missing := (*stack.NotFoundError)(nil); {
	case errors.Is(err, context.Canceled):
		return nil, errInterrupted
	case errors.As(err, &missing):
		return nil, &usageError{setting.Error("stack", err)}
	case err != nil:
		return nil, err
	}
	calls, err := smoke.Connect(ctx, c.Region)
	if err != nil {
		return nil, &usageError{err}
	}
	begun := time.Now()
	try, err := smoke.New(smoke.Config{
		Calls: calls, Stack: deployed, LogGroup: c.LogGroup, Format: c.Format, Timeout: c.Timeout, Poll: c.Poll,
		Say: func(what string) {
			fmt.Fprintf(s.err, "clearhop: after %s: %s\n", time.Since(begun).Round(time.Second), terminal.Printable(what))
		},
	})
	if err != nil {
		return nil, &usageError{err}
	}
	return try, nil
}

// A smokeResult is the result as JSON.
type smokeResult struct {
	ID       string `json:"id"`
	LogGroup string `json:"log_group,omitempty"`
	Stage    string `json:"stage"`
	EventID  string `json:"event_id,omitempty"`
	Verdict  string `json:"verdict,omitempty"`
	Seconds  int    `json:"seconds"`
	Reason   string `json:"reason,omitempty"`
}

func (c *smokeCommand) print(s streams, r smokeResult) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s\n", text)
	return err
}
