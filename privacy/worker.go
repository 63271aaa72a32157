package privacy

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/netip"

	"clearhop/internal/address"
	"clearhop/record"
)

// A Worker hides visitors in the records of one goroutine.
type Worker struct {
	g     *Guard
	mac   hash.Hash
	sum   []byte
	buf   []byte // the texts that were changed
	alias []byte // the pseudonyms that are texts of their own
	id    []byte // what an id is made of
	names *names // of addresses; nil unless the mode is Hash
}

// pseudonymBytes is the length of a pseudonym: 128 bits in hexadecimal digits.
const pseudonymBytes = 32

// NewWorker returns a Worker for one goroutine.
func (g *Guard) NewWorker() *Worker {
	w := &Worker{g: g}
	if g.mode == Hash {
		w.mac = hmac.New(sha256.New, g.key)
		w.names = new(names)
	}
	return w
}

// maxKept is the size of the largest buffer, in bytes, that a Worker keeps from
// record to record.
const maxKept = 256 << 10

// Apply hides visitors in r. Changed texts are in the Worker's memory and are valid
// until the next Apply. Apply removes the parts of Record.Access that no event
// shows, such as the addresses that nginx logged. It does not change Record.Line.
func (w *Worker) Apply(r *record.Record) {
	w.reset()
	// This comes first, because the fields tell which values to look for in the line.
	w.hideLine(r, &r.Original, w.g.stays)
	w.redactQueries(r)
	w.redactSecrets(r)
	if w.g.mode == None {
		return
	}
	w.hideUser(r)
	w.hideCut(r)
	w.hideClient(r)
	w.hideTexts(r)
	w.dropSources(&r.Access)
}

// reset forgets the texts of the record before.
func (w *Worker) reset() {
	if cap(w.buf) > maxKept {
		w.buf = nil
	}
	w.buf, w.alias = w.buf[:0], w.alias[:0]
}

// redactQueries replaces the values of the keys in all texts that can hold a URL.
func (w *Worker) redactQueries(r *record.Record) {
	if len(w.g.query) == 0 {
		return
	}
	a, e, u, v := &r.Access, &r.Error, &r.URL, &r.Envelope
	path := u.Path
	for _, text := range [...]*[]byte{&u.Original, &u.Path, &a.URI, &a.Referer, &e.Referrer} {
		w.redact(text, inURL)
	}
	if !bytes.Equal(path, u.Path) {
		hideExtension(u)
	}
	w.redact(&u.Query, inQuery)
	for _, text := range [...]*[]byte{&a.BadRequest, &e.Request, &e.Subrequest, &e.Upstream} {
		w.redact(text, inRequest)
	}
	for _, text := range [...]*[]byte{
		&r.Client.Address, &r.Client.SourceAddress, &u.Domain, &u.Scheme,
		&a.Method, &a.Protocol, &a.ContentType, &a.RequestID, &a.UserAgent, &a.XForwardedFor, &a.XRealIP, &a.Host, &a.HTTPHost,
		&a.TLSProtocol, &a.TLSCipher, &a.TLSServerName,
		&e.ErrnoText, &e.Action, &e.Client, &e.Server, &e.Host,
		&v.ID, &v.Name, &v.Type, &v.Cluster, &v.Space, &v.Resource, &v.LogGroup, &v.LogStream,
	} {
		w.redact(text, inText)
	}
	w.redact(&e.Message, inMessage)
	for i := range r.Provenance.Claimed {
		w.redact(&r.Provenance.Claimed[i], inText)
	}
	for i := range a.Upstream {
		w.redact(&a.Upstream[i].Address, inText)
	}
	for i := range a.Extra {
		w.redact(&a.Extra[i].Value, placeOf(a.Extra[i].Name))
	}
	// These still hold the values. No event shows them.
	a.RequestTarget, a.Args, a.Request = u.Original, u.Query, nil
}

// placeOf returns the place that the value of a variable is.
func placeOf(name string) place {
	switch name {
	case "args", "query_string":
		return inQuery
	case "request_uri", "uri", "document_uri":
		return inURL
	case "request":
		return inRequest
	}
	return inText
}

// redact replaces the values of the keys in text.
func (w *Worker) redact(text *[]byte, in place) {
	s := search{text: *text, keys: w.g.query, in: in}
	from := len(w.buf)
	copied := 0
	for i := 0; ; {
		start, end, ok := s.next(i)
		if !ok {
			break
		}
		if start < end {
			w.buf = append(append(w.buf, (*text)[copied:start]...), redacted...)
			copied = end
		}
		i = end
	}
	w.replace(text, from, copied)
}

