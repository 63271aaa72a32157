package clientip

import (
	"bytes"

	"clearhop/record"
	"clearhop/verdict"
)

// ErrorEvidence is what an error line that nginx wrote while it read the PROXY
// protocol offers. At that point it has read no request and applied no realip
// module: Client is the TCP peer.
type ErrorEvidence struct {
	Client  []byte // behind "client: "
	Message []byte
	Action  []byte // behind "while "

	Doubt record.Doubt // a visitor can have written the whole line
}

var (
	readingProxyProtocol = []byte("reading PROXY protocol")
	brokenHeader         = []byte("broken header:")
	closedConnection     = []byte("client closed connection")
)

// ResolveError answers for an error line, if it is one about the PROXY
// protocol, or one that a visitor can have written; else it reports false and a is
// empty. No other error line is
// evidence: a visitor can make its text look as he likes.
func (r *Resolver) ResolveError(e *ErrorEvidence, a *Answer) bool {
	a.reset()
	isEvidence := bytes.Equal(e.Action, readingProxyProtocol)
	if e.Doubt == record.DoubtAttempt || e.Doubt == record.DoubtPossible && isEvidence {
		a.Verdict, a.Reason = verdict.Disputed, verdict.InsideErrorRecord
		return true
	}
	if !isEvidence {
		return false
	}
	peer := r.readAddr(Value{Text: e.Client, Logged: true})
	reason := r.reasonOfError(e.Message, peer)
	if reason == verdict.NoReason {
		return false
	}
	a.Reason = reason
	a.Peer = peer.addr
	a.NLBPrivateIP = peer.addr.IsValid() && peer.class.isNLB()
	a.NLBInferred = a.NLBPrivateIP && peer.class == supposedNLB
	a.NLB = r.sets.nlbName(peer)
	if peer.isClient() {
		// nginx before 1.23.2 writes all lines of the request into the record. One of them
		// may look like the end of the record and name another client.
		isOneLine := !bytes.ContainsRune(e.Message, '\n')
		a.Client, a.Field, a.Vouched = peer.addr, verdict.RemoteAddr, isOneLine
	}
	switch {
	case reason == verdict.HealthCheckProbe:
		a.Verdict = verdict.HealthCheck
	case peer.isInside():
		a.Verdict = verdict.Internal
	case peer.isClient():
		a.Verdict = verdict.Direct
	default:
		a.Verdict = verdict.Lost
	}
	switch {
	case reason == verdict.PastTheNLB:
		// The set may lack a node of the NLB.
		a.Alternatives = append(a.Alternatives, verdict.ProxyProtocolNotSent)
	case reason == verdict.ProxyProtocolNotSent:
		a.Hop = verdict.Edge
		if peer.isClient() {
			a.Alternatives = append(a.Alternatives, verdict.PastTheNLB)
		}
	}
	a.addHop(peer.addr)
	return true
}

// reasonOfError returns the reason for a message that nginx wrote while it read
// the PROXY protocol of a peer; NoReason if it is no evidence.
func (r *Resolver) reasonOfError(message []byte, peer hop) verdict.Reason {
	switch {
	case !peer.isAddress():
		return verdict.NoReason
	case bytes.HasPrefix(message, brokenHeader):
		if peer.class == internal || r.sets.nlbGiven && peer.isInside() || peer.addr.IsLoopback() {
			return verdict.PastTheNLB
		}
		return verdict.ProxyProtocolNotSent
	case bytes.Equal(message, closedConnection) && peer.isProxy():
		return verdict.HealthCheckProbe
	}
	return verdict.NoReason
}

// isInside reports whether the hop is a client inside the network.
func (h hop) isInside() bool {
	return h.isClient() && (h.class == internal || IsPrivate(h.addr))
}
