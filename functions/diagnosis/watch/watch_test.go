package watch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"clearhop/enrich/clientip"
	"clearhop/functions/diagnosis/watch"
	"clearhop/functions/environment"
	"clearhop/internal/golden"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/privacy"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A world is an account as far as a Watch sees it, with a clock of its own.
// functions/diagnosis tests the same against moto.
type world struct {
	t       *testing.T
	now     time.Time
	watch   *watch.Watch
	groups  []string
	events  map[string][]logtypes.FilteredLogEvent // by log group
	object  []byte
	version int
	sent    []watch.Message
	fails   map[string]error // by call, until it is taken out
	before  map[string]func()
	calls   map[string]int
}

// night is when the tests begin.
var night = time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, change func(*watch.Config)) *world {
	t.Helper()
	w := &world{t: t, now: night, groups: []string{"/ecs/edge"}, events: map[string][]logtypes.FilteredLogEvent{},
		fails: map[string]error{}, before: map[string]func(){}, calls: map[string]int{}}
	c := watch.Config{
		Settings: watch.Settings{
			LogGroups: []string{"/ecs/edge"}, Every: 10 * time.Minute, Topic: "arn:aws:sns:eu-central-1:123456789012:pager",
			State: "s3://bucket/diagnosis/state.json", Name: "shop", MaxMB: 8,
		},
		Pipeline: pipeline.Config{Parser: parser.Settings{Format: []string{"auto"}}, Client: clientip.Settings{NLB: []string{"10.16.1.11"}, Trusted: []string{"10.16.1.13"}}},
		Calls:    watch.Calls{DescribeLogGroups: w.describe, FilterLogEvents: w.filter, GetObject: w.get, PutObject: w.put, Publish: w.publish},
		Now:      func() time.Time { return w.now },
	}
	if change != nil {
		change(&c)
	}
	made, err := watch.New(c)
	if err != nil {
		t.Fatal(err)
	}
	w.watch = made
	return w
}

func (w *world) call(name string) error {
	w.calls[name]++
	if f := w.before[name]; f != nil {
		delete(w.before, name)
		f()
	}
	return w.fails[name]
}

func (w *world) describe(_ context.Context, in *cloudwatchlogs.DescribeLogGroupsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	out := &cloudwatchlogs.DescribeLogGroupsOutput{}
	for _, name := range w.groups {
		if strings.HasPrefix(name, aws.ToString(in.LogGroupNamePrefix)) {
			out.LogGroups = append(out.LogGroups, logtypes.LogGroup{LogGroupName: &name})
		}
	}
	return out, w.call("DescribeLogGroups")
}

// filter returns an empty page first, as CloudWatch Logs may.
func (w *world) filter(_ context.Context, in *cloudwatchlogs.FilterLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	if err := w.call("FilterLogEvents"); err != nil {
		return nil, err
	}
	if err := w.fails[*in.LogGroupName]; err != nil {
		return nil, err
	}
	if in.NextToken == nil {
		return &cloudwatchlogs.FilterLogEventsOutput{NextToken: aws.String("2")}, nil
	}
	out := &cloudwatchlogs.FilterLogEventsOutput{}
	for _, e := range w.events[*in.LogGroupName] {
		if *e.Timestamp >= *in.StartTime && *e.Timestamp <= *in.EndTime {
			out.Events = append(out.Events, e)
		}
	}
	return out, nil
}

func refusal(status int) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: errors.New("refused")}}
}

func (w *world) etag() *string { return aws.String(fmt.Sprintf("%q", fmt.Sprint(w.version))) }

func (w *world) get(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	if w.object == nil {
		return nil, refusal(http.StatusNotFound)
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(w.object)), ETag: w.etag()}, w.call("GetObject")
}

func (w *world) put(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if err := w.call("PutObject"); err != nil {
		return nil, err
	}
	if (in.IfNoneMatch != nil) != (w.object == nil) || in.IfMatch != nil && *in.IfMatch != *w.etag() {
		return nil, refusal(http.StatusPreconditionFailed)
	}
	text, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	w.object, w.version = text, w.version+1
	return &s3.PutObjectOutput{ETag: w.etag()}, nil
}

