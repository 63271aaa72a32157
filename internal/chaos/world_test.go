package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"clearhop/delivery"
	"clearhop/internal/awstest"
	"clearhop/internal/firehosetest"
	"clearhop/internal/kinesistest"
	"clearhop/internal/logstest"
	"clearhop/internal/s3test"
	"clearhop/internal/sqstest"
	"clearhop/sink/retry"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// The names of what exists in a world.
const (
	other   = "other"  // of Firehose and of Kinesis, and the prefix of the bucket, for a route
	stream  = "events" // of Firehose and of Kinesis, for events
	source  = "lines"  // of Firehose and of Kinesis, for payloads
	bucket  = "events"
	letters = "letters" // the bucket of dead letters, and the queue
)

// A tally counts what happened, over many schedules.
type tally struct {
	Schedules  map[string]int // by road and sink
	Faults     map[string]int // by kind
	Lines      int
	Duplicates int
	Redriven   int // events and payloads
}

func newTally() *tally { return &tally{Schedules: map[string]int{}, Faults: map[string]int{}} }

func (n *tally) add(more *tally) {
	for name, count := range more.Schedules {
		n.Schedules[name] += count
	}
	for name, count := range more.Faults {
		n.Faults[name] += count
	}
	n.Lines += more.Lines
	n.Duplicates += more.Duplicates
	n.Redriven += more.Redriven
}

// A world is the services around one schedule.
type world struct {
	seed    uint64
	rand    *rand.Rand
	tally   *tally
	kills   float64            // how often a process is killed in its work, from 0 to 1
	quiet   bool               // nothing goes wrong any more
	rates   map[string]float64 // how often a call to a target goes wrong, from 0 to 1
	process *process           // that makes calls at present

	firehose, kinesis, sqs *awstest.Server
	s3                     *s3test.Server
	queue                  *sqstest.Receiver

	logs   *logstest.Server // of the road log group
	number int              // of what Lambda gave up
	metric map[string]int   // what AWS counts of losses, by the name of the metric

	begun    bool     // a follower has noted that it reads the log
	warned   []error  // what followers said
	answered [][]byte // events that Firehose got as answers
	lose     bool     // the checker is tested: one confirmed record vanishes
}

func newWorld(seed uint64) *world {
	w := &world{seed: seed, rand: rand.New(rand.NewPCG(seed, 18)), tally: newTally(), rates: map[string]float64{}, metric: map[string]int{}}
	for _, target := range []string{"firehose", "kinesis", "sqs", "PutObject", "objects", "logs"} {
		w.rates[target] = []float64{0, 0.05, 0.2, 0.5, 0.9}[w.rand.IntN(5)]
	}
	w.kills = []float64{0.02, 0.15, 0.7}[w.rand.IntN(3)]
	config := func(name string, of plan) awstest.Config {
		return awstest.Config{Targets: []string{stream, source, letters, other}, Seed: seed | 1, Plan: func(n int) awstest.Fault { return w.fault(name, of, n) }}
	}
	w.firehose = firehosetest.New(config("firehose", servicePlan(firehosetest.Throttle(), firehosetest.Unavailable(), firehosetest.WrongCounts)))
	w.kinesis = kinesistest.New(config("kinesis", servicePlan(kinesistest.Throttle(), kinesistest.KMSThrottle(), kinesistest.WrongCounts)))
	w.sqs = sqstest.New(config("sqs", servicePlan(sqstest.Throttle(), sqstest.Unavailable(), nil)))
	w.queue = &sqstest.Receiver{Server: w.sqs, Queue: letters, Plan: func(string) awstest.Fault {
		return w.fault("objects", servicePlan(sqstest.Throttle(), sqstest.Unavailable(), nil), 0)
	}}
	w.s3 = s3test.New(s3test.Config{Buckets: []string{bucket, letters}, Plan: func(operation string) awstest.Fault {
		name := "objects"
		if operation == "PutObject" {
			name = operation
		}
		return w.fault(name, servicePlan(s3test.SlowDown(), s3test.SlowDown(), nil), 0)
	}})
	return w
}

// A plan is the faults that only one service has.
type plan struct {
	throttled, unavailable awstest.Fault
	wrong                  func(r *rand.Rand) awstest.Fault
}

// servicePlan returns a plan.
func servicePlan(throttled, unavailable awstest.Fault, wrong func(*rand.Rand) awstest.Fault) plan {
	return plan{throttled, unavailable, wrong}
}

