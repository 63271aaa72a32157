package parser

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// scrub is AppendScrubbed as a caller uses it, with something in front.
func scrub(t testing.TB, text string) string {
	t.Helper()
	dst := []byte("kept")
	out, found := AppendScrubbed(dst, []byte(text))
	if !bytes.HasPrefix(out, dst) || !found && len(out) != len(dst) {
		t.Fatalf("%q: dst became %q", text, out)
	}
	if !found {
		return text
	}
	if got := string(out[len(dst):]); got != text {
		return got
	}
	t.Fatalf("%q: found, and nothing changed", text)
	return ""
}

// In each text the secrets stand between ‹ and ›.
var secretTexts = []string{
	"Cookie: ‹sid=1; b=\"2\"›\r",
	"cookie:‹a›",
	"COOKIE \t:\t ‹a b: c=d›",
	"Set-Cookie: ‹a=b; Path=/›\r\nHost: a\r\n",
	"Authorization: ‹Bearer abc›\nX-Api-Key: ‹1›\nx-auth-token: ‹2›\nX-Amz-Security-Token: ‹3›\nProxy-Authorization: ‹Basic x›",
	"Cookie: ‹a=b\rX: c›\r\n", // a stray carriage return does not end the value
	"Host: a\r\nCookie: ‹a=b; session=12›",
	"Cookie: ‹a›\" while reading PROXY protocol, client: 10.16.1.11, server: 0.0.0.0:80",
	"Cookie: ‹a\" while reading PROXY protocol, client: b›\" while reading PROXY protocol, client: 10.16.1.11, server: 0.0.0.0:80",
	"Authorization: ‹x broken header: \"›\n",
	"Cookie: ‹a\" while reading PROXY protocol b›\r\n",
	"2026/11/22 11:00:25 [error] 1#1: *1 broken header: \"Cookie: ‹a\"b›\r\n\" while reading PROXY protocol, client: 10.16.1.11, server: 0.0.0.0:80",
	"2026/11/22 11:00:25 [error] 1#1: *1 broken header: \"GET /?a=1&token=‹b› HTTP/1.1\r\nHost: a\r\nCookie: ‹c›\r\n\r\n\" while reading PROXY protocol, client: ::1, server: a",
	`x, request: "GET /a?access_token=‹a"b=c›&d=e HTTP/1.1", host: "h", referrer: "http://h/?TOKEN=‹f›"`,
	`GET /?api_key=‹1›&password=‹2›;client_secret=‹3›#a`,
	`GET /?X-Amz-Security-Token=‹a%2Fb›&X-Amz-Signature=‹c›&sig=‹d›&jwt=‹e›`,
	`GET /?token=‹a=token=b›`,
	`GET /?token=‹abc`, // cut off
	`request: "GET /?pwd=‹a›", upstream: "http://b/?pwd=‹a›"`,
}

// Texts without secrets.
var plainTexts = []string{
	"", "\n", "Cookie", "Cookie:", "Cookie: ", "Cookie: \r\n", "Cooki", "Cookie monster says: a", "Host: Cookie: a", "a\nHost: b",
	"GET /?token=", "GET /?token=&a=b", "GET /token=a", "GET /?tokens=a", "GET /?design=a&signal=b", "=", "?=a", "token=a", "a token=b",
	"Cookie: [scrubbed]\r\n", "GET /?token=[scrubbed]&a=b", usualCombined, wholeErrorLine,
}

