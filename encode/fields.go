package encode

//go:generate go run clearhop/internal/tools/eventcode -in . -out event_generated.go

import (
	"bytes"
	"net/netip"

	"clearhop/record"
	"clearhop/verdict"
)

// SchemaVersion is the event's schema_version. It changes when a reader that knows
// older events would misread new ones.
const SchemaVersion = 1

// fields are the event's fields, in their order. They are defined nowhere else.
//
// The encoder is generated from this file's text: event_generated.go. So the way to a
// value is a named function, or a function that is one return.
var fields = []field[record.Record]{
	timestamp("@timestamp", "When the request ended, UTC.", "`$msec`, `$time_iso8601` or `$time_local`; else as `event.timestamp_from` says",
		func(r *record.Record) int64 { return r.Timestamp }),
	integer("schema_version", "", "The version of the event's form.", "1",
		func(*record.Record) record.Int { return record.Int{N: SchemaVersion, Valid: true} }),

	text("event.id", "Deterministic: an event that was sent twice has the same id both times.", "the CloudWatch event id; else a hash of the log's name, its first line, the offset and the line",
		func(r *record.Record) []byte { return r.ID }),
	code("event.kind", "`event`, or `pipeline_error` for a line that no format reads.", "", eventKind),
	code("event.category", "`web` for access lines.", "", eventCategory),
	code("event.dataset", "`nginx.access`, `nginx.error`, `nginx.other` (output of an entrypoint, notices of nginx, lines that continue another one) or `nginx.unparsed`.", "",
		func(r *record.Record) string { return r.Dataset.String() }),
	code("event.outcome", "`success` below status 400, else `failure`.", "`$status`", eventOutcome),
	integer("event.duration", "ns", "From the first byte read to the line written.", "`$request_time`, or `$session_time` of a stream",
		func(r *record.Record) record.Int { return r.Access.RequestTime }),
	code("event.timestamp_from", "Where `@timestamp` comes from if the line has no time: `envelope`, `cloudwatch`, `previous_line` or `clock`.", "",
		func(r *record.Record) string { return r.TimestampFrom.String() }),
	text("event.hash", "The same for the same log event on each road out of CloudWatch Logs. Together with `aws.cloudwatch.log_group` and `log_stream` it finds events that came on two roads. See \"The second key\" below.", "the time of the log event and the first line of its message",
		func(r *record.Record) []byte { return r.Hash }),
	text(originalPath, "The line as it was read, at most 64 KiB of it. `nginx.unparsed` and `nginx.other` always have it, other events on request. A line that continues another one does not: the other event has the whole message. Cookies and tokens are scrubbed.", "the line",
		func(r *record.Record) []byte { return r.Original }),
	decimal("event.sample_rate", "", "The share of events like this one that a rule keeps. The event stands for `1 / sample_rate` of them. Absent if none are left out.", "the setting `rule`",
		func(r *record.Record) (float64, bool) { return r.SampleRate, r.SampleRate > 0 }),
	list(truncatedPath, "The fields whose values were shortened or left out: the value is longer than the field holds, or the event was too large for its destination.", "",
		appendCut),

	address("client.ip", "The client. Absent if it cannot be known. It is never the address of a proxy.", "the field named in `provenance.field`",
		func(r *record.Record) netip.Addr { return r.Client.IP }),
	text("client.address", "What was logged if that is no IP address: a masked address, a name, `unix:`. With `privacy: hash` the client's pseudonym.", "`$remote_addr`",
		func(r *record.Record) []byte { return r.Client.Address }),
	integer("client.port", "", "Its port, where it is not also the peer's.", "`$remote_port` if nginx replaced the peer by the client, or `$proxy_protocol_port`",
		func(r *record.Record) record.Int { return r.Client.Port }),
	word("client.geo.continent_code", "Two letters.", "GeoIP City or Country", func(r *record.Record) string { return r.Geo.ContinentCode }),
	word("client.geo.country_iso_code", "ISO 3166-1 alpha-2.", "GeoIP City or Country", func(r *record.Record) string { return r.Geo.CountryISOCode }),
	word("client.geo.country_name", "In English.", "GeoIP City or Country", func(r *record.Record) string { return r.Geo.CountryName }),
	word("client.geo.region_iso_code", "ISO 3166-2.", "GeoIP City", func(r *record.Record) string { return r.Geo.RegionISOCode }),
	word("client.geo.region_name", "In English.", "GeoIP City", func(r *record.Record) string { return r.Geo.RegionName }),
	word("client.geo.city_name", "In English.", "GeoIP City", func(r *record.Record) string { return r.Geo.CityName }),
	word("client.geo.postal_code", "", "GeoIP City", func(r *record.Record) string { return r.Geo.PostalCode }),
	word("client.geo.timezone", "IANA name.", "GeoIP City", func(r *record.Record) string { return r.Geo.TimeZone }),
	decimal("client.geo.location.lat", "degrees", "", "GeoIP City", func(r *record.Record) (float64, bool) { return r.Geo.Latitude, r.Geo.HasLocation }),
	decimal("client.geo.location.lon", "degrees", "", "GeoIP City", func(r *record.Record) (float64, bool) { return r.Geo.Longitude, r.Geo.HasLocation }),
	integer("client.as.number", "", "The autonomous system.", "GeoIP ASN",
		func(r *record.Record) record.Int {
			return record.Int{N: int64(r.AS.Number), Valid: r.AS.Number != 0}
		}),
	word("client.as.organization.name", "", "GeoIP ASN", func(r *record.Record) string { return r.AS.Organization }),

	address("source.ip", "The TCP peer that nginx saw.", "`$realip_remote_addr`; else `$remote_addr` if it is a proxy",
		func(r *record.Record) netip.Addr { return r.Client.SourceIP }),
	text("source.address", "With `privacy: hash`, the pseudonym of the peer, unless it is a proxy.", "`source.ip`",
		func(r *record.Record) []byte { return r.Client.SourceAddress }),
	integer("source.port", "", "Its port.", "`$realip_remote_port`, else `$remote_port` unless nginx replaced the peer",
		func(r *record.Record) record.Int { return r.Client.SourcePort }),

	code("provenance.verdict", "How the client is known; see docs/verdicts.md.", "", func(r *record.Record) string { return r.Provenance.Verdict.String() }),
	boolean("provenance.nlb_private_ip", "`$remote_addr` still shows the address of an NLB.", "", func(r *record.Record) (bool, bool) {
		return r.Provenance.NLBPrivateIP, r.Provenance.Verdict != verdict.NoVerdict
	}),
	boolean("provenance.nlb_inferred", "The set of NLB addresses was inferred, not given. Only beside `nlb_private_ip`.", "", func(r *record.Record) (bool, bool) {
		return true, r.Provenance.NLBInferred
	}),
	word("provenance.nlb", "The NLB whose node the peer is, or else `$remote_addr`. Only where its nodes are discovered (`nlb: discover`).", "EC2", func(r *record.Record) string { return r.Provenance.NLB }),
	code("provenance.reason", "The first cause that fits; see docs/verdicts.md.", "", func(r *record.Record) string { return r.Provenance.Reason.String() }),
	list("provenance.alternatives", "Other reasons that the same evidence allows.", "", appendAlternatives),
	code("provenance.hop", "Where the fault sits: `edge` or `web`.", "", func(r *record.Record) string { return r.Provenance.Hop.String() }),
	word("provenance.field", "The nginx variable that gave `client.ip`.", "", func(r *record.Record) string { return string(r.Provenance.Field) }),
	boolean("provenance.vouched", "A trusted hop stands behind `client.ip`.", "", func(r *record.Record) (bool, bool) {
		return r.Provenance.Vouched, r.Client.IP.IsValid() || r.Provenance.Field != ""
	}),
	list("provenance.hops", "The addresses known, the client first; at most 16. With `privacy: hash` pseudonyms, but of proxies.", "", appendHops),
	integer("provenance.hop_count", "", "How many there were, where `hops` holds fewer.", "", func(r *record.Record) record.Int {
		return record.Int{N: int64(r.Provenance.HopCount), Valid: r.Provenance.HopCount > len(r.Provenance.Hops)}
	}),
	list(claimedPath, "What the visitor said of itself, at most 16 tokens of 64 bytes. Never believed.", "`$http_x_forwarded_for` and others", appendClaimed),
	integer("provenance.claimed_count", "", "How many tokens there were, where `claimed` holds fewer.", "", func(r *record.Record) record.Int {
		return record.Int{N: int64(r.Provenance.ClaimedCount), Valid: r.Provenance.ClaimedCount > len(r.Provenance.Claimed)}
	}),
	code("provenance.geo_state", "How the GeoIP look-up of `client.ip` went: `found`, `not_found`, `private`, `db_missing`, `db_stale` (found in a database that is old).", "",
		func(r *record.Record) string { return string(r.Geo.State) }),

	text("http.request.method", "", "`$request` or `$request_method`", func(r *record.Record) []byte { return r.Access.Method }),
	text("http.request.referrer", "", "`$http_referer`", func(r *record.Record) []byte { return r.Access.Referer }),
	text("http.request.id", "", "`$request_id`, else `$http_x_request_id`", func(r *record.Record) []byte { return r.Access.RequestID }),
	integer("http.request.bytes", "bytes", "Request line, header and body. In a stream, what the client sent.", "`$request_length`, or `$bytes_received` of a stream", func(r *record.Record) record.Int { return r.Access.RequestLength }),
	integer("http.response.status_code", "", "", "`$status`", func(r *record.Record) record.Int { return r.Access.Status }),
	integer("http.response.bytes", "bytes", "With the header. In a stream, what the client got.", "`$bytes_sent`", func(r *record.Record) record.Int { return r.Access.BytesSent }),
	integer("http.response.body.bytes", "bytes", "Without the header.", "`$body_bytes_sent`", func(r *record.Record) record.Int { return r.Access.BodyBytesSent }),
	text("http.response.mime_type", "Without parameters.", "`$sent_http_content_type`", mimeType),
	text("http.version", "", "`$request` or `$server_protocol`", httpVersion),

	text("url.original", "As the client sent it.", "`$request` or `$request_uri`", func(r *record.Record) []byte { return r.URL.Original }),
	text("url.path", "", "`url.original`, else `$uri`", func(r *record.Record) []byte { return r.URL.Path }),
	text("url.query", "Without the `?`.", "`url.original`, else `$args`", func(r *record.Record) []byte { return r.URL.Query }),
	text("url.extension", "Without the dot.", "`url.path`", func(r *record.Record) []byte { return r.URL.Extension }),
	text("url.domain", "Without port.", "`$host`, `$http_host` or the request line", func(r *record.Record) []byte { return r.URL.Domain }),
	text("url.scheme", "", "`$scheme`, `$https` or the request line", func(r *record.Record) []byte { return r.URL.Scheme }),
	integer("url.port", "", "", "`$server_port` or the request line", func(r *record.Record) record.Int { return r.URL.Port }),

	text("user.name", "", "`$remote_user`", func(r *record.Record) []byte { return r.Access.RemoteUser }),

	text("user_agent.original", "", "`$http_user_agent`", func(r *record.Record) []byte { return r.Access.UserAgent }),
	word("user_agent.name", "", "`$http_user_agent`", func(r *record.Record) string { return r.UserAgent.Name }),
	word("user_agent.version", "", "`$http_user_agent`", func(r *record.Record) string { return r.UserAgent.Version }),
	word("user_agent.os.name", "", "`$http_user_agent`", func(r *record.Record) string { return r.UserAgent.OSName }),
	word("user_agent.os.version", "", "`$http_user_agent`", func(r *record.Record) string { return r.UserAgent.OSVersion }),
	word("user_agent.device.name", "", "`$http_user_agent`", func(r *record.Record) string { return r.UserAgent.DeviceName }),
	boolean("user_agent.bot", "A program, not a person's browser.", "`$http_user_agent`", func(r *record.Record) (bool, bool) { return r.UserAgent.Bot, r.UserAgent.Valid }),

	text("tls.version", "As nginx writes it: `TLSv1.3`.", "`$ssl_protocol`", func(r *record.Record) []byte { return r.Access.TLSProtocol }),
	text("tls.cipher", "", "`$ssl_cipher`", func(r *record.Record) []byte { return r.Access.TLSCipher }),
	text("tls.client.server_name", "", "`$ssl_server_name`", func(r *record.Record) []byte { return r.Access.TLSServerName }),

	objects("nginx.access.upstream", "One entry per try.", "the `$upstream_*` lists", upstreamFields,
		func(r *record.Record) []record.Upstream { return r.Access.Upstream }),
	dictionary("nginx.access.extra", "Every other variable of the log_format under its nginx name, and `request` if that is no request line.", "", appendExtra),

	text("nginx.error.level", "", "an error line", func(r *record.Record) []byte { return r.Error.Level }),
	integer("nginx.error.pid", "", "", "an error line", func(r *record.Record) record.Int { return r.Error.PID }),
	integer("nginx.error.tid", "", "", "an error line", func(r *record.Record) record.Int { return r.Error.TID }),
	integer("nginx.error.connection", "", "The number behind the `*`.", "an error line", func(r *record.Record) record.Int { return r.Error.Connection }),
	integer("nginx.error.errno", "", "The system's error number.", "an error line", func(r *record.Record) record.Int { return r.Error.Errno }),
	text("nginx.error.errno_text", "", "an error line", func(r *record.Record) []byte { return r.Error.ErrnoText }),
	text("nginx.error.action", "What nginx was doing: the words behind `while`.", "an error line", func(r *record.Record) []byte { return r.Error.Action }),
	text("nginx.error.client", "As nginx saw it: by the same realip rules as `$remote_addr`.", "an error line", func(r *record.Record) []byte { return r.Error.Client }),
	text("nginx.error.server", "", "an error line", func(r *record.Record) []byte { return r.Error.Server }),
	text("nginx.error.request", "", "an error line", func(r *record.Record) []byte { return r.Error.Request }),
	text("nginx.error.subrequest", "", "an error line", func(r *record.Record) []byte { return r.Error.Subrequest }),
	text("nginx.error.upstream", "", "an error line", func(r *record.Record) []byte { return r.Error.Upstream }),
	text("nginx.error.host", "", "an error line", func(r *record.Record) []byte { return r.Error.Host }),
	text("nginx.error.referrer", "", "an error line", func(r *record.Record) []byte { return r.Error.Referrer }),
	text("nginx.continues", "The `event.id` of the line that this one continues. That event has the whole message.", "", func(r *record.Record) []byte { return r.Continues }),

	text("error.message", "What an error line says, or why an unparsed line could not be read.", "", errorMessage),
	integer("error.column", "bytes", "Where in the line, from 1.", "", errorColumn),

	text("log.level", "", "an error line", func(r *record.Record) []byte { return r.Error.Level }),
	word("log.file.path", "", "the file's path as given", func(r *record.Record) string { return r.Line.Origin.File }),
	word("cloud.account.id", "", "the CloudWatch payload", func(r *record.Record) string { return r.Line.Origin.AccountID }),
	wordOr("aws.cloudwatch.log_group", "", "the CloudWatch payload, the export of Logs Insights, or what `awslogs` wrote before the line",
		func(r *record.Record) string { return r.Line.Origin.LogGroup }, func(r *record.Record) []byte { return r.Envelope.LogGroup }),
	wordOr("aws.cloudwatch.log_stream", "", "the CloudWatch payload, the output of the AWS CLI, or what `awslogs` wrote before the line",
		func(r *record.Record) string { return r.Line.Origin.LogStream }, func(r *record.Record) []byte { return r.Envelope.LogStream }),
	text("container.id", "", "a log router's envelope", func(r *record.Record) []byte { return r.Envelope.ID }),
	text("container.name", "", "a log router's envelope", func(r *record.Record) []byte { return r.Envelope.Name }),
	text("orchestrator.type", "`ecs` or `kubernetes`.", "a log router's envelope", func(r *record.Record) []byte { return r.Envelope.Type }),
	text("orchestrator.cluster.name", "", "a log router's envelope", func(r *record.Record) []byte { return r.Envelope.Cluster }),
	text("orchestrator.namespace", "", "a log router's envelope", func(r *record.Record) []byte { return r.Envelope.Space }),
	text("orchestrator.resource.name", "The pod, or the task's ARN.", "a log router's envelope", func(r *record.Record) []byte { return r.Envelope.Resource }),
}

