// Package dashboard is the page that shows a table of events, and the answers that the
// page asks for.
//
// The page is one program in TypeScript (dashboard/web). It takes its answers from one
// of two sources that give the same ones:
//
//   - "clearhop serve" answers over HTTP, with SQL over the views of package analytics;
//   - a file of "clearhop report --html" has a Snapshot of the requests inside, and
//     counts them in the browser.
//
// In goes a State, which is what the address of the page holds: the time, the filters,
// the comparison. Out comes an Answer with every panel's numbers. This file is the
// contract between the two sources and the page; web/src/contract.ts is written from it.
package dashboard

import (
	"time"

	"clearhop/diagnose"
)

// A State is what is asked for. The zero State asks for all visitors and robots of all
// time. Its form in an address, behind # in the page and behind ? in the API, is that of
// a query:
//
//	since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z&compare=1&kind=robots
//	  &f.country=JP&f.country=FR      only these values of a dimension
//	  &x.status=200                   not these values
//	  &q=checkout                     a text that is looked for
//
// An empty value (f.country=) stands for requests that have none. Keys that are not known
// are an error for the API; the page leaves them out.
type State struct {
	Since, Until time.Time // of the requests, Until excluded; the zero Time for no bound
	Filters      []Filter  // by dimension, in the order of Dimensions; each dimension once
	Kind         Kind
	Search       string // is contained, whatever its case, in one of Manifest.Searched; 1 to 200 bytes
	Compare      bool   // with as much time before Since; without Since there is nothing before
}

// A Filter keeps the requests whose value of a dimension is one of Values, or is not.
// At most 200 values.
type Filter struct {
	Dimension string
	Values    []string
	Exclude   bool
}

// A Kind says whose requests are counted.
type Kind string

// The kinds. The word is that of the address.
const (
	Everyone     Kind = ""              // people and robots, no health checks
	People       Kind = "people"        // no robot, no health check
	Robots       Kind = "robots"        // user agents that say they are robots
	HealthChecks Kind = "health_checks" // probes of the load balancer
	All          Kind = "all"
)

// A Manifest is what the page has to know before it asks. GET api/manifest.
type Manifest struct {
	Version string    `json:"version"` // of clearhop
	Source  string    `json:"source"`  // what was read, for the head of the page; no path of a folder
	Made    time.Time `json:"made"`
	Live    bool      `json:"live"` // new events may come: ask again when api/live says so

	Requests int64      `json:"requests"` // rows that can be asked for
	Sampled  float64    `json:"sampled"`  // share of the requests that the snapshot holds; 1 for all
	First    *time.Time `json:"first"`
	Last     *time.Time `json:"last"`

	// Folded are the dimensions of a snapshot whose rarest values stand together as
	// "(other)". Not there if no value does.
	Folded []Fold `json:"folded,omitempty"`

	// Searched is what Search looks into, as words: path, client and agent always (the
	// dimensions of these names), and what else the source holds: query, user agent,
	// request id.
	Searched []string `json:"searched"`

	Dimensions []DimensionInfo `json:"dimensions"`
	Reasons    []Word          `json:"reasons"`  // of provenance.reason, with what they mean
	Verdicts   []Word          `json:"verdicts"` // of provenance.verdict
}

// A Fold says how much of a dimension a snapshot shows as "(other)".
type Fold struct {
	Dimension string `json:"dimension"`
	Values    int64  `json:"values"`   // different ones
	Requests  int64  `json:"requests"` // rows of the snapshot with one of these values
}

// A DimensionInfo tells the page of one Dimension.
type DimensionInfo struct {
	ID    string `json:"id"`    // country
	Title string `json:"title"` // Countries
	None  string `json:"none"`  // what the page shows for requests that have no value: "no referrer"
	Board bool   `json:"board"` // the Answer has a leaderboard of it
}

// A Word is a code and what it means in a sentence.
type Word struct {
	Code  string `json:"code"`
	Means string `json:"means"`
	Fault bool   `json:"fault,omitempty"`
}

