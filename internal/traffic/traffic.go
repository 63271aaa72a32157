// Package traffic makes up traffic of which everything is known, so that a test can
// hold the answers about it to the truth:
//
//	lines := traffic.Month(1, 5000)
//	for _, l := range lines {
//		event := l.Event(nil) // as the encoder writes it
//	}
//
// In goes a seed and a number of lines. Out comes what they say, in Go's types, in the
// order of their time. The same seed always gives the same lines. Among them are what a
// real table has: health checks, robots, faults that begin in the middle of the month,
// lines of the error log, lines that no format reads, sampled events, copies that
// arrived twice, and copies that an older version of the program wrote.
package traffic

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"clearhop/encode"
	"clearhop/record"
	"clearhop/verdict"
)

// A Line is one line of a log.
type Line struct {
	ID      string
	Time    time.Time // UTC, milliseconds
	Arrived time.Time // when its event arrived
	Dataset record.Dataset

	// Copies is how often the event is in the table; at least 1. Copies beyond the
	// first arrived later, some of them on another day. If Old is set, the last copy
	// comes from an older version, which knew no country.
	Copies int
	Old    bool

	SampleRate float64 // 0: not sampled

	Client    netip.Addr // the zero Addr: not known
	Pseudonym string     // the client where it is hidden
	Country   *Country   // nil: not known
	Source    netip.Addr
	GeoState  record.GeoState

	Verdict      verdict.Verdict
	Reason       verdict.Reason
	Hop          verdict.Hop
	Alternatives []verdict.Reason
	Vouched      bool
	NLBPrivateIP bool

	Method, Path, Host, Referrer string
	Status                       int64
	Bytes, BodyBytes             int64         // less than 0: not logged
	Duration                     time.Duration // less than 0: not logged
	Agent                        *Agent        // nil: not logged
	Upstream                     []Try

	LogGroup, LogStream string
}

// A Country is a place of clients, with their network.
type Country struct {
	Code, Name, Region, City string
	ASN                      uint32
	Org                      string
}

// An Agent is a program.
type Agent struct {
	Original, Name, System string
	Robot                  bool
}

// A Try is a try at an upstream server.
type Try struct {
	Address string
	Status  int64
	Took    time.Duration
}

// IsRequest reports whether the line is one of an access log.
func (l *Line) IsRequest() bool { return l.Dataset == record.AccessLine }

// IsHealthCheck reports whether the line is of a probe of the load balancer.
func (l *Line) IsHealthCheck() bool { return l.Verdict == verdict.HealthCheck }

// IsRobot reports whether the program says that it is one.
func (l *Line) IsRobot() bool { return l.Agent != nil && l.Agent.Robot }

// Weight is how many lines the event stands for.
func (l *Line) Weight() float64 {
	if l.SampleRate == 0 {
		return 1
	}
	return 1 / l.SampleRate
}

// Name is the client's address or pseudonym; empty if it is not known.
func (l *Line) Name() string {
	if l.Client.IsValid() {
		return l.Client.String()
	}
	return l.Pseudonym
}

var countries = []*Country{
	{"JP", "Japan", "Tokyo", "Tokyo", 2497, "Internet Initiative Japan Inc."},
	{"JP", "Japan", "Osaka", "Osaka", 4713, "NTT Communications Corporation"},
	{"DE", "Germany", "Berlin", "Berlin", 3320, "Deutsche Telekom AG"},
	{"US", "United States", "Virginia", "Ashburn", 14618, "Amazon.com, Inc."},
	{"BR", "Brazil", "São Paulo", "São Paulo", 28573, "Claro NXT Telecomunicacoes Ltda"},
	{Code: "FR", Name: "France"},
}

var agents = []*Agent{
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0", "Chrome", "Windows", false},
	{"Mozilla/5.0 (iPhone) Safari/604.1", "Mobile Safari", "iOS", false},
	{"Mozilla/5.0 (X11; Linux) Firefox/133.0", "Firefox", "Linux", false},
	{"Mozilla/5.0 (compatible; Googlebot/2.1)", "Googlebot", "", true},
	{"curl/8.5.0", "curl", "", true},
	nil,
}