// upstreamFields are the fields of one try at an upstream server.
var upstreamFields = []field[record.Upstream]{
	text("address", "", "`$upstream_addr`", func(u *record.Upstream) []byte { return u.Address }),
	integer("status", "", "", "`$upstream_status`", func(u *record.Upstream) record.Int { return u.Status }),
	seconds("connect_time", "`$upstream_connect_time`", func(u *record.Upstream) record.Int { return u.ConnectTime }),
	seconds("header_time", "`$upstream_header_time`", func(u *record.Upstream) record.Int { return u.HeaderTime }),
	seconds("response_time", "`$upstream_response_time`", func(u *record.Upstream) record.Int { return u.ResponseTime }),
	integer("response_bytes", "bytes", "", "`$upstream_response_length`", func(u *record.Upstream) record.Int { return u.ResponseBytes }),
	text("cache_status", "Of the whole request; stands in the last entry.", "`$upstream_cache_status`", func(u *record.Upstream) []byte { return u.CacheStatus }),
}

func eventKind(r *record.Record) string {
	if r.Dataset == record.Unparsed {
		return "pipeline_error"
	}
	return "event"
}

func eventCategory(r *record.Record) string {
	if r.Dataset == record.AccessLine {
		return "web"
	}
	return ""
}

// eventOutcome is absent for status 0, which nginx logs if it never answered.
func eventOutcome(r *record.Record) string {
	switch status := r.Access.Status; {
	case !status.Valid || status.N == 0:
		return ""
	case status.N < 400:
		return "success"
	}
	return "failure"
}

