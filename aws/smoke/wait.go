package smoke

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"clearhop/aws/athena"
	"clearhop/aws/query"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// maxScan bounds what one query may scan, in bytes. It reads one column of two days.
const maxScan = 10e9

// asksEvery is the time between two questions to the table, because each one is billed.
const asksEvery = 6 // looks

// wait looks at each stage until the row is there, or the time is over.
func (s *Smoke) wait(ctx context.Context) (Arrival, error) {
	limited, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	engine := athena.New(athena.Config{
		Calls: s.config.Calls.Athena, WorkGroup: s.config.Stack.Outputs["WorkGroup"], Database: s.config.Stack.Outputs["Database"],
		MaxScan: maxScan, Wait: min(s.config.Poll, 500*time.Millisecond),
	})
	said := ""
	asked := -asksEvery
	for look := 0; ; look++ {
		if err := s.look(limited); err != nil && limited.Err() == nil {
			return Arrival{}, err
		}
		if stage := s.waitsFor(); stage != said {
			s.config.Say(stage)
			said = stage
		}
		if s.asks() && look-asked >= asksEvery && limited.Err() == nil {
			asked = look
			arrival, found, err := s.row(limited, engine)
			if found {
				return arrival, nil
			}
			if err != nil && limited.Err() == nil {
				return Arrival{}, s.tableError(err)
			}
		}
		select {
		case <-limited.Done():
			if ctx.Err() != nil {
				return Arrival{}, ctx.Err()
			}
			return Arrival{}, s.diagnosis()
		case <-time.After(s.config.Poll):
		}
	}
}

// asks reports whether the table can have the row. Rows of Iceberg lie in no object whose
// name tells the time, and not everybody may list the bucket.
func (s *Smoke) asks() bool {
	return s.seen.object != "" || s.events == "" || slices.Contains(s.seen.unknown, mayList(s.config.Stack.Outputs["EventBucketName"]))
}

// mayList names the permission to list a bucket.
func mayList(bucket string) string { return "s3:ListBucket on " + bucket }

// waitsFor says in words what comes next.
func (s *Smoke) waitsFor() string {
	switch {
	case s.seen.object != "":
		return "an object is in the bucket; the table is asked"
	case s.events == "":
		return "the table is asked; Firehose writes rows after up to 5 minutes"
	case s.seen.invoked:
		return "the function runs; Firehose writes an object after up to 5 minutes"
	}
	return "the line is sent; the function reads it next"
}

// look looks at the function's log and at the buckets. What may not be looked at is noted,
// and does not end the waiting. A function that cannot start does.
func (s *Smoke) look(ctx context.Context) error {
	if err := s.readLog(ctx); err != nil {
		return err
	}
	if s.events != "" && s.seen.object == "" {
		keys := s.newKeys(ctx, s.config.Stack.Outputs["EventBucketName"], s.eventPrefixes()...)
		if len(keys) > 0 {
			s.seen.object = keys[0]
		}
	}
	if keys := s.newKeys(ctx, s.config.Stack.Outputs["EventBucketName"], "errors/"); len(keys) > 0 {
		s.seen.refused = keys[0]
	}
	if keys := s.newKeys(ctx, s.config.Stack.Outputs["DeadLetterBucketName"], "letters/", "aws/lambda/"); len(keys) > 0 {
		s.seen.letter = keys[0]
	}
	return ctx.Err()
}

// readLog reads what the function logged since the line was sent.
func (s *Smoke) readLog(ctx context.Context) error {
	out, err := s.config.Calls.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &s.function, StartTime: aws.Int64(s.sent.UnixMilli()), Limit: aws.Int32(1000),
	})
	if err != nil {
		s.note("logs:FilterLogEvents on " + s.function)
		return nil
	}
	for i := range out.Events {
		text := aws.ToString(out.Events[i].Message)
		s.seen.invoked = true
		if !strings.Contains(text, `"level":"ERROR"`) && !strings.Contains(text, "Task timed out") {
			continue
		}
		s.seen.failure = strings.TrimSpace(text[:min(len(text), 500)])
		if strings.Contains(text, "the function cannot start") {
			return s.stopped(Function, "The function cannot start: "+s.seen.failure,
				"Change the setting that it names in your settings file, and run make deploy again.")
		}
	}
	return nil
}

// note notes that something may not be looked at.
func (s *Smoke) note(what string) {
	if !slices.Contains(s.seen.unknown, what) {
		s.seen.unknown = append(s.seen.unknown, what)
	}
}

