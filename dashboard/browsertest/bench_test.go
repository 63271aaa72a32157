package browsertest

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
)

// fileRequests is how many requests the file of BenchmarkFile holds.
const fileRequests = 1_000_000

var program = flag.String("clearhop", "", "the command that BenchmarkFile makes its file with, and that BenchmarkServe runs")

// BenchmarkFile opens a file of a million requests in Chromium and filters it. The numbers:
//
//	bytes             of the file, and log-bytes of the log that it was made of
//	make-s            that "clearhop report --html" took
//	picture-ms        until the chain shows, from the beginning of the navigation
//	numbers-ms        until the numbers and lists on the screen show
//	narrow-ms         from a filter that keeps few requests to its numbers
//	wide-ms           from a filter that keeps most of them
//	blocked-ms        how long the page could not react at most, while it was filtered
//	thread-ms         processor time of the page's own thread for a filter
//	memory-MB         that the page and its worker hold
//	goaccess-bytes    of the page that GoAccess makes of the same log, goaccess-s that it
//	                  took, and goaccess-open-ms until Chromium shows its panels
//
// The times are means of all rounds, and blocked-ms and memory-MB the most of them.
func BenchmarkFile(b *testing.B) {
	chromium(b)
	if *program == "" {
		b.Skip("it needs a built clearhop: run make bench, or give -clearhop FILE")
	}
	folder := b.TempDir()
	log, file := filepath.Join(folder, "access.log"), filepath.Join(folder, "report.html")
	writeLog(b, log, fileRequests)
	run := func(name string, args ...string) float64 {
		begin := time.Now()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			b.Fatalf("%s: %v\n%s", name, err, out)
		}
		return time.Since(begin).Seconds()
	}
	// b.Loop forgets what was reported before it.
	found := metrics{sums: map[string]float64{}, rounds: map[string]float64{}}
	found.add("make-s", run(*program, "report", "--since", "2026-01-01T00:00:00Z", "--html", file, log))
	found.add("log-bytes", sizeOf(b, log))
	found.add("bytes", sizeOf(b, file))
	if _, err := exec.LookPath("goaccess"); err == nil {
		other := filepath.Join(folder, "goaccess.html")
		found.add("goaccess-s", run("goaccess", log, "--log-format=COMBINED", "--no-global-config", "-o", other))
		found.add("goaccess-bytes", sizeOf(b, other))
		found.add("goaccess-open-ms", openOther(b, other))
	} else {
		b.Log("there is no goaccess here: run .ci/tools")
	}
	tab := newTabFor(b, 1280, 900, 10*time.Minute)
	tab.watch("!!document.querySelector('section.board button.row')")
	address := (&url.URL{Scheme: "file", Path: file}).String()
	for b.Loop() {
		measure(b, tab, address, &found)
	}
	found.report(b)
	tab.clean()
}

// BenchmarkServe runs clearhop serve with a million and with ten million requests, opens the
// page in Chromium and filters it. The numbers are those of [BenchmarkFile], and:
//
//	load-s          until the command has read the log and serves, which happens once
//	start-s         the same with a database that has all requests of the log
//	first-ms        until the numbers of the first page show: the command reads the
//	                requests out of the database for it
//	search-ms       from a text that is searched to its numbers
//	server-MB       that the command holds at the end, and server-peak-MB at most
//	database-bytes  of the file of --db
//
// Each round has a command of its own, because a command keeps its answers.
func BenchmarkServe(b *testing.B) {
	chromium(b)
	if *program == "" {
		b.Skip("it needs a built clearhop: run make bench, or give -clearhop FILE")
	}
	for _, n := range []int{1_000_000, 10_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			folder := b.TempDir()
			log, db := filepath.Join(folder, "access.log"), filepath.Join(folder, "events.db")
			writeLog(b, log, n)
			found := metrics{sums: map[string]float64{}, rounds: map[string]float64{}}
			found.add("log-bytes", sizeOf(b, log))
			begin := time.Now()
			_, stop := startServe(b, db, log)
			found.add("load-s", time.Since(begin).Seconds())
			stop()
			found.add("database-bytes", sizeOf(b, db))
			tab := newTabFor(b, 1280, 900, 20*time.Minute)
			tab.watch("!!document.querySelector('section.board button.row')")
			for b.Loop() {
				measureServe(b, tab, db, log, &found)
			}
			found.report(b)
			tab.clean()
		})
	}
}

