package envelope

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clearhop/internal/chaintest"
	"clearhop/internal/golden"
	"clearhop/record"
)

// dump returns everything that an envelope says, in one form for all tests.
func dump(e *record.Envelope) string {
	var b strings.Builder
	for _, kind := range e.Kinds[:e.Count] {
		fmt.Fprintf(&b, "%s ", kind)
	}
	if e.HasTime {
		fmt.Fprintf(&b, "time=%s ", time.UnixMilli(e.Time).UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	if e.Partial {
		b.WriteString("partial ")
	}
	for _, part := range []struct {
		name  string
		value []byte
	}{
		{"stream", e.Stream}, {"id", e.ID}, {"name", e.Name}, {"type", e.Type},
		{"cluster", e.Cluster}, {"space", e.Space}, {"resource", e.Resource},
		{"log_group", e.LogGroup}, {"log_stream", e.LogStream},
	} {
		if part.value != nil {
			fmt.Fprintf(&b, "%s=%s ", part.name, part.value)
		}
	}
	return strings.TrimSuffix(b.String(), " ")
}

// TestGolden opens the lines of each testdata/<case>.log by way of a Joiner,
// the whole file as one batch.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.log")
	if err != nil || len(paths) == 0 {
		t.Fatal("no cases", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			golden.Check(t, strings.TrimSuffix(path, ".log")+".txt", []byte(dumpLog(t, path)))
		})
	}
}

func dumpLog(t *testing.T, path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	var j Joiner
	for _, line := range lines {
		j.Add(line)
	}
	var b strings.Builder
	for i, line := range lines {
		var e record.Envelope
		inner, _, first := j.Open(i, line, nil, &e)
		fmt.Fprintf(&b, "%d %s\n", i, line)
		if e.Count == 0 {
			b.WriteString("    not opened\n\n")
			continue
		}
		fmt.Fprintf(&b, "    %s\n", dump(&e))
		if first != i {
			fmt.Fprintf(&b, "    goes on line %d\n", first)
		}
		fmt.Fprintf(&b, "    %q\n\n", inner)
	}
	return b.String()
}

// TestGoldenDoubtful opens the lines of testdata/doubtful/<case>.log.
func TestGoldenDoubtful(t *testing.T) {
	for _, name := range []string{"awslogs", "names", "grep", "podman", "rows"} {
		path := filepath.Join("testdata", "doubtful", name)
		text, err := os.ReadFile(path + ".log")
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for line := range bytes.Lines(text) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			var e record.Envelope
			inner, _, ok := OpenDoubtful(line, nil, &e)
			fmt.Fprintf(&b, "%s\n    %t %s\n    %q\n\n", line, ok, dump(&e), inner)
		}
		golden.Check(t, path+".txt", []byte(b.String()))
	}
}

const access = `203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET /a HTTP/1.1" 200 3 "-" "curl/8"`

