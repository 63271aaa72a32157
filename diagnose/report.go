package diagnose

import (
	"encoding/json"
	"io"
	"slices"
	"time"

	"clearhop/enrich/clientip"
	"clearhop/record"
	"clearhop/verdict"
)

// A State is the answer in one word.
type State string

// The states.
const (
	Healthy State = "healthy" // no fault can be seen
	Broken  State = "broken"  // there are findings
	// Uncertain: there are findings, and for each of them it may be that nothing is
	// broken.
	Uncertain State = "uncertain"
	// Unknown: nothing could be judged, or not which column of some lines is the peer's.
	Unknown State = "unknown"
)

// A Report is what the lines say about the chain: WriteText is for a person,
// WriteJSON for a program. Programs rely on the names in the JSON, so that these
// do not change.
type Report struct {
	State    State     `json:"state"`
	Findings []Finding `json:"findings"`
	// Noted are faults that too few lines show: a scanner or a visitor's trick
	// explains them.
	Noted []Note `json:"noted,omitempty"`
	// Missing are variables that most lines were logged without.
	Missing []Missing `json:"missing,omitempty"`
	// Unnamed are the sources whose lines have columns of which nobody knows the
	// variable: one that seems to be missing may stand there.
	Unnamed []string `json:"unnamed,omitempty"`
	// Advice is what else deserves attention. None of it is a fault.
	Advice []string `json:"advice,omitempty"`

	// ReadAs says how the lines were read. Who reads them fills it in.
	ReadAs []ReadAs `json:"read_as,omitempty"`

	Read    Read     `json:"read"`
	Sources []Source `json:"sources,omitempty"`
	Chain   Chain    `json:"chain"`
	Joined  *Joined  `json:"joined,omitempty"`
}

// WriteJSON writes the report as indented JSON. The error is that of w.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// A Finding is a fault of the chain.
type Finding struct {
	// Code is a reason of docs/verdicts.md.
	Code  verdict.Reason `json:"code"`
	Hop   verdict.Hop    `json:"hop,omitempty"`
	Title string         `json:"title"`
	// Certain says that the evidence allows no other cause. Why says how the
	// cause is known, where the lines alone do not show it.
	Certain bool   `json:"certain"`
	Why     string `json:"why,omitempty"`
	// RestsOnGuess says that nobody named the columns of most of Lines. If the one that
	// is read as $remote_addr is another variable, nothing may be broken.
	RestsOnGuess bool `json:"rests_on_guess,omitempty"`

	Lines int64   `json:"lines"`
	Of    int64   `json:"of"`    // all lines that could show it
	Share float64 `json:"share"` // Lines of Of, 0 to 1
	// HealthChecks are those of Lines that are health checks of the NLB.
	HealthChecks int64 `json:"health_checks,omitempty"`

	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Since is set where lines before First were right, RightBefore of them.
	// Until is set where lines after Last were right, RightAfter of them.
	Since       *time.Time `json:"since,omitempty"`
	RightBefore int64      `json:"right_before,omitempty"`
	Until       *time.Time `json:"until,omitempty"`
	RightAfter  int64      `json:"right_after,omitempty"`

	// Peers and Sources are those that show it, most lines first. After them
	// come the peers that do not show it.
	Peers   []Part `json:"peers,omitempty"`
	Sources []Part `json:"sources,omitempty"`

	Evidence []Line `json:"evidence,omitempty"`
	// Fix says what to do, Steps are the lines to paste.
	Fix          string        `json:"mend"`
	Steps        []Step        `json:"cure"`
	Alternatives []Alternative `json:"alternatives,omitempty"`
	// FollowsFrom is the finding at the edge whose fix may fix this one too.
	FollowsFrom verdict.Reason `json:"follows_from,omitempty"`
	// SameFix is the code of an earlier finding at the same hop with the same
	// steps: one change fixes both.
	SameFix verdict.Reason `json:"same_fix,omitempty"`
	// Joined is how many requests that both hops logged show it.
	Joined int64 `json:"joined,omitempty"`
}

// A Part is one peer or source with its share of a finding.
type Part struct {
	Name  string `json:"name"`
	Lines int64  `json:"lines"`
	Of    int64  `json:"of,omitempty"` // 0: not known
}

// A Step is a piece of configuration to paste.
type Step struct {
	Where string   `json:"where"`
	Lines []string `json:"lines"`
	// Forms are other ways to write Lines, each for one tool. One of them is
	// enough.
	Forms []Form `json:"forms,omitempty"`
	Note  string `json:"note,omitempty"`
}

// A Form is what a Step is in one tool.
type Form struct {
	Tool  string   `json:"tool"`
	Lines []string `json:"lines"`
}