// The kinds of faults. Those of processes are counted where they happen.
var faults = []string{
	"throttled", "unavailable", "internal failure", "internal failure, accepted", "proxy's page", "proxy's page, accepted",
	"reset before", "reset after", "half an answer", "slow", "near the deadline", "some records", "wrong counts", "denied",
	"killed before a call", "killed after a call", "killed at the deadline", "answer lost", "given up by Lambda", "batch split",
	"batch given up", "partial batch", "sent back", "transformation failed", "invoked twice", "redrive killed",
	"killed while following", "output cut", "log renamed",
	"dropped by a rule", "left out of a sample", "sent to a route", "control message", "broken base64", "truncated gzip",
	"wrong checksum", "another kind of JSON", "payload unreadable after a redrive", "backfill begun again", "log group throttled",
	"bucket for what is given up refuses", "queue for what is given up refuses",
}

// fault returns what goes wrong with a call of n records.
func (w *world) fault(target string, p plan, n int) awstest.Fault {
	r := w.rand
	if w.quiet || r.Float64() >= w.rates[target] {
		return awstest.Pass()
	}
	status := []int{500, 502, 503, 504}[r.IntN(4)]
	kinds := []struct {
		name string
		awstest.Fault
	}{
		{"throttled", p.throttled},
		{"unavailable", p.unavailable},
		{"internal failure", awstest.InternalFailure()},
		{"internal failure, accepted", awstest.Written()},
		{"proxy's page", awstest.Proxy(status, false)},
		{"proxy's page, accepted", awstest.Proxy(status, true)},
		{"reset before", awstest.Reset()},
		{"reset after", awstest.ResetWritten()},
		{"half an answer", awstest.HalfWritten()},
		{"slow", awstest.Slow(time.Duration(1+r.IntN(15_000)) * time.Millisecond)},
		{"near the deadline", awstest.Slow(w.untilDeadline())},
		{"some records", awstest.FailRecords(some(r, n)...)},
		{"wrong counts", awstest.Fault{}},
		{"denied", awstest.AccessDenied()},
	}
	kind := kinds[r.IntN(len(kinds))]
	switch kind.name {
	case "some records":
		if n == 0 {
			return awstest.Pass()
		}
	case "near the deadline":
		if kind.Delay == 0 {
			return awstest.Pass()
		}
	case "denied":
		if r.IntN(10) > 0 {
			return awstest.Pass()
		}
	case "wrong counts":
		if p.wrong == nil {
			return awstest.Pass()
		}
		kind.Fault = p.wrong(r)
	}
	w.tally.Faults[kind.name]++
	return kind.Fault
}

// some returns some of n records, at least one where there is one.
func some(r *rand.Rand, n int) []int {
	if n == 0 {
		return nil
	}
	all := r.Perm(n)[:1+r.IntN(n)]
	slices.Sort(all)
	return all
}

// untilDeadline returns how long a call takes that ends about when its invocation does.
func (w *world) untilDeadline() time.Duration {
	if w.process == nil || w.process.deadline.IsZero() {
		return 0
	}
	left := time.Until(w.process.deadline) - time.Duration(w.rand.IntN(8000)-1000)*time.Millisecond
	return max(left, time.Millisecond)
}

// ServeHTTP answers the call of a process.
func (w *world) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	switch target := r.Header.Get("X-Amz-Target"); {
	case strings.HasPrefix(target, "Firehose_"):
		w.firehose.ServeHTTP(answer, r)
	case strings.HasPrefix(target, "Logs_"):
		throttled := awstest.Fault{Error: awstest.Error{Status: http.StatusBadRequest, Code: "ThrottlingException", Message: "Rate exceeded"}}
		fault := w.fault("logs", servicePlan(throttled, awstest.InternalFailure(), nil), 0)
		fault.Serve(answer, r, func(to http.ResponseWriter, e awstest.Error) {
			to.Header().Set("Content-Type", "application/x-amz-json-1.1")
			to.WriteHeader(e.Status)
			fmt.Fprintf(to, `{"__type":%q,"message":%q}`, e.Code, e.Message)
		}, func(to http.ResponseWriter) { w.logs.ServeHTTP(to, r) })
	case strings.HasPrefix(target, "Kinesis_"):
		w.kinesis.ServeHTTP(answer, r)
	case strings.HasPrefix(target, "AmazonSQS.") && target != "AmazonSQS.SendMessageBatch":
		w.queue.ServeHTTP(answer, r)
	case strings.HasPrefix(target, "AmazonSQS."):
		w.sqs.ServeHTTP(answer, r)
	default:
		w.s3.ServeHTTP(answer, r)
	}
}