// TestOpen: text, what is inside, what the envelopes say.
func TestOpen(t *testing.T) {
	f := func(text, inner, says string) {
		t.Helper()
		var e record.Envelope
		got, _ := Open([]byte(text), nil, &e)
		if string(got) != inner || dump(&e) != says {
			t.Errorf("%s\n got %q %s\nwant %q %s", text, got, dump(&e), inner, says)
		}
	}
	// CRI
	f("2016-10-06T00:17:09.669794202Z stdout F "+access, access, "cri time=2016-10-06T00:17:09.669Z stream=stdout")
	f("2016-10-06T00:17:09.6697+09:00 stderr P x", "x", "cri time=2016-10-05T15:17:09.669Z partial stream=stderr")
	f("2016-10-06T00:17:09Z stdout F:later x", "x", "cri time=2016-10-06T00:17:09.000Z stream=stdout")
	f("2016-10-06T00:17:09Z stdout F ", "", "cri time=2016-10-06T00:17:09.000Z stream=stdout")
	f("2016-10-06T00:17:09Z stdout F", "", "cri time=2016-10-06T00:17:09.000Z stream=stdout")
	f("2016-10-06T00:17:09Z stdout F  two", " two", "cri time=2016-10-06T00:17:09.000Z stream=stdout")
	// Compose
	f("web_1  | "+access, access, "compose name=web_1")
	f("web-1  | "+access, access, "compose name=web-1")
	f("project-web-12 | "+access, access, "compose name=project-web-12")
	f("\x1b[36mweb_1    |\x1b[0m "+access, access, "compose name=web_1")
	f("\x1b[36;1mweb-1  | \x1b[0m"+access, access, "compose name=web-1")
	f("\x1b[33mweb-1 \x1b[0m| "+access+" | x", access+" | x", "compose name=web-1")
	f("web-1  |", "", "compose name=web-1")
	f("web-1  | a | b", "a | b", "compose name=web-1")
	f("2048-game.web-1  | x", "x", "compose name=2048-game.web-1")
	// Syslog
	f("<190>Nov 22 11:00:25 web nginx: "+access, access, "syslog")
	f("<190>Nov  2 11:00:25 nginx: "+access, access, "syslog")
	f("Nov 22 11:00:25 2001:db8::1 nginx[12]: "+access, access, "syslog")
	f("<190>2026-11-22T11:00:25.5+01:00 web nginx: x", "x", "syslog time=2026-11-22T10:00:25.500Z")
	f("<190>1 2026-11-22T11:00:25Z web nginx 123 - - "+access, access, "syslog time=2026-11-22T11:00:25.000Z")
	f("<190>1 - - - - - -", "", "syslog")
	f(`<190>1 - web nginx - - [a@1 b="]\"["][c] `+"\ufeff"+"x", "x", "syslog")
	f("2026-11-22T11:00:25Z web nginx: x", "x", "syslog time=2026-11-22T11:00:25.000Z")
	f("2026-11-22T11:00:25.123456+00:00 ip-10-0-0-1.ec2.internal nginx[12]: "+access, access, "syslog time=2026-11-22T11:00:25.123Z")
	f("2026-11-22T11:00:25.123456+02:00 2001:db8::1 nginx: "+access, access, "syslog time=2026-11-22T09:00:25.123Z")
	f("2026-11-22T11:00:25+0000 web nginx[12]: "+access, access, "syslog time=2026-11-22T11:00:25.000Z")
	f("2026-11-22T11:00:25.123456-0130 web nginx[12]: "+access, access, "syslog time=2026-11-22T12:30:25.123Z")
	// The AWS CLI
	f("2026-11-22T11:00:25.123000+00:00 web/nginx/0f9d "+access, access, "aws_logs_tail time=2026-11-22T11:00:25.123Z log_stream=web/nginx/0f9d")
	f("2026-11-22T11:00:25.123000+00:00 i-0abc nginx: [emerg] x", "nginx: [emerg] x", "aws_logs_tail time=2026-11-22T11:00:25.123Z log_stream=i-0abc")
	f("2026-11-22T11:00:25.123000+00:00 i-0abc ", "", "aws_logs_tail time=2026-11-22T11:00:25.123Z log_stream=i-0abc")
	f("\x1b[32m2026-11-22T11:00:25.123000+00:00\x1b[0m \x1b[36mweb/1\x1b[0m "+access, access, "aws_logs_tail time=2026-11-22T11:00:25.123Z log_stream=web/1")
	f("\x1b[0m\x1b[32m2026-11-22T11:00:25\x1b[0m "+access, access, "aws_logs_tail time=2026-11-22T11:00:25.000Z")
	f("2026-11-22T11:00:25 "+access, access, "aws_logs_tail time=2026-11-22T11:00:25.000Z")
	f("1795345225123\t"+access, access, "timestamped time=2026-11-22T11:00:25.123Z")
	f(`{"timestamp":1795345225123,"message":"x","logStreamName":"web/1"}`, "x", "cloudwatch_transformer time=2026-11-22T11:00:25.123Z log_stream=web/1")
	// Viewers
	f("2026-11-22T11:00:25.123Z "+access, access, "timestamped time=2026-11-22T11:00:25.123Z")
	f("2026-11-22T11:00:25.123456789+02:00 "+access, access, "timestamped time=2026-11-22T09:00:25.123Z")
	f("web-1  | 2026-11-22T11:00:25.123456789Z "+access, access, "compose timestamped time=2026-11-22T11:00:25.123Z name=web-1")
	f("shop_web.1.x2v8q@node-1    | "+access, access, "compose name=shop_web.1.x2v8q@node-1")
	f("[pod/web-0/nginx] "+access, access, "kubectl name=nginx type=kubernetes resource=web-0")
	f("[pod/web-0/nginx] 2026-11-22T11:00:25Z x", "x", "kubectl timestamped time=2026-11-22T11:00:25.000Z name=nginx type=kubernetes resource=web-0")
	f("[pod/web-0/nginx]", "", "kubectl name=nginx type=kubernetes resource=web-0")
	f(`{"message":"x","nodeName":"n","namespace":"shop","podName":"web-0","containerName":"nginx"}`, "x", "stern name=nginx type=kubernetes space=shop resource=web-0")
	f(`{"pod":"web-0","container":"nginx","message":{"status":"200"}}`, `{"status":"200"}`, "stern name=nginx type=kubernetes resource=web-0")
	// Records that the router has parsed
	f(`{"remote":"192.0.2.1","code":"200","container_id":"43","container_name":"/ecs-a"}`, `{"remote":"192.0.2.1","code":"200"}`, "firelens id=43 name=ecs-a type=ecs")
	f(`{"message":"GET /","container_id":"43","upstream_addr":"10.0.0.1"}`, `{"message":"GET /","upstream_addr":"10.0.0.1"}`, "firelens id=43")
	f(`{"stream":"stdout","_p":"P","remote_addr":"192.0.2.1","stream_id":7,"kubernetes":{"pod_name":"web-0","container_name":"nginx"}}`, `{"remote_addr":"192.0.2.1","stream_id":7}`,
		"kubernetes stream=stdout name=nginx type=kubernetes resource=web-0")
	f(`{"log_processed":{"code":200},"stream":"stdout"}`, `{"code":200}`, "docker stream=stdout")
	f(`{"labels":{"app":"web"},"nginx_parsed":{"remote":"192.0.2.1"},"kubernetes":{"pod_name":"web-0","container_name":"nginx"}}`, `{"labels":{"app":"web"},"nginx_parsed":{"remote":"192.0.2.1"}}`,
		"kubernetes name=nginx type=kubernetes resource=web-0") // a key of an access log, by its beginning
	f(`{"labels":{"app":"web"},"parsed":{"remote":"192.0.2.1"},"kubernetes":{"pod_name":"web-0"}}`, `{"remote":"192.0.2.1"}`, "kubernetes type=kubernetes resource=web-0")
	// The parser of Fluent Bit for ingress-nginx calls $remote_addr host.
	f(`{"log_processed":{"host":"192.0.2.1","user":"-","method":"GET","path":"/","code":200,"size":3},"kubernetes":{}}`,
		`{"remote":"192.0.2.1","user":"-","method":"GET","path":"/","code":200,"size":3}`, "kubernetes type=kubernetes")
	f(`{"host":"192.0.2.1","user":"-","method":"GET","path":"/","code":"200","size":"3","kubernetes":{"container_name":"nginx"}}`,
		`{"remote":"192.0.2.1","user":"-","method":"GET","path":"/","code":"200","size":"3"}`, "kubernetes name=nginx type=kubernetes")
	f(`{"log_processed":{"host":"192.0.2.1","user":"-","method":"GET","path":"/","status":200,"size":3},"kubernetes":{}}`,
		`{"host":"192.0.2.1","user":"-","method":"GET","path":"/","status":200,"size":3}`, "kubernetes type=kubernetes")
	f(`{"log_processed":{"host":"a.example","user":"-","method":"GET","path":"/","code":200,"size":3},"kubernetes":{}}`,
		`{"host":"a.example","user":"-","method":"GET","path":"/","code":200,"size":3}`, "kubernetes type=kubernetes")
	f(`{"body":"x","attributes":{"log.iostream":"stdout"},"resource":{"k8s.pod.name":"web-0","k8s.namespace.name":"shop","k8s.container.name":"nginx","container.id":"43","k8s.cluster.name":"c"}}`, "x",
		"opentelemetry stream=stdout id=43 name=nginx type=kubernetes cluster=c space=shop resource=web-0")
	f(`{"body":{"status":200},"severity_text":"INFO","resource":{"aws.ecs.task.arn":"arn:t","aws.ecs.cluster.arn":"arn:c"}}`, `{"status":200}`, "opentelemetry type=ecs cluster=arn:c resource=arn:t")
	// JSON
	f(`{"log":"a\tb\r\n","stream":"stderr","time":"2016-10-05T00:00:30.082640485Z"}`, "a\tb", "docker time=2016-10-05T00:00:30.082Z stream=stderr")
	piece := strings.Repeat("a", dockerCut)
	f(`{"log":"`+piece+`","stream":"stderr"}`, piece, "docker partial stream=stderr")
	f(`{"log":"`+piece+`","stream":"stderr","attrs":{"x":"y"}}`, piece, "docker partial stream=stderr")
	f(`{"log":"`+piece[1:]+`","stream":"stderr"}`, piece[1:], "docker stream=stderr") // its newline was removed
	f(`{"log":"a","stream":"stderr","host":"x"}`, "a", "docker stream=stderr")
	f(`{"log":"a","stream":"stdout","logtag":"P"}`, "a", "docker partial stream=stdout")
	f(`{"log":"a","stream":"stdout","_p":"F"}`, "a", "docker stream=stdout")
	f(`{"log":"a","partial_message":"true","partial_last":"false"}`, "a", "cloudwatch_transformer partial")
	f(`{"log":"a","partial_message":true,"partial_last":"true"}`, "a", "cloudwatch_transformer")
	f(`{"log":{"status":200},"container_id":"43"}`, `{"status":200}`, "firelens id=43")
	f(`{"log":"raw","container_id":"43","remote":"192.0.2.1","code":"200"}`, "raw", "firelens id=43")
	f(`{"remote":"192.0.2.1","container_id":"43","log":"raw"}`, "raw", "firelens id=43")
	f(`{"log":"x","container_name":"\/ecs-a"}`, "x", "firelens name=ecs-a type=ecs")
	f(`{"message":"x","status":"info"}`, "x", "cloudwatch_transformer")
	f(`{"message":"a","msg":"b","message":1}`, "b", "cloudwatch_transformer")
	f(`{"msg":"b","message":"a"}`, "a", "cloudwatch_transformer")
	f(`{"message":"a","log":{"offset":1},"agent":{"type":"filebeat"}}`, "a", "cloudwatch_transformer")
	f(`{"@timestamp":"2026-11-22 11:00:25.123","@message":{"status":"200"}}`, `{"status":"200"}`, "cloudwatch_transformer time=2026-11-22T11:00:25.123Z")
	f(`{"@message":"a","@timestamp":"2026-11-22T11:00:25Z"}`, "a", "cloudwatch_transformer time=2026-11-22T11:00:25.000Z")
	f(`{"MESSAGE":"a","__REALTIME_TIMESTAMP":"1795345225123456","CONTAINER_NAME":"web","CONTAINER_PARTIAL_MESSAGE":"true"}`, "a",
		"cloudwatch_transformer time=2026-11-22T11:00:25.123Z partial name=web")
	f(`{"message":"a","kubernetes":{"pod_name":"p","pod_namespace":"n","container_id":"containerd:\/\/43"}}`, "a",
		"kubernetes id=43 type=kubernetes space=n resource=p")
	// Nested envelopes: what the outer one says wins.
	f(`{"log":"<190>1 2026-11-22T11:00:25Z h nginx - - - x","container_id":"43"}`, "x", "firelens syslog time=2026-11-22T11:00:25.000Z id=43")
	f(`2016-10-06T00:17:09Z stdout F {"log":"x\n","stream":"stderr","time":"2026-11-22T11:00:25Z"}`, "x",
		"cri docker time=2016-10-06T00:17:09.000Z stream=stdout")
	f(`a-1  | b-1  | c-1  | d-1  | e-1  | x`, "e-1  | x", "compose compose compose compose name=a-1")
	// A fragment is not opened further.
	f(`2016-10-06T00:17:09Z stdout P web-1  | x`, "web-1  | x", "cri time=2016-10-06T00:17:09.000Z partial stream=stdout")
}

