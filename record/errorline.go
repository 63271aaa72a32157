package record

// ErrorLine is a line of nginx's error log taken apart:
//
//	2026/11/22 11:00:25 [error] 10129#10129: *1 open() "/x" failed (2: No such file
//	or directory) while sending response, client: 10.0.0.1, server: _, request:
//	"GET /x HTTP/1.1", host: "example.com"
//
// nginx escapes nothing here, and cuts the whole at 2,048 bytes. Parts that are
// not there are nil.
type ErrorLine struct {
	Level      []byte // debug, info, notice, warn, error, crit, alert, emerg
	PID        Int
	TID        Int
	Connection Int // the number behind the "*"
	// Message is the text between the connection and the first of the parts
	// below, without errno and action.
	Message    []byte
	Errno      Int    // the number in "(2: No such file or directory)"
	ErrnoText  []byte // … and its text
	Action     []byte // what follows "while ": sending response to client
	Client     []byte // an address as $remote_addr has it, or "unix:"
	Server     []byte
	Request    []byte // without quotes, and so the three below
	Subrequest []byte
	Upstream   []byte
	Host       []byte
	Referrer   []byte
}

// Envelope is what a log router, or the viewer of a log, wrapped around a line, and what it told beside
// it. Parts that are not there are nil.
type Envelope struct {
	// Kinds names the envelopes opened, the outermost first.
	Kinds     [MaxEnvelopes]EnvelopeKind
	Count     int
	Stream    []byte // stdout or stderr
	Partial   bool   // the line goes on in the next one
	Time      int64  // of the outermost envelope that bears one, ms since the Unix epoch
	HasTime   bool
	ID        []byte // of the container
	Name      []byte // of the container
	Type      []byte // of the orchestrator: kubernetes, ecs
	Cluster   []byte
	Space     []byte // the namespace
	Resource  []byte // the pod, or the task's ARN
	LogGroup  []byte // the log group of CloudWatch Logs
	LogStream []byte // the log stream of CloudWatch Logs
}

// MaxEnvelopes bounds how many envelopes around one line are opened.
const MaxEnvelopes = 4

// An EnvelopeKind is a way to wrap a line.
type EnvelopeKind uint8

// The kinds of envelopes.
const (
	NoEnvelope     EnvelopeKind = iota
	FireLens                    // JSON of Fluent Bit or Fluentd on ECS: {"log":…,"container_id":…}
	Kubernetes                  // JSON of Fluent Bit's Kubernetes filter, Container Insights: {"log":…,"kubernetes":{…}}
	DockerJSON                  // Docker's json-file driver: {"log":…,"stream":…,"time":…}
	CRI                         // 2016-10-06T00:17:09.669794202Z stdout F line
	Compose                     // web_1  | line
	Syslog                      // <190>Nov 22 11:00:25 host nginx: line, RFC 3164 and 5424
	TransformedLog              // JSON of a CloudWatch Logs transformer around the line
	Timestamped                 // 2026-11-22T11:00:25.123Z line: docker logs -t, kubectl logs --timestamps, S3 exports
	LogsTail                    // aws logs tail: a time, the log stream, and the line
	AWSLogs                     // awslogs get: the log group, the log stream, and the line
	Kubectl                     // [pod/web-0/nginx] line: kubectl logs --prefix, kubetail
	Stern                       // web-0 nginx line, or JSON of stern
	OpenTelemetry               // JSON of a collector: {"body":…,"attributes":{…},"resource":{…}}, also of OTLP
	JSONText                    // "line", or [1795345225123,"line"]: what jq makes of log events
	Fluentd                     // a time, a tag and the record: files and standard output of fluentd
	FluentBit                   // [0] tag: [1795345225.123, {…}], or a record of its parser for ingress-nginx
	Grep                        // access.log:line: grep, and with -n access.log:12:line
	Podman                      // web line: podman logs of several containers
)

// NumEnvelopeKinds is the length of an array that is indexed by EnvelopeKind.
const NumEnvelopeKinds = int(Podman) + 1

// String returns the word that the documentation and reports use.
func (k EnvelopeKind) String() string {
	switch k {
	case NoEnvelope:
		return ""
	case FireLens:
		return "firelens"
	case Kubernetes:
		return "kubernetes"
	case DockerJSON:
		return "docker"
	case CRI:
		return "cri"
	case Compose:
		return "compose"
	case Syslog:
		return "syslog"
	case TransformedLog:
		return "cloudwatch_transformer"
	case Timestamped:
		return "timestamped"
	case LogsTail:
		return "aws_logs_tail"
	case AWSLogs:
		return "awslogs"
	case Kubectl:
		return "kubectl"
	case Stern:
		return "stern"
	case OpenTelemetry:
		return "opentelemetry"
	case JSONText:
		return "json_text"
	case Fluentd:
		return "fluentd"
	case FluentBit:
		return "fluent_bit"
	case Grep:
		return "grep"
	case Podman:
		return "podman"
	}
	return ""
}
