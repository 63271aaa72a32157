package chaos

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"clearhop/aws/loggroup"
	"clearhop/backfill"
	outlets "clearhop/delivery"
	"clearhop/enrich/clientip"
	"clearhop/functions/delivery"
	"clearhop/functions/handler"
	"clearhop/internal/logstest"
	"clearhop/pipeline"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/klauspost/compress/gzip"
)

// errEnded says that an invocation has no answer.
var errEnded = errors.New("the process has ended")

// chainSettings are those of the chain that the lines are of.
func chainSettings() pipeline.Config {
	return pipeline.Config{Client: clientip.Settings{NLB: []string{"10.16.1.11"}, Trusted: []string{"10.16.1.13"}}}
}

// rules drop, sample and route lines by their paths. They are those of half of the schedules.
var rules = []string{"drop path=/drop/*", "sample:0.5 path=/some/*,verdict!=health_check", "route:other path=/other/*"}

// chain returns the settings of the schedule's pipelines.
func (s *schedule) chain() pipeline.Config {
	c := chainSettings()
	c.Rules.Rule = s.rules
	return c
}

// A road takes payloads to a sink, with faults.
type road func(s *schedule) error

// roads are all of them.
var roads = map[string]road{
	"subscription": subscription,
	"kinesis":      kinesisStream,
	"transform":    transformation,
	"backfill":     objects,
	"log group":    logGroup,
	"follow":       follow,
}

// A schedule is one world with its lines and settings.
type schedule struct {
	*world
	dir      string
	settings outlets.Settings
	rules    []string // of the pipeline
	alone    bool     // no line changes what is said of its neighbours
	toQueue  bool     // Lambda's destination is a queue
	// forbidden says that Lambda may not write to its destination.
	forbidden bool
	payloads  [][]byte          // documents of CloudWatch Logs, packed
	ids       [][]string        // of the events of each payload
	expected  map[string][]byte // events by their ids; nil if only the lines are known
	routed    map[string]bool   // the ids of those that a rule sends elsewhere
	excused   map[string]bool   // the ids of those that may be lost, because AWS says so
	broken    [][]byte          // what cannot be read, and must be kept whole
	lost      [][]byte          // … of it, what AWS says is lost
	group     []logstest.Event  // of the road log group
	heavy     bool              // lines are long: the events of a buffer do not fit an answer
	output    string            // the file of the road follow
	written   []string          // the lines that it has read
	function  any               // the handler of the process that is warm; nil before a cold start
	warm      *process
}

// invoke runs the handler once, as Lambda does: in a warm process if there is one. make
// makes the handler of a new process. It returns an error if there is no answer.
func (s *schedule) invoke(open func(p *process) (any, error), call func(ctx context.Context, function any) error) error {
	if s.warm == nil || s.warm.dead {
		s.warm = s.newProcess()
		var err error
		// A start makes a call too: a queue is asked for its limit.
		const longestStart = 10 * time.Second
		started := s.warm.run(longestStart, func(context.Context) { s.function, err = open(s.warm) })
		switch {
		case err != nil:
			panic(err) // the settings are ours
		case !started:
			return errEnded
		}
	} else {
		s.warm.arm(s.kills)
	}
	timeout := time.Duration(8+s.rand.IntN(113)) * time.Second
	err := errEnded
	ended := s.warm.run(timeout, func(ctx context.Context) { err = call(ctx, s.function) })
	switch {
	case !ended:
		return errEnded
	case time.Now().After(s.warm.deadline):
		s.warm.dead = true
		s.tally.Faults["killed at the deadline"]++
		return errEnded
	case err == nil && !s.quiet && s.rand.Float64() < s.kills:
		s.tally.Faults["answer lost"]++
		s.warm.dead = true
		return errEnded
	}
	return err
}

// config is that of a function.
func (s *schedule) config(name string, resends bool) delivery.Config {
	return delivery.Config{Shape: delivery.Shape{Name: name, Resends: resends}, Log: io.Discard, Pipeline: s.chain()}
}

// shipper opens a function that puts events into the sink of the schedule.
func (s *schedule) shipper(p *process, name string, resends bool) (*delivery.Shipper, error) {
	return delivery.NewShipper(s.config(name, resends), func(o outlets.Options) (*outlets.Outlets, error) {
		o.Opener = p.opener()
		return outlets.Open(context.Background(), s.settings, o)
	})
}

// attempts is how often Lambda invokes a function with an asynchronous event.
const attempts = 3

