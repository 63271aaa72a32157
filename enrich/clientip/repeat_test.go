package clientip

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"clearhop/verdict"
)

// words are what the fuzz target puts into the variables of a record.
var words = []string{
	"", "", "9.9.9.9", "9.9.9.9", "8.8.8.8", "2600::1", "::ffff:7.7.7.7", "10.16.1.11", "10.16.1.13", "10.99.0.1", "127.0.0.1", "::1",
	"172.31.0.9", "unix:", "-", "nonsense", "9.9.9.9:443", "6.6.6.6, 9.9.9.9", "9.9.9.9, 10.16.1.13", "130.176.0.5", "100.64.0.1", "9.9.9.9,", "::ffff:9.9.9.9", "009.9.9.9",
}

// chains are configurations of which each reads the same record in its own way.
func chains(t testing.TB) []*Resolver {
	t.Helper()
	addresses := func(texts ...string) Addresses {
		var set Addresses
		for _, text := range texts {
			set.Prefixes = append(set.Prefixes, netip.MustParsePrefix(text))
		}
		return set
	}
	node := map[netip.Addr]string{netip.MustParseAddr("10.16.1.11"): "web"}
	var resolvers []*Resolver
	for _, c := range []Config{
		{}, {Strict: true}, {Complete: true}, {NLBUnknown: true},
		{NLB: addresses("10.16.1.11/32")},
		{NLB: addresses("10.16.1.0/24")},
		{NLB: addresses("10.16.1.11/32"), Trusted: addresses("10.16.1.13/32")},
		{NLB: addresses("10.16.1.11/32"), Trusted: addresses("10.16.1.13/32", "130.176.0.0/16"), Strict: true},
		{Nodes: node, Internal: addresses("8.8.8.0/24"), HealthPaths: []string{"/health"}},
		{Nodes: node, Fields: []verdict.Field{verdict.XRealIP, verdict.ProxyProtocolAddr}},
		{Fields: []verdict.Field{verdict.XForwardedFor}},
		{Fields: []verdict.Field{"http_true_client_ip", verdict.ProxyProtocolAddr}},
	} {
		r, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		resolvers = append(resolvers, r)
	}
	return resolvers
}

// evidenceOf makes a record of ten bytes.
func evidenceOf(data []byte) *Evidence {
	variable := func(i int) Value {
		text := words[int(data[i])%len(words)]
		v := Value{Text: []byte(text), Logged: text != "" || data[i]&0x80 != 0, Guessed: data[8]>>i == 1}
		if text == "" {
			v.Text = nil
		}
		return v
	}
	e := &Evidence{
		RemoteAddr: variable(0), RealipRemoteAddr: variable(1), ProxyProtocolAddr: variable(2), XForwardedFor: variable(3), XRealIP: variable(4),
		Path: []byte([]string{"", "/", "/health"}[data[5]%3]), Method: []byte([]string{"GET", "TRACE"}[data[5]>>2&1]), Upstream: data[5]&8 != 0,
		UserAgent: Value{Text: []byte([]string{"", "Mozilla/5.0", "ELB-HealthChecker/2.0", "curl/8"}[data[6]&3]), Logged: data[6]&4 != 0},
		Status:    []int{0, 200, 400, 405, 408}[data[7]%5], InsideErrorRecord: data[9] == 1,
	}
	e.BadRequest = map[byte][]byte{2: []byte("PROXY TCP4 6.6.6.6 1.2.3.4 1 2"), 3: {0}}[data[9]]
	if data[9] == 4 {
		e.VPCEndpoint = []byte("vpce-1")
	}
	if data[9] == 5 {
		e.Header = func(verdict.Field) Value { return Value{Text: []byte("5.5.5.5"), Logged: true} }
	}
	return e
}

