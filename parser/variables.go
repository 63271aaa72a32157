package parser

import (
	"bytes"
	"strings"

	"clearhop/record"
)

// A kind says how a variable's value is written, and so how it is read.
type kind uint8

const (
	kindText        kind = iota // any bytes; many of these values come from the client
	kindWord                    // text without a space: addresses, ids, hosts
	kindScheme                  // http or https
	kindProtocol                // HTTP/1.1, which spaces can follow
	kindMark                    // a "?" or nothing: $is_args
	kindInt                     // a whole number
	kindSeconds                 // seconds with a fraction
	kindTimeLocal               // 28/Sep/1970:12:00:00 +0600
	kindTimeISO                 // 1970-09-28T12:00:00+06:00
	kindMsec                    // seconds since the epoch with milliseconds
	kindRequest                 // the request line
	kindTextList                // a $upstream_* list of texts
	kindIntList                 // … of whole numbers
	kindSecondsList             // … of seconds
)

func (k kind) isList() bool { return k >= kindTextList }

func (k kind) isNumeric() bool {
	switch k {
	case kindInt, kindSeconds, kindMsec, kindIntList, kindSecondsList:
		return true
	default:
		return false
	}
}

// holds reports whether an unquoted word or item of a list of texts can contain c.
// It reports true for all other kinds.
func (k kind) holds(c byte) bool {
	switch k {
	case kindWord, kindScheme:
		return c > ' '
	case kindTextList:
		return c != ' ' && c != ','
	default:
		return true
	}
}

// run returns how many bytes at the start of b can be a value of kind k, or an item
// of a list.
func (k kind) run(b []byte) int {
	n := 0
	switch k {
	case kindWord, kindScheme, kindTextList:
		for n < len(b) && k.holds(b[n]) {
			n++
		}
		return n
	case kindMark:
		if len(b) > 0 && b[0] == '?' {
			return 1
		}
		return 0
	case kindInt, kindIntList:
		return digitRun(b)
	case kindSeconds, kindSecondsList, kindMsec:
		n = digitRun(b)
		if n < len(b) && b[n] == '.' {
			if fraction := digitRun(b[n+1:]); fraction > 0 {
				n += 1 + fraction
			}
		}
		return n
	default:
		return len(b)
	}
}

// digitRun returns the number of digits at the start of b, at most 20: no number
// has so many.
func digitRun(b []byte) int {
	n := 0
	for n < len(b) && n < 20 && '0' <= b[n] && b[n] <= '9' {
		n++
	}
	return n
}

const noTime = 0

// timeRank orders the kinds of times: the most precise one is stored.
func (k kind) timeRank() int {
	switch k {
	case kindTimeLocal:
		return 1
	case kindTimeISO:
		return 2
	case kindMsec:
		return 3
	default:
		return noTime
	}
}

// misfit returns why raw is not a value of kind k, or "" if it is.
func (k kind) misfit(raw []byte) string {
	ok := true
	switch k {
	case kindProtocol:
		if bytes.IndexByte(bytes.TrimRight(raw, " "), ' ') >= 0 {
			return notProtocol
		}
	case kindScheme:
		if s := string(raw); s != "http" && s != "https" {
			return notScheme
		}
	case kindInt:
		if _, ok = parseInt(raw); !ok {
			return notInt
		}
	case kindSeconds:
		if _, ok = parseSeconds(raw); !ok {
			return notSeconds
		}
	case kindMsec:
		_, ok = parseSeconds(raw)
	case kindTimeLocal:
		_, ok = parseTimeLocal(raw)
	case kindTimeISO:
		_, ok = parseTimeISO(raw)
	case kindIntList:
		return misfitList(raw, kindInt)
	case kindSecondsList:
		return misfitList(raw, kindSeconds)
	}
	if !ok {
		return notTime
	}
	return ""
}

// A variable is an nginx variable and the field of the record that it fills. If
// there is such a field, exactly one of text, number, list and listNumber is set.
// $request fills several fields, and a time fills none of Access. All other
// variables go to Access.Extra under their own name.
type variable struct {
	name       string
	kind       kind
	width      int // the length of every value in bytes; 0 if it varies
	logged     record.Logged
	text       func(*record.Access) *[]byte
	number     func(*record.Access) *record.Int
	list       func(*record.Upstream) *[]byte
	listNumber func(*record.Upstream) *record.Int
	// kept reports that the value also goes to Access.Extra, because no field of the
	// event has it.
	kept bool
}

// Members of a Logged set that the record does not name. Together they replace
// $request.
const (
	loggedMethod record.Logged = 1 << (15 - iota)
	loggedTarget
	loggedMethodAndTarget = loggedMethod | loggedTarget
)

