package verdict_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"clearhop/verdict"
)

// TestWords holds the words of each code to what the documentation, a terminal
// and an alarm need.
func TestWords(t *testing.T) {
	f := func(info verdict.Info) {
		t.Helper()
		if info.Code == "" {
			t.Fatalf("%+v has no code", info)
		}
		if n := utf8.RuneCountInString(info.Means); n == 0 || n > 70 {
			t.Errorf("%s: the meaning has %d characters; a line of a terminal has room for 70", info.Code, n)
		}
		if strings.ContainsAny(info.Means+info.Note+info.Fix, "|\n") {
			t.Errorf("%s: a cell of a table cannot hold this", info.Code)
		}
		if info.Fault && info.Fix == "" {
			t.Errorf("%s: a fault needs a fix", info.Code)
		}
	}
	for _, v := range verdict.Verdicts() {
		f(v.Info())
	}
	for _, r := range verdict.Reasons() {
		f(r.Info())
		if r.IsFault() != r.Info().Fault {
			t.Errorf("%s: IsFault disagrees with Info", r)
		}
	}
	f(verdict.OwnClient.Info())
}

// TestCodesAreUnique: a text stands for one code only, and reads back as it.
func TestCodesAreUnique(t *testing.T) {
	for _, v := range append(verdict.Verdicts(), verdict.NoVerdict) {
		if got, ok := verdict.ParseVerdict(v.String()); !ok || got != v {
			t.Errorf("%q reads back as %v, %v", v, got, ok)
		}
	}
	for _, r := range append(verdict.Reasons(), verdict.NoReason) {
		if got, ok := verdict.ParseReason(r.String()); !ok || got != r {
			t.Errorf("%q reads back as %v, %v", r, got, ok)
		}
	}
	if r, ok := verdict.ParseReason(verdict.OwnClient.String()); ok {
		t.Errorf("no record carries %s, but it is read as %v", verdict.OwnClient, r)
	}
	if _, ok := verdict.ParseReason("resolved"); ok {
		t.Error("an unknown reason was read")
	}
	if _, ok := verdict.ParseVerdict("ok"); ok {
		t.Error("an unknown verdict was read")
	}
}

func TestJSONRoundTrip(t *testing.T) {
	type codes struct {
		Verdict verdict.Verdict        `json:"verdict"`
		Reason  verdict.Reason         `json:"reason"`
		Hop     verdict.Hop            `json:"hop,omitempty"`
		Counts  map[verdict.Reason]int `json:"counts,omitempty"`
	}
	f := func(c codes, want string) {
		t.Helper()
		text, err := json.Marshal(c)
		if err != nil || string(text) != want {
			t.Errorf("got %s, %v; want %s", text, err, want)
		}
		var back codes
		if err := json.Unmarshal(text, &back); err != nil || fmt.Sprint(back) != fmt.Sprint(c) {
			t.Errorf("%s reads back as %+v, %v", text, back, err)
		}
	}
	f(codes{}, `{"verdict":"","reason":""}`)
	f(codes{Verdict: verdict.Lost, Reason: verdict.OwnClient, Hop: verdict.Web, Counts: map[verdict.Reason]int{verdict.OK: 2}},
		`{"verdict":"lost","reason":"internal","hop":"web","counts":{"ok":2}}`)
	for _, bad := range []string{`{"verdict":"fine"}`, `{"reason":"fine"}`, `{"hop":"nlb"}`} {
		if err := json.Unmarshal([]byte(bad), &codes{}); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func ExampleReason() {
	r := verdict.RealipNotApplied
	fmt.Println(r, r.IsFault())
	fmt.Println(r.Info().Means)
	// Output:
	// realip_not_applied true
	// `$remote_addr` is a proxy although another field names the client
}
