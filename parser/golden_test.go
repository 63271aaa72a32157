package parser

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"clearhop/internal/golden"
	"clearhop/record"
)

// diag is the second format of the chain that wrote the sample logs.
const diag = `log_format diag 'remote_addr=$remote_addr realip_remote_addr=$realip_remote_addr '
    'pp=$proxy_protocol_addr:$proxy_protocol_port pps=$proxy_protocol_server_addr:$proxy_protocol_server_port '
    'xff="$http_x_forwarded_for" xri="$http_x_real_ip" rl=$request_length rt=$request_time '
    'urt=$upstream_response_time st=$status req="$request" conn=$connection/$connection_requests';`

// dumpLog reads each line of the log and writes it down, all that was found in
// it below.
func dumpLog(t *testing.T, format, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := mustCompile(t, format)
	var out bytes.Buffer
	var r record.Record
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		fmt.Fprintf(&out, "%s\n", line)
		r.Reset()
		if err := f.Parse(line, &r); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for _, field := range dump(&r) {
			fmt.Fprintf(&out, "    %s\n", field)
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

func checkGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	golden.Check(t, filepath.Join("testdata", name), got)
}

// testdata/clearhop.log is what nginx wrote in TestNginx.
func TestGoldenClearhop(t *testing.T) {
	checkGolden(t, "clearhop.golden", dumpLog(t, "clearhop", filepath.Join("testdata", "clearhop.log")))
}

func TestGoldenSeed(t *testing.T) {
	checkGolden(t, "seed.golden", dumpLog(t, "main_real_ip", filepath.Join("..", "testdata", "seed", "access.log")))
}

// The sample logs of a chain of two nginx, one folder for each way to set it up.
func TestGoldenChain(t *testing.T) {
	for _, c := range []struct{ pattern, format, golden string }{
		{"*.access.log", "main_real_ip", "chain_access.golden"},
		{"*.diag.log", diag, "chain_diag.golden"},
	} {
		paths, err := filepath.Glob(filepath.Join("..", "testdata", "chain", "*", c.pattern))
		if err != nil {
			t.Fatal(err)
		}
		if len(paths) == 0 {
			t.Fatalf("no %s", c.pattern)
		}
		var got bytes.Buffer
		for _, path := range paths {
			fmt.Fprintf(&got, "== %s/%s\n\n", filepath.Base(filepath.Dir(path)), filepath.Base(path))
			got.Write(dumpLog(t, c.format, path))
		}
		checkGolden(t, c.golden, got.Bytes())
	}
}
