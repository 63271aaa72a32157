package snapshot

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"clearhop/dashboard"
)

// A visitor is a client with what depends on it.
type visitor struct {
	address, country, label, network string
	agent                            int
}

// fillTable makes rows of traffic as a busy shop has it: paths by Zipf's law, 100,000
// clients, 2,000 user agents, one for each client, a month.
func fillTable(n int) *table {
	r := rand.New(rand.NewPCG(1, 2))
	t := newTable(int64(n))
	visitors := make([]visitor, 100_000)
	agents := rand.NewZipf(r, 1.1, 5, 1999)
	for i := range visitors {
		c := r.IntN(200)
		address := fmt.Sprintf("%d.%d.%d.%d", 1+r.IntN(223), r.IntN(256), r.IntN(256), r.IntN(256))
		if i%4 == 0 {
			address = fmt.Sprintf("2a%02x:%x:%x:%x::%x", r.IntN(256), r.IntN(65536), r.IntN(65536), r.IntN(65536), r.IntN(65536))
		}
		visitors[i] = visitor{address: address,
			country: fmt.Sprintf("%c%c", 'A'+c/20, 'A'+c%20), label: fmt.Sprintf("Country %d", c), network: fmt.Sprintf("Network number %d of %d, Inc.", r.IntN(8000), c),
			agent: int(agents.Uint64())}
	}
	paths := rand.NewZipf(r, 1.2, 4, 49_999)
	clients := rand.NewZipf(r, 1.05, 2000, 99_999)
	at := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	pages := rand.NewZipf(r, 1.2, 4, 1999)
	statuses := []string{"200", "200", "200", "200", "200", "200", "200", "304", "304", "301", "404", "403", "500", "502"}
	values := map[string]any{} // of a row, by column
	row := make([]any, 1+len(t.columns))
	for range n {
		at = at.Add(time.Duration(r.ExpFloat64()*2592) * time.Millisecond)
		v := &visitors[clients.Uint64()]
		p := paths.Uint64()
		agent := fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.%d.%d Safari/537.36", 60+v.agent%80, v.agent, v.agent*7%1000)
		body := int64(300 + p*7919%60000)
		if p%3 == 0 {
			body = int64(math.Exp(8 + 1.5*r.NormFloat64()))
		}
		values["client"], values["path"], values["user_agent"], values["reason"] = v.address, fmt.Sprintf("/shop/%d/article-%d.html", p%300, p), agent, "ok"
		values["country"], values["country.label"], values["network"] = v.country, v.label, v.network
		values["status"], values["host"], values["method"], values["protocol"] = statuses[r.IntN(len(statuses))], "www.example.com", "GET", "2.0"
		values["referrer"], values["referrer_url"] = nil, nil
		if r.IntN(3) == 0 {
			values["referrer"] = fmt.Sprintf("site-%d.example.net", p%50)
			values["referrer_url"] = fmt.Sprintf("https://site-%d.example.net/page/%d", p%50, pages.Uint64())
		}
		values["agent"], values["system"] = fmt.Sprintf("Chrome %d", v.agent%80), fmt.Sprintf("System %d", v.agent%7)
		values["verdict"], values["hop"], values["node"] = "direct", "edge", fmt.Sprintf("10.16.%d.11", r.IntN(3))
		values["log_group"], values["stream"], values["upstream"] = "/ecs/edge", fmt.Sprintf("edge/nginx/%d", r.IntN(8)), fmt.Sprintf("10.16.9.%d:8080", r.IntN(12))
		values["field"], values["nlb"], values["alternatives"] = "http_x_forwarded_for", "net/shop/1234", nil
		values["weight"], values["bytes"], values["duration_ns"] = 1.0, body, int64(math.Exp(3.5+1.2*r.NormFloat64()))*1_000_000
		values["robot"], values["vouched"], values["nlb_private_ip"] = v.agent%40 == 0, true, false
		row[0] = at
		for k := range t.columns {
			row[k+1] = values[t.columns[k].name]
		}
		t.add(row)
	}
	return t
}

// TestSize holds what a file of a million requests promises: below 15 MB. It makes one of
// 200,000, whose dictionaries are almost as large; SNAPSHOT_ROWS=1000000 makes the whole.
func TestSize(t *testing.T) {
	n, most := 200_000, 4_000_000
	if os.Getenv("SNAPSHOT_ROWS") == "1000000" {
		n, most = 1_000_000, 15_000_000
	}
	s := &Snapshot{Header: Header{Format: Version, Rows: n, Manifest: dashboard.NewManifest(), Chain: &dashboard.Chain{Hops: []dashboard.Hop{}}}}
	rows := fillTable(n)
	s.Header.Manifest.First, s.Header.Manifest.Last = rows.bounds()
	s.Header.Manifest.Requests, s.Header.Manifest.Sampled = int64(n), 1
	if err := s.encode(rows); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, c := range s.Header.Columns {
		size := func(n *int) int {
			if n == nil {
				return 0
			}
			return len(s.blocks[*n])
		}
		t.Logf("%-16s %7d values, from %-11s dictionary %8d, order %7d, rows %8d", c.Name, c.Size, c.Parent, size(c.Values), size(c.Order), size(c.Codes))
		total += size(c.Values) + size(c.Order) + size(c.Codes)
	}
	var file bytes.Buffer
	if err := s.WriteHTML(&file); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d in the file", total, file.Len())
	if file.Len() > most {
		t.Errorf("%d requests take %d bytes", n, file.Len())
	}
	if name := os.Getenv("SNAPSHOT_FILE"); name != "" { // to look at it
		if err := os.WriteFile(name, file.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
