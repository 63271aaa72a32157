package diagnose

import (
	"bytes"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"unicode/utf8"

	"clearhop/record"
	"clearhop/verdict"
)

// hostileRecord sets all texts that a visitor writes to long ones that no other record
// has.
func hostileRecord(r *record.Record, i int) {
	const long = 7000
	text := func(name string) []byte {
		return fmt.Appendf(nil, "%s-%d-%s", name, i, bytes.Repeat([]byte("é"), long/2))
	}
	r.Reset()
	r.Dataset = record.AccessLine
	r.Line.Origin = &record.Origin{Source: "access.log"}
	r.Timestamp, r.TimestampFrom = 1_795_345_260_000+int64(i), record.FromLine
	r.Client.IP = netip.AddrFrom4([4]byte{198, byte(i >> 16), byte(i >> 8), byte(i)})
	r.URL.Path, r.URL.Domain = text("/path"), text("host")
	r.UserAgent.Name, r.UserAgent.Bot = "bot", i%2 == 0
	a := &r.Access
	a.Logged = record.Logged(i) | record.LoggedRemoteAddr
	a.UserAgent, a.Referer, a.Method = text("agent"), text("referrer"), text("method")
	a.RemoteAddr = []byte(fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255))
	a.XForwardedFor, a.XRealIP, a.RequestID = text("forwarded"), text("real"), text("id")
	a.BadRequest = text("bad")
	a.Extra = append(a.Extra[:0], record.Pair{Name: "http_x_request_id", Value: text("other id")})
	reasons := verdict.Reasons()
	r.Provenance.Reason = reasons[i%len(reasons)]
	r.Provenance.Hop = verdict.Edge
}

// TestHostileTextsAreNotKept: however long and however different the texts are that
// visitors send, what is counted of them stays small.
func TestHostileTextsAreNotKept(t *testing.T) {
	const (
		records = 5000     // of 60 KB: 300 MB
		most    = 16 << 20 // bytes
	)
	visitors, counters, survey := NewVisitors(true), NewCounters(Config{}), NewSurvey()
	before := heap()
	var r record.Record
	for i := range records {
		hostileRecord(&r, i)
		visitors.Add(&r)
		counters.Add(&r)
		survey.Add(&r)
	}
	r = record.Record{}
	if kept := heap() - before; kept > most {
		t.Errorf("%d bytes are kept of %d records", kept, records)
	}
	paths, _ := visitors.Paths(maxVisitors)
	hosts, _ := visitors.Hosts(maxVisitors)
	for _, c := range append(paths, hosts...) {
		if n := utf8.RuneCountInString(c.Text); n > maxText+1 {
			t.Fatalf("%d characters of a text are kept", n)
		}
	}
	runtime.KeepAlive([]any{visitors, counters, survey})
}

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestLongTextsDiffer: texts are told apart by what is not kept of them.
func TestLongTextsDiffer(t *testing.T) {
	list := newFrequent[uint64, Counted](10)
	long := bytes.Repeat([]byte("a"), 200)
	countText(list, append(bytes.Clone(long), '1'))
	countText(list, append(bytes.Clone(long), '2'))
	if n := len(list.slots); n != 2 {
		t.Errorf("two paths count as %d", n)
	}
}
