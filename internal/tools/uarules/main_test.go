package main

import (
	"bytes"
	"os"
	"regexp/syntax"
	"slices"
	"testing"
)

// TestRulesAreCurrent: rules.txt is what the generator makes of regexes.yaml.
func TestRulesAreCurrent(t *testing.T) {
	yaml, err := os.ReadFile("../../../enrich/useragent/uapcore/regexes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := generate(yaml)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../enrich/useragent/rules.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("rules.txt is not current: run go generate ./enrich/useragent")
	}
}

func TestClausesOf(t *testing.T) {
	f := func(expr string, want ...clause) {
		t.Helper()
		tree, err := syntax.Parse(expr, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		if got := clausesOf(tree); !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s: got %q, want %q", expr, got, want)
		}
	}
	f(`Firefox`, clause{"firefox"})
	f(`(Fire)(fox)/\d+`, clause{"firefox/"})
	f(`(?i)CURL`, clause{"curl"})
	f(`Silk|Kindle`, clause{"kindle", "silk"})
	f(`(?:Silk|Kindle)Fire`, clause{"kindlefire", "silkfire"})
	f(`Opera( Mini|)/`, clause{"opera mini/", "opera/"})
	f(`HTC[ _]One`, clause{"htc one", "htc_one"})
	f(`Windows.*Phone`, clause{"windows"}, clause{"phone"})
	f(`(?:abcd)+x`, clause{"abcd"})
	f(`(?:abcd){2,3}`, clause{"abcd"})
	f(`bot|crawlbot`, clause{"bot"}) // whoever has the second has the first
	f(`Android|Mozilla/5.0.*Robo`, clause{"android", "robo"})
	// Nothing that a match must hold, or too little to tell.
	f(`.*`)
	f(`(?:abcd)*`)
	f(`(?:abcd)?`)
	f(`(?:abcd){0,2}`)
	f(`LG\d`)
	f(`abcd|\d+`)
	f(`^$`)
}

func TestDropGuards(t *testing.T) {
	f := func(expr, want string) {
		t.Helper()
		if got := dropGuards(expr); got != want {
			t.Errorf("%s: got %s, want %s", expr, got, want)
		}
	}
	f(`a.{0,100}b.{1,200}?c`, `a.*b.+?c`)
	f(`^.{0,100}bot`, `^.{0,100}bot`)
	f(`\d{1,3} {0,2}x{4}`, `\d{1,3} {0,2}x{4}`)
}

func TestGenerateErrors(t *testing.T) {
	const rest = "os_parsers:\n  - regex: 'b'\ndevice_parsers:\n  - regex: 'c'\n"
	f := func(yaml, want string) {
		t.Helper()
		_, err := generate([]byte(yaml))
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", yaml, err, want)
		}
	}
	f("user_agent_parsers:\n"+rest, "read regexes: list user_agent_parsers is empty")
	f("user_agent_parsers:\n  - regex: a\n"+rest, `read regexes: line 2: value is not quoted: "a"`)
	f("user_agent_parsers:\n  - regex: '(a'\n"+rest, "line 2: error parsing regexp: missing closing ): `(a`")
	f("user_agent_parsers:\n  - regex: 'a'\n"+rest, "line 2: a match has no name")
	f("user_agent_parsers:\n  - regex: 'a'\n    regex_flag: 'x'\n"+rest, `line 2: unknown regex_flag "x"`)
	f("user_agent_parsers:\n  - regex: '(a)'\n    brand: 'x'\n"+rest, `line 2: unknown key "brand"`)
}