// replace ends a change of text. The buffer has the changed text from index from
// on; the rest of text, from copied on, is appended. If copied is 0, nothing was
// changed.
func (w *Worker) replace(text *[]byte, from, copied int) {
	if copied > 0 {
		w.buf = append(w.buf, (*text)[copied:]...)
		*text = w.buf[from:len(w.buf):len(w.buf)]
	}
}

// hideClient hides the addresses that have fields of their own. A truncated address
// stays in its field. A pseudonym is not an address, so it goes into a field for
// names.
func (w *Worker) hideClient(r *record.Record) {
	c, p := &r.Client, &r.Provenance
	w.hideAddr(&c.IP, &c.Address)
	w.hideAddr(&c.SourceIP, &c.SourceAddress)
	for i := range p.Hops {
		var name []byte
		if w.hideAddr(&p.Hops[i], &name); name != nil {
			p.SetHopName(i, name)
		}
	}
}

// hideAddr truncates an address in place, or replaces it by a pseudonym in name.
func (w *Worker) hideAddr(addr *netip.Addr, name *[]byte) {
	switch {
	case !addr.IsValid() || w.g.stays(*addr):
	case w.g.mode == Truncate:
		*addr = truncate(*addr)
	default:
		from := len(w.alias)
		w.alias = w.appendHidden(w.alias, *addr)
		*addr, *name = netip.Addr{}, w.alias[from:len(w.alias):len(w.alias)]
	}
}

// truncate returns the network of an address: /48, or /24 of an IPv4 address. A 6to4
// address contains an IPv4 address, of which it keeps the /24.
func truncate(addr netip.Addr) netip.Addr {
	bits := 48
	switch {
	case addr.Is4():
		bits = 24
	case sixToFour.Contains(addr):
		bits = sixToFour.Bits() + 24
	}
	network, err := addr.Prefix(bits)
	if err != nil {
		return netip.Addr{} // cannot happen: every address has so many bits
	}
	return network.Addr()
}

var sixToFour = netip.MustParsePrefix("2002::/16")

// appendHidden appends what replaces an address.
func (w *Worker) appendHidden(dst []byte, addr netip.Addr) []byte {
	if w.g.mode == Truncate {
		return truncate(addr).AppendTo(dst)
	}
	b := addr.As16()
	known := w.names.get(&b)
	if known == nil {
		known = w.names.add(&b)
		w.pseudonym(known[:0], anAddress, b[:])
	}
	return append(dst, known[:]...)
}

// What a pseudonym stands for. It is part of the pseudonym's input, so an address,
// a user and an event never have the same one.
const (
	anAddress = 'a'
	aUser     = 'u'
	anID      = 'i'
	aHash     = 'h'
)

// pseudonym appends the pseudonym of an identity.
func (w *Worker) pseudonym(dst []byte, kind byte, identity []byte) []byte {
	w.mac.Reset()
	w.sum = append(w.sum[:0], kind)
	w.sum = append(w.sum, identity...)
	w.mac.Write(w.sum)
	w.sum = w.mac.Sum(w.sum[:0])
	return hex.AppendEncode(dst, w.sum[:pseudonymBytes/2])
}

// hideTexts hides the addresses inside all texts, except those that the operator
// writes.
func (w *Worker) hideTexts(r *record.Record) {
	a, e, u, v := &r.Access, &r.Error, &r.URL, &r.Envelope
	agent := a.UserAgent
	for _, text := range [...]*[]byte{
		&r.Client.Address, &r.Client.SourceAddress,
		&u.Original, &u.Path, &u.Query, &u.Extension, &u.Domain, &u.Scheme,
		&a.Method, &a.Protocol, &a.BadRequest, &a.ContentType, &a.RequestID, &a.Referer, &a.UserAgent,
		&a.TLSProtocol, &a.TLSCipher, &a.TLSServerName,
		&e.Level, &e.Message, &e.ErrnoText, &e.Action, &e.Server, &e.Request, &e.Subrequest, &e.Host, &e.Referrer,
		&v.ID, &v.Name, &v.Type, &v.Cluster, &v.Space, &v.Resource, &v.LogGroup, &v.LogStream,
	} {
		w.hideText(text, w.g.stays)
	}
	hideParts(r, agent)
	for i := range r.Provenance.Claimed {
		w.hideText(&r.Provenance.Claimed[i], w.g.stays)
	}
	for i := range a.Extra {
		if a.Extra[i].Name == binaryAddress {
			a.Extra[i].Value = redactedValue
		}
		w.hideText(&a.Extra[i].Value, w.g.stays)
		if _, found := address.Find([]byte(a.Extra[i].Name), 0); found { // a key of a JSON log
			a.Extra[i].Name = redacted
		}
	}
	for i := range a.Upstream {
		w.hideText(&a.Upstream[i].Address, w.isServer)
		w.hideText(&a.Upstream[i].CacheStatus, w.g.stays)
	}
	w.hideUpstream(e)
}

