package diagnose

import (
	"math/rand/v2"
	"testing"
)

// TestPace: which times of requests are regular.
func TestPace(t *testing.T) {
	f := func(name string, want bool, seconds ...int64) {
		t.Helper()
		var p pace
		for _, s := range seconds {
			p.add(1_795_345_200_000 + s*1000)
		}
		if got := p.isRegular(); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
	each := func(gap, n int64) (list []int64) {
		for i := range n {
			list = append(list, i*gap)
		}
		return list
	}
	f("nothing", false)
	f("five requests, ten seconds apart", true, each(10, 5)...)
	f("four requests", false, each(10, 4)...)
	f("two seconds late", true, 0, 10, 20, 32, 42)
	f("three seconds late", false, 0, 10, 20, 33, 43)
	f("a tenth of a long gap late", true, 0, 300, 600, 930, 1230)
	f("more than a tenth late", false, 0, 300, 600, 931, 1231)
	f("three seconds apart are too fast for one probe", false, each(3, 10)...)
	f("one each day", false, each(86_400, 10)...)
	f("not in the order of time", false, 0, 10, 20, 15, 30, 40)

	// Two probes with a pace of 30 s each, one 7 s after the other.
	var two []int64
	for i := range int64(20) {
		two = append(two, i*30, i*30+7)
	}
	f("two probes together", true, two...)
	f("two probes together, for less than five full minutes", false, two[:16]...)
	f("less than two a minute", false, 0, 50, 70, 130, 180, 260, 310, 370, 430)

	rng := rand.New(rand.NewPCG(1, 2))
	var visitors []int64
	at := int64(0)
	for range 200 {
		at += rng.Int64N(20)
		visitors = append(visitors, at)
	}
	f("visitors", false, visitors...)
}
