package dashboard_test

import (
	"fmt"
	"strconv"
	"testing"

	"clearhop/dashboard"
	"clearhop/dashboard/dashboardtest"
	"clearhop/internal/traffic"
)

// manyRequests is how many requests BenchmarkExplore asks about; an environment variable
// would hide it from who reads the numbers.
const manyRequests = 1_000_000

// BenchmarkExplore answers the page about a million requests, with 20,000 clients and
// 5,000 paths: what opens it, and clicks. first is the reading out of the engine, which
// happens once.
func BenchmarkExplore(b *testing.B) {
	rows := make([]dashboardtest.Row, 0, manyRequests)
	for part := range 20 {
		lines := traffic.Month(uint64(part), manyRequests/20)
		for i := range lines {
			l := &lines[i]
			if l.IsRequest() && !l.IsHealthCheck() {
				l.Path = "/item/" + strconv.Itoa(i*i%5000)
				l.Pseudonym = fmt.Sprintf("p-%d", i*i%20000)
			}
			rows = append(rows, dashboardtest.Row{Event: l.Event(nil)})
		}
	}
	engine := openStore(b, rows)
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			e := dashboard.NewExplorer(dashboard.Config{Engine: engine})
			if _, err := e.Explore(b.Context(), dashboard.State{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	e := dashboard.NewExplorer(dashboard.Config{Engine: engine})
	for name, query := range map[string]string{
		"everything": "", "people": "kind=people", "country": "f.country=JP", "not a status": "x.status=200",
		"compared": "since=2026-11-16T00:00:00Z&until=2026-12-01T00:00:00Z&compare=1", "search": "q=item/1",
	} {
		s := dashboardtest.ReadState(b, query)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Explore(b.Context(), s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