// An Alternative is another cause that the same lines allow, and what tells it
// from the finding.
type Alternative struct {
	Code      verdict.Reason `json:"code"`
	Title     string         `json:"title"`
	TellApart string         `json:"tell_apart"`
	Steps     []Step         `json:"cure,omitempty"`
}

// mayBeNothing reports whether one of the causes that are left is that nothing is
// broken.
func (f *Finding) mayBeNothing() bool {
	return f.RestsOnGuess || slices.ContainsFunc(f.Alternatives, func(a Alternative) bool {
		return a.Code == verdict.OwnClient || a.Code == verdict.CDNInFront
	})
}

// A Note is a reason that was seen and not judged a fault.
type Note struct {
	Code  verdict.Reason `json:"code"`
	Lines int64          `json:"lines"`
	Means string         `json:"means"`
	Why   string         `json:"why"` // … it is no finding
}

// Missing is a variable that was not logged, and what that costs.
type Missing struct {
	Variable string   `json:"variable"`
	Cost     string   `json:"cost"`
	Sources  []string `json:"sources,omitempty"` // without it; empty if no source has it
}

// Read counts the lines that were read.
type Read struct {
	Lines        int64 `json:"lines"`
	LeftOut      int64 `json:"left_out,omitempty"` // not among Lines: the caller did not want them judged
	Access       int64 `json:"access"`
	Judged       int64 `json:"judged"` // access and error lines that say something about the chain
	HealthChecks int64 `json:"health_checks"`
	Probes       int64 `json:"probes"`  // health checks known by their fixed pace
	Refused      int64 `json:"refused"` // before nginx's realip module ran
	Masked       int64 `json:"masked"`  // with no address to judge by
	// Doubtful: another column than the one read as $remote_addr may be the peer's.
	Doubtful int64 `json:"doubtful,omitempty"`
	PastNLB  int64 `json:"past_the_nlb"`       // connections that did not come by the NLB
	InDoubt  int64 `json:"in_doubt,omitempty"` // access and error lines that a visitor can have written
	Forged   int64 `json:"forged,omitempty"`   // of these: a visitor sent the line break that is needed for it
	Errors   int64 `json:"errors"`
	Other    int64 `json:"other"`
	Unparsed int64 `json:"unparsed"`

	First *time.Time `json:"first,omitempty"`
	Last  *time.Time `json:"last,omitempty"`
}

// A Source is a file or log stream, and which hop wrote it.
type Source struct {
	Name   string      `json:"name"`
	Hop    verdict.Hop `json:"hop,omitempty"` // NoHop where it is not known
	Lines  int64       `json:"lines"`
	Faulty int64       `json:"faulty"`
}

// A Chain is the addresses that the report rests on.
type Chain struct {
	// InferredNLB and InferredTrusted say that nobody gave the addresses, so that
	// they were inferred from the lines.
	InferredNLB     bool `json:"inferred_nlb"`
	InferredTrusted bool `json:"inferred_trusted"`
	// NLB are the nodes, given and discovered ones, Trusted the other proxies.
	NLB     clientip.Addresses `json:"nlb,omitzero"`
	Trusted clientip.Addresses `json:"trusted,omitzero"`
	// Unlisted behave like parts of the chain, and the sets given leave them out.
	// The report takes them for what they look like, if only they can.
	Unlisted Unlisted `json:"unlisted,omitzero"`
	Roles    *Roles   `json:"roles,omitempty"` // what was inferred

	TargetGroups []record.TargetGroup `json:"target_groups,omitempty"`
}

// Joined counts the requests that both hops logged. They are found by
// $request_id.
type Joined struct {
	Requests int64 `json:"requests"`
	// Right: the client came through both hops.
	Right int64 `json:"right"`
	// BeforeEdge: the edge did not know the client itself.
	BeforeEdge int64 `json:"before_edge"`
	// EdgeHandsOn: the edge knew the client and passed on something else.
	EdgeHandsOn int64 `json:"edge_hands_on"`
	// EdgeOwnLog: the edge handed the client on, and logged the NLB itself.
	EdgeOwnLog int64 `json:"edge_own_log"`
	// Web: the edge handed the client on, and the web hop logged a proxy.
	Web int64 `json:"web"`
	// WebOther: the edge handed the client on, and the web hop logged another
	// address, which is no proxy's.
	WebOther int64 `json:"web_other,omitempty"`
	// WebMasked: the edge handed the client on, and the web hop's log holds no
	// address that shows what it made of it.
	WebMasked int64 `json:"web_masked,omitempty"`
	// Sampled says that only a sample of the requests was joined.
	Sampled bool `json:"sampled,omitempty"`
}
