package encode

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"clearhop/internal/jsonscan"
)

// FuzzParse: what encoding/json accepts is taken apart and put together again
// without its white space, and nothing else is accepted.
func FuzzParse(f *testing.F) {
	deep := strings.Repeat("[", jsonscan.MaxDepth) + strings.Repeat("]", jsonscan.MaxDepth)
	for _, text := range []string{
		` { "a" : [ 1 , -2.5e3 , true , null , { } , [ ] ] , "b\u0041" : "\\\"" } `, `"x"`, `[1,]`, `{"a"}`, `{"a":1,}`, `{"a":1 "b":2}`,
		"{\"\xff\":\"\xff\"}", `[1`, `1 2`, ``, ` `, `{"a":{"a":1}}`, deep, "[" + deep + "]", strings.Repeat("[", 100_000),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, ok := parse(text)
		var want bytes.Buffer
		if err := json.Compact(&want, text); err != nil {
			if ok {
				t.Fatalf("%q is accepted; encoding/json: %v", text, err)
			}
			return
		}
		if !ok {
			if depth(text) <= jsonscan.MaxDepth {
				t.Fatalf("%q is refused", text)
			}
			return
		}
		if got := v.append(nil); !bytes.Equal(got, want.Bytes()) || v.size() != len(got) {
			t.Fatalf("%q gives %q with size %d, want %q", text, got, v.size(), want.Bytes())
		}
	})
}

// depth is how deep objects and lists nest in a JSON text.
func depth(text []byte) int {
	deepest, now := 0, 0
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			now++
			deepest = max(deepest, now)
		case json.Delim('}'), json.Delim(']'):
			now--
		}
	}
}

func TestAppendTime(t *testing.T) {
	f := func(ms int64) {
		t.Helper()
		want := `"` + time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") + `"`
		if got := string(appendTime([]byte{'"'}, ms)); got != want {
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

func TestAppendAddr(t *testing.T) {
	f := func(addr netip.Addr) {
		t.Helper()
		if got, want := string(appendAddr([]byte{'"'}, addr)), `"`+addr.String()+`"`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for b := range 256 {
		f(netip.AddrFrom4([4]byte{byte(b), byte(b + 64), byte(b + 128), byte(b + 192)}))
		f(netip.AddrFrom4([4]byte{byte(b), byte(b), byte(b), byte(b)}))
	}
	f(netip.MustParseAddr("::ffff:10.0.0.1"))
	f(netip.MustParseAddr("2001:db8::1"))
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
