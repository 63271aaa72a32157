package infer

import (
	"net/netip"
	"regexp"
	"strings"
)

// The shapes of values. A sample is looked at once per stream, so regular expressions
// are quick enough here.
var (
	timeLocal  = regexp.MustCompile(`^\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}`)
	timeISO    = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-]\d{2}:\d{2}`)
	msec       = regexp.MustCompile(`^\d{9,10}\.\d{3}$`)
	request    = regexp.MustCompile(`^[A-Z]{3,16} [^ ]\S* HTTP/\d(\.\d)?`)
	method     = regexp.MustCompile(`^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE|PROPFIND)$`)
	protocol   = regexp.MustCompile(`^HTTP/\d(\.\d)?$`)
	target     = regexp.MustCompile(`^/\S*$`)
	status     = regexp.MustCompile(`^([1-5]\d\d|000)$`)
	statusList = regexp.MustCompile(`^([1-5]\d\d|000|-)((, | : )([1-5]\d\d|000|-))*$`)
	integer    = regexp.MustCompile(`^\d{1,18}$`)
	intList    = regexp.MustCompile(`^(\d{1,18}|-)((, | : )(\d{1,18}|-))*$`)
	seconds    = regexp.MustCompile(`^\d{1,9}\.\d{3}$`)
	secondList = regexp.MustCompile(`^(\d{1,9}\.\d{3}|-)((, | : )(\d{1,9}\.\d{3}|-))*$`)
	agent      = regexp.MustCompile(`Mozilla/|^(curl|Wget|ELB-HealthChecker|kube-probe|Go-http-client|python-requests|Python|okhttp|Java|Dalvik|PostmanRuntime|GuzzleHttp|axios|node-fetch|Amazon|facebookexternalhit|Apache-HttpClient|libwww-perl)\b`)
	address    = regexp.MustCompile(`^https?://|^android-app://`)
	hostName   = regexp.MustCompile(`^(localhost|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+)$`)
	hostPort   = regexp.MustCompile(`^(localhost|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*):\d{2,5}$`)
	hex32      = regexp.MustCompile(`^[0-9a-f]{32}$`)
	tls        = regexp.MustCompile(`^(TLSv1(\.[1-3])?|SSLv[23])$`)
	cipher     = regexp.MustCompile(`^(TLS_[A-Z0-9_]+|(ECDHE|DHE|AES|ECDH|RSA|PSK|CHACHA20|CAMELLIA|DES|EDH|ADH)[A-Z0-9]*-[A-Z0-9-]+)$`)
	scheme     = regexp.MustCompile(`^https?$`)
	cacheState = regexp.MustCompile(`^(HIT|MISS|BYPASS|EXPIRED|STALE|UPDATING|REVALIDATED)$`)
	masked     = regexp.MustCompile(`^\d{1,3}(\.(\d{1,3}|x{1,3}|\*{1,3})){3}$`)
	word       = regexp.MustCompile(`^[A-Za-z0-9_.@+-]+$`)
)

// timeLen returns the time at the start of text; "" if there is none.
func timeLen(text string) string {
	if t := timeLocal.FindString(text); t != "" {
		return t
	}
	return timeISO.FindString(text)
}

func isTime(text string) bool { return text != "" && timeLen(text) == text }

// requestLen returns the request line at the start of text; "" if there is none.
func requestLen(text string) string { return request.FindString(text) }

// isAddress reports whether text is an address without a port.
func isAddress(text string) bool {
	_, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return err == nil || masked.MatchString(text)
}

// isAddressPort reports whether text is an address with a port.
func isAddressPort(text string) bool {
	_, err := netip.ParseAddrPort(text)
	return err == nil || strings.HasPrefix(text, "unix:/")
}

// isPrivate reports whether an address, with or without a port, is no visitor's.
func isPrivate(text string) bool {
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return strings.HasPrefix(text, "unix:")
		}
		addr = withPort.Addr()
	}
	return addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast()
}

// A column is the values of all lines between two fixed texts.
type column struct {
	sep    string
	values []string // by line
	text   bool     // the rest of a line, or what stands between columns: any text
}

// isQuoted reports whether the values stand in double quotes.
func (c *column) isQuoted() bool { return strings.HasSuffix(c.sep, `"`) }

// key returns the key before the values; "" if there is none.
func (c *column) key() string {
	text := strings.TrimRight(c.sep, ` "'[`)
	if text == "" || text[len(text)-1] != '=' && text[len(text)-1] != ':' {
		return ""
	}
	text = text[:len(text)-1]
	from := len(text)
	for from > 0 && (isLetter(text[from-1]) || isDigit(text[from-1]) || strings.IndexByte("_-.", text[from-1]) >= 0) {
		from--
	}
	return text[from:]
}

// given returns the values that are neither absent nor empty.
func (c *column) given() []string {
	var given []string
	for _, v := range c.values {
		if v != "" && v != "-" {
			given = append(given, v)
		}
	}
	return given
}

// isAbsent reports whether no line has a value.
func (c *column) isAbsent() bool { return len(c.given()) == 0 }

// always reports whether each line has a value.
func (c *column) always() bool { return len(c.given()) == len(c.values) }

// all reports whether all given values fit, and there is one.
func (c *column) all(fits func(string) bool) bool {
	given := c.given()
	for _, v := range given {
		if !fits(v) {
			return false
		}
	}
	return len(given) > 0
}

// some reports whether a given value fits.
func (c *column) some(fits func(string) bool) bool {
	for _, v := range c.given() {
		if fits(v) {
			return true
		}
	}
	return false
}

// most reports whether a share of the given values fits.
func (c *column) most(percent int, fits func(string) bool) bool {
	given := c.given()
	n := 0
	for _, v := range given {
		if fits(v) {
			n++
		}
	}
	return n > 0 && n*100 >= len(given)*percent
}

// distinct returns the number of different values that are given.
func (c *column) distinct() int {
	seen := map[string]bool{}
	for _, v := range c.given() {
		seen[v] = true
	}
	return len(seen)
}