func (w *world) publish(_ context.Context, in *sns.PublishInput, _ ...func(*sns.Options)) (*sns.PublishOutput, error) {
	if err := w.call("Publish"); err != nil {
		return nil, err
	}
	w.sent = append(w.sent, watch.Message{Subject: *in.Subject, Body: *in.Message})
	return &sns.PublishOutput{}, nil
}

// line is what the edge logs in the format of the project. Where it is broken, the NLB
// sends no PROXY protocol.
func line(at time.Time, n int, broken bool) string {
	client, peer, header := fmt.Sprintf("198.51.100.%d", n%200+1), "10.16.1.11", fmt.Sprintf("198.51.100.%d", n%200+1)
	if broken {
		client, header = peer, "-"
	}
	return fmt.Sprintf(`%s - - [%s] "GET /cart?token=s%d HTTP/1.1" 200 512 "-" "Mozilla/5.0 (agent %d)" "-" "-" %s %s "shop.example" %032x %d.%03d 0.010 300 https "10.16.1.14:80" "200" "0.009"`,
		client, at.Format("02/Jan/2006:15:04:05 +0000"), n, n%20, peer, header, n, at.Unix(), at.Nanosecond()/1e6)
}

// log writes lines of a log group, one every ten seconds, from the last period on. broken
// says which of them show the fault.
func (w *world) log(group string, broken func(n int) bool) {
	for n := range 60 {
		at := w.now.Add(-time.Minute - 10*time.Minute + time.Duration(n)*10*time.Second)
		w.events[group] = append(w.events[group], logtypes.FilteredLogEvent{
			EventId: aws.String(fmt.Sprint(at.UnixNano())), LogStreamName: aws.String(fmt.Sprintf("edge/nginx/%d", n%2)),
			Timestamp: aws.Int64(at.UnixMilli()), Message: aws.String(line(at, n, broken(n))),
		})
	}
}

func all(int) bool  { return true }
func none(int) bool { return false }

