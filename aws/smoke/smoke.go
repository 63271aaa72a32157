package smoke

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"clearhop/analytics"
	"clearhop/aws/account"
	"clearhop/aws/athena"
	"clearhop/aws/stack"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
)

// Config says what to try. Calls and Stack have no default.
type Config struct {
	Calls Calls
	Stack stack.Stack
	// LogGroup gets the line. "" means the first log group of the stack's parameters.
	LogGroup string
	// Format is the format of the line. "" means that of the stack's parameters.
	Format string
	// Timeout is how long the line may take. 0 means 15 minutes: Firehose alone waits 5
	// minutes before it writes Parquet.
	Timeout time.Duration
	// Poll is the time between two looks. 0 means 10 seconds.
	Poll time.Duration
	// Say is told what the line is waited for, each time that it changes. Nil for nobody.
	Say func(waitsFor string)
}

// A Stage is a place on the way of the line.
type Stage string

// The stages, in their order.
const (
	Subscription Stage = "subscription" // the log group sends its lines to the stack
	Function     Stage = "function"     // the function reads the line
	Objects      Stage = "objects"      // Firehose writes an object into the bucket
	Table        Stage = "table"        // the table has the row
)

// A StoppedError says where the line stopped, and what to do.
type StoppedError struct {
	ID    string // of the line; see Mark
	Stage Stage
	// Reason is one sentence, and Fix some more. They name what is to be looked at.
	Reason, Fix string
}

// Error returns the reason and the fix.
func (e *StoppedError) Error() string { return e.Reason + ". " + e.Fix }

// An Arrival is what the table says of the line.
type Arrival struct {
	ID               string // of the line
	LogGroup         string
	EventID, Verdict string
	Took             time.Duration
	Scanned          int64 // bytes that Athena read for it
}

// A Smoke takes one line through a stack. It is for one goroutine.
type Smoke struct {
	config   Config
	id       string
	line     []byte
	function string // the log group of the function
	events   string // the prefix of the objects; empty where rows are written without one
	sent     time.Time
	before   map[string]bool // keys that were there before
	seen     seen
}

// seen is what was seen on the way so far.
type seen struct {
	invoked bool
	// failure is the last error in the function's log; empty for none.
	failure string
	object  string
	letter  string
	refused string // below errors/
	// unknown are the permissions that are missing to look.
	unknown []string
}

// New prepares a line. The error says what is wrong with the stack or the format.
func New(c Config) (*Smoke, error) {
	if c.Timeout == 0 {
		c.Timeout = 15 * time.Minute
	}
	if c.Poll == 0 {
		c.Poll = 10 * time.Second
	}
	if c.Say == nil {
		c.Say = func(string) {}
	}
	parameters, outputs := c.Stack.Parameters, c.Stack.Outputs
	for _, name := range []string{"EventBucketName", "DeadLetterBucketName", "WorkGroup", "Database", "Destination"} {
		if outputs[name] == "" {
			return nil, fmt.Errorf("the stack %q has no output %s (its state is %s): it is no stack of this version of Clearhop, or was not deployed to its end", c.Stack.Name, name, c.Stack.Status)
		}
	}
	for _, name := range []string{"LogGroupName", "LogGroupName2", "LogGroupName3", "LogGroupName4", "LogGroupName5"} {
		if c.LogGroup == "" {
			c.LogGroup = parameters[name]
		}
	}
	if c.LogGroup == "" {
		return nil, errors.New("the stack names no log group: give one that is subscribed to it with --log-group")
	}
	if c.Format == "" && parameters["FormatFor"] != "" {
		return nil, errors.New("the stack has formats for single log groups (FormatFor): give the format of this one with --format")
	}
	if c.Format == "" {
		c.Format = parameters["LogFormat"]
	}
	var random [8]byte
	rand.Read(random[:])
	s := &Smoke{config: c, id: hex.EncodeToString(random[:]), before: map[string]bool{}}
	role := map[string]string{"kinesis": "stream", "firehose": "transform"}[parameters["Road"]]
	if role == "" {
		role = "subscriber"
	}
	s.function = "/aws/lambda/" + c.Stack.Name + "-" + role
	if format := parameters["EventFormat"]; format != "iceberg" {
		s.events = parameters["EventPrefix"] + format + "/"
	}
	var err error
	if s.line, err = Line(c.Format, s.id, time.Now()); err != nil {
		return nil, fmt.Errorf("no line can be written in the format of the stack: %w; give another format that the log group has with --format", err)
	}
	return s, nil
}

// ID returns the id of the line.
func (s *Smoke) ID() string { return s.id }

