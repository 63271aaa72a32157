package enrich

import (
	"bytes"
	"net/netip"
	"strconv"

	"clearhop/enrich/clientip"
	"clearhop/record"
	"clearhop/verdict"
)

// resolveClient hands what nginx logged to the resolver and keeps its answer.
func (w *Worker) resolveClient(r *record.Record) {
	a := &r.Access
	logged := func(text []byte, v record.Logged) clientip.Value {
		return clientip.Value{Text: text, Logged: a.Logged.Has(v), Guessed: a.Guessed.Has(v)}
	}
	e := &w.evidence
	w.extra = a.Extra
	e.RemoteAddr = logged(a.RemoteAddr, record.LoggedRemoteAddr)
	e.RealipRemoteAddr = logged(a.RealipRemoteAddr, record.LoggedRealipRemoteAddr)
	e.ProxyProtocolAddr = logged(a.ProxyProtocolAddr, record.LoggedProxyProtocolAddr)
	e.XForwardedFor = logged(a.XForwardedFor, record.LoggedXForwardedFor)
	e.XRealIP = logged(a.XRealIP, record.LoggedXRealIP)
	e.UserAgent = logged(a.UserAgent, record.LoggedUserAgent)
	e.BadRequest = a.BadRequest
	e.Method = a.Method
	e.Path = r.URL.Path
	e.Upstream = a.UpstreamAsked()
	e.VPCEndpoint = a.VPCEndpoint
	e.InsideErrorRecord = r.Doubt != record.NoDoubt
	e.Status = 0
	if a.Status.Valid && a.Status.N < 1000 {
		e.Status = int(a.Status.N)
	}
	w.answer.Provenance = r.Provenance // the record's lists are filled in place
	w.enricher.resolver.Load().Resolve(e, &w.answer)
	w.keepAnswer(r)
}

// resolveError answers for an error line about the PROXY protocol: such a
// connection has no access line.
func (w *Worker) resolveError(r *record.Record) {
	e := clientip.ErrorEvidence{Client: r.Error.Client, Message: r.Error.Message, Action: r.Error.Action, Doubt: r.Doubt}
	w.answer.Provenance = r.Provenance
	if w.enricher.resolver.Load().ResolveError(&e, &w.answer) {
		w.keepAnswer(r)
	}
}

// keepAnswer writes the resolver's answer into the record.
func (w *Worker) keepAnswer(r *record.Record) {
	a := &w.answer
	r.Client.IP = a.Client
	r.Client.SourceIP = a.Peer
	r.Client.Address = a.Address
	r.Provenance = a.Provenance
	setPorts(r)
	if len(r.Access.RemoteAddr) > 0 && !showsAddress(r, r.Access.RemoteAddr) {
		keep(r, "remote_addr", r.Access.RemoteAddr)
	}
}

// showsAddress reports whether the event has an address as the client, the peer or a
// hop.
func showsAddress(r *record.Record, text []byte) bool {
	c := &r.Client
	if bytes.Equal(c.Address, text) || isWritten(c.IP, text) || isWritten(c.SourceIP, text) {
		return true
	}
	for _, hop := range r.Provenance.Hops {
		if isWritten(hop, text) {
			return true
		}
	}
	for _, claim := range r.Provenance.Claimed {
		if bytes.Equal(claim, text) {
			return true
		}
	}
	return false
}

// isWritten reports whether text is the address, with or without an IPv4 address
// mapped to IPv6.
func isWritten(addr netip.Addr, text []byte) bool {
	var buf [64]byte
	return addr.IsValid() && bytes.Equal(addr.AppendTo(buf[:0]), bytes.TrimPrefix(text, mapped))
}

var mapped = []byte("::ffff:")

// setPorts tells whose ports were logged. $remote_port belongs to $remote_addr: if
// the log shows that the realip module replaced the peer, it is the port of the
// client. Otherwise it counts as the peer's.
func setPorts(r *record.Record) {
	a, c := &r.Access, &r.Client
	replaced := a.RealipRemoteAddr != nil && !bytes.Equal(a.RealipRemoteAddr, a.RemoteAddr)
	c.SourcePort = a.RealipRemotePort
	if !replaced && !c.SourcePort.Valid {
		c.SourcePort = a.RemotePort
	}
	switch field := r.Provenance.Field; {
	case field == verdict.ProxyProtocolAddr:
		c.Port = a.ProxyProtocolPort
	case field == verdict.RemoteAddr && (replaced || a.RealipRemotePort.Valid && a.RealipRemotePort != a.RemotePort):
		c.Port = a.RemotePort
	}
	if a.RemotePort.Valid && c.SourcePort != a.RemotePort && c.Port != a.RemotePort {
		keep(r, "remote_port", appendNumber(r, a.RemotePort.N))
	}
}

// appendNumber writes a number into scratch space.
func appendNumber(r *record.Record, n int64) []byte {
	scratch := r.Scratch()
	from := len(scratch)
	scratch = strconv.AppendInt(scratch, n, 10)
	r.SetScratch(scratch)
	return scratch[from:len(scratch):len(scratch)]
}

// keep puts a value that no field of the event has among the extra variables.
func keep(r *record.Record, name string, value []byte) {
	r.Access.Extra = append(r.Access.Extra, record.Pair{Name: name, Value: value})
}

// variables are those of a record that have no field of their own.
type variables []record.Pair

// header returns the value of a provider's header that the settings name as a
// field for the client.
func (v *variables) header(field verdict.Field) clientip.Value {
	for _, p := range *v {
		if p.Name == string(field) {
			return clientip.Value{Text: p.Value, Logged: true}
		}
	}
	return clientip.Value{}
}
