package chain_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"clearhop/chain"
	"clearhop/internal/golden"
	"clearhop/parser"
	"clearhop/verdict"
)

// tally counts verdicts and reasons, the most frequent first.
func tally(all []judged) string {
	counts := map[string]int{}
	for _, j := range all {
		if j.Verdict != verdict.NoVerdict {
			counts[j.Verdict.String()+" `"+j.Reason.String()+"`"]++
		}
	}
	answers := make([]string, 0, len(counts))
	for answer := range counts {
		answers = append(answers, answer)
	}
	slices.SortFunc(answers, func(a, b string) int { return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b)) })
	for i, answer := range answers {
		answers[i] = fmt.Sprintf("%d %s", counts[answer], answer)
	}
	return strings.Join(answers, "<br>")
}

// TestPage compares docs/chain.md with the recorded chain and the references.
func TestPage(t *testing.T) {
	var confusion, list strings.Builder
	confusion.WriteString("| scenario | hop | main_real_ip | clearhop | clearhop_json | error lines |\n| --- | --- | --- | --- | --- | --- |\n")
	for i := range scenarios {
		s := &scenarios[i]
		mark := ""
		if s.healthy {
			mark = " (no fault)"
		}
		fmt.Fprintf(&list, "- **%s**%s: %s", s.name, mark, s.what)
		if s.needsSets != "" {
			fmt.Fprintf(&list, ". Give `nlb` and `trusted`, because %s", s.needsSets)
		}
		for _, log := range s.fooled {
			fmt.Fprintf(&list, ". The log %s looks right although it is not", log)
		}
		list.WriteString("\n")
		logs := s.recorded(t)
		for _, hop := range hops {
			cells := make([]string, len(logNames))
			for i, format := range logNames {
				cells[i] = tally(judge(t, s, chainSets[0], hop, logs[hop+"."+format]))
			}
			if strings.Join(cells, "") == "" {
				continue
			}
			fmt.Fprintf(&confusion, "| %s | %s | %s |\n", s.name, hop, strings.Join(cells, " | "))
		}
	}
	golden.Sections(t, "../docs/chain.md", map[string]string{
		"scenarios": list.String(), "confusion": confusion.String(),
		"edge.conf": "```nginx\n" + chain.Edge + "```\n", "web.conf": "```nginx\n" + chain.Web + "```\n",
	})
}

// TestReferenceLogsTheRecommendedFormat: the references repeat the format, because
// users copy it from there.
func TestReferenceLogsTheRecommendedFormat(t *testing.T) {
	directive, _ := parser.Builtin(parser.Recommended)
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	for name, conf := range map[string]string{"edge": chain.Edge, "web": strings.ReplaceAll(chain.Web, "$req_id", "$request_id")} {
		if !strings.Contains(squeeze(conf), squeeze(directive)) {
			t.Errorf("%s does not log %s", name, directive)
		}
	}
}
