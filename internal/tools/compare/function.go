//go:build unix

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"clearhop/internal/lambdatest"
	"clearhop/internal/measure"
)

const (
	functionLines    = 5_000 // of each payload
	functionPayloads = 10
)

// measureFunction starts the built subscriber function several times under a Runtime API on
// this machine, and gives it some payloads.
func (r *runner) measureFunction(ctx context.Context, bootstrap string, rounds int) (*functionPart, error) {
	part := &functionPart{setting: r.newSetting(rounds), Lines: functionLines}
	payload, err := r.payload(functionLines)
	if err != nil {
		return nil, err
	}
	for round := range rounds {
		once, err := r.tryFunction(ctx, bootstrap, payload)
		if err != nil {
			part.Missing, part.Ready, part.Peaks, part.Heaps = err.Error(), nil, nil, nil
			log.Printf("function: %v", err)
			break
		}
		part.Ready = append(part.Ready, float64(once.ready.Microseconds())/1000)
		part.Heaps = append(part.Heaps, once.heap)
		if once.peak > 0 {
			part.Peaks = append(part.Peaks, float64(once.peak))
		}
		log.Printf("round %d: the function asks for work after %v; at the peak %d MB, of them %.0f MB heap", round+1, once.ready, once.peak/1e6, once.heap)
	}
	part.LoadAfter = measure.Load()
	return part, nil
}

// A functionRun is what a process of the function took.
type functionRun struct {
	ready time.Duration // from its start to its first request for work
	peak  int64         // bytes of memory; 0 where the system does not say it
	heap  float64       // megabytes at the peak
}

// tryFunction runs one process of the function, with the databases of countries and networks.
// It has Go write a line for each collection of garbage, which says how large the heap is.
func (r *runner) tryFunction(ctx context.Context, bootstrap string, payload []byte) (functionRun, error) {
	if _, err := os.Stat(bootstrap); err != nil {
		return functionRun{}, errors.New("the function was not built: start with make compare, and read what it prints")
	}
	f, err := lambdatest.Start(ctx, lambdatest.Config{Binary: bootstrap, MemoryMB: 512, Env: []string{
		"CLEARHOP_NLB=10.16.1.11", "CLEARHOP_TRUSTED=10.16.1.13", "CLEARHOP_SINK=file", "CLEARHOP_FILE=" + filepath.Join(r.dir, "function.ndjson"),
		"CLEARHOP_CITY_DB=" + r.country, "CLEARHOP_ASN_DB=" + r.asn, "GODEBUG=gctrace=1",
	}})
	if err != nil {
		return functionRun{}, err
	}
	defer f.Shutdown(context.WithoutCancel(ctx))
	for range functionPayloads {
		if _, err := f.Invoke(ctx, payload, time.Minute); err != nil {
			return functionRun{}, err
		}
	}
	return functionRun{ready: f.ReadyAfter(), peak: peakOfProcess(f.Pid()), heap: largestHeap(f.Logs())}, nil
}

// heapSizes finds the sizes of the heap in a line of Go about a collection of garbage: when
// it began, when it ended, and what was still used. It is documented in package runtime.
var heapSizes = regexp.MustCompile(`(?m)^gc \d+ @.* (\d+)->(\d+)->\d+ MB,`)

// largestHeap is the largest heap in megabytes that lines about collections of garbage tell.
func largestHeap(logs string) float64 {
	largest := 0
	for _, m := range heapSizes.FindAllStringSubmatch(logs, -1) {
		for _, size := range m[1:] {
			n, _ := strconv.Atoi(size) // they are digits
			largest = max(largest, n)
		}
	}
	return float64(largest)
}

// peakOfProcess is the peak of memory of a process that runs, in bytes; 0 where the system
// does not say it in a file.
func peakOfProcess(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // only Linux has it
	for line := range strings.Lines(string(text)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	return 0
}

// payload is the event of a subscription, with lines of the input payload.
func (r *runner) payload(lines int) ([]byte, error) {
	in, err := inputNamed("payload")
	if err != nil {
		return nil, err
	}
	line, err := in.open(r.repository)
	if err != nil {
		return nil, err
	}
	type logEvent struct {
		ID        string `json:"id"`
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	events := make([]logEvent, lines)
	for i := range events {
		events[i] = logEvent{fmt.Sprintf("39%054d", i), firstLine.Add(time.Duration(i) * betweenLines).UnixMilli(), string(line(nil, i))}
	}
	document, err := json.Marshal(map[string]any{
		"messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/ecs/web", "logStream": "web/nginx/1",
		"subscriptionFilters": []string{"clearhop"}, "logEvents": events,
	})
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(document); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `{"awslogs":{"data":%q}}`, base64.StdEncoding.EncodeToString(packed.Bytes())), nil
}
