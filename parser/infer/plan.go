package infer

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"clearhop/parser"
	"clearhop/record"
)

// A Plan says how the lines of one stream are read, and what of it is not proven.
type Plan struct {
	// Set reads the stream. It is the Set given to Decide, or one that the lines have
	// revised.
	Set *parser.Set
	// Lines is how many lines of the sample are no error lines and no chatter.
	Lines int
	// Formats are the formats that read them, the most frequent first.
	Formats []FormatCount
	// Inferred is a format that was inferred; nil if there is none. It is part of Set
	// only if Taken.
	Inferred *Proposal
	Taken    bool
	// Guessed are the headers of known formats that hold addresses in some lines. The
	// format was not named, so they are guesses.
	Guessed record.Logged
	// Unparsed is how many lines no format reads; UnparsedLine is the first of them.
	Unparsed     int
	UnparsedLine string
	// Doubts are columns that may be the peer's address, in the formats that most lines
	// have. Set marks the lines of these formats with record.LoggedOtherPeer.
	Doubts []Doubt
	// Keys is what is known of JSON keys that mean no variable; nil if there are none.
	Keys *KeyProposal

	misread bool // what the known formats read in the lines cannot be
	nodes   Nodes
}

// A FormatCount says how many lines of the sample a format reads.
type FormatCount struct {
	Name  string
	Lines int
}

// leftShare is the least part of the lines, in percent, that a format is inferred
// for: a few odd lines of another program are no format.
const leftShare = 5

// Decide looks at a sample of a stream, and decides how set is to read it. nodes are
// those of the NLB.
func Decide(set *parser.Set, sample []string, nodes Nodes) *Plan {
	p := &Plan{Set: set, nodes: nodes}
	lines := others(set.Clone(), sample)
	p.Lines = len(lines)
	verdicts := map[*parser.GuessedFormat]headerUse{}
	for _, g := range set.Guesses() {
		verdicts[g] = useOf(g, lines)
	}
	revise := func(g *parser.GuessedFormat) *parser.GuessedFormat {
		switch verdicts[g] {
		case isOther:
			return nil
		case isHeader:
			return g.Believed()
		}
		return g
	}
	p.Set = set.Revise(revise, false)
	left := p.read(p.Set.Clone(), lines)
	proposal, first := p.whole(lines, len(left)), true
	if proposal == nil {
		proposal, first = LogFormat(left, nodes), false
	}
	if proposal != nil && proposal.Lines*100 >= len(lines)*leftShare {
		p.Inferred = proposal
		if p.Taken = set.IsAuto(); p.Taken {
			p.Set = set.Revise(revise, first, proposal.LineFormat())
			p.read(p.Set.Clone(), lines)
		}
	}
	p.Keys = Keys(set, lines)
	var doubtful []string
	for _, d := range p.Doubts {
		doubtful = append(doubtful, d.Format)
	}
	p.Set = p.Set.Doubt(doubtful)
	return p
}

// others returns the lines of a sample that are no chatter and no part of an error
// record. set reads the lines that may stand between those of a record.
func others(set *parser.Set, sample []string) []string {
	var lines []string
	var join parser.ErrorJoin
	for i := 0; i < len(sample); i++ {
		line := []byte(sample[i])
		switch {
		case join.Start(line):
			i += recordEnd(&join, set, sample[i+1:])
		case len(line) == 0 || parser.IsErrorLine(line) || parser.IsChatter(line):
		default:
			lines = append(lines, sample[i])
		}
	}
	return lines
}

// recordEnd returns how many of the lines belong to the error record that join began,
// with those between them; 0 if the record does not go on.
func recordEnd(join *parser.ErrorJoin, set *parser.Set, lines []string) int {
	var r record.Record
	for i, line := range lines {
		r.Reset()
		switch join.Add([]byte(line), set.Parse([]byte(line), &r) == nil) {
		case parser.JoinDone:
			return i + 1
		case parser.JoinBroken:
			return 0
		}
	}
	return 0
}

// whole infers one format for all lines, where the known formats read most of them but
// not rightly: the first column holds no peer, which is never absent and never a list,
// or a name of a user holds other columns. It returns nil if there is no such format.
func (p *Plan) whole(lines []string, left int) *Proposal {
	if !p.misread && (left == 0 || left*2 > len(lines)) {
		return nil
	}
	proposal := LogFormat(lines, p.nodes)
	if proposal == nil || proposal.hasText || proposal.Read*100 < len(lines)*98 {
		return nil
	}
	return proposal
}

