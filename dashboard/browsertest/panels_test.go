package browsertest

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	downloads "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"clearhop/dashboard"
	"clearhop/dashboard/dashboardtest"
)

// export presses the button that saves a panel as CSV, and returns the table.
func (b *tab) export(title string) [][]string {
	b.t.Helper()
	text := eval[string](b, `new Promise((done) => {
		const make = URL.createObjectURL;
		URL.createObjectURL = (blob) => { URL.createObjectURL = make; void blob.text().then(done); return 'data:,'; };
		HTMLAnchorElement.prototype.click = function () {};
		document.querySelector('button[aria-label="Save `+title+` as CSV"]').click();
		delete HTMLAnchorElement.prototype.click;
	})`)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", title, err, text)
	}
	return rows
}

// TestPanels compares the numbers of the panels that are no lists with the SQL.
func TestPanels(t *testing.T) {
	eachSource(t, 1280, 900, func(t *testing.T, b *tab, address string) {
		for _, query := range []string{"", "f.hop=web", "since=2026-11-21T07:00:00Z&until=2026-11-22T07:00:00Z&compare=1&kind=people"} {
			b.open(address, query)
			want := answerOf(t, query)
			checkTotals(t, b.export("Totals"), want)
			heat := b.export("Durations, all requests")[1:]
			for i, row := range heat {
				if got := strings.Join(row[1:], " "); got != strings.Trim(fmt.Sprint(want.Heat.Counts[i]), "[]") {
					t.Errorf("%s: the heat map has %s at %s, want %v", query, got, row[0], want.Heat.Counts[i])
				}
			}
			times := b.export("Requests and failures over time")[1:]
			if len(times) != len(want.Times) || len(heat) != len(want.Times) {
				t.Fatalf("%s: %d times and %d of the heat map, want %d", query, len(times), len(heat), len(want.Times))
			}
			for i, row := range times {
				if n := want.Times[i]; row[1] != strconv.FormatInt(n.Requests, 10) || row[6] != strconv.FormatInt(n.Faults, 10) {
					t.Errorf("%s: %v at %v", query, row, n)
				}
			}
			shown := map[string]string{}
			for _, c := range want.Countries {
				shown[c.Code] = grouped(c.Requests) + " requests"
			}
			got := eval[map[string]string](b, `Object.fromEntries([...document.querySelectorAll('svg.map [role=option]')].map((o) => [o.id.slice(8), /: ([0-9,]* requests)/.exec(o.getAttribute('aria-label'))[1]]))`)
			if fmt.Sprint(got) != fmt.Sprint(shown) {
				t.Errorf("%s: the map has %v, want %v", query, got, shown)
			}
			checkChain(t, b, query)
		}
	})
}

func checkTotals(t *testing.T, got [][]string, want *dashboard.Answer) {
	t.Helper()
	numbers := func(of *dashboard.Totals) (all map[string]*float64) {
		text, err := json.Marshal(of)
		if err != nil || json.Unmarshal(text, &all) != nil {
			t.Fatal(err)
		}
		return all
	}
	for i, of := range []*dashboard.Totals{&want.Total, want.Before} {
		if of == nil {
			continue
		}
		for name, n := range numbers(of) {
			text := ""
			if n != nil {
				text = strconv.FormatFloat(*n, 'f', -1, 64)
			}
			found := false
			for _, row := range got {
				found = found || row[0] == name && row[1+i] == text
			}
			if !found {
				t.Errorf("%s is not %s in %v", name, text, got)
			}
		}
	}
}

