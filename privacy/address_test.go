package privacy

import (
	"net/netip"
	"strings"
	"testing"

	"clearhop/record"
)

var key = []byte("0123456789abcdef")

func worker(t testing.TB, c Config) *Worker {
	t.Helper()
	if c.Mode == Hash {
		c.Key = key
	}
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g.NewWorker()
}

// ours are the proxies of these tests.
func ours(addr netip.Addr) bool {
	return addr == netip.MustParseAddr("10.16.1.11") || addr == netip.MustParseAddr("2001:db8:16::11")
}

func (w *Worker) hiddenIn(text string) string {
	b := []byte(text)
	w.hideText(&b, w.g.stays)
	return string(b)
}

// TestTruncatedTexts: which addresses are found in a text, and where they end.
func TestTruncatedTexts(t *testing.T) {
	w := worker(t, Config{Mode: Truncate, Stays: ours})
	f := func(text, want string) {
		t.Helper()
		if got := w.hiddenIn(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
		if again := w.hiddenIn(want); again != want {
			t.Errorf("%q becomes %q when it is hidden again", want, again)
		}
	}
	f("", "")
	f("203.0.113.9", "203.0.113.0")
	f("from 203.0.113.9, 198.51.100.255:443;", "from 203.0.113.0, 198.51.100.0:443;")
	f("x203.0.113.9y", "x203.0.113.0y")
	f("v1.2.3.4-beta", "v1.2.3.0-beta")
	f("203.0.113.9.", "203.0.113.0.")
	f("203.0.113.9.443", "203.0.113.0.443")
	f("1..2.3", "1.0.2.0") // as nginx reads it
	f("0203.000.113.009", "203.0.113.0")
	f("/a/203.0.113.9/b?ip=203.0.113.9", "/a/203.0.113.0/b?ip=203.0.113.0")
	f("client: 203.0.113.9, server: 0.0.0.0:80", "client: 203.0.113.0, server: 0.0.0.0:80")
	f("PROXY TCP4 203.0.113.9 10.16.1.11 51234 80", "PROXY TCP4 203.0.113.0 10.16.1.11 51234 80")
	// A name may have the numbers in reverse order: then the first ones are the visitor's own.
	const x = redacted
	f("9.113.0.203.in-addr.arpa", x+".in-addr.arpa")
	f("host-9.113.0.203.dsl.example.net 203.0.113.9", "host-"+x+".dsl.example.net 203.0.113.0")
	f("9%2E113%2E0%2E203%2Edsl", x+"%2Edsl")
	f("10.16.1.11.nip.io", "10.16.1.11.nip.io")
	f("from 203.0.113.9. Next", "from 203.0.113.0. Next")
	f("9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.7.0.0.0.0.1.2.0.8.b.d.0.1.0.0.2.ip6.arpa", x+".ip6.arpa")
	f("a.9.0.0.0.0.0.0.0.ip6.arpa", x+".ip6.arpa")
	// Any four of five numbers may be the address.
	f("0.203.0.113.9", x)
	f("1.203.0.113.9.2.3 203.0.113.9", x+" 203.0.113.0")
	f("203.0.113.9.44300", "203.0.113.0.44300")
	// Other ways to write it
	f("0313.0.0161.011", "203.0.161.0")
	f("0xcb.0.0x71.0X9", "203.0.113.0")
	f("0x.203.0.113.9", "0x.203.0.113.0")
	f("203..113.9", "203.0.113.0")
	f("203.0..113.9", "203.0.113.0")
	f("1...2", "1...2")
	f("2０３．0．113．９", "203.0.113.0")
	f("２０３。０。１１３｡９;", "203.0.113.0;")
	f("%EF%BC%92%EF%BC%90%EF%BC%93.0.113.9", "203.0.113.0")
	f(`\xEF\xBC\x92\xEF\xBC\x90\xEF\xBC\x93.0.113.9`, "203.0.113.0")
	f(`\uff12\uFF10\uff13\uff0E0.113.9`, "203.0.113.0")
	f("２００１：ｄｂ８：２１０：７：：１０", "2001:db8:210::")
	f("203&#46;0&#x2e;113&#046;9", "203.0.113.0")
	f("203&amp;#46;0&#46;113&#46;9", "203.0.113.0")
	f("&#50;&#48;&#51;.0.113.9", "203.0.113.0")
	f(`203\x5Cu002e0\x5Cx2E113%5Cx2E9`, "203.0.113.0")
	f(`203\u0026#46;0\u0026amp;#46;113.9`, "203.0.113.0")
	f("203=2E0=2e113=2E9", "203.0.113.0")
	f("[=3A=3Affff=3Acb00=3A7109]=3A80", "[203.0.113.0]=3A80")
	f("2001=3Adb8=3A210=3A7=3A=3A10", "2001:db8:210::")
	// IPv6
	f("2001:db8:210:7::10", "2001:db8:210::")
	f("[2001:db8:210:7::10]:443", "[2001:db8:210::]:443")
	f("for=\"[2001:db8:210:7::10]\"", "for=\"[2001:db8:210::]\"")
	f("ip:2001:db8:210:7::10", "ip:2001:db8:210::")
	f("2001:DB8:210:7:1:2:3:4", "2001:db8:210::")
	f("2001:db8:210:7:1:2:3:4:443", "2001:db8:210:::443")
	f("at2001:db8:210:7:1:2:3:4", "at2001:db8:210::")
	f("1:2:3:4:5:6:7::", "1:2:3::")
	f("1::2:3:4:5:6:7:8:9", "1:0:2:::8:9")
	f("1:2:3:4:5:6:7:8::", "1:2:3::::")
	f("fe80::1%eth0", "fe80::%eth0")
	f("::1", "::")
	f("x=::1:2", "x=::")
	f("::ffff:203.0.113.9", "203.0.113.0")
	f("[::ffff:cb00:7109]:1", "[203.0.113.0]:1")
	f("::ffff:10.16.1.11", "::ffff:10.16.1.11")
	f("64:ff9b::203.0.113.9", "64:ff9b::")
	f("X::1.0.0.00", "X::") // behind a letter too
	f("std::1.2.3.4", "std::")
	f("2002:cb00:7109:1::1", "2002:cb00:7100::") // 6to4 of 203.0.113.9
	f("2001:db8:16::11 2001:db8:16::12", "2001:db8:16::11 2001:db8:16::")
	// Escaped
	f(`"\x22203.0.113.9\x22"`, `"\x22203.0.113.0\x22"`)
	f(`\\x22203.0.113.9`, `\\x22203.0.113.0`)
	f(`\u0022203.0.113.9\n203.0.113.9`, `\u0022203.0.113.0\n203.0.113.0`)
	f(`\b2001:db8:210:7::10`, `\b2001:db8:210::`)
	f("ip=2001%3Adb8%3a210%3A7%3A%3A10&x", "ip=2001:db8:210::&x")
	f("ip=%5B2001%253Adb8%253A210%253A7%253A%253A10%5D", "ip=%5B2001:db8:210::%5D")
	f("%3A2001:db8:210:7:1:2:3:4", "%3A2001:db8:210::")
	f("%20203.0.113.9%2C203%2E0%2E113%2E9", "%20203.0.113.0%2C203.0.113.0")
	f("100%20.0.113.9", "100%20.0.113.0")
	f("%32%30%33.0.113.9", "203.0.113.0")
	// No addresses
	for _, same := range []string{
		"Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0.0.0 Safari/537.36", "Chrome/49.0.2623.112", "256.1.1.1", "1.2.3", "1..2",
		"2026/11/22 11:00:25", "[22/Nov/2026:11:00:24 +0000]", "2026-11-22T11:00:24.5Z", "aa:bb:cc:dd:ee:ff", "std::vector", "std::cafe()", "::",
		"12001:db8:1:2:3:4:5:6", "0.001 0.002 1795345224.123", "10129#10129: *1", "203.0.113", "ec2-203-0-113-9", "12345::", "10.16.1.11:80",
		"１．２．３", "&#46;&amp;", "a=2E", "?n=20&m=3.0.1", "0x", "1.3.6.x", "&#x;&#1", "\xef\xbc", "\xe3",
	} {
		f(same, same)
	}
}

// TestPseudonyms: equal addresses have equal pseudonyms, in any notation and from
// any Worker. Different addresses have different ones.
func TestPseudonyms(t *testing.T) {
	w := worker(t, Config{Mode: Hash, Stays: ours})
	name := w.hiddenIn("203.0.113.9")
	if len(name) != pseudonymBytes || strings.Trim(name, "0123456789abcdef") != "" {
		t.Fatalf("the pseudonym is %q", name)
	}
	f := func(text, want string) {
		t.Helper()
		if got := worker(t, Config{Mode: Hash, Stays: ours}).hiddenIn(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
		if again := w.hiddenIn(want); again != want {
			t.Errorf("%q becomes %q when it is hidden again", want, again)
		}
	}
	f("203.0.113.9, 10.16.1.11", name+", 10.16.1.11")
	f("[::ffff:203.0.113.9]:80 0:0:0:0:0:ffff:cb00:7109 203%2E0.113.9", "["+name+"]:80 "+name+" "+name)
	f("GET /Chrome/131.0.0.0", "GET /Chrome/131.0.0.0")
	if other := w.hiddenIn("203.0.113.10"); other == name || len(other) != len(name) {
		t.Errorf("another address has the name %q", other)
	}
	g, err := New(Config{Mode: Hash, Key: []byte("fedcba9876543210")})
	if err != nil {
		t.Fatal(err)
	}
	if other := g.NewWorker().hiddenIn("203.0.113.9"); other == name {
		t.Error("another key gives the same name")
	}
	// Computed by another program, as docs/privacy.md describes.
	if want := "d4f849b5579eb8971f766a4e896e67c3"; name != want {
		t.Errorf("the pseudonym is %s, want %s", name, want)
	}
}

// FuzzTexts: a visitor's address does not stay in a text, in whatever form it is
// there.
func FuzzTexts(f *testing.F) {
	f.Add("client: ", "203.0.113.9", ", server: _")
	f.Add(`"\x22`, "2001:db8:210:7::10", `\x22"`)
	f.Add("%20", "203.0.113.9", "%35")
	f.Add("::", "::ffff:203.0.113.9", ":1")
	f.Add("1.2.3.", "4.5.6.7", ".8")
	f.Add("a::b:", "1:2:3:4:5:6:7:8", ":9")
	f.Add("X", "::1.0.0.0", "0")
	short, name := worker(f, Config{Mode: Truncate, Stays: ours}), worker(f, Config{Mode: Hash, Stays: ours})
	f.Fuzz(func(t *testing.T, before, address, behind string) {
		addr, err := netip.ParseAddr(address)
		if err != nil || addr.Zone() != "" || ours(addr.Unmap()) {
			t.Skip()
		}
		if groups := strings.FieldsFunc(address, func(c rune) bool { return c == ':' || c == '.' }); len(groups) < 3 {
			t.Skip() // between letters it may be a name
		}
		text := before + address + behind
		for _, w := range []*Worker{short, name} {
			got := w.hiddenIn(text)
			if leak := standsIn(got, addr); leak && truncate(addr.Unmap()) != addr.Unmap() {
				t.Errorf("%q becomes %q, which holds %s", text, got, addr)
			}
		}
	})
}

// FuzzQueries: the value of a key does not stay, wherever in a URL, in a request or in a
// message the key is.
func FuzzQueries(f *testing.F) {
	f.Add("GET /x", uint8(0), " HTTP/1.1")
	f.Add("/a;b=c", uint8(4), "/b?c=d")
	f.Add(`open() "/users`, uint8(6), `') failed`)
	f.Add("https://x/%2", uint8(3), "%26x#y")
	const value = "zqxjkv"
	w := worker(f, Config{RedactQuery: []string{"email"}})
	f.Fuzz(func(t *testing.T, before string, separator uint8, behind string) {
		const separators = "?&;#/,(|"
		text := before + string(separators[int(separator)%len(separators)]) + "email=" + value + behind
		if strings.Contains(before+behind, value) || strings.ContainsAny(before, "&#%\\=[") {
			t.Skip() // the separator may be part of an escape, or of another value
		}
		for _, in := range []place{inText, inURL, inQuery, inRequest, inMessage} {
			part := []byte(text)
			w.buf = w.buf[:0]
			w.redact(&part, in)
			if strings.Contains(string(part), value) {
				t.Errorf("in %d, %q becomes %q", in, text, part)
			}
		}
	})
}

// standsIn searches a text for an address in a slow way: the standard library reads
// each word of bytes that addresses can have. It does not find an address inside a
// longer word.
func standsIn(text string, addr netip.Addr) bool {
	for _, word := range strings.FieldsFunc(text, func(c rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF.:", c) }) {
		for _, word := range []string{word, strings.TrimRight(word, ".:"), strings.TrimLeft(word, ".")} {
			if found, err := netip.ParseAddr(word); err == nil && found.Unmap() == addr.Unmap() {
				return true
			}
			if i := strings.LastIndexByte(word, ':'); i >= 0 && strings.Count(word, ":") == 1 {
				if found, err := netip.ParseAddr(word[:i]); err == nil && found.Unmap() == addr.Unmap() {
					return true
				}
			}
		}
	}
	return false
}

func BenchmarkApply(b *testing.B) {
	for _, mode := range []Mode{Truncate, Hash} {
		b.Run(modes[mode], func(b *testing.B) {
			w := worker(b, Config{Mode: mode, Stays: ours})
			ua := []byte("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36")
			target := []byte("/shop/item/17?ref=2001:db8::1&from=203.0.113.9")
			var r record.Record
			b.ReportAllocs()
			for b.Loop() {
				r.Reset()
				r.Dataset = record.AccessLine
				r.Access.UserAgent, r.URL.Original = ua, target
				r.Client.IP = netip.AddrFrom4([4]byte{203, 0, 113, 9})
				r.Provenance.Hops = append(r.Provenance.Hops, r.Client.IP)
				w.Apply(&r)
			}
		})
	}
}

// BenchmarkHostile shows that the time for a text is in proportion to its length.
func BenchmarkHostile(b *testing.B) {
	w := worker(b, Config{Mode: Truncate, Stays: ours})
	for _, unit := range []string{`\`, "%30", "%25", "0", "1.", ":", "%3A", "a:", `\x30`, "1:"} {
		text := []byte(strings.Repeat(unit, 64<<10/len(unit)))
		b.Run(unit, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				part := text
				w.buf = w.buf[:0]
				w.hideText(&part, w.g.stays)
			}
		})
	}
}
