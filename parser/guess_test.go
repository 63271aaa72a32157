package parser

import (
	"net/netip"
	"strings"
	"testing"

	"clearhop/record"
)

func TestIsForwardedFor(t *testing.T) {
	f := func(value string, want bool) {
		t.Helper()
		if got := IsForwardedFor([]byte(value)); got != want {
			t.Errorf("%q: %t, want %t", value, got, want)
		}
	}
	for _, value := range []string{
		"", "203.0.113.9", "203.0.113.9, 10.16.1.13", "203.0.113.9,10.16.1.13", "203.0.113.9:4711", "2001:db8::1", "[2001:db8::1]:443",
		"::ffff:203.0.113.9", "fe80::1%eth0", "unknown", "unknown, localhost", "_hidden", "203.0.113.xxx", "203.0.*.*",
		"' or 1=1 --, 203.0.113.9", "10.0.0.1:80, 203.0.113.9", "010.1.1.1",
	} {
		f(value, true)
	}
	for _, value := range []string{
		"0.012", "1.83", "0.001, 0.002", "www.example.com", "localhost", "200", "502, 200", "sid=1; theme=dark", "a=203.0.113.9", "unknown browser",
		"10.16.1.14:80", "10.16.1.14:80, 10.16.1.15:80", "[fd00::1]:80", "203.0.113.9.4", "203.0.113", "256.1.1.1", "12:34:56", "1:2:3:4:5:6:7:8:9", "xxx.xxx.xxx.xxx",
		"::1::", "-", ",", " ", "203.0.113.9:", "203.0.113.9:999999", "[203.0.113.9]",
	} {
		f(value, false)
	}
}

// FuzzAddressForm: every address that net/netip reads is one, and what is none there
// is none, but for what nginx alone reads and for masked addresses.
func FuzzAddressForm(f *testing.F) {
	for _, text := range []string{"203.0.113.9", "2001:db8::1", "::", "::ffff:1.2.3.4", "1:2:3:4:5:6:7::", "fe80::1%eth0", "[::1]:80", "1.2.3.4:5", "01.2.3.4", "1.2.3.x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		form := addressForm([]byte(text))
		_, err := netip.ParseAddr(text)
		_, portErr := netip.ParseAddrPort(text)
		if err == nil && form != plainAddress {
			t.Errorf("%q is an address, form %d", text, form)
		}
		odd := strings.ContainsAny(text, "xX*%[") || strings.Contains(text, "0")
		if err != nil && portErr != nil && form != noAddress && !odd {
			t.Errorf("%q is no address, form %d", text, form)
		}
	})
}

// TestGuess: in auto, a quoted value behind the agent is a header only where it can be
// one. If somebody names the format, it always is.
func TestGuess(t *testing.T) {
	auto, err := newSet(Auto)
	if err != nil {
		t.Fatal(err)
	}
	named, err := newSet("main", "main_real_ip")
	if err != nil {
		t.Fatal(err)
	}
	both := record.LoggedXForwardedFor | record.LoggedXRealIP
	f := func(values, format string, guessed record.Logged) {
		t.Helper()
		line := []byte(usualCombined + values)
		var r record.Record
		if err := auto.Clone().Parse(line, &r); err != nil || r.Format != format || r.Access.Guessed != guessed {
			t.Errorf("%s: format %s, guessed %b, %v; want %s, %b", values, r.Format, r.Access.Guessed, err, format, guessed)
		}
		if isExtra := format == CombinedExtra; isExtra != r.Access.Logged.Has(record.LoggedUnnamed) || isExtra == r.Access.Logged.Has(record.LoggedXForwardedFor) {
			t.Errorf("%s: logged %b", values, r.Access.Logged)
		}
		r.Reset()
		if err := named.Clone().Parse(line, &r); err != nil || r.Access.Guessed != 0 || !r.Access.Logged.Has(record.LoggedXForwardedFor) {
			t.Errorf("%s: named: guessed %b, %v", values, r.Access.Guessed, err)
		}
	}
	f(` "-"`, "main", record.LoggedXForwardedFor)
	f(` "203.0.113.9"`, "main", record.LoggedXForwardedFor)
	f(` "203.0.113.9, 10.16.1.13"`, "main", record.LoggedXForwardedFor)
	f(` "1.011"`, CombinedExtra, 0)
	f(` "www.example.com"`, CombinedExtra, 0)
	f(` "sid=1"`, CombinedExtra, 0)
	f(` "10.16.1.14:80"`, CombinedExtra, 0)
	f(` "-" "-"`, "main_real_ip", both)
	f(` "203.0.113.9" "203.0.113.9"`, "main_real_ip", both)
	f(` "-" "0.011"`, CombinedExtra, 0)
	f(` "203.0.113.9" "10.16.1.14:80"`, CombinedExtra, 0)
	f(` "0.011" "203.0.113.9"`, CombinedExtra, 0)
}

// TestGuessOfRecommended: no other format has the shape of Recommended, so its columns
// are no guess.
func TestGuessOfRecommended(t *testing.T) {
	auto, err := newSet(Auto)
	if err != nil {
		t.Fatal(err)
	}
	line := usualCombined + ` "nonsense" "-" - - "h" 5c8f 1795345224.007 0.012 81 http "-" "-" "-"`
	var r record.Record
	if err := auto.Parse([]byte(line), &r); err != nil || r.Format != Recommended || r.Access.Guessed != 0 {
		t.Errorf("format %s, guessed %b, %v", r.Format, r.Access.Guessed, err)
	}
}

// TestBelieved: one visitor's nonsense does not change how a stream is read.
func TestBelieved(t *testing.T) {
	line := []byte(usualCombined + ` "nonsense"`)
	g := Guess(mustCompile(t, "main"), headers)
	var r record.Record
	if g.Parse(line, &r) == nil {
		t.Error("nonsense is a header")
	}
	r.Reset()
	if err := g.Believed().Parse(line, &r); err != nil || r.Access.Guessed != record.LoggedXForwardedFor {
		t.Errorf("guessed %b, %v", r.Access.Guessed, err)
	}
}

func TestGuessAllocatesNothing(t *testing.T) {
	g := Guess(mustCompile(t, "main_real_ip"), headers)
	for _, values := range []string{` "203.0.113.9, 2001:db8::1, unknown" "203.0.113.9"`, ` "-" "-"`} {
		line := []byte(usualCombined + values)
		var r record.Record
		parse := func() {
			r.Reset()
			if err := g.Parse(line, &r); err != nil {
				t.Fatal(err)
			}
		}
		parse()
		if n := testing.AllocsPerRun(100, parse); n != 0 {
			t.Errorf("%s: %v allocations a line", values, n)
		}
	}
}
