package subscription

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// A Group is a log group as it is.
type Group struct {
	Name string
	// Account is the id of the account that it belongs to.
	Account string
	// Class is empty where the answer names none, which means STANDARD.
	Class types.LogGroupClass
	// ByPrefix says that nobody named it: it was found by a prefix.
	ByPrefix bool
	// Filters are those that LookUpFilters found on it.
	Filters []types.SubscriptionFilter
}

// A Filter is what groups are to have.
type Filter struct {
	// Name is unique in a group: a filter of the same name is replaced.
	Name string
	// Pattern chooses log events; empty for all.
	Pattern string
	To      Destination
	// RoleARN is the role by which CloudWatch Logs writes to a stream; empty for
	// a function.
	RoleARN string
}

// A Removal is the filter that groups are not to have.
type Removal struct {
	Name string
	// To leaves alone what sends elsewhere; the zero value means any destination.
	To Destination
}

// An Action is what a Change does.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Remove Action = "remove"
	Keep   Action = "keep" // the group is as it should be
	Skip   Action = "skip" // the group is none to be subscribed
)

// A Change is what is to be done with one group.
type Change struct {
	Group  string
	Action Action
	// Detail says what was different, or why nothing is done; it may be empty.
	Detail string

	put    *cloudwatchlogs.PutSubscriptionFilterInput
	remove *cloudwatchlogs.DeleteSubscriptionFilterInput
}

// maxFilters is how many subscription filters AWS allows on a group.
const maxFilters = 2

// A FullError says that a group has as many filters as AWS allows.
type FullError struct {
	// Filters are their names.
	Filters []string
}

// Error names them.
func (e *FullError) Error() string {
	quoted := make([]string, len(e.Filters))
	for i, name := range e.Filters {
		quoted[i] = strconv.Quote(name)
	}
	return fmt.Sprintf("it has %d subscription filters, which is the limit: %s", len(quoted), strings.Join(quoted, ", "))
}

// Validate returns all that is wrong with a filter.
func (f Filter) Validate() error {
	errs := []error{CheckFilter(f.Name)}
	if len(f.Pattern) > maxPattern {
		errs = append(errs, fmt.Errorf("the pattern is longer than %d bytes", maxPattern))
	}
	switch needs := f.To.NeedsRole(); {
	case needs && f.RoleARN == "":
		errs = append(errs, errors.New("a stream needs a role by which CloudWatch Logs writes to it"))
	case needs:
		errs = append(errs, checkRole(f.RoleARN, f.To.Account))
	case f.RoleARN != "":
		errs = append(errs, errors.New("a Lambda function takes no role"))
	}
	return errors.Join(errs...)
}

