package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"clearhop/aws/subscription"
	"clearhop/internal/terminal"
)

// subscribeCommand puts a subscription filter on log groups.
type subscribeCommand struct {
	To      subscription.Destination `required:"" placeholder:"ARN" help:"The Lambda function, Kinesis stream, Firehose stream or (for another account) destination of CloudWatch Logs that gets the log events. The log groups are looked for in its region."`
	Role    string                   `placeholder:"ARN" help:"The role that CloudWatch Logs uses to write to a stream."`
	Pattern string                   `help:"Send only log events that match this filter pattern of CloudWatch Logs. The default is all."`

	Groups logGroups `embed:""`
}

// Help is what --help prints below the usage.
func (c *subscribeCommand) Help() string {
	return `Prints a line for each log group: created, updated, unchanged, skipped or failed.
A group fails, and is not changed, if AWS allows it no more filters than it has or if
its class is not STANDARD. The command refuses the log group of the destination
itself and those of Firehose's errors, because their events would come back to them.
--prefix skips these groups, and the log groups of all functions.

Examples:
  clearhop subscribe --to arn:aws:lambda:eu-central-1:123456789012:function:clearhop-subscriber /ecs/web
  clearhop subscribe --dry-run --to "$FUNCTION" --prefix /ecs/ /eks/
  clearhop subscribe --to "$STREAM" --role "$ROLE" --pattern='-healthz' /ecs/web

It needs the permissions logs:DescribeLogGroups, logs:DescribeSubscriptionFilters
and logs:PutSubscriptionFilter. With --role it also needs iam:PassRole.

` + groupsExitCodes
}

// Run goes on with the other groups if one fails.
func (c *subscribeCommand) Run(ctx context.Context, s streams) error {
	filter := subscription.Filter{Name: c.Groups.FilterName, Pattern: c.Pattern, To: c.To, RoleARN: c.Role}
	if err := filter.Validate(); err != nil {
		return &usageError{err}
	}
	forbidden, err := c.Groups.each(ctx, s, c.To.Region, filter.Plan)
	if forbidden {
		err = errors.Join(err, fmt.Errorf("if the function exists, this command lets CloudWatch Logs invoke it: %s", c.To.PermissionCommand()))
	}
	return err
}

// unsubscribeCommand removes a subscription filter from log groups.
type unsubscribeCommand struct {
	To subscription.Destination `placeholder:"ARN" help:"Remove only filters that send to this destination. The log groups are looked for in its region."`

	Groups logGroups `embed:""`
}

// Help is what --help prints below the usage.
func (c *unsubscribeCommand) Help() string {
	return `Prints a line for each log group: removed, unchanged or failed.

Examples:
  clearhop unsubscribe /ecs/web
  clearhop unsubscribe --dry-run --to "$FUNCTION" --prefix /ecs/

It needs the permissions logs:DescribeLogGroups, logs:DescribeSubscriptionFilters
and logs:DeleteSubscriptionFilter.

` + groupsExitCodes
}

// Run goes on with the other groups if one fails.
func (c *unsubscribeCommand) Run(ctx context.Context, s streams) error {
	if err := subscription.CheckFilter(c.Groups.FilterName); err != nil {
		return &usageError{err}
	}
	removal := subscription.Removal{Name: c.Groups.FilterName, To: c.To}
	_, err := c.Groups.each(ctx, s, c.To.Region, removal.Plan)
	return err
}

const groupsExitCodes = `Exit codes: 0 all groups are as they should be (in a dry run: would be); 1 some
failed; 2 the command line or AWS's configuration is wrong; 130 interrupted.`

// logGroups are the log groups to work on, and how to work on them.
type logGroups struct {
	Names []string `arg:"" name:"group" help:"Names of log groups."`

	Prefix     bool   `help:"Take each argument as the beginning of names, not as a name."`
	FilterName string `default:"clearhop" placeholder:"NAME" help:"The name of the filter (${default})."`
	DryRun     bool   `help:"Change nothing. Print what would be done."`
	JSON       bool   `name:"json" help:"Print one JSON object a line: log_group, outcome, detail."`
}

// An outcome is the result for one group.
type outcome struct {
	LogGroup string `json:"log_group"`
	Outcome  string `json:"outcome"`
	Detail   string `json:"detail,omitempty"`
}

