package parser

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A key is a name under which JSON access logs carry an nginx variable.
type key struct {
	folded   string
	variable variable
	// guessed reports that the name is only a convention: if the value does not
	// look like one of the variable, the key means something else.
	guessed bool
	// second is what a guessed key means if the line has the variable under another
	// key with another value.
	second *variable
	// configured reports that the operator named the key.
	configured bool
	unit       unit
}

// A unit is the unit of a duration.
type unit uint8

const (
	inSeconds unit = iota // what nginx writes
	inMillis
	inMicros
	inNanos
	inSuffix // what stands behind the number: 0.123s, 12ms
)

// nanosPer is the length of each unit in nanoseconds.
var nanosPer = [...]float64{inSeconds: nanosPerSecond, inMillis: nanosPerMilli, inMicros: nanosPerMicro, inNanos: 1, inSuffix: nanosPerSecond}

// conventions are the keys that public log formats and log schemas use for nginx
// variables, besides the variables' own names. They are written as fold returns
// them: x_forwarded_for, X-Forwarded-For and xForwardedFor are the same key, and so
// are http.request.method and {"http":{"request":{"method":…}}}.
//
// Where a line has $request_time under its own name, response_time is something else.
// A latency counts only with its unit, because some write it in milliseconds.
var conventions = []struct{ variable, names string }{
	{"msec", "time timestamp ts date datetime eventtime logtime epoch timeepoch timems timestampms tsms"},
	{"remote_addr", "ip remoteip remote remotehost remoteaddress address sourceip sourceaddress httprequestremoteip requestremoteip clienthost"},
	{"remote_addr+http_x_forwarded_for", "client clientip clientaddr clientaddress requestclientip"},
	{"remote_port", "clientport sourceport requestremoteport"},
	{"remote_user", "user username auth authuser userid clientusername"},
	{"request", "requestline httprequest req"},
	{"request_method", "method verb httpmethod httprequestmethod httprequestrequestmethod"},
	{"request_uri", "url requesturl urloriginal urlfull requestpath httpurl httprequesturi httprequestrequesturl httptarget"},
	{"uri", "uri path urlpath httppath"},
	{"args", "query requestquery querystring urlquery"},
	{"server_protocol", "protocol proto httprequestprotocol requestproto requestprotocol httpversion httpprotocol"},
	{"host", "vhost domain urldomain requesthost requestheadershost domainhttphost"},
	{"scheme", "urlscheme requestscheme"},
	{"status", "statuscode responsecode responsestatus code httpstatus httpcode httpstatuscode httpresponsestatuscode httprequeststatus responsestatuscode downstreamstatus response"},
	{"body_bytes_sent", "bytes size bodybytes bodysent bodysentbytes responsesize responselength httpresponsebodybytes respbodysize" +
		" responsebodysize downstreamcontentsize"},
	{"bytes_sent", "bytesout sentbytes httpresponsebytes httprequestresponsesize"},
	{"request_length", "bytesin reqsize requestsize httprequestbytes httprequestrequestsize"},
	{"http_referer", "referer referrer httpreferrer httprequestreferrer httprequestreferer requestreferer requestheadersreferer"},
	{"http_user_agent", "agent ua useragent useragentoriginal httpuseragent httprequestuseragent requestuseragent requestheadersuseragent"},
	{"http_x_forwarded_for", "xff xforwardedfor xforwardfor forwardedfor networkforwardedip requestxforwardedfor requestheadersxforwardedfor"},
	{"http_x_real_ip", "xrealip realip requestxrealip requestheadersxrealip"},
	{"proxy_protocol_addr", "proxyaddr proxyprotocolip"},
	{"request_id", "reqid requestid xrequestid httprequestid"},
	{"sent_http_content_type", "responsecontenttype httpresponsemimetype"},
	{"ssl_protocol", "tlsprotocol"},
	{"ssl_cipher", "tlscipher"},
	{"ssl_server_name", "sni tlssni tlsservername tlsclientservername"},
	{"upstream_addr", "upstream upstreamaddress upstreamhost"},
	{"upstream_response_time", "upstreamtime apptime"},
	{"upstream_cache_status", "cachestatus"},
	{"request_time", "duration requestduration durations durationseconds requesttimes reqtime resptime responsetime"},
	{"request_time/ms", "durationms requesttimems requestdurationms tookms elapsedms responsetimems latencyms latenciesrequest"},
	{"request_time/us", "durationus requesttimeus reqtimemicrosec"},
	{"request_time/ns", "eventduration durationns"},
	{"request_time/suffix", "latency httprequestlatency"},
}

