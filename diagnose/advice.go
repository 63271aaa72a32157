package diagnose

import (
	"fmt"
	"net/netip"
	"strings"

	"clearhop/enrich/clientip"
	"clearhop/internal/terminal"
	"clearhop/record"
	"clearhop/verdict"
)

// loggedBits says by which bit a record shows that a variable was logged.
var loggedBits = map[verdict.Field]record.Logged{
	verdict.RemoteAddr:        record.LoggedRemoteAddr,
	verdict.RealipRemoteAddr:  record.LoggedRealipRemoteAddr,
	verdict.ProxyProtocolAddr: record.LoggedProxyProtocolAddr,
	verdict.XForwardedFor:     record.LoggedXForwardedFor,
	verdict.XRealIP:           record.LoggedXRealIP,
}

// missing lists the variables that at least half of the access lines of a source
// were logged without.
func (c *Counters) missing() []Missing {
	var missing []Missing
	for _, v := range clientip.Variables() {
		var without []string // the sources
		with := 0
		for _, s := range c.sources {
			switch access, lines := s.without(loggedBits[v.Field]); {
			case access == 0:
			case lines*2 >= access && s.hasUnnamed():
				// The variable may stand in a column that nobody has named.
			case lines*2 >= access:
				without = append(without, s.name)
			default:
				with++
			}
		}
		if len(without) == 0 {
			continue
		}
		if with == 0 {
			without = nil // no source has it, so none need be named
		}
		missing = append(missing, Missing{Variable: "$" + string(v.Field), Cost: v.Without, Sources: without})
	}
	return missing
}

// without counts the access lines of the source, and those of them that were
// logged without a variable.
func (s *sourceTally) without(variable record.Logged) (access, lines int64) {
	for logged, n := range s.logged {
		access += n
		if !logged.Has(variable) {
			lines += n
		}
	}
	return access, lines
}

// hasUnnamed reports whether most access lines of the source have columns of which
// nobody knows the variable.
func (s *sourceTally) hasUnnamed() bool {
	access, without := s.without(record.LoggedUnnamed)
	return without*2 < access
}

// unnamed lists the sources whose lines have columns of which nobody knows the
// variable.
func (c *Counters) unnamed() (names []string) {
	for _, s := range c.sources {
		if s.hasUnnamed() {
			names = append(names, s.name)
		}
	}
	return names
}

// advice lists what else deserves attention beside the findings.
func (c *Counters) advice() []string {
	advice := c.adviceOnForged()
	if c.read.Access+c.read.Errors == 0 {
		return advice
	}
	advice = append(advice, c.adviceOnChain()...)
	advice = append(advice, c.adviceOnLines()...)
	for _, g := range c.config.TargetGroups {
		if g.ProxyProtocolV2 && g.PreserveClientIP {
			advice = append(advice, fmt.Sprintf("Target group %s has both proxy_protocol_v2.enabled and preserve_client_ip.enabled: turn preserve_client_ip.enabled off, because with it set_real_ip_from must hold the clients too.", g.Name))
		}
	}
	return advice
}

// adviceOnChain compares the sets given with what the lines show.
func (c *Counters) adviceOnChain() (advice []string) {
	roles := c.config.Roles
	if roles == nil {
		return nil
	}
	unlisted := func(given bool, peers []Peer, as, flag string) {
		for _, p := range peers {
			if given && c.isLeftOut(p.Address) {
				advice = append(advice, fmt.Sprintf("%s looks like a %s (%s) and is not among the addresses given with %s: it counts as a client.", p.Address, as, p.Why, flag))
			}
		}
	}
	unlisted(c.config.GivenNLB, roles.NLB, "node of the NLB", "--nlb")
	unlisted(c.config.GivenTrusted, roles.Edge, "task of the edge", "--trusted")
	if c.matchesNothing() {
		advice = append(advice, fmt.Sprintf("No line shows an address of --nlb (%s). That is as it should be in the log of a web nginx, and in one that shows clients only. Otherwise check these addresses.", strings.Join(c.config.givenNLB.Texts(), ", ")))
	}
	if !c.config.GivenTrusted && len(roles.CDN) > 0 {
		advice = append(advice, "A CDN, or another proxy, seems to stand before the NLB: give its networks with --trusted. If there is none, visitors forge X-Forwarded-For.")
	}
	return advice
}

// isLeftOut reports whether addr is in no set, and no finding is about it.
func (c *Counters) isLeftOut(addr netip.Addr) bool {
	_, found := c.config.Unlisted.holds(addr)
	return !found && !c.config.Chain.IsProxy(addr)
}

// matchesNothing reports whether no line shows an address of the NLB that was given,
// in whatever column, and no finding is about that.
func (c *Counters) matchesNothing() bool {
	return c.config.GivenNLB && !c.config.givenNLB.Empty() && !c.nlbShown && c.read.Access > 0 && len(c.config.Unlisted.NLB) == 0
}

// adviceOnForged says that a visitor has written whole lines, or may have.
func (c *Counters) adviceOnForged() []string {
	read := &c.read
	if read.InDoubt == 0 {
		return nil
	}
	text := fmt.Sprintf("%s can be a visitor's (%s) and did not count. nginx can have written %s inside a record of its error log, or %s on stderr.",
		terminal.Plural(read.InDoubt, "line"), verdict.InsideErrorRecord, themOrIt(read.InDoubt), isOrAre(read.InDoubt))
	if read.Forged > 0 {
		text = fmt.Sprintf("Somebody tried to forge log lines: %s can be a visitor's (%s) and did not count. Requests with an encoded line break (%%0A) in the path made nginx write them into its error log.",
			terminal.Plural(read.InDoubt, "line"), verdict.InsideErrorRecord)
	}
	return []string{text + " To prevent it: " + verdict.InsideErrorRecord.Info().Fix + "."}
}

func themOrIt(n int64) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

func isOrAre(n int64) string {
	if n == 1 {
		return "it is"
	}
	return "they are"
}

// adviceOnLines says which lines could not be judged, where they are many.
func (c *Counters) adviceOnLines() (advice []string) {
	read := &c.read
	isMany := func(n, of int64) bool { return n > 0 && n*10 >= of }
	if isMany(read.Masked, read.Access) {
		advice = append(advice, fmt.Sprintf("In %d of %s $remote_addr is no address: masked logs cannot be judged.", read.Masked, terminal.Plural(read.Access, "access line")))
	}
	if isMany(read.Refused, read.Access) && read.Access > fewLines {
		advice = append(advice, fmt.Sprintf("%d of %d requests were refused before nginx could know the client. %s.", read.Refused, read.Access, capitalized(verdict.RejectedBeforeRealip.Info().Fix)))
	}
	if read.Doubtful > 0 && c.faulty > 0 {
		advice = append(advice, fmt.Sprintf("In %d of %s two columns may be $remote_addr, and these lines are not judged: see below how the lines are read.", read.Doubtful, terminal.Plural(read.Access, "access line")))
	}
	if isMany(read.Unparsed, read.Lines) {
		advice = append(advice, fmt.Sprintf("%d of %s could not be read: give the log_format with --format.", read.Unparsed, terminal.Plural(read.Lines, "line")))
	}
	return advice
}

// capitalized returns text with a capital at its start.
func capitalized(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
