package address

import (
	"strings"
	"testing"
)

// everyPlace is Find as one reads it first: it looks for an address at every place.
func everyPlace(text []byte, i int) (f Found, ok bool) {
	for ; i < len(text); i++ {
		if f, ok = findAt(text, i); ok {
			return f, true
		}
	}
	return Found{}, false
}

// forms are addresses in every form that Find knows, and what is nearly one.
var forms = []string{
	"203.0.113.9", "from 203.0.113.9, 198.51.100.255:443;", "x203.0.113.9y", "v1.2.3.4-beta", "a9.1.2.3", "19.a9.1.2.3", "ab12.1.2.3",
	"203.0.113.9.", "203.0.113.9.443", "1..2.3", "1.2..3", "1...2", "1..2..3", "0203.000.113.009", "0.0.0.0:80 203.0.113.9",
	"9.113.0.203.in-addr.arpa", "host-9.113.0.203.dsl.example.net", "9%2E113%2E0%2E203%2Edsl", "from 203.0.113.9. Next",
	"9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.7.0.0.0.0.1.2.0.8.b.d.0.1.0.0.2.ip6.arpa", "a.9.0.0.0.0.0.0.0.ip6.arpa", "a.b.c.d.e.f.a.b", "a.b.c.d%2Ee.f.a.b",
	"1.203.0.113.9.2.3 203.0.113.9", "203.0.113.9.44300",
	"0313.0.0161.011", "0xcb.0.0x71.0X9", "0x.203.0.113.9", "1.0x.2.3.4", "0x0xcb.0.113.9", "00xcb.0.113.9", "ab0xcb.0.113.9",
	"0%78cb.0.113.9", "0x%63b.0.113.9", "%30xcb.0.113.9", "0xc%62.0.113.9", strings.Repeat("0", 70) + "1.2.3.4", "0x" + strings.Repeat("0", 70) + "1.2.3.4",
	"2０３．0．113．９", "２０３。０。１１３｡９;", "%EF%BC%92%EF%BC%90%EF%BC%93.0.113.9", `\xEF\xBC\x92\xEF\xBC\x90\xEF\xBC\x93.0.113.9`,
	`\uff12\uFF10\uff13\uff0E0.113.9`, "２００１：ｄｂ８：２１０：７：：１０",
	"203&#46;0&#x2e;113&#046;9", "203&amp;#46;0&#46;113&#46;9", "&#50;&#48;&#51;.0.113.9",
	`203\x5Cu002e0\x5Cx2E113%5Cx2E9`, `203\u0026#46;0\u0026amp;#46;113.9`, "203=2E0=2e113=2E9", "203=2E0.113.9",
	"[=3A=3Affff=3Acb00=3A7109]=3A80", "2001=3Adb8=3A210=3A7=3A=3A10", "=3A:1", ":=3A1", ":%3a1", "%3A:1", "x=::1:2",
	"2001:db8:210:7::10", "[2001:db8:210:7::10]:443", "ip:2001:db8:210:7::10", "2001:DB8:210:7:1:2:3:4", "2001:db8:210:7:1:2:3:4:443",
	"at2001:db8:210:7:1:2:3:4", "1:2:3:4:5:6:7::", "1::2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "fe80::1%eth0", "::1", "a::1", "ga::1:2",
	"::ffff:203.0.113.9", "[::ffff:cb00:7109]:1", "64:ff9b::203.0.113.9", "1:2:3:4:5:6:203.0.113.9", "1:2:3:4:5:6:0000000203.0.113.9",
	"X::1.0.0.00", "std::1.2.3.4", "2002:cb00:7109:1::1", "1:2:3:4:5:6:7%3A8", "1:2%3A3:4:5:6:7:8", "1:2:3:4:5:6:%37:8", "1:%32:3:4:5:6:7:8",
	`"\x22203.0.113.9\x22"`, `\\x22203.0.113.9`, `\u0022203.0.113.9\n203.0.113.9`, `\b2001:db8:210:7::10`, `\nabc::1:2`,
	"ip=2001%3Adb8%3a210%3A7%3A%3A10&x", "ip=%5B2001%253Adb8%253A210%253A7%253A%253A10%5D", "%3A2001:db8:210:7:1:2:3:4",
	"%20203.0.113.9%2C203%2E0%2E113%2E9", "100%20.0.113.9", "%32%30%33.0.113.9", "%20%32%30%33.0.113.9", "1%2E%32.3.4", "1.%32.3.4", "1.2%35.3.4", "a1%2E2.3.4",
	"Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0.0.0 Safari/537.36", "Chrome/49.0.2623.112", "256.1.1.1", "1.2.3",
	"2026/11/22 11:00:25", "[22/Nov/2026:11:00:24 +0000]", "aa:bb:cc:dd:ee:ff", "std::cafe()", "::", "12001:db8:1:2:3:4:5:6",
	"7203.0.113.9", "12345::", "&#46;&amp;", "a=2E", "?n=20&m=3.0.1", "0x", "&#x;&#1", "\xef\xbc", "\xe3", "1&2.3.4.5", "1%.2.3.4", `1\.2.3.4`,
}

// FuzzFind: Find leaves out no place where an address is.
func FuzzFind(f *testing.F) {
	for _, form := range forms {
		f.Add([]byte(form))
		f.Add([]byte("client: " + form + ", 0x"))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		const longest = 256 // every place is searched from every place on
		text = text[:min(len(text), longest)]
		for i := range text {
			got, ok := Find(text, i)
			want, wantOK := everyPlace(text, i)
			if got != want || ok != wantOK {
				t.Fatalf("in %q from %d on: got %v and %t, want %v and %t", text, i, got, ok, want, wantOK)
			}
		}
	})
}

// TestFindInNeighbours: two forms next to each other, with each byte between them that
// separates.
func TestFindInNeighbours(t *testing.T) {
	between := []string{"", " ", ".", ":", "%", `\`, "&", "=", "x", "0", "a", "%2E", "%20"}
	for n, one := range forms {
		for m := n % 8; m < len(forms); m += 8 {
			other := forms[m]
			for _, b := range between {
				text := []byte(one + b + other)
				for i := 0; ; {
					got, ok := Find(text, i)
					if want, wantOK := everyPlace(text, i); got != want || ok != wantOK {
						t.Fatalf("in %q from %d on: got %v and %t, want %v and %t", text, i, got, ok, want, wantOK)
					}
					if !ok {
						break
					}
					i = got.End
				}
			}
		}
	}
}

// BenchmarkFind: what the fields of most lines are like.
func BenchmarkFind(b *testing.B) {
	for name, text := range map[string]string{
		"agent":  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
		"phone":  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
		"target": "/item/440?q=673&utm=9de4b502a5&next=%2Fcart%3Fstep%3D2",
		"line":   `- - - [22/Nov/2026:10:55:00 +0000] "GET /item/2297 HTTP/1.1" 200 26959 "-" "curl/8.8.0" 0.001 0.002`,
		"found":  "/shop/item/17?ref=x&from=203.0.113.9",
	} {
		b.Run(name, func(b *testing.B) {
			text := []byte(text)
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Find(text, 0)
			}
		})
	}
}