var (
	semicolon  = []byte(";")
	httpPrefix = []byte("HTTP/")
)

func mimeType(r *record.Record) []byte {
	before, _, _ := bytes.Cut(r.Access.ContentType, semicolon)
	return bytes.TrimRight(before, " ")
}

func httpVersion(r *record.Record) []byte {
	return bytes.TrimPrefix(r.Access.Protocol, httpPrefix)
}

func errorMessage(r *record.Record) []byte {
	switch {
	case r.Error.Message != nil:
		return r.Error.Message
	case r.Line.Defect != record.Sound:
		return []byte(r.Line.Defect.String())
	case r.ParseError == nil:
		return nil
	case r.ParseError.Variable != "":
		return []byte("$" + r.ParseError.Variable + ": " + r.ParseError.Reason)
	}
	return []byte(r.ParseError.Reason)
}

func errorColumn(r *record.Record) record.Int {
	if r.ParseError == nil {
		return record.Int{}
	}
	return record.Int{N: int64(r.ParseError.Column), Valid: true}
}

func appendAlternatives(dst []byte, r *record.Record) []byte {
	for _, code := range r.Provenance.Alternatives {
		dst = appendString(appendComma(dst), code.String())
	}
	return dst
}

func appendHops(dst []byte, r *record.Record) []byte {
	for i, addr := range r.Provenance.Hops {
		dst = appendComma(dst)
		if name := r.Provenance.HopName(i); name != nil {
			dst = appendString(dst, name)
			continue
		}
		dst = appendAddr(append(dst, '"'), addr)
	}
	return dst
}

