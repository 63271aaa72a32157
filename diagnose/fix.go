package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"clearhop/record"
	"clearhop/verdict"
)

// A remedy is a fault in words, and how to fix it.
type remedy struct {
	title string // what is wrong, for somebody who was woken by it
	// steps make the configuration to paste; nil where there is nothing to fix.
	steps func(*fixValues) []Step
}

// remedies are those of each cause. A hop that is not listed has the remedy of
// the edge.
var remedies = map[cause]remedy{
	{verdict.UnlistedNode, verdict.Edge}: {
		"An address behaves like a node of the NLB, and --nlb does not hold it",
		func(v *fixValues) []Step { return []Step{v.listNodes()} },
	},
	{verdict.UnlistedProxy, verdict.Edge}: {
		"An address behaves like a task of the edge, and --trusted does not hold it",
		func(v *fixValues) []Step { return []Step{v.listTasks()} },
	},
	{verdict.ProxyProtocolNotSent, verdict.Edge}: {
		"The edge nginx waits for the PROXY protocol, and the NLB does not send it: requests fail",
		func(v *fixValues) []Step { return []Step{v.turnOn(), alsoNeeded(v.edgeReads())} },
	},
	{verdict.ProxyProtocolNotListened, verdict.Edge}: {
		"The NLB sends the PROXY protocol, and the edge nginx does not expect it: requests fail with 400",
		func(v *fixValues) []Step { return []Step{v.edgeReads(listen)} },
	},
	{verdict.ProxyProtocolOff, verdict.Edge}: {
		"The NLB does not send the PROXY protocol: nobody behind it can know the client",
		(*fixValues).listenAndTurnOn,
	},
	{verdict.RealipNotApplied, verdict.Edge}: {
		"The edge nginx gets the client by the PROXY protocol and does not use it",
		func(v *fixValues) []Step { return []Step{v.edgeReads()} },
	},
	{verdict.RealipNotApplied, verdict.Web}: {
		"The web nginx does not use the client that the edge passes on: it logs the edge's address",
		func(v *fixValues) []Step { return []Step{v.webReads()} },
	},
	{verdict.EdgeHandedOnProxy, verdict.Edge}: {
		"The edge nginx passes on the NLB's address instead of the client's",
		handOn,
	},
	{verdict.EdgeHandedOnNothing, verdict.Edge}: {
		"The edge nginx passes on no client: X-Forwarded-For and X-Real-IP are not set",
		handOn,
	},
	{verdict.TrustsTooMuch, verdict.Edge}: {
		"The edge nginx believes an address that any visitor can write",
		func(v *fixValues) []Step { return []Step{trustNoOther(v.edgeReads())} },
	},
	{verdict.TrustsTooMuch, verdict.Web}: {
		"The web nginx believes an address that any visitor can write",
		func(v *fixValues) []Step { return []Step{trustNoOther(v.webReads())} },
	},
	{verdict.TrustsTooMuch, verdict.NoHop}: {
		"nginx believes an address that any visitor can write",
		func(v *fixValues) []Step { return []Step{trustNoOther(v.edgeReads())} },
	},
	{verdict.FieldsDisagree, verdict.Edge}: {
		"The edge nginx passes on two different clients for one request",
		handOn,
	},
	{verdict.CDNInFront, verdict.Edge}: {
		"A CDN or another proxy of yours stands before the NLB, and nothing is broken",
		nil,
	},
	{verdict.OwnClient, verdict.Edge}: {
		"The address belongs to a client inside your network, and nothing is broken",
		nil,
	},
}

// proxyProtocolDisagrees is the remedy of FieldsDisagree where the PROXY
// protocol and $remote_addr disagree, and not two headers.
var proxyProtocolDisagrees = remedy{
	"The edge nginx uses another client than the PROXY protocol names",
	func(v *fixValues) []Step { return []Step{v.edgeReads()} },
}

// localHop is the remedy of faults that only requests from nginx's own host show.
var localHop = remedy{
	"A proxy on nginx's own host hides the client: it does not pass on the NLB's PROXY protocol",
	func(v *fixValues) []Step {
		nlb := trust(slices.DeleteFunc(slices.Clone(v.nlb), isLoopback), "<the NLB's subnets>")
		on := v.turnOn()
		on.Note = "If the hop on nginx's own host speaks HTTP, let it send X-Forwarded-For instead of the PROXY protocol."
		return []Step{
			{Where: whereStream, Lines: append([]string{"listen 443 proxy_protocol;  # your port"}, append(nlb, "proxy_protocol on;")...)},
			{Where: whereBehind, Lines: []string{"listen 127.0.0.1:8443 proxy_protocol;  # your port", "set_real_ip_from 127.0.0.1;", "real_ip_header proxy_protocol;"}},
			on,
		}
	},
}