// FuzzRepeatedAnswers resolves records one after the other with one Answer, which remembers
// the ones before, and each with an Answer that remembers nothing.
func FuzzRepeatedAnswers(f *testing.F) {
	resolvers := chains(f)
	f.Add(byte(6), []byte("\x02\x07\x02\x00\x00\x00\x01\x01\x00\x00\x04\x07\x04\x00\x00\x00\x01\x01\x00\x00\x05\x07\x05\x00\x00\x00\x01\x01\x00\x00"))
	f.Add(byte(0), []byte("\x02\x00\x00\x00\x00\x00\x01\x01\x00\x00\x04\x00\x00\x00\x00\x00\x01\x01\x00\x00"))
	f.Add(byte(6), []byte("\x02\x08\x00\x02\x02\x00\x01\x01\x00\x00\x04\x08\x00\x04\x04\x00\x01\x01\x00\x00"))
	f.Fuzz(func(t *testing.T, which byte, data []byte) { mustAgreeOn(t, resolvers, int(which), data) })
}

// mustAgreeOn resolves records of ten bytes each; every eighth changes the configuration.
func mustAgreeOn(t *testing.T, resolvers []*Resolver, which int, data []byte) {
	t.Helper()
	var got Answer
	for i := 0; len(data) >= 10; data = data[10:] {
		r := resolvers[(which+i/8)%len(resolvers)]
		e := evidenceOf(data)
		var want Answer
		r.resolve(e, &want)
		r.Resolve(e, &got)
		mustBeSame(t, &got, &want)
		i++
	}
}

// TestRepeatedAnswers is the fuzz target with many random records. Each is followed by one
// that has another client, and nothing else that differs where it matters most.
func TestRepeatedAnswers(t *testing.T) {
	resolvers := chains(t)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same records in each run
	for i := range 40_000 {
		var data [80]byte
		for at := 0; at < len(data); at += 10 {
			if at%20 == 10 {
				copy(data[at:], data[at-10:at])
				was, is := data[at], byte(random.UintN(256))
				for k := range 5 {
					if data[at+k] == was {
						data[at+k] = is
					}
				}
				continue
			}
			for k := range 8 {
				data[at+k] = byte(random.UintN(256))
				if k > 1 && k < 5 && random.IntN(2) == 0 {
					data[at+k] = data[at] * byte(random.IntN(2)) // the client, or absent
				}
			}
			if random.IntN(4) == 0 {
				data[at+8], data[at+9] = byte(random.UintN(64)), byte(random.UintN(6))
			}
		}
		mustAgreeOn(t, resolvers, i, data[:])
	}
}

func mustBeSame(t *testing.T, got, want *Answer) {
	t.Helper()
	if got.Client != want.Client || got.Peer != want.Peer || string(got.Address) != string(want.Address) {
		t.Fatalf("got client %v, peer %v, address %q; want %v, %v, %q", got.Client, got.Peer, got.Address, want.Client, want.Peer, want.Address)
	}
	if got, want := fmt.Sprintf("%+v", got.Provenance), fmt.Sprintf("%+v", want.Provenance); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

// TestRecordsDifferInTheirClientOnly holds that the records of a healthy chain are answered
// from the one before.
func TestRecordsDifferInTheirClientOnly(t *testing.T) {
	resolvers := chains(t)
	for which, data := range map[int][2]string{
		0: {"\x02\x00\x00\x00\x00\x00\x01\x01\x00\x00", "\x04\x00\x00\x00\x00\x00\x01\x01\x00\x00"}, // combined
		6: {"\x02\x07\x02\x00\x00\x00\x01\x01\x00\x00", "\x05\x07\x05\x00\x00\x00\x01\x01\x00\x00"}, // the edge
		7: {"\x02\x08\x00\x02\x02\x00\x01\x01\x00\x00", "\x05\x08\x00\x05\x05\x00\x01\x01\x00\x00"}, // the web hop
	} {
		r := resolvers[which]
		var a, want Answer
		r.Resolve(evidenceOf([]byte(data[0])), &a)
		next := evidenceOf([]byte(data[1]))
		client, _ := r.publicClient(next)
		if s, ok := r.shapeOf(next); !ok || !a.plain.isLike(r, next, s, client) {
			t.Errorf("chain %d: the second record is read as if there were none before", which)
		}
		r.Resolve(next, &a)
		r.resolve(next, &want)
		mustBeSame(t, &a, &want)
	}
}
