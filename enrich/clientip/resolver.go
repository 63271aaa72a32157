package clientip

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"clearhop/verdict"
)

// Config is what the operator says of the chain. The zero value works: every
// private address then counts as an NLB's.
type Config struct {
	// NLB are the addresses of the Network Load Balancer's nodes, or the
	// subnets that hold them. A single address says more than a subnet given
	// alone, which may hold the edge's tasks too: an NLB writes no forwarded
	// header.
	NLB Addresses
	// Nodes are NLB nodes that were discovered, each with the name of its NLB.
	// They count as the NLB's whatever the other sets say of them.
	Nodes map[netip.Addr]string
	// NLBUnknown says that the NLB's nodes were to be discovered and were not:
	// every private address that no set holds counts as an NLB's.
	NLBUnknown bool
	// Complete says that an empty set holds no address. Otherwise empty sets are
	// unknown ones, and where all are empty, every private address counts as an
	// NLB's.
	Complete bool
	// Trusted are the other proxies: the edge's tasks, a CDN's networks.
	Trusted Addresses
	// Internal are clients inside a wider network of the other two sets. The
	// longest prefix decides.
	Internal Addresses
	// Fields is the order in which fields are asked for the client; nil means
	// DefaultFields. $remote_addr is always asked. Headers before the PROXY
	// protocol do not win over a client that it names.
	Fields []verdict.Field
	// Strict leaves the client absent where no trusted hop vouches for it.
	Strict bool
	// HealthPaths are request paths of health checks, compared whole. They say
	// nothing of a browser's request.
	HealthPaths []string
}

// A Resolver answers who the client is. It is immutable.
type Resolver struct {
	config      Config
	sets        *sets
	before      []verdict.Field // asked before the PROXY protocol
	after       []verdict.Field // asked after it, where $remote_addr is a proxy
	useProxy    bool            // the PROXY protocol is asked at all
	useXFF      bool            // and X-Forwarded-For
	plainFields bool            // no other header is asked than X-Forwarded-For and X-Real-IP
	strict      bool
	healthPaths []string
}

// New makes a Resolver. All that is wrong with c comes in one error.
func New(c Config) (*Resolver, error) {
	r := &Resolver{config: c, strict: c.Strict, healthPaths: slices.Clone(c.HealthPaths)}
	var errs []error
	var err error
	if r.sets, err = newSets(c); err != nil {
		errs = append(errs, err)
	}
	if c.Internal.Unix {
		errs = append(errs, fmt.Errorf("%q cannot be internal: it names no client", unixPeer))
	}
	fields := c.Fields
	if fields == nil {
		fields = DefaultFields()
	}
	r.useXFF = slices.Contains(fields, verdict.XForwardedFor)
	r.plainFields = !slices.ContainsFunc(fields, func(f verdict.Field) bool { return !slices.Contains(DefaultFields(), f) })
	seen := map[verdict.Field]bool{}
	for _, f := range fields {
		switch {
		case seen[f]:
			errs = append(errs, fmt.Errorf("field %q is named twice", f))
		case f == verdict.ProxyProtocolAddr:
			r.useProxy = true
		case len(f) <= len("http_") || !strings.HasPrefix(string(f), "http_"):
			errs = append(errs, fmt.Errorf("field %q cannot name the client: give %q or $http_ variables", f, verdict.ProxyProtocolAddr))
		case r.useProxy:
			r.after = append(r.after, f)
		default:
			r.before = append(r.before, f)
		}
		seen[f] = true
	}
	for _, path := range c.HealthPaths {
		if !strings.HasPrefix(path, "/") {
			errs = append(errs, fmt.Errorf("health check path %q does not start with a slash", path))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if !r.useProxy {
		// Without the PROXY protocol there is no before: all are asked where
		// $remote_addr is a proxy.
		r.after, r.before = r.before, nil
	}
	return r, nil
}

// Config returns what the Resolver was made of. It is not to be changed.
func (r *Resolver) Config() Config { return r.config }

// Inferred reports whether the NLB's addresses are inferred: they were neither
// given nor discovered.
func (r *Resolver) Inferred() bool { return r.sets.inferred }

// IsProxy reports whether addr is in the nlb or the trusted set.
func (r *Resolver) IsProxy(addr netip.Addr) bool { return r.sets.classOf(addr.Unmap()).isProxy() }

// IsProxyText is IsProxy of an address as nginx writes it.
func (r *Resolver) IsProxyText(text []byte) bool {
	addr, ok := parseAddrPort(text)
	return ok && r.IsProxy(addr)
}

// IsNamedProxy reports whether the configuration names addr as a proxy's: it is
// in nlb or trusted, or a discovered node. An inferred address is not named.
func (r *Resolver) IsNamedProxy(addr netip.Addr) bool {
	switch r.sets.classOf(addr.Unmap()) {
	case trusted, cdn, nlb, nlbNode:
		return true
	case outside, internal, strangerProxy, supposedNLB:
	}
	return false
}

// DefaultFields is the order in which the fields are asked for the client.
func DefaultFields() []verdict.Field {
	return []verdict.Field{verdict.ProxyProtocolAddr, verdict.XForwardedFor, verdict.XRealIP}
}

// A Value is what a variable was logged as.
type Value struct {
	// Text is the value; nil if the variable was absent.
	Text []byte
	// Logged is whether the log_format carries the variable.
	Logged bool
	// Guessed is whether the column is only supposed to hold the variable. Nobody
	// vouches for an address that rests on a guessed column.
	Guessed bool
}

// present reports whether the variable had a value that says something.
func (v Value) present() bool { return len(v.Text) > 0 }

// Evidence is what one record offers. Its texts are not changed.
type Evidence struct {
	RemoteAddr        Value
	RealipRemoteAddr  Value
	ProxyProtocolAddr Value
	XForwardedFor     Value
	XRealIP           Value
	// Header returns the value of a field of Config.Fields that is none of the
	// above; nil says that there are none.
	Header func(verdict.Field) Value

	// BadRequest is the request line where it is none: see the record package.
	BadRequest  []byte
	Method      []byte
	Path        []byte
	UserAgent   Value
	Status      int  // 0: not logged
	Upstream    bool // an upstream was asked
	VPCEndpoint []byte

	// InsideErrorRecord says that a visitor can have written the whole line.
	InsideErrorRecord bool
}
