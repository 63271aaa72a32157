package useragent

import (
	"os"
	"regexp"
	"testing"

	"clearhop/enrich/useragent/internal/filtered"
	"clearhop/enrich/useragent/uapcore"
)

// TestRulesCompile: an expression is compiled at its first use, where an error
// would end the program, and no template names a group that is not there.
func TestRulesCompile(t *testing.T) {
	all := NewRules()
	for _, list := range []*filtered.List{all.browsers, all.systems, all.kinds} {
		for i, r := range list.Rules() {
			re, err := regexp.Compile(r.Expr)
			if err != nil {
				t.Errorf("rule %d: %v", i, err)
				continue
			}
			for _, template := range r.Templates {
				for j := range len(template) - 1 {
					if c := template[j+1]; template[j] == '$' && '1' <= c && c <= '9' && int(c-'0') > re.NumSubexp() {
						t.Errorf("rule %d: template %q and %d groups: %s", i, template, re.NumSubexp(), r.Expr)
					}
				}
			}
		}
	}
}

// The slow twin of a list: every expression as uap-core wrote it, in order.
type slowRules []*regexp.Regexp

func newSlowRules(tb testing.TB) (browsers, systems, kinds slowRules) {
	tb.Helper()
	file, err := os.Open("uapcore/regexes.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	lists, err := uapcore.Read(file)
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

func (s slowRules) match(text string, rules []filtered.Rule) *filtered.Rule {
	for i, re := range s {
		if groups := re.FindStringSubmatchIndex(text); groups != nil && rules[i].Fill(0, text, groups) != "" {
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
	matcher := rules.all.NewMatcher()
	parser := rules.NewParser()
	browsers, systems, kinds := newSlowRules(t)
	f := func(text string) {
		t.Helper()
		matcher.SetText(text, filtered.Fold(text))
		g := func(list *filtered.List, slow slowRules) {
			t.Helper()
			got, _ := matcher.First(list)
			want := slow.match(text, list.Rules())
			if got != want {
				t.Errorf("%s:\n got %+v\nwant %+v", text, got, want)
			}
		}
		g(rules.browsers, browsers)
		g(rules.systems, systems)
		g(rules.kinds, kinds)
		parser.matcher.SetText(text, filtered.Fold(text))
		if got, want := parser.namesBot(filtered.Fold(text)), namesBot(filtered.Fold(text)); got != want {
			t.Errorf("%s: bot is %v, want %v", text, got, want)
		}
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
	for _, text := range []string{"bot", "ubot", "cubot", "xubot", "CUBOT ", "\nbot", "ubots", "a\xffbot", "éubot;", "cubot bot"} {
		f(text)
	}
	f("\u017fPIDER/1.0") // the regexp package takes U+017F for an s
	f("BLAC\u212aberry9000/4.6")
	f("ALCATEL \u00fcber")
}
