package useragent

import (
	"os"
	"regexp"
	"testing"

	"clearhop/enrich/useragent/internal/regexes"
)

func TestRulesCompile(t *testing.T) {
	for _, rules := range [][]rule{browserRules[:], osRules[:], deviceRules[:]} {
		for i, r := range rules {
			re, err := regexp.Compile(r.expr)
			if err != nil {
				t.Errorf("rule %d: %v", i, err)
				continue
			}
			for _, template := range r.templates {
				for j := range len(template) - 1 {
					if c := template[j+1]; template[j] == '$' && '1' <= c && c <= '9' && int(c-'0') > re.NumSubexp() {
						t.Errorf("rule %d: template %q and %d groups: %s", i, template, re.NumSubexp(), r.expr)
					}
				}
			}
		}
		if len(rules) > 1024 {
			t.Errorf("%d rules: match needs more space for its candidates", len(rules))
		}
	}
}

// The slow twin of a ruleSet: every expression as uap-core wrote it, in order.
type slowRules []*regexp.Regexp

func newSlowRules(tb testing.TB) (browsers, systems, kinds slowRules) {
	tb.Helper()
	file, err := os.Open("uapcore/regexes.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	lists, err := regexes.Read(file)
	if err != nil {
		tb.Fatal(err)
	}
	compile := func(list string) (rules slowRules) {
		for _, entry := range lists[list] {
			expr := entry.Values["regex"]
			if entry.Values["regex_flag"] == "i" {
				expr = "(?i)" + expr
			}
			rules = append(rules, regexp.MustCompile(expr))
		}
		return rules
	}
	return compile("user_agent"), compile("os"), compile("device")
}

func (s slowRules) match(text string, rules []rule) *rule {
	for i, re := range s {
		if groups := re.FindStringSubmatchIndex(text); groups != nil && rules[i].expand(0, text, groups) != "" {
			return &rules[i]
		}
	}
	return nil
}

// The atoms must never hide a rule, and dropping the bounds of repetitions must
// not change an answer.
func TestRulesEqualTheirSlowTwin(t *testing.T) {
	if testing.Short() {
		t.Skip("tries every expression on every text")
	}
	rules := NewRules()
	browsers, systems, kinds := newSlowRules(t)
	f := func(text string) {
		t.Helper()
		seen := newBitset(len(atoms))
		found := rules.atoms.find(fold(text), nil, seen)
		g := func(set *ruleSet, slow slowRules) {
			t.Helper()
			got, _ := set.match(text, found, seen)
			want := slow.match(text, set.rules)
			if got != want {
				t.Errorf("%s:\n got %+v\nwant %+v", text, got, want)
			}
		}
		g(rules.browsers, browsers)
		g(rules.systems, systems)
		g(rules.kinds, kinds)
	}
	for _, file := range []string{"ua.json", "os.json", "device.json"} {
		for i, x := range readJSON[[]fixture](t, "testdata/uap-core/"+file) {
			if i%8 == 0 {
				f(x.UA)
			}
		}
	}
	for i, ua := range readJSON[[]string](t, "testdata/crawlers/crawlers.json") {
		if i%8 == 0 {
			f(ua)
		}
	}
	f("\u017fPIDER/1.0") // the regexp package takes U+017F for an s
	f("BLAC\u212aberry9000/4.6")
	f("ALCATEL \u00fcber")
}

func TestFold(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		if got := fold(s); got != want {
			t.Errorf("fold(%q) = %q, want %q", s, got, want)
		}
	}
	f("", "")
	f("GoogleBot/2.1", "googlebot/2.1")
	f("\u017fPI\u212a\u00dc", "spik\u00dc")
	f("\xc5", "\xc5")
}

func TestExpand(t *testing.T) {
	text := "HTC Desire HD"
	groups := []int{0, 13, 4, 10, -1, -1, 10, 13}
	f := func(template, want string) {
		t.Helper()
		r := rule{templates: []string{template}}
		if got := r.expand(0, text, groups); got != want {
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
}
