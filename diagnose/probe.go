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

	key uint64
}

// probeKey names the requests of one peer for one path with one user agent.
func probeKey(peer netip.Addr, r *record.Record) uint64 {
	address := peer.As16()
	return hash(address[:], r.URL.Path, r.Access.UserAgent)
}

// A rhythm is when the requests of one key came.
type rhythm struct {
	peer      netip.Addr
	path      string
	userAgent string

	n              int64
	last           int64 // ms
	minGap, maxGap int64
	jumbled        bool // not in the order of time

	// Requests in each full minute: several probes of one pace do not keep one
	// gap, yet each minute has as many as the other.
	minute, inMinute           int64
	minutes, sum, sumOfSquares int64
}

const (
	minProbes   = 5      // so many make a pace
	minProbeGap = 4_000  // ms; the NLB's shortest interval is 5 s
	probeSlack  = 2_000  // ms; times are logged in seconds
	aMinute     = 60_000 // ms
	minMinutes  = 5      // so many make an even stream
	maxProbes   = 64     // kinds of probes
	maxRhythms  = 1_024  // kinds of requests that are looked at
	oneDay      = 86_400_000
)

func (p *rhythm) add(at int64) {
	p.n++
	if p.n > 1 {
		gap := at - p.last
		p.jumbled = p.jumbled || gap < 0
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
		// The first minute is not full, but few are enough to outweigh it.
		p.minutes++
		p.sum += p.inMinute
		p.sumOfSquares += p.inMinute * p.inMinute
		p.minute, p.inMinute = minute, 0
	}
	p.inMinute++
}

// regular reports whether the requests come at a fixed pace. Visitors' do not:
// their number in a minute varies by its square root.
func (p *rhythm) regular() bool {
	if p.jumbled || p.n < minProbes {
		return false
	}
	if p.minGap >= minProbeGap && p.maxGap <= p.minGap+max(probeSlack, p.minGap/10) && p.maxGap < oneDay {
		return true
	}
	if p.minutes < minMinutes || p.sum < 2*p.minutes {
		return false
	}
	mean := float64(p.sum) / float64(p.minutes)
	variance := float64(p.sumOfSquares)/float64(p.minutes) - mean*mean
	return variance <= mean/4 && mean <= 60 && p.maxGap <= aMinute
}

// probes returns the requests that come at a fixed pace, the most frequent
// first.
func probesOf(rhythms *hitters[uint64, rhythm]) []Probe {
	var found []Probe
	for _, s := range rhythms.slots {
		if v := s.value; v.regular() {
			found = append(found, Probe{Peer: v.peer, Path: v.path, UserAgent: v.userAgent, Lines: v.n, key: s.key})
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
