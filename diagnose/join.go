package diagnose

import (
	"net/netip"

	"clearhop/record"
	"clearhop/verdict"
)

// A joiner finds the lines that two hops wrote about one request, by the id that
// both logged. What it keeps is bounded: where there are too many requests, it
// goes on with every second one, then with every fourth, and so on. The choice
// rests on the id, so it is the same in all logs.
type joiner struct {
	waiting map[uint64]hopLine
	mask    uint64 // requests are joined whose hash has none of these bits
	result  Joined
}

const (
	maxWaiting   = 1 << 16
	minRequestID = 8 // bytes; anything shorter is no id
)

// A hopLine is what a line of one hop says about a request.
type hopLine struct {
	source uint32
	hop    verdict.Hop // NoHop where the line alone does not say it
	header bool        // a forwarded header has a value
	remote netip.Addr
	unix   bool       // $remote_addr is a peer on a Unix-domain socket
	client netip.Addr // valid only where a trusted hop vouches for it
	handed netip.Addr // the client in the forwarded header; a proxy if there is none
}

// requestIDs returns the ids that a hop logged for a request: its own, and the
// one that the hop before it passed on.
func requestIDs(r *record.Record) (ids [2][]byte) {
	ids[0] = r.Access.RequestID
	for i := range r.Access.Extra {
		if p := &r.Access.Extra[i]; p.Name == "http_x_request_id" && string(p.Value) != string(ids[0]) {
			ids[1] = p.Value
		}
	}
	return ids
}

func (j *joiner) add(r *record.Record, l hopLine, isProxy func(netip.Addr) bool) {
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
				j.dropEverySecond()
			}
			if key&j.mask == 0 {
				j.waiting[key] = l
			}
		case other.source != l.source:
			j.join(other, l, isProxy)
			delete(j.waiting, key)
			return
		}
	}
}

func (j *joiner) dropEverySecond() {
	j.mask = j.mask<<1 | 1
	j.result.Sampled = true
	for key := range j.waiting {
		if key&j.mask != 0 {
			delete(j.waiting, key)
		}
	}
}

// join counts a request of which two sources have a line.
func (j *joiner) join(a, b hopLine, isProxy func(netip.Addr) bool) {
	edge, web, ok := inOrder(a, b)
	if !ok {
		return
	}
	j.result.Requests++
	handedClient := web.handed.IsValid() && !isProxy(web.handed) && (!edge.client.IsValid() || edge.client == web.handed)
	switch {
	case !handedClient && edge.client.IsValid():
		j.result.EdgeHandsOn++
	case !handedClient:
		j.result.BeforeEdge++
	case web.unix || isProxy(web.remote):
		j.result.Web++
	case !web.remote.IsValid():
		j.result.WebMasked++
	case web.remote != web.handed:
		j.result.WebOther++
	case isProxy(edge.remote):
		j.result.EdgeOwnLog++
	default:
		j.result.Right++
	}
}

// inOrder says which of two lines is the edge's and which is the web hop's. It
// fails for two lines of one hop.
func inOrder(a, b hopLine) (edge, web hopLine, ok bool) {
	switch {
	case a.hop != b.hop && (a.hop == verdict.Edge || b.hop == verdict.Web):
		return a, b, true
	case a.hop != b.hop:
		return b, a, true
	case a.hop == verdict.NoHop && a.header != b.header:
		if a.header {
			return b, a, true
		}
		return a, b, true
	}
	return hopLine{}, hopLine{}, false
}