// Run sends the line and waits for it. An error is a *StoppedError, one of package account,
// or that of ctx.
func (s *Smoke) Run(ctx context.Context) (Arrival, error) {
	if err := s.checkSubscription(ctx); err != nil {
		return Arrival{}, err
	}
	if err := s.noteKeys(ctx); err != nil {
		return Arrival{}, err
	}
	if err := s.send(ctx); err != nil {
		return Arrival{}, err
	}
	return s.wait(ctx)
}

// stopped makes a *StoppedError.
func (s *Smoke) stopped(stage Stage, reason, fix string) error {
	return &StoppedError{ID: s.id, Stage: stage, Reason: reason, Fix: fix}
}

// checkSubscription looks whether the log group sends to the stack at all. With one policy
// for all groups of the account, no group has a filter.
func (s *Smoke) checkSubscription(ctx context.Context) error {
	if s.config.Stack.Parameters["AllLogGroups"] == "true" {
		return nil
	}
	out, err := s.config.Calls.DescribeSubscriptionFilters(ctx, &cloudwatchlogs.DescribeSubscriptionFiltersInput{LogGroupName: &s.config.LogGroup})
	if err != nil {
		return s.logsError(ctx, "logs:DescribeSubscriptionFilters", err)
	}
	to := s.config.Stack.Outputs["Destination"]
	for i := range out.SubscriptionFilters {
		if aws.ToString(out.SubscriptionFilters[i].DestinationArn) == to {
			return nil
		}
	}
	return s.stopped(Subscription, fmt.Sprintf("No subscription filter of %s sends to the stack", s.config.LogGroup),
		fmt.Sprintf("Deploy the stack with this log group, or run: clearhop subscribe --to %s %s", to, s.config.LogGroup))
}

// logsError makes the error of a call of CloudWatch Logs fit for a person.
func (s *Smoke) logsError(ctx context.Context, permission string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if far := account.Unreachable(err); far != nil {
		return far
	}
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		return s.stopped(Subscription, fmt.Sprintf("There is no log group %s in this account and region", s.config.LogGroup),
			"Look at the name, and at AWS_REGION.")
	}
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		if isDenied(answer.ErrorCode()) {
			return s.stopped(Subscription, "Your credentials do not have the permission "+permission+" on "+s.config.LogGroup, "The line was not sent.")
		}
		return fmt.Errorf("%s: %s: %s", permission, answer.ErrorCode(), answer.ErrorMessage())
	}
	return fmt.Errorf("%s: %w", permission, err)
}

func isDenied(code string) bool {
	return code == "AccessDenied" || code == "AccessDeniedException" || code == "UnauthorizedOperation"
}

// send puts the line into a log stream of its own.
func (s *Smoke) send(ctx context.Context) error {
	stream := Mark + s.id
	group := &s.config.LogGroup
	if _, err := s.config.Calls.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: &stream}); err != nil {
		return s.logsError(ctx, "logs:CreateLogStream", err)
	}
	s.sent = time.Now()
	_, err := s.config.Calls.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: group, LogStreamName: &stream,
		LogEvents: []types.InputLogEvent{{Message: aws.String(string(s.line)), Timestamp: aws.Int64(s.sent.UnixMilli())}},
	})
	if err != nil {
		return s.logsError(ctx, "logs:PutLogEvents", err)
	}
	return nil
}

// RowSQL is what Athena is asked for a line that was sent at a time: a row with its
// event_id and its verdict, once it has arrived. id is of letters and digits.
func RowSQL(id string, sent time.Time) string {
	day := sent.UTC().Add(-24 * time.Hour).Format(time.DateOnly)
	return fmt.Sprintf("SELECT event_id, verdict FROM %s WHERE dt >= '%s' AND path = '%s'", analytics.AllRequests, day, Path(id))
}

// row asks the table for the line.
func (s *Smoke) row(ctx context.Context, engine *athena.Engine) (Arrival, bool, error) {
	answer, err := engine.Ask(ctx, RowSQL(s.id, s.sent))
	if err != nil || len(answer.Rows) == 0 || len(answer.Rows[0]) < 2 {
		return Arrival{}, false, err
	}
	return Arrival{
		ID: s.id, LogGroup: s.config.LogGroup,
		EventID: fmt.Sprint(answer.Rows[0][0]), Verdict: fmt.Sprint(answer.Rows[0][1]),
		Took: time.Since(s.sent), Scanned: engine.Scanned(),
	}, true, nil
}

// mayLeaveOut names the parameters that may leave the line out on purpose. It is empty for none.
func (s *Smoke) mayLeaveOut() string {
	var names []string
	for _, name := range []string{"FilterPattern", "Rules"} {
		if s.config.Stack.Parameters[name] != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " The stack has " + strings.Join(names, " and ") + ", which may leave the line out on purpose."
}
