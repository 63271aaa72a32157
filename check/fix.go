package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"clearhop/hop"
	"clearhop/nginxconf"
)

// A fixer finds what to change in the configurations of a run.
type fixer struct {
	*run
	edits []edit
	// wants says that the NLB is to send the PROXY protocol.
	wants bool
	done  map[*nginxconf.Directive]bool
}

// fixes returns the edits that put right what the sightings show. More may be needed when
// they are made: what no connection reached has not been seen.
func (r *run) fixes(wants bool) []edit {
	f := &fixer{run: r, wants: wants, done: map[*nginxconf.Directive]bool{}}
	for i := range r.seen {
		s := &r.seen[i]
		if s.visitor.way != throughNLB || s.visitor.before != "" {
			continue
		}
		f.listener(s)
		f.stream(s)
		if s.exchange != nil && s.exchange.Request.Refused == 0 {
			f.realip(s)
			f.handOn(s)
		}
	}
	return f.edits
}

func (f *fixer) add(e edit) { f.edits = append(f.edits, e) }

// listener lets a server wait for the PROXY protocol where it is sent, and only there.
func (f *fixer) listener(s *sighting) {
	l := s.answer.Listen
	if l == nil || f.done[l.Directive] || l.Name != "listen" {
		return
	}
	f.done[l.Directive] = true
	sent := s.hop == 0 && f.wants
	if s.hop > 0 || s.local {
		sent = s.proxied
	}
	for _, server := range slices.Concat(f.Confs[s.hop].Servers(), f.Confs[s.hop].Streams()) {
		for i := range server.Listens {
			o := &server.Listens[i]
			if o.Address.Port() != l.Address.Port() || o.Unix != l.Unix || o.Name != "listen" || o.ProxyProtocol == sent {
				continue
			}
			f.done[o.Directive] = true
			if sent {
				f.add(addWord(o.Directive, "proxy_protocol", "proxy_protocol is missing: this listener has to wait for the PROXY protocol"))
			} else {
				f.add(removeWord(o.Directive, "proxy_protocol", "this listener waits for the PROXY protocol, and nobody sends it"))
			}
		}
	}
}

// stream lets a server of stream pass on the PROXY protocol that it takes off.
func (f *fixer) stream(s *sighting) {
	p := s.answer.Proxied
	if p == nil || f.done[p.Level.Directive] || !s.answer.Listen.ProxyProtocol {
		return
	}
	f.done[p.Level.Directive] = true
	switch on := p.Level.Setting("proxy_protocol"); {
	case on == nil:
		f.addToServer(p.Level, []string{"proxy_protocol on;"}, "this server takes the PROXY protocol off and does not pass it on (proxy_protocol on)")
	case on.Arg(0) != "on":
		f.add(replaceArg(on, 0, "on", "this server takes the PROXY protocol off and does not pass it on (proxy_protocol on)"))
	}
}

// realip lets the server that a request reaches take the client from the hop before it.
func (f *fixer) realip(s *sighting) {
	level := s.exchange.Level
	server := level
	for server.Parent != nil && server.Name != "server" {
		server = server.Parent
	}
	peer := s.exchange.Peer()
	isProxy := s.hop > 0 || s.local || f.wants || slices.Contains(f.NLB.Addresses, peer)
	if !isProxy {
		f.trustNobody(level)
		return
	}
	header, needed := "X-Forwarded-For", []netip.Addr{peer}
	if s.hop == 0 && !s.local {
		header, needed = "proxy_protocol", f.NLB.Addresses
	} else if s.proxied {
		header = "proxy_protocol"
	}
	f.trust(server, level, needed, s.hop)
	f.header(server, level, header)
	if header == "X-Forwarded-For" && len(f.Confs) > 2 {
		f.recursive(server, level)
	}
}

