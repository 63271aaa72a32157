package useragent

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func BenchmarkParse(b *testing.B) {
	rules := NewRules()
	for _, x := range []struct{ name, ua string }{
		{"iphone", iPhone},
		{"chrome", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"},
		{"android", "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36"},
		{"googlebot", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
		{"curl", "curl/7.54.0"},
		{"hostile", string(hostile())},
	} {
		b.Run("hit/"+x.name, func(b *testing.B) {
			parser := rules.NewParser()
			ua := []byte(x.ua)
			b.ReportAllocs()
			for b.Loop() {
				parser.Parse(ua)
			}
		})
		b.Run("miss/"+x.name, func(b *testing.B) {
			parser := rules.NewParser()
			parser.parse(x.ua)
			hash, _ := parser.shapes.hash(textOf(x.ua))
			b.ReportAllocs()
			for b.Loop() {
				if parser.shapes.entries != nil {
					clear(parser.shapes.set(hash)) // its shape is new, too
				}
				parser.parse(x.ua)
			}
		})
		b.Run("version/"+x.name, func(b *testing.B) {
			parser := rules.NewParser()
			parser.parse(x.ua)
			b.ReportAllocs()
			for b.Loop() {
				parser.parse(x.ua)
			}
		})
	}
}

// BenchmarkStream reads user agents that are all new, after enough of them that the tables
// hold what such a stream leaves in them. The real ones have a version of their own. The
// hostile ones are made of texts whose automata have the most states, and so ask for new parts
// of the tables all the time. internal/tools/compare does not count them with the user agents
// of BenchmarkParse/miss, whose tables are built.
func BenchmarkStream(b *testing.B) {
	const n, before = 16384, 2048
	random := rand.New(rand.NewPCG(3, 4))
	agents := agentsOfTests(b)
	var streams [2][]string
	for i := range n {
		streams[0] = append(streams[0], agents[i%len(agents)]+" build/"+strconv.Itoa(i))
		streams[1] = append(streams[1], hostileJoin(random))
	}
	for i, name := range []string{"real", "hostile"} {
		b.Run(name, func(b *testing.B) {
			parser := NewRules().NewParser()
			for _, ua := range streams[i][:before] {
				parser.parse(ua)
			}
			next := before
			b.ReportAllocs()
			for b.Loop() {
				parser.parse(streams[i][next])
				next = (next + 1) % n
			}
		})
	}
}

// hostileJoin returns names that need large tables, joined at random with random digits.
func hostileJoin(random *rand.Rand) string {
	names := []string{"PetalBot", "AspiegelBot", "NokiaN67Kl", "UCBrowser", "NOKIA-X-", "Fennec/9.", "Fennec/68.15"}
	var ua strings.Builder
	for ua.Len() < MaxInput-32 {
		ua.WriteString(names[random.IntN(len(names))])
		if random.IntN(2) == 0 {
			ua.WriteString(strconv.Itoa(random.IntN(10000)))
			ua.WriteByte("ab.-_ "[random.IntN(6)])
		}
	}
	return ua.String()
}

// The first line of a cold process: new rules, a new parser, one user agent and
// the expressions that it needs.
func BenchmarkCold(b *testing.B) {
	b.Run("rules", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			NewRules()
		}
	})
	b.Run("parser", func(b *testing.B) {
		rules := NewRules()
		b.ReportAllocs()
		for b.Loop() {
			rules.NewParser()
		}
	})
	b.Run("first", func(b *testing.B) {
		ua := []byte(iPhone)
		b.ReportAllocs()
		for b.Loop() {
			NewRules().NewParser().Parse(ua)
		}
	})
}

// A user agent that asks for as many expressions as fit: the shortest atoms
// that lead to rules, most rules first.
func hostile() []byte {
	var atoms []string
	gain := map[string]float64{}
	first := false // the first needs of a rule decides whether the rule is tried
	for line := range strings.Lines(rulesFile) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case word == "rule":
			first = true
		case word == "needs" && first:
			first = false
			for rest != "" {
				quoted, err := strconv.QuotedPrefix(rest)
				if err != nil {
					panic(err)
				}
				atom, err := strconv.Unquote(quoted)
				if err != nil {
					panic(err)
				}
				if gain[atom] == 0 {
					atoms = append(atoms, atom)
				}
				gain[atom] += 1 / float64(len(atom))
				rest = strings.TrimPrefix(rest[len(quoted):], " ")
			}
		}
	}
	slices.SortFunc(atoms, func(a, b string) int {
		return cmp.Or(cmp.Compare(gain[b], gain[a]), cmp.Compare(a, b))
	})
	var ua []byte
	for _, a := range atoms {
		if len(ua)+len(a) <= MaxInput {
			ua = append(ua, a...)
		}
	}
	return ua
}

// The worst that a sender can do costs milliseconds, and twice the length no
// more than about twice the time: the bounds are wide, for slow machines.
func TestHostileInput(t *testing.T) {
	parser := NewRules().NewParser()
	for name, ua := range map[string]string{
		"atoms":  string(hostile()),
		"a":      strings.Repeat("a", MaxInput),
		"spaces": ";" + strings.Repeat(" ", MaxInput-1),
		"digits": "Mozilla/5.0 (Linux; Android " + strings.Repeat("1.", (MaxInput-40)/2),
		"parens": "Mozilla/5.0 " + strings.Repeat("(", MaxInput-20),
		"models": strings.Repeat("; HTC Desire Build", MaxInput/18),
	} {
		t.Run(name, func(t *testing.T) {
			parser.read(ua) // compiles
			start := time.Now()
			parser.read(ua)
			if took := time.Since(start); took > time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// Many goroutines share the rules from the start on: go test -race.
func TestConcurrentParsers(t *testing.T) {
	rules := NewRules()
	fixtures := readJSON[[]fixture](t, "testdata/uap-core/os.json")
	results := make(chan string)
	const workers = 4
	for range workers {
		go func() {
			parser := rules.NewParser()
			var all strings.Builder
			for _, x := range fixtures {
				fmt.Fprintln(&all, parser.Parse([]byte(x.UA)))
			}
			results <- all.String()
		}()
	}
	want := <-results
	for range workers - 1 {
		if got := <-results; got != want {
			t.Error("two parsers answer differently")
		}
	}
}
