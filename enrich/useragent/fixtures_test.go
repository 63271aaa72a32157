package useragent

import (
	"encoding/json"
	"os"
	"testing"
)

// A fixture is a test case of uap-core.
type fixture struct {
	UA, Family, Version string
}

// The accuracy is held here: these counts may rise, and must not fall without a
// reason that stands in docs/decisions/useragent.md.
func TestFixtures(t *testing.T) {
	parser := NewRules().NewParser()
	f := func(file string, wantRight int, answer func(Result) (name, version string)) {
		t.Helper()
		fixtures := readJSON[[]fixture](t, "testdata/uap-core/"+file)
		right := 0
		for _, x := range fixtures {
			name, version := answer(parser.read(x.UA))
			want := x.Family
			if isGeneric(want) {
				// A program's own name is more than uap-core has.
				want, x.Version = "", ""
				if own, _ := product(x.UA); name == own {
					name, version = "", ""
				}
			}
			if name == bounded(want) && version == x.Version {
				right++
			} else {
				t.Logf("%s: got %q %q, want %q %q: %s", file, name, version, want, x.Version, x.UA)
			}
		}
		t.Logf("%s: %d of %d right", file, right, len(fixtures))
		if right < wantRight {
			t.Errorf("%s: %d of %d right, want %d", file, right, len(fixtures), wantRight)
		}
	}
	f("ua.json", 472, func(r Result) (string, string) { return r.Name, r.Version })
	f("os.json", 228, func(r Result) (string, string) { return r.OSName, r.OSVersion })
	f("device.json", 806, func(r Result) (string, string) { return r.DeviceName, "" })
}

// Bots are counted on a list of bots, and people on uap-core's phones.
func TestBotFixtures(t *testing.T) {
	parser := NewRules().NewParser()
	crawlers := readJSON[[]string](t, "testdata/crawlers/crawlers.json")
	found := 0
	for _, ua := range crawlers {
		if parser.read(ua).Bot {
			found++
		} else {
			t.Logf("not found: %s", ua)
		}
	}
	t.Logf("%d of %d bots found", found, len(crawlers))
	if found < 512 {
		t.Errorf("%d of %d bots found", found, len(crawlers))
	}

	people, wrong := 0, 0
	for _, x := range readJSON[[]fixture](t, "testdata/uap-core/device.json") {
		if x.Family == spider {
			continue
		}
		people++
		if parser.read(x.UA).Bot {
			wrong++
			t.Logf("taken for a bot: %s", x.UA)
		}
	}
	t.Logf("%d of %d devices taken for bots", wrong, people)
	if wrong > 0 {
		t.Errorf("%d of %d devices taken for bots", wrong, people)
	}
}

// The names that a site's owner looks for, and the pieces of software that
// people and bots have in common.
func TestBot(t *testing.T) {
	parser := NewRules().NewParser()
	f := func(want bool, uas ...string) {
		t.Helper()
		for _, ua := range uas {
			if got := parser.read(ua); got.Bot != want {
				t.Errorf("bot is %v: %s: %+v", got.Bot, ua, got)
			}
		}
	}
	f(true, // search and archive
		"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.129 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/103.0.5060.134 Safari/537.36",
		"Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
		"Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
		"DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)",
		"Mozilla/5.0 (compatible; PetalBot;+https://webmaster.petalsearch.com/site/petalbot)",
		"Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
		"Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
		"Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
		"Mozilla/5.0 (compatible; archive.org_bot +http://archive.org/details/archive.org_bot)",
	)
	f(true, // models
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot",
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)",
		"CCBot/2.0 (https://commoncrawl.org/faq/)",
		"Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
		"meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
		"Mozilla/5.0 (compatible; Amazonbot/0.1; +https://developer.amazon.com/support/amazonbot)",
	)
	f(true, // link previews
		"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
		"Twitterbot/1.0", "TelegramBot (like TwitterBot)", "WhatsApp/2.23.20.0",
		"LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
		"Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
	)
	f(true, // monitors and health checks
		"ELB-HealthChecker/2.0", "kube-probe/1.27", "GoogleHC/1.0", "Consul Health Check", "Envoy/HC", "Zabbix", "Site24x7",
		"Amazon-Route53-Health-Check-Service (ref 12345678-1234; report http://amzn.to/1vsZADi)",
		"Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
		"Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)", "Prometheus/2.45.0", "Blackbox Exporter/0.24.0",
		"check_http/v2.3.3 (nagios-plugins 2.3.3)", "Datadog Agent/7.48.0",
		"Mozilla/5.0 (Linux; Android 11; moto g power (2022)) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 Mobile Safari/537.36 Chrome-Lighthouse",
	)
	f(true, // libraries and tools
		"curl/7.54.0", "curl", "Wget/1.21.3", "HTTPie/3.2.2", "PostmanRuntime/7.36.0", "insomnia/8.4.5",
		"python-requests/2.31.0", "python-httpx/0.25", "Python/3.11 aiohttp/3.8.5", "Python-urllib/3.11",
		"Go-http-client/1.1", "Go-http-client/2.0", "Java/17.0.8", "Apache-HttpClient/4.5.13 (Java/11.0.19)",
		"axios/1.6.2", "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", "undici", "node", "Ruby", "GuzzleHttp/7",
		"libwww-perl/6.67", "aws-sdk-go/1.44.0 (go1.19; linux; amd64)",
	)
	f(true, // scanners
		"masscan/1.3 (https://github.com/robertdavidgraham/masscan)", "Mozilla/5.0 zgrab/0.x",
		"Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)",
		"sqlmap/1.7.2#stable (https://sqlmap.org)", "Mozilla/5.00 (Nikto/2.1.6) (Evasions:None) (Test:Port Check)",
	)
	f(false,
		"okhttp/4.12.0", "MyApp/3.1 CFNetwork/1485 Darwin/23.1.0",
		"Dalvik/2.1.0 (Linux; U; Android 13; Pixel 6 Build/TQ3A.230805.001)", "Thunderbird/115.4",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Silk/98.5.5 like Chrome/98.0.4758.136 Safari/537.36",
		"Opera/9.80 (Windows NT 6.1; U; en) Presto/2.8.131 Version/11.10",
		"Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/20G75 [FBAN/FBIOS;FBAV/437.0.0.33.114;FBBV/524180254;FBDV/iPhone12,1;FBMD/iPhone;FBSN/iOS;FBSV/16.6]",
	)
}

func readJSON[T any](tb testing.TB, path string) T {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		tb.Fatalf("read %s: %v", path, err)
	}
	return v
}