// trustNobody removes the trust in visitors, where they are the peers.
func (f *fixer) trustNobody(level *nginxconf.Level) {
	for _, t := range level.Trusted() {
		if holdsVisitors(&t) && !f.done[t.Directive] {
			f.done[t.Directive] = true
			f.add(remove(t.Directive, t.Text+" holds every visitor, and a visitor writes X-Forwarded-For as he likes"))
		}
	}
}

func holdsVisitors(t *nginxconf.Trust) bool {
	return t.Prefix.IsValid() && (t.Prefix.Contains(visitor4) || t.Prefix.Contains(visitor6) || t.Prefix.Contains(forged))
}

// header sets real_ip_header. The realip module also knows the header of its default.
func (f *fixer) header(server, level *nginxconf.Level, want string) {
	is, d := level.RealIPHeader()
	if is == "x-real-ip" && want == "X-Forwarded-For" && d != nil || strings.EqualFold(is, want) {
		return
	}
	if d == nil {
		if !f.done[server.Directive] {
			f.done[server.Directive] = true
			f.addToServer(server, []string{"real_ip_header " + want + ";"}, "real_ip_header is missing, so the realip module looks at X-Real-IP")
		}
		return
	}
	if !f.done[d] {
		f.done[d] = true
		f.add(replaceArg(d, 0, want, fmt.Sprintf("%s is what a visitor can write here; the hop before names the client in %s", d.Arg(0), want)))
	}
}

// addToServer adds lines to a server, behind its listen directives or directives of the
// same kind.
func (f *fixer) addToServer(server *nginxconf.Level, lines []string, why string) {
	var last *nginxconf.Directive
	for _, d := range server.Block {
		if d.File == server.File && (d.Name == "listen" || d.Name == "server_name" || d.Name == "set_real_ip_from" || d.Name == "real_ip_header") {
			last = d
		}
	}
	if last != nil {
		f.add(addAfter(last, lines, why))
		return
	}
	f.add(addInside(server.Directive, lines, why))
}

// trust lets the realip module believe the peers that a hop has, and no visitor.
func (f *fixer) trust(server, level *nginxconf.Level, needed []netip.Addr, at int) {
	list := level.Trusted()
	missing := uncovered(list, needed)
	who := "the NLB"
	if at > 0 {
		who = "the hop before"
	}
	stale, last := f.stale(list, needed, len(missing) > 0)
	if len(missing) == 0 {
		return
	}
	switch {
	case stale != nil && !f.done[stale]:
		f.done[stale] = true
		why := fmt.Sprintf("set_real_ip_from %s does not hold %s, an address of %s", stale.Arg(0), strings.Join(missing, " and "), who)
		if t := nginxconf.NewTrust(stale); holdsVisitors(&t) {
			why = fmt.Sprintf("set_real_ip_from %s holds every visitor, so that a visitor can choose the address that is logged", t.Text)
		}
		f.add(replaceArg(stale, 0, missing[0], why))
		if len(missing) > 1 {
			f.add(addAfter(stale, trustLines(missing[1:]), ""))
		}
	case stale == nil && last != nil && !f.done[last]:
		f.done[last] = true
		f.add(addAfter(last, trustLines(missing), fmt.Sprintf("no set_real_ip_from holds %s, an address of %s", strings.Join(missing, " and "), who)))
	case last == nil && !f.done[level.Directive]:
		f.done[level.Directive] = true
		f.addToServer(server, trustLines(missing), fmt.Sprintf("set_real_ip_from is missing: the realip module believes nobody, not even %s", who))
	}
}

// uncovered returns the addresses that no set_real_ip_from holds, but for those that hold
// visitors too.
func uncovered(list []nginxconf.Trust, needed []netip.Addr) []string {
	var missing []string
	for _, a := range needed {
		if !slices.ContainsFunc(list, func(t nginxconf.Trust) bool { return covers(&t, a) && !holdsVisitors(&t) }) {
			missing = append(missing, textOf(a))
		}
	}
	return missing
}