// unopened are lines without an envelope, each for another reason.
var unopened = []string{
	"", " ", "-", "|", "{", "{}", "<", "<>", "[]", "null", "\x1b[", "\x1b[36m", "\x00", "\xff",
	access,
	"2001:db8::1" + access[11:],
	`example.com 203.0.113.9 "GET / HTTP/1.1" 200`,
	`2026-11-22T11:00:25+00:00 203.0.113.9 "GET / HTTP/1.1" 200`,
	`2026-11-22T11:00:25+00:00 stdoutx F "GET / HTTP/1.1"`,
	`2026-11-22T11:00:25+00:00 stdout 200 x`,
	`2026-11-22T11:00:25+00:00 stdout FP x`,
	`2026-11-22T11:00:25 stdout F no zone`,
	`2026-13-22T11:00:25Z stdout F no month`,
	`2026-02-29T11:00:25Z stdout F no day`,
	`2026/11/22 11:00:25 [error] 10129#10129: *1 open() "/x" failed (2: No such file or directory), client: 192.0.2.1`,
	`2026/11/22 11:00:25 [error] 1#1: *1 {"log":"x"}`,
	`/docker-entrypoint.sh: Configuration complete; ready for start up`,
	// An envelope is only at the start of a line.
	`203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET /?{\x22log\x22:\x22x\x22} HTTP/1.1" 200 3`,
	`203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "web-1  | x" 400 3`,
	`203.0.113.9 - web-1  | [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3`,
	`203.0.113.9 2016-10-06T00:17:09Z stdout F x`,
	` {"log":"x\n","stream":"stdout"}`,
	// Bars of a log_format.
	`203.0.113.9 | - | 22/Nov/2026:11:00:24 +0000 | GET / HTTP/1.1 | 200`,
	`ip-10-0-0-1 | 203.0.113.9 | 22/Nov/2026:11:00:24 +0000 | "GET / HTTP/1.1"`,
	`web | x`, `web  | x`, `web-1| x`, `web-1 |x`, `-1  | x`, `10-1  | x`, `we b-1  | x`, "web-1\t| x", `"web-1  | x`,
	`2026-11-22T11:00:25+00:00 | GET`,
	strings.Repeat("w", 200) + "-1  | x",
	// Not syslog.
	`<192>Nov 22 11:00:25 web nginx: x`, `<1234>Nov 22 11:00:25 web nginx: x`, `<190>`, `<190>Nov`,
	`Nov 22 11:00:25 web kernel x`, `Nov 22 11:00:25`, `Now 22 11:00:25 web nginx: x`, `Nov 2x 11:00:25 web nginx: x`,
	`Nov 22 11:00:25 web nginx[: x`, `Nov 22 11:00:25 web : x`, `Nov 22 11:00:25 web "GET: x`,
	`<190>2026-11-22T11:00:25 web nginx: x`, `2026-11-22T11:00:25+00:00 web nginx: x`, `2026-11-22T11:00:25+0000 web nginx`,
	`<190>1 x web nginx 1 - - x`, `<190>1 - web nginx 1 - x`, `<190>1 - web nginx 1 - [a b="c" x`, `<190>1 - web nginx 1 - [a]x`,
	`<html>`,
	// JSON that is broken or not an object.
	`{"log":"x\n","stream":"stdout"`, `{"log":"x\n","stream":"stdout"}}`, `{"log":"x\n","stream":"stdout"} x`,
	`{"log":"x\q"}`, `{"log":"x` + "\n" + `"}`, `{"log":"x",}`, `{log:"x"}`, `{'log':'x'}`, `{"log":"x"`, `{"log"}`,
	`[{"log":"x\n","stream":"stdout"}]`, `["log","x"]`, `"log"`,
	`{"message":"x","deep":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`,
	// JSON without a line in it.
	`{"log":1}`, `{"log":null}`, `{"log":true}`, `{"log":["x"]}`, `{"log":{"level":"info"}}`, `{"LOG":"x"}`,
	`{"message":1}`, `{"message":{"a":1}}`, `{"MESSAGE":[71,69,84]}`, `{"Message":"x"}`,
	`{"log":{"a":1},"kubernetes":"x"}`, `{"container_id":"43"}`,
	// JSON access logs.
	`{"time_local":"22/Nov/2026:11:00:24 +0000","remote_addr":"203.0.113.9","request":"GET / HTTP/1.1","status":"200"}`,
	`{"log":"access","remote_addr":"203.0.113.9","request":"GET / HTTP/1.1","status":200}`,
	`{"remote_addr":"203.0.113.9","log":"access"}`,
	`{"message":"GET / HTTP/1.1","status":200,"time":"2026-11-22T11:00:25Z"}`,
	`{"message":"GET / HTTP/1.1","statusCode":"200"}`,
	`{"msg":"request completed","level":30,"req":{"method":"GET"},"res":{"statusCode":200}}`,
	`{"message":"GET /","clientIp":"203.0.113.9"}`, `{"message":"GET /","client.ip":"203.0.113.9"}`,
	`{"message":"GET /","http":{"request":{"method":"GET"}}}`, `{"message":"GET /","httpRequest":{}}`,
	`{"message":"GET /","agent":"curl/8"}`, `{"message":"GET /","user_agent":{"original":"curl/8"}}`,
	`{"message":"GET /","@request-time":"0.1"}`, `{"message":"GET /","$uri":"/"}`,
	`{"message":"GET /","verb":"GET","response":"200"}`, `{"message":"x","nginx":{"access":{}}}`,
	// Not of jq, journalctl, fluentd or Fluent Bit.
	`"203.0.113.9" "GET / HTTP/1.1"`, `"GET / HTTP/1.1`, `"a \q"`, `["203.0.113.9","GET / HTTP/1.1",200]`, `[1795345225,"a"]`, `[1795345225123,{"a":1}]`, `[1795345225123]`, `[1795345225123,"a"] x`,
	`1795345225.123 www.example.com nginx: x`, `Nov 22 11:00:25. web nginx`, `Sun 2026-11-22 11:00:25 UTC GET / HTTP/1.1`, `[ 1234.567890] GET / HTTP/1.1`, `[1.2.3.4] web nginx: x`, `Sum 2026-11-22 11:00:25 UTC web nginx: x`,
	"2026-11-22T11:00:25+00:00\tGET /\t{\"status\":200}", "2026-11-22T11:00:25+00:00\tweb\t200", `2026-11-22 11:00:25 +0000 GET {"a":1}`, `2026-11-22 11:00:25 x web: {"a":1}`,
	`[0] a: [1795345225, {"log"=>"x}]`, `[0] a: [x, {"log"=>"x"}]`, `[0] a: [1795345225, {}]`, `[0] a b: [1795345225, {"log"=>"x"}]`, `[0] a: [1795345225, {"log"=>"x"}`, `[0] a: [1795345225, {"a"=>{"b"=>{"c"=>{"d"=>{"e"=>{}}}}}}]`,
	`{"body":{"stringValue":"x"}}`, `{"body":{},"timeUnixNano":"1795345225123000000"}`, `{"body":{"stringValue":"x"},"status":"200","attributes":[]}`,
	// Records with a member that the parsers of Fluent Bit do not have: host is what the visitor asked for.
	`{"host":"203.0.113.9","user":"-","method":"GET","path":"/","code":"200","size":"3","agent":"x","xff":"198.51.100.7"}`, `{"host":"203.0.113.9","user":"-","method":"GET","path":"/","code":"200","size":"3"}`,
	`{"host":"www.example.com","user":"-","method":"GET","path":"/","code":"200","size":"3","agent":"x"}`,
	// What only OpenDoubtful opens.
	`nginx  | ` + access, `[web-0] ` + access, `web-0 nginx ` + access, `/ecs/web web/1 ` + access, `2026-11-22T11:00:25+00:00 ` + access,
	// Not a prefix of kubectl, and no milliseconds.
	`[pod/web-0] x`, `[pod/web-0/nginx]x`, `[pod/web 0/nginx] x`, `[22/Nov/2026:11:00:24 +0000] 203.0.113.9`, "179534522512\tx", "1795345225.123\tx", `1795345225123 x`,
	// Not of OpenTelemetry, and not of stern.
	`{"body":"x"}`, `{"body":"x","attributes":"y"}`, `{"body":"x","attributes":{},"status":"200"}`, `{"message":{"a":1},"pod":"web-0"}`,
	// A router's record without values of an access log.
	`{"container_id":"43","level":"info"}`, `{"kubernetes":{"pod_name":"web-0"},"labels":{"app":"web"}}`,
}

