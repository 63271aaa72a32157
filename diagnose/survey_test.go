package diagnose

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"clearhop/record"

	"github.com/google/go-cmp/cmp"
)

// surveyRecord makes a record of an access line from variables, as in
// "remote=10.16.1.11 xff=210.227.0.10". In a list "," stands between the tokens.
func surveyRecord(variables string) *record.Record {
	r := accessRecord("/")
	a := &r.Access
	a.Status = record.Int{N: 200, Valid: true}
	a.Method, a.Protocol, a.UserAgent = []byte("GET"), []byte("HTTP/1.1"), []byte("agent")
	for _, item := range strings.Fields(variables) {
		name, value, _ := strings.Cut(item, "=")
		text := []byte(value)
		switch name {
		case "remote":
			a.RemoteAddr = text
		case "realip":
			a.RealipRemoteAddr = text
		case "pp":
			a.ProxyProtocolAddr = text
		case "xff":
			a.XForwardedFor = text
		case "xri":
			a.XRealIP = text
		case "agent":
			a.UserAgent = text
		case "bad":
			a.BadRequest = text
		case "protocol":
			a.Protocol = text
		case "status":
			a.Status.N, _ = strconv.ParseInt(value, 10, 64)
		default:
			panic(name)
		}
	}
	return r
}

// TestSurveyPeer: which address of a line may be a hop's peer.
func TestSurveyPeer(t *testing.T) {
	f := func(variables, want string) {
		t.Helper()
		l := readSurveyLine(surveyRecord(variables))
		peer, ok := l.peer()
		got := ""
		if ok {
			got = peer.String()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", variables, got, want)
		}
	}
	f("", "")
	f("remote=10.16.1.11", "10.16.1.11")
	f("remote=210.227.0.10", "")
	f("remote=210.227.0.10 realip=10.16.1.11", "10.16.1.11")
	f("remote=10.16.9.9 realip=10.16.1.11", "10.16.1.11")
	f("remote=10.16.9.9 xff=10.16.9.9", "")                                      // nginx took it from the header
	f("remote=10.16.9.9 xri=10.16.9.9", "")                                      // from the other header
	f("remote=10.16.1.11 xff=10.16.9.9,210.227.0.10", "10.16.1.11")              // the header holds another one
	f("remote=210.227.0.10 realip=210.227.0.10", "")                             // a visitor
	f("remote=210.227.0.10 realip=2001:db8::11 pp=210.227.0.10", "2001:db8::11") // an NLB of IPv6 targets
	f("remote=2001:db8::11 realip=2001:db8::11 pp=2001:db8::11", "")             // the peer is what the PROXY protocol names
}

// TestSurveyFront: whom the NLB takes for the client, and whom that one names.
func TestSurveyFront(t *testing.T) {
	f := func(variables, wantFront, wantClient string) {
		t.Helper()
		l := readSurveyLine(surveyRecord(variables))
		text := func(addr netip.Addr) string {
			if !addr.IsValid() {
				return ""
			}
			return addr.String()
		}
		front, client := l.front()
		if text(front) != wantFront || text(front) != "" && text(client) != wantClient {
			t.Errorf("%s: %s for %s, want %s for %s", variables, front, client, wantFront, wantClient)
		}
	}
	f("remote=10.16.1.11", "", "")
	f("remote=203.0.113.9 realip=10.16.1.11 pp=203.0.113.9 xff=210.227.0.10", "203.0.113.9", "210.227.0.10")
	f("remote=203.0.113.9 realip=10.16.1.11 pp=203.0.113.9", "203.0.113.9", "")
	f("remote=203.0.113.9 realip=10.16.1.13 xff=210.227.0.10,203.0.113.9", "203.0.113.9", "210.227.0.10") // behind the edge
	f("remote=203.0.113.9 xff=203.0.113.9", "203.0.113.9", "")
	f("remote=210.227.0.10 realip=203.0.113.9 xff=210.227.0.10", "203.0.113.9", "210.227.0.10") // without an NLB
}

