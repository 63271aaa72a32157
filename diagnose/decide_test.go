package diagnose

import (
	"strings"
	"testing"

	"clearhop/record"
	"clearhop/verdict"
)

// faultOf makes a fault at the edge, or with "@web" behind it one of the web hop,
// from its reason and the other causes that its lines allow.
func faultOf(text string) fault {
	names := strings.Split(text, " or ")
	name, web := strings.CutSuffix(names[0], "@web")
	f := fault{cause: cause{reasonOf(name), verdict.Edge}, tally: newCauseTally()}
	if web {
		f.hop = verdict.Web
	}
	for _, other := range names[1:] {
		f.others = append(f.others, reasonOf(other))
	}
	return f
}

func reasonOf(name string) verdict.Reason {
	var r verdict.Reason
	if err := r.UnmarshalText([]byte(name)); err != nil {
		panic(err)
	}
	return r
}

// show writes a decision as faultOf reads it, with what it follows from and how
// it is known.
func show(d decision) string {
	text := d.is.reason.String()
	if d.is.hop == verdict.Web {
		text += "@web"
	}
	for _, other := range d.left {
		text += " or " + other.String()
	}
	if d.followsFrom != verdict.NoReason {
		text += ", after " + d.followsFrom.String()
	}
	if d.why != "" {
		text += ": " + d.why
	}
	return text
}

