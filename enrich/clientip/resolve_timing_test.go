package clientip_test

import (
	"strings"
	"testing"
	"time"

	"clearhop/enrich/clientip"
)

// records are what a chain logs every day, and what somebody may send to it.
func records(t testing.TB) map[string]*clientip.Evidence {
	edge := evidence(t, `R=210.227.0.10 RR=10.16.1.11 PP=210.227.0.10 XFF=- XRI=- ua="Mozilla/5.0" path=/ st=200`)
	web := evidence(t, `R=210.227.0.10 RR=10.16.1.13 PP=- XFF=210.227.0.10 XRI=210.227.0.10 ua="Mozilla/5.0" path=/ st=200`)
	fault := evidence(t, `R=10.16.1.11 XFF="6.6.6.6, 9.9.9.9" XRI=8.8.8.8 ua="Mozilla/5.0" path=/ st=200`)
	long := evidence(t, `R=10.16.1.13 RR=10.16.1.13`)
	long.XForwardedFor = value("6.6.6.6" + strings.Repeat(", 10.16.1.13", 199))
	return map[string]*clientip.Evidence{"edge": edge, "web": web, "fault": fault, "200tokens": long}
}

// hostile are headers of n bytes that would be dear to whoever goes over them
// more than once for each token.
func hostile(n int) map[string]string {
	repeat := func(s string) string { return strings.Repeat(s, n/len(s)) }
	return map[string]string{
		"separators": repeat(","), "spaces": " " + repeat(" "), "proxies": repeat("10.16.1.13,"), "clients": repeat("9.9.9.9,"),
		"junk": repeat("x,"), "token": repeat("0"), "octets": repeat("0") + ".1.1.1", "colons": repeat(":"), "brackets": repeat("[1]:"),
		"proxiesAndClient": "210.227.0.10," + repeat("10.16.1.13, "), "claims": repeat("6.6.6.6,") + "210.227.0.10", "dots": "::1" + repeat("."),
	}
}

func TestResolveAllocatesNothing(t *testing.T) {
	for name, config := range map[string]clientip.Config{"chain": chain(), "inferred": {}, "strict": {Strict: true, Trusted: set("10.16.1.13")}} {
		r := resolver(t, config)
		for line, e := range records(t) {
			var a clientip.Answer
			r.Resolve(e, &a)
			if n := testing.AllocsPerRun(100, func() { r.Resolve(e, &a) }); n != 0 {
				t.Errorf("%s, %s: %v allocations", name, line, n)
			}
		}
	}
}

// TestHostileHeadersCostTheirLength holds that no header is gone over once for
// each of its tokens: that would take minutes where going over it a few times
// takes milliseconds, even on a busy machine.
func TestHostileHeadersCostTheirLength(t *testing.T) {
	r := resolver(t, chain())
	var a clientip.Answer
	for name, header := range hostile(500_000) {
		for _, line := range []string{
			"R=10.16.1.13 RR=10.16.1.13", "R=6.6.6.6 RR=10.16.1.13 XRI=9.9.9.8", "R=10.16.1.11 RR=10.16.1.11 PP=-", "R=6.6.6.6 RR=10.16.1.11", "R=210.227.0.10 PP=210.227.0.10",
		} {
			e := evidence(t, line)
			e.XForwardedFor, e.XRealIP = value(header), value(header)
			start := time.Now()
			r.Resolve(e, &a)
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("%s, %s: 500 kB take %v", name, line, d)
			}
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	r := resolver(b, chain())
	for name, e := range records(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var a clientip.Answer
			for b.Loop() {
				r.Resolve(e, &a)
			}
		})
	}
	e := evidence(b, "R=10.16.1.13 RR=10.16.1.13")
	for name, header := range hostile(1_000_000) {
		e.XForwardedFor = value(header)
		b.Run("1MB/"+name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(header)))
			var a clientip.Answer
			for b.Loop() {
				r.Resolve(e, &a)
			}
		})
	}
}