// subscription invokes the function of a subscription, with retries. A payload that is
// given up goes to the bucket, whole.
func subscription(s *schedule) error {
	for i, payload := range s.payloads {
		event := fmt.Appendf(nil, `{"awslogs":{"data":%q}}`, base64.StdEncoding.EncodeToString(payload))
		times := 1
		if s.rand.IntN(20) == 0 {
			times = 2 // CloudWatch Logs sends a payload again
			s.tally.Faults["invoked twice"]++
		}
		for range times {
			if err := s.async(event, s.ids[i]); err != nil {
				return err
			}
		}
	}
	for n := s.rand.IntN(3); n > 0; n-- {
		event := s.unreadable(true)
		s.broken = append(s.broken, event)
		if err := s.async(event, nil, event); err != nil {
			return err
		}
	}
	// A control message holds no lines. CloudWatch Logs sends it to see whether somebody is there.
	s.tally.Faults["control message"]++
	control := packed([]byte(`{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1795345224000,"message":"CWL CONTROL MESSAGE: Checking health of destination"}]}`))
	return s.async(fmt.Appendf(nil, `{"awslogs":{"data":%q}}`, base64.StdEncoding.EncodeToString(control)), nil)
}

// async invokes the function with an event, which holds events of these ids, or cannot be
// read.
func (s *schedule) async(event []byte, ids []string, broken ...[]byte) error {
	for n := range attempts {
		if n > 0 {
			time.Sleep(time.Duration(n) * time.Minute)
		}
		err := s.invoke(
			func(p *process) (any, error) {
				f, err := s.shipper(p, "subscriber", false)
				return handler.NewSubscriber(f), err
			},
			func(ctx context.Context, function any) error {
				_, err := function.(handler.Subscriber).Invoke(ctx, event)
				return err
			})
		if err == nil {
			return nil
		}
	}
	s.tally.Faults["given up by Lambda"]++
	s.number++
	number := s.number
	return s.destination(fmt.Sprintf("aws/lambda/async/subscriber/%s/%d.json", time.Now().Format("2006/01/02"), number), ids, broken, fmt.Appendf(nil,
		`{"version":"1.0","timestamp":%q,"requestContext":{"requestId":"r-%d","functionArn":"arn:aws:lambda:eu-central-1:123456789012:function:subscriber:$LATEST","condition":"RetriesExhausted","approximateInvokeCount":3},"requestPayload":%s,"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"responsePayload":{"errorMessage":"x"}}`,
		time.Now().Format(time.RFC3339), number, event))
}

// batchAttempts is the event source mapping's MaximumRetryAttempts, and one.
const batchAttempts = 4