func isLoopback(text string) bool {
	addr, err := netip.ParseAddr(text)
	return err == nil && addr.IsLoopback()
}

// remedyOf returns the remedy of a cause. One that the table does not hold has
// the words of its reason and no steps.
func remedyOf(k cause) remedy {
	if r, ok := remedies[k]; ok {
		return r
	}
	if r, ok := remedies[cause{k.reason, verdict.Edge}]; ok {
		return r
	}
	return remedy{title: k.reason.Info().Means}
}

func (r remedy) stepsWith(v *fixValues) []Step {
	if r.steps == nil {
		return nil
	}
	return r.steps(v)
}

// fixValues are the addresses and the target groups that steps fill in.
type fixValues struct {
	nlb, edge []string // as set_real_ip_from takes them
	gone      []string // of the NLB that was given: no line shows them
	disputed  []string // peers that may be clients of your own
	groups    []record.TargetGroup
}

// Where a step belongs.
const (
	whereEdge  = "in the server of the edge nginx that the NLB reaches"
	whereProxy = "in the location of the edge nginx that passes requests on"
	whereWeb   = "in http or server of the web nginx"
	whereGroup = "at the target group of the NLB"
	// A stream block that the NLB reaches, and the http server behind it.
	whereStream = "in the stream server on nginx's own host that the NLB reaches"
	whereBehind = "in the http server behind it"
	whereFlags  = "in the settings of Clearhop: the command's flag, or the parameter of the functions"
)

const listen = "listen 80 proxy_protocol;  # your port"

// edgeReads lets the edge take the client from the PROXY protocol.
func (v *fixValues) edgeReads(first ...string) Step {
	s := Step{
		Where: whereEdge,
		Lines: append(first, append(trust(v.nlb, "<the NLB's subnets>"), "real_ip_header proxy_protocol;")...),
	}
	if len(v.disputed) > 0 {
		s.Note = fmt.Sprintf("%s is left out, because it may be a client of your own. Add it only if it is the NLB's.", strings.Join(v.disputed, ", "))
	}
	return s
}

// listNodes gives the NLB's nodes as they are now.
func (v *fixValues) listNodes() Step {
	s := Step{
		Where: whereFlags,
		Lines: []string{"--nlb " + strings.Join(union(v.nlb, v.disputed), ",")},
		Note: "Was an Availability Zone added, or the NLB created again? --nlb discover:NAME looks the nodes up in EC2, so that they stay right. " +
			"The edge must trust the same addresses (set_real_ip_from).",
	}
	if len(v.gone) > 0 {
		s.Note = fmt.Sprintf("No line shows %s, which --nlb holds now. ", strings.Join(v.gone, ", ")) + s.Note
	}
	if len(v.disputed) > 0 {
		s.Note += " Then run the doctor again: it judges these lines as the NLB's."
	}
	return s
}

// listTasks gives the edge's tasks as they are now.
func (v *fixValues) listTasks() Step {
	return Step{
		Where: whereFlags,
		Lines: []string{"--trusted " + strings.Join(union(v.edge, v.disputed), ",")},
		Note:  "A task on Fargate gets a new address with each deploy: give the subnets of the edge's tasks. The web nginx must trust the same addresses (set_real_ip_from).",
	}
}

// alsoNeeded says of a step that the next run of the doctor would ask for it.
func alsoNeeded(s Step) Step {
	s.Note = strings.TrimSpace("Also needed, if it is not there yet: without it nginx gets the client and does not use it. " + s.Note)
	return s
}

// webReads lets the web hop take the client from X-Forwarded-For.
func (v *fixValues) webReads() Step {
	s := Step{
		Where: whereWeb,
		Lines: append(trust(v.edge, "<the subnets of the edge's tasks>"), "real_ip_header X-Forwarded-For;", "real_ip_recursive on;"),
	}
	if len(v.edge) > 0 {
		s.Note = "A task on Fargate gets a new address with each deploy: give the subnets of the edge's tasks rather than single addresses."
	}
	return s
}

