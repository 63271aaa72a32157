// Package logstest is a server that stands in, in tests, for the part of CloudWatch Logs
// that gives log events: FilterLogEvents, DescribeLogGroups and DescribeLogStreams.
//
// In go the requests of the SDK's client. The server holds them to what the API's
// reference documents: a page has at most 10,000 events and 1 MB, may be empty although
// more pages follow, and is sorted by the time of the events. Calls beyond Config.PerSecond
// are throttled.
//
//	server := logstest.Start(t, logstest.Config{Groups: []logstest.Group{{Name: "/ecs/web", Events: n, At: at}}})
//	t.Setenv("AWS_ENDPOINT_URL", server.URL)
//
// Events are made when they are asked for, so a group of millions takes no memory. A
// Server is safe for concurrent use.
package logstest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The limits of a page.
const (
	maxEvents = 10_000
	maxBytes  = 1 << 20
)

// An Event is what FilterLogEvents gives of one.
type Event struct {
	ID      string `json:"eventId"`
	Stream  string `json:"logStreamName"`
	Message string `json:"message"`
	Time    int64  `json:"timestamp"` // milliseconds
}

// A Group is a log group. At makes event i, from 0 to Events-1; their times never run
// backwards.
type Group struct {
	Name   string
	Events int
	At     func(i int) Event
}

// Config is what a Server is made of.
type Config struct {
	Groups []Group
	// PerSecond is how many calls of FilterLogEvents are answered in a second; 0 for any
	// number.
	PerSecond float64
	// EmptyPages has every third page be empty, with a token.
	EmptyPages bool
	// PageEvents is how many events a page has at most; 0 for as many as the API gives.
	PageEvents int
	// Deny holds the actions that the caller has no permission for.
	Deny []string
	// Broken is called with each call's number, from 1. If it returns a status, the call
	// fails with it.
	Broken func(call int) int
}

// A Server is the stand-in.
type Server struct {
	URL string

	config Config
	mu     sync.Mutex
	calls  int
	slowed int
	tokens float64 // of the calls that are allowed
	at     time.Time
}

// New returns a Server for the caller to serve. It has no URL.
func New(c Config) *Server { return &Server{config: c, tokens: c.PerSecond, at: time.Now()} }

// Start serves a Server until the test ends.
func Start(t testing.TB, c Config) *Server {
	t.Helper()
	s := New(c)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Calls returns how many calls of FilterLogEvents came, and how many of them were
// throttled.
func (s *Server) Calls() (all, throttled int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls, s.slowed
}

// input has the members of all three requests.
type input struct {
	LogGroupName        string
	LogGroupNamePrefix  string
	LogStreamNamePrefix string
	StartTime, EndTime  int64
	NextToken           string
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var in input
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		fail(w, http.StatusBadRequest, "SerializationException", err.Error())
		return
	}
	for _, denied := range s.config.Deny {
		if denied == action {
			fail(w, http.StatusBadRequest, "AccessDeniedException", "User is not authorized to perform: logs:"+action)
			return
		}
	}
	switch action {
	case "DescribeLogGroups":
		s.describeGroups(w, in)
	case "DescribeLogStreams":
		s.describeStreams(w, in)
	case "FilterLogEvents":
		if status := s.admit(); status != 0 {
			code := "InternalFailure"
			if status == http.StatusBadRequest {
				code = "ThrottlingException"
			}
			fail(w, status, code, "Rate exceeded")
			return
		}
		s.filter(w, in)
	default:
		fail(w, http.StatusBadRequest, "UnknownOperationException", action)
	}
}

// admit counts a call. It returns the status that it fails with, or 0.
func (s *Server) admit() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.config.Broken != nil {
		if status := s.config.Broken(s.calls); status != 0 {
			return status
		}
	}
	if s.config.PerSecond == 0 {
		return 0
	}
	now := time.Now()
	s.tokens = min(s.config.PerSecond, s.tokens+now.Sub(s.at).Seconds()*s.config.PerSecond)
	s.at = now
	if s.tokens < 1 {
		s.slowed++
		return http.StatusBadRequest
	}
	s.tokens--
	return 0
}

func (s *Server) group(name string) *Group {
	for i := range s.config.Groups {
		if s.config.Groups[i].Name == name {
			return &s.config.Groups[i]
		}
	}
	return nil
}

func (s *Server) describeGroups(w http.ResponseWriter, in input) {
	var groups []map[string]any
	for _, g := range s.config.Groups {
		if strings.HasPrefix(g.Name, in.LogGroupNamePrefix) {
			groups = append(groups, map[string]any{"logGroupName": g.Name, "storedBytes": g.Events * 100,
				"arn": "arn:aws:logs:eu-central-1:123456789012:log-group:" + g.Name + ":*"})
		}
	}
	sort.Slice(groups, func(i, j int) bool {
		return fmt.Sprint(groups[i]["logGroupName"]) < fmt.Sprint(groups[j]["logGroupName"])
	})
	answer(w, map[string]any{"logGroups": groups})
}

func (s *Server) describeStreams(w http.ResponseWriter, in input) {
	g := s.group(in.LogGroupName)
	if g == nil || g.Events == 0 {
		answer(w, map[string]any{"logStreams": []any{}})
		return
	}
	last := g.At(g.Events - 1)
	answer(w, map[string]any{"logStreams": []any{map[string]any{"logStreamName": last.Stream, "lastEventTimestamp": last.Time}}})
}

// filter answers FilterLogEvents. A token is the index of the next event, and whether the
// page before was empty.
func (s *Server) filter(w http.ResponseWriter, in input) {
	g := s.group(in.LogGroupName)
	if g == nil {
		fail(w, http.StatusBadRequest, "ResourceNotFoundException", "The specified log group does not exist.")
		return
	}
	i := sort.Search(g.Events, func(i int) bool { return g.At(i).Time >= in.StartTime })
	page := 0
	if in.NextToken != "" {
		next, n, _ := strings.Cut(in.NextToken, "/")
		var err error
		if i, err = strconv.Atoi(next); err != nil {
			fail(w, http.StatusBadRequest, "InvalidParameterException", "The specified nextToken is invalid.")
			return
		}
		page, _ = strconv.Atoi(n)
	}
	events := []Event{}
	size := 0
	isEmpty := s.config.EmptyPages && page%3 == 1
	for ; i < g.Events && !isEmpty; i++ {
		e := g.At(i)
		if e.Time > in.EndTime || len(events) == cmp.Or(s.config.PageEvents, maxEvents) || size+len(e.Message)+26 > maxBytes {
			break
		}
		if strings.HasPrefix(e.Stream, in.LogStreamNamePrefix) {
			e.ID = cmp.Or(e.ID, fmt.Sprintf("%056d", i))
			events = append(events, e)
			size += len(e.Message) + 26
		}
	}
	out := map[string]any{"events": events}
	if i < g.Events && g.At(i).Time <= in.EndTime {
		out["nextToken"] = fmt.Sprintf("%d/%d", i, page+1)
	}
	answer(w, out)
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(body) // the client reports what is missing
}

func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
}
