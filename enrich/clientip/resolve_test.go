package clientip_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"clearhop/enrich/clientip"
	"clearhop/verdict"
)

// The chain of the recorded logs: client 210.227.0.10, NLB 10.16.1.11, edge
// 10.16.1.13, web. What a visitor forges is 6.6.6.6 or 9.9.9.9, and 203.0.113.0/24
// is a CDN.
func chain() clientip.Config {
	return clientip.Config{NLB: set("10.16.1.11"), Trusted: set("10.16.1.13,10.16.1.14")}
}

func withCDN() clientip.Config {
	return clientip.Config{NLB: set("10.16.1.11"), Trusted: set("10.16.1.13,203.0.113.0/24,2001:db8:cd::/48")}
}

func subnet() clientip.Config { return clientip.Config{NLB: set("10.16.1.0/24")} }

func set(items ...string) clientip.Addresses {
	s, err := clientip.ParseAddresses(items...)
	if err != nil {
		panic(err)
	}
	return s
}

func resolver(t testing.TB, c clientip.Config) *clientip.Resolver {
	t.Helper()
	r, err := clientip.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// evidence reads a line like a log's: R is $remote_addr, RR
// $realip_remote_addr, PP $proxy_protocol_addr, XFF and XRI the headers,
// http_… any other one, st the status, method, ua the user agent, path, vpce,
// upstream=asked, and req a request that is none. What is not named was not logged; "-" was logged empty.
func evidence(t testing.TB, line string) *clientip.Evidence {
	t.Helper()
	e := new(clientip.Evidence)
	headers := map[verdict.Field]clientip.Value{}
	for rest := line; rest != ""; {
		key, after, ok := strings.Cut(strings.TrimLeft(rest, " "), "=")
		text, tail, _ := strings.Cut(after, " ")
		if strings.HasPrefix(after, `"`) {
			quoted, err := strconv.QuotedPrefix(after)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			text, _ = strconv.Unquote(quoted)
			tail = after[len(quoted):]
		}
		rest = tail
		v := clientip.Value{Text: []byte(text), Logged: true}
		if text == "-" {
			v.Text = nil
		}
		switch key {
		case "R":
			e.RemoteAddr = v
		case "RR":
			e.RealipRemoteAddr = v
		case "PP":
			e.ProxyProtocolAddr = v
		case "XFF":
			e.XForwardedFor = v
		case "XRI":
			e.XRealIP = v
		case "ua":
			e.UserAgent = v
		case "method":
			e.Method = v.Text
		case "upstream":
			e.Upstream = text == "asked"
		case "path":
			e.Path = v.Text
		case "req":
			e.BadRequest = v.Text
		case "vpce":
			e.VPCEndpoint = v.Text
		case "st":
			e.Status, _ = strconv.Atoi(text)
		default:
			if ok = ok && strings.HasPrefix(key, "http_"); ok {
				headers[verdict.Field(key)] = v
			}
		}
		if !ok {
			t.Fatalf("%s: what is %q?", line, key)
		}
	}
	e.Header = func(f verdict.Field) clientip.Value { return headers[f] }
	return e
}

// answer prints an answer:
//
//	verdict reason@hop client field unvouched nlb via HOPS said CLAIMS also REASONS
func answer(a *clientip.Answer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", a.Verdict, a.Reason)
	if a.Hop != verdict.NoHop {
		fmt.Fprintf(&b, "@%s", a.Hop)
	}
	hops := a.Hops
	if a.Client.IsValid() {
		fmt.Fprintf(&b, " %s %s", a.Client, a.Field)
		if !a.Vouched {
			b.WriteString(" unvouched")
		}
		hops = hops[1:]
	}
	if a.Address != nil {
		fmt.Fprintf(&b, " address %s", a.Address)
	}
	switch {
	case a.NLBInferred:
		b.WriteString(" nlb?")
	case a.NLBPrivateIP:
		b.WriteString(" nlb")
	}
	if len(hops) > 0 {
		b.WriteString(" via")
		for _, h := range hops {
			b.WriteString(" " + h.String())
		}
	}
	if len(a.Claimed) > 0 {
		b.WriteString(" said")
		for _, c := range a.Claimed {
			b.WriteString(" " + string(c))
		}
	}
	if len(a.Alternatives) > 0 {
		b.WriteString(" also")
		for _, r := range a.Alternatives {
			b.WriteString(" " + r.String())
		}
	}
	return b.String()
}

// checker returns a function that holds the answer to a line.
func checker(t *testing.T, c clientip.Config) func(line, want string) {
	r := resolver(t, c)
	var a clientip.Answer
	return func(line, want string) {
		t.Helper()
		r.Resolve(evidence(t, line), &a)
		if got := answer(&a); got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}