// kinesisStream invokes the function of a Kinesis stream by an event source mapping with
// partial batch answers and bisection. A batch that is given up goes to the bucket.
func kinesisStream(s *schedule) error {
	var records []events.KinesisEventRecord
	payloads := slices.Clone(s.payloads)
	for n := s.rand.IntN(3); n > 0; n-- {
		payload := s.unreadable(false)
		s.broken, payloads = append(s.broken, payload), append(payloads, payload)
	}
	for i, payload := range payloads {
		records = append(records, events.KinesisEventRecord{
			EventID: fmt.Sprintf("shardId-000000000000:%056d", i),
			Kinesis: events.KinesisRecord{Data: payload, SequenceNumber: fmt.Sprintf("%056d", i), PartitionKey: "k"},
		})
	}
	for len(records) > 0 {
		n := min(len(records), 1+s.rand.IntN(8))
		if err := s.batch(records[:n], 1); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// batch processes a batch until nothing of it is left, or it is given up.
func (s *schedule) batch(records []events.KinesisEventRecord, attempt int) error {
	if attempt > batchAttempts {
		return s.giveUpBatch(records)
	}
	var answer events.KinesisEventResponse
	err := s.invoke(
		func(p *process) (any, error) {
			f, err := s.shipper(p, "stream", true)
			return handler.NewStream(f), err
		},
		func(ctx context.Context, function any) (err error) {
			answer, err = function.(handler.Stream).Handle(ctx, events.KinesisEvent{Records: records})
			return err
		})
	time.Sleep(time.Second)
	switch {
	case err == nil && len(answer.BatchItemFailures) == 0:
		return nil
	case err == nil:
		s.tally.Faults["partial batch"]++
		for i := range records {
			if records[i].Kinesis.SequenceNumber == answer.BatchItemFailures[0].ItemIdentifier {
				return s.batch(records[i:], attempt+1)
			}
		}
		return fmt.Errorf("the answer names record %s, which was not in the batch", answer.BatchItemFailures[0].ItemIdentifier)
	case len(records) > 1: // bisected, which does not count as a retry
		s.tally.Faults["batch split"]++
		half := len(records) / 2
		return errors.Join(s.batch(records[:half], attempt), s.batch(records[half:], attempt))
	}
	return s.batch(records, attempt+1)
}

func (s *schedule) giveUpBatch(records []events.KinesisEventRecord) error {
	s.tally.Faults["batch given up"]++
	batch, err := json.Marshal(events.KinesisEvent{Records: records})
	if err != nil {
		return err
	}
	var ids []string
	var broken [][]byte
	for i := range records {
		var n int
		if _, err := fmt.Sscanf(records[i].Kinesis.SequenceNumber, "%d", &n); err != nil {
			return err
		}
		if n < len(s.ids) {
			ids = append(ids, s.ids[n]...)
		} else {
			broken = append(broken, records[i].Kinesis.Data)
		}
	}
	first, last := records[0].Kinesis.SequenceNumber, records[len(records)-1].Kinesis.SequenceNumber
	return s.destination("aws/lambda/mapping/"+first+".json", ids, broken, fmt.Appendf(nil,
		`{"requestContext":{"requestId":"r","functionArn":"arn","condition":"RetryAttemptsExhausted","approximateInvokeCount":%d},"version":"1.0","timestamp":%q,"KinesisBatchInfo":{"shardId":"shardId-000000000000","startSequenceNumber":%q,"endSequenceNumber":%q,"batchSize":%d,"streamArn":"arn"},"payload":%q}`,
		batchAttempts, time.Now().Format(time.RFC3339), first, last, len(records), batch))
}

// transformation invokes the function of a Firehose stream. What it answers is delivered,
// what it sends back comes again, and what fails goes below the error prefix.
func transformation(s *schedule) error {
	fromKinesis := s.rand.IntN(2) == 0
	back, event := s.firehose, events.KinesisFirehoseEvent{
		InvocationID: "i", DeliveryStreamArn: "arn:aws:firehose:eu-central-1:123456789012:deliverystream/" + source, Region: "eu-central-1",
	}
	if fromKinesis {
		back, event.SourceKinesisStreamArn = s.kinesis, "arn:aws:kinesis:eu-central-1:123456789012:stream/"+source
	}
	for n := s.rand.IntN(3); n > 0; n-- {
		s.broken = append(s.broken, s.unreadable(false))
	}
	waiting, number, taken := slices.Concat(s.payloads, s.broken), 0, 0
	for len(waiting) > 0 {
		// An invocation whose answer is lost has sent records back already, and sends them
		// back again. So faults that never end make more of them without end.
		s.quiet = s.quiet || number > 5*len(s.payloads)+50
		n := min(len(waiting), 1+s.rand.IntN(10))
		event.Records = nil
		for _, data := range waiting[:n] {
			event.Records = append(event.Records, events.KinesisFirehoseEventRecord{RecordID: fmt.Sprintf("4954%052d", number), Data: data})
			number++
		}
		waiting = waiting[n:]
		if err := s.transform(event); err != nil {
			return err
		}
		sent := back.Records(source)
		for _, r := range sent[taken:] {
			s.tally.Faults["sent back"]++
			waiting = append(waiting, r.Data)
		}
		taken = len(sent)
		if number > 100*len(s.payloads)+1000 {
			return errors.New("records are sent back again and again")
		}
	}
	return nil
}

// transform processes one buffer of records.
func (s *schedule) transform(event events.KinesisFirehoseEvent) error {
	var answer events.KinesisFirehoseResponse
	err := errEnded
	for n := 0; n < 4 && err != nil; n++ { // Firehose invokes again three times
		err = s.invoke(
			func(p *process) (any, error) {
				f, err := delivery.NewAnswerer(s.config("transform", false), func(o outlets.Options) (*outlets.Letters, error) {
					o.Opener = p.opener()
					return outlets.OpenLetters(context.Background(), s.settings.LetterSettings, o)
				})
				return handler.NewTransform(f, p.opener()), err
			},
			func(ctx context.Context, function any) (err error) {
				answer, err = function.(*handler.Transform).Handle(ctx, event)
				return err
			})
	}
	for i, r := range event.Records {
		result := events.KinesisFirehoseResponseRecord{Result: events.KinesisFirehoseTransformedStateProcessingFailed}
		if err == nil {
			result = answer.Records[i]
			if result.RecordID != r.RecordID {
				return fmt.Errorf("record %s answers %s", r.RecordID, result.RecordID)
			}
		}
		switch result.Result {
		case events.KinesisFirehoseTransformedStateOk:
			for line := range bytes.Lines(result.Data) {
				s.answered = append(s.answered, line)
			}
		case events.KinesisFirehoseTransformedStateProcessingFailed:
			s.tally.Faults["transformation failed"]++
			s.s3.Put(bucket, "errors/processing-failed/"+r.RecordID, fmt.Appendf(nil,
				`{"attemptsMade":4,"arrivalTimestamp":1795345224000,"errorCode":"Lambda.FunctionError","errorMessage":"m","attemptEndingTimestamp":1795345225000,"rawData":%q,"lambdaArn":"arn"}`+"\n",
				base64.StdEncoding.EncodeToString(r.Data)))
		}
	}
	return nil
}

// objects is a backfill of objects in S3, which is begun again until it ends.
func objects(s *schedule) error {
	for i, payload := range s.payloads {
		s.s3.Put(bucket, fmt.Sprintf("exports/%05d.json.gz", i), payload)
	}
	return s.again(func(ctx context.Context, p *process) (backfill.Walk, error) {
		client := s3.NewFromConfig(p.aws(), func(o *s3.Options) { o.UsePathStyle = true })
		return &backfill.ObjectWalk{Bucket: bucket, Prefix: "exports/", Get: client.GetObject, List: client.ListObjectsV2}, nil
	})
}

// logGroup is a backfill of a log group, which is begun again until it ends.
func logGroup(s *schedule) error {
	slices.SortStableFunc(s.group, func(a, b logstest.Event) int { return cmp.Compare(a.Time, b.Time) })
	s.logs = logstest.New(logstest.Config{
		Groups:    []logstest.Group{{Name: "/ecs/web", Events: len(s.group), At: func(i int) logstest.Event { return s.group[i] }}},
		PerSecond: 2, EmptyPages: true, PageEvents: 1 + s.rand.IntN(200),
	})
	err := s.again(func(ctx context.Context, p *process) (backfill.Walk, error) {
		c := p.aws()
		c.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
		logs := loggroup.New(c, loggroup.Options{})
		groups, err := logs.Find(ctx, "/ecs/web", false)
		return &backfill.GroupWalk{
			Logs: logs, Groups: groups,
			Since: time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC), Until: time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC),
		}, err
	})
	if _, slowed := s.logs.Calls(); slowed > 0 {
		s.tally.Faults["log group throttled"] += slowed
	}
	return err
}

