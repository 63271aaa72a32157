package enrich

import (
	"testing"

	"clearhop/enrich/geoip"
	"clearhop/record"
	"clearhop/verdict"
)

// show writes a URL in one line, with "-" for what is absent.
func show(u *record.URL) string {
	s := ""
	for _, b := range [][]byte{u.Scheme, u.Domain, u.Path, u.Query, u.Extension} {
		switch {
		case b == nil:
			s += "- "
		case len(b) == 0:
			s += `"" `
		default:
			s += string(b) + " "
		}
	}
	if u.Port.Valid {
		return s + "port"
	}
	return s + "-"
}

func TestSplitURL(t *testing.T) {
	f := func(method, target, want string) {
		t.Helper()
		var u record.URL
		splitURL(&u, &record.Access{Method: []byte(method), RequestTarget: []byte(target)})
		if got := show(&u); got != want {
			t.Errorf("%s %s: got %s, want %s", method, target, got, want)
		}
		if string(u.Original) != target {
			t.Errorf("%s: original is %q", target, u.Original)
		}
	}
	//                                scheme domain path query extension port
	f("GET", "/", "- - / - - -")
	f("GET", "/a/b.css?x=1&y", "- - /a/b.css x=1&y css -")
	f("GET", "/a?", `- - /a "" - -`)
	f("GET", "/a?b?c", "- - /a b?c - -")
	f("GET", "/a#b?c", "- - /a - - -")
	f("GET", "//double//x.PHP", "- - //double//x.PHP - PHP -")
	f("GET", "/.env", "- - /.env - - -")
	f("GET", "/a.", "- - /a. - - -")
	f("GET", "/a.b/c", "- - /a.b/c - - -")
	f("GET", "/a.tar.gz", "- - /a.tar.gz - gz -")
	f("GET", "/a.b%20c", "- - /a.b%20c - - -")
	f("GET", "/a.averyveryverylongone", "- - /a.averyveryverylongone - - -")
	f("OPTIONS", "*", "- - - - - -")
	f("CONNECT", "example.com:443", "- example.com - - - port")
	f("GET", "http://example.com/x.js?y", "http example.com /x.js y js -")
	f("GET", "http://example.com:8080", "http example.com - - - port")
	f("GET", "http://[2001:db8::1]:80/x", "http 2001:db8::1 /x - - port")
	f("GET", "http://[broken/x", "http [broken /x - - -")
	f("GET", "http://h:99999/x", "http h /x - - -")
	f("GET", "junk", "- - - - - -")
}

func TestServerVariablesComeBeforeTheRequestLine(t *testing.T) {
	var u record.URL
	splitURL(&u, &record.Access{
		RequestTarget: []byte("http://evil.example:1/x"), Host: []byte("example.com"), HTTPHost: []byte("other"),
		HTTPS: []byte("on"), ServerPort: record.Int{N: 443, Valid: true},
	})
	if got := show(&u); got != "https example.com /x - - port" || u.Port.N != 443 {
		t.Errorf("got %s, port %d", got, u.Port.N)
	}
	u = record.URL{}
	splitURL(&u, &record.Access{URI: []byte("/x.php"), Args: []byte("a=1"), HTTPHost: []byte("h:81"), Scheme: []byte("http")})
	if got := show(&u); got != "http h /x.php a=1 php port" || u.Original != nil {
		t.Errorf("got %s, original %q", got, u.Original)
	}
}

// TestPorts: each port that was logged is in the event, and belongs to its address.
func TestPorts(t *testing.T) {
	port := func(n int64) record.Int { return record.Int{N: n, Valid: true} }
	text := func(s string) []byte { return []byte(s) }
	for name, c := range map[string]struct {
		access         record.Access
		field          verdict.Field
		source, client record.Int
		extra          string
	}{
		"the peer's is logged":          {record.Access{RemotePort: port(2), RealipRemotePort: port(1)}, verdict.RemoteAddr, port(1), port(2), ""},
		"nothing was replaced":          {record.Access{RemotePort: port(1), RemoteAddr: text("a"), RealipRemoteAddr: text("a")}, verdict.RemoteAddr, port(1), record.Int{}, ""},
		"the peer was replaced":         {record.Access{RemotePort: port(2), RemoteAddr: text("a"), RealipRemoteAddr: text("b")}, verdict.RemoteAddr, record.Int{}, port(2), ""},
		"by another proxy":              {record.Access{RemotePort: port(2), RemoteAddr: text("a"), RealipRemoteAddr: text("b")}, verdict.XForwardedFor, record.Int{}, record.Int{}, "2"},
		"the peer is not logged":        {record.Access{RemotePort: port(2), RemoteAddr: text("a")}, verdict.RemoteAddr, port(2), record.Int{}, ""},
		"the PROXY protocol's":          {record.Access{RemotePort: port(2), ProxyProtocolPort: port(3), RemoteAddr: text("a")}, verdict.ProxyProtocolAddr, port(2), port(3), ""},
		"neither of them is logged":     {record.Access{}, verdict.RemoteAddr, record.Int{}, record.Int{}, ""},
		"the same port of both of them": {record.Access{RemotePort: port(1), RealipRemotePort: port(1)}, verdict.RemoteAddr, port(1), record.Int{}, ""},
	} {
		r := record.Record{Access: c.access}
		r.Provenance.Field = c.field
		setPorts(&r)
		extra := ""
		for _, p := range r.Access.Extra {
			extra += string(p.Value)
		}
		if r.Client.SourcePort != c.source || r.Client.Port != c.client || extra != c.extra {
			t.Errorf("%s: source %v, client %v, extra %q; want %v, %v, %q", name, r.Client.SourcePort, r.Client.Port, extra, c.source, c.client, c.extra)
		}
	}
}

