package envelope

import "clearhop/internal/jsonscan"

// A slot is where an object keeps the value of a known key. Keys that mean the
// same share a slot.
type slot uint8

const (
	slotUnused slot = iota // the key says enough, its value is not needed
	slotLog
	slotStream
	slotSource
	slotMessage0 // the slots from here to slotMessage3 may hold the line
	slotMessage1
	slotMessage2
	slotMessage3
	slotTime0 // the slots from here to slotTime2 may hold the time
	slotTime1
	slotTime2
	slotJournalTime
	slotSeconds
	slotNanos
	slotID
	slotName
	slotCluster
	slotTask
	slotKubernetes
	slotProcessed
	slotPartial
	slotPartialLast
	slotTag
	slotNamespace
	slotPod
	slotContainer
	slotBody
	slotAttributes
	slotResource
	slotLogStream
	slotCount // the number of slots
)

// A writer is who writes a key.
type writer uint8

const (
	byAnybody   writer = iota
	byDocker           // Docker's log driver, which writes no other keys
	byRouter           // only a log router
	byECSRouter        // only a log router on Amazon ECS
)

// A knownKey is a key that means something in an envelope.
type knownKey struct {
	name   string
	slot   slot
	writer writer
}

var knownKeys = [...]knownKey{
	{"log", slotLog, byDocker},
	{"stream", slotStream, byDocker},
	{"time", slotTime0, byDocker},
	{"attrs", slotUnused, byDocker}, // labels and variables of the container

	{"message", slotMessage0, byAnybody},
	{"@message", slotMessage1, byAnybody},
	{"msg", slotMessage2, byAnybody},
	{"MESSAGE", slotMessage3, byAnybody},

	{"@timestamp", slotTime1, byAnybody},
	{"timestamp", slotTime2, byAnybody},
	{"__REALTIME_TIMESTAMP", slotJournalTime, byAnybody},
	{"date", slotSeconds, byAnybody}, // Fluent Bit
	{"ts", slotTime2, byAnybody},     // what --query of the AWS CLI often calls it

	{"source", slotSource, byAnybody},
	{"container_id", slotID, byRouter},
	{"container_name", slotName, byRouter},
	{"CONTAINER_ID_FULL", slotID, byAnybody},
	{"CONTAINER_NAME", slotName, byAnybody},
	{"ecs_cluster", slotCluster, byECSRouter},
	{"ecs_task_arn", slotTask, byECSRouter},
	{"ecs_task_definition", slotUnused, byECSRouter},
	{"kubernetes", slotKubernetes, byRouter},

	{"ec2_instance_id", slotUnused, byAnybody},
	{"log_processed", slotProcessed, byAnybody},

	// stern
	{"namespace", slotNamespace, byAnybody},
	{"podName", slotPod, byAnybody},
	{"containerName", slotContainer, byAnybody},
	{"pod", slotPod, byAnybody},
	{"container", slotContainer, byAnybody},

	// OpenTelemetry
	{"body", slotBody, byAnybody},
	{"attributes", slotAttributes, byAnybody},
	{"resource", slotResource, byAnybody},
	{"timeUnixNano", slotNanos, byAnybody},

	// CloudWatch Logs
	{"logStreamName", slotLogStream, byAnybody},
	{"@logStream", slotLogStream, byAnybody},

	{"partial_message", slotPartial, byAnybody},
	{"CONTAINER_PARTIAL_MESSAGE", slotPartial, byAnybody},
	{"partial_last", slotPartialLast, byAnybody},
	{"logtag", slotTag, byAnybody},
	{"_p", slotTag, byAnybody},
}

// keysByLength holds knownKeys by the length of their names, so that a key is
// compared with few of them.
var keysByLength = func() (table [maxKnownKey + 1][]knownKey) {
	for _, k := range knownKeys {
		table[len(k.name)] = append(table[len(k.name)], k)
	}
	return table
}()

const maxKnownKey = len("CONTAINER_PARTIAL_MESSAGE")

// lookUpKey returns the known key of a name, or nil.
func lookUpKey(name []byte) *knownKey {
	if len(name) > maxKnownKey {
		return nil
	}
	same := keysByLength[len(name)]
	for i := range same {
		// The first letter distinguishes most keys, at less cost.
		if same[i].name[0] == name[0] && same[i].name == string(name) {
			return &same[i]
		}
	}
	return nil
}

// isAccessKey reports whether a member is one that access logs have.
func isAccessKey(key []byte, v jsonscan.Value) bool {
	var space [maxAccessKey]byte
	word := foldKey(&space, key)
	switch string(word) {
	case "args", "bytes", "bytessent", "ip", "method", "msec", "query", "querystring",
		"req", "res", "serverprotocol", "timeiso8601", "timelocal", "verb", "xff":
		return true
	case "agent":
		return v.Kind == jsonscan.Text // log shippers describe themselves in an object agent
	case "status", "statuscode":
		return isStatus(v.Raw)
	}
	for _, prefix := range accessPrefixes {
		if len(word) >= len(prefix) && string(word[:len(prefix)]) == prefix {
			return true
		}
	}
	return false
}

// maxAccessKey is enough for each word that isAccessKey knows. What a longer
// key has after that does not matter.
const maxAccessKey = 16

// foldKey writes the beginning of key into word, in lower case and without
// punctuation, and returns it.
func foldKey(word *[maxAccessKey]byte, key []byte) []byte {
	n := 0
	for _, c := range key {
		switch {
		case c == '_' || c == '-' || c == '.' || c == '$' || c == '@':
			continue
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		}
		word[n] = c
		if n++; n == len(word) {
			break
		}
	}
	return word[:n]
}

// isStatus reports whether raw is three digits, as an HTTP status is.
func isStatus(raw []byte) bool {
	return len(raw) == 3 && isDigit(raw[0]) && isDigit(raw[1]) && isDigit(raw[2])
}

// accessPrefixes are the beginnings of keys of access logs. Most of them come
// from nginx's variables.
var accessPrefixes = [...]string{
	"bodybytes", "client", "http", "nginx", "proxyprotocol", "realip", "referer", "referrer",
	"remote", "request", "response", "ssl", "upstream", "uri", "url", "useragent", "xforwardedfor",
}
