package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clearhop/internal/awstest"
	"clearhop/internal/firehosetest"
	"clearhop/internal/logstest"
	"clearhop/internal/mototest"

	"github.com/klauspost/compress/gzip"
)

var past = time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC)

// webGroup is a log group of n access lines, each so long after the one before.
func webGroup(n int, every time.Duration) logstest.Group {
	return logstest.Group{Name: "/ecs/web", Events: n, At: func(i int) logstest.Event {
		at := past.Add(time.Duration(i) * every)
		return logstest.Event{
			Stream: fmt.Sprintf("web/nginx/%d", i%3), Time: at.UnixMilli(),
			Message: fmt.Sprintf(`10.16.1.13 - - [%s] "GET /item/%d HTTP/1.1" 200 3 "-" "probe/1.0" "210.227.0.10" "210.227.0.10"`, at.Format("02/Jan/2006:15:04:05 -0700"), i),
		}
	}}
}

// TestBackfillKilled: a backfill that is killed again and again, with a stream that
// throttles and fails, delivers each line; what comes twice has the same bytes.
func TestBackfillKilled(t *testing.T) {
	const n = 40_000
	logs := logstest.Start(t, logstest.Config{Groups: []logstest.Group{webGroup(n, 100*time.Millisecond)}, EmptyPages: true})
	stream := firehosetest.Start(t, awstest.Config{Targets: []string{"access-log"}, Random: awstest.Random{Records: 0.05, Calls: 0.1, Written: 0.05}})
	useEndpoint(t, logs.URL)
	t.Setenv("AWS_ENDPOINT_URL_FIREHOSE", stream.URL)
	args := []string{
		"backfill", "--log-group", "/ecs/web", "--since", past.Format(time.RFC3339), "--until", past.Add(3 * time.Hour).Format(time.RFC3339),
		"--state", filepath.Join(t.TempDir(), "state.json"), "--firehose-stream", "access-log", "--nlb", "10.16.1.11", "--trusted", "10.16.1.13",
	}
	for kills := 0; ; kills++ {
		c := exec.CommandContext(t.Context(), os.Args[0], args[0:]...)
		c.Args[0] = "clearhop" // TestMain is the command then
		var errOut bytes.Buffer
		c.Stderr = &errOut
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if kills < 5 {
			time.Sleep(100*time.Millisecond + rand.N(900*time.Millisecond))
			_ = c.Process.Kill() // it may have ended
		}
		err := c.Wait()
		if err == nil {
			if !strings.Contains(errOut.String(), "done: 40,000 lines: 40,000 events delivered") {
				t.Errorf("the last run says %s", errOut.String())
			}
			break
		}
		if kills >= 5 {
			t.Fatalf("%v: %s", err, errOut.String())
		}
	}
	seen := map[string][]byte{}
	for _, doc := range stream.Documents("access-log") {
		var e struct {
			Event struct{ ID string }
			URL   struct{ Path string }
		}
		if err := json.Unmarshal(doc, &e); err != nil {
			t.Fatal(err)
		}
		if was, twice := seen[e.Event.ID]; twice && !bytes.Equal(was, doc) {
			t.Fatalf("the event %s came with other bytes:\n%s%s", e.Event.ID, was, doc)
		}
		seen[e.Event.ID] = doc
	}
	for i := range n {
		if !bytes.Contains(seen[fmt.Sprintf("%056d", i)], fmt.Appendf(nil, `"/item/%d"`, i)) {
			t.Fatalf("line %d was lost", i)
		}
	}
	if len(seen) != n {
		t.Errorf("%d events of %d lines", len(seen), n)
	}
	code, out := ranBackfill(t, append(args, "--label", "a=b")...)
	if code != exitUsage || !strings.Contains(out, "--label is not given there, and map[a:b] here") {
		t.Errorf("with another setting: exit code %d, %s", code, out)
	}
	if code, out := ranBackfill(t, args...); code != exitOK || !strings.Contains(out, "this backfill was done at") {
		t.Errorf("once more: exit code %d, %s", code, out)
	}
}

// ranBackfill runs the command and returns its exit code and all that it prints.
func ranBackfill(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(""), &out, &out)
	return code, out.String()
}