// run lets the schedule come once, and returns the subjects of what was sent.
func (w *world) run() []string {
	w.t.Helper()
	before := len(w.sent)
	if _, err := w.watch.Run(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.now = w.now.Add(10 * time.Minute)
	return subjects(w.sent[before:])
}

func subjects(messages []watch.Message) []string {
	var list []string
	for _, m := range messages {
		list = append(list, m.Subject)
	}
	return list
}

func (w *world) want(when string, got []string, want ...string) {
	w.t.Helper()
	if !slices.Equal(got, want) {
		w.t.Errorf("%s: sent %q, want %q", when, got, want)
	}
}

const (
	beganSubject = "shop: proxy_protocol_off at the edge hop began, 100.0% of lines"
	endedSubject = "shop: proxy_protocol_off at the edge hop ended"
)

// TestMessages holds the two messages of a finding, which docs/aws.md shows.
func TestMessages(t *testing.T) {
	w := newWorld(t, nil)
	w.log("/ecs/edge", func(n int) bool { return n >= 30 })
	w.run()
	w.log("/ecs/edge", none)
	w.run()
	w.log("/ecs/edge", none)
	w.run()
	w.log("/ecs/edge", none)
	w.run()
	if len(w.sent) != 2 {
		t.Fatalf("sent %q", subjects(w.sent))
	}
	sections := map[string]string{}
	for name, m := range map[string]watch.Message{"began": w.sent[0], "ended": w.sent[1]} {
		if len(m.Subject) > 100 {
			t.Errorf("the subject has %d bytes", len(m.Subject))
		}
		sections["message "+name] = "```\nSubject: " + m.Subject + "\n\n" + m.Body + "```\n"
	}
	golden.Sections(t, "../../../docs/aws.md", sections)
}

// TestOncePerFinding: a finding that stays is published once, and so is its end.
func TestOncePerFinding(t *testing.T) {
	w := newWorld(t, nil)
	w.log("/ecs/edge", none)
	w.want("in a right chain", w.run())
	if w.object != nil {
		t.Error("a state is written although there is nothing to remember")
	}
	w.log("/ecs/edge", all)
	w.want("at its beginning", w.run(), beganSubject)
	for range 5 {
		w.log("/ecs/edge", all)
		w.want("while it lasts", w.run())
	}
	for range 20 {
		w.want("without lines", w.run())
	}
	for i := range 5 {
		w.log("/ecs/edge", none)
		if got := w.run(); i == 2 {
			w.want("at its end", got, endedSubject)
		} else {
			w.want("around its end", got)
		}
	}
}

// TestOneStream: a finding has no list of its sources where there is one log stream.
func TestOneStream(t *testing.T) {
	w := newWorld(t, nil)
	for period := range 4 {
		w.log("/ecs/edge", map[bool]func(int) bool{true: all, false: none}[period == 0])
		for i := range w.events["/ecs/edge"] {
			w.events["/ecs/edge"][i].LogStreamName = aws.String("edge")
		}
		w.run()
	}
	w.want("of one stream", subjects(w.sent), beganSubject, endedSubject)
	if !strings.Contains(w.sent[0].Body, "--log-group '/ecs/edge' ") {
		t.Errorf("the command names no log group:\n%s", w.sent[0].Body)
	}
}

// TestFlapping: a fault that comes and goes the whole day sends a few messages.
func TestFlapping(t *testing.T) {
	w := newWorld(t, nil)
	for n := range 24 * 6 {
		w.log("/ecs/edge", map[bool]func(int) bool{true: all, false: none}[n%4 == 0])
		w.run()
	}
	if len(w.sent) > 3 {
		t.Errorf("%d messages: %q", len(w.sent), subjects(w.sent))
	}
	if !strings.Contains(strings.Join(subjects(w.sent), "\n"), "is back") {
		t.Errorf("none says that it is back: %q", subjects(w.sent))
	}
}

// TestRare: of a fault that one line in a hundred shows, three right periods of a quiet
// night are not the end.
func TestRare(t *testing.T) {
	w := newWorld(t, nil)
	w.log("/ecs/edge", func(n int) bool { return n%10 == 0 })
	if got := w.run(); len(got) != 1 {
		t.Fatalf("sent %q", got)
	}
	for range 4 {
		at := w.now.Add(-5 * time.Minute)
		for n := range 5 {
			w.events["/ecs/edge"] = append(w.events["/ecs/edge"], logtypes.FilteredLogEvent{LogStreamName: aws.String("edge/nginx/0"),
				Timestamp: aws.Int64(at.UnixMilli()), Message: aws.String(line(at, n, false))})
		}
		w.want("after few lines", w.run())
	}
	w.log("/ecs/edge", none)
	w.want("after enough lines", w.run())
	w.log("/ecs/edge", none)
	w.want("after enough lines", w.run(), endedSubject)
}

// TestPublishFails: what could not be published is published by the next run, also if its
// lines cannot be read; and nothing is published twice.
func TestPublishFails(t *testing.T) {
	w := newWorld(t, nil)
	w.log("/ecs/edge", all)
	w.fails["Publish"] = errors.New("no topic")
	if _, err := w.watch.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "publish to the topic: no topic") {
		t.Errorf("got %v", err)
	}
	delete(w.fails, "Publish")
	w.fails["FilterLogEvents"] = errors.New("throttled")
	w.now = w.now.Add(10 * time.Minute)
	if _, err := w.watch.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "read the log group /ecs/edge: throttled") {
		t.Errorf("got %v", err)
	}
	w.want("by the next run", subjects(w.sent), beganSubject)
	delete(w.fails, "FilterLogEvents")
	w.log("/ecs/edge", all)
	w.want("afterwards", w.run())
}

// TestTwoRuns: of two runs at the same time one publishes.
func TestTwoRuns(t *testing.T) {
	for _, call := range []string{"FilterLogEvents", "Publish"} {
		w := newWorld(t, nil)
		w.log("/ecs/edge", all)
		w.before[call] = func() {
			if _, err := w.watch.Run(t.Context()); err != nil {
				t.Error(err)
			}
		}
		summary, err := w.watch.Run(t.Context())
		if err != nil || len(w.sent) != 1 || summary.Taken != (call == "FilterLogEvents") {
			t.Errorf("in %s: sent %q, taken: %t, %v", call, subjects(w.sent), summary.Taken, err)
		}
	}
}

