package diagnose

import (
	"strconv"
	"testing"
)

func TestDistinct(t *testing.T) {
	for _, n := range []int{0, 1, 2, 5, 20, 100, 400} {
		var d distinct
		for i := range n {
			for range 3 {
				d.add(hash([]byte("user agent " + strconv.Itoa(i))))
			}
		}
		if got := d.estimate(); got < n-n/5 || got > n+n/5 {
			t.Errorf("%d values are estimated as %d", n, got)
		}
	}
}
