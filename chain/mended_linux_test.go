package chain_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/check"
	"clearhop/diagnose"
	"clearhop/enrich/clientip"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/record"
)

// mended returns the scenario with the diff of the check applied to its configurations,
// by patch, and with the target group as the check wants it.
func (s *scenario) mended(t testing.TB, r *check.Result) *scenario {
	t.Helper()
	dir := t.TempDir()
	confs := s.confs(t)
	for name, text := range confs {
		if err := os.WriteFile(filepath.Join(dir, name+".conf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r.Diff != "" {
		patch := exec.Command(lookPath(t, "patch"), "-p0")
		patch.Dir, patch.Stdin = dir, strings.NewReader(r.Diff)
		if out, err := patch.CombinedOutput(); err != nil {
			t.Fatalf("patch: %v\n%s\n%s", err, out, r.Diff)
		}
	}
	after := *s
	after.written = map[string]string{}
	for name := range confs {
		text, err := os.ReadFile(filepath.Join(dir, name+".conf"))
		if err != nil {
			t.Fatal(err)
		}
		after.written[name] = string(text)
	}
	if len(r.TargetGroup) > 0 {
		after.nlb = proxyProtocol2
	}
	return &after
}

// every has the live tests of predictions run for all scenarios; make oracle sets it.
var every = flag.Bool("every", false, "mend every broken scenario, and not some of them")

// TestMended applies the diff of the check to each broken scenario, runs the real chain
// with it, and wants the doctor to find it healthy, in one round. Left out are what is broken
// only by its visitors, and a CDN, which the check does not simulate.
func TestMended(t *testing.T) {
	lookPath(t, "nginx")
	lookPath(t, "haproxy")
	segment := newSegment(t)
	mended := 0
	for i := range scenarios {
		s := &scenarios[i]
		if s.healthy || strings.HasPrefix(s.name, "cdn") || s.name == "scanners-no-error-page" || nginxOf(t, s.nginx) == "" {
			continue
		}
		if !*every && i%6 != 0 {
			continue // the others take the same code ways
		}
		t.Run(s.name, func(t *testing.T) {
			r, err := check.Run(s.checked(t))
			if err != nil {
				t.Fatal(err)
			}
			if r.State != diagnose.Broken {
				t.Fatal("the check finds it right")
			}
			after := s.mended(t, r)
			after.traffic = visits()
			logs := segment.run(t, after)
			if report := after.diagnosed(t, logs); report.State != diagnose.Healthy {
				var text bytes.Buffer
				if err := report.WriteText(&text, diagnose.Style{}); err != nil {
					t.Fatal(err)
				}
				t.Errorf("not healthy with\n%s\n%s", r.Diff, text.String())
			}
			mended++
		})
	}
	if *every && mended < 20 {
		t.Errorf("only %d scenarios were mended", mended)
	}
}

// diagnosed returns the doctor's report of the logs in the recommended format.
func (s *scenario) diagnosed(t testing.TB, logs map[string][]byte) *diagnose.Report {
	t.Helper()
	config := s.config()
	chain, err := config.Client.ReadChain()
	if err != nil {
		t.Fatal(err)
	}
	p, err := pipeline.New(pipeline.Config{
		Chain: &chain, NoEvents: true, Client: clientip.Settings{HealthPath: []string{"/healthz"}},
		Parser: parser.Settings{Format: []string{"clearhop"}, ErrorZone: "UTC"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	counters := diagnose.NewCounters(diagnose.Config{Chain: chain, GivenNLB: true, GivenTrusted: true})
	for _, name := range []string{"edge.clearhop", "edge.error", "web.clearhop", "web.error"} {
		origin := &record.Origin{Source: name}
		var lines []record.Line
		for text := range bytes.Lines(logs[name]) {
			lines = append(lines, record.Line{Text: bytes.TrimSuffix(text, []byte("\n")), Offset: int64(len(lines)), Origin: origin})
		}
		if _, err := p.NewWorker().ProcessBatch(lines, true, func(out *pipeline.Outcome) error {
			counters.Add(out.Record)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return counters.Report()
}
