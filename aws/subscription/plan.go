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

// A Group is a log group with the filters that it has.
type Group struct {
	Name string
	// Account is the id of the account that owns it.
	Account string
	// Class is the class in the answer of AWS. "" means STANDARD.
	Class types.LogGroupClass
	// ByPrefix reports that it was found by a prefix and not by its name.
	ByPrefix bool
	// Filters are the filters that LookUpFilters found.
	Filters []types.SubscriptionFilter
}

// A Filter is the filter that groups should have.
type Filter struct {
	// Name is unique in a group: it replaces a filter of the same name.
	Name string
	// Pattern selects log events. "" selects all.
	Pattern string
	// To receives the log events.
	To Destination
	// RoleARN is the role with which CloudWatch Logs writes to a stream. It is ""
	// for a function.
	RoleARN string
}

// A Removal is a filter that groups should not have.
type Removal struct {
	Name string
	// To is the filter's destination. A filter of that name with another
	// destination stays. The zero value means any destination.
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
	Skip   Action = "skip" // the group should not be subscribed
)

// A Change is what to do with one group.
type Change struct {
	Group  string
	Action Action
	// Detail says what was different, or why there is nothing to do. It may be "".
	Detail string

	had    []string // the names of the filters that the group has
	put    *cloudwatchlogs.PutSubscriptionFilterInput
	remove *cloudwatchlogs.DeleteSubscriptionFilterInput
}

// A FullError says that AWS allows a group no more filters than it has. How many that
// is, only AWS knows: the quota has been raised before.
type FullError struct {
	// Filters are the names of the filters that the group had.
	Filters []string
	err     error
}

// Error returns the names of the filters.
func (e *FullError) Error() string {
	if len(e.Filters) == 0 { // the others came after the look
		return e.err.Error()
	}
	quoted := make([]string, len(e.Filters))
	for i, name := range e.Filters {
		quoted[i] = strconv.Quote(name)
	}
	return fmt.Sprintf("AWS allows it no more subscription filters than the %d that it has; remove one of them: %s", len(quoted), strings.Join(quoted, ", "))
}

// Unwrap returns the error of the call.
func (e *FullError) Unwrap() error { return e.err }

// names returns the names of filters.
func names(filters []types.SubscriptionFilter) []string {
	var all []string
	for i := range filters {
		all = append(all, aws.ToString(filters[i].FilterName))
	}
	return all
}

// Validate returns an error that lists everything that is wrong with a filter.
func (f Filter) Validate() error {
	errs := []error{CheckFilter(f.Name)}
	if len(f.Pattern) > maxPattern {
		errs = append(errs, fmt.Errorf("the pattern is longer than %d bytes", maxPattern))
	}
	switch needs := f.To.NeedsRole(); {
	case needs && f.RoleARN == "":
		errs = append(errs, errors.New("a stream needs a role with which CloudWatch Logs can write to it"))
	case needs:
		errs = append(errs, checkRole(f.RoleARN, f.To.Account))
	case f.RoleARN != "" && f.To.Service == LogsDestination:
		errs = append(errs, errors.New("a destination of CloudWatch Logs has a role of its own; leave it out"))
	case f.RoleARN != "":
		errs = append(errs, errors.New("a Lambda function needs no role; leave it out"))
	}
	return errors.Join(errs...)
}

// Plan returns the change that gives a group the filter. An error says why the group
// cannot have it. The filters are not counted: AWS says whether there is room for one
// more, when the change is made.
//
// If the destination writes the logs of a group, they would come back to it in an
// endless loop. This is an error for a group that was named, and a group that was
// found by a prefix is skipped.
func (f Filter) Plan(g Group) (Change, error) {
	if why := f.loops(g); why != "" {
		if g.ByPrefix {
			return Change{Group: g.Name, Action: Skip, Detail: why}, nil
		}
		return Change{}, errors.New(why)
	}
	if err := f.canHave(g); err != nil {
		return Change{}, err
	}
	old := find(g.Filters, f.Name)
	var was []string
	if old != nil {
		if was = f.differences(old); len(was) == 0 {
			return Change{Group: g.Name, Action: Keep}, nil
		}
	}
	if other := f.sameDestination(g.Filters); other != nil {
		return f.keepOther(g, other)
	}
	if old != nil {
		return Change{Group: g.Name, Action: Update, Detail: strings.Join(was, ", "), put: f.put(g, old)}, nil
	}
	return Change{Group: g.Name, Action: Create, had: names(g.Filters), put: f.put(g, nil)}, nil
}

