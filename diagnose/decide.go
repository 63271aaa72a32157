package diagnose

import (
	"fmt"
	"slices"

	"clearhop/internal/terminal"

	"clearhop/record"
	"clearhop/verdict"
)

// facts are what AWS, the joined requests and the web hop's log say beside the
// lines of a single fault. They are read once and never change.
type facts struct {
	aws             attribute
	joined          Joined // the zero value where no request was joined
	webNamesClients bool
}

// An attribute is what AWS says about proxy_protocol_v2.enabled.
type attribute uint8

const (
	unknown  attribute = iota // AWS was not asked, or the target groups differ
	enabled                   // in all target groups
	disabled                  // in all target groups
)

func (c *Counters) facts() *facts {
	return &facts{aws: proxyProtocolV2(c.config.TargetGroups), joined: c.joins.result, webNamesClients: c.webNamesClients()}
}

func proxyProtocolV2(groups []record.TargetGroup) attribute {
	said := unknown
	for i, g := range groups {
		is := disabled
		if g.ProxyProtocolV2 {
			is = enabled
		}
		if i > 0 && is != said {
			return unknown
		}
		said = is
	}
	return said
}

// webNamesClients reports whether a web hop's log shows clients, and the edge
// passed on none but clients.
func (c *Counters) webNamesClients() bool {
	var named int64
	for _, s := range c.sources {
		isAllRight := s.hop() == verdict.NoHop && s.right > 0 && s.faulty == 0 && len(c.sources) > 1
		if s.hop() == verdict.Web || isAllRight {
			named += s.right
		}
	}
	return named > 0 && c.causes[cause{verdict.EdgeHandedOnProxy, verdict.Edge}] == nil &&
		c.causes[cause{verdict.EdgeHandedOnNothing, verdict.Edge}] == nil
}

// A decision says which of the causes that its lines allow a fault has.
type decision struct {
	*fault
	// is is the cause that the report names: that of the fault, or one of the
	// others.
	is cause
	// left are the causes that are still possible beside it. Without any the
	// decision is certain.
	left []verdict.Reason
	// why says how the cause is known, where the lines alone do not show it.
	why string
	// followsFrom is the fault at the edge whose fix may fix this one too.
	followsFrom verdict.Reason
}

func (d *decision) isCertain() bool { return len(d.left) == 0 }

// decide decides faults, which are in the order of the chain.
func (f *facts) decide(faults []fault) []decision {
	var decided []decision
	for i := range faults {
		decided = append(decided, (&question{facts: f, fault: &faults[i], all: faults, earlier: decided}).decide())
	}
	return decided
}

// A question is what a rule is asked: which cause a fault has.
type question struct {
	*facts
	*fault
	all     []fault    // the others too
	earlier []decision // those of the faults before it in the chain
}

// An answer is what a rule knows about a question.
type answer struct {
	// is is the cause of the fault; NoReason where the answer leaves it open.
	is          verdict.Reason
	left        []verdict.Reason // causes that are possible beside it
	why         string           // see decision
	followsFrom verdict.Reason   // see decision
}

// A rule knows something about the cause of a fault that its lines do not show.
// ok is false where it knows nothing.
type rule func(*question) (a answer, ok bool)

// rules are those for each cause. The first that knows something decides.
var rules = map[cause][]rule{
	{verdict.ProxyProtocolOff, verdict.Edge}: {
		(*question).offByAWS, (*question).provenAtThisHop, (*question).offByJoinedRequests, (*question).offByWebHop,
		(*question).offByHistory,
	},
	{verdict.ProxyProtocolNotSent, verdict.Edge}:     {(*question).notSentByAWS},
	{verdict.ProxyProtocolNotListened, verdict.Edge}: {(*question).notListenedByAWS},
	{verdict.EdgeHandedOnProxy, verdict.Edge}: {
		(*question).handedOnByJoinedRequests, (*question).handedOnAfterRealip, (*question).handedOnAfterOff,
	},
	{verdict.EdgeHandedOnNothing, verdict.Edge}: {
		(*question).handedOnByJoinedRequests, (*question).handedOnAfterRealip, (*question).handedOnAfterOff,
	},
	{verdict.RealipNotApplied, verdict.Web}: {(*question).webAfterDisagreement},
}

func (q *question) decide() decision {
	d := decision{fault: q.fault, is: q.cause, left: q.others}
	for _, rule := range rules[q.cause] {
		a, ok := rule(q)
		if !ok {
			continue
		}
		if a.is != verdict.NoReason {
			d.is.reason, d.left = a.is, a.left
		}
		d.why, d.followsFrom = a.why, a.followsFrom
		break
	}
	return d
}

// at returns the decision for an earlier cause; nil if there is none.
func (q *question) at(reason verdict.Reason, hop verdict.Hop) *decision {
	i := slices.IndexFunc(q.earlier, func(d decision) bool { return d.is == cause{reason, hop} })
	if i < 0 {
		return nil
	}
	return &q.earlier[i]
}

