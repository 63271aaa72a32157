package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"clearhop/record"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// Bounds of a sample.
const (
	maxGroups = 50 // log groups; where there are more, they take turns
	maxCalls  = 60 // of FilterLogEvents
	maxParts  = 8  // of the period, from each of which lines are read
	maxPages  = 5  // of a part: some pages of FilterLogEvents are empty
	maxEvents = 10_000
)

// settle is how old the youngest lines of a period are: agents send lines late.
const settle = time.Minute

// A period is the time that a diagnosis looks at.
type period struct{ from, to time.Time }

// A sample is the lines of a period, or some of them.
type sample struct {
	period
	streams []stream
	lines   int
	cut     bool // there are more lines than these
	groups  int  // log groups that were asked

	leftOut []string // log groups that were not, because there are too many
	next    string   // the log group that the next sample begins with; empty if none is left out
}

// A stream is lines of one log stream, which stand one behind the other there.
type stream struct{ lines []record.Line }

// groupOf returns the log group of each stream by the name of the stream's source.
func (s *sample) groupOf() map[string]string {
	groups := map[string]string{}
	for _, st := range s.streams {
		o := st.lines[0].Origin
		groups[o.Source] = o.LogGroup
	}
	return groups
}

// A sampler reads samples from CloudWatch Logs.
type sampler struct {
	calls    Calls
	names    []string
	maxBytes int
	from     string // the log group that it is the turn of; empty for the first
}

// take reads a sample of a period. If some log groups cannot be read, there is a sample of
// the others, and the error names them.
func (s *sampler) take(ctx context.Context, p period) (*sample, error) {
	all, err := s.find(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the log groups: %w", err)
	}
	if len(all) == 0 {
		return &sample{period: p}, nil
	}
	groups := s.turn(all)
	groups, leftOut := groups[:min(len(groups), maxGroups)], groups[min(len(groups), maxGroups):]
	got := &sample{period: p}
	parts := min(max(maxCalls/maxPages/len(groups), 1), maxParts)
	length := p.to.Sub(p.from) / time.Duration(parts)
	budget := s.maxBytes / len(groups) / parts
	left := maxCalls
	var failed []string
	var errs []error
	for n, group := range groups {
		if left == 0 { // many pages were empty
			leftOut = slices.Concat(groups[n:], leftOut)
			break
		}
		var err error
		for i := 0; i < parts && err == nil; i++ {
			part := period{p.from.Add(length * time.Duration(i)), p.from.Add(length * time.Duration(i+1))}
			err = s.read(ctx, got, group, part, budget, &left)
		}
		if err != nil {
			failed, errs = append(failed, group), append(errs, fmt.Errorf("read the log group %s: %w", group, err))
			continue
		}
		got.groups++
	}
	if got.groups == 0 || ctx.Err() != nil {
		return nil, errors.Join(errs...)
	}
	if len(leftOut) > 0 {
		got.next = leftOut[0]
	}
	got.leftOut = slices.Concat(leftOut, failed)
	return got, errors.Join(errs...)
}

// find returns the log groups of the names.
func (s *sampler) find(ctx context.Context) (groups []string, err error) {
	known := map[string]bool{}
	add := func(group string) {
		if !known[group] {
			known[group], groups = true, append(groups, group)
		}
	}
	for _, name := range s.names {
		prefix, isPrefix := strings.CutSuffix(name, "*")
		if !isPrefix {
			add(name)
			continue
		}
		in := &cloudwatchlogs.DescribeLogGroupsInput{}
		if prefix != "" {
			in.LogGroupNamePrefix = &prefix
		}
		for more := true; more; {
			out, err := s.calls.DescribeLogGroups(ctx, in)
			if err != nil {
				return nil, err
			}
			for i := range out.LogGroups {
				if found := aws.ToString(out.LogGroups[i].LogGroupName); !isService(found) {
					add(found)
				}
			}
			in.NextToken = out.NextToken
			more = aws.ToString(in.NextToken) != ""
		}
	}
	return groups, nil
}

// turn puts the log group first that it is the turn of, and the others behind it in the
// order of their names. Where all were read the last time, they keep their order.
func (s *sampler) turn(groups []string) []string {
	if len(groups) <= maxGroups && s.from == "" {
		return groups
	}
	slices.Sort(groups)
	first, _ := slices.BinarySearch(groups, s.from) // the one behind it if that group is gone
	return slices.Concat(groups[first:], groups[:first])
}

// isService reports whether a group holds what a service writes, and no lines of nginx.
// Those of this stack are among them.
func isService(group string) bool {
	return strings.HasPrefix(group, "/aws/lambda/") || strings.HasPrefix(group, "/aws/kinesisfirehose/")
}

// read reads the first lines of a part of the period, until they have so many bytes.
func (s *sampler) read(ctx context.Context, to *sample, group string, p period, budget int, left *int) error {
	// The end of FilterLogEvents belongs to the time that it returns.
	in := &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &group, StartTime: aws.Int64(p.from.UnixMilli()), EndTime: aws.Int64(p.to.UnixMilli() - 1), Limit: aws.Int32(maxEvents),
	}
	streams := map[string]*stream{}
	var order []string
	defer func() {
		for _, name := range order {
			to.streams = append(to.streams, *streams[name])
		}
	}()
	for range maxPages {
		if *left == 0 {
			to.cut = true
			return nil
		}
		*left--
		out, err := s.calls.FilterLogEvents(ctx, in)
		if err != nil {
			return err
		}
		for i := range out.Events {
			e := &out.Events[i]
			if budget -= len(aws.ToString(e.Message)); budget < 0 {
				to.cut = true
				return nil
			}
			if strings.Trim(aws.ToString(e.Message), "\r\n") == "" {
				continue
			}
			name := aws.ToString(e.LogStreamName)
			if streams[name] == nil {
				streams[name], order = &stream{}, append(order, name)
			}
			streams[name].add(group, name, e)
			to.lines++
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return nil
		}
	}
	to.cut = true
	return nil
}

// add appends an event. A line has the same identity as in the subscription.
func (st *stream) add(group, name string, e *types.FilteredLogEvent) {
	if len(st.lines) == 0 {
		st.lines = append(st.lines, record.Line{Origin: &record.Origin{Source: group + ":" + name, LogGroup: group, LogStream: name, InOrder: true}})
	} else {
		st.lines = append(st.lines, record.Line{Origin: st.lines[0].Origin})
	}
	l := &st.lines[len(st.lines)-1]
	l.ID, l.Text = []byte(aws.ToString(e.EventId)), []byte(strings.TrimRight(aws.ToString(e.Message), "\r\n"))
	l.Time, l.HasTime, l.Offset = aws.ToInt64(e.Timestamp), e.Timestamp != nil, int64(len(st.lines)-1)
}
