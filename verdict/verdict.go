// Package verdict holds the codes that a record carries about its client, and
// their words: how the client is known (Verdict), the first cause that fits
// (Reason), the hop at fault (Hop) and the nginx variable that gave the address
// (Field).
//
// A code is a small typed value. Records, rules, metrics, the summary and the
// doctor use the same values, and String is how events and SQL write them:
//
//	verdict.RealipNotApplied.String()  // "realip_not_applied"
//	verdict.RealipNotApplied.IsFault() // true
//	verdict.RealipNotApplied.Info()    // its meaning and its fix, for a person
//
// The zero value of each type means that nothing was judged; its text is empty.
// The package imports nothing of this module. Its values are immutable and safe
// for concurrent use.
package verdict

import "fmt"

// A Verdict says in one word how the client is known.
type Verdict uint8

// The verdicts, in the order of the documentation. words.go has their words.
const (
	NoVerdict   Verdict = iota // the record was not judged
	Direct                     // $remote_addr is the client
	Forwarded                  // $remote_addr is a proxy, another field names the client
	Internal                   // the client is a private address that is no proxy
	HealthCheck                // a probe of the load balancer
	Lost                       // only proxies are left
	Disputed                   // fields that should agree name different clients
	Unreadable                 // no field holds an address
)

// A Reason is the first cause that fits a record.
type Reason uint8

// The reasons. Their order is the order in which they are tried; the package
// clientip and the documentation take it from here. words.go has their words.
const (
	NoReason Reason = iota // the record was not judged
	InsideErrorRecord
	UnlistedNode
	HealthCheckProbe
	ProxyProtocolNotListened
	NotAnAddress
	RejectedBeforeRealip
	TrustsTooMuch
	UnlistedProxy
	FieldsDisagree
	CDNInFront
	EdgeHandedOnProxy
	RealipNotApplied
	EdgeHandedOnNothing
	ProxyProtocolOff
	ProxyProtocolNotSent // of error lines only
	PastTheNLB           // of error lines only
	PrivateLink
	UnreadableHop
	ClientSentForwardedFor
	OK

	// OwnClient is of the doctor's reports only, and no record carries it: the
	// address is that of a client inside the network, and nothing is broken.
	OwnClient
)

// NumReasons is the length of an array that is indexed by Reason.
const NumReasons = int(OwnClient) + 1

// NumVerdicts is the length of an array that is indexed by Verdict.
const NumVerdicts = int(Unreadable) + 1

// Info explains a verdict or a reason. The documentation is generated from it.
type Info struct {
	Code  string // how events and SQL write it
	Fault bool   // counts as a fault of the chain: alarms fire for these only
	Means string // short enough for one line of a terminal
	Note  string // what else to know, for the documentation
	Fix   string // how to fix a fault
}

// Verdicts returns all verdicts in their order, without NoVerdict.
func Verdicts() []Verdict { return all[Verdict](NumVerdicts) }

// Reasons returns the reasons that a record can carry, in the order in which
// they are tried.
func Reasons() []Reason { return all[Reason](int(OK) + 1) }

func all[T ~uint8](n int) []T {
	codes := make([]T, 0, n-1)
	for i := 1; i < n; i++ {
		codes = append(codes, T(i))
	}
	return codes
}

// Info returns the words of v.
func (v Verdict) Info() Info { return verdicts[v] }

// String returns v as events write it; it is empty for NoVerdict.
func (v Verdict) String() string { return verdicts[v].Code }

// MarshalText is String for encoding/json.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (v *Verdict) UnmarshalText(text []byte) error {
	parsed, ok := ParseVerdict(string(text))
	if !ok {
		return fmt.Errorf("there is no verdict %q", text)
	}
	*v = parsed
	return nil
}

// ParseVerdict returns the verdict that is written as code. The empty text is
// NoVerdict.
func ParseVerdict(code string) (v Verdict, ok bool) {
	for i := range verdicts {
		if verdicts[i].Code == code {
			return Verdict(i), true
		}
	}
	return NoVerdict, false
}

// Info returns the words of r.
func (r Reason) Info() Info { return reasons[r] }

// IsFault reports whether r counts as a fault of the chain.
func (r Reason) IsFault() bool { return reasons[r].Fault }

// String returns r as events write it; it is empty for NoReason.
func (r Reason) String() string { return reasons[r].Code }

// MarshalText is String for encoding/json.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Reason) UnmarshalText(text []byte) error {
	for i := range reasons {
		if reasons[i].Code == string(text) {
			*r = Reason(i)
			return nil
		}
	}
	return fmt.Errorf("there is no reason %q", text)
}

// ParseReason returns the reason of a record that is written as code. The empty
// text is NoReason.
func ParseReason(code string) (r Reason, ok bool) {
	for i := range reasons[:OK+1] {
		if reasons[i].Code == code {
			return Reason(i), true
		}
	}
	return NoReason, false
}

// A Hop is the place in the chain that has to change to fix a fault.
type Hop uint8

// The hops.
const (
	NoHop Hop = iota
	Edge      // between the NLB and the first nginx, or in that nginx
	Web       // in an nginx behind the first one
)

var hops = [...]string{NoHop: "", Edge: "edge", Web: "web"}

// NumHops is the length of an array that is indexed by Hop.
const NumHops = int(Web) + 1

// String returns h as events write it; it is empty for NoHop.
func (h Hop) String() string { return hops[h] }

// MarshalText is String for encoding/json.
func (h Hop) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *Hop) UnmarshalText(text []byte) error {
	for i, name := range hops {
		if name == string(text) {
			*h = Hop(i)
			return nil
		}
	}
	return fmt.Errorf("there is no hop %q", text)
}

// A Field is the nginx variable that an address was read from, without "$".
type Field string

// The fields that have a place of their own in a record. Any other $http_NAME
// can be named in the settings too.
const (
	RemoteAddr        Field = "remote_addr"
	RealipRemoteAddr  Field = "realip_remote_addr"
	ProxyProtocolAddr Field = "proxy_protocol_addr"
	XForwardedFor     Field = "http_x_forwarded_for"
	XRealIP           Field = "http_x_real_ip"
)
