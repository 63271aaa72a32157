package diagnose

import (
	"net/netip"
	"slices"

	"clearhop/record"
)

// A Probe is a request that comes again and again at a fixed pace: a health
// check whose user agent does not say so.
type Probe struct {
	Peer      netip.Addr `json:"peer"`
	Path      string     `json:"path"`
	UserAgent string     `json:"user_agent"`
	Lines     int64      `json:"lines"`

	key uint64 // probeKey of such a request
}

// probeKey identifies the requests of one peer for one path with one user agent.
func probeKey(peer netip.Addr, r *record.Record) uint64 {
	address := peer.As16()
	return hash(address[:], r.URL.Path, r.Access.UserAgent)
}

// A pace is the times at which the requests of one probeKey came, as far as it
// takes to know whether they are regular.
type pace struct {
	peer      netip.Addr
	path      string
	userAgent string

	n              int64
	last           int64 // ms
	minGap, maxGap int64 // ms
	outOfOrder     bool  // a time was before the one before it

	// Requests in each full minute. Several probes together do not keep one gap,
	// but each minute has as many of them as the other.
	minute, inMinute           int64
	minutes, sum, sumOfSquares int64
}

const (
	minProbes   = 5      // requests; fewer have no pace
	minProbeGap = 4_000  // ms; the NLB's shortest interval is 5 s
	probeSlack  = 2_000  // ms; times are logged in seconds
	aMinute     = 60_000 // ms
	minMinutes  = 5      // full minutes; fewer say nothing about a stream
	maxProbes   = 64     // in a report
	maxPaces    = 1_024  // that are observed at a time
	oneDay      = 86_400_000
)

// add takes a request at a time in milliseconds into account.
func (p *pace) add(at int64) {
	p.n++
	if p.n > 1 {
		gap := at - p.last
		p.outOfOrder = p.outOfOrder || gap < 0
		if p.n == 2 || gap < p.minGap {
			p.minGap = gap
		}
		p.maxGap = max(p.maxGap, gap)
	}
	p.last = at
	switch minute := at / aMinute; {
	case p.n == 1:
		p.minute = minute
	case minute != p.minute:
		// The first minute is not a full one. A few more outweigh it.
		p.minutes++
		p.sum += p.inMinute
		p.sumOfSquares += p.inMinute * p.inMinute
		p.minute, p.inMinute = minute, 0
	}
	p.inMinute++
}

// isRegular reports whether the requests come at a fixed pace: one gap between
// all of them, or the same number in each minute.
func (p *pace) isRegular() bool {
	return !p.outOfOrder && p.n >= minProbes && (p.hasFixedGap() || p.hasEvenMinutes())
}

func (p *pace) hasFixedGap() bool {
	slack := max(probeSlack, p.minGap/10)
	return p.minGap >= minProbeGap && p.maxGap <= p.minGap+slack && p.maxGap < oneDay
}

// hasEvenMinutes reports whether each minute has about as many requests as the
// others. The number of visitors' requests varies more: by its square root.
func (p *pace) hasEvenMinutes() bool {
	if p.minutes < minMinutes || p.sum < 2*p.minutes {
		return false
	}
	mean := float64(p.sum) / float64(p.minutes)
	variance := float64(p.sumOfSquares)/float64(p.minutes) - mean*mean
	return variance <= mean/4 && mean <= 60 && p.maxGap <= aMinute
}

// probesOf returns the requests that come at a fixed pace, the most frequent
// first.
func probesOf(paces *frequent[uint64, pace]) []Probe {
	var found []Probe
	for _, s := range paces.slots {
		if p := s.value; p.isRegular() {
			found = append(found, Probe{Peer: p.peer, Path: p.path, UserAgent: p.userAgent, Lines: p.n, key: s.key})
		}
	}
	slices.SortFunc(found, func(a, b Probe) int {
		if a.Lines != b.Lines {
			return int(b.Lines - a.Lines)
		}
		return a.Peer.Compare(b.Peer)
	})
	return found[:min(len(found), maxProbes)]
}
