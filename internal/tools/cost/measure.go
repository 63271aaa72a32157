package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"clearhop/internal/lambdatest"
)

// measured is what the function needs, as measured.yaml has it.
type measured struct {
	Date              string  `yaml:"date"`
	Machine           string  `yaml:"machine"`
	CPUPerLine        float64 `yaml:"cpu_microseconds_per_line"`
	CPUPerInvocation  float64 `yaml:"cpu_microseconds_per_invocation"`
	MemoryMB          float64 `yaml:"memory_mb"` // the most that the process had, with databases
	LargestMB         float64 `yaml:"memory_mb_largest_payload"`
	LineBytes         float64 `yaml:"line_bytes"`
	PayloadBytes      float64 `yaml:"payload_bytes_per_line"` // gzip, as a subscription sends it
	EventBytes        float64 `yaml:"event_bytes"`
	LinesInInvocation int     `yaml:"lines_in_invocation"`
}

const (
	payloadLines = 500 // of each measured payload
	rounds       = 100
	largestLines = 75_000 // of a payload of almost 6 MB, the most that Lambda passes on
	repeats      = 5      // of which the median counts
)

// payload returns a subscription's payload of lines with many clients, paths and agents,
// as visitors of a shop make them, and its sizes.
func payload(lines int, seed uint64) (event []byte, lineBytes, packed int, err error) {
	type logEvent struct {
		ID        string `json:"id"`
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	random := rand.New(rand.NewPCG(seed, seed))
	events := make([]logEvent, lines)
	for i := range events {
		client := fmt.Sprintf("210.%d.%d.%d", 200+random.IntN(20), random.IntN(256), 1+random.IntN(254))
		line := fmt.Sprintf(`%s - - [22/Nov/2026:11:%02d:%02d +0000] "GET /shop/item/%d?ref=%x HTTP/1.1" 200 %d "https://example.com/shop" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36" "%s" "%s"`,
			client, i/60%60, i%60, random.IntN(5000), random.Uint64(), random.IntN(90000), 100+random.IntN(32), client, client)
		lineBytes += len(line)
		events[i] = logEvent{fmt.Sprintf("%028d%028d", seed, random.Uint64()), 1_795_345_224_000 + int64(i), line}
	}
	document, err := json.Marshal(map[string]any{
		"messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/ecs/web", "logStream": "web/nginx/1",
		"subscriptionFilters": []string{"clearhop"}, "logEvents": events,
	})
	if err != nil {
		return nil, 0, 0, err
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(document); err != nil {
		return nil, 0, 0, err
	}
	if err := z.Close(); err != nil {
		return nil, 0, 0, err
	}
	return fmt.Appendf(nil, `{"awslogs":{"data":%q}}`, base64.StdEncoding.EncodeToString(b.Bytes())), lineBytes, b.Len(), nil
}

// A trial is what one process of the function took.
type trial struct {
	cpu                   time.Duration
	memoryMB              float64
	lines, packed, events int // bytes
}

// try runs the function in a process of its own for n payloads of some lines.
func try(ctx context.Context, bootstrap string, n, lines int) (trial, error) {
	var t trial
	folder, err := os.MkdirTemp("", "cost-*")
	if err != nil {
		return t, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	geoip, err := filepath.Abs("build/geoip")
	if err != nil {
		return t, err
	}
	events := filepath.Join(folder, "events.ndjson")
	before := children()
	f, err := lambdatest.Start(ctx, lambdatest.Config{Binary: bootstrap, MemoryMB: 512, Env: []string{
		"CLEARHOP_NLB=10.16.1.11", "CLEARHOP_TRUSTED=10.16.1.13", "CLEARHOP_SINK=file", "CLEARHOP_FILE=" + events,
		"CLEARHOP_CITY_DB=" + filepath.Join(geoip, "country.mmdb"), "CLEARHOP_ASN_DB=" + filepath.Join(geoip, "asn.mmdb"),
	}})
	if err != nil {
		return t, err
	}
	for i := range n {
		event, lineBytes, packed, err := payload(lines, uint64(i))
		if err == nil {
			_, err = f.Invoke(ctx, event, time.Minute)
		}
		if err != nil {
			f.Shutdown(context.WithoutCancel(ctx))
			return t, err
		}
		t.lines += lineBytes
		t.packed += packed
	}
	f.Shutdown(context.WithoutCancel(ctx))
	after := children()
	t.cpu = cpu(after) - cpu(before)
	t.memoryMB = float64(after.Maxrss) / 1024 // Linux counts in KiB
	info, err := os.Stat(events)
	if err != nil {
		return t, err
	}
	t.events = int(info.Size())
	return t, nil
}

// children is what the processes that have ended took.
func children() syscall.Rusage {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u) // it fails only for a wrong argument
	return u
}

func cpu(u syscall.Rusage) time.Duration {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure takes the median of processes of three kinds: one that only starts and does a
// line, one that does a line many times, and one that does many lines many times. The
// differences are what an invocation and a line take once the function is warm. The most
// memory is that of a last process, with a payload of the largest size.
func measure(ctx context.Context, bootstrap string) (measured, error) {
	var trials [3]trial
	for i, c := range []struct{ n, lines int }{{1, 1}, {rounds + 1, 1}, {rounds + 1, payloadLines}} {
		var all []trial
		for range repeats {
			t, err := try(ctx, bootstrap, c.n, c.lines)
			if err != nil {
				return measured{}, err
			}
			all = append(all, t)
		}
		slices.SortFunc(all, func(a, b trial) int { return cmp.Compare(a.cpu, b.cpu) })
		trials[i] = all[repeats/2]
	}
	largest, err := try(ctx, bootstrap, 1, largestLines)
	if err != nil {
		return measured{}, err
	}
	start, single, many := trials[0], trials[1], trials[2]
	all := float64((rounds + 1) * payloadLines)
	perInvocation := float64((single.cpu - start.cpu).Microseconds()) / rounds
	perLine := float64((many.cpu - single.cpu).Microseconds()) / float64((rounds+1)*(payloadLines-1))
	return measured{
		Date: time.Now().UTC().Format(time.DateOnly), Machine: machine(),
		CPUPerLine: round(perLine, 100), CPUPerInvocation: round(max(perInvocation-perLine, 0), 1),
		MemoryMB: round(many.memoryMB, 1), LargestMB: round(largest.memoryMB, 1),
		LineBytes: round(float64(many.lines)/all, 1), PayloadBytes: round(float64(many.packed)/all, 1), EventBytes: round(float64(many.events)/all, 1),
		LinesInInvocation: payloadLines,
	}, nil
}

// round keeps so many parts of one.
func round(x, parts float64) float64 { return float64(int64(x*parts+0.5)) / parts }

// machine names the processor.
func machine() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // without it the name is the architecture
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value) + ", " + runtime.GOARCH
		}
	}
	return runtime.GOARCH
}
