package diagnose

import (
	"bytes"
	"net/netip"

	"clearhop/record"
)

// isDoubtful reports whether nobody knows which column of the line is the peer's address:
// the one that is read as $remote_addr may be a header. Such a line shows no fault, and
// it acquits nobody.
func isDoubtful(r *record.Record) bool { return r.Access.Logged.Has(record.LoggedOtherPeer) }

// restsOnGuess reports whether the column of $remote_addr was chosen from several.
func restsOnGuess(r *record.Record) bool { return r.Access.Guessed.Has(record.LoggedOtherPeer) }

// restsOnGuess reports whether most of the lines do.
func (n *causeTally) restsOnGuess() bool { return n.guessed*2 > n.lines }

// lookForNLB remembers whether any line shows an address of the NLB that was given.
func (c *Counters) lookForNLB(r *record.Record) {
	if c.nlbShown || !c.config.GivenNLB || c.config.Roles == nil {
		return
	}
	a := &r.Access
	for _, text := range [...][]byte{a.RemoteAddr, a.RealipRemoteAddr, a.ProxyProtocolAddr, a.XForwardedFor, a.XRealIP, r.Error.Client} {
		c.nlbShown = c.nlbShown || c.showsNLB(text)
	}
	for i := range a.Extra {
		c.nlbShown = c.nlbShown || c.showsNLB(a.Extra[i].Value)
	}
}

// showsNLB reports whether one of the words of text is an address of the NLB that was
// given.
func (c *Counters) showsNLB(text []byte) bool {
	for len(text) > 0 {
		word := text
		if n := bytes.IndexAny(text, " ,\"'=|;"); n >= 0 {
			word, text = text[:n], text[n+1:]
		} else {
			text = nil
		}
		if addr := anyAddress(word); addr.IsValid() && c.config.givenNLB.Contains(addr) {
			return true
		}
	}
	return false
}

// anyAddress reads an address with or without a port.
func anyAddress(word []byte) netip.Addr {
	if addr := address(word); addr.IsValid() || len(word) == 0 || len(word) > maxAddressPort {
		return addr
	}
	withPort, _ := netip.ParseAddrPort(string(word))
	return withPort.Addr().Unmap()
}

// maxAddressPort is the length of the longest address with a port.
const maxAddressPort = 53