// unitNames are the units as conventions has them.
var unitNames = map[string]unit{"ms": inMillis, "us": inMicros, "ns": inNanos, "suffix": inSuffix}

// wrappers are objects that only group others: their members are read as if they
// were outside.
var wrappers = []string{"nginx", "nginxaccess", "access", "fields", "nginxfields"}

const (
	// maxFolded is the length of the longest folded key that is looked up.
	maxFolded = 48
	// maxKeyName is the length of the longest name of a key, with those of the
	// objects around it.
	maxKeyName = 256
)

// A path is a key in the form in which it is looked up: in lower case and without
// "_", "-", "@" and spaces.
type path struct {
	bytes [maxFolded]byte
	n     int // the length; maxFolded+1 for any path that is longer
}

// add appends one key. A dot in a key is the same as an object in an object.
func (p *path) add(name []byte) {
	for _, c := range name {
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == '.':
			p.enter()
			continue
		case c == '_' || c == '-' || c == '@' || c == ' ':
			continue
		}
		if p.n >= maxFolded {
			p.n = maxFolded + 1
			return
		}
		p.bytes[p.n] = c
		p.n++
	}
}

// enter makes the path that of the object it names, before a member is added. The
// path of a wrapper is empty.
func (p *path) enter() {
	if p.n > maxFolded {
		return
	}
	for _, w := range wrappers {
		if string(p.bytes[:p.n]) == w {
			p.n = 0
			return
		}
	}
}

// fold returns name in the form in which it is looked up, or "" if it is too long.
func fold(name string) string {
	var p path
	p.add([]byte(name))
	if p.n > maxFolded {
		return ""
	}
	return string(p.bytes[:p.n])
}

// A keyTable finds keys by their length, and among those of one length by binary
// search. That takes three comparisons for most keys, and no allocation.
type keyTable struct {
	keys  []key
	first [maxFolded + 2]uint16 // the index of the first key of each length
	// client is a key that is guessed to mean $remote_addr.
	client *key
	// dismissed are the folded keys of which the operator said that they mean no
	// variable.
	dismissed []string
}

// isDismissed reports whether the operator said that a folded key means no variable.
func (t *keyTable) isDismissed(folded []byte) bool {
	for _, name := range t.dismissed {
		if name == string(folded) {
			return true
		}
	}
	return false
}

func (t *keyTable) find(p *path) *key {
	if p.n == 0 || p.n > maxFolded {
		return nil
	}
	want := p.bytes[:p.n]
	low, high := int(t.first[p.n]), int(t.first[p.n+1])
	for low < high {
		mid := int(uint(low+high) / 2)
		switch k := &t.keys[mid]; {
		case k.folded == string(want):
			return k
		case k.folded < string(want):
			low = mid + 1
		default:
			high = mid
		}
	}
	return nil
}

