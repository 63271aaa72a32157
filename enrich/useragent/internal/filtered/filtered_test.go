package filtered

import (
	"fmt"
	"strings"
	"testing"
)

// file has a rule that is always tried, one with two sets of atoms, and one that
// can match without a name.
const file = `# programs
list programs
rule ` + "`(Fire|Ice)fox/(\\d+)`" + `
gives "$1fox" "$2"
needs "firefox/" "icefox/"
rule ` + "`x(.*)y`" + `
gives "$1"
rule ` + "`Opera.*Mini`" + `
gives "Opera Mini"
needs "opera"
needs "mini"

list bots
rule ` + "`(?i)bot`" + `
gives "bot"
needs "bot"
`

func load(t *testing.T) *Rules {
	t.Helper()
	rules, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func TestFirst(t *testing.T) {
	rules := load(t)
	matcher := rules.NewMatcher()
	f := func(list, text string, want ...string) {
		t.Helper()
		matcher.SetText(text, Fold(text))
		rule, groups := matcher.First(rules.List(list))
		var got []string
		if rule != nil {
			for i := range rule.Templates {
				got = append(got, rule.Fill(i, text, groups))
			}
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s of %q: got %q, want %q", list, text, got, want)
		}
	}
	f("programs", "Firefox/12", "Firefox", "12")
	f("programs", "xzy Icefox/3", "Icefox", "3") // the first rule comes first
	f("programs", "firefox/12")                  // the atom is there, but no match
	f("programs", "x y z", "")
	f("programs", "xzy", "z")
	f("programs", "xy Opera Mini", "Opera Mini") // the match of xy has no name
	f("programs", "Opera")
	f("programs", "Mini")
	f("programs", "Mini Opera")
	f("programs", "")
	f("bots", "GoogleBOT", "bot")
	f("bots", "Firefox/12")
	if rules.List("systems") != nil {
		t.Error("there is a list that the file does not have")
	}
}

// TestFirstOnlyTriesWhatCanMatch: an expression that was never tried is not
// compiled.
func TestFirstOnlyTriesWhatCanMatch(t *testing.T) {
	rules := load(t)
	matcher := rules.NewMatcher()
	matcher.SetText("opera", "opera")
	programs := rules.List("programs")
	matcher.First(programs)
	for i := range programs.families {
		f := &programs.families[i]
		if got, want := f.automaton.Load() != nil, len(f.needs) == 0; got != want {
			t.Errorf("family %d: compiled is %v, want %v", i, got, want)
		}
	}
	for i := range programs.rules {
		if programs.whole[i].Load() != nil || programs.atStart[i].Load() != nil {
			t.Errorf("rule %d does not match, but package regexp was asked for it", i)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	const rule = "list x\nrule `a`\n"
	f := func(file, want string) {
		t.Helper()
		if _, err := Load(file); err == nil || err.Error() != want {
			t.Errorf("%.60q:\n got %v\nwant %s", file, err, want)
		}
	}
	f("word", `line 1: unknown word "word"`)
	f("list x\n\nlist x", `line 3: a second list "x"`)
	f("rule `a`", "line 1: a rule before the first list")
	f("list x\nrule a", "line 2: an expression that is not quoted: a")
	f(`gives "a"`, "line 1: gives before the first rule of a list")
	f("list x\nneeds \"abc\"", "line 2: needs before the first rule of a list")
	f(rule+"gives a", "line 3: a text that is not quoted: a")
	f(rule+`gives "a" b`, "line 3: a text that is not quoted: b")
	f(rule+"needs", "line 3: needs without an atom")
	f(rule+`needs "ab"`, `line 3: an atom of fewer than 3 bytes: "ab"`)
	f("list x\n"+strings.Repeat("rule `a`\n", maxRules+1), "line 1026: more than 1024 rules in one list")
	var many strings.Builder
	many.WriteString(rule)
	for i := range maxAtoms + 1 {
		many.WriteString("needs \"" + strings.Repeat("a", 3+i) + "\"\n")
	}
	f(many.String(), "line 4099: more than 4096 atoms")
}

func TestFold(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		if got := Fold(s); got != want {
			t.Errorf("Fold(%q) = %q, want %q", s, got, want)
		}
	}
	f("", "")
	f("GoogleBot/2.1", "googlebot/2.1")
	f("\u017fPI\u212a\u00dc", "spik\u00dc")
	f("\xc5", "\xc5")
}

func TestFill(t *testing.T) {
	text := "HTC Desire HD"
	groups := []int{0, 13, 4, 10, -1, -1, 10, 13}
	f := func(template, want string) {
		t.Helper()
		r := Rule{Templates: []string{template}}
		if got := r.Fill(0, text, groups); got != want {
			t.Errorf("%q gives %q, want %q", template, got, want)
		}
	}
	f("$1", "Desire")
	f("$2", "") // did not take part in the match
	f("$3", "HD")
	f("$9", "")
	f("HTC $1", "HTC Desire")
	f("HTC $1$3", "HTC Desire HD")
	f("$1x", "Desirex")
	f("$ $1", "$ Desire")
	f("HTC $2", "HTC")
	f("", "")
	r := Rule{Templates: []string{"a"}}
	if got := r.Fill(1, text, groups); got != "" {
		t.Errorf("a template that is not there gives %q", got)
	}
}

// TestMaxTried: a text that has the pieces of many rules is not read for all of them,
// whatever was read before it, and a short one is.
func TestMaxTried(t *testing.T) {
	const n = 60
	var text strings.Builder
	var pieces string
	text.WriteString("list all\n")
	for i := range n {
		fmt.Fprintf(&text, "rule `piece%02d=(\\d)`\ngives \"$1\"\nneeds \"piece%02d\"\n", i, i)
		pieces += fmt.Sprintf("piece%02d ", i)
	}
	rules, err := Load(text.String())
	if err != nil {
		t.Fatal(err)
	}
	matcher := rules.NewMatcher()
	f := func(ua string, want bool) {
		t.Helper()
		for range 2 { // the second time the tables are there
			matcher.SetText(ua, Fold(ua))
			if rule, _ := matcher.First(rules.List("all")); (rule != nil) != want {
				t.Errorf("%d bytes: found %t, want %t", len(ua), rule != nil, want)
			}
		}
	}
	last := fmt.Sprintf("piece%02d=1", n-1)
	f(last, true)
	f(pieces[:MaxTried/n/2]+last, true)
	if len(pieces)*n < 2*MaxTried {
		t.Fatal("the text is too short")
	}
	f(pieces+last, false)
	f("piece00=1 "+pieces, true) // found before that
}
