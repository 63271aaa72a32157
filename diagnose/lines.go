package diagnose

import (
	"bytes"
	"net/netip"
	"time"

	"clearhop/enrich/clientip"
	"clearhop/record"
)

// sourceOf names the stream that a line came from: a file, or a log group with
// its stream.
func sourceOf(r *record.Record) string { return r.Line.Origin.Source }

// loggedAt returns when the line was logged, in milliseconds since the Unix
// epoch; 0 where neither the line nor its source says it.
func loggedAt(r *record.Record) int64 {
	switch r.TimestampFrom {
	case record.FromLine, record.FromEnvelope, record.FromSource:
		return r.Timestamp
	}
	return 0
}

// LoggedAt returns when the line was logged; known is false where neither the line
// nor its source says it.
func LoggedAt(r *record.Record) (at time.Time, known bool) {
	ms := loggedAt(r)
	return timeOf(ms), ms != 0
}

// timeOf makes a time of milliseconds since the Unix epoch. 0, which is unknown,
// becomes the zero Time.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// address reads an address as nginx prints it; the zero Addr if text is none.
func address(text []byte) netip.Addr {
	const longest = 45 // bytes
	if len(text) == 0 || len(text) > longest {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(string(text))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// lastAddress reads the last token of a forwarded header, which the hop before
// this one wrote.
func lastAddress(header []byte) netip.Addr {
	if len(header) == 0 {
		return netip.Addr{} // of most lines
	}
	header = bytes.TrimRight(header, " ,")
	return address(header[bytes.LastIndexAny(header, " ,")+1:])
}

// handedAddress reads the last address of X-Forwarded-For or, if there is none,
// that of X-Real-IP.
func handedAddress(a *record.Access) netip.Addr {
	if last := lastAddress(a.XForwardedFor); last.IsValid() {
		return last
	}
	return lastAddress(a.XRealIP)
}

// beforeLast reads the last token but one of a forwarded header.
func beforeLast(header []byte) netip.Addr { return lastAddress(allButLast(header)) }

// allButLast returns a forwarded header without its last token.
func allButLast(header []byte) []byte {
	header = bytes.TrimRight(header, " ,")
	return header[:bytes.LastIndexAny(header, " ,")+1]
}

// hasHeader reports whether a forwarded header has a value.
func hasHeader(a *record.Access) bool { return len(a.XForwardedFor) > 0 || len(a.XRealIP) > 0 }

func isInside(addr netip.Addr) bool { return addr.IsValid() && clientip.IsPrivate(addr) }

var (
	http10        = []byte("HTTP/1.0")
	browser       = []byte("Mozilla/")
	unixPeer      = []byte("unix:")
	healthChecker = []byte("ELB-HealthChecker/")
	proxyHeaderV1 = []byte("PROXY TCP")
	brokenHeader  = []byte("broken header")
	readingProxy  = []byte("reading PROXY protocol")
)

// isHealthCheck reports whether the request has the user agent of the load
// balancer's health checks.
func isHealthCheck(a *record.Access) bool { return bytes.HasPrefix(a.UserAgent, healthChecker) }

// isUnheardHeader reports whether the request is a PROXY protocol header that
// nginx took for HTTP.
func isUnheardHeader(a *record.Access) bool {
	line := a.BadRequest
	return bytes.HasPrefix(line, proxyHeaderV1) ||
		len(line) == 1 && line[0] == 0 && a.Status.N == 400 && len(a.ProxyProtocolAddr) == 0
}

// isRefusedEarly reports whether nginx refused the request before its realip
// module ran.
func isRefusedEarly(a *record.Access) bool {
	return clientip.RejectedEarly(int(a.Status.N), a.Method, a.UpstreamAsked())
}

// isBrokenHeader reports whether an error line says that nginx waited for a
// PROXY protocol header and did not get it.
func isBrokenHeader(e *record.ErrorLine) bool {
	return bytes.HasPrefix(e.Message, brokenHeader) && bytes.Contains(e.Action, readingProxy)
}

func count(n *int64, is bool) {
	if is {
		*n++
	}
}
