package subscription

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"golang.org/x/time/rate"
)

// A Call is a method of a *cloudwatchlogs.Client.
type Call[In, Out any] func(context.Context, *In, ...func(*cloudwatchlogs.Options)) (*Out, error)

// Logs are the calls of CloudWatch Logs, each the method of that name. It is no
// interface on purpose: a Client that becomes one takes all its other methods
// into every binary that calls methods by name, as kong does.
type Logs struct {
	DescribeLogGroups           Call[cloudwatchlogs.DescribeLogGroupsInput, cloudwatchlogs.DescribeLogGroupsOutput]
	DescribeSubscriptionFilters Call[cloudwatchlogs.DescribeSubscriptionFiltersInput, cloudwatchlogs.DescribeSubscriptionFiltersOutput]
	PutSubscriptionFilter       Call[cloudwatchlogs.PutSubscriptionFilterInput, cloudwatchlogs.PutSubscriptionFilterOutput]
	DeleteSubscriptionFilter    Call[cloudwatchlogs.DeleteSubscriptionFilterInput, cloudwatchlogs.DeleteSubscriptionFilterOutput]
}

// A NotFoundError says that there is no log group of the name, or none whose
// name begins so, in the region and the account that the credentials are for.
type NotFoundError struct {
	Name   string
	Prefix bool
}

// Error names what was looked for.
func (e *NotFoundError) Error() string {
	if e.Prefix {
		return fmt.Sprintf("no log group has a name that begins with %q", e.Name)
	}
	return fmt.Sprintf("there is no log group %q", e.Name)
}

const (
	// attempts is how often a call is made that AWS throttles or that fails on
	// its way; the last ones wait for 20 seconds each.
	attempts = 10
	// A kind of call is made perSecond times a second at most, after the first
	// few, so that others' calls in the account have a share of the quotas too.
	perSecond = 5
	atOnce    = 20
)

// Connect makes a client with the usual configuration of AWS's tools; an empty
// region means the configured one. Its calls are paced, and made again when they
// are throttled.
func Connect(ctx context.Context, region string) (*Logs, error) {
	c, err := config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithRetryer(retryer))
	if err != nil {
		return nil, fmt.Errorf("aws configuration: %w", err)
	}
	if c.Region == "" {
		return nil, errors.New("aws configuration: no region is set, for example by AWS_REGION")
	}
	client := cloudwatchlogs.NewFromConfig(c)
	return &Logs{
		DescribeLogGroups:           paced(client.DescribeLogGroups),
		DescribeSubscriptionFilters: paced(client.DescribeSubscriptionFilters),
		PutSubscriptionFilter:       paced(client.PutSubscriptionFilter),
		DeleteSubscriptionFilter:    paced(client.DeleteSubscriptionFilter),
	}, nil
}

func retryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		// Calls are made one by one: no herd that a common budget would have to
		// hold back, and each group is worth its attempts.
		o.RateLimiter = ratelimit.None
		// First come ours: the SDK takes a group that is full for throttling.
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(retryable)}, o.Retryables...)
	})
}

// retryable knows the errors that CloudWatch Logs means otherwise than the SDK.
func retryable(err error) aws.Ternary {
	var full *types.LimitExceededException
	var conflict *types.OperationAbortedException
	switch {
	case errors.As(err, &full):
		return aws.FalseTernary
	case errors.As(err, &conflict):
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

// paced makes a call wait for its turn.
func paced[In, Out any](call Call[In, Out]) Call[In, Out] {
	turns := rate.NewLimiter(perSecond, atOnce)
	return func(ctx context.Context, in *In, options ...func(*cloudwatchlogs.Options)) (*Out, error) {
		if err := turns.Wait(ctx); err != nil {
			return nil, err
		}
		return call(ctx, in, options...)
	}
}

// Find returns the log group of a name or, with prefix, all whose names begin
// with it, in the order of their names. Filters are not looked up. An error is a
// NotFoundError or that of a call; with one there are no groups.
func (l *Logs) Find(ctx context.Context, name string, prefix bool) ([]Group, error) {
	if err := CheckGroup(name); err != nil {
		return nil, err
	}
	in := &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &name}
	var groups []Group
	for {
		out, err := l.DescribeLogGroups(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("describe log groups: %w", cause(err))
		}
		for i := range out.LogGroups {
			g := &out.LogGroups[i]
			group := Group{Name: aws.ToString(g.LogGroupName), Class: g.LogGroupClass, ByPrefix: prefix}
			if prefix && !strings.HasPrefix(group.Name, name) || !prefix && group.Name != name {
				continue
			}
			a, err := arn.Parse(aws.ToString(g.Arn))
			if err != nil {
				return nil, fmt.Errorf("describe log groups: the ARN of %s cannot be read", group.Name)
			}
			group.Account = a.AccountID
			groups = append(groups, group)
		}
		if !prefix && len(groups) > 0 {
			return groups, nil
		}
		if more, err := next("describe log groups", &in.NextToken, out.NextToken); err != nil {
			return nil, err
		} else if !more {
			break
		}
	}
	if len(groups) == 0 {
		return nil, &NotFoundError{Name: name, Prefix: prefix}
	}
	return groups, nil
}

// LookUpFilters sets the Filters of a group. With an error they stay.
func (l *Logs) LookUpFilters(ctx context.Context, g *Group) error {
	in := &cloudwatchlogs.DescribeSubscriptionFiltersInput{LogGroupName: &g.Name}
	var filters []types.SubscriptionFilter
	for {
		out, err := l.DescribeSubscriptionFilters(ctx, in)
		if err != nil {
			return fmt.Errorf("describe subscription filters: %w", cause(err))
		}
		filters = append(filters, out.SubscriptionFilters...)
		if more, err := next("describe subscription filters", &in.NextToken, out.NextToken); err != nil {
			return err
		} else if !more {
			break
		}
	}
	g.Filters = filters
	return nil
}

// next turns a page, and reports whether there is one more.
func next(what string, token **string, to *string) (bool, error) {
	if aws.ToString(to) == "" {
		return false, nil
	}
	if aws.ToString(to) == aws.ToString(*token) {
		return false, errors.New(what + ": the answer's next page is the one just read")
	}
	*token = to
	return true, nil
}

// A PermissionError says that CloudWatch Logs may not invoke the function, or
// that there is none: AWS does not tell these apart.
type PermissionError struct{ err error }

// Error is what AWS says.
func (e *PermissionError) Error() string { return e.err.Error() }
func (e *PermissionError) Unwrap() error { return e.err }

// Apply makes a change; one that is to keep or to skip a group makes no call. An
// error is that of the call, among them a PermissionError.
func (l *Logs) Apply(ctx context.Context, c Change) error {
	switch {
	case c.put != nil:
		if _, err := l.PutSubscriptionFilter(ctx, c.put); err != nil {
			err = fmt.Errorf("put subscription filter: %w", cause(err))
			var invalid *types.InvalidParameterException
			if errors.As(err, &invalid) && strings.Contains(invalid.ErrorMessage(), "execute the lambda function") {
				return &PermissionError{err}
			}
			return err
		}
	case c.remove != nil:
		if _, err := l.DeleteSubscriptionFilter(ctx, c.remove); err != nil {
			return fmt.Errorf("delete subscription filter: %w", cause(err))
		}
	}
	return nil
}

// cause is what AWS answered, without the SDK's account of the call; for all
// other errors the error itself.
func cause(err error) error {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer
	}
	return err
}