// TestBackfillOfAnExport: objects in S3 become events under the hours of their lines, and
// a broken object is reported.
func TestBackfillOfAnExport(t *testing.T) {
	endpoint := mototest.Start(t)
	useEndpoint(t, endpoint)
	from := mototest.NewBucket(t, endpoint, region, "exports")
	to := mototest.NewBucket(t, endpoint, region, "events")
	from.Put("aws-logs-write-test", []byte("Permission Check Successful"))
	for hour := range 3 {
		var object bytes.Buffer
		packed := gzip.NewWriter(&object)
		for i := range 50 {
			at := past.Add(time.Duration(hour)*time.Hour + time.Duration(i)*time.Second)
			fmt.Fprintf(packed, "%s 10.16.1.13 - - [%s] \"GET /%d HTTP/1.1\" 200 3 \"-\" \"probe/1.0\" \"-\" \"-\"\n", at.Format("2006-01-02T15:04:05.000Z"), at.Format("02/Jan/2006:15:04:05 -0700"), i)
		}
		_ = packed.Close()
		from.Put(fmt.Sprintf("web/task/stream-%d/000000.gz", hour), object.Bytes())
	}
	args := []string{"backfill", "s3://exports/", "--sink", "s3", "--s3", "s3://events/nginx/", "--state", filepath.Join(t.TempDir(), "state.json")}
	code, out := ranBackfill(t, append(args, "--dry-run")...)
	if code != exitOK || !strings.Contains(out, "lines      150, ") || !strings.Contains(out, "S3: 1 objects or more") || len(to.Keys()) > 0 {
		t.Errorf("dry run: exit code %d, %s", code, out)
	}
	if code, out := ranBackfill(t, args...); code != exitOK || !strings.Contains(out, "done: 150 lines: 150 events delivered") {
		t.Fatalf("exit code %d, %s", code, out)
	}
	keys := to.Keys()
	for hour := range 3 {
		want := fmt.Sprintf("nginx/dt=2026-11-22/hour=%d/", 11+hour)
		if len(keys) != 3 || !strings.HasPrefix(keys[hour], want) {
			t.Fatalf("the objects are %v", keys)
		}
		packed, err := gzip.NewReader(bytes.NewReader(firstOf(to.Get(keys[hour]))))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(packed)
		file := fmt.Sprintf(`"log":{"file":{"path":"s3://exports/web/task/stream-%d/000000.gz"}}`, hour)
		if err != nil || bytes.Count(text, []byte(file)) != 50 {
			t.Errorf("an object is %v, %.600s", err, text)
		}
	}
	from.Put("web/task/zz/000000.gz", []byte("\x1f\x8b\x08\x00broken"))
	code, out = ranBackfill(t, "backfill", "s3://exports/web/task/z", "--sink", "stdout", "--state", filepath.Join(t.TempDir(), "state.json"))
	if code != exitFailed || !strings.Contains(out, "s3://exports/web/task/zz/000000.gz at byte 0: unexpected EOF") || !strings.Contains(out, "1 payloads or objects not read") {
		t.Errorf("a broken object: exit code %d, %s", code, out)
	}
}

func firstOf[A, B any](a A, _ B) A { return a }

// TestLogGroupWords: what the commands say of log groups that cannot be read, or are
// empty.
func TestLogGroupWords(t *testing.T) {
	logs := logstest.Start(t, logstest.Config{Groups: []logstest.Group{webGroup(10, time.Second)}})
	useEndpoint(t, logs.URL)
	since := past.Format(time.RFC3339)
	later := past.Add(time.Hour).Format(time.RFC3339) + " --until " + past.Add(3*time.Hour).Format(time.RFC3339)
	for _, test := range []struct {
		args string
		code int
		want string
	}{
		{"enrich --log-group /ecs/web --until 2026-11-22T12:00:00Z --since " + since, exitOK, "10 lines: 10 access"},
		{"enrich --log-group /ecs/web --since " + later, exitOK, "/ecs/web: 0 lines between 2026-11-22T12:00:00Z and 2026-11-22T14:00:00Z;"},
		{"enrich --log-group /ecs/web --since " + later, exitOK, "; the group's last event is at 2026-11-22T11:00:09Z"},
		{"enrich --log-group /ecs/wep --since 1h", exitUsage, `there is no log group "/ecs/wep" in eu-central-1; there are: /ecs/web`},
		{"enrich --log-group /ecs/web", exitUsage, "--log-group: needs --since"},
		{"enrich --log-group /ecs/web --since 1h --follow", exitUsage, "--log-group: does not go with --follow"},
		{"enrich --since 1h access.log", exitUsage, "--since and --until go with --log-group"},
		{"doctor --log-group /ecs/web --until 2026-11-22T12:00:00Z --since " + since, exitFindings, "Seen in 10 of 10 lines"},
		{"doctor --log-group /ecs/web --since " + later, exitUnjudged, "/ecs/web: 0 lines between"},
		{"doctor --log-group /ecs/wep --since 1h", exitUsage, "there is no log group"},
		{"doctor --log-group /ecs/web access.log", exitUsage, "give one of both"},
		{"report --log-stream-prefix web access.log", exitUsage, "--log-stream-prefix: goes with --log-group"},
		{"report --athena x --log-group /ecs/web --since 1h", exitUsage, "does not go with --athena"},
		{"serve --follow --log-group /ecs/web --since 1h", exitUsage, "does not go with --follow"},
		{"backfill --since 1h", exitUsage, "give one of --log-group NAME, --prefix PREFIX and s3://bucket/prefix"},
		{"backfill --log-group /ecs/web --sink stdout", exitUsage, "since: is needed with a log group"},
		{"backfill --log-group /ecs/web --since 1h", exitUsage, "CLEARHOP_FIREHOSE_STREAM: the sink firehose needs it"},
		{"backfill --prefix /aws/ --since 1h --dry-run", exitUsage, `no log group in eu-central-1 has a name that begins with "/aws/"`},
	} {
		code, out := ranBackfill(t, strings.Fields(test.args)...)
		if code != test.code || !strings.Contains(out, test.want) {
			t.Errorf("%s: exit code %d, want %d with %q:\n%s", test.args, code, test.code, test.want, out)
		}
	}
}

// TestFillingText: what is shown while a backfill works fits a terminal.
func TestFillingText(t *testing.T) {
	t.Setenv("LC_ALL", "C")
	got := fillingText(0.5, 0.25, "/ecs/web 2026-11-22 11:05", 1_234_567, 234_567, 10*time.Second, 0)
	if want := "[#####     ]  50%  1,234,567 lines  23,456/s  21s left  /ecs/web 2026-11-22 11:05"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got = readingText(window{past, past.Add(2 * time.Hour)}, past.Add(time.Hour), 500, 5*time.Minute, 3.3)
	if want := " 50% to 2026-11-22 12:00  500 lines  1/s  6m left  throttled: 3.3 calls/s"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
