package clientip

import (
	"bytes"
	"net/netip"

	"clearhop/record"
	"clearhop/verdict"
)

// Most records of a healthy chain differ in one thing only: which public address the
// client has. The peer is the same, and each other variable is absent or has the client's
// address too. The rules look at addresses only through their class and by comparing them,
// so the answer is the same for each such client, but for its address. An Answer therefore
// remembers one plain record and what came of it. What the rules say is not repeated here,
// and resolve, which reads each record, is the oracle of the tests.

// A plainRecord is what was answered for a record without fault and without forged header.
type plainRecord struct {
	resolver *Resolver // nil: nothing is remembered
	shape    shape
	peer     [maxPeerText]byte // $realip_remote_addr as logged, if it is not the client's too
	peerText int               // how long it is
	peerAddr netip.Addr        // which address it is; never the client's, which can be written in several ways

	client     netip.Addr        // the public address in $remote_addr, which was the client's
	tcpPeer    netip.Addr        // Answer.Peer
	provenance record.Provenance // without its lists
	hops       [4]netip.Addr
}

// maxPeerText is longer than any address that nginx writes.
const maxPeerText = 48

// A shape says of each variable how it is logged, and how it relates to $remote_addr.
type shape struct{ remote, realip, proxy, xff, xri relation }

type relation struct{ logged, guessed, given, same bool }

// shapeOf returns the shape of a record; ok is false if it has anything beyond addresses
// that the answer may depend on.
func (r *Resolver) shapeOf(e *Evidence) (s shape, ok bool) {
	switch {
	case !r.plainFields, e.InsideErrorRecord, len(e.BadRequest) > 0, len(e.VPCEndpoint) > 0, !e.RemoteAddr.present(),
		len(e.RealipRemoteAddr.Text) > maxPeerText, bytes.HasPrefix(e.UserAgent.Text, healthChecker):
		return s, false
	}
	remote := e.RemoteAddr.Text
	s.remote, _ = relate(e.RemoteAddr, remote)
	s.realip, _ = relate(e.RealipRemoteAddr, remote)
	s.proxy, ok = relate(e.ProxyProtocolAddr, remote)
	if !ok {
		return s, false
	}
	if s.xff, ok = relate(e.XForwardedFor, remote); !ok {
		return s, false
	}
	if s.xri, ok = relate(e.XRealIP, remote); !ok {
		return s, false
	}
	return s, true
}

// relate compares a variable with $remote_addr. ok is false if it has another value.
func relate(v Value, remote []byte) (rel relation, ok bool) {
	rel = relation{logged: v.Logged, guessed: v.Guessed, given: v.present()}
	rel.same = rel.given && bytes.Equal(v.Text, remote)
	return rel, !rel.given || rel.same
}

// publicClient returns the address in $remote_addr if it is public and no set holds it.
func (r *Resolver) publicClient(e *Evidence) (netip.Addr, bool) {
	addr, ok := parseAddr(e.RemoteAddr.Text)
	return addr, ok && r.sets.classOf(addr) == outside && !IsPrivate(addr)
}

// isLike reports whether a record differs from the remembered one only in its client.
func (p *plainRecord) isLike(r *Resolver, e *Evidence, s shape, client netip.Addr) bool {
	return p.resolver == r && p.shape == s &&
		(s.realip.same || client != p.peerAddr && string(e.RealipRemoteAddr.Text) == string(p.peer[:p.peerText]))
}

// repeat writes the remembered answer to a, with another client.
func (p *plainRecord) repeat(client netip.Addr, a *Answer) {
	alternatives, hops, names, claimed := a.Alternatives, a.Hops, a.HopNames, a.Claimed
	a.Provenance = p.provenance
	a.Alternatives, a.HopNames, a.Claimed = alternatives, names, claimed
	a.Hops = hops
	for _, hop := range p.hops[:p.provenance.HopCount] {
		a.Hops = append(a.Hops, p.exchange(hop, client))
	}
	a.Client, a.Peer = client, p.exchange(p.tcpPeer, client)
}

// exchange returns client where the remembered record had its own.
func (p *plainRecord) exchange(addr, client netip.Addr) netip.Addr {
	if addr == p.client {
		return client
	}
	return addr
}

// keep remembers a record and its answer, if that is one that others can share.
func (p *plainRecord) keep(r *Resolver, e *Evidence, s shape, client netip.Addr, a *Answer) {
	if a.Reason != verdict.OK || a.Client != client || len(a.Alternatives) > 0 || a.ClaimedCount > 0 || a.HopCount > len(p.hops) {
		return
	}
	peerAddr, _ := parseAddr(e.RealipRemoteAddr.Text)
	if peerAddr == client && !s.realip.same {
		return
	}
	p.resolver, p.shape, p.client, p.peerAddr = r, s, client, peerAddr
	p.peerText = copy(p.peer[:], e.RealipRemoteAddr.Text)
	copy(p.hops[:], a.Hops)
	p.tcpPeer, p.provenance = a.Peer, a.Provenance
	p.provenance.Alternatives, p.provenance.Hops, p.provenance.HopNames, p.provenance.Claimed = nil, nil, nil, nil
}