// hideExtension removes an extension that the path no longer has.
func hideExtension(u *record.URL) {
	if stem, ok := bytes.CutSuffix(u.Path, u.Extension); !ok || !bytes.HasSuffix(stem, []byte(".")) {
		u.Extension = nil
	}
}

// hideParts removes the parts of texts that hiding has removed from the text itself:
// the extension of /203.0.113.9 is 9. agent is the user agent before hiding.
func hideParts(r *record.Record, agent []byte) {
	hideExtension(&r.URL)
	now := r.Access.UserAgent
	if bytes.Equal(now, agent) {
		return
	}
	for _, part := range [...]*string{
		&r.UserAgent.Name, &r.UserAgent.Version, &r.UserAgent.OSName, &r.UserAgent.OSVersion, &r.UserAgent.DeviceName,
	} {
		if !bytes.Contains(now, []byte(*part)) && bytes.Contains(agent, []byte(*part)) {
			*part = ""
		}
	}
}

// binaryAddress is nginx's variable with an address of four or sixteen bytes.
const binaryAddress = "binary_remote_addr"

// isServer reports whether the address of an upstream server is kept. A private
// address is one of the operator's servers.
func (w *Worker) isServer(addr netip.Addr) bool {
	return addr.IsPrivate() || addr.IsLoopback() || w.g.stays(addr)
}

// hideUpstream hides the addresses in "http://10.0.1.5:8080/path?query". What
// follows the server comes from the visitor.
func (w *Worker) hideUpstream(e *record.ErrorLine) {
	server, rest := e.Upstream, []byte(nil)
	if i := bytes.Index(server, []byte("://")); i >= 0 {
		if n := bytes.IndexByte(server[i+3:], '/'); n >= 0 {
			server, rest = server[:i+3+n], server[i+3+n:]
		}
	}
	oldServer, oldRest := server, rest
	w.hideText(&server, w.isServer)
	w.hideText(&rest, w.g.stays)
	if bytes.Equal(server, oldServer) && bytes.Equal(rest, oldRest) {
		return
	}
	from := len(w.buf)
	w.buf = append(append(w.buf, server...), rest...)
	e.Upstream = w.buf[from:len(w.buf):len(w.buf)]
}

// hideText hides the addresses in text, except those that stay.
func (w *Worker) hideText(text *[]byte, stays func(netip.Addr) bool) { w.hideEnd(text, stays, whole) }

// hideEnd is hideText for a text whose end may have been cut off.
func (w *Worker) hideEnd(text *[]byte, stays func(netip.Addr) bool, d doubt) {
	if len(*text) == 0 {
		return
	}
	from := len(w.buf)
	copied := 0
	for i := 0; ; {
		f, ok := address.Find(*text, i)
		if !ok {
			if start, ok := w.headIn(*text, i, d); ok {
				w.buf = append(append(w.buf, (*text)[copied:start]...), redacted...)
				copied = len(*text)
			}
			break
		}
		i = f.End
		if f.Addr.IsValid() && stays(f.Addr) {
			continue
		}
		w.buf = append(w.buf, (*text)[copied:f.Start]...)
		if f.Whole && w.g.mode == Truncate || !f.Addr.IsValid() {
			w.buf = append(w.buf, redacted...)
		} else {
			w.buf = w.appendHidden(w.buf, f.Addr)
		}
		copied = f.End
	}
	w.replace(text, from, copied)
}

// dropSources removes the parts that no event shows.
func (w *Worker) dropSources(a *record.Access) {
	for _, text := range [...]*[]byte{
		&a.RemoteAddr, &a.RealipRemoteAddr, &a.ProxyProtocolAddr, &a.XForwardedFor, &a.XRealIP, &a.Forwarded,
		&a.Request, &a.RequestTarget, &a.URI, &a.Args, &a.Host, &a.HTTPHost,
	} {
		*text = nil
	}
}
