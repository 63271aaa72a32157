package useragent

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParse(t *testing.T) {
	parser := NewRules().NewParser()
	f := func(ua string, want Result) {
		t.Helper()
		for _, state := range []string{"first", "remembered"} {
			if got := parser.Parse([]byte(ua)); got != want {
				t.Errorf("%s, %s:\n got %+v\nwant %+v", ua, state, got, want)
			}
		}
	}
	const webkit = "AppleWebKit/537.36 (KHTML, like Gecko)"

	// Browsers.
	f("Mozilla/5.0 (iPhone; CPU iPhone OS 17_2_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
		Result{"Mobile Safari", "17.2", "iOS", "17.2.1", "iPhone", false})
	f("Mozilla/5.0 (Windows NT 10.0; Win64; x64) "+webkit+" Chrome/120.0.0.0 Safari/537.36",
		Result{"Chrome", "120.0.0", "Windows", "10", "", false})
	f("Mozilla/5.0 (Windows NT 10.0; Win64; x64) "+webkit+" Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
		Result{"Edge", "120.0.2210", "Windows", "10", "", false})
	f("Mozilla/5.0 (Linux; Android 10; K) "+webkit+" Chrome/120.0.0.0 Mobile Safari/537.36", // reduced: no model
		Result{"Chrome Mobile", "120.0.0", "Android", "10", "", false})
	f("Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) "+webkit+" SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36",
		Result{"Samsung Internet", "23.0", "Android", "14", "Samsung SM-S918B", false})
	f("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15",
		Result{"Safari", "17.1", "Mac OS X", "10.15.7", "Mac", false})
	f("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
		Result{"Firefox", "128.0", "Ubuntu", "", "", false})
	f("Mozilla/5.0 (Linux; Android 8.1; CUBOT_X18_Plus) "+webkit+" Chrome/90.0 Mobile Safari/537.36", // a phone
		Result{"Chrome", "90.0", "Android", "8.1", "CUBOT_X18_Plus", false})

	// Apps and their libraries.
	f("MyApp/3.1 CFNetwork/1485 Darwin/23.1.0", Result{"MyApp", "3.1", "iOS", "17.1", "iOS-Device", false})
	f("okhttp/4.12.0", Result{"okhttp", "4.12.0", "", "", "", false})

	// Bots that uap-core knows.
	f("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		Result{"Googlebot", "2.1", "", "", "", true})
	f("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
		Result{"Slackbot-LinkExpanding", "1.0", "", "", "", true})
	f("curl/7.54.0", Result{"curl", "7.54.0", "", "", "", true})
	f("Mozilla/5.0 (X11; Linux x86_64) "+webkit+" HeadlessChrome/120.0.6099.109 Safari/537.36",
		Result{"HeadlessChrome", "120.0.6099", "Linux", "", "", true})

	// Bots that it does not know: they have the name they give themselves.
	f("ELB-HealthChecker/2.0", Result{"ELB-HealthChecker", "2.0", "", "", "", true})
	f("kube-probe/1.27", Result{"kube-probe", "1.27", "", "", "", true})
	f("Amazon CloudFront", Result{"Amazon CloudFront", "", "", "", "", true})
	f("check_http/v2.3.3 (nagios-plugins 2.3.3)", Result{"check_http", "2.3.3", "", "", "", true})
	f("Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)",
		Result{"CensysInspect", "1.1", "", "", "", true})
	f("Mozilla/5.0 "+strings.TrimSuffix(webkit, ")")+"; compatible; ChatGPT-User/1.0; +https://openai.com/bot)", // not the name "com/bot"
		Result{"ChatGPT-User", "1.0", "", "", "", true})
	f("Mozilla/5.0", Result{Bot: true}) // no browser stops there
	f("Spider", Result{Bot: true})      // no name
	f("Hello World", Result{Name: "Hello World", Bot: true})

	// Nothing.
	f("", Result{})
	f("-", Result{})
	f("   ", Result{})
	f("\xff\xfe\x00garbage", Result{})
	f("'; DROP TABLE users;--", Result{})
	f("\u00fcml\u00e4ut", Result{})
}

func TestParseDoesNotKeepItsArgument(t *testing.T) {
	parser := NewRules().NewParser()
	ua := []byte("curl/7.54.0")
	first := parser.Parse(ua)
	copy(ua, "XXXXXXXXXXX")
	if first.Name != "curl" || first.Version != "7.54.0" {
		t.Errorf("result changed with the argument: %+v", first)
	}
	if again := parser.Parse([]byte("curl/7.54.0")); again != first {
		t.Errorf("remembered %+v, want %+v", again, first)
	}
}

func TestParseBoundsTexts(t *testing.T) {
	parser := NewRules().NewParser()
	f := func(ua string) {
		t.Helper()
		checkTexts(t, []byte(ua), parser.Parse([]byte(ua)))
	}
	f("Mozilla/5.0 (Linux; Android 9; " + strings.Repeat("X", 400) + " Build/PPR1) AppleWebKit/537.36")
	f("Mozilla/5.0 (Linux; Android 9; " + strings.Repeat("\u00fc", 150) + " Build/PPR1) AppleWebKit/537.36")
	f("Mozilla/5.0 (Linux; Android 9; a\x01b\x1b[31m Build/PPR1) AppleWebKit/537.36")
	f(strings.Repeat("\u00fc", MaxInput))
	f("curl/7" + strings.Repeat(".1", MaxInput))
}

// A cut user agent is the same as one that ends there, however much follows.
func TestParseCutsInput(t *testing.T) {
	parser := NewRules().NewParser()
	long := "curl/7.54.0 " + strings.Repeat("x", MaxInput)
	want := parser.Parse([]byte(long[:MaxInput]))
	if got := parser.Parse([]byte(long + " Googlebot/2.1 " + strings.Repeat("y", 1<<20))); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if want.Name != "curl" {
		t.Errorf("name %q, want curl", want.Name)
	}
}

// checkTexts holds what is promised of every Result.
func checkTexts(t *testing.T, ua []byte, r Result) {
	t.Helper()
	for _, s := range []string{r.Name, r.Version, r.OSName, r.OSVersion, r.DeviceName} {
		switch {
		case !utf8.ValidString(s):
			t.Errorf("%q: %q is not UTF-8", ua, s)
		case len(s) > MaxText:
			t.Errorf("%q: %q has %d bytes", ua, s, len(s))
		case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
			t.Errorf("%q: %q has control characters", ua, s)
		}
	}
	for _, s := range []string{r.Name, r.OSName, r.DeviceName} {
		if s != "" && isGeneric(s) {
			t.Errorf("%q: %q says nothing", ua, s)
		}
	}
	if r.Version != "" && r.Name == "" || r.OSVersion != "" && r.OSName == "" {
		t.Errorf("%q: version of nothing: %+v", ua, r)
	}
}
