//go:build cgo && (linux || darwin) && (amd64 || arm64)

package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// The lines: a shop with some 60,000 visitors in ten days, whose addresses, pages and
// referrers come as often as such things do: few of them often, most of them now and then.
const (
	visitors = 60_000
	pages    = 3_000
	days     = 10
)

var agents = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_%d like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/%d.4 Safari/605.1.15",
	"Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/140.0",
	"Mozilla/5.0 (compatible; Googlebot/2.%d; +http://www.google.com/bot.html)",
	"curl/8.%d.0",
}

// writeLines writes so many lines in combined, always the same ones.
func writeLines(name string, n int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	random := rand.New(rand.NewPCG(1, 2))
	clients, paths := rand.NewZipf(random, 1.1, 50, visitors-1), rand.NewZipf(random, 1.2, 10, pages-1)
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	statuses := []int{200, 200, 200, 200, 200, 200, 200, 301, 304, 404, 500}
	for i := range n {
		client := uint32(clients.Uint64())*2654435761 | 1<<24
		at := start.Add(time.Duration(int64(days*24*time.Hour) / int64(n) * int64(i)))
		page, referrer := paths.Uint64(), "-"
		if page%3 > 0 {
			referrer = fmt.Sprintf("https://www.example.com/section/%d/", page%200)
		}
		path := fmt.Sprintf("/section/%d/item-%d.html", page%40, page)
		if random.IntN(10) == 0 {
			path += fmt.Sprintf("?page=%d", random.IntN(50))
		}
		agent := fmt.Sprintf(agents[client%7%uint32(len(agents))], 100+client%17)
		fmt.Fprintf(w, "%d.%d.%d.%d - - [%s] \"GET %s HTTP/1.1\" %d %d \"%s\" \"%s\"\n", client>>24%223+1, client>>16&255, client>>8&255, client&255,
			at.Format("02/Jan/2006:15:04:05 -0700"), path, statuses[random.IntN(len(statuses))], random.IntN(50_000), referrer, agent)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