func TestNotOpened(t *testing.T) {
	for _, line := range unopened {
		mustStay(t, []byte(line))
	}
}

// No line of the sample logs is an envelope.
func TestSamplesNotOpened(t *testing.T) {
	n := 0
	for _, pattern := range []string{"*/*.clearhop.log", "*/*.error.log"} {
		for _, log := range chaintest.Names(t, pattern) {
			for _, line := range chaintest.Lines(t, log) {
				mustStay(t, line)
				n++
			}
		}
	}
	seed, err := os.ReadFile(filepath.Join("..", "..", "testdata", "seed", "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(seed) {
		mustStay(t, bytes.TrimSuffix(line, []byte("\n")))
		n++
	}
	if n < 100 {
		t.Errorf("only %d lines", n)
	}
}

func mustStay(t *testing.T, line []byte) {
	t.Helper()
	e := record.Envelope{Count: 9, Stream: []byte("of the line before")}
	inner, scratch := Open(line, nil, &e)
	if !bytes.Equal(inner, line) || len(scratch) != 0 || dump(&e) != "" || e.Count != 0 {
		t.Errorf("%q was opened: %q, %s", line, inner, dump(&e))
	}
}

func TestTime(t *testing.T) {
	for _, text := range []string{
		"2016-10-06T00:17:09.669794202Z", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "2000-02-29T12:00:00+14:00",
		"0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2026-11-22T11:00:25-00:30", "2024-12-31T23:59:59.1-12:00",
	} {
		want, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := parseTime([]byte(text))
		if !ok || got != want.UnixMilli() {
			t.Errorf("%s: %d, %v; want %d", text, got, ok, want.UnixMilli())
		}
	}
	day := time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC)
	for range 80_000 {
		if got, ok := parseTime(day.AppendFormat(nil, time.RFC3339)); !ok || got != day.UnixMilli() {
			t.Fatalf("%s: %d, %v", day, got, ok)
		}
		day = day.AddDate(0, 0, 1)
	}
	for _, text := range []string{
		"", "2016-10-06", "2016-10-06T00:17:09", "2016-10-06 00:17:09Z", "2016-10-06t00:17:09Z", "2016-10-06T00:17:09.Z",
		"2016-10-06T24:00:00Z", "2016-10-06T00:60:00Z", "2016-10-06T00:00:60Z", "2016-00-06T00:00:00Z", "2016-04-31T00:00:00Z",
		"2016-10-06T00:17:09+0900", "2016-10-06T00:17:09+24:00", "2016-10-06T00:17:09z", "2016-10-06T00:17:09ZZ", "0000-10-06T00:17:09Z",
	} {
		if _, ok := parseTime([]byte(text)); ok {
			t.Errorf("%q was read", text)
		}
	}
}

