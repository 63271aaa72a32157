package subscription

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"clearhop/aws/account"

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

// Logs are the calls of CloudWatch Logs, each the client's method of that name. It
// is a struct and not an interface on purpose. If a Client is converted to an
// interface, the linker keeps all its methods in each binary that calls methods by
// name, as the package kong does.
type Logs struct {
	DescribeLogGroups           Call[cloudwatchlogs.DescribeLogGroupsInput, cloudwatchlogs.DescribeLogGroupsOutput]
	DescribeSubscriptionFilters Call[cloudwatchlogs.DescribeSubscriptionFiltersInput, cloudwatchlogs.DescribeSubscriptionFiltersOutput]
	PutSubscriptionFilter       Call[cloudwatchlogs.PutSubscriptionFilterInput, cloudwatchlogs.PutSubscriptionFilterOutput]
	DeleteSubscriptionFilter    Call[cloudwatchlogs.DeleteSubscriptionFilterInput, cloudwatchlogs.DeleteSubscriptionFilterOutput]
}

// A NotFoundError says that no log group has the name, or a name that begins with
// it, in the region and the account of the credentials.
type NotFoundError struct {
	Name   string
	Prefix bool
}

// Error returns the name that was not found.
func (e *NotFoundError) Error() string {
	if e.Prefix {
		return fmt.Sprintf("no log group has a name that begins with %q", e.Name)
	}
	return fmt.Sprintf("there is no log group %q", e.Name)
}

const (
	// attempts is how many times a call is made that AWS throttles or that does
	// not arrive. The last attempts wait for 20 seconds each.
	attempts = 10
	// Calls of one kind are limited to perSecond, after atOnce of them, because
	// all callers of an account share AWS's quotas.
	perSecond = 5
	atOnce    = 20
)

// Connect makes a client with the usual configuration of AWS's tools. An empty
// region means the configured one. The calls of the client are limited in rate and
// retried when they are throttled. The errors are those of package account.
func Connect(ctx context.Context, region string) (*Logs, error) {
	c, err := account.Load(ctx, config.WithRegion(region), config.WithRetryer(retryer))
	if err != nil {
		return nil, err
	}
	// Without credentials each call would fail with the same error.
	if _, err := account.Credentials(ctx, c.Credentials); err != nil {
		return nil, err
	}
	client := cloudwatchlogs.NewFromConfig(c)
	return &Logs{
		DescribeLogGroups:           paced(client.DescribeLogGroups),
		DescribeSubscriptionFilters: paced(client.DescribeSubscriptionFilters),
		PutSubscriptionFilter:       paced(client.PutSubscriptionFilter),
		DeleteSubscriptionFilter:    paced(client.DeleteSubscriptionFilter),
	}, nil
}

// retryer returns the policy of retries.
func retryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		// The SDK's budget of retries is for many calls at once. Here calls are
		// made one after the other, and each group gets all its attempts.
		o.RateLimiter = ratelimit.None
		// Our rule comes first, because the SDK would retry LimitExceeded, which
		// means that a group has all its filters.
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(retryable)}, o.Retryables...)
	})
}

// retryable decides about the errors that mean something else in CloudWatch Logs than
// the SDK assumes.
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

// paced limits the rate of a call.
func paced[In, Out any](call Call[In, Out]) Call[In, Out] {
	turns := rate.NewLimiter(perSecond, atOnce)
	return func(ctx context.Context, in *In, options ...func(*cloudwatchlogs.Options)) (*Out, error) {
		if err := turns.Wait(ctx); err != nil {
			return nil, err
		}
		return call(ctx, in, options...)
	}
}

// Find returns the log group of that name or, with prefix, all log groups whose
// names begin with it, in the order of their names. It does not look up filters. An
// error is a *NotFoundError, or the error of a call or of CheckGroup; then there are
// no groups.
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
				return nil, fmt.Errorf("describe log groups: AWS returned no valid ARN for %s", group.Name)
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

// LookUpFilters sets the Filters of a group. On an error it does not change them.
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

// next sets token to the next page and reports whether there is one.
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

// A PermissionError says that CloudWatch Logs is not allowed to invoke the function,
// or that the function does not exist. AWS gives the same answer for both.
type PermissionError struct{ err error }

// Error returns the answer of AWS.
func (e *PermissionError) Error() string { return e.err.Error() }

// Unwrap returns the error of the call.
func (e *PermissionError) Unwrap() error { return e.err }

// Apply makes a change. For a group to Keep or to Skip it makes no call. An error is
// that of the call; it can be a *PermissionError or a *FullError.
func (l *Logs) Apply(ctx context.Context, c Change) error {
	switch {
	case c.put != nil:
		if _, err := l.PutSubscriptionFilter(ctx, c.put); err != nil {
			err = fmt.Errorf("put subscription filter: %w", cause(err))
			var full *types.LimitExceededException
			if errors.As(err, &full) {
				return &FullError{Filters: c.had, err: err}
			}
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

// cause returns the answer of AWS, or an *account.UnreachableError if there was none,
// without what the SDK adds about the call. Other errors are returned unchanged.
func cause(err error) error {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer
	}
	if far := account.Unreachable(err); far != nil {
		return far
	}
	return err
}