var (
	health   = &Agent{"ELB-HealthChecker/2.0", "ELB-HealthChecker", "", true}
	paths    = []string{"/", "/index.html", "/api/orders", "/api/orders/42", "/img/logo.png", "/it's \"quoted\"", "/日本", "", "/slow"}
	methods  = []string{"GET", "GET", "GET", "GET", "POST", "HEAD"}
	hosts    = []string{"www.example.com", "www.example.com", "api.example.com", ""}
	referers = []string{"", "", "https://www.example.com/index.html", "https://search.example.net/?q=1", "http://news.example.org:8080/a", "not a page"}
	statuses = []int64{200, 200, 200, 200, 204, 301, 304, 404, 403, 499, 500, 502}
	rates    = []float64{0.5, 0.1, 0.4, 0.3}
	nodes    = []netip.Addr{netip.MustParseAddr("10.16.1.11"), netip.MustParseAddr("10.16.2.11")}
	servers  = []string{"10.16.1.20:8080", "10.16.1.21:8080", "unix:/run/app.sock"}
)

// Month makes n lines, of the month of November 2026.
func Month(seed uint64, n int) []Line {
	r := rand.New(rand.NewPCG(seed, 1))
	first := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	const month = 30 * 24 * time.Hour
	lines := make([]Line, n)
	for i := range lines {
		at := first.Add(time.Duration(r.Int64N(int64(month)))).Truncate(time.Millisecond)
		lines[i] = makeLine(r, at)
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return a.Time.Compare(b.Time) })
	for i := range lines {
		lines[i].ID = fmt.Sprintf("%032x", uint64(i)*2654435761+seed)
	}
	return lines
}

func makeLine(r *rand.Rand, at time.Time) Line {
	l := Line{
		Time: at, Arrived: at.Add(time.Duration(r.IntN(300)) * time.Second), Copies: 1,
		Dataset: record.AccessLine, Source: pick(r, nodes), Duration: -1, Bytes: -1, BodyBytes: -1,
		LogGroup: "/ecs/edge", LogStream: "edge/nginx/" + strconv.Itoa(r.IntN(3)),
	}
	if r.IntN(20) == 0 {
		l.Copies = 2 + r.IntN(2)
		l.Old = r.IntN(2) == 0
	}
	switch r.IntN(50) {
	case 0:
		l.Dataset, l.Source = record.Unparsed, netip.Addr{}
		return l
	case 1:
		l.Dataset = record.ErrorLogLine
		l.Verdict, l.Reason, l.Hop = verdict.Lost, verdict.ProxyProtocolNotSent, verdict.Edge
		return l
	}
	makeRequest(r, &l)
	if r.IntN(10) == 0 && !l.IsHealthCheck() {
		l.SampleRate = pick(r, rates)
	}
	return l
}

func makeRequest(r *rand.Rand, l *Line) {
	l.Method, l.Path, l.Host = pick(r, methods), pick(r, paths), pick(r, hosts)
	l.Status, l.BodyBytes = pick(r, statuses), int64(r.IntN(5000))
	l.GeoState = record.GeoState("")
	if r.IntN(3) > 0 {
		l.Bytes = l.BodyBytes + 200
	}
	l.Duration = time.Duration(r.IntN(200)) * time.Millisecond
	if l.Path == "/slow" {
		l.Duration *= 40
	}
	if r.IntN(10) == 0 {
		l.Duration = -1
	}
	if r.IntN(20) == 0 { // a probe of the load balancer
		l.Verdict, l.Reason, l.Agent = verdict.HealthCheck, verdict.HealthCheckProbe, health
		l.Method, l.Path, l.Status, l.NLBPrivateIP = "GET", "/healthz", 200, true
		return
	}
	l.Agent, l.Referrer = pick(r, agents), pick(r, referers)
	for range r.IntN(3) {
		try := Try{Address: pick(r, servers), Status: 502, Took: time.Duration(r.IntN(90)) * time.Millisecond}
		l.Upstream = append(l.Upstream, try)
	}
	if last := len(l.Upstream) - 1; last >= 0 {
		l.Upstream[last].Status = l.Status
	}
	judge(r, l)
}

