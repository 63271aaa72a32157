package useragent

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

const iPhone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1"

func TestHitDoesNotAllocate(t *testing.T) {
	parser := NewRules().NewParser()
	for _, ua := range []string{iPhone, "curl/7.54.0", "-", "", iPhone + strings.Repeat(" x", MaxInput)} {
		input := []byte(ua)
		parser.Parse(input)
		if n := testing.AllocsPerRun(100, func() { parser.Parse(input) }); n != 0 {
			t.Errorf("%.40s: %v allocations", ua, n)
		}
	}
}

// What comes again and again stays while user agents go by that come once.
func TestCacheKeepsWhatIsUsed(t *testing.T) {
	c := newCache()
	seen := func(key string) bool {
		_, ok := c.get(c.hash([]byte(key)), []byte(key))
		return ok
	}
	put := func(key string) { c.put(c.hash([]byte(key)), key, Result{Name: key}) }

	const used = cacheSets / 4
	for i := range used {
		put(fmt.Sprint("used", i))
	}
	for i := range 50 * cacheSets * cacheWays {
		put(fmt.Sprint("once", i))
		if key := fmt.Sprint("used", i%used); !seen(key) {
			put(key)
		}
	}
	kept := 0
	for i := range used {
		if seen(fmt.Sprint("used", i)) {
			kept++
		}
	}
	// Not all: some sets are shared by more keys in use than they have ways.
	if kept < used*9/10 {
		t.Errorf("%d of %d kept", kept, used)
	}
}

func TestCacheAnswersForTheKeyAlone(t *testing.T) {
	c := newCache()
	c.put(7, "a", Result{Name: "a"})
	c.put(7, "b", Result{Name: "b"}) // the same hash
	for _, key := range []string{"a", "b"} {
		if got, ok := c.get(7, []byte(key)); !ok || got.Name != key {
			t.Errorf("%s: %+v, %v", key, got, ok)
		}
	}
	if _, ok := c.get(7, []byte("c")); ok {
		t.Error("c was never put")
	}
}

// A stream of user agents that never repeat, as long as may be, leaves no more
// than the table behind.
func TestMemoryIsBounded(t *testing.T) {
	rules := NewRules()
	parser := rules.NewParser()
	const bound = cacheSets * cacheWays * (MaxInput + 1024)
	fill := strings.Repeat("x", MaxInput)
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	parser.Parse([]byte("warm/1.0"))
	before := heap()
	for i := range 2 * cacheSets * cacheWays {
		parser.Parse(fmt.Appendf(nil, "Hostile%d/1.0 (Linux; Android 9; %d) %s", i, i, fill))
	}
	if grown := heap() - before; grown > bound {
		t.Errorf("%d bytes more, want at most %d", grown, bound)
	}
	runtime.KeepAlive(parser)
}
