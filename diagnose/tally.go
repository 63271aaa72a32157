package diagnose

import (
	"net/netip"
	"slices"

	"clearhop/record"
	"clearhop/verdict"
)

// A cause is a fault's reason and the hop that has to change.
type cause struct {
	reason verdict.Reason
	hop    verdict.Hop
}

// isUnlisted reports whether the cause is that a set given is out of date.
func (k cause) isUnlisted() bool {
	return k.reason == verdict.UnlistedNode || k.reason == verdict.UnlistedProxy
}

// A causeTally counts the lines that show one cause.
type causeTally struct {
	lines        int64
	proven       int64 // lines that log $realip_remote_addr
	first, last  int64 // ms since the Unix epoch; 0: not known
	alternatives [verdict.NumReasons]int64
	times        timeline
	peers        *frequent[netip.Addr, int64]

	// What only records say, not counts.
	agents    distinct
	paths     distinct
	anonymous int64 // access lines that log no user agent
	named     int64 // lines whose client the PROXY protocol names
	forwarded int64 // lines with X-Forwarded-For
	checks    int64 // health checks of the load balancer
	succeeded int64 // access lines with a status below 400
	guessed   int64 // lines whose column of $remote_addr was chosen from several
	evidence  []Line

	// Of the lines, those that only headers of the visitor show: see restsOnVisitor.
	claims      int64
	claimsKnown int64 // of them, those that log $realip_remote_addr
	claimants   visitorCount
}

const maxEvidence = 2 // lines of each cause

func newCauseTally() *causeTally { return &causeTally{peers: newFrequent[netip.Addr, int64](maxPeers)} }

func (n *causeTally) add(k cause, t *Tally) {
	n.lines += t.Lines
	if t.First != 0 {
		n.times.add(t.First, t.Lines)
		if n.first == 0 || t.First < n.first {
			n.first = t.First
		}
		n.last = max(n.last, t.Last)
	}
	if t.PeerAlways {
		n.proven += t.Lines
	}
	// Where the peer is not logged, nginx may have read this address from a
	// header that the edge wrote wrongly.
	if t.Peer.IsValid() && (t.PeerAlways || k.reason != verdict.EdgeHandedOnProxy) {
		*n.peers.at(t.Peer, t.Lines) += t.Lines
	}
	if k.reason != t.Reason {
		return // the alternatives belong to the other reason
	}
	for _, alternative := range t.Alternatives {
		n.alternatives[alternative] += t.Lines
	}
}

// addRecord counts what only a record says.
func (n *causeTally) addRecord(r *record.Record) {
	n.agents.add(hash(r.Access.UserAgent))
	n.paths.add(hash(r.URL.Path))
	count(&n.named, len(r.Access.ProxyProtocolAddr) > 0)
	count(&n.forwarded, len(r.Access.XForwardedFor) > 0)
	count(&n.checks, isHealthCheck(&r.Access))
	count(&n.succeeded, r.Access.Status.Valid && r.Access.Status.N < 400)
	count(&n.guessed, restsOnGuess(r))
	count(&n.anonymous, r.Dataset == record.AccessLine && !r.Access.Logged.Has(record.LoggedUserAgent))
	if len(n.evidence) >= maxEvidence {
		return
	}
	line := redacted(r)
	if !slices.ContainsFunc(n.evidence, func(l Line) bool { return l.Text == line.Text }) {
		n.evidence = append(n.evidence, line)
	}
}

// sharesPeers reports whether a peer of other is one of n's too, or no line says
// which the peers are.
func (n *causeTally) sharesPeers(other *causeTally) bool {
	if len(n.peers.slots) == 0 || len(other.peers.slots) == 0 {
		return true
	}
	return slices.ContainsFunc(n.peers.slots, func(s slot[netip.Addr, int64]) bool { return other.peers.known(s.key) != nil })
}

// isBehindLocalHop reports whether all lines came from nginx's own host.
func (n *causeTally) isBehindLocalHop() bool {
	isElsewhere := func(s slot[netip.Addr, int64]) bool { return !s.key.IsLoopback() }
	return len(n.peers.slots) > 0 && !slices.ContainsFunc(n.peers.slots, isElsewhere)
}

// mayBeChecks reports whether the lines may be health checks that do not look
// like such: no user agent is logged, and all lines ask for one path.
func (n *causeTally) mayBeChecks() bool {
	return n.anonymous == n.lines && n.paths.estimate() == 1
}

// mostAllow reports whether at least half of the lines allow another reason.
func (n *causeTally) mostAllow(reason verdict.Reason) bool {
	return n.alternatives[reason] > 0 && n.alternatives[reason]*2 >= n.lines
}

// A sourceTally counts the lines of one file or log stream.
type sourceTally struct {
	name           string
	access, judged int64
	faulty         int64
	right          int64
	rightTimes     timeline  // of the right ones
	refused        *timeline // lines that show a PROXY protocol header; nil: none with a time
	edge, web      int64     // lines that only this hop writes
	visitors       visitorCount
	causes         map[cause]int64
	logged         map[record.Logged]int64 // lines by the variables that they log
}

// hop says which hop wrote the source; NoHop where it is not known.
func (s *sourceTally) hop() verdict.Hop {
	switch {
	case s.edge > s.web:
		return verdict.Edge
	case s.web > s.edge:
		return verdict.Web
	}
	return verdict.NoHop
}

// A peerTally counts the lines of a peer that is logged in all of them.
type peerTally struct {
	judged int64
	causes map[cause]int64
}

// addTo adds to a map that may not be made yet.
func addTo(causes *map[cause]int64, k cause, lines int64) {
	if *causes == nil {
		*causes = map[cause]int64{}
	}
	(*causes)[k] += lines
}
