package delivery

import (
	"encoding/json"
	"io"
	"strings"
	"sync"
	"time"

	"clearhop/record"
	"clearhop/verdict"
)

// A unit is a unit of CloudWatch.
type unit string

const (
	unitCount        unit = "Count"
	unitBytes        unit = "Bytes"
	unitMilliseconds unit = "Milliseconds"
	unitSeconds      unit = "Seconds"
)

// A metric is a number that each invocation reports. If ok is false, the invocation
// does not report it.
type metric struct {
	name  string
	unit  unit
	help  string
	value func(c *counts) (n int64, ok bool)
}

func always(name string, u unit, help string, value func(c *counts) int64) metric {
	return metric{name, u, help, func(c *counts) (int64, bool) { return value(c), true }}
}

// metricList has every metric, in the order of the documentation. CloudWatch accepts
// at most 100 metrics in one document.
var metricList = func() []metric {
	list := []metric{
		always("Lines", unitCount, "Log lines read.", func(c *counts) int64 { return c.lines.Lines }),
		always("Events", unitCount, "Events that the sink took, or that were returned to Firehose.", func(c *counts) int64 { return int64(c.Delivered) }),
		always("Unparsed", unitCount, "Lines that no format reads.", func(c *counts) int64 { return c.lines.Datasets[record.Unparsed] }),
		always("AccessLines", unitCount, "Access lines.", func(c *counts) int64 { return c.lines.Datasets[record.AccessLine] }),
		always("Dropped", unitCount, "Lines that a rule dropped.", func(c *counts) int64 { return c.lines.Dropped }),
		always("NLBPrivateIP", unitCount, "Access lines whose `$remote_addr` shows an NLB's private address, health checks left out: these come from that address in a right chain too.", func(c *counts) int64 { return c.lines.NLBVisitors() }),
		always("HealthChecks", unitCount, "Access lines that are probes of the load balancer.", func(c *counts) int64 { return c.lines.Verdicts[verdict.HealthCheck] }),
		always("Faults", unitCount, "Lines whose reason is a fault of the chain.", func(c *counts) int64 { return c.lines.Faults() }),
		always("PayloadsUnread", unitCount, "Payloads that cannot be read.", func(c *counts) int64 { return int64(c.PayloadsUnread) }),
		always("Refused", unitCount, "Payloads of the function's own log group.", func(c *counts) int64 { return int64(c.Refused) }),
		always("DeadLetters", unitCount, "Events and payloads kept as dead letters.", func(c *counts) int64 { return int64(c.DeadLetters) }),
		always("Undelivered", unitCount, "Events neither delivered nor kept as dead letters: the invocation fails, or reports them as failed.", func(c *counts) int64 { return int64(c.Failed) }),
		always("Reingested", unitCount, "Records sent back to the stream because the answer was full.", func(c *counts) int64 { return int64(c.Reingested) }),
		always("Truncated", unitCount, "Events shortened to fit the sink.", func(c *counts) int64 { return c.Sink.Truncated }),
		always("Retries", unitCount, "Sink calls that sent again what had failed.", func(c *counts) int64 { return c.Sink.Retries }),
		always("Throttles", unitCount, "Sink calls that the service throttled.", func(c *counts) int64 { return c.Sink.Throttles }),
		always("BytesSent", unitBytes, "What the sinks sent, including what failed.", func(c *counts) int64 { return c.Sink.BytesSent }),
		always("BytesBilled", unitBytes, "What was delivered, rounded up as the service bills it.", func(c *counts) int64 { return c.Sink.BytesBilled }),
		{"GeoDatabaseAge", unitSeconds, "Age of the oldest GeoIP database. Absent without one.", func(c *counts) (int64, bool) {
			return int64(c.GeoAge / time.Second), c.HasGeo
		}},
		always("GeoMissing", unitCount, "Clients without a place, because there is no database of places.", func(c *counts) int64 { return c.lines.Geo.Of(string(record.GeoMissing)) }),
		{"Lag", unitMilliseconds, "Time from the youngest event to the end of the invocation. Absent where no event has a time.", func(c *counts) (int64, bool) {
			return max(time.Now().UnixMilli()-c.lines.Newest, 0), c.lines.Newest > 0
		}},
		always("GeoErrors", unitCount, "Look-ups that failed in a damaged database.", func(c *counts) int64 { return c.lines.LookupErrors }),
	}
	of := func(prefix, code, help string, count func(*counts) int64) {
		list = append(list, metric{prefix + camel(code), unitCount, help, func(c *counts) (int64, bool) {
			n := count(c)
			return n, n > 0
		}})
	}
	for _, v := range verdict.Verdicts() {
		of("Verdict", v.String(), "Access lines with the verdict `"+v.String()+"`. Absent where there are none.", func(c *counts) int64 { return c.lines.Verdicts[v] })
	}
	for _, r := range verdict.Reasons() {
		if r.IsFault() {
			of("Fault", r.String(), "Lines with the reason `"+r.String()+"`. Absent where there are none.", func(c *counts) int64 { return c.lines.Reasons[r] })
		}
	}
	for _, state := range []string{"found", "not_found", "private", "db_stale"} {
		of("Geo", state, "Clients whose GeoIP look-up returned `"+state+"`. Absent where there are none.", func(c *counts) int64 { return c.lines.Geo.Of(state) })
	}
	return list
}()

// camel writes a code in the way that CloudWatch names metrics: health_check becomes
// HealthCheck.
func camel(code string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(code, "_") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// metrics writes the counts of each invocation to the log, as one JSON object on one
// line (CloudWatch's embedded metric format). The only dimension is the name of the
// function, so each function has one series for each metric.
type metrics struct {
	mu        sync.Mutex
	out       io.Writer
	namespace string
	function  string
	shape     string
}

func newMetrics(out io.Writer, namespace, function, shape string) *metrics {
	if namespace == "" {
		return nil
	}
	if function == "" {
		function = shape
	}
	return &metrics{out: out, namespace: namespace, function: function, shape: shape}
}

// embedded is the head of a document; see the CloudWatch user guide, "Embedded
// metric format specification".
type embedded struct {
	Timestamp         int64       `json:"Timestamp"`
	CloudWatchMetrics []directive `json:"CloudWatchMetrics"`
}

type directive struct {
	Namespace  string       `json:"Namespace"`
	Dimensions [][]string   `json:"Dimensions"`
	Metrics    []definition `json:"Metrics"`
}

type definition struct {
	Name string `json:"Name"`
	Unit unit   `json:"Unit"`
}

// dimension is the name of the one dimension.
const dimension = "FunctionName"

// write writes the document of one invocation.
func (m *metrics) write(c *counts, at time.Time, took time.Duration) {
	if m == nil {
		return
	}
	d := directive{Namespace: m.namespace, Dimensions: [][]string{{dimension}}}
	document := map[string]any{dimension: m.function, "Shape": m.shape, "Milliseconds": took.Milliseconds()}
	for _, metric := range metricList {
		if n, ok := metric.value(c); ok {
			d.Metrics = append(d.Metrics, definition{metric.name, metric.unit})
			document[metric.name] = n
		}
	}
	document["_aws"] = embedded{Timestamp: at.UnixMilli(), CloudWatchMetrics: []directive{d}}
	line, err := json.Marshal(document)
	if err != nil {
		panic("metrics of numbers and names: " + err.Error())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _ = m.out.Write(append(line, '\n')) // without the log there is no place to report the error
}
