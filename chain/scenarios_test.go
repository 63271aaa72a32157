package chain_test

import (
	"slices"
	"time"

	"clearhop/verdict"
)

// Lines of the reference that scenarios change.
const (
	edgeTrust      = "    set_real_ip_from 10.16.1.11;\n    set_real_ip_from 2001:db8:16:1::11;\n"
	edgeHeader     = "    real_ip_header   proxy_protocol;\n"
	edgeListen     = "        listen 80 proxy_protocol;\n        listen [::]:80 proxy_protocol;\n"
	plainListen    = "        listen 80;\n        listen [::]:80;\n"
	edgeXRealIP    = "proxy_set_header   X-Real-IP       $proxy_protocol_addr;"
	edgeXForwarded = "proxy_set_header   X-Forwarded-For $proxy_protocol_addr;"
	edgeUpstream   = "        server    10.16.1.14:80;\n"
	errorPage      = "        error_page 400 405 414 494 501 505 /refused.html;\n"
	errorLevel     = "/dev/stderr error;"
	webTrust       = "    set_real_ip_from  10.16.1.13;\n    set_real_ip_from  2001:db8:16:1::13;\n"
	webHeader      = "    real_ip_header    X-Forwarded-For;\n"
	webRecursive   = "    real_ip_recursive on;\n"
)

// What people get wrong, or change on purpose.
var (
	noRealipAtEdge = []edit{{edgeTrust, ""}, {edgeHeader, ""}}
	noRealipAtWeb  = []edit{{webTrust, ""}, {webHeader, ""}, {webRecursive, ""}}
	wrongCIDREdge  = []edit{{edgeTrust, "    set_real_ip_from 10.99.0.0/16;\n"}}
	wrongCIDRWeb   = []edit{{webTrust, "    set_real_ip_from  10.99.0.0/16;\n"}}
	notListened    = []edit{{edgeListen, plainListen}}
	noErrorPage    = []edit{{errorPage, ""}, {"        location = /refused.html {\n            internal;\n            root /usr/share/nginx/html;\n        }\n", ""}}
	handOnRemote   = []edit{{edgeXRealIP, "proxy_set_header   X-Real-IP       $remote_addr;"}, {edgeXForwarded, "proxy_set_header   X-Forwarded-For $remote_addr;"}}
	appendHeader   = []edit{{edgeXForwarded, "proxy_set_header   X-Forwarded-For $proxy_add_x_forwarded_for;"}}
	nonRecursive   = []edit{{webRecursive, "    real_ip_recursive off;\n"}}
	noProxyAtEdge  = join(notListened, noRealipAtEdge)
)

func join(edits ...[]edit) []edit { return slices.Concat(edits...) }

// visits is the traffic of most scenarios: innocents, forgers, and a connection
// that is kept alive.
func visits() []connection {
	return slices.Concat(plain(), forged(visitor4), []connection{keptAlive(neighbour4)})
}

type wants = map[string]verdict.Reason

// none means that a hop logs no request of an innocent.
const none = verdict.NoReason