// TestSurveyEvidence: what a line says about the private addresses in it.
func TestSurveyEvidence(t *testing.T) {
	const peer = "10.16.1.11"
	f := func(name, variables, addr string, want peerEvidence) {
		t.Helper()
		s := NewSurvey()
		s.Add(surveyRecord(variables))
		got := s.peers.known(netip.MustParseAddr(addr))
		if got == nil {
			got = &peerEvidence{}
		}
		p := *got
		p.agents, p.protocols = distinct{}, distinct{}
		if diff := cmp.Diff(want, p, cmp.AllowUnexported(peerEvidence{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	f("an ordinary line", "remote="+peer, peer, peerEvidence{lines: 1, ordinary: 1})
	f("with a header", "xff=210.227.0.10 remote="+peer, peer, peerEvidence{lines: 1, ordinary: 1, header: 1})
	f("by HTTP/1.0", "protocol=HTTP/1.0 remote="+peer, peer, peerEvidence{lines: 1, ordinary: 1, http10: 1})
	f("with a client by the PROXY protocol", "pp=210.227.0.10 remote="+peer, peer, peerEvidence{lines: 1, ordinary: 1, named: 1})
	f("replaced", "remote=210.227.0.10 realip="+peer, peer, peerEvidence{lines: 1, ordinary: 1, replaced: 1})
	f("replaced with a header", "remote=210.227.0.10 xff=210.227.0.10 realip="+peer, peer, peerEvidence{lines: 1, ordinary: 1, header: 1})
	f("a health check", "agent=ELB-HealthChecker/2.0 remote="+peer, peer, peerEvidence{lines: 1, checks: 1})
	f("refused early", "status=400 remote="+peer, peer, peerEvidence{lines: 1, refused: 1})
	f("a PROXY protocol header", "status=400 bad=\x00 remote="+peer, peer, peerEvidence{lines: 1, unheard: 1})
	f("named by the PROXY protocol", "remote=10.16.1.11 pp=10.16.9.9", "10.16.9.9", peerEvidence{client: 1})
	f("last in a header", "remote=10.16.1.11 xff=210.227.0.10,10.16.1.13", "10.16.1.13", peerEvidence{handedOn: 1})
	f("alone in a header", "remote=10.16.1.11 xff=10.16.1.13", "10.16.1.13", peerEvidence{handedOn: 1, alone: 1})
	f("in a visitor's header", "remote=10.16.1.11 pp=210.227.0.10 xff=10.16.1.13", "10.16.1.13", peerEvidence{})
}

// TestSurveyErrorLine: an error line shows a peer of which nginx waits for the
// PROXY protocol.
func TestSurveyErrorLine(t *testing.T) {
	f := func(message, action, client string, want int64) {
		t.Helper()
		s := NewSurvey()
		r := &record.Record{Dataset: record.ErrorLogLine}
		r.Error = record.ErrorLine{Message: []byte(message), Action: []byte(action), Client: []byte(client)}
		s.Add(r)
		var got int64
		for _, slot := range s.peers.slots {
			got += slot.value.broken
		}
		if got != want {
			t.Errorf("%q while %q, client %s: %d", message, action, client, got)
		}
	}
	const message, action = `broken header: "GET / HTTP/1.1"`, "reading PROXY protocol"
	f(message, action, "10.16.1.11", 1)
	f(message, "reading client request line", "10.16.1.11", 0)
	f("client closed", action, "10.16.1.11", 0)
	f(message, action, "210.227.0.10", 0)
}

// TestSurveyJoin: the hop that asked an upstream stands before the other.
func TestSurveyJoin(t *testing.T) {
	s := NewSurvey()
	line := func(source, peer string, upstream bool) {
		r := surveyRecord("remote=" + peer)
		r.Line.Origin = &record.Origin{Source: source}
		r.Access.RequestID = []byte("0123456789")
		if upstream {
			r.Access.Upstream = []record.Upstream{{Address: []byte("10.16.1.21:80")}}
		}
		s.Add(r)
	}
	line("edge.log", "10.16.1.11", true)
	line("web.log", "10.16.1.13", false)
	if p := s.peers.known(node1); p.front != 1 || p.behind != 0 {
		t.Errorf("the node's evidence is %+v", p)
	}
	if p := s.peers.known(edge1); p.front != 0 || p.behind != 1 {
		t.Errorf("the edge's evidence is %+v", p)
	}
}
