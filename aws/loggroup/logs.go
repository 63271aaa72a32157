package loggroup

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"clearhop/aws/account"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// A Call is a method of a *cloudwatchlogs.Client.
type Call[In, Out any] func(context.Context, *In, ...func(*cloudwatchlogs.Options)) (*Out, error)

// Logs are the calls of CloudWatch Logs, each the client's method of that name. It is a
// struct and not an interface, because an interface would keep all methods of the client
// in the binary of the command; see package subscription.
type Logs struct {
	FilterLogEvents    Call[cloudwatchlogs.FilterLogEventsInput, cloudwatchlogs.FilterLogEventsOutput]
	DescribeLogGroups  Call[cloudwatchlogs.DescribeLogGroupsInput, cloudwatchlogs.DescribeLogGroupsOutput]
	DescribeLogStreams Call[cloudwatchlogs.DescribeLogStreamsInput, cloudwatchlogs.DescribeLogStreamsOutput]

	Region string // for messages
}

// Options say how a client calls. The zero value is for AWS itself.
type Options struct {
	// Throttled is called after each call that was throttled, with how many calls a
	// second are made from now on. nil if nobody is to know.
	Throttled func(perSecond float64)

	fast bool // does not limit the rate, for tests
}

// Connect makes a client with the usual configuration of AWS's tools. The errors are
// those of package account.
func Connect(ctx context.Context, o Options) (*Logs, error) {
	c, err := account.Load(ctx, config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }))
	if err != nil {
		return nil, err
	}
	// Without credentials each call would fail with the same error.
	if _, err := account.Credentials(ctx, c.Credentials); err != nil {
		return nil, err
	}
	return New(c, o), nil
}

// New makes a client with a configuration of the SDK. It makes calls again by itself, so
// that the configuration's Retryer should not: see aws.NopRetryer.
func New(c aws.Config, o Options) *Logs {
	client := cloudwatchlogs.NewFromConfig(c)
	return &Logs{
		FilterLogEvents:    paced(client.FilterLogEvents, o),
		DescribeLogGroups:  paced(client.DescribeLogGroups, o),
		DescribeLogStreams: paced(client.DescribeLogStreams, o),
		Region:             c.Region,
	}
}

// A Group is a log group.
type Group struct {
	Name      string
	Account   string
	Stored    int64         // bytes that CloudWatch Logs keeps of it, as it bills them
	Retention time.Duration // how long events are kept; 0 for ever
	Class     types.LogGroupClass
}

// Find returns the log group of that name or, with prefix, all log groups whose names
// begin with it, in the order of their names. An error is a *NotFoundError, a
// *ForbiddenError, or that of a call.
func (l *Logs) Find(ctx context.Context, name string, prefix bool) ([]Group, error) {
	begins, err := l.groups(ctx, name, !prefix)
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(slices.Clone(begins), func(g Group) bool {
		return !prefix && g.Name != name || !strings.HasPrefix(g.Name, name)
	})
	if len(found) == 0 {
		return nil, &NotFoundError{Name: name, Prefix: prefix, Region: l.Region, Near: l.near(ctx, name, begins)}
	}
	slices.SortFunc(found, func(a, b Group) int { return cmp.Compare(a.Name, b.Name) })
	return found, nil
}

// maxGroups bounds the groups of a prefix.
const maxGroups = 10_000

// groups lists the groups whose names begin with a prefix. With one, only those before
// and at the name itself are asked for.
func (l *Logs) groups(ctx context.Context, prefix string, one bool) ([]Group, error) {
	in := &cloudwatchlogs.DescribeLogGroupsInput{}
	if prefix != "" {
		in.LogGroupNamePrefix = &prefix
	}
	var groups []Group
	for len(groups) < maxGroups {
		out, err := l.DescribeLogGroups(ctx, in)
		if err != nil {
			return nil, because("DescribeLogGroups", "", err)
		}
		for i := range out.LogGroups {
			groups = append(groups, groupOf(&out.LogGroups[i]))
		}
		done := aws.ToString(out.NextToken) == "" || aws.ToString(out.NextToken) == aws.ToString(in.NextToken)
		if done || one && len(groups) > 0 { // the shortest name comes first
			break
		}
		in.NextToken = out.NextToken
	}
	return groups, nil
}

func groupOf(g *types.LogGroup) Group {
	group := Group{Name: aws.ToString(g.LogGroupName), Stored: aws.ToInt64(g.StoredBytes), Class: g.LogGroupClass}
	group.Retention = time.Duration(aws.ToInt32(g.RetentionInDays)) * 24 * time.Hour
	if a, err := arn.Parse(cmp.Or(aws.ToString(g.LogGroupArn), aws.ToString(g.Arn))); err == nil {
		group.Account = a.AccountID
	}
	return group
}

// near returns names that a person may have meant: those that begin with the name, or
// else those that begin as it does, as far as there are any.
func (l *Logs) near(ctx context.Context, name string, begins []Group) []string {
	const few = 5
	for len(begins) == 0 && name != "" {
		name = name[:strings.LastIndexByte(name[:len(name)-1], '/')+1]
		var err error
		if begins, err = l.groups(ctx, name, true); err != nil {
			return nil
		}
	}
	var names []string
	for _, g := range begins[:min(few, len(begins))] {
		names = append(names, g.Name)
	}
	return names
}

// LastEvent returns when the last event of a group was, as DescribeLogStreams knows it,
// which can be an hour behind. It is zero if that is not known.
func (l *Logs) LastEvent(ctx context.Context, group string) time.Time {
	out, err := l.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{
		LogGroupName: &group, OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true), Limit: aws.Int32(1),
	})
	if err != nil {
		return time.Time{}
	}
	var last time.Time
	for i := range out.LogStreams {
		if at := time.UnixMilli(aws.ToInt64(out.LogStreams[i].LastEventTimestamp)); at.After(last) && at.UnixMilli() > 0 {
			last = at
		}
	}
	return last
}
