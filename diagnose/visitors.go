package diagnose

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
	"unicode/utf8"

	"clearhop/record"
	"clearhop/verdict"
)

// Visitors counts what a person wants to know of a log first: who came, when, and
// what for. The summary of the command prints it.
//
//	v := diagnose.NewVisitors()
//	v.Add(rec) // each record, after its client was found and what is private hidden
//	v.Clients(5)
//
// Health checks of the load balancer are no visitors: they are counted, and left out
// of everything else. The memory is bounded whatever visitors send: of each list the
// most frequent entries are kept, and of each text the beginning. Visitors belongs to
// one goroutine.
type Visitors struct {
	Requests     int64 // access lines without health checks
	HealthChecks int64
	Robots       int64 // requests of programs that say so in their user agent
	Unknown      int64 // requests whose client is not known
	Unvouched    int64 // requests whose client is only what the visitor says
	Bytes        int64 // sent: with headers where they are logged, or else without
	HasBytes     bool
	Status       [6]int64 // requests by the first digit of the status; 0 for none of 1 to 5

	right  timeline // lines without a fault
	faults [verdict.NumReasons]faultTimes
	judged int64 // lines of both

	times   clock
	clients *frequent[uint64, Visitor]
	paths   *frequent[uint64, Counted]
	hosts   *frequent[uint64, Counted]
	sources *frequent[string, int64] // faults by stream
	inside  *frequent[netip.Addr, insideTally]
	survey  *Survey // nil unless the addresses of the chain are to be inferred
}

// A Visitor is a client and what it sent.
type Visitor struct {
	Name      string // its address, or what stands in its place
	Robots    int64  // of the requests: a program sent them that says so
	Agent     string // the first such program
	Others    bool   // there are other such programs
	Country   string
	Network   string
	Requests  int64
	Unvouched int64 // of the requests: nobody vouches for the client
}

// A Counted is a text, of which at most the first 80 characters are kept, and how many
// requests have it.
type Counted struct {
	Text     string
	Requests int64
}

// maxVisitors is how many entries of each list are kept.
const maxVisitors = 10_000

// NewVisitors returns a Visitors that has seen none. infer says that nobody gave the
// addresses of the chain, so that the lines have to show which are clients of your own.
func NewVisitors(infer bool) *Visitors {
	v := &Visitors{
		times:   newClock(),
		clients: newFrequent[uint64, Visitor](maxVisitors),
		paths:   newFrequent[uint64, Counted](maxVisitors), hosts: newFrequent[uint64, Counted](maxVisitors),
		sources: newFrequent[string, int64](maxSources),
		inside:  newFrequent[netip.Addr, insideTally](maxPeers),
	}
	if infer {
		v.survey = NewSurvey()
	}
	return v
}

// Add counts a record. Only access lines count as requests.
func (v *Visitors) Add(r *record.Record) {
	v.addToHistory(r)
	v.addInside(r)
	if r.Provenance.Reason.IsFault() {
		v.sources.at(r.Line.Origin.Source, 1)
		*v.sources.known(r.Line.Origin.Source)++
	}
	if r.Dataset != record.AccessLine || r.Provenance.Reason == verdict.InsideErrorRecord {
		return // nobody knows whether there was such a request
	}
	if r.Provenance.Verdict == verdict.HealthCheck {
		v.HealthChecks++
		return
	}
	v.Requests++
	if r.TimestampFrom != record.FromClock {
		v.times.add(r.Timestamp)
	}
	v.addAnswer(&r.Access)
	v.addClient(r)
	countText(v.paths, r.URL.Path)
	countText(v.hosts, r.URL.Domain)
}

// faultTimes are when a fault showed: in milliseconds since the Unix epoch, 0 where it
// is not known.
type faultTimes struct{ lines, first, last int64 }

// addToHistory counts when lines were right and when they were not.
func (v *Visitors) addToHistory(r *record.Record) {
	reason, at := r.Provenance.Reason, loggedAt(r)
	switch {
	case reason.IsFault():
		f := &v.faults[reason]
		f.lines++
		if at != 0 && (f.first == 0 || at < f.first) {
			f.first = at
		}
		f.last = max(f.last, at)
	case r.Dataset != record.AccessLine, reason == verdict.HealthCheckProbe, reason == verdict.RejectedBeforeRealip, reason == verdict.NotAnAddress:
		return // they say nothing about the chain
	case at != 0:
		v.right.add(at, 1)
	}
	v.judged++
}

// History says when a fault began and when it ended, as the lines without a fault show:
// each is the zero Time where the fault was there from the first line, or up to the
// last one. A few lines have no history.
func (v *Visitors) History(fault verdict.Reason) (since, until time.Time) {
	f := &v.faults[fault]
	if f.lines < changeMin {
		return since, until
	}
	before, after := v.right.around(f.first, f.last, f.lines, v.judged)
	if before > 0 {
		since = timeOf(f.first)
	}
	if after > 0 {
		until = timeOf(f.last)
	}
	return since, until
}