// What an Answer holds at most.
const (
	BoardRows = 10  // rows of a board, and beside them those of the filter
	MaxTimes  = 170 // Bucket is that of analytics.BucketFor(Until - Since, MaxTimes)
)

// HeatEdges are the Edges of a Heat, in seconds.
var HeatEdges = [...]float64{0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60}

// An Answer is every panel's numbers for a State. GET api/explore. All counts are
// requests, weighted where events were sampled, rounded once.
type Answer struct {
	// The time that was asked for. Where the State has no bound, it is Manifest.First, and
	// a millisecond after Manifest.Last; with no requests at all the State's other bound,
	// or 1970-01-01T00:00:00Z. Until is never before Since.
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	Bucket int64     `json:"bucket"` // seconds from one of Times to the next

	Total  Totals  `json:"total"`
	Before *Totals `json:"before,omitempty"` // for as much time before Since, if asked for

	// Times has each bucket from Since to Until, those without requests too. A bucket
	// begins a multiple of Bucket after Monday 1970-01-05, so the first may begin before
	// Since. TimesBefore are as many: each counts the requests that came Until - Since
	// before those of the same place in Times.
	Times       []Time    `json:"times"`
	TimesBefore []Time    `json:"times_before,omitempty"`
	Heat        Heat      `json:"heat"`
	Boards      []Board   `json:"boards"`    // in the order of the Dimensions
	Countries   []Country `json:"countries"` // for the map: all of them
}

// Totals are the numbers at the head of the page.
type Totals struct {
	Requests int64 `json:"requests"`
	Clients  int64 `json:"clients"`        // different ones
	Failures int64 `json:"failures"`       // status 400 and above
	Errors   int64 `json:"errors"`         // status 500 and above
	Bytes    int64 `json:"bytes"`          // sent
	Robots   int64 `json:"robots"`         // requests of robots
	Resolved int64 `json:"resolved"`       // requests with a client
	Vouched  int64 `json:"vouched"`        // of these: the chain vouches for it
	NLB      int64 `json:"nlb_private_ip"` // requests that show an NLB's private address
	Faults   int64 `json:"faults"`         // requests with a reason that is a fault of the chain

	// Seconds that the fastest half, 90 and 99 of 100 requests take at most (nearest rank);
	// null if no request has a duration.
	P50 *float64 `json:"p50"`
	P90 *float64 `json:"p90"`
	P99 *float64 `json:"p99"`
}

// A Time counts the requests of one bucket.
type Time struct {
	At       time.Time `json:"at"` // its beginning
	Requests int64     `json:"requests"`
	Failures int64     `json:"failures"`
	Errors   int64     `json:"errors"`
	Robots   int64     `json:"robots"`
	NLB      int64     `json:"nlb_private_ip"`
	Faults   int64     `json:"faults"`
	P50      *float64  `json:"p50"`
	P90      *float64  `json:"p90"`
	P99      *float64  `json:"p99"`
}

// Heat counts requests by time and duration. Counts[i][j] are those of Times[i] that take
// at least Edges[j] seconds and less than Edges[j+1], or longer for the last one.
type Heat struct {
	Edges  []float64 `json:"edges"`
	Counts [][]int64 `json:"counts"`
}

// A Board is the values of a dimension with the most requests. All filters of the State
// apply but the one of this dimension, so that the values that were not chosen stand
// beside those that were.
type Board struct {
	Dimension string `json:"dimension"`
	Values    int64  `json:"values"`   // different ones that have requests, shown or not; none is one of them
	Requests  int64  `json:"requests"` // of all values: shares are shares of it
	// Rows are by requests, then by value. Beside the first BoardRows stand those of the
	// filter that have requests.
	Rows []Row `json:"rows"`
}

// A Row is one value of a dimension.
type Row struct {
	Value    string  `json:"value"` // "" for none
	Label    string  `json:"label,omitempty"`
	Requests int64   `json:"requests"`
	Failures int64   `json:"failures"`
	Before   *int64  `json:"before,omitempty"` // requests in the time before
	Trend    []int64 `json:"trend"`            // requests by the buckets of the Answer's Times
}

