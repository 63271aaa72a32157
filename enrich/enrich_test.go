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
	if got := show(&u); got != "http h /x.php a=1 php -" || u.Original != nil {
		t.Errorf("got %s, original %q", got, u.Original)
	}
}

func TestSourcePort(t *testing.T) {
	port := record.Int{N: 1, Valid: true}
	other := record.Int{N: 2, Valid: true}
	for name, c := range map[string]struct {
		access record.Access
		want   record.Int
	}{
		"the peer's is logged":      {record.Access{RemotePort: other, RealipRemotePort: port}, port},
		"nothing was replaced":      {record.Access{RemotePort: port, RemoteAddr: []byte("a"), RealipRemoteAddr: []byte("a")}, port},
		"the peer was replaced":     {record.Access{RemotePort: other, RemoteAddr: []byte("a"), RealipRemoteAddr: []byte("b")}, record.Int{}},
		"the peer is not logged":    {record.Access{RemotePort: other, RemoteAddr: []byte("a")}, record.Int{}},
		"neither of them is logged": {record.Access{}, record.Int{}},
	} {
		if got := sourcePort(&c.access); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
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
