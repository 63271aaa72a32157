package diagnose

import (
	"fmt"
	"strings"

	"clearhop/verdict"
)

// titles are the faults in words: what is wrong, for somebody who was woken by it.
var titles = map[cause]string{
	{verdict.ProxyProtocolNotSent, verdict.Edge}:     "The edge nginx waits for the PROXY protocol, and the NLB does not send it: requests fail",
	{verdict.ProxyProtocolNotListened, verdict.Edge}: "The NLB sends the PROXY protocol, and the edge nginx does not listen for it: requests fail with 400",
	{verdict.ProxyProtocolOff, verdict.Edge}:         "The NLB does not send the PROXY protocol: nobody behind it can know the client",
	{verdict.RealipNotApplied, verdict.Edge}:         "The edge nginx gets the client by the PROXY protocol and does not take it",
	{verdict.RealipNotApplied, verdict.Web}:          "The web nginx does not take what the edge hands on: it logs the edge's own address",
	{verdict.EdgeHandedOnProxy, verdict.Edge}:        "The edge nginx hands on the NLB's address where the client's should be",
	{verdict.EdgeHandedOnNothing, verdict.Edge}:      "The edge nginx hands on no client at all: X-Forwarded-For and X-Real-IP are not set",
	{verdict.TrustsTooMuch, verdict.Edge}:            "The edge nginx believes an address that any visitor can write",
	{verdict.TrustsTooMuch, verdict.Web}:             "The web nginx believes an address that any visitor can write",
	{verdict.TrustsTooMuch, verdict.NoHop}:           "nginx believes an address that any visitor can write",
	{verdict.CDNInFront, verdict.Edge}:               "A CDN, or another proxy of yours, stands before it, and nothing is broken",
	{verdict.OwnClient, verdict.Edge}:                "The address is a client's inside your network, and nothing is broken",
	{verdict.FieldsDisagree, verdict.Edge}:           "The edge nginx hands on two different clients for one request",
}

func title(k cause) string {
	if t, ok := titles[k]; ok {
		return t
	}
	if t, ok := titles[cause{k.reason, verdict.Edge}]; ok {
		return t
	}
	return k.reason.Info().Means
}

// mend is the sentence of docs/verdicts.md.
func mend(reason verdict.Reason) string { return reason.Info().Fix }

const (
	whereEdge  = "in the server of the edge nginx that the NLB reaches"
	whereProxy = "in the location of the edge nginx that passes requests on"
	whereWeb   = "in http or server of the web nginx"
	whereGroup = "at the target group of the NLB"
)

// A pharmacy writes the configuration that mends a fault, with the addresses of
// this chain.
type pharmacy struct {
	nlb, edge []string
	groups    []TargetGroup
}

func (p *pharmacy) cure(k cause) []Step {
	switch k.reason {
	case verdict.ProxyProtocolNotSent:
		return []Step{p.turnOn()}
	case verdict.ProxyProtocolNotListened:
		return []Step{p.edgeReads("listen 80 proxy_protocol;  # your port")}
	case verdict.ProxyProtocolOff:
		on := p.turnOn()
		on.Note = "Do both at one time: while only one is done every request fails. " +
			"To change over without that, add a second port to nginx and a target group for it, and move the NLB's listener."
		return []Step{p.edgeReads("listen 80 proxy_protocol;  # your port"), on}
	case verdict.RealipNotApplied:
		if k.hop == verdict.Web {
			return []Step{p.webReads()}
		}
		return []Step{p.edgeReads()}
	case verdict.EdgeHandedOnProxy, verdict.EdgeHandedOnNothing, verdict.FieldsDisagree:
		return []Step{handOn()}
	case verdict.TrustsTooMuch:
		var s Step
		if k.hop == verdict.Web {
			s = p.webReads()
		} else {
			s = p.edgeReads()
		}
		s.Note = strings.TrimSpace("Take out every other set_real_ip_from of this server, 0.0.0.0/0 first. " + s.Note)
		return []Step{s}
	}
	return nil
}

func (p *pharmacy) edgeReads(first ...string) Step {
	return Step{
		Where: whereEdge,
		Lines: append(first, append(trust(p.nlb, "<the NLB's subnets>"), "real_ip_header proxy_protocol;")...),
	}
}

func (p *pharmacy) webReads() Step {
	s := Step{
		Where: whereWeb,
		Lines: append(trust(p.edge, "<the subnets of the edge's tasks>"), "real_ip_header X-Forwarded-For;", "real_ip_recursive on;"),
	}
	if len(p.edge) > 0 {
		s.Note = "A task on Fargate gets a new address with each deploy: give the subnets of the edge's tasks, these are the addresses seen."
	}
	return s
}

func handOn() Step {
	return Step{
		Where: whereProxy,
		Lines: []string{
			"proxy_set_header X-Real-IP $proxy_protocol_addr;",
			"proxy_set_header X-Forwarded-For $proxy_protocol_addr;",
		},
		Note: "With a CDN before the NLB: X-Forwarded-For $http_x_forwarded_for, $proxy_protocol_addr in one value.",
	}
}

func (p *pharmacy) turnOn() Step {
	s := Step{Where: whereGroup, Lines: []string{"proxy_protocol_v2.enabled = true"}}
	for _, g := range p.groups {
		if !g.ProxyProtocolV2 {
			s.Lines = append(s.Lines, fmt.Sprintf("aws elbv2 modify-target-group-attributes --target-group-arn %s --attributes Key=proxy_protocol_v2.enabled,Value=true", g.ARN))
		}
	}
	return s
}

func trust(addresses []string, placeholder string) []string {
	const most = 8
	if len(addresses) == 0 {
		addresses = []string{placeholder}
	}
	var lines []string
	for _, a := range addresses[:min(len(addresses), most)] {
		lines = append(lines, "set_real_ip_from "+a+";")
	}
	if len(addresses) > most {
		lines = append(lines, fmt.Sprintf("# … and %d more", len(addresses)-most))
	}
	return lines
}

// tellApart says what would tell two causes apart that the same lines allow.
func tellApart(reason, other verdict.Reason) string {
	switch {
	case other == verdict.OwnClient:
		return "ask whose address that is: name the NLB's with --nlb, and your own clients' with --internal"
	case other == verdict.CDNInFront:
		return "ask whose the last address of X-Forwarded-For is: name a CDN's networks, or a proxy's, with --trusted"
	case other == verdict.EdgeHandedOnNothing:
		return "give the NLB's addresses with --nlb, or the edge's log too: these lines do not show whether the peer is the NLB or a task of the edge"
	case reason == verdict.ProxyProtocolOff && other == verdict.RealipNotApplied:
		return "log $proxy_protocol_addr at the edge: if it holds the client, the PROXY protocol is on and the realip module does not act"
	case reason == verdict.EdgeHandedOnProxy && other == verdict.ProxyProtocolOff:
		return "the edge's own log with $proxy_protocol_addr: if that is empty, the NLB sends no PROXY protocol"
	case other == verdict.HealthCheckProbe:
		return "log $http_user_agent and $request, and name the check's path with --health-path"
	case other == verdict.TrustsTooMuch, reason == verdict.TrustsTooMuch:
		return "log $realip_remote_addr: it shows whether nginx replaced the peer"
	case other == verdict.RealipNotApplied:
		return "log $http_x_forwarded_for and $http_x_real_ip"
	case other == verdict.PrivateLink:
		return "log $proxy_protocol_tlv_0xEA (nginx 1.23.2 or newer): it holds the endpoint's id"
	}
	return "log all of the variables in docs/verdicts.md"
}