func TestScrub(t *testing.T) {
	for _, marked := range secretTexts {
		text := strings.NewReplacer("‹", "", "›", "").Replace(marked)
		var want strings.Builder
		for i, part := range strings.Split(marked, "‹") {
			if i > 0 {
				_, part, _ = strings.Cut(part, "›")
				want.WriteString(scrubbed)
			}
			want.WriteString(part)
		}
		if got := scrub(t, text); got != want.String() {
			t.Errorf("\n text %q\n  got %q\n want %q", text, got, want.String())
		}
	}
	for _, text := range plainTexts {
		if got := scrub(t, text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// FuzzScrub: scrubbing again changes nothing. What remains is in the text, in the
// same order. Line ends stay.
func FuzzScrub(f *testing.F) {
	for _, text := range secretTexts {
		f.Add(text)
	}
	for _, text := range plainTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := scrub(t, text)
		if again := scrub(t, got); again != got {
			t.Fatalf("\n text %q\n once %q\ntwice %q", text, got, again)
		}
		if strings.Count(got, "\n") != strings.Count(text, "\n") {
			t.Fatalf("%q became %q", text, got)
		}
		rest := text
		for i, part := range strings.Split(got, scrubbed) {
			n := strings.Index(rest, part)
			if n < 0 || i == 0 && n != 0 {
				t.Fatalf("%q became %q, which has text of its own", text, got)
			}
			rest = rest[n+len(part):]
		}
		if !strings.HasSuffix(got, scrubbed) && !strings.Contains(text, scrubbed) && text != "" && got[len(got)-1] != text[len(text)-1] {
			t.Fatalf("%q became %q, which has another end", text, got)
		}
		// A header's value on a line of its own never shows, whatever it is.
		if !strings.Contains(text, "\n") && strings.Trim(text, " \t\r") != "" && !strings.Contains(text, brokenHeaderEnd+clientKey) {
			dump := "\nAuthorization: x" + text + "\n"
			if got := strings.TrimRight(scrub(t, dump), "\r\n"); got != "\nAuthorization: "+scrubbed {
				t.Fatalf("%q became %q", dump, got)
			}
		}
	})
}

func TestScrubJSON(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		got := text
		if out, found := AppendScrubbedJSON(nil, []byte(text)); found {
			got = string(out)
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
	f(`{"level":"info","port":8080}`, `{"level":"info","port":8080}`)
	f(`{"Authorization":"Bearer a\"b","x":"y"}`, `{"Authorization":"[scrubbed]","x":"y"}`)
	f(`{"cookies": ["a","b"],"x":"y"}`, `{"cookies": ["[scrubbed]","[scrubbed]"],"x":"y"}`)
	f(`{"api-key":12345,"x":7}`, `{"api-key":"[scrubbed]","x":7}`)
	f(`{"auth":{"user":"frank","password":"a"}}`, `{"auth":{"user":"frank","password":"[scrubbed]"}}`)
	f(`{"message":"GET /\r\nCookie: a=b\r\nHost: x"}`, `{"message":"GET /\r\nCookie: [scrubbed]\r\nHost: x"}`)
	f(`{"message":"\"GET /?token=a&b=c\" 200"}`, `{"message":"\"GET /?token=[scrubbed]&b=c\" 200"}`)
	f(`{"message":"\"GET /?token=a\" 200"}`, `{"message":"\"GET /?token=[scrubbed]\" 200"}`)
	f(`{"session":"cut of`, `{"session":"[scrubbed]`)
	f(`{"session":"[scrubbed]"}`, `{"session":"[scrubbed]"}`)
}

// FuzzScrubJSON: JSON stays JSON, and scrubbing it again changes nothing.
func FuzzScrubJSON(f *testing.F) {
	f.Add(`{"Authorization":"Bearer a\"b","x":["a",{"token":7}],"m":"\r\nCookie: a\\"}`)
	f.Add(`{"message":"/?token=a\u0022&sig=b \" x","auth":[[1,"a"],null]}`)
	f.Fuzz(func(t *testing.T, text string) {
		out, found := AppendScrubbedJSON(nil, []byte(text))
		if !found {
			return
		}
		if json.Valid([]byte(text)) && !json.Valid(out) {
			t.Fatalf("%s became %s", text, out)
		}
		if again, changed := AppendScrubbedJSON(nil, out); changed && string(again) != string(out) {
			t.Fatalf("%s became %s, and then %s", text, out, again)
		}
	})
}

func TestIsSecretVariable(t *testing.T) {
	for name, want := range map[string]bool{
		"http_cookie": true, "http_authorization": true, "http_x_api_key": true, "http_x_auth_token": true, "cookie_sid": true,
		"sent_http_set_cookie": true, "upstream_http_set_cookie": true, "upstream_cookie_sid": true, "sent_trailer_x_token": true,
		"arg_token": true, "arg_client_secret": true, "Authorization": true, "headers.Cookie": true, "set-cookie": true,
		"": false, "cookie_": false, "http_host": false, "http_x_request_id": false, "ssl_session_id": false, "session_time": false,
		"arg_page": false, "arg_tokens": false, "sent_http_location": false, "upstream_addr": false, "author": false, "unnamed_1": false,
	} {
		if got := IsSecretVariable(name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestScrubAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 4096)
	plain, secret := []byte(wholeErrorLine), []byte("GET /?token=a HTTP/1.1\r\nCookie: b\r\n")
	if n := testing.AllocsPerRun(100, func() {
		if _, found := AppendScrubbed(nil, plain); found {
			t.Fatal("found a secret")
		}
		if _, found := AppendScrubbed(buf, secret); !found {
			t.Fatal("found no secret")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkScrub(b *testing.B) {
	text := []byte(wholeErrorLine)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		AppendScrubbed(nil, text)
	}
}