// stale returns the first set_real_ip_from that holds visitors or none of the addresses,
// for a missing address to take its place, and the last one of all. Others that hold
// visitors are removed.
func (f *fixer) stale(list []nginxconf.Trust, needed []netip.Addr, isMissing bool) (stale, last *nginxconf.Directive) {
	for i := range list {
		t := &list[i]
		last = t.Directive
		useless := !t.IsName() && !slices.ContainsFunc(needed, func(a netip.Addr) bool { return covers(t, a) })
		switch {
		case isMissing && stale == nil && (useless || holdsVisitors(t)):
			stale = t.Directive
		case holdsVisitors(t) && !f.done[t.Directive]:
			f.done[t.Directive] = true
			f.add(remove(t.Directive, t.Text+" holds every visitor"))
		}
	}
	return stale, last
}

func trustLines(addresses []string) []string {
	lines := make([]string, len(addresses))
	for i, a := range addresses {
		lines[i] = "set_real_ip_from " + a + ";"
	}
	return lines
}

func covers(t *nginxconf.Trust, a netip.Addr) bool {
	if !a.IsValid() {
		return t.Unix
	}
	return t.Prefix.IsValid() && t.Prefix.Contains(a)
}

func textOf(a netip.Addr) string {
	if !a.IsValid() {
		return "unix:"
	}
	return a.String()
}

// recursive turns real_ip_recursive on, which more than one proxy needs.
func (f *fixer) recursive(server, level *nginxconf.Level) {
	on, d := level.IsRecursive()
	switch {
	case on:
	case d != nil && !f.done[d]:
		f.done[d] = true
		f.add(replaceArg(d, 0, "on", "without it the last address counts, which is a proxy's as soon as there are two"))
	case d == nil:
		f.addToServer(server, []string{"real_ip_recursive on;"}, "real_ip_recursive is missing: the last address counts, which is a proxy's as soon as there are two")
	}
}

// handOn lets a location pass the client on, in both headers.
func (f *fixer) handOn(s *sighting) {
	x := s.exchange
	if x.Pass == nil || f.done[x.Pass] {
		return
	}
	f.done[x.Pass] = true
	client := "$remote_addr"
	if s.hop == 0 && !s.local && f.wants || s.proxied {
		client = "$proxy_protocol_addr"
	}
	list, _ := x.Level.SetHeaders()
	var missing []string
	for _, name := range []string{"X-Real-IP", "X-Forwarded-For"} {
		i := slices.IndexFunc(list, func(d *nginxconf.Directive) bool { return strings.EqualFold(d.Arg(0), name) })
		if i < 0 {
			missing = append(missing, "proxy_set_header "+name+" "+client+";")
			continue
		}
		if s.hop == 0 {
			f.headerValue(list[i], name, client)
		}
	}
	if len(missing) > 0 && s.hop == 0 {
		f.addHeaders(x, list, missing)
	}
}

// headerValue lets a proxy_set_header pass the client on, unless it does so already.
func (f *fixer) headerValue(d *nginxconf.Directive, name, client string) {
	switch value := d.Arg(1); {
	case value == client, value == "$remote_addr", value == "$proxy_add_x_forwarded_for", f.done[d]:
	default:
		f.done[d] = true
		f.add(replaceArg(d, 1, client, fmt.Sprintf("it passes %s on as %s, and not the client", value, name)))
	}
}

// addHeaders adds proxy_set_header directives to a location, behind those that hold there.
func (f *fixer) addHeaders(x *hop.Exchange, list []*nginxconf.Directive, lines []string) {
	last := x.Pass
	isOwn := x.Level.Own("proxy_set_header") != nil
	for _, d := range list {
		if !isOwn || d.File == x.Pass.File {
			last = d
		}
	}
	f.add(addAfter(last, lines, "the headers that name the client are not set here: the visitor's own go on"))
}

// passedOn is the NLB as it is when what is to be changed is changed.
func (c *Chain) passedOn(wants bool) hop.NLB {
	n := c.NLB
	n.ProxyProtocolV2 = n.ProxyProtocolV2 || wants
	return n
}
