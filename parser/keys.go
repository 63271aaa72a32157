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
	// guessed is set for a name that is a convention and no more: a value that
	// has not the shape of the variable's is taken for something else.
	guessed bool
	unit    unit
}

// A unit is what a duration is counted in.
type unit uint8

const (
	inSeconds unit = iota // what nginx writes
	inMillis
	inNanos
)

// nanosPer is the length of each unit in nanoseconds.
var nanosPer = [...]float64{inSeconds: nanosPerSecond, inMillis: nanosPerMilli, inNanos: 1}

// conventions are the names under which public log_formats and the log schemas
// carry nginx variables, besides the variables' own names. They stand as fold
// makes them: x_forwarded_for, X-Forwarded-For and xForwardedFor are one, and so
// are http.request.method and {"http":{"request":{"method":…}}}.
//
// response_time and latency are not here: as many mean $request_time by them as
// $upstream_response_time.
var conventions = []struct{ variable, names string }{
	{"msec", "time timestamp ts date datetime eventtime logtime epoch timeepoch timems timestampms tsms"},
	{"remote_addr", "ip clientip remoteip remote remotehost client clientaddr clientaddress remoteaddress sourceip sourceaddress" +
		" httprequestremoteip"},
	{"remote_port", "clientport sourceport"},
	{"remote_user", "user username auth authuser"},
	{"request", "requestline httprequest"},
	{"request_method", "method verb httpmethod httprequestmethod httprequestrequestmethod"},
	{"request_uri", "url requesturl urloriginal requestpath httpurl httprequesturi httprequestrequesturl httptarget"},
	{"uri", "uri path urlpath httppath"},
	{"args", "query requestquery querystring urlquery"},
	{"server_protocol", "protocol proto requestproto requestprotocol httpversion httpprotocol"},
	{"host", "vhost domain urldomain requesthost"},
	{"scheme", "urlscheme requestscheme"},
	{"status", "statuscode responsecode responsestatus code httpstatus httpcode httpstatuscode httpresponsestatuscode httprequeststatus response"},
	{"body_bytes_sent", "bytes size bodybytes bodysent bodysentbytes responsesize responselength httpresponsebodybytes"},
	{"bytes_sent", "bytesout sentbytes httpresponsebytes"},
	{"request_length", "bytesin requestsize httprequestbytes"},
	{"http_referer", "referer referrer httpreferrer httprequestreferrer httprequestreferer"},
	{"http_user_agent", "agent ua useragent useragentoriginal httpuseragent httprequestuseragent"},
	{"http_x_forwarded_for", "xff xforwardedfor forwardedfor networkforwardedip"},
	{"http_x_real_ip", "xrealip realip"},
	{"proxy_protocol_addr", "proxyaddr proxyprotocolip"},
	{"request_id", "reqid requestid xrequestid httprequestid"},
	{"sent_http_content_type", "responsecontenttype httpresponsemimetype"},
	{"ssl_protocol", "tlsprotocol"},
	{"ssl_cipher", "tlscipher"},
	{"ssl_server_name", "sni tlssni tlsservername tlsclientservername"},
	{"upstream_addr", "upstream upstreamaddress upstreamhost"},
	{"upstream_response_time", "upstreamtime"},
	{"upstream_cache_status", "cachestatus"},
	{"request_time", "duration requestduration durations durationseconds requesttimes"},
	{"request_time/ms", "durationms requesttimems requestdurationms tookms elapsedms responsetimems latencyms"},
	{"request_time/ns", "eventduration"},
}

// wrappers are objects that only hold the others: what they contain is read as
// if it stood by itself.
var wrappers = []string{"nginx", "nginxaccess", "access", "fields", "nginxfields"}

const (
	// maxFolded is the longest key that is looked up, in folded bytes.
	maxFolded = 48
	// maxKeyName bounds the names that unknown keys are kept under.
	maxKeyName = 256
)

// A path is a key in the form in which it is looked up: small letters and
// digits, all else left out.
type path struct {
	bytes [maxFolded]byte
	n     int // maxFolded+1 if it is longer
}

// add appends one key. A dot in it does what an object around it would.
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

// enter goes into the object that the path names.
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

// fold returns name in the form in which it is looked up, empty if it is too
// long for that.
func fold(name string) string {
	var p path
	p.add([]byte(name))
	if p.n > maxFolded {
		return ""
	}
	return string(p.bytes[:p.n])
}

// A keyTable finds keys by their length and then by halving: no hash, no
// allocation, and three comparisons for most.
type keyTable struct {
	keys  []key
	first [maxFolded + 2]uint16 // where the keys of each length start
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

// newKeyTable makes the table of the variables' own names, the conventions and
// the configured names; each of the latter goes before what is known by itself.
// All that is wrong with the configuration comes joined.
func newKeyTable(configured map[string]string) (*keyTable, error) {
	byName := map[string]key{}
	for _, c := range conventions {
		name, suffix, _ := strings.Cut(c.variable, "/")
		k := key{variable: lookup(name), guessed: true}
		switch suffix {
		case "ms":
			k.unit = inMillis
		case "ns":
			k.unit = inNanos
		}
		for _, n := range strings.Fields(c.names) {
			k.folded = n
			byName[n] = k
		}
	}
	for _, v := range variables {
		// $uri is what many write, and $request_uri what many of them mean.
		folded := fold(v.name)
		byName[folded] = key{folded: folded, variable: v, guessed: v.name == "uri"}
	}

	var errs []error
	origin := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(configured)) {
		k, err := configuredKey(name, configured[name])
		if err != nil {
			errs = append(errs, fmt.Errorf("key %q: %w", name, err))
			continue
		}
		if other, twice := origin[k.folded]; twice {
			errs = append(errs, fmt.Errorf("keys %q and %q are read as one", other, name))
			continue
		}
		origin[k.folded] = name
		if k.variable.name == "" {
			delete(byName, k.folded)
			continue
		}
		byName[k.folded] = k
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}

	t := &keyTable{keys: make([]key, 0, len(byName))}
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

// unmapped in place of a variable takes a convention back.
const unmapped = "-"

func configuredKey(name, variableName string) (key, error) {
	k := key{folded: fold(name)}
	if k.folded == "" {
		return k, fmt.Errorf("not a key: it must have letters or digits, and at most %d of them", maxFolded)
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
			return k, fmt.Errorf("$%s is a list of seconds, and the key says milliseconds", variableName)
		}
	}
	return k, nil
}

// inMilliseconds reports whether a key says its unit: duration_ms, durationMs.
func inMilliseconds(name string) bool {
	for _, suffix := range []string{"_ms", "-ms", ".ms", "Ms"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// fits reports whether value can be one of the variable that its key makes
// believe it is. Numbers and times are held to their shape by being read.
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

// looksLikeAddress tells an address, masked or with a port too, from a name.
func looksLikeAddress(value []byte) bool {
	c := value[0]
	return '0' <= c && c <= '9' && bytes.ContainsAny(value, ".:") || c == '[' ||
		bytes.Count(value, []byte(":")) > 1 || bytes.HasPrefix(value, []byte("unix:"))
}

var schemeEnd = []byte("://")