// turnOn lets the NLB send the PROXY protocol.
func (v *fixValues) turnOn() Step {
	s := Step{Where: whereGroup, Lines: []string{"proxy_protocol_v2.enabled = true"}}
	var cli []string
	for _, g := range v.groups {
		if !g.ProxyProtocolV2 {
			cli = append(cli, modifyGroup(g.ARN)...)
		}
	}
	if cli == nil {
		cli = modifyGroup("TARGET_GROUP_ARN")
	}
	s.Forms = []Form{
		{"AWS CLI", cli},
		{"CloudFormation, in Properties of the AWS::ElasticLoadBalancingV2::TargetGroup", []string{
			"TargetGroupAttributes:", "  - Key: proxy_protocol_v2.enabled", `    Value: "true"`,
		}},
		{"Terraform, in the aws_lb_target_group", []string{"proxy_protocol_v2 = true"}},
	}
	return s
}

// modifyGroup is the command that turns the PROXY protocol on. A shell reads the
// lines as one.
func modifyGroup(arn string) []string {
	return []string{
		`aws elbv2 modify-target-group-attributes \`,
		"  --target-group-arn " + arn + ` \`,
		"  --attributes Key=proxy_protocol_v2.enabled,Value=true",
	}
}

func (v *fixValues) listenAndTurnOn() []Step {
	on := v.turnOn()
	on.Note = "Do both at the same time: every request fails while only one is done. " +
		"To avoid that, add a second port to nginx and a target group for it, and then move the NLB's listener."
	return []Step{v.edgeReads(listen), on}
}

// handOn lets the edge pass the client on.
func handOn(*fixValues) []Step {
	return []Step{{
		Where: whereProxy,
		Lines: []string{
			"proxy_set_header X-Real-IP $proxy_protocol_addr;",
			"proxy_set_header X-Forwarded-For $proxy_protocol_addr;",
		},
		Note: `Behind a CDN, X-Forwarded-For must be "$http_x_forwarded_for, $proxy_protocol_addr".`,
	}}
}

// trustNoOther adds to a step what to remove.
func trustNoOther(s Step) Step {
	s.Note = strings.TrimSpace("Remove every other set_real_ip_from of this server, above all 0.0.0.0/0. " + s.Note)
	return s
}

// trust makes the lines that trust addresses, or a placeholder where none is
// known.
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

const anyReason = verdict.NoReason // in tellTexts

// tellTexts say what tells two causes apart that the same lines allow. The first
// that fits both decides.
var tellTexts = []struct {
	reason, other verdict.Reason
	text          string
}{
	{verdict.UnlistedNode, verdict.OwnClient,
		"find out whose address that is: if it is a client of your own, a VPN for example, give it with --internal"},
	{anyReason, verdict.OwnClient,
		"find out whose address that is: give the NLB's with --nlb, and those of your own clients with --internal"},
	{anyReason, verdict.CDNInFront,
		"find out whose address stands last in X-Forwarded-For: give the networks of a CDN or another proxy with --trusted"},
	{anyReason, verdict.EdgeHandedOnNothing,
		"give the NLB's addresses with --nlb, or the edge's log too: these lines do not show whether the peer is the NLB or a task of the edge"},
	{verdict.ProxyProtocolOff, verdict.RealipNotApplied,
		"log $proxy_protocol_addr at the edge: if it holds the client, the PROXY protocol is on and the realip module has no effect"},
	{verdict.RealipNotApplied, verdict.ProxyProtocolOff,
		"log $proxy_protocol_addr at the edge: if it is empty, the NLB does not send the PROXY protocol"},
	{verdict.EdgeHandedOnProxy, verdict.ProxyProtocolOff,
		"read the edge's own log with $proxy_protocol_addr: if that is empty, the NLB sends no PROXY protocol"},
	{anyReason, verdict.HealthCheckProbe,
		"log $http_user_agent and $request, and give the path of the health check with --health-path"},
	{anyReason, verdict.TrustsTooMuch, "log $realip_remote_addr: it shows whether nginx replaced the peer"},
	{verdict.TrustsTooMuch, anyReason, "log $realip_remote_addr: it shows whether nginx replaced the peer"},
	{anyReason, verdict.RealipNotApplied, "log $http_x_forwarded_for and $http_x_real_ip"},
	{anyReason, verdict.PrivateLink,
		"log $proxy_protocol_tlv_0xEA (nginx 1.23.2 or newer): it holds the endpoint's id"},
	{anyReason, anyReason, "log all of the variables in docs/verdicts.md"},
}

// tellApart says what tells a cause from another one that the same lines allow.
func tellApart(reason, other verdict.Reason) string {
	for _, t := range tellTexts {
		if (t.reason == anyReason || t.reason == reason) && (t.other == anyReason || t.other == other) {
			return t.text
		}
	}
	return ""
}
