package diagnose

import (
	"strings"
	"testing"

	"clearhop/record"
	"clearhop/verdict"

	"github.com/google/go-cmp/cmp"
)

// TestEveryFaultHasRemedy: each reason that is a fault has a title and steps of
// its own, at whichever hop.
func TestEveryFaultHasRemedy(t *testing.T) {
	for _, reason := range verdict.Reasons() {
		if !reason.IsFault() {
			continue
		}
		for _, hop := range []verdict.Hop{verdict.NoHop, verdict.Edge, verdict.Web} {
			r := remedyOf(cause{reason, hop})
			if r.title == "" || r.title == reason.Info().Means {
				t.Errorf("%s@%s has no title", reason, hop)
			}
			if len(r.stepsWith(&fixValues{})) == 0 {
				t.Errorf("%s@%s has no steps", reason, hop)
			}
			if place(cause{reason, hop}) < 0 {
				t.Errorf("%s has no place in the chain", reason)
			}
		}
	}
	for k := range remedies {
		if r := k.reason; !r.IsFault() && r != verdict.OwnClient && r != verdict.CDNInFront && r != verdict.UnlistedProxy {
			t.Errorf("%s is never reported", r)
		}
	}
}

// TestSteps: the configuration for each cause, with the addresses of the chain.
func TestSteps(t *testing.T) {
	values := &fixValues{
		nlb: []string{"10.16.1.11"}, edge: []string{"10.16.1.13", "10.16.2.0/24"},
		groups: []record.TargetGroup{{ARN: "arn:on", ProxyProtocolV2: true}, {ARN: "arn:off"}},
	}
	const (
		inEdge  = "in the server of the edge nginx that the NLB reaches: "
		inProxy = "in the location of the edge nginx that passes requests on: "
		inWeb   = "in http or server of the web nginx: "
		inFlags = "in the settings of Clearhop: the command's flag, or the parameter of the functions: "
		atGroup = "at the target group of the NLB: "
		read    = "set_real_ip_from 10.16.1.11; real_ip_header proxy_protocol;"
		listens = "listen 80 proxy_protocol;  # your port "
		turnOn  = `proxy_protocol_v2.enabled = true` +
			` / aws elbv2 modify-target-group-attributes \   --target-group-arn arn:off \   --attributes Key=proxy_protocol_v2.enabled,Value=true` +
			` / TargetGroupAttributes:   - Key: proxy_protocol_v2.enabled     Value: "true"` +
			` / proxy_protocol_v2 = true`
		web  = "set_real_ip_from 10.16.1.13; set_real_ip_from 10.16.2.0/24; real_ip_header X-Forwarded-For; real_ip_recursive on;"
		pass = "proxy_set_header X-Real-IP $proxy_protocol_addr; proxy_set_header X-Forwarded-For $proxy_protocol_addr;"
	)
	show := func(r remedy, v *fixValues) (list []string) {
		for _, s := range r.stepsWith(v) {
			text := s.Where + ": " + strings.Join(s.Lines, " ")
			for _, form := range s.Forms {
				text += " / " + strings.Join(form.Lines, " ")
			}
			list = append(list, text)
		}
		return list
	}
	f := func(reason verdict.Reason, hop verdict.Hop, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, show(remedyOf(cause{reason, hop}), values)); diff != "" {
			t.Errorf("%s@%s (-want +got):\n%s", reason, hop, diff)
		}
	}
	f(verdict.UnlistedNode, verdict.NoHop, inFlags+"--nlb 10.16.1.11")
	f(verdict.UnlistedProxy, verdict.NoHop, inFlags+"--trusted 10.16.1.13,10.16.2.0/24")
	f(verdict.ProxyProtocolNotSent, verdict.Edge, atGroup+turnOn, inEdge+read)
	f(verdict.ProxyProtocolNotListened, verdict.Edge, inEdge+listens+read)
	f(verdict.ProxyProtocolOff, verdict.Edge, inEdge+listens+read, atGroup+turnOn)
	f(verdict.RealipNotApplied, verdict.Edge, inEdge+read)
	f(verdict.RealipNotApplied, verdict.Web, inWeb+web)
	f(verdict.TrustsTooMuch, verdict.Edge, inEdge+read)
	f(verdict.TrustsTooMuch, verdict.NoHop, inEdge+read)
	f(verdict.TrustsTooMuch, verdict.Web, inWeb+web)
	f(verdict.FieldsDisagree, verdict.Edge, inProxy+pass)
	f(verdict.EdgeHandedOnProxy, verdict.Edge, inProxy+pass)
	f(verdict.EdgeHandedOnNothing, verdict.Edge, inProxy+pass)
	f(verdict.OwnClient, verdict.Edge)
	f(verdict.CDNInFront, verdict.Edge)
	if diff := cmp.Diff([]string{inEdge + read}, show(proxyProtocolDisagrees, values)); diff != "" {
		t.Errorf("the PROXY protocol disagrees (-want +got):\n%s", diff)
	}
}

// TestTrustedAddresses: without an address there is a placeholder, and of many
// only some are listed.
func TestTrustedAddresses(t *testing.T) {
	f := func(n int, wantLines int, wantLast string) {
		t.Helper()
		lines := trust(strings.Fields(strings.Repeat("10.0.0.1 ", n)), "<the subnets>")
		if len(lines) != wantLines || lines[len(lines)-1] != wantLast {
			t.Errorf("%d addresses: %q", n, lines)
		}
	}
	f(0, 1, "set_real_ip_from <the subnets>;")
	f(1, 1, "set_real_ip_from 10.0.0.1;")
	f(8, 8, "set_real_ip_from 10.0.0.1;")
	f(9, 9, "# … and 1 more")
}

// TestTellApart names what tells one cause from another.
func TestTellApart(t *testing.T) {
	f := func(reason, other verdict.Reason, want string) {
		t.Helper()
		if got := tellApart(reason, other); !strings.Contains(got, want) {
			t.Errorf("%s or %s: %q does not name %s", reason, other, got, want)
		}
	}
	f(verdict.ProxyProtocolOff, verdict.OwnClient, "--internal")
	f(verdict.TrustsTooMuch, verdict.CDNInFront, "--trusted")
	f(verdict.ProxyProtocolOff, verdict.EdgeHandedOnNothing, "--nlb")
	f(verdict.ProxyProtocolOff, verdict.RealipNotApplied, "$proxy_protocol_addr")
	f(verdict.EdgeHandedOnProxy, verdict.ProxyProtocolOff, "the edge's own log")
	f(verdict.EdgeHandedOnNothing, verdict.HealthCheckProbe, "--health-path")
	f(verdict.ProxyProtocolOff, verdict.TrustsTooMuch, "$realip_remote_addr")
	f(verdict.TrustsTooMuch, verdict.RealipNotApplied, "$realip_remote_addr")
	f(verdict.EdgeHandedOnNothing, verdict.RealipNotApplied, "$http_x_forwarded_for")
	f(verdict.RealipNotApplied, verdict.PrivateLink, "$proxy_protocol_tlv_0xEA")
	f(verdict.RealipNotApplied, verdict.UnlistedProxy, "docs/verdicts.md")
}