// offByAWS: the attribute of the target group says whether the NLB sends the
// PROXY protocol.
func (q *question) offByAWS() (answer, bool) {
	switch {
	case len(q.others) == 0:
	case q.aws == disabled:
		return answer{is: verdict.ProxyProtocolOff, why: "AWS says that proxy_protocol_v2.enabled is false for the target group"}, true
	case q.aws == enabled && q.allows(verdict.RealipNotApplied):
		return answer{is: verdict.RealipNotApplied, why: "AWS says that proxy_protocol_v2.enabled is true for the target group"}, true
	}
	return answer{}, false
}

// offByJoinedRequests: an edge that passes the client on knows the client, so the
// NLB sends the PROXY protocol.
func (q *question) offByJoinedRequests() (answer, bool) {
	if !q.allows(verdict.RealipNotApplied) || q.joined.EdgeOwnLog == 0 || q.joined.BeforeEdge > 0 {
		return answer{}, false
	}
	why := fmt.Sprintf("the edge passed the client on in %s that both hops logged, so the edge knew the client", terminal.Plural(q.joined.EdgeOwnLog, "request"))
	return answer{is: verdict.RealipNotApplied, why: why}, true
}

// offByWebHop: clients in the web hop's log came from the edge, so that the edge
// knows them.
func (q *question) offByWebHop() (answer, bool) {
	if !q.allows(verdict.RealipNotApplied) || !q.webNamesClients {
		return answer{}, false
	}
	return answer{is: verdict.RealipNotApplied, why: "the web hop's log names clients, which it can only have from the edge"}, true
}

// provenAtThisHop: other lines that came by the same peers, in a format that shows
// more, prove that the NLB sends the PROXY protocol.
func (q *question) provenAtThisHop() (answer, bool) {
	for i := range q.all {
		other := &q.all[i]
		if other.reason == verdict.RealipNotApplied && other.hop == q.hop && len(other.others) == 0 && q.allows(other.reason) && other.tally.sharesPeers(q.tally) {
			return answer{is: other.reason, why: "other lines of the same hop, in a format that logs more, show it"}, true
		}
	}
	return answer{}, false
}

// offByHistory: lines were right before, so the NLB sent the PROXY protocol and
// nginx waited for it. If only the NLB had stopped to send it, every request
// would fail.
func (q *question) offByHistory() (answer, bool) {
	if !q.allows(verdict.RealipNotApplied) || !q.began || q.tally.succeeded*2 < q.tally.lines {
		return answer{}, false
	}
	left := []verdict.Reason{verdict.ProxyProtocolOff}
	for _, other := range q.others {
		if other != verdict.RealipNotApplied {
			left = append(left, other)
		}
	}
	return answer{
		is: verdict.RealipNotApplied, left: left,
		why: "the lines before were right, and requests still succeed. If only proxy_protocol_v2.enabled had been turned off, every request would fail, because nginx would still wait for the PROXY protocol. " +
			"So the configuration of nginx has changed, or an address of the NLB has: a is more likely than b",
	}, true
}

// notSentByAWS: where the NLB sends the PROXY protocol now, the error lines have
// another explanation beside it.
func (q *question) notSentByAWS() (answer, bool) {
	if q.aws != enabled {
		return answer{}, false
	}
	return answer{why: "the error lines say so; AWS says that proxy_protocol_v2.enabled is true now, so these connections came before that, or not through the NLB"}, true
}

// notListenedByAWS: the NLB sends the PROXY protocol, so the headers are its own
// and not a scanner's.
func (q *question) notListenedByAWS() (answer, bool) {
	if q.aws != enabled {
		return answer{}, false
	}
	return answer{is: q.reason, why: "AWS says that proxy_protocol_v2.enabled is true for the target group"}, true
}

// handedOnByJoinedRequests: the edge logs the client of requests that arrive at
// the web hop without one.
func (q *question) handedOnByJoinedRequests() (answer, bool) {
	if q.joined.EdgeHandsOn == 0 || q.joined.BeforeEdge > 0 {
		return answer{}, false
	}
	why := fmt.Sprintf("the edge's own log names the client of %s that reached the web hop without it", terminal.Plural(q.joined.EdgeHandsOn, "request"))
	return answer{is: q.reason, why: why}, true
}

// handedOnAfterRealip: an edge that does not take the client from the PROXY
// protocol cannot pass it on.
func (q *question) handedOnAfterRealip() (answer, bool) {
	realip := q.at(verdict.RealipNotApplied, verdict.Edge)
	if realip == nil || !realip.isCertain() {
		return answer{}, false
	}
	return answer{
		is: q.reason, followsFrom: verdict.RealipNotApplied,
		why: "the edge's own log shows that its realip module has no effect",
	}, true
}

// handedOnAfterOff: an edge that gets no PROXY protocol cannot pass the client
// on.
func (q *question) handedOnAfterOff() (answer, bool) {
	if q.at(verdict.ProxyProtocolOff, verdict.Edge) == nil {
		return answer{}, false
	}
	return answer{
		is: q.reason, followsFrom: verdict.ProxyProtocolOff,
		why: "the edge's own log shows the NLB's address too",
	}, true
}

// webAfterDisagreement: the web hop gets only one of the two headers right,
// because the edge sets only this one.
func (q *question) webAfterDisagreement() (answer, bool) {
	if q.at(verdict.FieldsDisagree, verdict.Edge) == nil || q.tally.forwarded > 0 {
		return answer{}, false
	}
	return answer{followsFrom: verdict.FieldsDisagree}, true
}