// variables are the nginx variables that have a field of their own, grouped by the
// modules that define them. To fill a new field, add a line here.
var variables = []variable{
	// ngx_http_core_module
	{name: "remote_addr", kind: kindWord, logged: record.LoggedRemoteAddr, text: func(a *record.Access) *[]byte { return &a.RemoteAddr }},
	{name: "remote_port", kind: kindInt, number: func(a *record.Access) *record.Int { return &a.RemotePort }},
	{name: "remote_user", kind: kindText, text: func(a *record.Access) *[]byte { return &a.RemoteUser }},
	{name: "request", kind: kindRequest, logged: record.LoggedRequest},
	{name: "request_method", kind: kindWord, logged: loggedMethod, text: func(a *record.Access) *[]byte { return &a.Method }},
	{name: "request_uri", kind: kindText, logged: loggedTarget, text: func(a *record.Access) *[]byte { return &a.RequestTarget }},
	{name: "uri", kind: kindText, logged: loggedTarget, text: func(a *record.Access) *[]byte { return &a.URI }},
	{name: "document_uri", kind: kindText, logged: loggedTarget, text: func(a *record.Access) *[]byte { return &a.URI }},
	{name: "args", kind: kindText, text: func(a *record.Access) *[]byte { return &a.Args }},
	{name: "query_string", kind: kindText, text: func(a *record.Access) *[]byte { return &a.Args }},
	{name: "server_protocol", kind: kindProtocol, text: func(a *record.Access) *[]byte { return &a.Protocol }},
	{name: "host", kind: kindWord, text: func(a *record.Access) *[]byte { return &a.Host }},
	{name: "http_host", kind: kindText, text: func(a *record.Access) *[]byte { return &a.HTTPHost }},
	{name: "server_name", kind: kindWord, kept: true, text: func(a *record.Access) *[]byte { return &a.ServerName }},
	{name: "server_port", kind: kindInt, number: func(a *record.Access) *record.Int { return &a.ServerPort }},
	{name: "scheme", kind: kindScheme, text: func(a *record.Access) *[]byte { return &a.Scheme }},
	{name: "https", kind: kindWord, text: func(a *record.Access) *[]byte { return &a.HTTPS }},
	{name: "status", kind: kindInt, logged: record.LoggedStatus, number: func(a *record.Access) *record.Int { return &a.Status }},
	{name: "body_bytes_sent", kind: kindInt, number: func(a *record.Access) *record.Int { return &a.BodyBytesSent }},
	{name: "bytes_sent", kind: kindInt, number: func(a *record.Access) *record.Int { return &a.BytesSent }},
	{name: "request_length", kind: kindInt, number: func(a *record.Access) *record.Int { return &a.RequestLength }},
	{name: "request_time", kind: kindSeconds, number: func(a *record.Access) *record.Int { return &a.RequestTime }},
	{name: "request_id", kind: kindWord, text: func(a *record.Access) *[]byte { return &a.RequestID }},
	// In ingress-nginx: the visitor's X-Request-ID, or $request_id without one.
	{name: ingressID, kind: kindText, text: func(a *record.Access) *[]byte { return &a.RequestID }},
	{name: "sent_http_content_type", kind: kindText, text: func(a *record.Access) *[]byte { return &a.ContentType }},
	{name: "http_referer", kind: kindText, text: func(a *record.Access) *[]byte { return &a.Referer }},
	{name: "http_user_agent", kind: kindText, logged: record.LoggedUserAgent, text: func(a *record.Access) *[]byte { return &a.UserAgent }},
	{name: "http_x_forwarded_for", kind: kindText, logged: record.LoggedXForwardedFor, text: func(a *record.Access) *[]byte { return &a.XForwardedFor }},
	{name: "http_x_real_ip", kind: kindText, logged: record.LoggedXRealIP, text: func(a *record.Access) *[]byte { return &a.XRealIP }},
	{name: "proxy_protocol_addr", kind: kindWord, logged: record.LoggedProxyProtocolAddr, text: func(a *record.Access) *[]byte { return &a.ProxyProtocolAddr }},
	{name: "proxy_protocol_port", kind: kindInt, kept: true, number: func(a *record.Access) *record.Int { return &a.ProxyProtocolPort }},
	{name: vpceVariable, kind: kindWord, kept: true, text: func(a *record.Access) *[]byte { return &a.VPCEndpoint }},

	// What a proxy passes on: the client's X-Forwarded-For and $remote_addr behind it.
	{name: "proxy_add_x_forwarded_for", kind: kindText, kept: true, logged: record.LoggedXForwardedFor | record.LoggedRemoteAddr,
		text: func(a *record.Access) *[]byte { return &a.Forwarded }},
	// In ingress-nginx until 2019: X-Forwarded-For, or $remote_addr without one.
	{name: "the_real_ip", kind: kindText, kept: true, logged: record.LoggedXForwardedFor, text: func(a *record.Access) *[]byte { return &a.Forwarded }},

	// ngx_stream_core_module
	{name: "session_time", kind: kindSeconds, number: func(a *record.Access) *record.Int { return &a.RequestTime }},
	{name: "bytes_received", kind: kindInt, number: func(a *record.Access) *record.Int { return &a.RequestLength }},

	// The time of the line, which is the end of the request.
	{name: "time_local", kind: kindTimeLocal, width: len("28/Sep/1970:12:00:00 +0600")},
	{name: "time_iso8601", kind: kindTimeISO, width: len("1970-09-28T12:00:00+06:00")},
	{name: "msec", kind: kindMsec},

	// ngx_http_realip_module
	{name: "realip_remote_addr", kind: kindWord, logged: record.LoggedRealipRemoteAddr, text: func(a *record.Access) *[]byte { return &a.RealipRemoteAddr }},
	{name: "realip_remote_port", kind: kindInt, number: func(a *record.Access) *record.Int { return &a.RealipRemotePort }},

	// ngx_http_ssl_module
	{name: "ssl_protocol", kind: kindWord, text: func(a *record.Access) *[]byte { return &a.TLSProtocol }},
	{name: "ssl_cipher", kind: kindWord, text: func(a *record.Access) *[]byte { return &a.TLSCipher }},
	{name: "ssl_server_name", kind: kindWord, text: func(a *record.Access) *[]byte { return &a.TLSServerName }},

	// ngx_http_upstream_module
	{name: "upstream_addr", kind: kindTextList, list: func(u *record.Upstream) *[]byte { return &u.Address }},
	{name: "upstream_status", kind: kindIntList, listNumber: func(u *record.Upstream) *record.Int { return &u.Status }},
	{name: "upstream_connect_time", kind: kindSecondsList, listNumber: func(u *record.Upstream) *record.Int { return &u.ConnectTime }},
	{name: "upstream_header_time", kind: kindSecondsList, listNumber: func(u *record.Upstream) *record.Int { return &u.HeaderTime }},
	{name: "upstream_response_time", kind: kindSecondsList, listNumber: func(u *record.Upstream) *record.Int { return &u.ResponseTime }},
	{name: "upstream_response_length", kind: kindIntList, listNumber: func(u *record.Upstream) *record.Int { return &u.ResponseBytes }},
	{name: "upstream_cache_status", kind: kindWord, text: func(a *record.Access) *[]byte { return &a.CacheStatus }},
}