// judge makes up the client. From the 15th on, every second request of one log stream
// shows the address of the NLB.
func judge(r *rand.Rand, l *Line) {
	switch n := r.IntN(40); {
	case l.LogStream == "edge/nginx/1" && l.Time.Day() >= 15 && n%2 == 0:
		l.Verdict, l.Reason, l.Hop, l.NLBPrivateIP = verdict.Lost, verdict.ProxyProtocolOff, verdict.Edge, true
		l.Alternatives = []verdict.Reason{verdict.RealipNotApplied, verdict.PrivateLink}
		return
	case n == 1:
		l.Verdict, l.Reason, l.NLBPrivateIP = verdict.Lost, verdict.RejectedBeforeRealip, true
		return
	case n == 3:
		l.Verdict, l.Reason, l.Vouched = verdict.Direct, verdict.OK, true
		l.Pseudonym = "p-" + strconv.Itoa(r.IntN(20))
		return
	case n == 5:
		l.Verdict, l.Reason, l.Hop = verdict.Disputed, verdict.FieldsDisagree, verdict.Edge
	default:
		l.Verdict, l.Reason, l.Vouched = verdict.Direct, verdict.OK, true
	}
	who := r.IntN(200)
	l.Client = netip.AddrFrom4([4]byte{203, 0, 113, byte(who)})
	if who%9 == 0 {
		l.Client = netip.MustParseAddr("2001:db8:16::" + strconv.FormatInt(int64(who), 16))
	}
	if l.Country = countries[who%len(countries)]; who%7 == 0 {
		l.Country, l.GeoState = nil, record.GeoNotFound
		return
	}
	l.GeoState = record.GeoFound
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// A Copy is an event as it stands in the table.
type Copy struct {
	Arrived time.Time
	Event   []byte // with a newline
}

// Events returns the event and its copies, which arrived an hour and more later.
func (l *Line) Events() []Copy {
	all := []Copy{{l.Arrived, l.Event(nil)}}
	for i := 1; i < l.Copies; i++ {
		all = append(all, Copy{l.Arrived.Add(time.Duration(i*i) * 13 * time.Hour), l.Event(nil)})
	}
	if l.Old && l.Copies > 1 {
		old := *l
		old.Country = nil
		last := &all[len(all)-1]
		last.Event = bytes.Replace(old.Event(nil), []byte(`"schema_version":1,`), []byte(`"schema_version":0,`), 1)
	}
	return all
}

var encoder = func() *encode.Encoder {
	e, err := encode.New(encode.Options{})
	if err != nil {
		panic(err) // there are no labels that it could refuse
	}
	return e
}()

// Event appends the event to dst.
func (l *Line) Event(dst []byte) []byte {
	r := record.Record{
		ID: []byte(l.ID), Dataset: l.Dataset, Timestamp: l.Time.UnixMilli(), HasTimestamp: true, SampleRate: l.SampleRate,
		Line: record.Line{Origin: &record.Origin{LogGroup: l.LogGroup, LogStream: l.LogStream, AccountID: "123456789012"}},
	}
	r.Client.SourceIP = l.Source
	p := &r.Provenance
	p.Verdict, p.Reason, p.Hop, p.Alternatives, p.NLBPrivateIP = l.Verdict, l.Reason, l.Hop, l.Alternatives, l.NLBPrivateIP
	switch l.Dataset {
	case record.Unparsed:
		r.Original, r.ParseError = []byte("no line"), &record.ParseError{Column: 1, Reason: "no format reads it"}
	case record.ErrorLogLine:
		r.Error.Message, r.Error.Level = []byte("broken header while reading PROXY protocol"), []byte("error")
	case record.AccessLine:
		l.fillRequest(&r)
		l.fillClient(&r)
	case record.OtherLine:
	}
	return encoder.Append(dst, &r)
}

func (l *Line) fillRequest(r *record.Record) {
	a := &r.Access
	a.Method, a.Referer = []byte(l.Method), text(l.Referrer)
	a.Status, a.BytesSent, a.BodyBytesSent, a.RequestTime = record.Int{N: l.Status, Valid: true}, number(l.Bytes), number(l.BodyBytes), number(int64(l.Duration))
	r.URL.Path, r.URL.Domain = text(l.Path), text(l.Host)
	for _, try := range l.Upstream {
		a.Upstream = append(a.Upstream, record.Upstream{Address: []byte(try.Address), Status: number(try.Status), ResponseTime: number(int64(try.Took))})
	}
	if g := l.Agent; g != nil {
		a.UserAgent = []byte(g.Original)
		r.UserAgent = record.UserAgent{Name: g.Name, OSName: g.System, Bot: g.Robot, Valid: true}
	}
}

func (l *Line) fillClient(r *record.Record) {
	r.Client.IP, r.Client.Address, r.Provenance.Vouched = l.Client, text(l.Pseudonym), l.Vouched
	if l.Name() != "" {
		r.Provenance.Field = verdict.RemoteAddr
	}
	r.Geo.State = l.GeoState
	if c := l.Country; c != nil {
		r.Geo.CountryISOCode, r.Geo.CountryName, r.Geo.RegionName, r.Geo.CityName = c.Code, c.Name, c.Region, c.City
		r.AS.Number, r.AS.Organization = c.ASN, c.Org
	}
}

// text is absent if it is empty.
func text(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func number(n int64) record.Int { return record.Int{N: n, Valid: n >= 0} }
