package encode

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestAppendTime(t *testing.T) {
	f := func(ms int64) {
		t.Helper()
		want := `"` + time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") + `"`
		if got := string(appendTime(nil, ms)); got != want {
			t.Errorf("%d: got %s, want %s", ms, got, want)
		}
	}
	for _, ms := range []int64{MinTime, MaxTime, 0, -1, 1, 951_782_399_999, 951_782_400_000, 1_709_164_800_000, 4_107_542_400_000} {
		f(ms)
	}
	const seed = 20261122
	random := rand.New(rand.NewPCG(seed, seed))
	for range 100_000 {
		f(MinTime + random.Int64N(MaxTime-MinTime+1))
	}
}

func TestAppendSeconds(t *testing.T) {
	f := func(ns int64, want string) {
		t.Helper()
		if got := string(appendSeconds(nil, ns)); got != want {
			t.Errorf("%d: got %s, want %s", ns, got, want)
		}
	}
	f(0, "0")
	f(3_000_000, "0.003")
	f(1_500_000_000, "1.5")
	f(60_000_000_000, "60")
	f(1, "0.000000001")
	f(-2_500_000_000, "-2.5")
}

func TestAppendString(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := string(appendString(nil, in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
		if got := string(appendString(nil, []byte(in))); got != want {
			t.Errorf("%q as bytes: got %s, want %s", in, got, want)
		}
	}
	f("", `""`)
	f(`a"b\c`, `"a\"b\\c"`)
	f("\n\r\t\x00\x1b", `"\n\r\t\u0000\u001b"`)
	f("\x7f\u0080\u009b\u00a0", "\"\\u007f\\u0080\\u009b\u00a0\"")
	f("héllo 日本", `"héllo 日本"`)
	f("a\xffb\xc3", "\"a\uFFFDb\uFFFD\"")
	f("\xed\xa0\x80", "\"\uFFFD\uFFFD\uFFFD\"") // a surrogate is no UTF-8
	f("\uFFFD", "\"\uFFFD\"")
	f("<script>&", `"<script>&"`)
}