func TestScratchIsAppendedTo(t *testing.T) {
	var e record.Envelope
	inner, scratch := Open([]byte(`{"log":"a\tb\n","stream":"stdout"}`), []byte("kept"), &e)
	if string(inner) != "a\tb" || string(scratch) != "kepta\tb\n" {
		t.Errorf("%q, %q", inner, scratch)
	}
}

// TestOpenDoubtful: text, what is inside, what the prefix says. Open leaves all of
// them as they are.
func TestOpenDoubtful(t *testing.T) {
	f := func(text, inner, says string) {
		t.Helper()
		var e record.Envelope
		got, _, ok := OpenDoubtful([]byte(text), nil, &e)
		if !ok || string(got) != inner || dump(&e) != says {
			t.Errorf("%s\n got %q %s\nwant %q %s", text, got, dump(&e), inner, says)
		}
		if text[0] != 0x1b {
			mustStay(t, []byte(text))
		}
	}
	const (
		errorLine = `2026/11/22 11:00:25 [error] 7#7: *1 open() "/x" failed (2: No such file or directory)`
		object    = `{"remote_addr":"203.0.113.9","status":200}`
		oldIngres = `203.0.113.9 - [203.0.113.9] - - [22/Nov/2026:11:00:24 +0000] "GET / HTTP/1.1" 200 3`
	)
	f("web-6f5d-x2v8q nginx "+access, access, "stern name=nginx type=kubernetes resource=web-6f5d-x2v8q")
	f("shop web-0 nginx "+access, access, "stern name=nginx type=kubernetes space=shop resource=web-0")
	f("kube-system web-0 nginx "+errorLine, errorLine, "stern name=nginx type=kubernetes space=kube-system resource=web-0")
	f("web-0 nginx 2026-11-22T11:00:25.123456789Z "+access, access, "stern timestamped time=2026-11-22T11:00:25.123Z name=nginx type=kubernetes resource=web-0")
	f("\x1b[35mweb-0\x1b[0m \x1b[95mnginx\x1b[0m "+object, object, "stern name=nginx type=kubernetes resource=web-0")
	f("[web-0] "+errorLine, errorLine, "kubectl type=kubernetes resource=web-0")
	f("[web-0 nginx] "+oldIngres, oldIngres, "kubectl name=nginx type=kubernetes resource=web-0")
	f("/ecs/web web/nginx/0f9d "+access, access, "awslogs log_group=/ecs/web log_stream=web/nginx/0f9d")
	f("/ecs/web i-0abc     "+access, access, "awslogs log_group=/ecs/web log_stream=i-0abc")
	f("\x1b[32m/ecs/web\x1b[0m \x1b[36mweb/1   \x1b[0m \x1b[33m2026-11-22T11:00:25.123Z\x1b[0m "+access, access,
		"awslogs timestamped time=2026-11-22T11:00:25.123Z log_group=/ecs/web log_stream=web/1")
	f("nginx | "+access, access, "compose name=nginx")
	f("my.proxy    | "+errorLine, errorLine, "compose name=my.proxy")
	f("nginx  | 2026-11-22T11:00:25.123456789Z "+access, access, "compose timestamped time=2026-11-22T11:00:25.123Z name=nginx")
	f("nginx  | /docker-entrypoint.sh: Configuration complete; ready for start up", "/docker-entrypoint.sh: Configuration complete; ready for start up", "compose name=nginx")
	f("2026-11-22T11:00:25+00:00 "+access, access, "timestamped time=2026-11-22T11:00:25.000Z")
	f("2026-11-22T11:00:25+00:00 web/1 "+errorLine, errorLine, "aws_logs_tail time=2026-11-22T11:00:25.000Z log_stream=web/1")
	f("2026-11-22T11:00:25+00:00 web nginx[7]: "+access, access, "syslog time=2026-11-22T11:00:25.000Z")
}