// Variables returns the names of the variables that have a field of their own, without
// "$". The values of all others go to Access.Extra.
func Variables() []string {
	names := make([]string, len(variables))
	for i := range variables {
		names[i] = variables[i].name
	}
	return names
}

// vpceVariable is the PROXY protocol's TLV with the id of the VPC endpoint (AWS
// PrivateLink). nginx has it since 1.23.2.
const vpceVariable = "proxy_protocol_tlv_0xEA"

// ingressID is the id of a request in ingress-nginx. If $request_id is logged before
// it, $req_id is kept under its own name.
const ingressID = "req_id"

// xRequestID is the header in which one hop passes its $request_id to the next. It
// is kept under its own name. If $request_id is not logged, it is also the id of
// the request, so that the lines of both hops have the same id.
const xRequestID = "http_x_request_id"

// lookup returns the variable of that name. Case does not matter, as in nginx. A
// variable without a field of its own is kept under its name.
func lookup(name string) variable {
	for _, v := range variables {
		if strings.EqualFold(v.name, name) {
			return v
		}
	}
	name = strings.ToLower(name)
	v := variable{name: name, kind: extraKind(name)}
	if name == trailing || strings.HasPrefix(name, Unnamed) {
		v.logged = record.LoggedUnnamed
	}
	return v
}

// Unnamed begins the names of columns of which nobody knows the variable. They are
// no variables of nginx.
const Unnamed = "unnamed_"

// trailing is what CombinedExtra reads behind combined.
const trailing = "trailing"