// scenarios are the ways to set up the chain. The reasons wanted of each were
// written down before it ran.
var scenarios = []scenario{
	{
		name: "ok", what: "the reference itself",
		traffic: visits(), healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "keep-alive", what: "many visitors share few connections between the hops",
		traffic: []connection{keptAlive(visitor4), keptAlive(neighbour4), keptAlive(visitor4), keptAlive(visitor6)}, healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "ppv2-not-listened", what: "the NLB sends PROXY protocol v2, and the edge does not listen for it",
		edge: join(notListened, noErrorPage), traffic: plain(),
		want: wants{"edge": none, "web": none},
	},
	{
		name: "ppv2-not-listened-error-page", what: "like ppv2-not-listened, with the error page of the reference",
		edge: notListened, traffic: plain(),
		want: wants{"edge": none, "web": none},
	},
	{
		name: "ppv2-not-sent", what: "the edge listens for the PROXY protocol, and the NLB does not send it",
		nlb: plainIP, nginx: olderNginx, traffic: plain(),
		want: wants{"edge": none, "web": none},
	},
	{
		name: "ppv2-not-sent-newer", what: "like ppv2-not-sent, with nginx 1.23.2 or newer, which writes one line",
		nlb: plainIP, nginx: newerNginx, traffic: plain(),
		want: wants{"edge": none, "web": none},
	},
	{
		name: "edge-no-realip", what: "the edge reads the PROXY protocol, but its realip module is not set up",
		edge: noRealipAtEdge, traffic: visits(),
		want: wants{"edge": verdict.RealipNotApplied, "edge.seed": verdict.ProxyProtocolOff, "web": verdict.OK},
	},
	{
		name: "edge-wrong-cidr", what: "`set_real_ip_from` at the edge names other addresses than the NLB's",
		edge: wrongCIDREdge, traffic: visits(),
		want: wants{"edge": verdict.RealipNotApplied, "edge.seed": verdict.ProxyProtocolOff, "web": verdict.OK},
	},
	{
		name: "web-no-realip", what: "the realip module is not set up at the web hop",
		web: noRealipAtWeb, traffic: visits(),
		want: wants{"edge": verdict.OK, "web": verdict.RealipNotApplied},
	},
	{
		name: "web-wrong-cidr", what: "`set_real_ip_from` at the web hop names other addresses than the edge's",
		web: wrongCIDRWeb, traffic: visits(),
		want: wants{"edge": verdict.OK, "web": verdict.RealipNotApplied},
	},
	{
		name: "no-realip-anywhere", what: "the realip module is not set up at either hop",
		edge: noRealipAtEdge, web: noRealipAtWeb, traffic: visits(),
		want: wants{"edge": verdict.RealipNotApplied, "edge.seed": verdict.ProxyProtocolOff, "web": verdict.RealipNotApplied},
	},
	{
		name: "wrong-cidr-everywhere", what: "both hops trust other addresses than those of the hop before them",
		edge: wrongCIDREdge, web: wrongCIDRWeb, traffic: visits(),
		want: wants{"edge": verdict.RealipNotApplied, "edge.seed": verdict.ProxyProtocolOff, "web": verdict.RealipNotApplied},
	},
	{
		name: "edge-hands-on-remote-addr", what: "the edge reads the PROXY protocol, has no realip module set up, and passes on `$remote_addr`",
		edge: join(noRealipAtEdge, handOnRemote), traffic: visits(),
		want: wants{"edge": verdict.RealipNotApplied, "edge.seed": verdict.ProxyProtocolOff, "web": verdict.EdgeHandedOnProxy},
	},
	{
		name: "edge-hands-on-remote-addr-realip", what: "like edge-hands-on-remote-addr, with the realip module, which makes it right",
		edge: handOnRemote, traffic: visits(), healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "ppv2-off", what: "target type ip with its defaults: no hop reads the PROXY protocol, and the edge passes on `$remote_addr`",
		nlb: plainIP, edge: join(noProxyAtEdge, handOnRemote), traffic: visits(),
		want: wants{"edge": verdict.ProxyProtocolOff, "web": verdict.EdgeHandedOnProxy},
	},
	{
		name: "ppv2-off-nothing-handed-on", what: "like ppv2-off, but the edge passes on `$proxy_protocol_addr`, which is empty",
		nlb: plainIP, edge: noProxyAtEdge, traffic: visits(),
		want: wants{"edge": verdict.ProxyProtocolOff, "web": verdict.EdgeHandedOnNothing},
	},
	{
		name: "ppv2-off-realip-everywhere", what: "there is no PROXY protocol, and the edge takes the client from X-Forwarded-For, which the visitor wrote",
		nlb: plainIP, edge: join(notListened, handOnRemote, []edit{{edgeHeader, "    real_ip_header   X-Forwarded-For;\n"}}), fooled: []string{"edge.seed", "web"}, traffic: visits(),
		want: wants{"edge": verdict.ProxyProtocolOff, "web": verdict.EdgeHandedOnProxy},
	},
	{
		name: "append-recursive", what: "the edge appends to the visitor's X-Forwarded-For, and the web hop reads it recursively",
		edge: appendHeader, traffic: visits(), healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "append-not-recursive", what: "like append-recursive, but not recursively, which is enough for one proxy",
		edge: appendHeader, web: nonRecursive, traffic: visits(), healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "append-edge-no-realip", what: "the edge appends, but its realip module is not set up, so it appends the NLB's address",
		edge: join(noRealipAtEdge, appendHeader), traffic: visits(),
		want: wants{"edge": verdict.RealipNotApplied, "edge.seed": verdict.ProxyProtocolOff, "web": verdict.EdgeHandedOnProxy},
	},
	{
		name: "append-edge-no-realip-web-trusts-all-hops", what: "like append-edge-no-realip, and the web hop also trusts the NLB's address, so it goes on to what the visitor wrote",
		edge: join(noRealipAtEdge, appendHeader), web: []edit{{webTrust, "    set_real_ip_from  10.16.1.0/24;\n"}}, traffic: visits(),
		want: wants{"edge": verdict.RealipNotApplied, "edge.seed": verdict.ProxyProtocolOff, "web": verdict.EdgeHandedOnProxy},
	},
	{
		name: "web-trusts-everybody", what: "the web hop trusts 0.0.0.0/0 and reads recursively, behind an edge that appends",
		edge: appendHeader, web: []edit{{webTrust, "    set_real_ip_from  0.0.0.0/0;\n"}}, traffic: visits(),
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "web-trusts-everybody-not-recursive", what: "the web hop trusts 0.0.0.0/0 and does not read recursively, so it takes the address that the edge wrote",
		edge: appendHeader, web: join(nonRecursive, []edit{{webTrust, "    set_real_ip_from  0.0.0.0/0;\n"}}), traffic: visits(), healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "edge-believes-visitors", what: "the edge takes the client from X-Forwarded-For and trusts 0.0.0.0/0",
		edge:   []edit{{edgeTrust, "    set_real_ip_from 0.0.0.0/0;\n"}, {edgeHeader, "    real_ip_header   X-Forwarded-For;\n    real_ip_recursive on;\n"}},
		fooled: []string{"edge.seed"}, traffic: visits(),
		want: wants{"edge": verdict.RealipNotApplied, "edge.seed": verdict.ProxyProtocolOff, "web": verdict.OK},
	},
	{
		name: "edge-hands-on-visitors-header", what: "the edge sets only X-Real-IP, so X-Forwarded-For is the visitor's",
		edge: []edit{{edgeXForwarded, ""}}, traffic: visits(),
		want: wants{"edge": verdict.OK, "web": verdict.RealipNotApplied},
	},
	{
		name: "two-proxies", what: "one more proxy stands between edge and web, and the web hop trusts it and reads recursively",
		mid: true, web: []edit{{webTrust, webTrust + "    set_real_ip_from  10.16.1.15;\n"}}, trusted: []string{mid4.String()},
		traffic: visits(), healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "two-proxies-not-recursive", what: "like two-proxies, but not recursively, so the web hop takes a proxy's address",
		mid: true, web: join(nonRecursive, []edit{{webTrust, webTrust + "    set_real_ip_from  10.16.1.15;\n"}}), trusted: []string{mid4.String()},
		traffic: visits(),
		want:    wants{"edge": verdict.OK, "web": verdict.RealipNotApplied},
	},
	{
		name: "cdn", what: "a CDN stands before the NLB, the edge appends, and the web hop trusts both",
		edge: appendHeader, web: []edit{{webTrust, webTrust + "    set_real_ip_from  130.176.0.0/16;\n"}}, trusted: []string{"130.176.0.0/16"},
		needsSets: "a CDN has public addresses", traffic: throughCDN(), healthy: true,
		want: wants{"edge": verdict.CDNInFront, "edge.seed": verdict.CDNInFront, "web": verdict.OK},
	},
	{
		name: "cdn-web-does-not-trust-it", what: "like cdn, but the web hop does not trust the CDN's network",
		edge: appendHeader, trusted: []string{"130.176.0.0/16"}, needsSets: "a CDN has public addresses", traffic: throughCDN(),
		want: wants{"edge": verdict.CDNInFront, "edge.seed": verdict.CDNInFront, "web": verdict.RealipNotApplied},
	},
	{
		name: "health-tcp", what: "TCP health checks on the visitors' port",
		edge: []edit{{errorLevel, "/dev/stderr info;"}}, traffic: []connection{tcpProbe(nil), visit(visitor4), tcpProbe(local()), tcpProbe(nil)}, healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "health-http", what: "HTTP health checks with PROXY protocol v2 (LOCAL), on the visitors' port and on a port of their own",
		traffic: []connection{probe(local(), 80, "/hello"), visit(visitor4), probe(local(), 80, "/healthz"), probe(local(), 8080, "/healthz"), probe(local(), 80, "/hello")}, healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "health-http-ppv2-off", what: "HTTP health checks without the PROXY protocol, target type instance",
		nlb: sourceKept, edge: join(noProxyAtEdge, handOnRemote),
		traffic: []connection{probe(nil, 80, "/hello"), visit(visitor4), probe(nil, 80, "/healthz")}, healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "health-http-not-listened-for", what: "HTTP health checks of a target group that sends no PROXY protocol, to an edge that expects it",
		nginx: olderNginx, nlb: plainIP, traffic: []connection{probe(nil, 80, "/healthz"), probe(nil, 8080, "/healthz")},
		want: wants{"edge": none, "web": none},
	},
	{
		name: "ipv6-client", what: "an IPv6 visitor and an IPv4 target",
		traffic: slices.Concat([]connection{visit(visitor6)}, forged(visitor6)), healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "ipv6-target", what: "IPv6 and IPv4 visitors, and an IPv6 target",
		ipv6Target: true, traffic: []connection{visit(visitor6), visit(visitor4)}, healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "ipv6-target-wrong-cidr", what: "like ipv6-target, but the edge trusts only the NLB's IPv4 address",
		ipv6Target: true, edge: []edit{{edgeTrust, "    set_real_ip_from 10.16.1.11;\n"}}, needsSets: "an NLB of IPv6 targets has public addresses", traffic: []connection{visit(visitor6), visit(visitor4)},
		want: wants{"edge": verdict.RealipNotApplied, "edge.seed": verdict.ProxyProtocolOff, "web": verdict.OK},
	},
	{
		name: "private-link", what: "consumers of an endpoint service come by PrivateLink",
		needsSets: "the consumer has a private address", traffic: []connection{byHand(privateLink(consumer4), request(consumer4, plainAgent, "close")), byHand(privateLink(consumer4), request(consumer4, forgerAgent, "close", "X-Forwarded-For: 1.1.1.1"))},
		healthy: true,
		want:    wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "private-link-logged", what: "like private-link, with the endpoint's id in the log_format (nginx 1.23.2 or newer)",
		nginx: newerNginx, ownFormat: true, edge: []edit{{`"$upstream_addr" "$upstream_status" "$upstream_response_time"';

    log_format clearhop_json`, `"$upstream_addr" "$upstream_status" "$upstream_response_time" "$proxy_protocol_tlv_0xEA"';

    log_format clearhop_json`}, {`'"remote_user":"$remote_user"`, `'"proxy_protocol_tlv_0xEA":"$proxy_protocol_tlv_0xEA","remote_user":"$remote_user"`}},
		needsSets: "the consumer has a private address", traffic: []connection{byHand(privateLink(consumer4), request(consumer4, plainAgent, "close"))}, healthy: true,
		want: wants{"edge": verdict.PrivateLink, "edge.seed": verdict.OK, "web": verdict.OK},
	},
	{
		name: "private-link-ppv2-off", what: "PrivateLink without the PROXY protocol: nobody can tell who the consumer is",
		nlb: plainIP, edge: join(noProxyAtEdge, handOnRemote),
		needsSets: "the consumer has a private address", traffic: []connection{byHand(nil, request(consumer4, plainAgent, "close"))},
		want: wants{"edge": verdict.ProxyProtocolOff, "web": verdict.EdgeHandedOnProxy},
	},
	{
		name: "ppv1", what: "a balancer that is not an NLB sends PROXY protocol v1",
		nlb: proxyProtocol1, traffic: visits(), healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "ppv1-not-listened", what: "like ppv1, but the edge does not listen for the PROXY protocol",
		nlb: proxyProtocol1, edge: join(notListened, noErrorPage), traffic: plain(),
		want: wants{"edge": none, "web": none},
	},
	{
		name: "refused", what: "requests that nginx refuses before its realip module runs, without the error page",
		edge: join(noErrorPage, clientTimeout), traffic: slices.Concat(plain(), refused(visitor4)), healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "refused-error-page", what: "like refused, with the error page of the reference",
		edge: clientTimeout, traffic: slices.Concat(plain(), refused(visitor4)), healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "scanners", what: "scanners come through the NLB",
		traffic: slices.Concat(plain(), scanners(visitor4), scanners(neighbour4)), healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "scanners-no-error-page", what: "like scanners, without the error page: where `$proxy_protocol_addr` is not logged, a NUL byte counts as a fault",
		edge: noErrorPage, traffic: slices.Concat(plain(), scanners(visitor4)),
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "internal-caller", what: "a service inside the VPC calls through the NLB",
		needsSets: "the caller has a private address", traffic: []connection{visit(inside4), visit(visitor4)}, healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "past-the-nlb", what: "a caller inside the VPC goes past the NLB, with and without a PROXY protocol header of its own",
		nginx: olderNginx, needsSets: "the caller has a private address",
		fooled: []string{"web"}, // $proxy_protocol_addr is passed on whoever the peer is
		// It does what a node that nlb lacks would do.
		forged: verdict.UnlistedNode,
		traffic: []connection{
			visit(visitor4),
			direct(visit(inside4), edge4, 80),
			direct(connection{from: inside4, header: proxied(2, forgedByHand), send: []string{request(inside4, forgerAgent, "close")}}, edge4, 80),
		}, healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "unix-peer", what: "edge and web run on one machine, over a Unix-domain socket that the web hop trusts",
		edge:    []edit{{edgeUpstream, "        server    unix:/run/web.sock;\n"}},
		web:     []edit{{"        listen 80;\n", "        listen 80;\n        listen unix:/run/web.sock;\n"}, {webTrust, "    set_real_ip_from  unix:;\n"}},
		trusted: []string{"unix:"}, traffic: visits(), healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "unix-peer-no-realip", what: "like unix-peer, but the realip module is not set up at the web hop",
		edge:    []edit{{edgeUpstream, "        server    unix:/run/web.sock;\n"}},
		web:     join(noRealipAtWeb, []edit{{"        listen 80;\n", "        listen 80;\n        listen unix:/run/web.sock;\n"}}),
		trusted: []string{"unix:"}, traffic: visits(),
		want: wants{"edge": verdict.OK, "web": verdict.RealipNotApplied},
	},
	{
		name: "masked", what: "both hops mask the last part of the client's address in the log",
		edge: masking, web: masking, traffic: plain(), healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "instance", what: "target type instance: the source address is kept, and nobody sends the PROXY protocol",
		nlb: sourceKept, edge: join(noProxyAtEdge, handOnRemote), traffic: visits(), healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "instance-ppv2", what: "target type instance with PROXY protocol v2: the peer already is the client",
		nlb: keptAndProxied, traffic: visits(), healthy: true,
		want: wants{"edge": verdict.OK, "web": verdict.OK},
	},
	{
		name: "instance-ppv2-not-listened", what: "target type instance with PROXY protocol v2, and the edge does not listen for it",
		nlb: keptAndProxied, edge: join(notListened, noErrorPage), traffic: plain(),
		want: wants{"edge": none, "web": none},
	},
}