// measureServe starts a command, and opens and filters its page.
func measureServe(b *testing.B, tab *tab, db, log string, found *metrics) {
	begin := time.Now()
	served, stop := startServe(b, db, log)
	defer stop()
	found.add("start-s", time.Since(begin).Seconds())
	tab.do(chromedp.Navigate("about:blank"), chromedp.Navigate(served.address))
	tab.settled()
	found.add("first-ms", eval[float64](tab, "window.numbers"))
	measure(b, tab, served.address, found)
	found.add("search-ms", filter(b, tab, "q=article-77")[0])
	status := statusOf(served.pid)
	for name, key := range map[string]string{"server-MB": "VmRSS", "server-peak-MB": "VmHWM"} {
		kilobytes, err := strconv.ParseFloat(strings.TrimSuffix(status[key], " kB"), 64)
		if err != nil {
			b.Logf("%s: %v", name, err)
			continue
		}
		found.most(name, kilobytes/1024)
	}
}

// A served page is the one of a command that runs.
type served struct{ address, pid string }

// startServe starts the command, and returns when it serves. stop ends it.
func startServe(b *testing.B, db, log string) (served, func()) {
	command := exec.Command(*program, "serve", "--quiet", "--since", "2026-01-01T00:00:00Z", "--listen", "127.0.0.1:0", "--db", db, log)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait()
	})
	b.Cleanup(stop)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, rest, ok := strings.Cut(lines.Text(), "The dashboard is at "); ok {
			address, _, _ := strings.Cut(rest, " ")
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return served{address, strconv.Itoa(command.Process.Pid)}, stop
		}
	}
	b.Fatal("the command has ended before it served")
	return served{}, stop
}

// openOther returns how long Chromium takes until the page of GoAccess has a list, in
// milliseconds.
func openOther(b *testing.B, path string) float64 {
	tab := newTabFor(b, 1280, 900, 2*time.Minute)
	tab.watch("!!document.querySelector('tbody.tbody-data tr')")
	tab.do(chromedp.Navigate((&url.URL{Scheme: "file", Path: path}).String()))
	tab.until("window.numbers > 0")
	return eval[float64](tab, "window.numbers")
}

// metrics gathers what every round measures.
type metrics struct{ sums, rounds map[string]float64 }

func (m *metrics) add(name string, value float64) {
	m.sums[name] += value
	m.rounds[name]++
}

func (m *metrics) most(name string, value float64) {
	m.sums[name], m.rounds[name] = max(m.sums[name], value), 1
}

func (m *metrics) report(b *testing.B) {
	for name, sum := range m.sums {
		b.ReportMetric(sum/m.rounds[name], name)
	}
}

