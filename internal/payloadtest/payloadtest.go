// Package payloadtest makes what the functions are invoked with, for tests:
// payloads of CloudWatch Logs, of the lines that real nginx wrote.
package payloadtest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/internal/buildtest"
	"clearhop/internal/chaintest"
)

// Chain is the environment of a function in front of the chain that wrote the
// sample lines.
var Chain = []string{"CLEARHOP_NLB=10.16.1.11", "CLEARHOP_TRUSTED=10.16.1.13"}

// Lines are LinesIn of a test that runs two folders below the root.
func Lines(t testing.TB) []string {
	t.Helper()
	return LinesIn(t, "../..")
}

// LinesIn are the access lines that real nginx wrote, in all scenarios. root is
// the way to the root of the tree.
func LinesIn(t testing.TB, root string) []string {
	t.Helper()
	var lines []string
	for _, log := range chaintest.Names(t, "*/*.seed.log") {
		for _, line := range chaintest.Lines(t, log) {
			lines = append(lines, string(line))
		}
	}
	seed, err := os.ReadFile(filepath.Join(root, "testdata/seed/access.log"))
	if err != nil {
		t.Fatal(err)
	}
	return append(lines, strings.Split(strings.TrimSuffix(string(seed), "\n"), "\n")...)
}

type logEvent struct {
	ID        string `json:"id"`
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

// Document is a subscription's payload before it is packed.
func Document(t testing.TB, group string, lines []string) []byte {
	t.Helper()
	events := make([]logEvent, len(lines))
	for i, line := range lines {
		events[i] = logEvent{ID: fmt.Sprintf("%056d", i), Timestamp: 1_795_345_224_000 + int64(i), Message: line}
	}
	b, err := json.Marshal(map[string]any{
		"messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": group, "logStream": "web/nginx/1",
		"subscriptionFilters": []string{"clearhop"}, "logEvents": events,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Gzip is a payload as Kinesis and Firehose get it.
func Gzip(t testing.TB, document []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(document); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Event is a payload as a function that subscribes itself gets it.
func Event(t testing.TB, document []byte) []byte {
	t.Helper()
	return fmt.Appendf(nil, `{"awslogs":{"data":%q}}`, base64.StdEncoding.EncodeToString(Gzip(t, document)))
}

// ByCommand is what the command makes of a payload, saved to a file, in the
// same chain: what a function must give too.
func ByCommand(t testing.TB, payload []byte) []byte {
	t.Helper()
	path := buildtest.Program(t, buildtest.Config{Package: "clearhop/cmd/clearhop"})
	saved := filepath.Join(t.TempDir(), "payload.json")
	if err := os.WriteFile(saved, payload, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "enrich", "-q", saved)
	cmd.Env = append(os.Environ(), Chain...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