// newKeyTable makes the table of the variables' own names, the conventions and the
// configured names. A configured name overrides the others. The error joins one
// for each configured name that is wrong.
func newKeyTable(configured map[string]string) (*keyTable, error) {
	byName := map[string]key{}
	for _, c := range conventions {
		name, suffix, _ := strings.Cut(c.variable, "/")
		name, second, _ := strings.Cut(name, "+")
		k := key{variable: lookup(name), guessed: true, unit: unitNames[suffix]}
		if second != "" {
			v := lookup(second)
			k.second = &v
		}
		for _, n := range strings.Fields(c.names) {
			k.folded = n
			byName[n] = k
		}
	}
	for _, v := range variables {
		// The key uri is a guess too: many use it for $request_uri.
		folded := fold(v.name)
		byName[folded] = key{folded: folded, variable: v, guessed: v.name == "uri"}
	}

	var errs []error
	origin := map[string]string{}
	var dismissed []string
	for _, name := range slices.Sorted(maps.Keys(configured)) {
		k, err := configuredKey(name, configured[name])
		if err != nil {
			errs = append(errs, fmt.Errorf("key %q: %w", name, err))
			continue
		}
		if other, twice := origin[k.folded]; twice {
			errs = append(errs, fmt.Errorf("keys %q and %q are the same: case and punctuation do not count", other, name))
			continue
		}
		origin[k.folded] = name
		if k.variable.name == "" {
			delete(byName, k.folded)
			dismissed = append(dismissed, k.folded)
			continue
		}
		byName[k.folded] = k
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}

	t := &keyTable{keys: make([]key, 0, len(byName)), client: &key{variable: lookup("remote_addr"), guessed: true}, dismissed: dismissed}
	for _, k := range byName {
		t.keys = append(t.keys, k)
	}
	slices.SortFunc(t.keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(len(a.folded), len(b.folded)), strings.Compare(a.folded, b.folded))
	})
	for length := range t.first {
		n, _ := slices.BinarySearchFunc(t.keys, length, func(k key, length int) int { return cmp.Compare(len(k.folded), length) })
		t.first[length] = uint16(n)
	}
	return t, nil
}

// unmapped in place of a variable removes a convention.
const unmapped = "-"

// configuredKey returns the key of a configured name.
func configuredKey(name, variableName string) (key, error) {
	k := key{folded: fold(name), configured: true}
	if k.folded == "" {
		return k, fmt.Errorf("not a key: a key has letters or digits, at most %d of them", maxFolded)
	}
	if variableName == unmapped {
		return k, nil
	}
	variableName = strings.TrimPrefix(variableName, "$")
	if variableName == "" || strings.ContainsFunc(variableName, func(r rune) bool { return r >= 0x80 || !isNameByte(byte(r)) }) {
		return k, fmt.Errorf("%q is not the name of an nginx variable", variableName)
	}
	k.variable = lookup(variableName)
	if inMilliseconds(name) {
		switch k.variable.kind {
		case kindSeconds:
			k.unit = inMillis
		case kindSecondsList:
			return k, fmt.Errorf("$%s is a list of seconds, but the name of the key says milliseconds", variableName)
		}
	}
	return k, nil
}

// inMilliseconds reports whether the name of a key says milliseconds, as
// duration_ms and durationMs do.
func inMilliseconds(name string) bool {
	for _, suffix := range []string{"_ms", "-ms", ".ms", "Ms"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// fits reports whether value can be one of the variable that the key means by
// convention. Numbers and times are not checked here, but when they are read.
func (k *key) fits(value []byte) bool {
	switch k.variable.name {
	case "remote_addr", "http_x_real_ip", "proxy_protocol_addr":
		return bytes.IndexByte(value, ' ') < 0 && looksLikeAddress(value)
	case "request":
		return bytes.IndexByte(value, ' ') > 0
	case "request_method":
		return isMethod(value)
	case "request_uri", "uri":
		return value[0] == '/' || value[0] == '*' || bytes.Contains(value, schemeEnd)
	case "server_protocol":
		return isProtocol(value)
	case "scheme":
		return bytes.HasPrefix(value, []byte("http"))
	case "upstream_cache_status", "request_id":
		return bytes.IndexByte(value, ' ') < 0
	}
	return k.variable.kind.misfit(value) == ""
}

// looksLikeAddress reports whether value is an address and not a name. The address
// may be masked or have a port.
func looksLikeAddress(value []byte) bool {
	c := value[0]
	return '0' <= c && c <= '9' && bytes.ContainsAny(value, ".:") || c == '[' ||
		bytes.Count(value, []byte(":")) > 1 || bytes.HasPrefix(value, []byte("unix:"))
}

var schemeEnd = []byte("://")