// TestSample: a run reads no more than it may, of all parts of the period and of all
// groups, and makes a bounded number of calls.
func TestSample(t *testing.T) {
	w := newWorld(t, func(c *watch.Config) { c.Settings.LogGroups, c.Settings.MaxMB = []string{"*"}, 1 })
	w.groups = []string{"/aws/lambda/shop-subscriber", "/aws/kinesisfirehose/shop-events"}
	for n := range 70 {
		group := fmt.Sprintf("/ecs/%d", n)
		w.groups = append(w.groups, group)
		for range 4 {
			w.log(group, func(n int) bool { return n >= 30 })
		}
	}
	summary, err := w.watch.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if w.calls["FilterLogEvents"] > 60 || summary.Groups != 30 || summary.LeftOut != 40 || !summary.Sampled {
		t.Errorf("%d calls, %+v", w.calls["FilterLogEvents"], summary)
	}
	w = newWorld(t, func(c *watch.Config) { c.Settings.MaxMB = 1 })
	for range 200 { // 4 MB
		w.log("/ecs/edge", func(n int) bool { return n >= 30 })
	}
	summary, err = w.watch.Run(t.Context())
	if err != nil || !summary.Sampled || summary.Lines > 5000 || summary.Lines < 2000 {
		t.Errorf("%+v, %v", summary, err)
	}
	// Both halves of the period are in the sample.
	if len(w.sent) != 1 || !strings.Contains(w.sent[0].Subject, "began, 5") {
		t.Errorf("sent %q", subjects(w.sent))
	}
}

// manyGroups is a world with more log groups than a run reads: it has 60 calls, and two of
// them read a group here, so 30 groups.
func manyGroups(t *testing.T, number int, names ...string) *world {
	w := newWorld(t, func(c *watch.Config) { c.Settings.LogGroups = names })
	w.groups = nil
	for n := range number {
		w.groups = append(w.groups, fmt.Sprintf("/ecs/%02d", n))
	}
	return w
}

// period is a run in which some log groups have lines, right ones or broken ones.
func (w *world) period(broken map[string]bool) []string {
	for group, is := range broken {
		w.log(group, func(int) bool { return is })
	}
	return w.run()
}

// TestOneGroupFails: a log group that cannot be read keeps no other one from being judged,
// and none from its turn.
func TestOneGroupFails(t *testing.T) {
	w := manyGroups(t, 100, "/ecs/*")
	w.fails["/ecs/03"] = errors.New("access denied")
	w.log("/ecs/40", func(int) bool { return false })
	summary, err := w.watch.Run(t.Context())
	if err != nil || summary.Groups != 30 || summary.LeftOut != 70 || summary.Failed != "read the log group /ecs/03: access denied" {
		t.Errorf("%+v, %v", summary, err)
	}
	if summary, err = w.watch.Run(t.Context()); err != nil || summary.Groups != 30 || summary.Failed != "" {
		t.Errorf("the next turn: %+v, %v", summary, err)
	}
	w = newWorld(t, nil)
	for _, group := range w.groups {
		w.fails[group] = errors.New("access denied")
	}
	if _, err := w.watch.Run(t.Context()); err == nil {
		t.Error("no log group could be read, and nothing was said")
	}
}

// TestTurns: where there are more log groups than one run reads, each is read in its turn,
// also if the group is gone whose turn it is.
func TestTurns(t *testing.T) {
	w := manyGroups(t, 100, "/ecs/99", "/ecs/*")
	broken, right := map[string]bool{"/ecs/99": true}, map[string]bool{"/ecs/99": false}
	for n := range 3 { // 0 to 29, 30 to 59, 60 to 89
		w.want(fmt.Sprint("before its turn, run ", n), w.period(broken))
	}
	w.groups = slices.DeleteFunc(w.groups, func(group string) bool { return group == "/ecs/90" }) // it is next
	w.want("in its turn", w.period(broken), beganSubject)
	if body := w.sent[0].Body; !strings.Contains(body, "Not read: 69 more log groups. The next diagnoses read them in turn.") {
		t.Error(body)
	}
	runs := 1
	for sent := w.period(right); len(sent) == 0 && runs < 30; runs++ {
		sent = w.period(right)
	}
	if got := subjects(w.sent)[1:]; runs < 7 || !slices.Equal(got, []string{endedSubject}) {
		t.Errorf("after %d runs: sent %q; want the end after its third turn", runs, got)
	}
}