// The paths of the fields that have a bound of their own. A list that is cut has the
// number of its items beside it.
const (
	originalPath = "event.original"
	claimedPath  = "provenance.claimed"
)

// appendCut appends the fields that hold only the beginning of their values. Truncate
// adds those that it shortens.
func appendCut(dst []byte, r *record.Record) []byte {
	if r.OriginalCut {
		dst = appendString(appendComma(dst), originalPath)
	}
	if r.Provenance.ClaimedCut {
		dst = appendString(appendComma(dst), claimedPath)
	}
	return dst
}

func appendClaimed(dst []byte, r *record.Record) []byte {
	for _, token := range r.Provenance.Claimed {
		dst = appendString(appendComma(dst), token)
	}
	return dst
}

// badRequestKey is where nginx.access.extra has a request line that is none. A JSON log
// may have something else under that key.
const badRequestKey = "request"

func appendExtra(dst []byte, r *record.Record) []byte {
	if r.Access.BadRequest != nil {
		dst = appendString(appendComma(dst), badRequestKey)
		dst = appendString(append(dst, ':'), r.Access.BadRequest)
	}
	for i := range r.Access.Extra {
		p := &r.Access.Extra[i]
		if r.Access.BadRequest != nil && p.Name == badRequestKey {
			continue // no key stands twice
		}
		dst = appendString(appendComma(dst), p.Name)
		dst = appendString(append(dst, ':'), p.Value)
	}
	return dst
}
