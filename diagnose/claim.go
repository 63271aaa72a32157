package diagnose

import (
	"bytes"

	"clearhop/record"
	"clearhop/verdict"
)

// A visitor can send any header, and many requests with it. So where only headers show
// a fault, what counts is how many visitors there are, and not how many lines they
// caused.

// restsOnVisitor reports whether only a header that the visitor may have sent shows the
// cause of a line. Where nginx's own variables show it, one visitor is enough:
//
//   - $realip_remote_addr is a proxy that writes the headers itself, or an address that
//     nginx must not believe.
//   - The PROXY protocol names another client than nginx took, or none.
func (c *Counters) restsOnVisitor(k cause, r *record.Record) bool {
	if k.reason != verdict.TrustsTooMuch && k.reason != verdict.FieldsDisagree {
		return false
	}
	a := &r.Access
	if a.Logged.Has(record.LoggedProxyProtocolAddr) {
		return len(a.ProxyProtocolAddr) > 0 && address(a.ProxyProtocolAddr) == address(a.RemoteAddr) ||
			len(a.RealipRemoteAddr) == 0 && len(a.ProxyProtocolAddr) == 0
	}
	if bytes.HasPrefix(a.RealipRemoteAddr, unixPeer) {
		return false
	}
	// Where the peer is the NLB, the client may come from the PROXY protocol, and all
	// headers from the visitor.
	peer := address(a.RealipRemoteAddr)
	return !peer.IsValid() || c.config.Chain.IsNode(peer)
}

// addClaim counts a line that only headers of the visitor show.
func (n *causeTally) addClaim(a *record.Access) {
	n.claims++
	count(&n.claimsKnown, a.Logged.Has(record.LoggedRealipRemoteAddr))
	n.claimants.add(a)
}

// isMoreThanFewVisitors reports whether more visitors show a cause than a few who play
// a trick. In a small log it takes most of the visitors, and most of the lines.
func (c *Counters) isMoreThanFewVisitors(k cause, n *causeTally) bool {
	if !c.isMoreThanVisitors(k, n) {
		return false
	}
	visitors := n.claimants.estimate()
	if visitors >= systematicMin || c.isOfHeaderInUse(k) {
		return true
	}
	lines, all := c.inSourcesOf(k)
	return n.lines*2 >= lines && visitors*2 >= all
}

// isOfHeaderInUse reports whether other lines show that the edge writes X-Real-IP only
// and the web hop does not read it. Then the web hop reads X-Forwarded-For, and only
// visitors write that.
func (c *Counters) isOfHeaderInUse(k cause) bool {
	unused := cause{verdict.RealipNotApplied, verdict.Web}
	n := c.causes[unused]
	return k.reason == verdict.FieldsDisagree && n != nil && n.forwarded*2 < n.lines && c.isFault(unused, n)
}

// inSourcesOf counts the judged lines, and the visitors, of the sources that show the
// cause.
func (c *Counters) inSourcesOf(k cause) (lines int64, visitors int) {
	for _, s := range c.sources {
		if s.causes[k] > 0 {
			lines += s.judged
			visitors += s.visitors.estimate()
		}
	}
	return lines, visitors
}

// A visitorCount estimates how many visitors at least sent some lines. A visitor may
// write $remote_addr where nginx believes him, or the end of a forwarded header where
// no proxy writes it, but not both. So it takes the smaller number of the two.
type visitorCount struct{ byRemote, byHeader distinct }

func (v *visitorCount) add(a *record.Access) {
	v.byRemote.add(hash(a.RemoteAddr))
	header := bytes.TrimRight(a.XForwardedFor, " ,")
	last := header[bytes.LastIndexAny(header, " ,")+1:]
	switch {
	case len(last) > 0:
	case len(a.XRealIP) > 0:
		last = a.XRealIP
	default:
		last = a.RemoteAddr
	}
	v.byHeader.add(hash(last))
}

func (v *visitorCount) estimate() int { return min(v.byRemote.estimate(), v.byHeader.estimate()) }
