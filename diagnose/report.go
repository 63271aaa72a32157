package diagnose

import (
	"time"

	"clearhop/verdict"
)

// A State is the answer in one word.
type State string

// The states.
const (
	Healthy State = "healthy" // no fault can be seen
	Broken  State = "broken"  // there are findings
	Unknown State = "unknown" // nothing could be judged
)

// A Report is what the lines tell of the chain.
type Report struct {
	State    State     `json:"state"`
	Findings []Finding `json:"findings"`
	// Noted are faults that so few lines show that a scanner, or a visitor's
	// trick, explains them.
	Noted []Note `json:"noted,omitempty"`
	// Missing are variables that most lines were logged without.
	Missing []Missing `json:"missing,omitempty"`
	// Advice is what else to look after; none of it is a fault.
	Advice []string `json:"advice,omitempty"`

	Read    Read     `json:"read"`
	Sources []Source `json:"sources,omitempty"`
	Chain   Chain    `json:"chain"`
	Joined  *Joined  `json:"joined,omitempty"`
}

// A Finding is a fault of the chain.
type Finding struct {
	// Code is a reason of docs/verdicts.md.
	Code  verdict.Reason `json:"code"`
	Hop   verdict.Hop    `json:"hop,omitempty"`
	Title string         `json:"title"`
	// Certain is set where the evidence allows no other cause.
	Certain bool   `json:"certain"`
	Why     string `json:"why,omitempty"` // why it is certain, where the lines alone would not do

	Lines int64   `json:"lines"`
	Of    int64   `json:"of"` // of so many that could be judged
	Share float64 `json:"share"`

	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Since is set where lines before it were right, Until where lines after it
	// are.
	Since       *time.Time `json:"since,omitempty"`
	RightBefore int64      `json:"right_before,omitempty"`
	Until       *time.Time `json:"until,omitempty"`
	RightAfter  int64      `json:"right_after,omitempty"`

	// Where are the peers and the sources that show it, most lines first, and
	// after them those that do not, if there are any.
	Peers   []Part `json:"peers,omitempty"`
	Sources []Part `json:"sources,omitempty"`

	Evidence []Line `json:"evidence,omitempty"`
	// Mend is what to do, Cure the lines to paste.
	Mend         string        `json:"mend"`
	Cure         []Step        `json:"cure"`
	Alternatives []Alternative `json:"alternatives,omitempty"`
	// FollowsFrom is the finding whose mending mends this one too.
	FollowsFrom verdict.Reason `json:"follows_from,omitempty"`
	// Joined is how many requests that both hops logged show it.
	Joined int64 `json:"joined,omitempty"`
}

// A Part is one peer or source with its share in a finding.
type Part struct {
	Name  string `json:"name"`
	Lines int64  `json:"lines"`
	Of    int64  `json:"of,omitempty"` // 0: not known
}

// A Step is a piece of configuration to paste.
type Step struct {
	Where string   `json:"where"`
	Lines []string `json:"lines"`
	Note  string   `json:"note,omitempty"`
}

// An Alternative is another cause that the same lines allow, and what tells the
// two apart.
type Alternative struct {
	Code      verdict.Reason `json:"code"`
	Title     string         `json:"title"`
	TellApart string         `json:"tell_apart"`
	Cure      []Step         `json:"cure,omitempty"`
}

// A Note is a reason that was seen and not judged a fault.
type Note struct {
	Code  verdict.Reason `json:"code"`
	Lines int64          `json:"lines"`
	Means string         `json:"means"`
	Why   string         `json:"why"` // it is no finding
}

// Missing is a variable that was not logged, and what that costs.
type Missing struct {
	Variable string   `json:"variable"`
	Cost     string   `json:"cost"`
	Sources  []string `json:"sources,omitempty"` // if some have it
}

// Read says what was read.
type Read struct {
	Lines        int64 `json:"lines"`
	Access       int64 `json:"access"`
	Judged       int64 `json:"judged"` // access and error lines that tell something of the chain
	HealthChecks int64 `json:"health_checks"`
	Probes       int64 `json:"probes"`       // health checks known by their regularity
	Refused      int64 `json:"refused"`      // before nginx's realip module ran
	Masked       int64 `json:"masked"`       // with no address to judge by
	PastNLB      int64 `json:"past_the_nlb"` // connections that did not come by the NLB
	Errors       int64 `json:"errors"`
	Other        int64 `json:"other"`
	Unparsed     int64 `json:"unparsed"`

	First *time.Time `json:"first,omitempty"`
	Last  *time.Time `json:"last,omitempty"`
}

// A Source is a file or log stream, and which hop wrote it.
type Source struct {
	Name   string      `json:"name"`
	Hop    verdict.Hop `json:"hop,omitempty"` // empty where it cannot be told
	Lines  int64       `json:"lines"`
	Faulty int64       `json:"faulty"`
}

// A Chain is the addresses that the judgement rests on.
type Chain struct {
	// InferredNLB and InferredTrusted are set where the addresses were not given.
	InferredNLB     bool     `json:"inferred_nlb"`
	InferredTrusted bool     `json:"inferred_trusted"`
	NLB             []string `json:"nlb,omitempty"`
	Trusted         []string `json:"trusted,omitempty"`
	Roles           *Roles   `json:"roles,omitempty"` // what was inferred

	TargetGroups []TargetGroup `json:"target_groups,omitempty"`
}

// A TargetGroup is what AWS says of a target group of the NLB.
type TargetGroup struct {
	Name             string `json:"name"`
	ARN              string `json:"arn"`
	LoadBalancer     string `json:"load_balancer,omitempty"`
	TargetType       string `json:"target_type"` // ip, instance, alb
	Protocol         string `json:"protocol"`
	Port             int32  `json:"port,omitempty"`
	ProxyProtocolV2  bool   `json:"proxy_protocol_v2"`
	PreserveClientIP bool   `json:"preserve_client_ip"`
}

// Joined says what the requests tell that both hops logged, found by
// $request_id.
type Joined struct {
	Requests int64 `json:"requests"`
	// Right: the client came through both hops.
	Right int64 `json:"right"`
	// BeforeEdge: the edge did not know the client itself.
	BeforeEdge int64 `json:"before_edge"`
	// EdgeHandsOn: the edge knew the client and handed on something else.
	EdgeHandsOn int64 `json:"edge_hands_on"`
	// EdgeOwnLog: the edge handed the client on, and logged the NLB itself.
	EdgeOwnLog int64 `json:"edge_own_log"`
	// Web: the edge handed the client on, and the web hop did not take it.
	Web int64 `json:"web"`
	// Sampled is set where only a fair part of the requests was joined.
	Sampled bool `json:"sampled,omitempty"`
}