// canHave returns why a group cannot have a filter to the destination at all.
func (f Filter) canHave(g Group) error {
	// Only a destination of CloudWatch Logs takes lines of other accounts.
	if g.Account != f.To.Account && f.To.Service != LogsDestination {
		return fmt.Errorf("it belongs to account %s and the destination to account %s; both must be in the same account, or the other one must offer a destination of CloudWatch Logs", g.Account, f.To.Account)
	}
	if g.Class != "" && g.Class != types.LogGroupClassStandard {
		return fmt.Errorf("its class is %s; only STANDARD log groups can be subscribed", g.Class)
	}
	return nil
}

// sameDestination returns a filter of another name to the same destination, or nil.
func (f Filter) sameDestination(filters []types.SubscriptionFilter) *types.SubscriptionFilter {
	for i := range filters {
		other := &filters[i]
		if aws.ToString(other.FilterName) != f.Name && aws.ToString(other.DestinationArn) == f.To.ARN {
			return other
		}
	}
	return nil
}

// keepOther keeps a filter of another name to the same destination. A second one
// would send events twice.
func (f Filter) keepOther(g Group, other *types.SubscriptionFilter) (Change, error) {
	name := aws.ToString(other.FilterName)
	if aws.ToString(other.FilterPattern) != f.Pattern {
		return Change{}, fmt.Errorf("its filter %q already sends to the destination, with another pattern", name)
	}
	return Change{Group: g.Name, Action: Keep, Detail: fmt.Sprintf("its filter %q already sends to the destination", name)}, nil
}

// put returns the call that gives a group the filter. old is the filter of the same
// name that it replaces, or nil. The call takes over the settings of old that are
// not ours, because AWS resets those that a call leaves out.
func (f Filter) put(g Group, old *types.SubscriptionFilter) *cloudwatchlogs.PutSubscriptionFilterInput {
	in := &cloudwatchlogs.PutSubscriptionFilterInput{
		LogGroupName: &g.Name, FilterName: &f.Name, FilterPattern: &f.Pattern, DestinationArn: &f.To.ARN,
	}
	if f.RoleARN != "" {
		in.RoleArn = &f.RoleARN
	}
	if old == nil {
		return in
	}
	in.ApplyOnTransformedLogs = old.ApplyOnTransformedLogs
	in.EmitSystemFields = old.EmitSystemFields
	in.FieldSelectionCriteria = old.FieldSelectionCriteria
	if f.To.Service == Kinesis {
		in.Distribution = old.Distribution
	}
	return in
}

// The log groups of functions and Firehose streams, if they are not configured to
// use others.
const (
	functionLogs = "/aws/lambda/"
	firehoseLogs = "/aws/kinesisfirehose/"
)

// loops returns why the events of a group could come from their own delivery, or "".
// Which functions read a stream is not known here. So a prefix never subscribes the
// log of a function.
func (f Filter) loops(g Group) (why string) {
	switch {
	case strings.HasPrefix(g.Name, firehoseLogs):
		return "it is the log of a Firehose stream, whose errors could come back to it in an endless loop"
	case f.To.Service == Lambda && g.Name == functionLogs+f.To.Name:
		return "it is the log of the destination itself"
	case g.ByPrefix && strings.HasPrefix(g.Name, functionLogs):
		return "it is the log of a function; give its full name to subscribe it"
	}
	return ""
}

// differences lists what is different in a filter of the same name.
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

// Plan returns the change that removes the filter from a group. It never fails.
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

// find returns the filter of that name, or nil.
func find(filters []types.SubscriptionFilter, name string) *types.SubscriptionFilter {
	for i := range filters {
		if aws.ToString(filters[i].FilterName) == name {
			return &filters[i]
		}
	}
	return nil
}
