package privacy

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/netip"

	"clearhop/record"
)

// A Worker hides what the records of one goroutine hold.
type Worker struct {
	g     *Guard
	mac   hash.Hash
	sum   []byte
	buf   []byte // holds the texts that were changed
	alias []byte // holds the pseudonyms that are texts of their own

	// The last address and its pseudonym: most addresses of a record are equal.
	last     netip.Addr
	lastName [pseudonymBytes]byte
}

// pseudonymBytes is the length of a pseudonym: 128 bits in hexadecimal digits.
const pseudonymBytes = 32

// NewWorker makes a Worker.
func (g *Guard) NewWorker() *Worker {
	w := &Worker{g: g}
	if g.mode == Hash {
		w.mac = hmac.New(sha256.New, g.key)
	}
	return w
}

// maxKept bounds the buffers that a Worker keeps from record to record.
const maxKept = 256 << 10

// Apply hides what r holds. Changed texts belong to the Worker and hold until the
// next Apply. Apply also drops the parts of Record.Access that no event shows:
// what nginx logged of the client. Record.Line stays the line as it was read.
func (w *Worker) Apply(r *record.Record) {
	if cap(w.buf) > maxKept {
		w.buf = nil
	}
	w.buf, w.alias = w.buf[:0], w.alias[:0]
	w.redactQueries(r)
	if w.g.mode == None {
		return
	}
	w.hideUser(r)
	w.hideClient(r)
	w.hideTexts(r)
	w.dropSources(&r.Access)
}

// redactQueries removes the values of the keys from all texts that hold URLs.
func (w *Worker) redactQueries(r *record.Record) {
	if len(w.g.query) == 0 {
		return
	}
	a, e := &r.Access, &r.Error
	w.redact(&r.URL.Original, inURL)
	w.redact(&r.URL.Query, inQuery)
	w.redact(&a.Referer, inURL)
	w.redact(&e.Referrer, inURL)
	for _, text := range [...]*[]byte{&r.Original, &a.BadRequest, &a.UserAgent, &e.Message, &e.Action, &e.Request, &e.Subrequest, &e.Upstream} {
		w.redact(text, inText)
	}
	for i := range a.Extra {
		in := inText
		switch a.Extra[i].Name {
		case "args", "query_string":
			in = inQuery
		case "request_uri":
			in = inURL
		}
		w.redact(&a.Extra[i].Value, in)
	}
	// No event shows these, but they hold the values.
	a.RequestTarget, a.Args = r.URL.Original, r.URL.Query
}

func (w *Worker) redact(text *[]byte, in place) {
	from := len(w.buf)
	copied := 0
	for i := 0; ; {
		start, end, ok := nextValue(*text, i, w.g.query, in)
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

// replace makes text the bytes of the buffer since from, and the rest of text
// that was not copied yet. If nothing was copied, text stays as it is.
func (w *Worker) replace(text *[]byte, from, copied int) {
	if copied > 0 {
		w.buf = append(w.buf, (*text)[copied:]...)
		*text = w.buf[from:len(w.buf):len(w.buf)]
	}
}

// hideClient hides the addresses that have fields of their own. A truncated
// address stays in its field; a pseudonym is not an address and moves to another.
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

// hideAddr truncates an address, or clears it and sets name to its pseudonym.
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

// truncate returns the network of an address. A 6to4 address holds an IPv4 address,
// and its network is that of the IPv4 address.
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
		return netip.Addr{} // it does not happen: every address has so many bits
	}
	return network.Addr()
}

var sixToFour = netip.MustParsePrefix("2002::/16")

// appendHidden appends what replaces an address.
func (w *Worker) appendHidden(dst []byte, addr netip.Addr) []byte {
	if w.g.mode == Truncate {
		return truncate(addr).AppendTo(dst)
	}
	if addr != w.last {
		b := addr.As16()
		w.pseudonym(w.lastName[:0], anAddress, b[:])
		w.last = addr
	}
	return append(dst, w.lastName[:]...)
}

