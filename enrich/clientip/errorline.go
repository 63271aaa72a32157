package clientip

import (
	"bytes"

	"clearhop/verdict"
)

// ErrorEvidence is what an error line that nginx wrote while it read the PROXY
// protocol offers. At that point it has read no request and applied no realip
// module: Client is the TCP peer.
type ErrorEvidence struct {
	Client  []byte // behind "client: "
	Message []byte
	Action  []byte // behind "while "
}

var (
	readingProxyProtocol = []byte("reading PROXY protocol")
	brokenHeader         = []byte("broken header:")
	closedConnection     = []byte("client closed connection")
)

// ResolveError answers for an error line, if it is one about the PROXY
// protocol; else it reports false and a is empty. No other error line is
// evidence: a visitor can make its text look as he likes.
func (r *Resolver) ResolveError(e *ErrorEvidence, a *Answer) bool {
	a.reset()
	if !bytes.Equal(e.Action, readingProxyProtocol) {
		return false
	}
	peer := r.readAddr(Value{Text: e.Client, Logged: true})
	if !peer.isAddress() {
		return false
	}
	inside := peer.isClient() && (peer.class == internal || IsPrivate(peer.addr))
	switch {
	case bytes.HasPrefix(e.Message, brokenHeader):
		a.Reason = verdict.ProxyProtocolNotSent
		if peer.class == internal || r.sets.nlbGiven && inside || peer.addr.IsLoopback() {
			a.Reason = verdict.PastTheNLB
		}
	case bytes.Equal(e.Message, closedConnection) && peer.isProxy():
		a.Reason = verdict.HealthCheckProbe
	default:
		return false
	}
	a.Peer = peer.addr
	a.NLBPrivateIP = peer.addr.IsValid() && peer.class.isNLB()
	a.NLBInferred = a.NLBPrivateIP && peer.class == supposedNLB
	a.NLB = r.sets.nlbName(peer)
	if peer.isClient() {
		a.Client, a.Field, a.Vouched = peer.addr, verdict.RemoteAddr, true
	}
	switch {
	case a.Reason == verdict.HealthCheckProbe:
		a.Verdict = verdict.HealthCheck
	case inside:
		a.Verdict = verdict.Internal
	case peer.isClient():
		a.Verdict = verdict.Direct
	default:
		a.Verdict = verdict.Lost
	}
	switch {
	case a.Reason == verdict.PastTheNLB:
		// The set may lack a node of the NLB.
		a.Alternatives = append(a.Alternatives, verdict.ProxyProtocolNotSent)
	case a.Reason == verdict.ProxyProtocolNotSent && peer.isClient():
		a.Hop = verdict.Edge
		a.Alternatives = append(a.Alternatives, verdict.PastTheNLB)
	case a.Reason == verdict.ProxyProtocolNotSent:
		a.Hop = verdict.Edge
	}
	a.addHop(peer.addr)
	return true
}