// TestUnshownURL: what nginx logged beside the request is kept if it says something
// else.
func TestUnshownURL(t *testing.T) {
	f := func(a record.Access, want string) {
		t.Helper()
		r := record.Record{Access: a}
		splitURL(&r.URL, &r.Access)
		keepUnshown(&r)
		got := ""
		for _, p := range r.Access.Extra {
			got += p.Name + "=" + string(p.Value) + " "
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	text := func(s string) []byte { return []byte(s) }
	f(record.Access{RequestTarget: text("/a?b"), URI: text("/a"), Args: text("b")}, "")
	f(record.Access{RequestTarget: text("/a?b"), URI: text("/index.php"), Args: text("q=/a")}, "uri=/index.php args=q=/a ")
	f(record.Access{URI: text("/a"), Args: text("b")}, "")
	f(record.Access{Host: text("h"), HTTPHost: text("h")}, "")
	f(record.Access{HTTPHost: text("h:81")}, "")
	f(record.Access{HTTPHost: text("h:81"), ServerPort: record.Int{N: 80, Valid: true}}, "http_host=h:81 ")
	f(record.Access{Host: text("h"), HTTPHost: text("H")}, "http_host=H ")
}

// TestUnparsedLinesHaveNothingToAdd: no verdict is made up for them.
func TestUnparsedLinesHaveNothingToAdd(t *testing.T) {
	databases, err := geoip.Open(geoip.Config{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{Databases: databases})
	if err != nil {
		t.Fatal(err)
	}
	r := &record.Record{}
	if err := e.NewWorker().Enrich(r); err != nil || r.Provenance.Verdict != verdict.NoVerdict || r.Geo.State != "" {
		t.Errorf("got %+v, %v", r.Provenance, err)
	}
}

// TestWhoAnsweredIsTold: the method and the upstream tell nginx's own refusals
// from those of an application.
func TestWhoAnsweredIsTold(t *testing.T) {
	databases, err := geoip.Open(geoip.Config{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{Databases: databases})
	if err != nil {
		t.Fatal(err)
	}
	w := e.NewWorker()
	f := func(method string, status int64, upstream record.Upstream, want verdict.Reason) {
		t.Helper()
		r := &record.Record{Dataset: record.AccessLine, Access: record.Access{
			RemoteAddr: []byte("10.16.1.11"), RealipRemoteAddr: []byte("10.16.1.11"), ProxyProtocolAddr: []byte("210.227.0.10"),
			Method: []byte(method), Status: record.Int{N: status, Valid: true}, Upstream: []record.Upstream{upstream},
			Logged: record.LoggedRemoteAddr | record.LoggedRealipRemoteAddr | record.LoggedProxyProtocolAddr,
		}}
		if err := w.Enrich(r); err != nil {
			t.Fatal(err)
		}
		if r.Provenance.Reason != want {
			t.Errorf("%s %d %+v: got %s, want %s", method, status, upstream, r.Provenance.Reason, want)
		}
	}
	f("TRACE", 405, record.Upstream{}, verdict.RejectedBeforeRealip)
	f("POST", 405, record.Upstream{}, verdict.RealipNotApplied)
	f("GET", 400, record.Upstream{}, verdict.RejectedBeforeRealip)
	f("GET", 400, record.Upstream{Address: []byte("10.16.1.14:80")}, verdict.RealipNotApplied)
	f("GET", 400, record.Upstream{Status: record.Int{N: 400, Valid: true}}, verdict.RealipNotApplied)
}