// addAnswer counts what nginx answered.
func (v *Visitors) addAnswer(a *record.Access) {
	sent := a.BytesSent
	if !sent.Valid {
		sent = a.BodyBytesSent
	}
	if sent.Valid {
		v.Bytes, v.HasBytes = v.Bytes+sent.N, true
	}
	if class := a.Status.N / 100; a.Status.Valid && 1 <= class && class <= 5 {
		v.Status[class]++
	} else if a.Status.Valid {
		v.Status[0]++
	}
}

// addClient counts a request for its client.
func (v *Visitors) addClient(r *record.Record) {
	count(&v.Robots, r.UserAgent.Bot)
	c := &r.Client
	var key uint64
	switch {
	case c.IP.IsValid():
		b := c.IP.As16()
		key = hash(b[:])
	case c.Address != nil && r.Provenance.Vouched:
		key = hash(c.Address)
	default:
		v.Unknown++
		return
	}
	visitor := v.clients.at(key, 1)
	if visitor.Requests == 0 {
		visitor.Name = clientName(c)
		visitor.Country, visitor.Network = r.Geo.CountryName, r.AS.Organization
	}
	visitor.Requests++
	if r.UserAgent.Bot {
		visitor.Robots++
		visitor.Others = visitor.Others || visitor.Agent != "" && visitor.Agent != r.UserAgent.Name
		if visitor.Agent == "" {
			visitor.Agent = r.UserAgent.Name
		}
	}
	if !r.Provenance.Vouched {
		v.Unvouched++
		visitor.Unvouched++
	}
}

func clientName(c *record.Client) string {
	if c.IP.IsValid() {
		return c.IP.String()
	}
	return beginning(c.Address)
}

// countText counts a text. Its hash tells it from the others, and its beginning is
// kept: a visitor may send a path of any length.
func countText(list *frequent[uint64, Counted], text []byte) {
	if len(text) == 0 {
		return
	}
	c := list.at(hash(text), 1)
	if c.Requests == 0 {
		c.Text = beginning(text)
	}
	c.Requests++
}

// maxText is how many characters of a text are kept: more do not fit into a line.
const maxText = 80

// beginning returns a copy of the first characters of a text, with a mark where it is
// cut.
func beginning(text []byte) string {
	at := 0
	for n := 0; at < len(text); n++ {
		if n == maxText {
			return string(text[:at]) + "…"
		}
		_, size := utf8.DecodeRune(text[at:])
		at += size
	}
	return string(text)
}

// isRobot reports whether programs sent most of the requests. Several agents may share
// one address, and it is shown once.
func (v *Visitor) isRobot() bool { return v.Robots*2 > v.Requests }

// Clients returns the clients with the most requests, at most limit, without robots,
// and how many more there are.
func (v *Visitors) Clients(limit int) (clients []Visitor, more int) {
	return most(v.clients, limit, visitorOrder, func(v *Visitor) bool { return !v.isRobot() })
}

// Programs returns the robots with the most requests, at most limit, and how many more
// there are. A client is a robot if programs sent most of its requests.
func (v *Visitors) Programs(limit int) (robots []Visitor, more int) {
	return most(v.clients, limit, visitorOrder, (*Visitor).isRobot)
}

// Paths returns the most frequent paths, at most limit, and how many more there are.
func (v *Visitors) Paths(limit int) (paths []Counted, more int) {
	return most(v.paths, limit, countedOrder, nil)
}

// Hosts returns the most frequent hosts, at most limit, and how many more there are.
func (v *Visitors) Hosts(limit int) (hosts []Counted, more int) {
	return most(v.hosts, limit, countedOrder, nil)
}

// Faulty returns the names of the streams with the most faults, at most limit.
func (v *Visitors) Faulty(limit int) []string {
	var all []Counted
	for _, s := range v.sources.slots {
		all = append(all, Counted{s.key, *s.value})
	}
	slices.SortFunc(all, countedOrder)
	var names []string
	for _, c := range all[:min(limit, len(all))] {
		names = append(names, c.Text)
	}
	return names
}

func visitorOrder(a, b Visitor) int {
	return cmp.Or(cmp.Compare(b.Requests, a.Requests), compareNames(a.Name, b.Name))
}

// compareNames compares addresses as addresses.
func compareNames(a, b string) int {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	if errX != nil || errY != nil {
		return cmp.Compare(a, b)
	}
	return x.Compare(y)
}

func countedOrder(a, b Counted) int {
	return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Text, b.Text))
}

// most returns the first values in an order, at most limit, and how many more are kept.
// Values that is does not hold for are left out.
func most[K comparable, V any](list *frequent[K, V], limit int, order func(a, b V) int, is func(*V) bool) (first []V, more int) {
	all := make([]V, 0, len(list.slots))
	for _, s := range list.slots {
		if is == nil || is(s.value) {
			all = append(all, *s.value)
		}
	}
	slices.SortFunc(all, order)
	limit = min(limit, len(all))
	return all[:limit], len(all) - limit
}

// Times returns when the requests came, in at most so many steps of time.
func (v *Visitors) Times(rows int) Times { return v.times.in(rows) }