// What a pseudonym stands for. An address and a user never share one.
const (
	anAddress = 'a'
	aUser     = 'u'
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

// hideTexts hides the addresses inside texts: in all texts of a record except
// those that the operator writes.
func (w *Worker) hideTexts(r *record.Record) {
	a, e, u, v := &r.Access, &r.Error, &r.URL, &r.Envelope
	agent := a.UserAgent
	for _, text := range [...]*[]byte{
		&r.Original, &r.Client.Address, &r.Client.SourceAddress,
		&u.Original, &u.Path, &u.Query, &u.Extension, &u.Domain, &u.Scheme,
		&a.Method, &a.Protocol, &a.BadRequest, &a.ContentType, &a.RequestID, &a.Referer, &a.UserAgent,
		&a.TLSProtocol, &a.TLSCipher, &a.TLSServerName,
		&e.Level, &e.Message, &e.ErrnoText, &e.Action, &e.Client, &e.Server, &e.Request, &e.Subrequest, &e.Host, &e.Referrer,
		&v.ID, &v.Name, &v.Type, &v.Cluster, &v.Space, &v.Resource,
	} {
		w.hideText(text, w.g.stays)
	}
	hideParts(r, agent)
	for i := range r.Provenance.Claimed {
		w.hideText(&r.Provenance.Claimed[i], w.g.stays)
	}
	for i := range a.Extra {
		if a.Extra[i].Name == binaryAddress {
			a.Extra[i].Value, r.Original = []byte(redacted), nil
		}
		w.hideText(&a.Extra[i].Value, w.g.stays)
		if _, _, _, found := find([]byte(a.Extra[i].Name), 0); found { // a key of a JSON log
			a.Extra[i].Name = redacted
		}
	}
	for i := range a.Upstream {
		w.hideText(&a.Upstream[i].Address, w.isServer)
		w.hideText(&a.Upstream[i].CacheStatus, w.g.stays)
	}
	w.hideUpstream(e)
}

// hideParts drops parts of a text that the hidden text does not hold any more: the
// extension of /203.0.113.9 is 9. agent is the user agent as it was before.
func hideParts(r *record.Record, agent []byte) {
	u := &r.URL
	if stem, ok := bytes.CutSuffix(u.Path, u.Extension); !ok || !bytes.HasSuffix(stem, []byte(".")) {
		u.Extension = nil
	}
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

// binaryAddress is the variable that holds an address as four or sixteen bytes.
const binaryAddress = "binary_remote_addr"

// isServer reports whether the address of an upstream server stays. A private one
// belongs to a server of the operator.
func (w *Worker) isServer(addr netip.Addr) bool {
	return addr.IsPrivate() || addr.IsLoopback() || w.g.stays(addr)
}

// hideUpstream hides the addresses in "http://10.0.1.5:8080/path?query". Everything
// behind the server comes from the visitor.
func (w *Worker) hideUpstream(e *record.ErrorLine) {
	server, rest := e.Upstream, []byte(nil)
	if i := bytes.Index(server, []byte("://")); i >= 0 {
		if n := bytes.IndexByte(server[i+3:], '/'); n >= 0 {
			server, rest = server[:i+3+n], server[i+3+n:]
		}
	}
	before, behind := server, rest
	w.hideText(&server, w.isServer)
	w.hideText(&rest, w.g.stays)
	if len(server) == len(before) && len(rest) == len(behind) && bytes.Equal(server, before) && bytes.Equal(rest, behind) {
		return
	}
	from := len(w.buf)
	w.buf = append(append(w.buf, server...), rest...)
	e.Upstream = w.buf[from:len(w.buf):len(w.buf)]
}

func (w *Worker) hideText(text *[]byte, stays func(netip.Addr) bool) {
	from := len(w.buf)
	copied := 0
	for i := 0; ; {
		addr, start, end, ok := find(*text, i)
		if !ok {
			break
		}
		if !stays(addr) {
			w.buf = append(w.buf, (*text)[copied:start]...)
			w.buf = w.appendHidden(w.buf, addr)
			copied = end
		}
		i = end
	}
	w.replace(text, from, copied)
}

// dropSources drops the parts that no event shows.
func (w *Worker) dropSources(a *record.Access) {
	for _, text := range [...]*[]byte{
		&a.RemoteAddr, &a.RealipRemoteAddr, &a.ProxyProtocolAddr, &a.XForwardedFor, &a.XRealIP,
		&a.RequestTarget, &a.URI, &a.Args, &a.Host, &a.HTTPHost,
	} {
		*text = nil
	}
}
