package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"clearhop/aws/subscription"
	"clearhop/internal/terminal"
)

// subscribeCommand puts a subscription filter on log groups.
type subscribeCommand struct {
	To      subscription.Destination `required:"" placeholder:"ARN" help:"The Lambda function, Kinesis stream or Firehose stream to send log events to; its region is that of the log groups."`
	Role    string                   `placeholder:"ARN" help:"The role by which CloudWatch Logs writes to a stream."`
	Pattern string                   `help:"Which log events to take, as CloudWatch Logs writes filter patterns; all by default."`

	Groups logGroups `embed:""`
}

// Help is what --help prints below the usage.
func (c *subscribeCommand) Help() string {
	return `Prints a line for each log group: created, updated, unchanged, skipped or failed.
A group that has two filters already, which is AWS's limit, fails and is left as
it is; so does one of another class than STANDARD. The log of the destination
itself and those of Firehose's errors are refused, since they would feed
themselves; --prefix skips them, and the logs of all functions.

Examples:
  clearhop subscribe --to arn:aws:lambda:eu-central-1:123456789012:function:clearhop-subscriber /ecs/web
  clearhop subscribe --dry-run --to "$FUNCTION" --prefix /ecs/ /eks/
  clearhop subscribe --to "$STREAM" --role "$ROLE" --pattern='-healthz' /ecs/web

It takes the permissions logs:DescribeLogGroups, logs:DescribeSubscriptionFilters
and logs:PutSubscriptionFilter, and iam:PassRole with --role.

` + groupsExitCodes
}

// Run goes on with the other groups when one fails.
func (c *subscribeCommand) Run(ctx context.Context, s streams) error {
	filter := subscription.Filter{Name: c.Groups.FilterName, Pattern: c.Pattern, To: c.To, RoleARN: c.Role}
	if err := filter.Validate(); err != nil {
		return &usageError{err}
	}
	forbidden, err := c.Groups.each(ctx, s, c.To.Region, filter.Plan)
	if forbidden {
		err = errors.Join(err, fmt.Errorf("if the function exists, this lets CloudWatch Logs invoke it: %s", c.To.PermissionCommand()))
	}
	return err
}

// unsubscribeCommand takes a subscription filter from log groups.
type unsubscribeCommand struct {
	To subscription.Destination `placeholder:"ARN" help:"Leave alone the filters that send elsewhere. Its region is that of the log groups."`

	Groups logGroups `embed:""`
}

// Help is what --help prints below the usage.
func (c *unsubscribeCommand) Help() string {
	return `Prints a line for each log group: removed, unchanged or failed.

Examples:
  clearhop unsubscribe /ecs/web
  clearhop unsubscribe --dry-run --to "$FUNCTION" --prefix /ecs/

It takes the permissions logs:DescribeLogGroups, logs:DescribeSubscriptionFilters
and logs:DeleteSubscriptionFilter.

` + groupsExitCodes
}

// Run goes on with the other groups when one fails.
func (c *unsubscribeCommand) Run(ctx context.Context, s streams) error {
	if err := subscription.CheckFilter(c.Groups.FilterName); err != nil {
		return &usageError{err}
	}
	removal := subscription.Removal{Name: c.Groups.FilterName, To: c.To}
	_, err := c.Groups.each(ctx, s, c.To.Region, removal.Plan)
	return err
}

const groupsExitCodes = `Exit codes: 0 all groups are as they should be, or would be; 1 some failed; 2 the
command line or AWS's configuration is wrong; 130 interrupted.`

// logGroups are the log groups to work on, and how.
type logGroups struct {
	Names []string `arg:"" name:"group" help:"Names of log groups."`

	Prefix     bool   `help:"Take the arguments for beginnings of names."`
	FilterName string `default:"clearhop" placeholder:"NAME" help:"The filter's name (${default})."`
	DryRun     bool   `help:"Change nothing, and print what would be done."`
	JSON       bool   `name:"json" help:"Print a JSON object a line: log_group, outcome, detail."`
}

// An outcome is how it went with one group.
type outcome struct {
	LogGroup string `json:"log_group"`
	Outcome  string `json:"outcome"`
	Detail   string `json:"detail,omitempty"`
}

// What is said of an action, once it was done and where it is left out.
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

// each plans and makes a change to each of the groups, once, and prints how it
// went. The error tells how many groups failed, or why none could be listed;
// forbidden is set if CloudWatch Logs may not invoke the function.
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
		}
	}
	if failed > 0 {
		return forbidden, fmt.Errorf("%d of %d log groups failed", failed, total)
	}
	return forbidden, nil
}

// A planner says what is to be done with a group.
type planner func(subscription.Group) (subscription.Change, error)

// change plans and, but for a dry run, makes the change to one group.
func (g *logGroups) change(ctx context.Context, logs *subscription.Logs, group *subscription.Group, plan planner) (subscription.Change, error) {
	if err := logs.LookUpFilters(ctx, group); err != nil {
		return subscription.Change{}, err
	}
	change, err := plan(*group)
	if err != nil || g.DryRun {
		return change, err
	}
	// An interrupt must not leave open what was done.
	return change, logs.Apply(context.WithoutCancel(ctx), change)
}

// print writes a line for one group.
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
