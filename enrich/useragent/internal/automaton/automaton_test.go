package automaton

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// expressions are of every kind that the rules for user agents have.
var expressions = []string{
	`Firefox/(\d+)`,
	`^(Mozilla|Opera)/\d`,
	`(?i)^.{0,4}(bot|slurp|kk|ss)`,
	`^.{0,3}?(?:a|b).*c`,
	`\b(S60|iOS)\b`,
	`[^;/]*?(?:Build|;)$`,
	`; {0,2}(A\d+[a-z]?)(?: Build|\) Apple)`,
	`(?i)k[^a]s`,
	`.`,
	``,
	`^$`,
	`a\B`,
	`(?:x|xy)+z{2,3}`,
}

func FuzzMatch(f *testing.F) {
	for _, text := range []string{
		"Mozilla/5.0 Firefox/120", "xbot", "1234bot", "12345bot", "12\nbot", "abc", "a\nc", "S60", "xS60", "é S60é",
		"; A12b Build", ";  A1) Apple", "ſ\u212aſ", "kéſ", "", "xyxzz", "aé", "abot\xff", "\xff\xfe", "a;", strings.Repeat("a1;", 200),
	} {
		f.Add(text)
	}
	var programs []*Program
	var oracles []*regexp.Regexp
	for _, expr := range expressions {
		program, err := Compile(expr)
		if err != nil {
			f.Fatal(err)
		}
		programs = append(programs, program)
		oracles = append(oracles, regexp.MustCompile(expr))
	}
	several, err := Compile(expressions[:7]...)
	if err != nil {
		f.Fatal(err)
	}
	cache := NewCache()
	f.Fuzz(func(t *testing.T, text string) {
		cache.SetText(text)
		first := -1
		for i, program := range programs {
			want := oracles[i].MatchString(text)
			if i < 7 && want && first < 0 {
				first = i
			}
			if got := cache.Match(program); got != Unknown && (got == Yes) != want {
				t.Errorf("%s on %q: %v, package regexp says %v", expressions[i], text, got, want)
			}
			if !want {
				continue
			}
			start, answer := cache.Start(program)
			wantStart := utf8.RuneCountInString(text[:oracles[i].FindStringIndex(text)[0]])
			if answer == Yes && start != wantStart {
				t.Errorf("%s on %q starts at %d, package regexp says %d", expressions[i], text, start, wantStart)
			}
		}
		switch got, answer := cache.First(several); {
		case answer == No && first >= 0, answer == Yes && got != first:
			t.Errorf("first on %q: %v %v, want %v", text, got, answer, first)
		}
	})
}

// A text that asks for much is answered by Unknown, and the table stays bounded.
func TestBounds(t *testing.T) {
	// Which of the last twelve characters were an a: 4,096 states and more.
	expr := `a.{12}b$`
	program, err := Compile(expr)
	if err != nil {
		t.Fatal(err)
	}
	oracle := regexp.MustCompile(expr)
	cache := NewCache()
	known, unknown := 0, 0
	random := uint32(1)
	for range 2000 {
		var text strings.Builder
		for range 100 {
			random = random*1664525 + 1013904223
			text.WriteByte('a' + byte(random>>24)%2)
		}
		cache.SetText(text.String())
		switch got := cache.Match(program); {
		case got == Unknown:
			unknown++
		case (got == Yes) != oracle.MatchString(text.String()):
			t.Fatalf("%q: %v", text.String(), got)
		default:
			known++
		}
		if states := len(cache.tables[program].states); states > MaxStates {
			t.Fatalf("%d states", states)
		}
	}
	if known == 0 {
		t.Errorf("no text of %d was answered", unknown)
	}
	cache.SetText(strings.Repeat("ab", 4*MaxSteps))
	if got := cache.Match(program); got == Unknown {
		t.Error("a text that repeats itself is unknown")
	}
}

// A program that is slow in package regexp is answered, whatever a text asks for.
func TestSlowProgramsAreAnswered(t *testing.T) {
	expr := `(?:a.{12}b|x.{500}y)$`
	program, err := Compile(expr)
	if err != nil {
		t.Fatal(err)
	}
	if len(program.insts) <= backtracked {
		t.Fatalf("%d instructions are not enough for this test", len(program.insts))
	}
	oracle := regexp.MustCompile(expr)
	cache := NewCache()
	random := uint32(1)
	for range 200 {
		var text strings.Builder
		for range 500 {
			random = random*1664525 + 1013904223
			text.WriteByte('a' + byte(random>>24)%2)
		}
		cache.SetText(text.String())
		if got := cache.Match(program); got == Unknown || (got == Yes) != oracle.MatchString(text.String()) {
			t.Fatalf("%q: %v", text.String(), got)
		}
		if cache.steps < 0 || len(cache.tables[program].states) > MaxStates {
			t.Fatalf("%d steps are left, and there are %d states", cache.steps, len(cache.tables[program].states))
		}
	}
	if cache.steps > 0 {
		t.Errorf("%d steps are left: the texts asked for too little", cache.steps)
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, expr := range []string{`(`, `é`, `[à-ü]x`, `\p{Greek}`} {
		if _, err := Compile(expr); err == nil {
			t.Errorf("%s was taken", expr)
		}
	}
}