// extraKind returns the kind of a variable without a field of its own. Only values
// that come from the client or the configuration can contain a space.
func extraKind(name string) kind {
	switch name {
	case "connection", "connection_requests", "connections_active", "connections_reading", "connections_writing", "connections_waiting",
		"limit_rate", "pid", "proxy_port", "proxy_protocol_server_port", "request_port", "ssl_client_v_remain",
		"tcpinfo_rcv_space", "tcpinfo_rtt", "tcpinfo_rttvar", "tcpinfo_snd_cwnd":
		return kindInt
	case "is_args":
		return kindMark
	case "connection_time", "gzip_ratio":
		return kindSeconds
	case "hostname", "http2", "http3", "is_request_port", "limit_conn_status", "limit_req_status", "nginx_version", "pipe",
		"proxy_alternative_upstream_name", "proxy_host", "proxy_protocol_server_addr", "proxy_upstream_name",
		"request_body_file", "request_completion", "protocol", "server_addr", "slice_range",
		"ssl_alpn_protocol", "ssl_ciphers", "ssl_client_fingerprint", "ssl_client_serial", "ssl_client_sigalg",
		"ssl_curve", "ssl_curves", "ssl_early_data", "ssl_session_id", "ssl_session_reused", "ssl_sigalg":
		return kindWord
	case "upstream_bytes_received", "upstream_bytes_sent":
		return kindIntList
	case "upstream_first_byte_time", "upstream_queue_time", "upstream_session_time":
		return kindSecondsList
	}
	return kindText
}

// hasField reports whether a field of the record holds the variable.
func (v *variable) hasField() bool {
	return v.text != nil || v.number != nil || v.list != nil || v.listNumber != nil || v.kind == kindRequest || v.kind.timeRank() != noTime
}

// mayBeExtra reports whether a value of the variable may go to Access.Extra.
func (v *variable) mayBeExtra() bool { return v.kept || v.text != nil || !v.hasField() }

// set stores value, which is nil if the variable is absent. It returns what is
// wrong with value, or an empty reason.
func (v *variable) set(r *record.Record, value []byte) (reason string) {
	reason = v.setField(r, value)
	if v.kept && value != nil && reason == "" {
		if v.text != nil {
			value = *v.text(&r.Access)
		}
		r.Access.Extra = append(r.Access.Extra, record.Pair{Name: v.name, Value: value})
	}
	return reason
}

// setField stores value, which is nil if the variable is absent. It returns what is
// wrong with value, or an empty reason.
func (v *variable) setField(r *record.Record, value []byte) (reason string) {
	switch v.kind {
	case kindRequest:
		setRequest(&r.Access, value)
		return ""
	case kindTimeLocal, kindTimeISO, kindMsec:
		return v.setTime(r, value)
	case kindInt, kindSeconds:
		if v.number != nil {
			return v.setNumber(v.number(&r.Access), value)
		}
	case kindTextList, kindIntList, kindSecondsList:
		if v.list != nil || v.listNumber != nil {
			return v.setList(&r.Access, value)
		}
	}
	v.setText(&r.Access, value)
	return ""
}

// setNumber stores a number in field.
func (v *variable) setNumber(field *record.Int, value []byte) (reason string) {
	n, reason := v.kind.parse(value)
	if reason == "" {
		*field = n
	}
	return reason
}

// setText stores a text in its field, or in Extra if it has none. An absent
// variable stores nothing: $request may have filled the field already, since nginx
// has no $request_uri for a request that it refuses.
func (v *variable) setText(a *record.Access, value []byte) {
	switch {
	case value == nil:
	case v.text == nil || v.name == ingressID && a.RequestID != nil && !bytes.Equal(value, a.RequestID):
		if v.name == xRequestID && a.RequestID == nil {
			a.RequestID = value
		}
		a.Extra = append(a.Extra, record.Pair{Name: v.name, Value: value})
	default:
		if v.name == vpceVariable && len(value) > 0 && value[0] == vpceSubtype {
			value = value[1:]
		}
		*v.text(a) = value
	}
}

// vpceSubtype is the first byte of the value of the VPC endpoint's TLV
// (PP2_SUBTYPE_AWS_VPCE_ID in the NLB guide).
const vpceSubtype = 0x01

// setTime stores the time of the line. The reasons it returns are part of events.
func (v *variable) setTime(r *record.Record, value []byte) (reason string) {
	if value == nil {
		return "the time is absent"
	}
	var ms int64
	var ok bool
	switch v.kind {
	case kindTimeLocal:
		ms, ok = parseTimeLocal(value)
	case kindTimeISO:
		ms, ok = parseTimeISO(value)
	default:
		var ns int64
		ns, ok = parseSeconds(value)
		ms = ns / nanosPerMilli
	}
	if !ok {
		return notTime
	}
	r.Timestamp, r.HasTimestamp = ms, true
	setZone(r, value)
	return ""
}
