package diagnose

import (
	"net/netip"

	"clearhop/record"
	"clearhop/verdict"
)

// An insideTally counts the lines whose $remote_addr is one private address that is
// taken for the NLB's, because nobody gave the addresses of the chain.
type insideTally struct {
	lines  int64 // without health checks
	faults [verdict.NumReasons]int64
}

// addInside counts such a line.
func (v *Visitors) addInside(r *record.Record) {
	if v.survey == nil {
		return
	}
	v.survey.Add(r)
	if p := &r.Provenance; p.NLBPrivateIP && p.NLBInferred && p.Verdict != verdict.HealthCheck {
		if addr := address(r.Access.RemoteAddr); addr.IsValid() {
			n := v.inside.at(addr, 1)
			n.lines++
			if p.Reason.IsFault() {
				n.faults[p.Reason]++
			}
		}
	}
}

// Own are the lines of clients of your own: private addresses that count as the NLB's
// line by line, and that all lines together show to be clients. The doctor takes them
// for clients too.
type Own struct {
	Addresses []netip.Addr
	Lines     int64
	Faults    [verdict.NumReasons]int64 // of Lines, by reason
}

// Own says which private addresses are clients of your own. It finds none where the
// addresses of the chain are given, or hidden by privacy settings.
func (v *Visitors) Own() Own {
	var own Own
	if v.survey == nil {
		return own
	}
	for _, p := range v.survey.Roles().Internal {
		n := v.inside.known(p.Address)
		if n == nil {
			continue
		}
		own.Addresses = append(own.Addresses, p.Address)
		own.Lines += n.lines
		for reason, lines := range n.faults {
			own.Faults[reason] += lines
		}
	}
	return own
}