// read counts by format what set reads. It returns the lines that no format reads, or
// only the one that takes anything behind combined.
func (p *Plan) read(set *parser.Set, lines []string) (left []string) {
	p.Unparsed, p.UnparsedLine, p.Guessed = 0, "", 0
	counts := map[string]int{}
	var peers peerValues
	addresses := columnPeers{set: p.Set, nodes: p.nodes, by: map[string]*linePeers{}}
	var r record.Record
	for _, line := range lines {
		r.Reset()
		err := set.Parse([]byte(line), &r)
		switch {
		case err != nil:
			if p.Unparsed++; p.Unparsed == 1 {
				p.UnparsedLine = line
			}
			left = append(left, line)
			continue
		case r.Format == parser.CombinedExtra:
			left = append(left, line)
		}
		counts[r.Format]++
		addresses.add(line, &r)
		if line[0] != '{' {
			peers.add(&r.Access)
		}
		guessed := r.Access.Guessed
		if f := set.Format(r.Format); f != nil {
			guessed &^= f.ForgeableColumns() // somebody named them
		}
		if len(r.Access.XForwardedFor) > 0 {
			p.Guessed |= guessed & record.LoggedXForwardedFor
		}
		if len(r.Access.XRealIP) > 0 {
			p.Guessed |= guessed & record.LoggedXRealIP
		}
	}
	p.misread = peers.absent > 0 && peers.present > 0 || peers.odd*2 > len(lines)
	p.Doubts = addresses.doubts(len(lines))
	p.Formats = nil
	for name, n := range counts {
		p.Formats = append(p.Formats, FormatCount{name, n})
	}
	slices.SortFunc(p.Formats, func(a, b FormatCount) int {
		return cmp.Or(cmp.Compare(b.Lines, a.Lines), strings.Compare(a.Name, b.Name))
	})
	return left
}

// peerValues count what known formats read as $remote_addr and $remote_user.
type peerValues struct {
	absent, present int
	odd             int // values that hold other columns
}

func (p *peerValues) add(a *record.Access) {
	switch {
	case !a.Logged.Has(record.LoggedRemoteAddr):
		return
	case len(a.RemoteAddr) == 0:
		p.absent++
	default:
		p.present++
	}
	hasPort := bytes.IndexByte(a.RemoteAddr, ':') > 0 && isAddressPort(string(a.RemoteAddr))
	if hasPort || bytes.Contains(a.RemoteUser, []byte(" - ")) {
		p.odd++
	}
}

// A headerUse is what the lines of a stream say about a column that may be a header.
type headerUse uint8

const (
	unknownUse headerUse = iota // no line has a value there
	isHeader                    // it holds addresses
	isOther                     // it holds something else
)

// mostOthers is how many values without an address there may be for one with an
// address, in percent: visitors send nonsense.
const mostOthers = 5

// useOf reports whether the guessed headers of a format are headers, by the lines that
// have its shape.
func useOf(g *parser.GuessedFormat, lines []string) headerUse {
	both := [...]record.Logged{record.LoggedXForwardedFor, record.LoggedXRealIP}
	var addresses, strange [len(both)]int
	var values [len(both)]headerValues
	var r record.Record
	for _, line := range lines {
		r.Reset()
		holds, others, ok := g.Look([]byte(line), &r)
		if ok {
			values[0].add(string(r.Access.XForwardedFor), string(r.Access.UserAgent))
			values[1].add(string(r.Access.XRealIP), string(r.Access.UserAgent))
		}
		for i, header := range both {
			if holds.Has(header) {
				addresses[i]++
			}
			if others.Has(header) {
				strange[i]++
			}
		}
	}
	use := unknownUse
	for i := range both {
		switch {
		case strange[i]*100 > addresses[i]*mostOthers, addresses[i] > 0 && values[i].areServers():
			return isOther
		case addresses[i] > 0:
			use = isHeader
		}
	}
	return use
}

// headerValues are what the lines of a stream hold in a column that may be a header.
type headerValues struct {
	given, absent         int // lines
	values, agents, ports map[string]bool
}

func (h *headerValues) add(value, agent string) {
	if value == "" {
		h.absent++
		return
	}
	h.given++
	if h.values == nil {
		h.values, h.agents, h.ports = map[string]bool{}, map[string]bool{}, map[string]bool{}
	}
	port := ""
	if addr, err := netip.ParseAddrPort(value); err == nil {
		port = strconv.Itoa(int(addr.Port()))
	}
	h.values[host(value)], h.agents[agent], h.ports[port] = true, true, true
}

const (
	// someAgents is how many user agents a column has to stand beside to be judged by
	// them, for each of its values.
	someAgents = 3
	// someLines is how many lines it takes: one visitor can have several user agents.
	someLines = 12
)

// areServers reports whether the values are no visitors': most lines have one, and there
// are much fewer of them than user agents; or all have the same port, as upstreams do.
// The address of this host, of an upstream, or of a host that is named by its address
// stands there.
func (h *headerValues) areServers() bool {
	if h.absent > h.given || len(h.agents) < someAgents {
		return false
	}
	onePort := len(h.ports) == 1 && !h.ports[""]
	return onePort || h.given >= someLines && len(h.values)*someAgents <= len(h.agents) && !h.arePrivateAndSeveral()
}

// arePrivateAndSeveral reports whether the values are several private addresses. An edge
// that passes on the NLB's nodes in place of the client writes such a header.
func (h *headerValues) arePrivateAndSeveral() bool {
	for value := range h.values {
		if !isPrivate(value) {
			return false
		}
	}
	return len(h.values) > 1
}
