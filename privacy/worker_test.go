package privacy

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"clearhop/encode"
	"clearhop/record"
	"clearhop/verdict"
)

const visitor = "203.0.113.9"

// fill puts text into every text of v, however deep, and addr into every
// address.
func fill(v reflect.Value, text string, addr netip.Addr) {
	switch {
	case v.Type() == reflect.TypeFor[netip.Addr]():
		v.Set(reflect.ValueOf(addr))
	case v.Type() == reflect.TypeFor[[]byte]():
		v.SetBytes([]byte(text))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), text, addr)
			}
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), text, addr)
		}
	}
}

// TestNoFieldIsForgotten: if each text and address of a record is a visitor's
// address, the event does not contain it.
func TestNoFieldIsForgotten(t *testing.T) {
	enc, err := encode.New(encode.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, addr string }{
		{visitor, visitor}, {"x " + visitor + ":80", visitor}, {"[2001:db8:210:7::10]:80", "2001:db8:210:7::10"},
	} {
		for _, mode := range []Mode{Truncate, Hash} {
			for dataset := record.Unparsed; dataset <= record.OtherLine; dataset++ {
				var r record.Record
				fill(reflect.ValueOf(&r).Elem(), c.text, netip.MustParseAddr(c.addr))
				r.Line.Origin, r.ID, r.Continues, r.Hash = &record.Origin{}, []byte("1"), []byte("2"), []byte("3")
				r.Dataset, r.Provenance.HopNames = dataset, nil
				if event := string(enc.Append(nil, &r)); strings.Count(event, c.addr) < 30 {
					t.Fatalf("the event holds too few of them: %s", event)
				}
				worker(t, Config{Mode: mode, Stays: ours}).Apply(&r)
				event := string(enc.Append(nil, &r))
				if before, _, found := strings.Cut(event, c.addr); found {
					t.Errorf("%s, %s: it stands behind %s", modes[mode], dataset, before[max(0, len(before)-60):])
				}
			}
		}
	}
}