// violations returns the limits of AWS that were broken.
func (w *world) violations() []string {
	return slices.Concat(w.firehose.Violations(), w.kinesis.Violations(), w.sqs.Violations(), w.s3.Violations())
}

// A process is a program that makes calls. It can be killed at any of them.
type process struct {
	world    *world
	dead     bool
	left     int  // calls until it is killed; negative if it is not
	after    bool // it is killed after the call
	deadline time.Time

	// many says that the process has several goroutines, which wait for each other. Then
	// death ends none of them: instead nothing that they do has an effect any more.
	many bool
}

// newProcess starts a process, which may be killed.
func (w *world) newProcess() *process {
	p := &process{world: w}
	p.arm(w.kills)
	return p
}

// arm decides when the process is killed, if it is.
func (p *process) arm(chance float64) {
	r := p.world.rand
	p.left = -1
	if !p.world.quiet && r.Float64() < chance {
		p.left, p.after = r.IntN(8), r.IntN(2) == 0
	}
}

// die ends the goroutine. Whatever it would have done next does not happen.
func (p *process) die(how string) (*http.Response, error) {
	if !p.dead && how != "" {
		p.world.tally.Faults[how]++
	}
	p.dead = true
	if !p.many {
		runtime.Goexit()
	}
	return nil, errEnded
}

// Do makes a call. It is an aws.HTTPClient.
func (p *process) Do(r *http.Request) (*http.Response, error) {
	if p.dead {
		return p.die("")
	}
	now := p.left == 0
	p.left--
	if now && !p.after {
		return p.die("killed before a call")
	}
	if !p.deadline.IsZero() && !p.world.quiet && p.world.rand.Float64() < p.world.kills/20 {
		time.Sleep(time.Until(p.deadline)) // the machine stands still
		return p.die("killed at the deadline")
	}
	p.world.process = p
	response, err := awstest.Direct{Handler: p.world}.Do(r)
	if now {
		return p.die("killed after a call")
	}
	if !p.deadline.IsZero() && !time.Now().Before(p.deadline) {
		return p.die("killed at the deadline")
	}
	return response, err
}

// aws is the configuration of the SDK's clients.
func (p *process) aws() aws.Config {
	return aws.Config{Region: awstest.Region, Credentials: awstest.Credentials(), HTTPClient: p, BaseEndpoint: aws.String("http://aws.test")}
}

// opener opens real sinks, whose calls are those of the process.
func (p *process) opener() *delivery.Opener {
	c := p.aws()
	return &delivery.Opener{AWS: &c, Retry: retry.Policy{Jitter: func(bound time.Duration) time.Duration {
		return time.Duration(p.world.rand.Int64N(int64(bound) + 1))
	}}}
}

// run calls f in a goroutine of its own, which the process can be killed in. It reports
// whether f came to its end.
func (p *process) run(timeout time.Duration, f func(ctx context.Context)) (ended bool) {
	ctx, cancel := context.Background(), func() {}
	if timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, timeout)
		p.deadline, _ = ctx.Deadline()
	}
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(ctx)
		ended = true
	}()
	<-done
	p.dead = p.dead || !ended
	return !p.dead
}

// sinks are the settings of each sink.
var sinks = []struct {
	name     string
	settings delivery.Settings
}{
	{"firehose", delivery.Settings{Sink: "firehose", FirehoseStream: stream}},
	{"firehose rows", delivery.Settings{Sink: "firehose", FirehoseStream: stream, FirehoseFormat: "row"}},
	{"kinesis", delivery.Settings{Sink: "kinesis", KinesisStream: stream}},
	{"s3 ndjson.gz", delivery.Settings{Sink: "s3", S3: "s3://events/nginx/", S3Format: "ndjson.gz"}},
	{"s3 ndjson.zst", delivery.Settings{Sink: "s3", S3: "s3://events/nginx/", S3Format: "ndjson.zst"}},
	{"s3 parquet", delivery.Settings{Sink: "s3", S3: "s3://events/nginx/", S3Format: "parquet"}},
}

func (w *world) String() string { return fmt.Sprintf("seed %d, rates %v", w.seed, w.rates) }
