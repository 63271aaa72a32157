package diagnose

import (
	"net/netip"

	"clearhop/record"
	"clearhop/verdict"
)

// A joiner finds the lines that two hops wrote of one request, by the id that
// both logged. What it waits for is bounded: where there are too many requests
// it goes on with every second one, every fourth, and so on, the same ones in
// all logs.
type joiner struct {
	waiting map[uint64]half
	mask    uint64
	result  Joined
}

const (
	maxWaiting   = 1 << 16
	minRequestID = 8 // bytes; less is no id
)

// A half is the line of one hop.
type half struct {
	source uint32
	hop    verdict.Hop // NoHop where the line alone does not tell
	header bool
	remote netip.Addr
	client netip.Addr // only where somebody vouches for it
	handed netip.Addr // the client of the forwarded header; a proxy if there is none
}

// requestIDs returns the ids that a hop logged of a request: its own, and the
// one that the hop before handed on.
func requestIDs(r *record.Record) (ids [2][]byte) {
	ids[0] = r.Access.RequestID
	for i := range r.Access.Extra {
		if p := &r.Access.Extra[i]; p.Name == "http_x_request_id" && string(p.Value) != string(ids[0]) {
			ids[1] = p.Value
		}
	}
	return ids
}

func (j *joiner) add(r *record.Record, h half, isProxy func(netip.Addr) bool) {
	for _, id := range requestIDs(r) {
		if len(id) < minRequestID {
			continue
		}
		key := hash(id)
		if key&j.mask != 0 {
			continue
		}
		other, ok := j.waiting[key]
		switch {
		case !ok:
			if len(j.waiting) >= maxWaiting {
				j.sampleHalf()
			}
			if key&j.mask == 0 {
				j.waiting[key] = h
			}
		case other.source != h.source:
			j.pair(other, h, isProxy)
			delete(j.waiting, key)
			return
		}
	}
}

func (j *joiner) sampleHalf() {
	j.mask = j.mask<<1 | 1
	j.result.Sampled = true
	for key := range j.waiting {
		if key&j.mask != 0 {
			delete(j.waiting, key)
		}
	}
}

func (j *joiner) pair(a, b half, isProxy func(netip.Addr) bool) {
	var edge, web half
	switch {
	case a.hop != b.hop && (a.hop == verdict.Edge || b.hop == verdict.Web):
		edge, web = a, b
	case a.hop != b.hop:
		edge, web = b, a
	case a.hop == verdict.NoHop && a.header != b.header:
		edge, web = a, b
		if a.header {
			edge, web = b, a
		}
	default:
		return // two lines of one hop
	}
	j.result.Requests++
	handedClient := web.handed.IsValid() && !isProxy(web.handed) && (!edge.client.IsValid() || edge.client == web.handed)
	switch {
	case !handedClient && edge.client.IsValid():
		j.result.EdgeHandsOn++
	case !handedClient:
		j.result.BeforeEdge++
	case web.remote != web.handed:
		j.result.Web++
	case isProxy(edge.remote):
		j.result.EdgeOwnLog++
	default:
		j.result.Right++
	}
}
