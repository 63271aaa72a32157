package envelope

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clearhop/record"
)

// join opens a batch and describes each line: its text, with "…" if its end is
// missing, or the line that it continues.
func join(j *Joiner, lines ...string) []string {
	j.Reset()
	for _, line := range lines {
		j.Add([]byte(line))
	}
	out := make([]string, len(lines))
	for i, line := range lines {
		var e record.Envelope
		inner, _, first := j.Open(i, []byte(line), nil, &e)
		switch {
		case first != i:
			out[i] = fmt.Sprintf("%s: on %d", inner, first)
		case e.Partial:
			out[i] = string(inner) + "…"
		default:
			out[i] = string(inner)
		}
	}
	return out
}

func fireLens(id, log, more string) string {
	return fmt.Sprintf(`{"container_id":%q,"source":"stdout","log":%q%s}`, id, log, more)
}

func TestJoiner(t *testing.T) {
	const (
		cri  = "2016-10-06T00:17:09Z stdout "
		errs = "2016-10-06T00:17:09Z stderr "
		part = `,"partial_message":"true","partial_id":"7","partial_last":"false"`
		last = `,"partial_message":"true","partial_id":"7","partial_last":"true"`
	)
	var j Joiner
	f := func(lines []string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, join(&j, lines...)); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	f(nil, []string{}...)
	f([]string{access, cri + "F x", access}, access, "x", access)
	f([]string{cri + "P a", cri + "P b", cri + "F c", cri + "F d"}, "abc", "b: on 0", "c: on 0", "d")
	f([]string{cri + "P a", errs + "P x", access, errs + "F y", cri + "F b"}, "ab", "xy", access, "y: on 1", "b: on 0")
	f([]string{cri + "P a", cri + "P b"}, "ab…", "b: on 0")
	f([]string{cri + "P a"}, "a…")
	f([]string{cri + "F a", cri + "P b", cri + "F", cri + "F "}, "a", "b", ": on 1", "")
	a, b := strings.Repeat("a", dockerCut), strings.Repeat("b", dockerCut)
	f([]string{`{"log":"` + a + `","stream":"stdout"}`, `{"log":"` + b + `","stream":"stderr"}`, `{"log":"c\n","stream":"stdout"}`, `{"log":"d\n","stream":"stderr"}`},
		a+"c", b+"d", "c: on 0", "d: on 1")
	f([]string{`{"log":"x","stream":"stdout"}`, `{"log":"y","stream":"stdout"}`}, "x", "y") // the newlines were removed
	f([]string{fireLens("1", "a", part), fireLens("2", "x", part), fireLens("1", "b", part), fireLens("2", "y", last), fireLens("1", "c", last), fireLens("1", "d", "")},
		"abc", "xy", "b: on 0", "y: on 1", "c: on 0", "d")
	// A fragment is the middle of a line, even if it begins like an envelope. The
	// joined line is opened further.
	f([]string{cri + "P a", cri + "P {\"log\":\"x\"}", cri + "F web-1  | b"}, `a{"log":"x"}web-1  | b`, `{"log":"x"}: on 0`, "web-1  | b: on 0")
	f([]string{cri + `P {"log":"in`, cri + `F side\n","stream":"stderr"}`}, "inside", `side\n","stream":"stderr"}: on 0`)
	// Docker's fragments, in lines that CRI cut.
	f([]string{`web-1  | ` + cri + "P a", `web-2  | ` + cri + "F x", `web-1  | ` + cri + "F b"}, "ab", "x", "b: on 0")
}

func TestJoinerBounds(t *testing.T) {
	const cri = "2016-10-06T00:17:09Z stdout "
	var j Joiner
	lines := make([]string, MaxFragments+2)
	for i := range lines {
		lines[i] = cri + "P x"
	}
	lines[len(lines)-1] = cri + "F y"
	got := join(&j, lines...)
	if want := strings.Repeat("x", MaxFragments) + "…"; got[0] != want {
		t.Errorf("first line: %s", got[0])
	}
	if got[MaxFragments] != "xy" || got[MaxFragments+1] != fmt.Sprintf("y: on %d", MaxFragments) {
		t.Errorf("behind the bound: %q", got[MaxFragments:])
	}

	half := strings.Repeat("h", MaxJoined/2)
	got = join(&j, cri+"P "+half, cri+"P "+half, cri+"P z", cri+"F y")
	if len(got[0]) != MaxJoined+len("…") || got[2] != "zy" {
		t.Errorf("%d bytes, then %.10q", len(got[0]), got[2:])
	}

	// More unfinished lines than the limit: the oldest stays unfinished.
	lines = lines[:0]
	for i := range maxOpen + 1 {
		lines = append(lines, fmt.Sprintf("web-%d  | %sP a", i+1, cri))
	}
	for i := range maxOpen + 1 {
		lines = append(lines, fmt.Sprintf("web-%d  | %sF b", i+1, cri))
	}
	got = join(&j, lines...)
	if got[0] != "a…" || got[1] != "ab" || got[maxOpen] != "ab" || got[maxOpen+1] != "b" || got[maxOpen+2] != "b: on 1" {
		t.Errorf("%q", got)
	}
}