// The words for an action: after it was done, and in a dry run.
var (
	done = map[subscription.Action]string{
		subscription.Create: "created", subscription.Update: "updated", subscription.Remove: "removed",
		subscription.Keep: "unchanged", subscription.Skip: "skipped",
	}
	wouldDo = map[subscription.Action]string{
		subscription.Create: "would_create", subscription.Update: "would_update", subscription.Remove: "would_remove",
		subscription.Keep: "unchanged", subscription.Skip: "skipped",
	}
)

// each plans and makes one change to each of the groups, and prints the result.
// The error reports how many groups failed, or why none could be listed. forbidden
// is set if CloudWatch Logs may not invoke the function.
func (g *logGroups) each(ctx context.Context, s streams, region string, plan planner) (forbidden bool, err error) {
	var wrong []error
	for _, name := range g.Names {
		wrong = append(wrong, subscription.CheckGroup(name))
	}
	if err := errors.Join(wrong...); err != nil {
		return false, &usageError{err}
	}
	logs, err := subscription.Connect(ctx, region)
	if err != nil {
		return false, &usageError{err}
	}
	waiting := s.sayWhatIsAwaited("an answer of CloudWatch Logs" + inRegion(region))
	defer waiting.Stop()
	seen := map[string]bool{}
	total, failed := 0, 0
	for _, name := range g.Names {
		groups, err := logs.Find(ctx, name, g.Prefix)
		var none *subscription.NotFoundError
		switch {
		case errors.Is(err, context.Canceled):
			return forbidden, errInterrupted
		case errors.As(err, &none):
			total++
			failed++
			if err := g.print(s, outcome{LogGroup: name, Outcome: "failed", Detail: err.Error()}); err != nil {
				return forbidden, err
			}
		case err != nil:
			return forbidden, err
		}
		for i := range groups {
			group := &groups[i]
			if seen[group.Name] {
				continue
			}
			seen[group.Name] = true
			total++
			o := outcome{LogGroup: group.Name}
			change, err := g.change(ctx, logs, group, plan)
			var refusal *subscription.PermissionError
			switch {
			case errors.Is(err, context.Canceled):
				return forbidden, errInterrupted
			case err != nil:
				failed++
				forbidden = forbidden || errors.As(err, &refusal)
				o.Outcome, o.Detail = "failed", err.Error()
			case g.DryRun:
				o.Outcome, o.Detail = wouldDo[change.Action], change.Detail
			default:
				o.Outcome, o.Detail = done[change.Action], change.Detail
			}
			if err := g.print(s, o); err != nil {
				return forbidden, err
			}
			waiting.Reset(slowAnswer)
		}
	}
	if failed > 0 {
		return forbidden, fmt.Errorf("%d of %d log groups failed", failed, total)
	}
	return forbidden, nil
}

// slowAnswer is how long a person waits without being told what for.
const slowAnswer = 5 * time.Second

// sayWhatIsAwaited tells the person what the command waits for, if it takes longer than
// slowAnswer. The requests to AWS are tried again meanwhile. The caller stops the timer.
func (s streams) sayWhatIsAwaited(what string) *time.Timer {
	return time.AfterFunc(slowAnswer, func() {
		fmt.Fprintf(s.err, "clearhop: waiting for %s; failed requests are tried again (Ctrl-C ends it)\n", what)
	})
}

func inRegion(region string) string {
	if region == "" {
		return ""
	}
	return " in " + region
}

// A planner decides what to do with a group.
type planner func(subscription.Group) (subscription.Change, error)

// change plans the change to one group and makes it, except in a dry run.
func (g *logGroups) change(ctx context.Context, logs *subscription.Logs, group *subscription.Group, plan planner) (subscription.Change, error) {
	if err := logs.LookUpFilters(ctx, group); err != nil {
		return subscription.Change{}, err
	}
	change, err := plan(*group)
	if err != nil || g.DryRun {
		return change, err
	}
	// An interrupt must not leave it unknown whether the change was made.
	return change, logs.Apply(context.WithoutCancel(ctx), change)
}

// print writes the line of one group.
func (g *logGroups) print(s streams, o outcome) error {
	if g.JSON {
		return json.NewEncoder(s.out).Encode(o)
	}
	line := fmt.Sprintf("%-12s  %s", strings.ReplaceAll(o.Outcome, "_", " "), o.LogGroup)
	if o.Detail != "" {
		line += ": " + o.Detail
	}
	_, err := fmt.Fprintln(s.out, terminal.Printable(line))
	return err
}