var (
	consumer4    = addr("172.31.5.9") // in the VPC of a PrivateLink consumer
	forgedByHand = addr("1.1.1.1")

	// A short timeout keeps the test of it short.
	clientTimeout = []edit{{"    upstream web {\n", "    client_header_timeout 1s;\n\n    upstream web {\n"}}

	masking = []edit{
		{"    log_format clearhop '$remote_addr - $remote_user", "    map $remote_addr $masked {\n        ~^(?<kept>.*[.:]) ${kept}x;\n    }\n    log_format clearhop '$masked - -"},
		{`"remote_addr":"$remote_addr"`, `"remote_addr":"$masked"`},
	}
)

// throughCDN are requests of a CDN, which adds its peer to X-Forwarded-For. A
// forger's own header stands before it.
func throughCDN() []connection {
	var all []connection
	for _, header := range []struct{ agent, value string }{
		{plainAgent, visitor4.String()},
		{plainAgent, visitor6.String()},
		{forgerAgent, "1.1.1.1, " + visitor4.String()},
		{forgerAgent, edge4.String() + ", " + visitor4.String()},
	} {
		from := visitor4
		if header.value == visitor6.String() {
			from = visitor6
		}
		all = append(all, connection{from: cdn4, send: []string{request(from, header.agent, "close", "X-Forwarded-For: "+header.value)}, wait: 5 * time.Second})
	}
	return all
}