// TestDecide: what other evidence says about the causes of the last of several
// faults.
func TestDecide(t *testing.T) {
	const (
		off         = "proxy_protocol_off"
		offOrRealip = "proxy_protocol_off or realip_not_applied"
		offOrClient = "proxy_protocol_off or internal"
		realip      = "realip_not_applied"
		handedOn    = "edge_handed_on_proxy or proxy_protocol_off"
		nothing     = "edge_handed_on_nothing or health_check"
		webRealip   = "realip_not_applied@web"
	)
	const (
		awsTrue  = ": AWS says that proxy_protocol_v2.enabled is true for the target group"
		awsFalse = ": AWS says that proxy_protocol_v2.enabled is false for the target group"
	)
	f := func(name string, known facts, faults []string, want string) {
		t.Helper()
		var list []fault
		for _, text := range faults {
			list = append(list, faultOf(text))
		}
		decided := known.decide(list)
		if got := show(decided[len(decided)-1]); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
	none := facts{}
	f("nothing else is known", none, []string{offOrRealip}, offOrRealip)

	// What AWS says.
	f("the NLB does not send it", facts{aws: disabled}, []string{offOrRealip}, off+awsFalse)
	f("the NLB sends it", facts{aws: enabled}, []string{offOrRealip}, realip+awsTrue)
	f("the NLB sends it, and the lines do not allow that nginx ignores it", facts{aws: enabled}, []string{offOrClient}, offOrClient)
	f("the lines leave no question", facts{aws: disabled}, []string{off}, off)
	f("not sent in the log, sent by now", facts{aws: enabled}, []string{"proxy_protocol_not_sent"},
		"proxy_protocol_not_sent: the error lines say so; AWS says that proxy_protocol_v2.enabled is true now, so these connections came before that, or not through the NLB")
	f("not sent, and AWS agrees", facts{aws: disabled}, []string{"proxy_protocol_not_sent"}, "proxy_protocol_not_sent")
	f("headers that nginx does not expect are the NLB's", facts{aws: enabled}, []string{"proxy_protocol_not_listened or past_the_nlb"}, "proxy_protocol_not_listened"+awsTrue)
	f("headers that nginx does not expect may be a scanner's", facts{aws: disabled}, []string{"proxy_protocol_not_listened or past_the_nlb"}, "proxy_protocol_not_listened or past_the_nlb")

	// What joined requests say.
	f("the edge passed the client on", facts{joined: Joined{EdgeOwnLog: 3}}, []string{offOrRealip},
		realip+": the edge passed the client on in 3 requests that both hops logged, so the edge knew the client")
	f("the edge passed some clients on, and others not", facts{joined: Joined{EdgeOwnLog: 3, BeforeEdge: 1}}, []string{offOrRealip}, offOrRealip)
	f("AWS knows better than joined requests", facts{aws: disabled, joined: Joined{EdgeOwnLog: 3}}, []string{offOrRealip}, off+awsFalse)
	f("the edge knew the client and did not pass it on", facts{joined: Joined{EdgeHandsOn: 4}}, []string{handedOn},
		"edge_handed_on_proxy: the edge's own log names the client of 4 requests that reached the web hop without it")
	f("nothing was passed on, and the edge knew the client", facts{joined: Joined{EdgeHandsOn: 4}}, []string{nothing},
		"edge_handed_on_nothing: the edge's own log names the client of 4 requests that reached the web hop without it")
	f("the edge did not know the client", facts{joined: Joined{EdgeHandsOn: 4, BeforeEdge: 1}}, []string{handedOn}, handedOn)

	// What the web hop's log says.
	f("the web hop names clients", facts{webNamesClients: true}, []string{offOrRealip},
		realip+": the web hop's log names clients, which it can only have from the edge")
	f("the web hop names clients, and the lines do not allow that nginx ignores them", facts{webNamesClients: true}, []string{offOrClient}, offOrClient)

	// What an earlier fault says.
	f("passed on what a realip module that does not act left", none, []string{realip, handedOn},
		"edge_handed_on_proxy, after realip_not_applied: the edge's own log shows that its realip module has no effect")
	f("that the realip module does not act is not sure", none, []string{"realip_not_applied or trusts_too_much", handedOn}, handedOn)
	f("a web hop's realip module says nothing about the edge", none, []string{webRealip, handedOn}, handedOn)
	f("passed on what the NLB did not send", none, []string{off, handedOn},
		"edge_handed_on_proxy, after proxy_protocol_off: the edge's own log shows the NLB's address too")
	f("passed nothing on, since the NLB sent nothing", none, []string{offOrRealip, nothing},
		"edge_handed_on_nothing, after proxy_protocol_off: the edge's own log shows the NLB's address too")
	f("off became realip, which the next fault follows from", facts{aws: enabled}, []string{offOrRealip, handedOn},
		"edge_handed_on_proxy, after realip_not_applied: the edge's own log shows that its realip module has no effect")
	f("joined requests know better than an earlier fault", facts{joined: Joined{EdgeHandsOn: 4}}, []string{off, handedOn},
		"edge_handed_on_proxy: the edge's own log names the client of 4 requests that reached the web hop without it")
	f("the edge sets one of two headers", none, []string{"fields_disagree", webRealip}, webRealip+", after fields_disagree")
	f("the edge sets both headers alike", none, []string{webRealip}, webRealip)
}

// TestWebHopHasBothHeaders: with X-Forwarded-For at the web hop, a header that
// the edge does not set is no explanation.
func TestWebHopHasBothHeaders(t *testing.T) {
	web := faultOf("realip_not_applied@web")
	web.tally.forwarded = 1
	decided := (&facts{}).decide([]fault{faultOf("fields_disagree"), web})
	if got := show(decided[1]); got != "realip_not_applied@web" {
		t.Errorf("got %s", got)
	}
}

func TestProxyProtocolV2(t *testing.T) {
	on, no := record.TargetGroup{ProxyProtocolV2: true}, record.TargetGroup{}
	f := func(name string, groups []record.TargetGroup, want attribute) {
		t.Helper()
		if got := proxyProtocolV2(groups); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	f("AWS was not asked", nil, unknown)
	f("one with", []record.TargetGroup{on}, enabled)
	f("one without", []record.TargetGroup{no}, disabled)
	f("all with", []record.TargetGroup{on, on}, enabled)
	f("all without", []record.TargetGroup{no, no}, disabled)
	f("they differ", []record.TargetGroup{on, no}, unknown)
	f("they differ, and the last is as the first", []record.TargetGroup{no, on, no}, unknown)
}

// TestWebNamesClients: lines without a fault at the web hop show clients, unless
// the edge also passed on what is none.
func TestWebNamesClients(t *testing.T) {
	f := func(name string, want bool, set func(*Counters)) {
		t.Helper()
		c := NewCounters(Config{})
		set(c)
		if got := c.webNamesClients(); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
	add := func(c *Counters, source string, hop verdict.Hop, reason verdict.Reason) {
		c.AddTally(Tally{Source: source, Reason: reason, Hop: verdict.Edge, Lines: 10})
		switch hop {
		case verdict.Edge:
			c.source(source).edge++
		case verdict.Web:
			c.source(source).web++
		}
	}
	f("nothing was read", false, func(*Counters) {})
	f("the web hop is right", true, func(c *Counters) {
		add(c, "web", verdict.Web, verdict.OK)
	})
	f("only the edge was read", false, func(c *Counters) {
		add(c, "edge", verdict.Edge, verdict.OK)
	})
	f("a source of an unknown hop is right, beside another one", true, func(c *Counters) {
		add(c, "edge", verdict.Edge, verdict.ProxyProtocolOff)
		add(c, "other", verdict.NoHop, verdict.OK)
	})
	f("a source of an unknown hop is right, and it is the only one", false, func(c *Counters) {
		add(c, "other", verdict.NoHop, verdict.OK)
	})
	f("a source of an unknown hop is not all right", false, func(c *Counters) {
		add(c, "edge", verdict.Edge, verdict.OK)
		add(c, "other", verdict.NoHop, verdict.OK)
		add(c, "other", verdict.NoHop, verdict.ProxyProtocolOff)
	})
	f("the edge passed on a proxy", false, func(c *Counters) {
		add(c, "web", verdict.Web, verdict.OK)
		add(c, "web", verdict.Web, verdict.EdgeHandedOnProxy)
	})
	f("the edge passed on nothing", false, func(c *Counters) {
		add(c, "web", verdict.Web, verdict.OK)
		add(c, "web", verdict.Web, verdict.EdgeHandedOnNothing)
	})
}

// TestRulesAreAsked: each cause that has rules is one that can be a fault.
func TestRulesAreAsked(t *testing.T) {
	for k, list := range rules {
		if !k.reason.IsFault() || place(k) < 0 || len(list) == 0 {
			t.Errorf("%s@%s is never a fault", k.reason, k.hop)
		}
	}
}