// watch notes in every page that the tab opens when it shows the picture of the chain, and
// when a condition is first true.
func (b *tab) watch(condition string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		addEventListener('DOMContentLoaded', () => {
			const look = () => {
				if (!window.picture && document.querySelector('svg.chain g.hop')) window.picture = performance.now();
				if (!window.numbers && ` + condition + `) window.numbers = performance.now();
				if (!window.numbers || !window.picture) setTimeout(look, 2);
			};
			look();
		})`}); err != nil {
		b.t.Fatal(err)
	}
}

// threadTime is the processor time of the page's own thread since it began, in milliseconds.
func (b *tab) threadTime() float64 {
	b.t.Helper()
	got, err := chromedp.Call(b.ctx, performance.GetMetrics, cdp.Empty{})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, m := range got.Metrics {
		if m.Name == "TaskDuration" {
			return 1000 * m.Value
		}
	}
	b.t.Fatal("Chromium does not tell its TaskDuration")
	return 0
}

// measure opens the page and filters it.
func measure(b *testing.B, tab *tab, address string, found *metrics) {
	tab.do(chromedp.Navigate("about:blank"), chromedp.Navigate(address))
	tab.settled()
	if _, err := chromedp.Call(tab.ctx, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks}); err != nil {
		b.Fatal(err)
	}
	tab.until("window.picture > 0")
	found.add("picture-ms", eval[float64](tab, "window.picture"))
	found.add("numbers-ms", eval[float64](tab, "window.numbers"))
	for name, queries := range map[string][]string{
		"narrow-ms": {"f.status=502", "f.client=203.0.113.7", "f.status=500", "f.path=%2Fshop%2F7%2Farticle-7.html", "kind=robots"},
		"wide-ms":   {"x.status=404", "kind=people", "x.status=502", "f.status=200", "x.method=PUT&kind=all"},
	} {
		for _, query := range queries {
			begin := tab.threadTime()
			n := filter(b, tab, query)
			found.add(name, n[0])
			found.most("blocked-ms", n[1])
			found.add("thread-ms", tab.threadTime()-begin)
		}
	}
	found.most("memory-MB", rendererMegabytes())
}

// filter asks the page for other requests, and returns how long it took until their numbers
// were there, and how long the page could not react at most, both in milliseconds.
func filter(b *testing.B, tab *tab, query string) []float64 {
	b.Helper()
	n := eval[[]float64](tab, `new Promise((done) => {
		const status = document.querySelector('.filters [role=status]');
		let [last, longest] = [performance.now(), 0];
		const begin = last;
		const tick = setInterval(() => { const now = performance.now(); longest = Math.max(longest, now - last); last = now; }, 4);
		new MutationObserver((_, o) => { o.disconnect(); const took = performance.now() - begin; setTimeout(() => { clearInterval(tick); done([took, longest]); }, 50); })
			.observe(status, { childList: true, characterData: true, subtree: true });
		location.hash = `+fmt.Sprintf("%q", query)+`;
	})`)
	tab.settled()
	return n
}

func sizeOf(b *testing.B, path string) float64 {
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size())
}

// writeLog writes lines of a busy shop in nginx's format combined: 100,000 clients, 40,000
// paths by Zipf's law, 2,000 user agents, a month.
func writeLog(b *testing.B, path string, n int) {
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	out := bufio.NewWriterSize(f, 1<<20)
	r := rand.New(rand.NewPCG(1, 2))
	clients, paths, agents := rand.NewZipf(r, 1.05, 2000, 99_999), rand.NewZipf(r, 1.2, 4, 39_999), rand.NewZipf(r, 1.1, 5, 1999)
	statuses := []int{200, 200, 200, 200, 200, 200, 200, 304, 304, 301, 404, 403, 500, 502}
	at := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	var agentOf [100_000]uint64
	for i := range agentOf {
		agentOf[i] = agents.Uint64()
	}
	for range n {
		at = at.Add(time.Duration(r.ExpFloat64()*2592) * time.Millisecond)
		c, p := clients.Uint64(), paths.Uint64()
		agent := fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.%d.0 Safari/537.36", 60+agentOf[c]%80, agentOf[c])
		if agentOf[c]%40 == 0 {
			agent = fmt.Sprintf("Examplebot/%d.0 (+https://bot.example.net/)", agentOf[c])
		}
		referrer := "-"
		if r.IntN(3) == 0 {
			referrer = fmt.Sprintf("https://site-%d.example.net/page/%d", p%50, r.IntN(2000))
		}
		mixed := uint32(c) * 2654435761 // an address for each client
		_, _ = fmt.Fprintf(out, "%d.%d.%d.%d - - [%s] \"GET /shop/%d/article-%d.html HTTP/2.0\" %d %d \"%s\" \"%s\"\n",
			1+mixed%200, mixed>>8%256, mixed>>16%256, mixed>>24, at.Format("02/Jan/2006:15:04:05 -0700"), p%300, p,
			statuses[r.IntN(len(statuses))], int(math.Exp(8+1.5*r.NormFloat64())), referrer, agent)
	}
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}
