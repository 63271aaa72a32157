package diagnose

import (
	"fmt"

	"clearhop/internal/terminal"
	"clearhop/verdict"
)

// When a cause that lines show is a fault. Of a few lines among many healthy
// ones, a scanner or a visitor's trick is the cause. A small sample leaves no
// room for that. Where only a visitor's header shows the cause, visitors count and
// not lines: see claim.go.
const (
	fewLines       = 9     // so few judged lines are a small sample
	fewShare       = 0.2   // … in which this share is a fault
	systematic     = 0.005 // the share that no visitor causes
	systematicMin  = 5     // … and how many lines it takes
	wideAgents     = 10    // user agents that make a smaller share of many lines a fault
	wideMin        = 100   // … and how many lines it takes
	scannable      = 0.01  // the share that scanners inside the network do not reach
	scannableMin   = 10    // … and how many lines it takes
	concentrated   = 0.5   // the share within one source, or behind one peer
	allOf          = 0.9   // … of a fault that stops every request
	concentrateMin = 3     // … and how many lines it takes
	provenMin      = 2     // lines that prove a fault which only some visitors' lines show
)

// isFault reports whether enough lines show a cause.
func (c *Counters) isFault(k cause, n *causeTally) bool {
	switch k.reason {
	case verdict.UnlistedNode, verdict.UnlistedProxy:
		return c.isUnlistedFault(k, n)
	case verdict.ProxyProtocolNotListened:
		return c.stopsRequests(k, n)
	case verdict.ProxyProtocolNotSent:
		return c.healthy == 0 || c.isMoreThanScanners(k, n)
	case verdict.ProxyProtocolOff, verdict.EdgeHandedOnNothing:
		if n.mayBeChecks() && c.healthy > 0 {
			return false
		}
	case verdict.TrustsTooMuch, verdict.FieldsDisagree:
		// Only the lines of visitors that send a header show it, so a few are
		// enough where the peer was logged and wrote the header.
		if proven := n.proven - n.claimsKnown; proven*2 >= n.lines && proven >= provenMin {
			return true
		}
		if n.claims*2 > n.lines {
			return c.isMoreThanFewVisitors(k, n)
		}
	}
	return c.isMoreThanVisitors(k, n)
}

// isMoreThanScanners is for a fault that stops every request of a connection, and that
// scanners inside the network can imitate. No visitor can: the NLB sends a PROXY
// protocol header of its own before all that he sends.
func (c *Counters) isMoreThanScanners(k cause, n *causeTally) bool {
	return shareOf(n.lines, c.judgedBeside(k)) >= scannable && n.lines >= scannableMin ||
		c.mostConcentrated(k, allOf) >= concentrateMin
}

// isMoreThanVisitors reports whether more lines show a cause than visitors can
// write.
func (c *Counters) isMoreThanVisitors(k cause, n *causeTally) bool {
	judged := c.judgedBeside(k)
	share := shareOf(n.lines, judged)
	if judged <= fewLines {
		return share >= fewShare
	}
	return share >= systematic && n.lines >= systematicMin ||
		c.mostConcentrated(k, concentrated) >= concentrateMin ||
		n.lines >= wideMin && n.agents.estimate() >= wideAgents
}

func shareOf(n, of int64) float64 { return float64(n) / float64(of) }

// whyNoFault says why a cause that isFault refuses is none.
func (c *Counters) whyNoFault(k cause, n *causeTally) string {
	switch {
	case k.isRefusal():
		return "any visitor can send such a request, and the requests of others came through at the same time. " +
			"If one of several tasks refuses every request, read the log of each task as a file of its own: that shows it"
	case n.mayBeChecks():
		return "all of them ask for one path, so they may be health checks: log $http_user_agent to be sure"
	case n.claims*2 > n.lines:
		return fmt.Sprintf("only headers of %s show it, and a visitor can send any header. To be sure, log $realip_remote_addr and $proxy_protocol_addr",
			terminal.Plural(int64(n.claimants.estimate()), "visitor"))
	}
	return "too few for a fault of the chain"
}

// mostConcentrated returns how many lines show a cause in the one source, or
// behind the one peer, in which at least a share of the judged lines shows it.
// Of several it is the one with the most lines; 0 if there is none.
func (c *Counters) mostConcentrated(k cause, share float64) int64 {
	var most int64
	add := func(lines, judged int64) {
		if float64(lines) >= share*float64(judged) {
			most = max(most, lines)
		}
	}
	for _, s := range c.sources {
		if len(c.sources) > 1 && (s.access > 0 || c.healthy == 0) { // an error log has no line that is right
			add(s.causes[k], s.judged)
		}
	}
	for _, s := range c.peers.slots {
		if isInside(s.key) || c.config.Chain.IsProxy(s.key) { // else it is a visitor, who can send what he likes
			add(s.value.causes[k], s.value.judged)
		}
	}
	return most
}

// judgedBeside counts the judged lines in the sources of the hop that shows the
// cause. Those of the other hop say nothing about it.
func (c *Counters) judgedBeside(k cause) (n int64) {
	shown := map[verdict.Hop]bool{}
	for _, s := range c.sources {
		if s.causes[k] > 0 {
			shown[s.hop()] = true
		}
	}
	for _, s := range c.sources {
		// The error log says that the header was not sent. The access log of the
		// same hop has the connections that were right.
		if shown[s.hop()] || k.reason == verdict.ProxyProtocolNotSent && s.hop() == verdict.Edge {
			n += s.judged
		}
	}
	return n
}
