package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clearhop/backfill"
	"clearhop/internal/logstest"

	"github.com/klauspost/compress/gzip"
)

var backfillLines = flag.Int("lines", 1_000_000, "how many lines BenchmarkBackfill reads")

// linesInObject is how many lines an object of BenchmarkBackfill has.
const linesInObject = 250_000

// BenchmarkBackfill runs the command over -lines lines of a log group, and of objects in
// S3, into the sink s3. It reports the lines a second, and what the process had of the
// memory at a tenth, at half and at the end: docs/backfill.md has the numbers.
//
//	go test ./cmd/clearhop -run '^$' -bench Backfill -benchtime 1x -lines 10000000
func BenchmarkBackfill(b *testing.B) {
	group := webGroup(*backfillLines, 20*time.Millisecond)
	logs := logstest.Start(b, logstest.Config{Groups: []logstest.Group{group}})
	bucket := httptest.NewServer(&exportBucket{group: group})
	b.Cleanup(bucket.Close)
	until := past.Add(time.Duration(group.Events) * 20 * time.Millisecond)
	for _, input := range []struct {
		name string
		args []string
	}{
		{"group", []string{"--log-group", "/ecs/web", "--since", past.Format(time.RFC3339), "--until", until.Format(time.RFC3339)}},
		{"objects", []string{"s3://exports/web/"}},
	} {
		b.Run(input.name, func(b *testing.B) {
			for b.Loop() {
				state := filepath.Join(b.TempDir(), "state.json")
				args := append([]string{"backfill", "--sink", "s3", "--s3", "s3://events/nginx/", "--state", state}, input.args...)
				c := exec.CommandContext(b.Context(), os.Args[0], args...)
				c.Args[0] = "clearhop" // TestMain is the command then
				c.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+logs.URL, "AWS_ENDPOINT_URL_S3="+bucket.URL, "AWS_REGION="+region,
					"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_CONFIG_FILE=none", "AWS_SHARED_CREDENTIALS_FILE=none")
				watchBackfill(b, c, state)
			}
			b.ReportMetric(float64(*backfillLines*b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

// watchBackfill runs a backfill, and reports the memory that it has as its state grows.
func watchBackfill(b *testing.B, c *exec.Cmd, state string) {
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	marks := []int64{1, 5, 10} // tenths
	most, now := int64(0), int64(0)
	for {
		select {
		case err := <-ended:
			if want := "done: " + counted(int64(*backfillLines), "line"); err != nil || !strings.Contains(said.String(), want) {
				b.Fatalf("%v: %s", err, said.String())
			}
			b.ReportMetric(float64(now), "MB-at-end")
			b.ReportMetric(float64(most), "MB-at-most")
			return
		case <-time.After(100 * time.Millisecond):
		}
		if mb := residentMB(c.Process.Pid); mb > 0 {
			now, most = mb, max(most, mb)
		}
		var s backfill.State
		if text, err := os.ReadFile(state); err != nil || json.Unmarshal(text, &s) != nil {
			continue // it has kept nothing yet
		}
		for len(marks) > 0 && s.Counts.Lines*10 >= marks[0]*int64(*backfillLines) {
			b.Logf("%s: %d MB", counted(s.Counts.Lines, "line"), now)
			marks = marks[1:]
		}
	}
}

// residentMB returns the memory that a process has, in megabytes; 0 if it has ended.
func residentMB(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kilobytes := int64(0)
	_, _ = fmt.Sscan(rest, &kilobytes) // it stays as it is if the process has ended
	return kilobytes / 1024
}

// An exportBucket stands in for S3: it holds the lines of a group as CloudWatch Logs
// exports them, and takes all that is put into it.
type exportBucket struct{ group logstest.Group }

type listed struct {
	XMLName  xml.Name `xml:"ListBucketResult"`
	Contents []listedObject
}

type listedObject struct {
	Key  string
	Size int
}

// ServeHTTP answers ListObjectsV2, GetObject and PutObject.
func (e *exportBucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPut:
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"0"`)
	case r.URL.Query().Has("list-type"):
		var list listed
		for i := 0; i*linesInObject < e.group.Events; i++ {
			if key := keyOfObject(i); key > r.URL.Query().Get("start-after") {
				list.Contents = append(list.Contents, listedObject{key, 5 << 20})
			}
		}
		_ = xml.NewEncoder(w).Encode(list) // the client reports what is missing
	default:
		i := 0
		for i*linesInObject < e.group.Events && !strings.HasSuffix(r.URL.Path, keyOfObject(i)) {
			i++
		}
		packed, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		for n := i * linesInObject; n < min((i+1)*linesInObject, e.group.Events); n++ {
			event := e.group.At(n)
			fmt.Fprintf(packed, "%s %s\n", time.UnixMilli(event.Time).UTC().Format("2006-01-02T15:04:05.000Z"), event.Message)
		}
		_ = packed.Close()
	}
}

func keyOfObject(i int) string { return fmt.Sprintf("web/task/stream-%04d/000000.gz", i) }