// again begins a backfill again, with its state file, until it ends.
func (s *schedule) again(walk func(context.Context, *process) (backfill.Walk, error)) error {
	state := filepath.Join(s.dir, "backfill.json")
	for n := 0; ; n++ {
		if n == 50 {
			s.quiet = true
		}
		p := s.newProcess()
		p.arm(0.6)
		p.left *= 1 + s.rand.IntN(6)
		p.many = true
		err := errEnded
		if !p.run(0, func(ctx context.Context) { err = s.backfill(ctx, p, state, walk) }) {
			err = errEnded
		}
		if err != nil {
			s.tally.Faults["backfill begun again"]++
		}
		time.Sleep(time.Hour) // what was still running has ended
		if err == nil {
			return nil
		}
		if s.quiet {
			return err
		}
	}
}

func (s *schedule) backfill(ctx context.Context, p *process, path string, open func(context.Context, *process) (backfill.Walk, error)) error {
	state, _, err := backfill.OpenState(path, map[string]string{"--of": "this schedule"})
	if err != nil {
		return err
	}
	lines, err := pipeline.New(s.chain())
	if err != nil {
		return err
	}
	to, err := outlets.Open(ctx, s.settings, outlets.Options{Source: "backfill", Opener: p.opener()})
	if err != nil {
		return err
	}
	walk, err := open(ctx, p)
	if err != nil {
		return err
	}
	_, err = backfill.Run(ctx, backfill.Config{
		Walk: walk, Pipeline: lines, Outlets: to.All(), From: state.Progress,
		Keep: func(done backfill.Progress) error {
			if p.dead {
				return errEnded
			}
			return state.Keep(done)
		},
	})
	return err
}

// packed returns a document as CloudWatch Logs sends it.
func packed(document []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(document) // a buffer takes all
	_ = z.Close()
	return b.Bytes()
}