// checkChain compares the boxes of the picture.
func checkChain(t *testing.T, b *tab, query string) {
	t.Helper()
	chain, err := stand.explorer.Chain(t.Context(), dashboardtest.ReadState(t, query))
	if err != nil {
		t.Fatal(err)
	}
	rows := b.export("The chain")[1:]
	for i, h := range chain.Hops {
		moment := func(at *time.Time) string {
			if at == nil {
				return ""
			}
			return at.Format(time.RFC3339Nano)
		}
		want := []string{h.ID, strings.Join(h.Addresses, " "), strconv.FormatInt(h.Requests, 10), strconv.FormatInt(h.Broken, 10)}
		if row := rows[i]; strings.Join(row[:4], "|") != strings.Join(want, "|") || row[5] != moment(h.Since) || row[6] != moment(h.Until) {
			t.Errorf("%s: %v, want %v since %v until %v", query, row, want, h.Since, h.Until)
		}
		if h.Broken > 0 {
			text := eval[string](b, fmt.Sprintf("document.querySelectorAll('svg.chain g.hop')[%d].textContent", i))
			if !strings.Contains(text, "% broken") || !strings.Contains(text, h.Since.Format("2006-01-02 15:04")) {
				t.Errorf("%s: the box of %s says %q", query, h.ID, text)
			}
		}
	}
}

// TestBrush chooses a time with the mouse and with the keyboard.
func TestBrush(t *testing.T) {
	eachSource(t, 1280, 900, func(t *testing.T, b *tab, address string) {
		b.open(address, "")
		times := answerOf(t, "").Times
		middle := (len(times) - 1) / 2
		stamp := func(at time.Time) string { return at.UTC().Format(time.RFC3339) }
		eval[bool](b, "document.querySelector('#panel-times .u-over').focus() ?? true")
		b.do(chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight)) // →
		want := "since=" + stamp(times[middle+1].At) + "&until=" + stamp(times[middle+3].At)
		b.do(chromedp.KeyEvent(kb.ArrowRight, chromedp.KeyModifiers(chromedp.ModifierShift)))
		if got := eval[string](b, "document.activeElement.getAttribute('aria-valuetext')"); !strings.HasPrefix(got, times[middle+1].At.UTC().Format("2006-01-02 15:04:05")) {
			t.Errorf("a screen reader says %q", got)
		}
		b.do(chromedp.KeyEvent("\r"))
		b.until("decodeURIComponent(location.hash).slice(1) === " + strconv.Quote(want))
		b.settled()
		if got := eval[string](b, "document.activeElement.dataset.key ?? ''"); got != "brush Requests over time" {
			t.Errorf("after Enter the focus is on %q", got)
		}
		b.do(chromedp.KeyEvent("\x1b"))
		b.until("location.hash === '#' || location.hash === ''")
		b.settled()

		box := eval[[]float64](b, "(() => { const e = document.querySelector('#panel-times .u-over'); e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()")
		for _, e := range []struct {
			kind  input.DispatchMouseEventType
			share float64
		}{{input.DispatchMouseEventTypeMouseMoved, 0.25}, {input.DispatchMouseEventTypeMousePressed, 0.25}, {input.DispatchMouseEventTypeMouseMoved, 0.4}, {input.DispatchMouseEventTypeMouseMoved, 0.5}, {input.DispatchMouseEventTypeMouseReleased, 0.5}} {
			if _, err := chromedp.Call(b.ctx, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: e.kind, X: box[0] + e.share*box[2], Y: box[1] + box[3]/2, Button: input.MouseButtonLeft, ClickCount: 1}); err != nil {
				t.Fatal(err)
			}
		}
		b.until("location.hash.includes('since=')")
		b.settled()
		s := dashboardtest.ReadState(t, strings.TrimPrefix(eval[string](b, "location.hash"), "#"))
		span := times[len(times)-1].At.Sub(times[0].At)
		if share := s.Until.Sub(s.Since).Seconds() / span.Seconds(); share < 0.22 || share > 0.3 {
			t.Errorf("a quarter of the time was chosen with the mouse, and the page shows %v to %v", s.Since, s.Until)
		}
	})
}