// TestUnseen: a finding lasts while one of the groups that showed it was not read again.
func TestUnseen(t *testing.T) {
	w := manyGroups(t, 60, "/ecs/*")
	w.want("the first half", w.period(map[string]bool{"/ecs/05": true, "/ecs/50": true}), beganSubject)
	w.want("the other half", w.period(map[string]bool{"/ecs/05": false, "/ecs/50": true}))
	for n := range 20 {
		w.want(fmt.Sprint("run ", n), w.period(map[string]bool{"/ecs/05": false, "/ecs/50": true}))
	}
	var sent []string
	for range 12 {
		sent = append(sent, w.period(map[string]bool{"/ecs/05": false, "/ecs/50": false})...)
	}
	w.want("when both are right", sent, endedSubject)
}

// TestInferred: without addresses the chain is inferred, as the doctor does, also where
// addresses are hidden.
func TestInferred(t *testing.T) {
	for _, mode := range []string{"none", "truncate"} {
		w := newWorld(t, func(c *watch.Config) {
			c.Pipeline.Client = clientip.Settings{}
			c.Pipeline.Privacy = privacy.Settings{Mode: mode}
		})
		w.log("/ecs/edge", func(n int) bool { return n >= 30 })
		if got := w.run(); len(got) != 1 || !strings.HasPrefix(got[0], "shop: proxy_protocol_off at the edge hop began") {
			t.Fatalf("%s: sent %q", mode, got)
		}
		for _, secret := range []string{"198.51.100.31", "token=s"} {
			if strings.Contains(w.sent[0].Body, secret) {
				t.Errorf("%s: the message shows %s:\n%s", mode, secret, w.sent[0].Body)
			}
		}
	}
}

// TestMinPercent: what fewer lines show is not published.
func TestMinPercent(t *testing.T) {
	w := newWorld(t, func(c *watch.Config) { c.Settings.MinPercent = 60 })
	w.log("/ecs/edge", func(n int) bool { return n >= 30 })
	w.want("half of the lines", w.run())
	w.log("/ecs/edge", all)
	w.want("all lines", w.run(), beganSubject)
}

// TestStateOfAnotherVersion: a state that cannot be read does not stop anything.
func TestStateOfAnotherVersion(t *testing.T) {
	w := newWorld(t, nil)
	w.object = []byte(`{"version": 99}`)
	w.log("/ecs/edge", all)
	w.want("with a state of another version", w.run(), beganSubject)
}

func TestSettings(t *testing.T) {
	good := watch.Settings{LogGroups: []string{"", "/ecs/web"}, Every: time.Minute, Topic: "arn:aws:sns:r:1:t", State: "s3://b/k", Name: "x", MaxMB: 1}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	bad := watch.Settings{LogGroups: []string{"", " "}, Topic: "pager", State: "s3://b", Name: "käse", MinPercent: 101}
	err := bad.Check()
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"LOG_GROUPS", "EVERY", "TOPIC", "STATE", "NAME", "MIN_PERCENT", "MAX_MB"} {
		if !strings.Contains(err.Error(), "CLEARHOP_DIAGNOSIS_"+name+": ") {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
}

// TestSettingsPage holds the table of these settings in docs/settings.md.
func TestSettingsPage(t *testing.T) {
	var b strings.Builder
	b.WriteString("| variable | default | what it does |\n| --- | --- | --- |\n")
	for _, v := range environment.Variables(&watch.Settings{}) {
		value := ""
		if v.Default != "" {
			value = "`" + v.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.Name, value, v.Help)
	}
	golden.Sections(t, "../../../docs/settings.md", map[string]string{"diagnosis settings": b.String()})
}