// TestNotDoubtful: what a log_format writes, and what a visitor can put into it, is
// no prefix.
func TestNotDoubtful(t *testing.T) {
	for _, text := range append(unopened[:len(unopened):len(unopened)],
		`www.example.com `+access, `www.example.com web-1 `+access,
		`web-0 nginx 203.0.113.9 "GET / HTTP/1.1" 200`,
		`web-0 nginx 203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] 203.0.113.66 - - [22/Nov/2026:11:00:24 +0000] "GET`,
		`web-0 nginx 203.0.113.9 - a b [22/Nov/2026:11:00:24 +0000] "GET`,
		`/index.html www.example.com 203.0.113.9 "GET / HTTP/1.1" 200`,
		`2026-11-22T11:00:25+00:00 a b 203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET`,
		`nginx | 203.0.113.9 | - | "GET / HTTP/1.1"`, `web-0 nginx `, `web-0`, `a b c d`, `[web-0]`, `[web-0] `, `/a/b c/d `,
	) {
		if doubtful[text] {
			continue
		}
		e := record.Envelope{}
		if inner, _, ok := OpenDoubtful([]byte(text), nil, &e); ok || string(inner) != text || dump(&e) != "" {
			t.Errorf("%q was opened: %q, %s", text, inner, dump(&e))
		}
	}
}

// doubtful are the lines of unopened that OpenDoubtful opens.
var doubtful = map[string]bool{
	`nginx  | ` + access: true, `[web-0] ` + access: true, `web-0 nginx ` + access: true, `/ecs/web web/1 ` + access: true, `2026-11-22T11:00:25+00:00 ` + access: true,
}

// No line of the sample logs has a doubtful prefix.
func TestSamplesNotDoubtful(t *testing.T) {
	for _, pattern := range []string{"*/*.clearhop.log", "*/*.error.log"} {
		for _, log := range chaintest.Names(t, pattern) {
			for _, line := range chaintest.Lines(t, log) {
				var e record.Envelope
				if inner, _, ok := OpenDoubtful(line, nil, &e); ok {
					t.Errorf("%q was opened: %q", line, inner)
				}
			}
		}
	}
}
