package diagnose

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"

	"clearhop/enrich/clientip"
	"clearhop/internal/jsontest"
	"clearhop/record"
	"clearhop/verdict"

	"github.com/google/go-cmp/cmp"
)

// written returns the text of a report.
func written(t *testing.T, r *Report, style Style) string {
	t.Helper()
	var out bytes.Buffer
	if err := r.WriteText(&out, style); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// fullReport is a report with something in each section.
func fullReport() *Report {
	at := func(minute int) time.Time { return time.Date(2026, 11, 22, 11, minute, 0, 0, time.UTC) }
	first, last := at(3), at(9)
	chain := Chain{InferredNLB: true, InferredTrusted: true, Roles: &Roles{
		NLB:      []Peer{{Address: node1, Lines: 20, UserAgents: 3, Why: "it speaks"}},
		Edge:     []Peer{{Address: edge1, Lines: 1, Why: "it writes"}},
		Internal: []Peer{{Address: node2, Lines: 2, Why: "it asks"}},
		CDN:      []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
		Probes:   []Probe{{Peer: node1, Path: "/up", Lines: 9}},
	}, TargetGroups: []record.TargetGroup{{Name: "shop-80", LoadBalancer: "shop", TargetType: "ip", Protocol: "TCP", ProxyProtocolV2: true}}}
	return &Report{
		State: Broken,
		Findings: []Finding{{
			Code: verdict.RealipNotApplied, Hop: verdict.Edge, Title: "It is broken", Certain: true, Why: "AWS says so",
			Lines: 3, Of: 12, Since: &first, RightBefore: 1, Until: &last, RightAfter: 5,
			Peers:   []Part{{Name: "10.16.1.11", Lines: 2, Of: 4}, {Name: "10.16.2.11", Of: 1}},
			Sources: []Part{{Name: "a.log", Lines: 3, Of: 6}, {Name: "b.log", Lines: 1}},
			Evidence: []Line{
				{Source: "-", Text: "remote_addr=10.16.1.11"},
				{Source: "a.log", Time: at(4), Text: "remote_addr=10.16.1.11"},
			},
			Steps:  []Step{{Where: "here", Lines: []string{"one;", "two;"}, Note: "Take care."}, {Where: "there", Lines: []string{"three;"}}},
			Joined: 2,
		}, {
			Code: verdict.EdgeHandedOnProxy, Hop: verdict.Edge, Title: "One way", Lines: 1, Of: 1, FollowsFrom: verdict.RealipNotApplied,
			Steps: []Step{{Where: "here", Lines: []string{"one;"}}},
			Alternatives: []Alternative{
				{Code: verdict.ProxyProtocolOff, Title: "Or `another`", TellApart: "look at `it`", Steps: []Step{{Where: "there", Lines: []string{"two;"}}}},
				{Code: verdict.OwnClient, Title: "Or nothing", TellApart: "ask"},
			},
		}, {
			Code: verdict.RealipNotApplied, Hop: verdict.Web, Title: "The same at another hop", Lines: 1, Of: 1,
			Steps: []Step{{Where: "here", Lines: []string{"one;"}}},
		}},
		Noted:   []Note{{Code: verdict.ProxyProtocolNotSent, Lines: 1, Means: "nginx waits for `it`", Why: "too few"}},
		Missing: []Missing{{Variable: "$a", Cost: "this `and` that"}, {Variable: "$b", Cost: "more", Sources: []string{"a.log", "b.log"}}},
		Advice:  []string{"Look at `this`."},
		Read:    Read{Lines: 30, Judged: 12, HealthChecks: 1, Probes: 2, Refused: 3, Masked: 4, Errors: 1, Other: 6, Unparsed: 7, First: &first, Last: &last},
		Sources: []Source{{Name: "a.log", Hop: verdict.Edge, Lines: 6, Faulty: 3}, {Name: "b.log", Lines: 1}},
		Chain:   chain,
		Joined:  &Joined{Requests: 15, Right: 1, BeforeEdge: 2, EdgeHandsOn: 3, EdgeOwnLog: 4, Web: 5, Sampled: true},
	}
}

func TestWriteText(t *testing.T) {
	want := `The chain is broken: 3 findings.

1. It is broken
   realip_not_applied, hop edge

   Seen in 3 of 12 lines (25.0%), and in 2 requests that both hops logged.
   Peers: 10.16.1.11 (2 of 4); without it: 10.16.2.11 (1 line).
   Logs: a.log (3 of 6), b.log (1).
   It began at 2026-11-22 11:03:00 UTC. Before that, 1 line was right.
   It ended at 2026-11-22 11:09:00 UTC. After that, 5 lines were right: it may be fixed.
   How this is known: AWS says so.

     standard input
     remote_addr=10.16.1.11

     a.log, 2026-11-22 11:04:00 UTC
     remote_addr=10.16.1.11

   To fix it, here:
     one;
     two;
     Take care.
   and, there:
     three;

2. One of these is the cause. The lines do not show which:
   a. One way
   b. Or another
   c. Or nothing
   edge_handed_on_proxy or proxy_protocol_off or internal, hop edge

   Seen in 1 of 1 line (100.0%).
   This may follow from finding 1: fix that first.

   To tell whether it is b: look at it.
   To tell whether it is c: ask.

   If it is a, here:
     one;
   If it is b, there:
     two;

3. The same at another hop
   realip_not_applied, hop web

   Seen in 1 of 1 line (100.0%).

   To fix it, here:
     one;

In a sample, both hops logged 15 requests: 1 went through both hops with the client; 2 reached
the edge without a client; 3 left the edge without the client, which the edge knew; 4 left the
edge with the client, although the edge's own log shows the NLB; 5 left the edge with the
client, and the web hop did not use it.

Not in the log_format, and what that costs:
  $a: this and that.
  $b (in a.log, b.log): more.

Good to know, though no fault:
  1 line of proxy_protocol_not_sent (nginx waits for it): too few.
  Look at this.

The chain, inferred from these lines (give --nlb and --trusted to be sure):
  NLB         10.16.1.11      20 lines, 3 user agents: it speaks
  edge        10.16.1.13      1 line: it writes
  before the NLB: 203.0.113.0/24 (1 in all)
  own clients 10.16.2.11      2 lines: it asks
  probe: /up from 10.16.1.11, 9 requests at a fixed pace
  AWS: target group shop-80 of the NLB shop (ip, TCP): proxy_protocol_v2.enabled = true,
  preserve_client_ip.enabled = false

Read 30 lines: 12 judged, 1 health check of the NLB, 2 probes, 3 refused early, 4 without an
address, 1 error line, 6 other, 7 unparsed; from 2026-11-22 11:03:00 UTC to 2026-11-22 11:09:00
UTC.
  a.log: edge hop, 3 of 6 access lines faulty
  b.log: hop not known, 0 of 1 access line faulty
`
	if diff := cmp.Diff(want, written(t, fullReport(), Style{Width: 96})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTextOfChain: which addresses were given, and which were not.
func TestTextOfChain(t *testing.T) {
	var nlb, trusted clientip.Addresses
	nlb.Add(node1, node2)
	trusted = clientip.Addresses{Unix: true}
	roles := &Roles{NLB: []Peer{{Address: node1, Lines: 1, Why: "it speaks"}}, Edge: []Peer{{Address: edge1, Lines: 1, Why: "it writes"}}}
	f := func(c Chain, want string) {
		t.Helper()
		c.NLB, c.Trusted = nlb, trusted
		got := written(t, &Report{State: Healthy, Chain: c}, Style{})
		_, got, _ = strings.Cut(got, "\n\n")
		got, _, _ = strings.Cut(got, "\n\n")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	f(Chain{Roles: roles}, "The chain, as given: NLB 10.16.1.11, 10.16.2.11; trusted unix:.")
	f(Chain{Roles: roles, InferredTrusted: true}, `The chain, partly inferred from these lines (give --trusted to be sure):
  NLB, as given: 10.16.1.11, 10.16.2.11
  edge        10.16.1.13      1 line: it writes`)
	f(Chain{Roles: roles, InferredNLB: true}, `The chain, partly inferred from these lines (give --nlb to be sure):
  trusted, as given: unix:
  NLB         10.16.1.11      1 line: it speaks`)
	f(Chain{Roles: &Roles{}, InferredNLB: true, InferredTrusted: true}, `The chain, inferred from these lines (give --nlb and --trusted to be sure):
  no proxy was found: $remote_addr is a client's in all lines`)
	nlb, trusted = clientip.Addresses{}, clientip.Addresses{}
	f(Chain{}, "The chain, as given: NLB none; trusted none.")
}

func TestWhyNothing(t *testing.T) {
	f := func(r Read, want string) {
		t.Helper()
		got := written(t, &Report{State: Unknown, Read: r}, Style{Width: 1000})
		if !strings.HasPrefix(got, "Nothing could be judged.\n"+want) {
			t.Errorf("%+v: %s", r, got)
		}
	}
	f(Read{}, "There was no line to read.")
	f(Read{Lines: 9, Unparsed: 1}, "No line is an access line of a known format.")
	f(Read{Lines: 9, Errors: 9}, "There is no access line.")
	f(Read{Lines: 9, Access: 9, Masked: 5, Refused: 4}, "Masked logs cannot be judged:")
	f(Read{Lines: 9, Access: 9, Masked: 3, HealthChecks: 6}, "There are only health checks and refused requests,")
	f(Read{Lines: 9, Access: 9, Probes: 9}, "There are only health checks and refused requests,")
	f(Read{Lines: 9, Access: 9, Refused: 9}, "All requests were refused before nginx could know the client.")
}

// TestTextWidth: sentences keep to the width, and what is to be pasted is not
// broken.
func TestTextWidth(t *testing.T) {
	r := fullReport()
	long := strings.Repeat("set_real_ip_from 10.16.1.11; ", 4)
	r.Findings[0].Steps[0].Lines[0] = long
	text := written(t, r, Style{Width: 60})
	if !strings.Contains(text, long) {
		t.Error("a line of configuration is broken")
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "Read ") && len(line) > 61 {
			t.Errorf("%d characters: %s", len(line), line)
		}
	}
}

// TestPaint: paint adds marks and changes nothing else, and each mark ends.
func TestPaint(t *testing.T) {
	paint := Paint{Title: "<t>", Broken: "<b>", Healthy: "<h>", Unknown: "<u>", Config: "<c>", Minor: "<m>", Off: "<off>"}
	unmarked := strings.NewReplacer("<t>", "", "<b>", "", "<h>", "", "<u>", "", "<c>", "", "<m>", "", "<off>", "")
	f := func(r *Report, marks ...string) {
		t.Helper()
		text := written(t, r, Style{Paint: paint})
		if unmarked.Replace(text) != written(t, r, Style{}) {
			t.Errorf("%s: paint changes the text", r.State)
		}
		for _, mark := range marks {
			if !strings.Contains(text, mark) {
				t.Errorf("%s: no %s in the text", r.State, mark)
			}
		}
		begun := strings.Count(text, "<") - strings.Count(text, "<off>")
		if begun != strings.Count(text, "<off>") {
			t.Errorf("%s: %d marks, %d ends", r.State, begun, strings.Count(text, "<off>"))
		}
	}
	f(fullReport(), "<t>", "<b>", "<c>", "<m>")
	f(&Report{State: Healthy}, "<h>")
	f(&Report{State: Unknown}, "<u>")
}

// TestTextIsPrintable: names that somebody else chose cannot give orders to a
// terminal.
func TestTextIsPrintable(t *testing.T) {
	r := fullReport()
	const evil = "\x1b[2Jevil\x07"
	f := &r.Findings[0]
	f.Peers[0].Name, f.Sources[0].Name, f.Evidence[1].Source = evil, evil, evil
	r.Sources[0].Name, r.Missing[1].Sources[0] = evil, evil
	r.Chain.Roles.Probes[0].Path = evil
	r.Chain.TargetGroups[0].Name, r.Chain.TargetGroups[0].LoadBalancer = evil, evil
	text := written(t, r, Style{})
	if strings.ContainsFunc(text, func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) }) {
		t.Errorf("%q", text)
	}
	if n := strings.Count(text, "evil"); n != 8 {
		t.Errorf("%d of 8 names are shown", n)
	}
}

// TestWriteJSON: programs rely on the names, which stay whatever the fields are
// called.
func TestWriteJSON(t *testing.T) {
	var out bytes.Buffer
	if err := fullReport().WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if key := jsontest.KeyTwice(out.Bytes()); key != "" {
		t.Errorf("%q stands twice in\n%s", key, text)
	}
	for _, key := range []string{
		`"state": "broken"`, `"code": "realip_not_applied"`, `"hop": "edge"`, `"certain": true`, `"why"`, `"right_before": 1`, `"right_after": 5`,
		`"mend"`, `"cure"`, `"tell_apart"`, `"follows_from": "realip_not_applied"`, `"joined": 2`, `"edge_hands_on": 3`, `"edge_own_log": 4`,
		`"before_edge": 2`, `"past_the_nlb"`, `"inferred_nlb": true`, `"user_agents": 3`, `"target_groups"`, `"proxy_protocol_v2": true`,
	} {
		if !strings.Contains(text, key) {
			t.Errorf("no %s in\n%s", key, text)
		}
	}
	var back Report
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if got, want := written(t, &back, Style{}), written(t, fullReport(), Style{}); got != want {
		t.Errorf("what is read back is another report:\n%s", cmp.Diff(want, got))
	}
}

// A brokenPipe takes nothing.
type brokenPipe struct{}

var errBroken = errors.New("broken pipe")

func (brokenPipe) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteFails(t *testing.T) {
	if err := fullReport().WriteText(brokenPipe{}, Style{}); !errors.Is(err, errBroken) {
		t.Errorf("text: %v", err)
	}
	if err := fullReport().WriteJSON(brokenPipe{}); !errors.Is(err, errBroken) {
		t.Errorf("JSON: %v", err)
	}
}
