package backfill

import (
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"clearhop/aws/loggroup"
	"clearhop/delivery"
	"clearhop/internal/logstest"
	"clearhop/pipeline"
	"clearhop/sink/file"
)

// BenchmarkRun backfills a million lines of a log group, and reports how much memory was
// in use at most. Calls are as fast as the stand-in answers.
func BenchmarkRun(b *testing.B) {
	const n = 1_000_000
	begin := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	server := logstest.Start(b, logstest.Config{Groups: []logstest.Group{{Name: "/ecs/web", Events: n, At: func(i int) logstest.Event {
		at := begin.Add(time.Duration(i) * 50 * time.Millisecond)
		return logstest.Event{Stream: fmt.Sprintf("web/nginx/%d", i%8), Time: at.UnixMilli(),
			Message: fmt.Sprintf(`10.16.1.13 - - [%s] "GET /item/%d HTTP/1.1" 200 3 "-" "probe/1.0" "210.227.0.10" "210.227.0.10"`, at.Format("02/Jan/2006:15:04:05 -0700"), i)}
	}}}})
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none"} {
		b.Setenv(name, value)
	}
	for b.Loop() {
		logs, err := loggroup.Connect(b.Context(), loggroup.Options{})
		if err != nil {
			b.Fatal(err)
		}
		p, err := pipeline.New(pipeline.Config{})
		if err != nil {
			b.Fatal(err)
		}
		outlets, err := delivery.New(delivery.Sinks{Events: file.New(io.Discard)}, delivery.Options{})
		if err != nil {
			b.Fatal(err)
		}
		var most uint64
		keep := func(p Progress) error {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			b.Logf("%d lines: %d MB of heap in use, %d MB from the system", p.Counts.Lines, m.HeapInuse>>20, m.Sys>>20)
			return nil
		}
		walk := &GroupWalk{Logs: logs, Groups: []loggroup.Group{{Name: "/ecs/web"}}, Since: begin, Until: begin.Add(n * 50 * time.Millisecond)}
		done, err := Run(b.Context(), Config{Walk: walk, Pipeline: p, Outlets: outlets.All(), Keep: keep})
		if err != nil || done.Counts.Delivered != n {
			b.Fatalf("%+v, %v", done, err)
		}
		b.ReportMetric(float64(most>>20), "MB-heap")
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "lines/s")
}
