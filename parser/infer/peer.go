package infer

import (
	"net/netip"
	"slices"
	"strings"

	"clearhop/parser"
	"clearhop/record"
)

// Nodes are what is known of the NLB's addresses. The zero value knows none.
type Nodes struct {
	// Contains reports whether an address is a node's; nil if none is known.
	Contains func(netip.Addr) bool
	// Given says that somebody gave the addresses: no other address is a node's.
	Given bool
}

// holds reports whether text is the address of a node, with or without a port.
func (n Nodes) holds(text string) bool {
	if n.Contains == nil {
		return false
	}
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return n.Contains(addr.Unmap())
	}
	addr, err := netip.ParseAddrPort(text)
	return err == nil && n.Contains(addr.Addr().Unmap())
}

// A Doubt is a column that may be the peer's address, although another one is read as
// $remote_addr. Then the other one may be a header, and lines that seem to be right may
// be those of a broken chain.
type Doubt struct {
	// Format reads the lines.
	Format string
	// Column is the variable, or the JSON key, under which the address stands.
	// "trailing" is no column, but the text behind combined.
	Column string
	// Client is the JSON key that is read as $remote_addr; "" in lines of a log_format.
	Client string
	// Lines is how many lines of the sample the format reads.
	Lines int
}

// The shares, in percent, and the numbers by which a column is judged.
const (
	nearlyAll    = 95
	fewAddresses = 8 // as many nodes as an NLB has in most regions, twice
	fewOf        = 5 // more addresses are few, if each of them stands in so many lines
)

// addressCount counts the values of a column.
type addressCount struct {
	given    int
	peers    int // that may be a peer's address
	private  int
	nodes    int // of the NLB
	distinct map[string]bool
}

func (c *addressCount) add(value string, nodes Nodes) {
	if value == "" || value == "-" {
		return
	}
	c.given++
	isNode := nodes.holds(value)
	if isNode || parser.MayBePeer([]byte(value)) {
		c.peers++
	}
	if isNode {
		c.nodes++
	}
	if isPrivate(value) {
		c.private++
	}
	if c.distinct == nil {
		c.distinct = map[string]bool{}
	}
	c.distinct[host(value)] = true
}

// host returns an address without its port.
func host(text string) string {
	if addr, err := netip.ParseAddrPort(text); err == nil {
		return addr.Addr().String()
	}
	return text
}

func isMost(n, all int) bool { return all > 0 && n*100 >= all*nearlyAll }

// areFew reports whether the addresses are as few as those of an NLB's nodes.
func (c *addressCount) areFew() bool {
	return len(c.distinct) <= fewAddresses || len(c.distinct)*fewOf <= c.given
}

// behavesAsPeer reports whether a column of so many lines can be the peer's behind an
// NLB: it always holds a node's address, or one of few private addresses. What somebody
// gave as the nodes may be out of date.
func (c *addressCount) behavesAsPeer(lines int, remote *addressCount) bool {
	switch {
	case !isMost(c.peers, lines):
		return false
	case isMost(c.nodes, c.given):
		return true
	case !c.areFew():
		return false
	case isMost(c.private, c.given):
		return true
	}
	// Nodes of an NLB with IPv6 targets have public addresses.
	return c.given >= 2*fewAddresses && remote != nil && len(remote.distinct) > 2*len(c.distinct)
}

// linePeers are the addresses in the lines of one format.
type linePeers struct {
	lines   int
	remote  addressCount
	names   []string // of columns, in the order of the lines
	columns map[string]*addressCount
	clients map[string]int // JSON keys that are read as $remote_addr
}

// columnPeers are the addresses in the lines of each format.
type columnPeers struct {
	set   *parser.Set
	nodes Nodes
	by    map[string]*linePeers
}

