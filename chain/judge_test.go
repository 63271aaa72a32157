package chain_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/verdict"
)

// hops are the hops whose logs are judged, in the order of a request.
var hops = []string{"edge", "web"}

// A judged is what Clearhop says about one line of a log.
type judged struct {
	sender string     // the first word of the user agent, which names the sender
	truth  netip.Addr // the true sender
	row    string     // the answer in columns
	record.Provenance
	client  netip.Addr
	dataset record.Dataset
}

// A chainSet configures the sets of addresses with which lines are judged.
type chainSet struct {
	name   string
	config func(*scenario) pipeline.Config
}

var chainSets = []chainSet{
	{"given", (*scenario).config},
	{"inferred", func(s *scenario) pipeline.Config {
		c := s.config()
		c.Client.NLB, c.Client.Trusted = nil, nil
		return c
	}},
}

// judge takes a log through the pipeline.
func judge(t testing.TB, sc *scenario, set chainSet, hop string, log []byte) []judged {
	t.Helper()
	c := set.config(sc)
	if sc.ownFormat {
		conf := filepath.Join(t.TempDir(), hop+".conf")
		if err := os.WriteFile(conf, []byte(sc.confs(t)[hop]), 0o600); err != nil {
			t.Fatal(err)
		}
		c.Parser.Format = []string{"@" + conf, "auto"}
	}
	p, err := pipeline.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	origin := &record.Origin{Source: hop}
	var lines []record.Line
	for text := range bytes.Lines(log) {
		lines = append(lines, record.Line{Text: bytes.TrimSuffix(text, []byte("\n")), Offset: int64(len(lines)), Origin: origin})
	}
	var all []judged
	if _, err := p.NewWorker().ProcessBatch(lines, true, func(out *pipeline.Outcome) error {
		all = append(all, newJudged(t, out))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(all) != len(lines) {
		t.Errorf("%s: %d lines, %d events", hop, len(lines), len(all))
	}
	return all
}

func newJudged(t testing.TB, out *pipeline.Outcome) judged {
	t.Helper()
	r := out.Record
	if out.Err != nil {
		t.Errorf("%v: %q", out.Err, r.Line.Text)
	}
	j := judged{Provenance: r.Provenance, client: r.Client.IP, dataset: r.Dataset}
	agent, _, _ := bytes.Cut(r.Access.UserAgent, []byte("/"))
	j.sender = cmp.Or(string(agent), "-")
	if _, from, ok := bytes.Cut(r.URL.Query, []byte(truth)); ok {
		from, _, _ = bytes.Cut(from, []byte("&"))
		j.truth = addr(string(from))
	}
	if j.dataset != record.AccessLine && j.Verdict == verdict.NoVerdict {
		j.row = fmt.Sprintf("%-17s %s", j.sender, j.dataset)
		return j
	}
	client, trust := "-", ""
	if j.client.IsValid() {
		client, trust = j.client.String(), "claimed"
		if j.Vouched {
			trust = "vouched"
		}
	}
	flags := ""
	if j.NLBPrivateIP {
		flags = "nlb"
	}
	row := fmt.Sprintf("%-17s %-12s %-28s %-5s %-17s %-21s %-8s %-4s", j.sender, j.Verdict, j.Reason, cmp.Or(j.Hop.String(), "-"),
		client, cmp.Or(j.Field, "-"), trust, flags)
	if len(j.Alternatives) > 0 {
		row += " or " + strings.Trim(strings.ReplaceAll(fmt.Sprint(j.Alternatives), " ", ", "), "[]")
	}
	if j.ClaimedCount > 0 {
		row += fmt.Sprintf(" claims %q", j.Claimed)
	}
	j.row = strings.TrimRight(row, " ")
	return j
}

// hold asserts what is known about a scenario without Clearhop.
func (s *scenario) hold(t testing.TB, set chainSet, hop, format string, all []judged) {
	t.Helper()
	if set.name == "inferred" && s.needsSets != "" {
		return
	}
	where := fmt.Sprintf("%s, %s.%s, sets %s", s.name, hop, format, set.name)
	want, ok := s.want[hop+"."+format]
	if !ok {
		want = s.want[hop]
	}
	fooled := slices.Contains(s.fooled, hop) || slices.Contains(s.fooled, hop+"."+format)
	innocents := 0
	for _, j := range all {
		isForgery := j.sender == "forger" && j.Reason == s.forged
		if s.healthy && j.Reason.IsFault() && !isForgery {
			t.Errorf("%s: a false alarm: %s", where, j.row)
		}
		if j.truth.IsValid() && j.Vouched && j.client != j.truth && !fooled {
			t.Errorf("%s: vouched for %v, but %v sent it: %s", where, j.client, j.truth, j.row)
		}
		if j.client.IsValid() && slices.Contains([]netip.Addr{nlb4, nlb6, edge4, edge6, web4, web6, mid4}, j.client) {
			t.Errorf("%s: a proxy is the client: %s", where, j.row)
		}
		if j.sender != "plain" || j.Verdict == verdict.NoVerdict || j.Reason == verdict.RejectedBeforeRealip {
			continue
		}
		innocents++
		if set.name == "given" && j.Reason != want {
			t.Errorf("%s: want %s: %s", where, want, j.row)
		}
		if set.name == "given" && want == verdict.OK && j.client != j.truth && s.name != "masked" {
			t.Errorf("%s: %v sent it: %s", where, j.truth, j.row)
		}
	}
	if format != "error" && (innocents == 0) != (want == none) {
		t.Errorf("%s: want %s, got %d requests of innocents", where, want, innocents)
	}
}

// table counts equal answers and sorts them, because the order in which nginx
// writes the lines of connections that end at the same time is random.
func table(all []judged) string {
	counts := map[string]int{}
	for _, j := range all {
		counts[j.row]++
	}
	var b strings.Builder
	for _, row := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "%3d %s\n", counts[row], row)
	}
	return b.String()
}

// judgeAll judges all logs of a scenario and returns the answers.
func (s *scenario) judgeAll(t testing.TB, logs map[string][]byte) string {
	t.Helper()
	var b strings.Builder
	for _, set := range chainSets {
		for _, hop := range hops {
			for _, format := range logNames {
				all := judge(t, s, set, hop, logs[hop+"."+format])
				s.hold(t, set, hop, format, all)
				if len(all) > 0 {
					fmt.Fprintf(&b, "%s.%s, sets %s\n%s\n", hop, format, set.name, table(all))
				}
			}
		}
	}
	return b.String()
}
