package record

import (
	"net/netip"

	"clearhop/verdict"
)

// Provenance is how the client is known and what is wrong with the chain that
// should have named it. The codes are those of docs/verdicts.md.
type Provenance struct {
	Verdict verdict.Verdict
	Reason  verdict.Reason
	// Alternatives are other reasons that the same evidence allows.
	Alternatives []verdict.Reason
	// Hop is where the fault sits; NoHop without a fault.
	Hop verdict.Hop
	// Field is the nginx variable that gave Client.IP, without its "$".
	Field verdict.Field
	// NLBPrivateIP is set when $remote_addr still shows an NLB's address, and
	// NLBInferred when the set of NLB addresses was inferred, not given.
	NLBPrivateIP bool
	NLBInferred  bool
	// NLB is the name of the NLB that the peer, or else $remote_addr, is a
	// discovered node of.
	NLB string
	// Vouched is set when a trusted hop stands behind Client.IP. It means
	// something only if Client.IP is valid.
	Vouched bool
	// Hops are the addresses known on the way, the client first; HopCount is
	// how many there were, of which Hops may hold fewer.
	Hops     []netip.Addr
	HopCount int
	// HopNames are the names of those Hops whose addresses are hidden; nil
	// stands for a hop that has none, as do those behind its end.
	HopNames [][]byte
	// Claimed are the tokens that the visitor may have written, as they stood;
	// ClaimedCount is how many there were.
	Claimed      [][]byte
	ClaimedCount int
	// ClaimedCut says that a token in Claimed was longer, and is cut.
	ClaimedCut bool
}

// Reset empties p and keeps the memory of its lists.
func (p *Provenance) Reset() {
	*p = Provenance{
		Alternatives: p.Alternatives[:0],
		Hops:         p.Hops[:0],
		HopNames:     p.HopNames[:0],
		Claimed:      p.Claimed[:0],
	}
}

// HopName returns the name that stands in the place of Hops[i]; nil if its
// address does.
func (p *Provenance) HopName(i int) []byte {
	if i < len(p.HopNames) {
		return p.HopNames[i]
	}
	return nil
}

// SetHopName puts a name in the place of Hops[i].
func (p *Provenance) SetHopName(i int, name []byte) {
	for len(p.HopNames) <= i {
		p.HopNames = append(p.HopNames, nil)
	}
	p.HopNames[i] = name
}

// UserAgent is what the User-Agent header tells. Empty texts are unknown.
type UserAgent struct {
	Name       string // Firefox
	Version    string // 128.0
	OSName     string // Windows
	OSVersion  string // 10
	DeviceName string // iPhone
	Bot        bool   // says of itself that it is a robot, or is known as one
	// Valid tells a header that was read from one that was not there.
	Valid bool
}