// add looks at a line that a format has read.
func (p *columnPeers) add(line string, r *record.Record) {
	a := &r.Access
	isJSON := strings.HasPrefix(line, "{")
	isKeyed := isJSON || r.Format == parser.LTSV
	f := p.by[r.Format]
	if f == nil {
		f = &linePeers{columns: map[string]*addressCount{}, clients: map[string]int{}}
		p.by[r.Format] = f
	}
	f.lines++
	if isKeyed && !a.Guessed.Has(record.LoggedRemoteAddr) || !isKeyed && !p.set.IsAuto() || len(a.RemoteAddr) == 0 {
		return
	}
	f.remote.add(string(a.RemoteAddr), p.nodes)
	switch {
	case isJSON:
		f.addKeys(p, line, string(a.RemoteAddr))
	case a.Guessed.Has(record.LoggedXForwardedFor):
		f.column("http_x_forwarded_for").add(string(a.XForwardedFor), p.nodes)
	}
	if a.Guessed.Has(record.LoggedXRealIP) {
		f.column("http_x_real_ip").add(string(a.XRealIP), p.nodes)
	}
	for _, extra := range a.Extra {
		switch {
		case isJSON:
		case extra.Name == "trailing":
			f.column(extra.Name).add(firstPeer(string(extra.Value)), p.nodes)
		case isKeyed && !p.isKnown(extra.Name), strings.HasPrefix(extra.Name, parser.Unnamed):
			f.column(extra.Name).add(string(extra.Value), p.nodes)
		}
	}
}

// isKnown reports whether a key means a variable, and not by convention the client.
func (p *columnPeers) isKnown(key string) bool {
	variable, ok := p.set.Key(key)
	return ok && variable != "remote_addr"
}

// addKeys looks at the keys of a JSON line.
func (f *linePeers) addKeys(p *columnPeers, line, remote string) {
	k := keyValues{values: map[string]*column{}}
	k.addLine(line)
	for _, name := range k.names {
		value := k.values[name].values[0]
		if variable, ok := p.set.Key(name); ok && variable == "remote_addr" && value == remote {
			f.clients[name]++
		} else if !p.isKnown(name) || name == "host" {
			f.column(name).add(value, p.nodes)
		}
	}
}

func (f *linePeers) column(name string) *addressCount {
	c := f.columns[name]
	if c == nil {
		if len(f.names) >= maxKeys {
			return &addressCount{}
		}
		c = &addressCount{}
		f.columns[name], f.names = c, append(f.names, name)
	}
	return c
}

// firstPeer returns the first word of text that may be a peer's address.
func firstPeer(text string) string {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\"'=,;|()<>", r) }) {
		if parser.MayBePeer([]byte(word)) {
			return word
		}
	}
	return ""
}

// doubts returns the formats in which a column behaves as the peer although another one
// is read as $remote_addr.
func (p *columnPeers) doubts(all int) (doubts []Doubt) {
	for format, f := range p.by {
		isBehindProxy := f.remote.nodes*10 > f.remote.given || !p.nodes.Given && f.remote.private*2 > f.remote.given
		if f.lines*100 < all*leftShare || isBehindProxy {
			continue // the lines show a proxy already, and acquit nobody
		}
		if name := f.otherPeer(); name != "" {
			doubts = append(doubts, Doubt{Format: format, Column: name, Client: mostFrequent(f.clients), Lines: f.lines})
		}
	}
	slices.SortFunc(doubts, func(a, b Doubt) int { return strings.Compare(a.Format, b.Format) })
	return doubts
}

// otherPeer returns the name of the column that behaves as the peer; "" if there is none.
func (f *linePeers) otherPeer() string {
	for _, name := range f.names {
		c := f.columns[name]
		isServers := parser.IsServerName([]byte(strings.ToLower(name))) && !isMost(c.nodes, c.given)
		if !isServers && c.behavesAsPeer(f.lines, &f.remote) {
			return name
		}
	}
	return ""
}

func mostFrequent(counts map[string]int) string {
	best := ""
	for name, n := range counts {
		if best == "" || n > counts[best] || n == counts[best] && name < best {
			best = name
		}
	}
	return best
}
