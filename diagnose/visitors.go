package diagnose

import (
	"cmp"
	"net/netip"
	"slices"

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
// of everything else. The memory is bounded: of each list the most frequent entries
// are kept. Visitors belongs to one goroutine.
type Visitors struct {
	Requests     int64 // access lines without health checks
	HealthChecks int64
	Robots       int64 // requests of programs that say so in their user agent
	Unknown      int64 // requests whose client is not known
	Unvouched    int64 // requests whose client is only what the visitor says
	Bytes        int64 // sent: with headers where they are logged, or else without
	HasBytes     bool
	Status       [6]int64 // requests by the first digit of the status; 0 for none of 1 to 5

	times   clock
	people  *frequent[uint64, Visitor]
	robots  *frequent[uint64, Visitor]
	paths   *frequent[uint64, Counted]
	hosts   *frequent[uint64, Counted]
	sources *frequent[string, int64] // faults by stream
}

// A Visitor is a client and what it sent.
type Visitor struct {
	Name      string // its address, or what stands in its place
	Agent     string // the program, if it is a robot
	Country   string
	Network   string
	Requests  int64
	Unvouched int64 // of the requests: nobody vouches for the client
}

// A Counted is a text and how many requests have it.
type Counted struct {
	Text     string
	Requests int64
}

// maxVisitors is how many entries of each list are kept.
const maxVisitors = 10_000

// NewVisitors returns a Visitors that has seen none.
func NewVisitors() *Visitors {
	return &Visitors{
		times:  newClock(),
		people: newFrequent[uint64, Visitor](maxVisitors), robots: newFrequent[uint64, Visitor](maxVisitors),
		paths: newFrequent[uint64, Counted](maxVisitors), hosts: newFrequent[uint64, Counted](maxVisitors),
		sources: newFrequent[string, int64](maxVisitors),
	}
}

// Add counts a record. Only access lines count as requests.
func (v *Visitors) Add(r *record.Record) {
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
	list := v.people
	if r.UserAgent.Bot {
		list = v.robots
		v.Robots++
	}
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
	visitor := list.at(key, 1)
	if visitor.Requests == 0 {
		visitor.Name = clientName(c)
		visitor.Country, visitor.Network = r.Geo.CountryName, r.AS.Organization
		visitor.Agent = r.UserAgent.Name
	}
	visitor.Requests++
	if !r.Provenance.Vouched {
		v.Unvouched++
		visitor.Unvouched++
	}
}

func clientName(c *record.Client) string {
	if c.IP.IsValid() {
		return c.IP.String()
	}
	return string(c.Address)
}

// countText counts a text.
func countText(list *frequent[uint64, Counted], text []byte) {
	if len(text) == 0 {
		return
	}
	const maxText = 200 // bytes; more is not printed
	text = text[:min(len(text), maxText)]
	c := list.at(hash(text), 1)
	if c.Requests == 0 {
		c.Text = string(text)
	}
	c.Requests++
}

// Clients returns the clients with the most requests, at most limit, without robots.
func (v *Visitors) Clients(limit int) []Visitor { return most(v.people, limit, visitorOrder) }

// Programs returns the robots with the most requests, at most limit.
func (v *Visitors) Programs(limit int) []Visitor { return most(v.robots, limit, visitorOrder) }

// Paths returns the most frequent paths, at most limit.
func (v *Visitors) Paths(limit int) []Counted { return most(v.paths, limit, countedOrder) }

// Hosts returns the most frequent hosts, at most limit.
func (v *Visitors) Hosts(limit int) []Counted { return most(v.hosts, limit, countedOrder) }

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

// most returns the first values in an order, at most limit.
func most[K comparable, V any](list *frequent[K, V], limit int, order func(a, b V) int) []V {
	all := make([]V, 0, len(list.slots))
	for _, s := range list.slots {
		all = append(all, *s.value)
	}
	slices.SortFunc(all, order)
	return all[:min(limit, len(all))]
}

// Times returns when the requests came, in at most so many steps of time.
func (v *Visitors) Times(rows int) Times { return v.times.in(rows) }
