package useragent

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// A text of a known shape has the answer that it has without the shapes: all user agents
// of the tests, with digits changed by chance, and with the digits of other rules' atoms.
func TestShapesAnswerAsTheRules(t *testing.T) {
	rules := NewRules()
	parser, oracle := rules.NewParser(), rules.NewParser()
	random := rand.New(rand.NewPCG(1, 2))
	atoms := atomsByShape(t)
	texts := agentsOfTests(t)
	if testing.Short() {
		texts = texts[:500]
	}
	wrong, known := 0, 0
	f := func(text string) {
		hash, ok := parser.shapes.hash(text)
		if ok && parser.shapes.get(hash, text) != nil {
			known++
		}
		got, want := parser.parse(text), oracle.read(text)
		if got != want && wrong < 10 {
			wrong++
			t.Errorf("%q:\n got %+v\nwant %+v", text, got, want)
		}
	}
	for _, text := range texts {
		f(text)
		for _, chance := range []float64{0.05, 0.3, 1} {
			f(changeDigits(random, text, chance))
		}
		for range 4 {
			f(changeAtom(random, text, atoms))
		}
		f(text)
	}
	// If few of these were known, the test would not test what is known.
	if asked := 9 * len(texts); known < asked/3 {
		t.Errorf("%d of %d were of a known shape", known, asked)
	}
}

// What comes of two texts that differ in digits does not depend on which came first.
func FuzzShapes(f *testing.F) {
	for _, text := range []string{
		iPhone, "curl/7.54.0", "Mozilla/5.0 (Windows NT 6.1; Win64; x64) Chrome/120.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Linux; Android 4.4; Nokia6120 Build/KOT49H)", "Mozilla/4.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)",
		"MyApp/3.1 CFNetwork/1485 Darwin/23.1.0", "Mozilla/5.0 (Linux; Android 9; 008 Build/201)", "Site24x7", "k6/1",
		"Mozilla/5.0 (Linux; Android 9; é1 Build/PPR1)", string(hostile()),
	} {
		f.Add(text, "0123456789")
		f.Add(text, "9998")
	}
	rules := NewRules()
	oracle := rules.NewParser()
	f.Fuzz(func(t *testing.T, text, digits string) {
		other := withDigits(text, digits)
		for _, order := range [][2]string{{text, other}, {other, text}} {
			parser := rules.NewParser()
			for _, ua := range order {
				if len(ua) > MaxInput {
					ua = ua[:MaxInput]
				}
				if got, want := parser.parse(ua), oracle.read(ua); got != want {
					t.Errorf("%q in %q:\n got %+v\nwant %+v", ua, order, got, want)
				}
			}
		}
	})
}

// withDigits writes digits over those of a text. What is no digit leaves one as it is.
func withDigits(text, digits string) string {
	b := []byte(text)
	for i, n := 0, 0; i < len(b) && n < len(digits); i++ {
		if isDigit(b[i]) {
			if isDigit(digits[n]) {
				b[i] = digits[n]
			}
			n++
		}
	}
	return string(b)
}

func changeDigits(random *rand.Rand, text string, chance float64) string {
	b := []byte(text)
	for i := range b {
		if isDigit(b[i]) && random.Float64() < chance {
			b[i] = '0' + byte(random.IntN(10))
		}
	}
	return string(b)
}

// changeAtom writes the digits of an atom over those of a place that has its shape.
func changeAtom(random *rand.Rand, text string, atoms map[string][]string) string {
	var places [][2]int
	masked := mask(strings.ToLower(text))
	if len(masked) != len(text) {
		return text
	}
	for start := range masked {
		for end := start + 3; end <= min(start+16, len(masked)); end++ {
			if atoms[masked[start:end]] != nil {
				places = append(places, [2]int{start, end})
			}
		}
	}
	if len(places) == 0 {
		return text
	}
	place := places[random.IntN(len(places))]
	same := atoms[masked[place[0]:place[1]]]
	atom := same[random.IntN(len(same))]
	b := []byte(text)
	for i := range len(atom) {
		if isDigit(atom[i]) {
			b[place[0]+i] = atom[i]
		}
	}
	return string(b)
}

func mask(text string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return '0'
		}
		return r
	}, text)
}

// atomsByShape are the atoms of the rules that have digits.
func atomsByShape(t *testing.T) map[string][]string {
	atoms := map[string][]string{}
	for line := range strings.Lines(rulesFile) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "needs ")
		for ok && rest != "" {
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				t.Fatal(err)
			}
			atom, err := strconv.Unquote(quoted)
			if err != nil {
				t.Fatal(err)
			}
			if shape := mask(atom); shape != atom || strings.Contains(atom, "0") {
				atoms[shape] = append(atoms[shape], atom)
			}
			rest = strings.TrimPrefix(rest[len(quoted):], " ")
		}
	}
	return atoms
}

func agentsOfTests(t testing.TB) []string {
	texts := readJSON[[]string](t, "testdata/crawlers/crawlers.json")
	for _, file := range []string{"ua.json", "os.json", "device.json"} {
		for _, x := range readJSON[[]fixture](t, "testdata/uap-core/"+file) {
			texts = append(texts, x.UA)
		}
	}
	for i, text := range texts {
		texts[i] = textOf(text[:min(len(text), MaxInput)])
	}
	return texts
}
