package useragent

import "testing"

// Whatever the bytes: the answer is the same with and without the memory and
// from another parser, and keeps what is promised of every Result.
func FuzzParse(f *testing.F) {
	for _, file := range []string{"ua.json", "os.json", "device.json"} {
		for i, x := range readJSON[[]fixture](f, "testdata/uap-core/"+file) {
			if i%20 == 0 {
				f.Add([]byte(x.UA))
			}
		}
	}
	f.Add([]byte("-"))
	f.Add([]byte("\xff\xfe\x00\xe2\x84"))
	f.Add([]byte("Mozilla/5.0 (compatible; \u212a/1; \u017fpider)"))
	f.Add(hostile())
	rules := NewRules()
	parser := rules.NewParser()
	f.Fuzz(func(t *testing.T, ua []byte) {
		first := parser.Parse(ua)
		checkTexts(t, ua, first)
		if again := parser.Parse(ua); again != first {
			t.Errorf("%q: remembered as %+v, was %+v", ua, again, first)
		}
		if other := rules.NewParser().Parse(ua); other != first {
			t.Errorf("%q: another parser says %+v, not %+v", ua, other, first)
		}
		if len(ua) > MaxInput {
			ua = ua[:MaxInput]
		}
		if text := string(ua); text != "" && text != "-" {
			if bare := rules.NewParser().read(text); bare != first {
				t.Errorf("%q: without memory %+v, with %+v", ua, bare, first)
			}
		}
	})
}
