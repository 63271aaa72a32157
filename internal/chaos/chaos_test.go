package chaos

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"clearhop/decode"
	outlets "clearhop/delivery"
	"clearhop/encode"
	"clearhop/encode/parquet"
	"clearhop/internal/logstest"
	"clearhop/pipeline"
	"clearhop/redrive"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

var (
	flagSeed      = flag.Uint64("seed", 0, "run the one schedule of this seed")
	flagSchedules = flag.Int("schedules", 16, "how many schedules each road has")
	flagEach      = flag.Int("each", 200, "how many lines a schedule has, on average")
	flagFirst     = flag.Uint64("first", 1, "the seed of the first schedule")
)

// lines makes the payloads of a schedule, and what is expected of them.
func (s *schedule) lines(number int) error {
	p, err := pipeline.New(s.chain())
	if err != nil {
		return err
	}
	worker, decoder := p.NewWorker(), decode.NewDecoder(decode.Options{})
	s.expected, s.routed, s.excused = map[string][]byte{}, map[string]bool{}, map[string]bool{}
	for made := 0; made < number; {
		n := min(number-made, 1+s.rand.IntN(2*number/3+1))
		document := s.document(made, n)
		made += n
		data := packed(document)
		s.payloads = append(s.payloads, data)
		payloads, err := decoder.DecodeAll(data)
		if err != nil {
			return err
		}
		var ids []string
		for _, one := range payloads {
			_, err := worker.ProcessBatch(one.Lines, true, func(out *pipeline.Outcome) error {
				if s.expect(out) {
					ids = append(ids, string(out.ID))
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		s.ids = append(s.ids, ids)
	}
	return p.Close()
}

// expect notes what is to be delivered of a line, and where. It reports whether there is
// an event.
func (s *schedule) expect(out *pipeline.Outcome) bool {
	s.tally.Lines++
	id := string(out.ID)
	switch {
	case out.Dropped && bytes.Contains(out.Record.Line.Text, []byte("/some/")):
		s.tally.Faults["left out of a sample"]++
		return false
	case out.Dropped:
		s.tally.Faults["dropped by a rule"]++
		return false
	case out.Route != "":
		s.tally.Faults["sent to a route"]++
		s.routed[id] = true
	}
	s.expected[id] = bytes.Clone(out.Data)
	return true
}

// document is a payload of lines of many kinds, of several hours.
func (s *schedule) document(first, n int) []byte {
	type event struct {
		ID        string `json:"id"`
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	r := s.rand
	all := make([]event, n)
	for i := range all {
		token := fmt.Sprintf("%d-%d", s.seed, first+i)
		at := time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(3*3600)) * time.Second)
		folder := "l"
		if len(s.rules) > 0 && r.IntN(3) == 0 {
			folder = []string{"drop", "some", other}[r.IntN(3)]
		}
		line := fmt.Sprintf(`203.0.113.%d - - [%s] "GET /%s/%s?q=%s HTTP/1.1" 200 %d "-" "agent/%d" "198.51.100.%d"`,
			r.IntN(256), at.Format("02/Jan/2006:15:04:05 -0700"), folder, token, strings.Repeat("é\\x22", r.IntN(20)), r.IntN(90_000), r.IntN(50), r.IntN(256))
		kinds := 3
		if s.alone {
			kinds = 2
		}
		switch n := r.IntN(40); min(n, kinds) {
		case kinds:
		case 0:
			line = "no line of nginx " + token
		case 1:
			line = fmt.Sprintf(`{"time_iso8601":%q,"remote_addr":"203.0.113.7","request":"GET /l/%s HTTP/1.1","status":"404"}`, at.Format(time.RFC3339), token)
		case 2:
			line = fmt.Sprintf(`%s [error] 7#7: *3 open() "/html/%s" failed (2: No such file or directory), client: 203.0.113.9, server: , request: "GET /x HTTP/1.1", host: "shop.example"`, at.Format("2006/01/02 15:04:05"), token)
		}
		if r.IntN(40) == 0 || s.heavy && r.IntN(2) == 0 {
			line = strings.Replace(line, token, token+strings.Repeat("/long", r.IntN(4000)), 1)
		}
		all[i] = event{fmt.Sprintf("%020d%036d", s.seed, first+i), at.UnixMilli(), line}
	}
	// A stream is in the order of its times, so that a line has the same neighbours on each road.
	slices.SortStableFunc(all, func(a, b event) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	for i := range all {
		s.group = append(s.group, logstest.Event{ID: all[i].ID, Stream: fmt.Sprint("web/", first), Message: all[i].Message, Time: all[i].Timestamp})
	}
	text, err := json.Marshal(map[string]any{
		"messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/ecs/web", "logStream": fmt.Sprint("web/", first),
		"subscriptionFilters": []string{"clearhop"}, "logEvents": all,
	})
	if err != nil {
		panic(err) // it is made of texts and numbers
	}
	return text
}

// delivered returns all events behind the sink, as often as they arrived.
func (s *schedule) delivered() (all [][]byte, err error) {
	all, err = s.behind(stream, "nginx/")
	all = append(all, s.answered...)
	if s.output != "" && err == nil {
		text, err := os.ReadFile(s.output)
		if err != nil {
			return nil, err
		}
		all = slices.AppendSeq(all, bytes.Lines(text))
	}
	return all, err
}

// behind returns the events of a stream's name and of a prefix.
func (s *schedule) behind(stream, prefix string) (all [][]byte, err error) {
	for _, line := range slices.Concat(s.firehose.Documents(stream), s.kinesis.Documents(stream)) {
		if event, err := encode.EventOfRow(nil, bytes.TrimSpace(line)); err == nil {
			line = event
		}
		all = append(all, line)
	}
	for _, key := range s.s3.Keys(bucket, prefix) {
		data := s.s3.Object(bucket, key)
		if strings.HasSuffix(key, ".parquet") {
			for event, err := range parquet.Events(bytes.NewReader(data), int64(len(data))) {
				if err != nil {
					return nil, err
				}
				all = append(all, bytes.Clone(event))
			}
			continue
		}
		text, err := unpacked(data)
		if err != nil {
			return nil, err
		}
		all = slices.AppendSeq(all, bytes.Lines(text))
	}
	return all, nil
}

func unpacked(data []byte) ([]byte, error) {
	in, err := decode.Unpack(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(in)
}

// check holds what was delivered to what was expected: each event once after
// de-duplication by its id, none invented, and each one byte for byte.
func (s *schedule) check() error {
	all, err := s.delivered()
	if err != nil {
		return err
	}
	elsewhere, err := s.behind(other, other+"/")
	if err != nil {
		return err
	}
	if s.lose && len(all) > 0 && s.output == "" {
		gone, _ := encode.EventID(all[0])
		all = slices.DeleteFunc(all, func(event []byte) bool {
			id, _ := encode.EventID(event)
			return bytes.Equal(id, gone)
		})
	}
	if s.output != "" {
		if s.expected, err = s.byLine(all); err != nil {
			return err
		}
	}
	seen := map[string]int{}
	var errs []error
	for i, event := range slices.Concat(all, elsewhere) {
		id, ok := encode.EventID(event)
		want, known := s.expected[string(id)]
		switch {
		case s.routed[string(id)] != (i >= len(all)):
			errs = append(errs, fmt.Errorf("at the outlet of another route: %.300s", event))
		case !ok || !known:
			errs = append(errs, fmt.Errorf("invented: %.300s", event))
		case !same(event, want):
			errs = append(errs, fmt.Errorf("another event under its id:\ngot  %.600s\nwant %.600s", event, want))
		}
		seen[string(id)]++
	}
	lost := 0
	for id := range s.expected {
		switch {
		case seen[id] > 0:
		case s.excused[id] && s.metric["DestinationDeliveryFailures"] > 0:
			s.tally.Faults["line lost, and counted by DestinationDeliveryFailures"]++
		default:
			lost++
		}
		s.tally.Duplicates += max(0, seen[id]-1)
	}
	if lost > 0 {
		errs = append(errs, fmt.Errorf("%w: %d of %d", errLost, lost, len(s.expected)))
	}
	for _, v := range s.violations() {
		errs = append(errs, fmt.Errorf("a limit was broken: %s", v))
	}
	errs = errs[:min(len(errs), 5)]
	return errors.Join(append(errs, s.checkBroken())...)
}

var errLost = errors.New("lines are lost")

func same(got, want []byte) bool { return bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(want)) }

// redrive sends again all that stands anywhere, first with faults and kills, then without.
func (s *schedule) redrive() error {
	for round := 0; ; round++ {
		s.quiet = round >= 2
		p := s.newProcess()
		p.arm(0.5)
		p.left *= 1 + s.rand.IntN(10)
		err := errEnded
		if !p.run(0, func(ctx context.Context) { err = s.redriveAll(ctx, p) }) {
			s.tally.Faults["redrive killed"]++
		}
		time.Sleep(time.Hour) // messages that were hidden can be received again
		if s.quiet {
			return err
		}
	}
}

func (s *schedule) redriveAll(ctx context.Context, p *process) error {
	settings := s.settings
	settings.DeadLetters = ""
	lines, err := pipeline.New(s.chain())
	if err != nil {
		return err
	}
	to, err := outlets.Open(ctx, settings, outlets.Options{Source: "redrive", Opener: p.opener()})
	if err != nil {
		return err
	}
	client := s3.NewFromConfig(p.aws(), func(o *s3.Options) { o.UsePathStyle = true })
	from := []redrive.Source{
		redrive.Objects(client, letters, "letters/"), redrive.Objects(client, letters, "aws/lambda/"), redrive.Objects(client, bucket, "errors/"),
		redrive.Queue(sqs.NewFromConfig(p.aws()), queueURL),
	}
	for _, source := range from {
		counts, err := redrive.Run(ctx, source, redrive.Config{Outlets: to, Pipeline: lines})
		s.tally.Redriven += counts.Events + counts.Payloads
		if err != nil {
			return err
		}
		unread := counts.Unread + counts.Others
		if stay := counts.Units - counts.Settled; s.quiet && (stay > unread || stay == 0 && unread > 0) {
			return fmt.Errorf("%d of %d units stay after the redrive, and %d payloads cannot be read", stay, counts.Units, unread)
		}
	}
	return nil
}

const queueURL = "http://aws.test/123456789012/letters"

// run runs the schedule of a seed.
func run(t *testing.T, name string, seed uint64, number int, lose bool) (n *tally, err error) {
	dir := t.TempDir()
	synctest.Test(t, func(*testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)))
		s := &schedule{world: newWorld(seed), dir: dir}
		s.lose = lose
		n = s.tally
		to := sinks[s.rand.IntN(len(sinks))]
		if name == "follow" {
			to.name = "a file" // of its own
		}
		if name == "transform" {
			to = sinks[3+s.rand.IntN(3)] // where redrive sends to; Firehose itself takes the answers
			if to.name == "s3 parquet" {
				to = sinks[3]
			}
		}
		s.settings = to.settings
		s.settings.S3Format = cmp.Or(s.settings.S3Format, "ndjson.gz") // as the default is
		s.settings.DeadLetters = []string{"s3://letters/letters/", queueURL, ""}[s.rand.IntN(3)]
		s.tally.Schedules[name+" to "+to.name]++
		s.toQueue, s.forbidden = s.rand.IntN(2) == 0, s.rand.IntN(3) == 0
		if name != "follow" && s.rand.IntN(2) == 0 {
			s.rules = rules
			s.settings.Routes = map[string]string{other: []string{"firehose:" + other, "kinesis:" + other, "s3://events/" + other + "/"}[s.rand.IntN(3)]}
			if name == "transform" { // it has no routes
				s.rules, s.settings.Routes = rules[:2], nil
			}
		}
		// Which lines stand behind the beginning of an error record in one batch depends on
		// the road: a payload is a batch, and so is a part of a page of a log group.
		s.alone = name == "log group"
		s.heavy = name == "transform" && s.rand.IntN(4) == 0
		lines := 1 + s.rand.IntN(2*number)
		if s.heavy {
			lines = 600 // more than an answer holds
		}
		err = s.lines(lines)
		if err == nil {
			err = roads[name](s)
		}
		if err == nil {
			err = s.redrive()
		}
		err = errors.Join(err, s.check())
		if err != nil {
			err = fmt.Errorf("%s to %s, %v: %w", name, to.name, s.world, err)
		}
	})
	// Coders of zstd wait in a pool, with channels that belong to this bubble. The next one
	// must not use them. A pool is empty after two collections.
	runtime.GC()
	runtime.GC()
	return n, err
}

// TestChaos runs the schedules, and reports what happened in them.
func TestChaos(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	all, began := newTally(), time.Now()
	names := slices.Sorted(maps.Keys(roads))
	for i := range uint64(*flagSchedules * len(names)) {
		seed := *flagFirst + i
		if *flagSeed > 0 {
			if seed = *flagSeed; i > 0 {
				break
			}
		}
		n, err := run(t, names[seed%uint64(len(names))], seed, *flagEach, false)
		if err != nil {
			t.Errorf("make chaos CHAOS_SEED=%d CHAOS_EACH=%d repeats it: %v", seed, *flagEach, err)
		}
		all.add(n)
	}
	report(t, all, time.Since(began))
	if *flagSeed > 0 {
		return
	}
	for _, kind := range faults {
		if all.Faults[kind] == 0 {
			t.Errorf("the fault %q did not happen", kind)
		}
	}
}

func report(t *testing.T, n *tally, took time.Duration) {
	t.Helper()
	schedules := 0
	for _, count := range n.Schedules {
		schedules += count
	}
	t.Logf("%d lines in %d schedules, %d duplicates, %d redriven, %v", n.Lines, schedules, n.Duplicates, n.Redriven, took.Round(time.Second))
	for _, name := range slices.Sorted(maps.Keys(n.Schedules)) {
		t.Logf("%6d schedules  %s", n.Schedules[name], name)
	}
	for _, kind := range slices.Sorted(maps.Keys(n.Faults)) {
		t.Logf("%8d  %s", n.Faults[kind], kind)
	}
}

// TestLossIsFound: the checker finds one record that was confirmed and is gone.
func TestLossIsFound(t *testing.T) {
	for seed := uint64(1); seed <= 4; seed++ {
		name := []string{"backfill", "kinesis", "subscription", "transform"}[seed-1]
		if _, err := run(t, name, seed, 50, true); !errors.Is(err, errLost) {
			t.Errorf("%s, seed %d: the loss was not found: %v", name, seed, err)
		}
	}
}

// TestRepeats: the same seed gives the same schedule.
func TestRepeats(t *testing.T) {
	for seed := uint64(1); seed <= 4; seed++ {
		name := slices.Sorted(maps.Keys(roads))[seed%uint64(len(roads))]
		one, err := run(t, name, seed, 100, false)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := run(t, name, seed, 100, false)
		if fmt.Sprint(*one) != fmt.Sprint(*again) {
			t.Errorf("%s, seed %d:\n%v\n%v", name, seed, *one, *again)
		}
	}
}