// Plan returns what gives a group the filter. An error says why the group cannot
// have it; where it has two others, that is a FullError.
//
// A group whose logs the destination makes itself would feed it without end:
// that is an error if the group was named, and skipped if a prefix found it.
func (f Filter) Plan(g Group) (Change, error) {
	if why, own := f.loops(g); own {
		if !g.ByPrefix {
			return Change{}, errors.New(why)
		}
		return Change{Group: g.Name, Action: Skip, Detail: why}, nil
	}
	if g.Account != f.To.Account {
		return Change{}, fmt.Errorf("it belongs to the account %s, the destination to %s", g.Account, f.To.Account)
	}
	if g.Class != "" && g.Class != types.LogGroupClassStandard {
		return Change{}, fmt.Errorf("its class is %s; only STANDARD log groups can be subscribed", g.Class)
	}
	had := find(g.Filters, f.Name)
	var was []string
	if had != nil {
		if was = f.differences(had); len(was) == 0 {
			return Change{Group: g.Name, Action: Keep}, nil
		}
	}
	for i := range g.Filters {
		other := &g.Filters[i]
		if aws.ToString(other.FilterName) == f.Name || aws.ToString(other.DestinationArn) != f.To.ARN {
			continue
		}
		// A second filter to the same destination would send events twice.
		name := aws.ToString(other.FilterName)
		if aws.ToString(other.FilterPattern) != f.Pattern {
			return Change{}, fmt.Errorf("its filter %q sends to the destination already, by another pattern", name)
		}
		return Change{Group: g.Name, Action: Keep, Detail: fmt.Sprintf("its filter %q sends to the destination already", name)}, nil
	}
	put := &cloudwatchlogs.PutSubscriptionFilterInput{
		LogGroupName: &g.Name, FilterName: &f.Name, FilterPattern: &f.Pattern, DestinationArn: &f.To.ARN,
	}
	if f.RoleARN != "" {
		put.RoleArn = &f.RoleARN
	}
	switch {
	case had != nil:
		// What is not given would be reset.
		put.ApplyOnTransformedLogs = had.ApplyOnTransformedLogs
		put.EmitSystemFields = had.EmitSystemFields
		put.FieldSelectionCriteria = had.FieldSelectionCriteria
		if f.To.Service == Kinesis {
			put.Distribution = had.Distribution
		}
		return Change{Group: g.Name, Action: Update, Detail: strings.Join(was, ", "), put: put}, nil
	case len(g.Filters) >= maxFilters:
		full := &FullError{}
		for i := range g.Filters {
			full.Filters = append(full.Filters, aws.ToString(g.Filters[i].FilterName))
		}
		return Change{}, full
	}
	return Change{Group: g.Name, Action: Create, put: put}, nil
}

// Where functions and Firehose log, unless they are told otherwise.
const (
	functionLogs = "/aws/lambda/"
	firehoseLogs = "/aws/kinesisfirehose/"
)

// loops says why a group's events might come from their own delivery. Of the
// functions that read a stream nothing is known here, so a prefix finds none.
func (f Filter) loops(g Group) (why string, own bool) {
	switch {
	case strings.HasPrefix(g.Name, firehoseLogs):
		return "it is the log of a Firehose stream, whose errors could come back to it without end", true
	case f.To.Service == Lambda && g.Name == functionLogs+f.To.Name:
		return "it is the log of the destination itself", true
	case g.ByPrefix && strings.HasPrefix(g.Name, functionLogs):
		return "it is the log of a function; give its whole name to subscribe it", true
	}
	return "", false
}

// differences lists what of a filter is not as it should be.
func (f Filter) differences(had *types.SubscriptionFilter) []string {
	var was []string
	if to := aws.ToString(had.DestinationArn); to != f.To.ARN {
		was = append(was, "destination was "+to)
	}
	if pattern := aws.ToString(had.FilterPattern); pattern != f.Pattern {
		was = append(was, "pattern was "+strconv.Quote(pattern))
	}
	if role := aws.ToString(had.RoleArn); role != f.RoleARN && f.To.NeedsRole() {
		was = append(was, "role was "+role)
	}
	return was
}

// Plan returns what takes the filter from a group.
func (r Removal) Plan(g Group) (Change, error) {
	had := find(g.Filters, r.Name)
	if had == nil {
		return Change{Group: g.Name, Action: Keep, Detail: fmt.Sprintf("it has no filter %q", r.Name)}, nil
	}
	to := aws.ToString(had.DestinationArn)
	if r.To.ARN != "" && to != r.To.ARN {
		return Change{Group: g.Name, Action: Keep, Detail: fmt.Sprintf("its filter %q sends to %s", r.Name, to)}, nil
	}
	return Change{
		Group: g.Name, Action: Remove, Detail: "destination was " + to,
		remove: &cloudwatchlogs.DeleteSubscriptionFilterInput{LogGroupName: &g.Name, FilterName: &r.Name},
	}, nil
}

func find(filters []types.SubscriptionFilter, name string) *types.SubscriptionFilter {
	for i := range filters {
		if aws.ToString(filters[i].FilterName) == name {
			return &filters[i]
		}
	}
	return nil
}
