package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clearhop/aws/object"
	"clearhop/pipeline"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// Calls are the calls of AWS that a Watch makes, each a client's method of that name.
type Calls struct {
	DescribeLogGroups func(context.Context, *cloudwatchlogs.DescribeLogGroupsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error)
	FilterLogEvents   func(context.Context, *cloudwatchlogs.FilterLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error)
	GetObject         func(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	PutObject         func(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	Publish           func(context.Context, *sns.PublishInput, ...func(*sns.Options)) (*sns.PublishOutput, error)
}

// NewCalls returns the calls of clients with the configuration c.
func NewCalls(c aws.Config) Calls {
	logs, objects, topics := cloudwatchlogs.NewFromConfig(c), s3.NewFromConfig(c), sns.NewFromConfig(c)
	return Calls{
		DescribeLogGroups: logs.DescribeLogGroups, FilterLogEvents: logs.FilterLogEvents,
		GetObject: objects.GetObject, PutObject: objects.PutObject, Publish: topics.Publish,
	}
}

// Config is what a Watch is made of.
type Config struct {
	Settings Settings
	// Pipeline reads the lines as the functions that deliver events do.
	Pipeline pipeline.Config
	Calls    Calls
	Now      func() time.Time // nil means time.Now
}

// A Watch diagnoses log groups. It keeps nothing from one Run to the next.
type Watch struct {
	config Config
}

// New makes a Watch. One error names every bad setting.
func New(c Config) (*Watch, error) {
	p, err := pipeline.New(c.Pipeline)
	if p != nil {
		err = errors.Join(err, p.Close())
	}
	if err := errors.Join(c.Settings.Check(), err); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Watch{config: c}, nil
}

// A Summary says what a Run did.
type Summary struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Groups int       `json:"log_groups"`
	// LeftOut are log groups that were not read, because there are too many. The next
	// Runs read them.
	LeftOut  int      `json:"left_out,omitempty"`
	Failed   string   `json:"failed,omitempty"` // why some log groups could not be read; their lines are not judged
	Lines    int      `json:"lines"`
	Sampled  bool     `json:"sampled,omitempty"` // there were more lines
	Judged   int64    `json:"judged"`
	Findings []string `json:"findings"`       // their codes
	Sent     []string `json:"sent,omitempty"` // the subjects of messages
	// Taken says that another Run was at work, so that this one sent nothing.
	Taken bool `json:"taken,omitempty"`
}

// leaseTime is how long a Run has for its messages. It is longer than the function may run.
const leaseTime = 3 * time.Minute

// Run diagnoses the last period and publishes what has changed. After an error, the next
// Run sends what this one could not.
func (w *Watch) Run(ctx context.Context) (Summary, error) {
	s := &w.config.Settings
	now := w.config.Now().UTC()
	to := now.Add(-settle).Truncate(time.Second)
	summary := Summary{From: to.Add(-s.Every), To: to}
	bucket, key, _ := object.SplitURL(s.State)
	kept := &store{calls: w.config.Calls, bucket: bucket, key: key}
	st, err := kept.load(ctx)
	if err != nil {
		return summary, err
	}
	if st.Lease.After(now) {
		summary.Taken = true
		return summary, nil
	}
	// Messages that wait are sent even if the lines cannot be read.
	changed := len(st.Messages) > 0
	j, errLook := w.look(ctx, st, period{summary.From, summary.To}, &summary)
	if j != nil {
		changed = st.update(j, &messenger{name: s.Name, minPercent: s.MinPercent}) || changed
	}
	if !changed {
		return summary, errLook
	}
	if len(st.Messages) > 0 {
		st.Lease = now.Add(leaseTime)
	}
	err = kept.save(ctx, st)
	if err == nil {
		err = w.send(ctx, kept, st, &summary)
	}
	if errors.Is(err, errTaken) {
		summary.Taken, err = true, nil
	}
	return summary, errors.Join(errLook, err)
}

// look reads and judges the lines of a period. Where there are too many log groups, the
// state says whose turn it is. If some of them cannot be read, the others are judged, and
// the summary names them.
func (w *Watch) look(ctx context.Context, st *state, p period, summary *Summary) (*judged, error) {
	s := &w.config.Settings
	lines, err := (&sampler{calls: w.config.Calls, names: s.groups(), maxBytes: s.MaxMB << 20, from: st.Next}).take(ctx, p)
	if lines == nil {
		return nil, err
	}
	summary.Groups, summary.LeftOut, summary.Lines, summary.Sampled = lines.groups, len(lines.leftOut), lines.lines, lines.cut
	report, errJudge := judge(ctx, w.config.Pipeline, lines)
	if errJudge != nil {
		return nil, errors.Join(err, fmt.Errorf("judge the lines: %w", errJudge))
	}
	summary.Judged = report.Read.Judged
	for i := range report.Findings {
		summary.Findings = append(summary.Findings, report.Findings[i].Code.String())
	}
	if err != nil {
		summary.Failed = err.Error()
	}
	return &judged{lines, report}, nil
}

// send publishes the messages that wait, and writes the state without them.
func (w *Watch) send(ctx context.Context, kept *store, st *state, summary *Summary) error {
	for len(st.Messages) > 0 {
		m := st.Messages[0]
		_, err := w.config.Calls.Publish(ctx, &sns.PublishInput{TopicArn: &w.config.Settings.Topic, Subject: &m.Subject, Message: &m.Body})
		if err != nil {
			st.Lease = time.Time{} // Lambda's next try may send it
			return errors.Join(fmt.Errorf("publish to the topic: %w", err), kept.save(ctx, st))
		}
		summary.Sent = append(summary.Sent, m.Subject)
		if st.Messages = st.Messages[1:]; len(st.Messages) == 0 {
			st.Messages, st.Lease = nil, time.Time{}
		}
		if err := kept.save(ctx, st); err != nil {
			return err
		}
	}
	return nil
}