// TestTabs walks from the head of the page to the map with the keyboard alone.
func TestTabs(t *testing.T) {
	eachSource(t, 1280, 900, func(t *testing.T, b *tab, address string) {
		b.open(address, "")
		countries := answerOf(t, "").Countries
		passed := map[string]bool{}
		for range 120 {
			b.do(chromedp.KeyEvent("\t"))
			name := eval[string](b, "document.activeElement.id || document.activeElement.getAttribute('aria-label') || document.activeElement.dataset.key || document.activeElement.getAttribute('class') || document.activeElement.textContent")
			if strings.HasPrefix(name, "Map of the world") {
				break
			}
			passed[name] = true
		}
		for _, name := range []string{"Whose requests", "From (UTC)", "Choose a time in Requests over time", "Save Totals as CSV", "quiet"} {
			if !passed[name] {
				t.Errorf("Tab does not reach %s: %v", name, passed)
			}
		}
		b.do(chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent("\r"))
		b.until("location.hash.includes('f.country=" + countries[1].Code + "')")
		b.settled()
		if got := eval[string](b, "document.activeElement.getAttribute('aria-activedescendant')"); got != "country-"+countries[1].Code {
			t.Errorf("the map has its focus on %q", got)
		}
	})
}

// TestDownloads saves files as a person does.
func TestDownloads(t *testing.T) {
	eachSource(t, 1280, 900, func(t *testing.T, b *tab, address string) {
		folder := t.TempDir()
		if _, err := chromedp.Call(b.ctx, downloads.SetDownloadBehavior, downloads.SetDownloadBehaviorParams{Behavior: downloads.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder}); err != nil {
			t.Fatal(err)
		}
		b.open(address, "")
		for name, button := range map[string]string{"clearhop-status.csv": "Save Status as CSV", "clearhop-times.png": "Save Requests and failures over time as PNG", "clearhop-chain.png": "Save The chain as PNG"} {
			eval[bool](b, "document.querySelector('button[aria-label="+strconv.Quote(button)+"]').click() ?? true")
			data := waitFor(t, filepath.Join(folder, name))
			if strings.HasSuffix(name, ".png") {
				if !strings.HasPrefix(data, "\x89PNG\r\n\x1a\n") || len(data) < 3000 {
					t.Errorf("%s is no picture: %d bytes", name, len(data))
				}
				continue
			}
			row := answerOf(t, "").Boards[4].Rows[0]
			if want := fmt.Sprintf("value,name,requests,failures\r\n%s,,%d,%d\r\n", row.Value, row.Requests, row.Failures); !strings.HasPrefix(data, want) {
				t.Errorf("%s begins with %.80q, want %q", name, data, want)
			}
		}
	})
}

// waitFor waits until a file was saved.
func waitFor(t *testing.T, path string) string {
	t.Helper()
	for range 200 {
		if data, err := os.ReadFile(path); err == nil && len(data) > 0 {
			return string(data)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s is not saved", path)
	return ""
}

// TestPrint prints the page: the panels, and nothing that is only good on a screen.
func TestPrint(t *testing.T) {
	eachSource(t, 1280, 900, func(t *testing.T, b *tab, address string) {
		b.open(address, "f.country=JP")
		pdf, err := chromedp.Call(b.ctx, page.PrintToPDF, page.PrintToPDFParams{})
		if err != nil || !strings.HasPrefix(string(pdf.Data), "%PDF") || len(pdf.Data) < 30_000 {
			t.Errorf("printed: %d bytes, %v", len(pdf.Data), err)
		}
		if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}); err != nil {
			t.Fatal(err)
		}
		for selector, want := range map[string]int{"main section.panel": 8, ".chips .chip": 1} {
			if got := eval[int](b, "[...document.querySelectorAll("+strconv.Quote(selector)+")].filter((e) => e.getClientRects().length > 0).length"); got < want {
				t.Errorf("on paper there are %d of %s, want %d", got, selector, want)
			}
		}
		if got := eval[int](b, "[...document.querySelectorAll('.tools, .controls, .more, input, select')].filter((e) => e.getClientRects().length > 0).length"); got != 0 {
			t.Errorf("on paper there are %d controls", got)
		}
	})
}