// TestClient: the fields that hold addresses.
func TestClient(t *testing.T) {
	enc, err := encode.New(encode.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fresh := func() *record.Record {
		return &record.Record{
			ID: []byte("1"), Line: record.Line{Origin: &record.Origin{}}, Dataset: record.AccessLine,
			Client: record.Client{IP: netip.MustParseAddr(visitor), SourceIP: netip.MustParseAddr("10.16.1.11")},
			Provenance: record.Provenance{
				Verdict: verdict.Direct, Field: "remote_addr", Vouched: true,
				Hops:    []netip.Addr{netip.MustParseAddr(visitor), netip.MustParseAddr("10.16.1.11"), netip.MustParseAddr("10.9.9.9")},
				Claimed: [][]byte{[]byte("198.51.100.7"), []byte("junk")},
			},
			Access: record.Access{Upstream: []record.Upstream{{Address: []byte("10.16.1.14:80")}, {Address: []byte("198.51.100.8:80")}}},
			Error:  record.ErrorLine{Upstream: []byte("http://10.16.1.14:80/x?ip=10.9.9.9")},
		}
	}
	name := worker(t, Config{Mode: Hash}).hiddenIn
	f := func(c Config, want ...string) {
		t.Helper()
		r := fresh()
		w := worker(t, c)
		w.Apply(r)
		event := string(enc.Append(nil, r))
		for _, part := range want {
			if !strings.Contains(event, part) {
				t.Errorf("%s is not in %s", part, event)
			}
		}
	}
	f(Config{Mode: Truncate, Stays: ours},
		`"client":{"ip":"203.0.113.0"}`, `"source":{"ip":"10.16.1.11"}`, `"vouched":true`,
		`"hops":["203.0.113.0","10.16.1.11","10.9.9.0"]`, `"claimed":["198.51.100.0","junk"]`,
		`"upstream":[{"address":"10.16.1.14:80"},{"address":"198.51.100.0:80"}]`, `"upstream":"http://10.16.1.14:80/x?ip=10.9.9.0"`)
	f(Config{Mode: Hash, Stays: ours},
		`"client":{"address":"`+name(visitor)+`"}`, `"source":{"ip":"10.16.1.11"}`, `"vouched":true`,
		`"hops":["`+name(visitor)+`","10.16.1.11","`+name("10.9.9.9")+`"]`, `"claimed":["`+name("198.51.100.7")+`","junk"]`)
	f(Config{Mode: Hash}, `"source":{"address":"`+name("10.16.1.11")+`"}`)
}

func TestRedactedQueries(t *testing.T) {
	w := worker(t, Config{RedactQuery: []string{"email", "Token"}})
	f := func(in place, text, want string) {
		t.Helper()
		got := []byte(text)
		w.redact(&got, in)
		if string(got) != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
		again := []byte(want)
		if w.redact(&again, in); string(again) != want {
			t.Errorf("%q becomes %q when it is redacted again", want, again)
		}
	}
	const x = redacted
	f(inURL, "/a?email=a@b&c=d", "/a?email="+x+"&c=d")
	f(inURL, "/a?c=d&EMAIL=a@b#top", "/a?c=d&EMAIL="+x+"#top")
	f(inURL, "/a?c=d;token=a b", "/a?c=d;token="+x)
	f(inURL, "/a?email=&c=d", "/a?email=&c=d")
	f(inURL, "/emails=a?emails=a&my_email=b&my-token=c&my.token=d", "/emails=a?emails=a&my_email=b&my-token=c&my.token=d")
	f(inURL, "/x/email=alice/b?c=d&e=f", "/x/email="+x+"&e=f")
	f(inURL, "/x%2Femail%3Dalice", "/x%2Femail%3D"+x)
	f(inURL, "/a,email=alice", "/a,email="+x)
	f(inURL, "/users(email='alice')", "/users(email="+x)
	f(inURL, "https://x/a/email=alice", "https://x/a/email="+x)
	f(inQuery, "next=/a/email=alice", "next=/a/email="+x)
	f(inRequest, "GET /x/email=alice HTTP/1.1", "GET /x/email="+x+" HTTP/1.1")
	f(inURL, "/a?email[]=a&email%5Bwork%5D=b&c=d", "/a?email[]="+x+"&email%5Bwork%5D="+x+"&c=d")
	f(inURL, "/a?e%6Dail=a&c=d", "/a?e%6Dail="+x+"&c=d")
	f(inURL, "/a?next=%2Fb%3Femail%3Da%26c%3Dd&e=f", "/a?next=%2Fb%3Femail%3D"+x+"%26c%3Dd&e=f")
	f(inURL, "/a?email=a%26b&c=d", "/a?email="+x+"&c=d")
	f(inURL, "/a?email", "/a?email")
	// An encoded "?", parameters of a path, fragments
	f(inURL, "/login%3Femail=alice%40x.org", "/login%3Femail="+x)
	f(inURL, "/login%253Femail%253Dalice%2540x.org", "/login%253Femail%253D"+x)
	f(inURL, "/a;email=alice%40x.org/b", "/a;email="+x)
	f(inURL, "https://x/cb#email=a&c=d", "https://x/cb#email="+x+"&c=d")
	f(inURL, "https://x/#/route?email=a", "https://x/#/route?email="+x)
	// Names of which the key is a part
	f(inURL, "/a?user[email]=a&user%5Bemail%5D=b&u[token][]=c&c=d", "/a?user[email]="+x+"&user%5Bemail%5D="+x+"&u[token][]="+x+"&c=d")
	f(inURL, "/a?u[a][email]=a&u[emails]=b&u[my_email]=c", "/a?u[a][email]="+x+"&u[emails]=b&u[my_email]=c")
	f(inURL, "/a?%20email=a&+token=b", "/a?%20email="+x+"&+token="+x)
	f(inText, `"GET /a?user[email]=a HTTP/1.1"`, `"GET /a?user[email]=`+x+` HTTP/1.1"`)
	f(inText, "[email] [email=a]", "[email] [email="+x)
	// Spaces in the value
	f(inURL, "https://x/?email=john smith", "https://x/?email="+x)
	f(inRequest, "GET /?email=john smith HTTP/1.1", "GET /?email="+x+" HTTP/1.1")
	f(inRequest, "GET /?email=john HTTP/1.1 smith HTTP/1.1", "GET /?email="+x+" HTTP/1.1")
	f(inRequest, "GET /?email=john smith", "GET /?email="+x)
	f(inRequest, "email=john smith", "email="+x)
	f(inText, `"GET /?email=john smith HTTP/1.1" 200 "x HTTP/1.1"`, `"GET /?email=`+x+` HTTP/1.1" 200 "x HTTP/1.1"`)
	f(inText, `"GET /?email=john smith" 200`, `"GET /?email=`+x+`" 200`)
	f(inText, `"-" "https://x/?email=john smith, cut`, `"-" "https://x/?email=`+x)
	f(inText, `"-" https://x/?email=john smith "a"`, `"-" https://x/?email=`+x+` smith "a"`)
	f(inMessage, `open() "/a?email=john smith" failed (2: No`, `open() "/a?email=`+x+`" failed (2: No`)
	f(inText, "email=a b\nGET / HTTP/1.1", "email="+x+" b\nGET / HTTP/1.1")
	f(inQuery, "email=a&token=b", "email="+x+"&token="+x)
	f(inText, `"GET /a?email=a&c=d HTTP/1.1" 200 "https://x/?token=b"`, `"GET /a?email=`+x+`&c=d HTTP/1.1" 200 "https://x/?token=`+x+`"`)
	f(inText, `{"args":"email=a","request":"GET /?token=b\"c"}`, `{"args":"email=`+x+`","request":"GET /?token=`+x+`"}`)
	f(inText, `request: "GET /?token=a"b HTTP/1.1", host`, `request: "GET /?token=`+x+` HTTP/1.1", host`)
	f(inText, "emails=a xemail=b", "emails=a xemail=b")
	f(inText, "email[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "email[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
}

// TestRedactedFields: a value stands in no field, and not in the line either.
func TestRedactedFields(t *testing.T) {
	enc, err := encode.New(encode.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := func(r *record.Record, want ...string) {
		t.Helper()
		for _, mode := range []Mode{None, Truncate, Hash} {
			copied := *r
			copied.Dataset, copied.ID, copied.Line.Origin = record.AccessLine, []byte("1"), &record.Origin{}
			copied.Access.Extra = append([]record.Pair(nil), r.Access.Extra...)
			worker(t, Config{Mode: mode, RedactQuery: []string{"email"}, Secret: func(name string) bool { return name == "http_cookie" }}).Apply(&copied)
			event := string(enc.Append(nil, &copied))
			if strings.Contains(event, "alice") || strings.Contains(event, "x.org") || strings.Contains(event, `"org"`) || strings.Contains(event, "smith") {
				t.Errorf("%s: %s", modes[mode], event)
			}
			for _, part := range want {
				if !strings.Contains(event, part) {
					t.Errorf("%s: %s is not in %s", modes[mode], part, event)
				}
			}
		}
	}
	path := func(target, extension string) *record.Record {
		return &record.Record{URL: record.URL{Original: []byte(target), Path: []byte(target), Extension: []byte(extension)}}
	}
	f(path("/login%3Femail=alice%40x.org", "org"), `"path":"/login%3Femail=[redacted]"`)
	f(path("/a;email=alice/b.css", "css"), `"path":"/a;email=[redacted]"`)
	f(path("/b.css", "css"), `"extension":"css"`)
	extra := func(name, value, line string) *record.Record {
		return &record.Record{Access: record.Access{Extra: []record.Pair{{Name: name, Value: []byte(value)}}}, Original: []byte(line)}
	}
	f(extra("arg_email", "alice", `1 "alice" 2`), `"arg_email":"[redacted]"`, `1 \"[redacted]\" 2`)
	f(extra("arg_EMAIL", "alice", `1 "\u0061lice" 2`), `"arg_EMAIL":"[redacted]"`)
	f(extra("arg_page", "2", `1 "2" 2`), `"arg_page":"2"`, `1 \"2\" 2`)
	f(extra("http_cookie", "sid=alice", `1 "sid=alice" 2`), `"http_cookie":"[redacted]"`, `1 \"[redacted]\" 2`)
	f(&record.Record{Original: []byte(`{"arg_email": "ali\"ce","arg_emails":"b","arg_email":"alice`)}, `"arg_emails\":\"b\"`)
	f(extra("uri", "/a?email=alice smith", `1 "" 2`), `"uri":"/a?email=[redacted]"`)
	f(&record.Record{Access: record.Access{Referer: []byte("https://x/#email=alice smith")}, Original: []byte(`"https://x/#email=alice smith" "-"`)},
		`"original":"\"https://x/#email=[redacted]\" \"-\""`)
	f(&record.Record{Access: record.Access{BadRequest: []byte("GET /?email=alice smith")}, Original: []byte(`"GET /?email=alice smith" "-"`)},
		`"original":"\"GET /?email=[redacted]\" \"-\""`)
	f(&record.Record{Provenance: record.Provenance{Claimed: [][]byte{[]byte("?email=alice")}}}, `"claimed":["?email=[redacted]"]`)
	f(&record.Record{URL: record.URL{Domain: []byte("x?email=alice")}}, `x?email=[redacted]`)
}

// TestUsers: a name is removed from its field and from the line.
func TestUsers(t *testing.T) {
	access := func(user, line string) *record.Record {
		return &record.Record{Dataset: record.AccessLine, Access: record.Access{RemoteUser: []byte(user)}, Original: []byte(line)}
	}
	failed := func(message string) *record.Record {
		return &record.Record{Dataset: record.ErrorLogLine, Error: record.ErrorLine{Message: []byte(message)}, Original: []byte("x " + message + ", client")}
	}
	f := func(mode Mode, r *record.Record, want string) {
		t.Helper()
		w := worker(t, Config{Mode: mode})
		w.Apply(r)
		if got := string(r.Access.RemoteUser) + "|" + string(r.Error.Message) + "|" + string(r.Original); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	h := worker(t, Config{Mode: Hash})
	name := string(h.pseudonym(nil, aUser, []byte("ann")))
	if name == string(h.pseudonym(nil, anAddress, []byte("ann"))) {
		t.Error("a user and an address have the same name")
	}
	f(Truncate, access("ann", "- ann [annie] /~ann/x"), "||- "+redacted+" [annie] /~"+redacted+"/x")
	f(Hash, access("ann", "- ann [annie]"), name+"||- "+name+" [annie]")
	f(Truncate, access(`a"b`, `- a\x22b [`), "||") // it cannot be found in the line
	f(Truncate, access("", "- - ["), "||- - [")
	f(Hash, failed(`user "ann": password mismatch`), `|user "`+name+`": password mismatch|x user "`+name+`": password mismatch, client`)
	f(Truncate, failed(`user "ann" was not found in "/etc/nginx/users"`),
		`|user "`+redacted+`" was not found in "/etc/nginx/users"|x user "`+redacted+`" was not found in "/etc/nginx/users", client`)
	f(Truncate, failed(`open() failed`), `|open() failed|x open() failed, client`)
}

func TestBinaryAddress(t *testing.T) {
	r := &record.Record{Original: []byte(`\xCB\x00q\x09`), Access: record.Access{Extra: []record.Pair{{Name: binaryAddress, Value: []byte("\xcb\x00q\x09")}}}}
	worker(t, Config{Mode: Truncate}).Apply(r)
	if r.Original != nil || string(r.Access.Extra[0].Value) != redacted {
		t.Errorf("got %q and %q", r.Original, r.Access.Extra[0].Value)
	}
}

func TestNewNamesEveryMistake(t *testing.T) {
	f := func(c Config, want string) {
		t.Helper()
		_, err := New(c)
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	f(Config{Mode: Hash}, "the key has 0 bytes; it needs 16 or more")
	f(Config{Mode: Hash, Key: []byte("hush-hush-hush-")}, "the key has 15 bytes; it needs 16 or more")
	f(Config{Mode: Hash, Key: []byte(strings.Repeat("abcd", 8))}, "the key holds only 4 different bytes; use a random one")
	f(Config{RedactQuery: []string{"", "a=b", "ok"}}, "a key of a query string is empty\n"+`"a=b" is not a key of a query string: it has '=' in column 2`)
	if _, err := ParseMode("md5"); err == nil || err.Error() != `there is no mode "md5"; known: none, truncate, hash` {
		t.Errorf("got %v", err)
	}
}

// TestParts: no part of an address stays.
func TestParts(t *testing.T) {
	for _, mode := range []Mode{Truncate, Hash} {
		r := &record.Record{
			URL:       record.URL{Path: []byte("/from/203.0.113.9"), Extension: []byte("9")},
			Access:    record.Access{UserAgent: []byte("probe/203.0.113.9 (Linux 6.1)"), Extra: []record.Pair{{Name: visitor}}},
			UserAgent: record.UserAgent{Name: "probe", Version: visitor, OSName: "Linux", OSVersion: "6.1", Valid: true},
		}
		worker(t, Config{Mode: mode}).Apply(r)
		if r.URL.Extension != nil || r.UserAgent != (record.UserAgent{Name: "probe", OSName: "Linux", OSVersion: "6.1", Valid: true}) || r.Access.Extra[0].Name != redacted {
			t.Errorf("%s: extension %q, %+v, %s", modes[mode], r.URL.Extension, r.UserAgent, r.Access.Extra[0].Name)
		}
	}
	r := &record.Record{URL: record.URL{Path: []byte("/203.0.113.9/x.css"), Extension: []byte("css")}}
	if worker(t, Config{Mode: Hash}).Apply(r); string(r.URL.Extension) != "css" {
		t.Errorf("the extension of %s is %q", r.URL.Path, r.URL.Extension)
	}
}