// A Country is a value of the dimension country, for the map.
type Country struct {
	Code     string `json:"code"` // ISO 3166-1 alpha-2
	Requests int64  `json:"requests"`
	Failures int64  `json:"failures"`
}

// A BoardQuery asks for more of one board: GET api/board?dimension=path&limit=200&find=cart
// with the keys of a State. Its answer is a Board.
type BoardQuery struct {
	State     State
	Dimension string
	Limit     int    // 1 to 1000
	Find      string // values that contain it, whatever their case; Values counts these, Requests all
}

// Requests are single requests, newest first. GET api/requests?limit=100&before=CURSOR with
// the keys of a State.
type Requests struct {
	Rows []Request `json:"rows"`
	Next string    `json:"next,omitempty"` // the cursor of the rows before these; "" if there are none
}

// A Request is one request, with what its client rests on.
type Request struct {
	ID       string    `json:"id"` // event.id; "" in a snapshot
	At       time.Time `json:"at"`
	Method   string    `json:"method"`
	Host     string    `json:"host"`
	Path     string    `json:"path"`
	Status   int64     `json:"status"`
	Bytes    int64     `json:"bytes"`
	Seconds  *float64  `json:"seconds"`
	Client   string    `json:"client"`
	Country  string    `json:"country"`
	Network  string    `json:"network"`
	Agent    string    `json:"agent"`
	Referrer string    `json:"referrer"`
	Robot    bool      `json:"robot"`

	// The hops that the request came by, as far as the line says.
	Verdict      string `json:"verdict"`
	Reason       string `json:"reason"`
	Hop          string `json:"hop"`   // edge, web or ""
	Field        string `json:"field"` // of which variable the client was taken
	Peer         string `json:"peer"`  // who connected to nginx
	NLB          string `json:"nlb"`   // the name of the NLB whose node it is
	Vouched      bool   `json:"vouched"`
	ShowsNLB     bool   `json:"shows_nlb"`
	Alternatives string `json:"alternatives"`
	Upstream     string `json:"upstream"`
	Stream       string `json:"stream"` // log stream or file
}

// A Chain is the picture that the page begins with. GET api/chain with the keys of a State.
// Findings are the doctor's, for all that was read in the time of the State; the counts
// are those of the State.
type Chain struct {
	Report *diagnose.Report `json:"report"` // State, Findings with evidence, steps and alternatives, Chain
	Hops   []Hop            `json:"hops"`   // client, nlb, edge, web: always all four
	// Lines that are no requests.
	Unparsed int64 `json:"unparsed"`
	Errors   int64 `json:"errors"`
}

// A Hop is one box of the picture.
type Hop struct {
	ID        string   `json:"id"`        // client, nlb, edge, web
	Addresses []string `json:"addresses"` // that were seen for it, by requests; at most 8
	More      int64    `json:"more"`      // addresses that are not shown
	Requests  int64    `json:"requests"`  // that were logged by it; 0 if it logs nothing
	Broken    int64    `json:"broken"`    // of these Requests: the reason is a fault of this hop

	// Since is the time of the first broken request; not there if Broken is 0. Until is that
	// of the last one, and only there if the fault ended: so many requests came later that
	// EndedMin of them would be broken, if the fault were still there. Requests that came
	// later are counted from the bucket of Answer.Times that begins next.
	Since *time.Time `json:"since,omitempty"`
	Until *time.Time `json:"until,omitempty"`
}

// EndedMin is how many broken requests must be missing for a fault to have ended. The
// doctor asks for as many.
const EndedMin = 5

// A Problem is the body of every answer with a status of 400 and above.
type Problem struct {
	Text string `json:"error"` // one sentence for a person
	Key  string `json:"key,omitempty"`
}

// Error returns the sentence.
func (p *Problem) Error() string { return p.Text }