// eventPrefixes are those of the objects of each hour from the sending until now.
func (s *Smoke) eventPrefixes() []string {
	from := s.sent
	if from.IsZero() {
		from = time.Now()
	}
	var all []string
	for hour := from.UTC().Truncate(time.Hour); !hour.After(time.Now().UTC()); hour = hour.Add(time.Hour) {
		all = append(all, s.events+hour.Format("dt=2006-01-02/hour=15/"))
	}
	return all
}

// noteKeys notes what is in the buckets before the line is sent.
func (s *Smoke) noteKeys(ctx context.Context) error {
	outputs := s.config.Stack.Outputs
	for _, place := range []struct {
		bucket   string
		prefixes []string
	}{
		{outputs["EventBucketName"], append(s.eventPrefixes(), "errors/")},
		{outputs["DeadLetterBucketName"], []string{"letters/", "aws/lambda/"}},
	} {
		for _, key := range s.newKeys(ctx, place.bucket, place.prefixes...) {
			s.before[place.bucket+"/"+key] = true
		}
	}
	return ctx.Err()
}

// newKeys returns the keys that were not there before.
func (s *Smoke) newKeys(ctx context.Context, bucket string, prefixes ...string) []string {
	var fresh []string
	for _, prefix := range prefixes {
		keys, err := s.config.Calls.List(ctx, bucket, prefix)
		if err != nil && ctx.Err() == nil {
			s.note(mayList(bucket))
		}
		for _, key := range keys {
			if !s.before[bucket+"/"+key] {
				fresh = append(fresh, key)
			}
		}
	}
	return fresh
}

// tableError says why the table cannot be asked.
func (s *Smoke) tableError(err error) error {
	if refused, ok := errors.AsType[*query.ServiceError](err); ok {
		err = refused
	}
	if s.seen.object == "" {
		return s.stopped(Table, "Athena did not answer: "+err.Error(), "Look at the work group and the database of the stack, and at your permissions (docs/aws.md).")
	}
	return s.stopped(Table, "An object of events came into the bucket, but Athena did not answer: "+err.Error(),
		"Look at the work group and the database of the stack, and at your permissions (docs/aws.md).")
}

// diagnosis says where a line stopped that did not come in time.
func (s *Smoke) diagnosis() error {
	after := fmt.Sprintf(" within %s", s.config.Timeout.Round(time.Second))
	var unknown string
	if len(s.seen.unknown) > 0 {
		unknown = " This command could not look everywhere: it needs " + strings.Join(s.seen.unknown, ", and ") + "."
	}
	outputs := s.config.Stack.Outputs
	switch {
	case s.seen.object != "":
		return s.stopped(Table, fmt.Sprintf("The bucket got new objects, such as %s, but the table has no row of the line%s", s.seen.object, after),
			"Were EventPrefix or EventFormat changed by hand? The table reads only "+s.events+"dt=.../hour=.../. Ask it yourself: SELECT count(*) FROM all_lines WHERE dt >= '"+s.sent.UTC().Format(time.DateOnly)+"'."+s.mayLeaveOut()+unknown)
	case s.seen.letter != "":
		return s.stopped(Function, fmt.Sprintf("Dead letters came meanwhile, such as s3://%s/%s, and the line did not arrive%s", outputs["DeadLetterBucketName"], s.seen.letter, after),
			"Read the reason in that object, and in the log group "+s.function+"."+unknown)
	case s.seen.refused != "":
		return s.stopped(Objects, fmt.Sprintf("Firehose put events aside meanwhile, such as s3://%s/%s, and the line did not arrive%s", outputs["EventBucketName"], s.seen.refused, after),
			"Read errorMessage in that object."+unknown)
	case s.seen.failure != "":
		return s.stopped(Function, "The function failed: "+s.seen.failure, "See the log group "+s.function+"."+unknown)
	case s.seen.invoked:
		return s.stopped(Objects, fmt.Sprintf("The function runs, but no object came into s3://%s/%s%s", outputs["EventBucketName"], s.events, after),
			"Firehose writes after up to 5 minutes: try again with a longer --timeout. Then look at the log of the Firehose stream."+s.mayLeaveOut()+unknown)
	case slices.Contains(s.seen.unknown, "logs:FilterLogEvents on "+s.function):
		return s.stopped(Function, "The line did not arrive"+after, "Nothing is known of the function."+s.mayLeaveOut()+unknown)
	}
	return s.stopped(Function, fmt.Sprintf("The function was not invoked%s: CloudWatch Logs does not deliver the lines of %s", after, s.config.LogGroup),
		"See DeliveryErrors in AWS/Logs, and run: clearhop subscribe --dry-run --to "+outputs["Destination"]+" "+s.config.LogGroup+s.mayLeaveOut()+unknown)
}
