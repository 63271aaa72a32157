package browsertest

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"clearhop/analytics"
	"clearhop/analytics/store"
	"clearhop/dashboard"
	"clearhop/dashboard/dashboardtest"
	"clearhop/dashboard/snapshot"
)

// axe is axe-core: https://github.com/dequelabs/axe-core, under the Mozilla Public License.
//
//go:embed testdata/axe.min.js
var axe string

// stand is the sources of the page, made of dashboardtest.Rows once for all tests.
var stand struct {
	sync.Once
	explorer *dashboard.Explorer
	file     string
	err      error
}

func prepare(t *testing.T) {
	t.Helper()
	chromium(t)
	stand.Do(func() { stand.err = makeStand() })
	if stand.err != nil {
		t.Fatal(stand.err)
	}
}

func makeStand() error {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{})
	if err != nil {
		return err
	}
	load, err := s.Load(ctx)
	if err != nil {
		return err
	}
	for _, r := range dashboardtest.Rows() {
		if err := load.Add(r.Event); err != nil {
			return err
		}
	}
	if _, err := load.Finish(); err != nil {
		return err
	}
	stand.explorer = dashboard.NewExplorer(dashboard.Config{Engine: s, Dialect: analytics.DuckDB, Version: "test", Source: "test"})
	taken, err := snapshot.Take(ctx, snapshot.Config{Engine: s, Explorer: stand.explorer})
	if err != nil {
		return err
	}
	var html bytes.Buffer
	if err := taken.WriteHTML(&html); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "clearhop-page")
	if err != nil {
		return err
	}
	stand.file = filepath.Join(folder, "report.html")
	return os.WriteFile(stand.file, html.Bytes(), 0o666)
}

// sources are the addresses of the page.
func sources(t *testing.T) map[string]string {
	prepare(t)
	server := httptest.NewServer(dashboard.NewServer(dashboard.ServerConfig{Source: stand.explorer}))
	t.Cleanup(server.Close)
	return map[string]string{"server": server.URL + "/", "file": (&url.URL{Scheme: "file", Path: stand.file}).String()}
}

// eachSource runs a test with both sources.
func eachSource(t *testing.T, width, height int, test func(t *testing.T, b *tab, address string)) {
	for name, address := range sources(t) {
		t.Run(name, func(t *testing.T) {
			b := newTab(t, width, height)
			test(t, b, address)
			b.clean()
			for _, asked := range b.requests {
				if !strings.HasPrefix(asked, address[:strings.LastIndexByte(address, '/')]) {
					t.Errorf("the page asked for %s", asked)
				}
			}
		})
	}
}

// open goes to the page in a State and waits until it shows numbers.
func (b *tab) open(address, query string) {
	b.t.Helper()
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(address+"#"+query))
	b.settled()
}

// settled waits until the page has drawn the answer to the state in its address.
func (b *tab) settled() {
	b.t.Helper()
	b.until(`document.querySelectorAll('section.board').length > 0 && document.querySelector('[aria-busy="true"]') === null`)
}

func answerOf(t *testing.T, query string) *dashboard.Answer {
	t.Helper()
	a, err := stand.explorer.Explore(t.Context(), dashboardtest.ReadState(t, query))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A shownRow is a row of a board as a person reads it.
type shownRow struct{ Key, Title string }

// boards returns the rows of all boards, by the board's heading.
func (b *tab) boards() map[string][]shownRow {
	b.t.Helper()
	return eval[map[string][]shownRow](b, `Object.fromEntries([...document.querySelectorAll('section.board')].map((s) => [
		document.getElementById(s.getAttribute('aria-labelledby')).textContent,
		[...s.querySelectorAll('button.row')].map((r) => ({Key: r.dataset.key, Title: r.title}))]))`)
}

// TestNumbers compares what every board shows with the SQL, for the states that every
// source is held to.
func TestNumbers(t *testing.T) {
	eachSource(t, 1280, 900, func(t *testing.T, b *tab, address string) {
		for _, c := range dashboardtest.Cases() {
			b.open(address, c.Query)
			want := map[string][]shownRow{}
			for _, board := range answerOf(t, c.Query).Boards {
				d, _ := analytics.FindDimension(board.Dimension)
				rows := []shownRow{}
				for _, r := range board.Rows {
					rows = append(rows, shownRow{d.ID + "=" + r.Value, grouped(r.Requests) + " requests"})
				}
				want[d.Title] = rows
			}
			got := b.boards()
			for title, rows := range want {
				shown := got[title]
				for i := range shown {
					shown[i].Title, _, _ = strings.Cut(shown[i].Title, " requests")
					shown[i].Title += " requests"
				}
				if !slices.Equal(shown, rows) {
					t.Errorf("%s: %s shows %v, want %v", c.Name, title, shown, rows)
				}
			}
		}
	})
}

// TestClicks filters by clicks and keys, and goes back.
func TestClicks(t *testing.T) {
	eachSource(t, 1280, 900, func(t *testing.T, b *tab, address string) {
		b.open(address, "")
		state := func() string { return eval[string](b, "decodeURIComponent(location.hash.replace(/^#/, ''))") }
		click := func(key, options string) {
			b.t.Helper()
			eval[bool](b, `(() => { document.querySelector('button.row[data-key='+JSON.stringify(`+strconv.Quote(key)+`)+']').dispatchEvent(new MouseEvent('click', {bubbles: true, `+options+`})); return true; })()`)
			b.settled()
		}
		for _, step := range []struct{ key, options, want string }{
			{"country=JP", "", "f.country=JP"},
			{"country=FR", "shiftKey: true", "f.country=JP&f.country=FR"},
			{"method=POST", "altKey: true", "f.country=JP&f.country=FR&x.method=POST"},
			{"country=JP", "", "f.country=JP&x.method=POST"},
		} {
			click(step.key, step.options)
			b.until("decodeURIComponent(location.hash).includes(" + strconv.Quote(step.want) + ")")
			if got := state(); got != step.want {
				t.Errorf("after %s with {%s} the state is %q, want %q", step.key, step.options, got, step.want)
			}
		}
		b.do(chromedp.NavigateBack())
		b.until(`decodeURIComponent(location.hash).includes('f.country=FR')`)
		b.settled()
		want := grouped(answerOf(t, "f.country=JP&f.country=FR&x.method=POST").Boards[4].Rows[0].Requests) + " requests"
		if rows := b.boards()["Status"]; len(rows) == 0 || !strings.HasPrefix(rows[0].Title, want) {
			t.Errorf("after going back, Status begins with %v, want %s", rows, want)
		}
	})
}

// TestKeyboard filters with the keyboard alone: the row that was chosen keeps the focus,
// and what is open of the doctor's findings stays so.
func TestKeyboard(t *testing.T) {
	eachSource(t, 1280, 900, func(t *testing.T, b *tab, address string) {
		b.open(address, "")
		focus := func() string { return eval[string](b, "document.activeElement.dataset.key ?? ''") }
		opened := func() string {
			return eval[string](b, "[...document.querySelectorAll('details.finding')].map((d) => d.dataset.code + d.open).join()")
		}
		eval[bool](b, "document.querySelectorAll('details.finding').forEach((d) => { d.open = !d.open; }) ?? true")
		before := opened()
		eval[bool](b, "document.querySelector('button.row[data-key=\"country=JP\"]').focus() ?? true")
		b.do(chromedp.KeyEvent("\r"))
		b.until("location.hash.includes('f.country=JP')")
		b.settled()
		if got := focus(); got != "country=JP" {
			t.Errorf("after Enter the focus is on %q, want the row", got)
		}
		if got := opened(); got != before || !strings.Contains(got, "false") {
			t.Errorf("after Enter the findings are %q, want %q", got, before)
		}
	})
}

// TestSearchAndEvidence looks for a text, opens a request, and reads what its client rests on.
func TestSearchAndEvidence(t *testing.T) {
	eachSource(t, 1280, 900, func(t *testing.T, b *tab, address string) {
		b.open(address, "")
		eval[bool](b, `(() => { const i = document.querySelector('input[type=search]'); i.value = 'a'; i.dispatchEvent(new Event('input')); return true; })()`)
		b.until("location.hash.includes('q=a')")
		b.settled()
		want := grouped(answerOf(t, "q=a").Total.Requests) + " requests from"
		if got := eval[string](b, "document.querySelector('.filters [role=status]').textContent"); !strings.HasPrefix(got, want) {
			t.Errorf("the page says %q, want %q", got, want)
		}
		eval[bool](b, "document.querySelector('#panel-requests tbody button').click() ?? true")
		if got := eval[string](b, "document.querySelector('#panel-requests .evidence').textContent"); !strings.Contains(got, "Verdict") || !strings.Contains(got, "Evidence") {
			t.Errorf("an open request says %q", got)
		}
		// The chip takes the search away again.
		eval[bool](b, "document.querySelector('.chips .chip').click() ?? true")
		b.until("!location.hash.includes('q=a')")
	})
}

// TestAccessible looks for what keeps people out, in both themes and on a phone.
func TestAccessible(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		for _, size := range [][2]int{{1280, 900}, {390, 844}} {
			t.Run(scheme+" "+strconv.Itoa(size[0]), func(t *testing.T) {
				eachSource(t, size[0], size[1], func(t *testing.T, b *tab, address string) {
					if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
						Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
						t.Fatal(err)
					}
					b.open(address, "f.country=JP&since=2026-11-21T07:00:00Z&until=2026-11-22T07:00:00Z&compare=1")
					if wide := eval[int](b, "document.documentElement.scrollWidth"); wide > size[0] {
						t.Errorf("the page is %d wide: %s", wide, eval[string](b, `[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll, pre')).slice(0, 3).map((e) => e.tagName + '.' + e.getAttribute('class')).join(' ')`))
					}
					// The browser does not lay out what is not on the screen, and axe would judge
					// the colours behind it wrongly.
					eval[bool](b, "document.querySelectorAll('main .panel').forEach((p) => { p.style.contentVisibility = 'visible'; }) ?? true")
					eval[bool](b, axe+";true")
					found := eval[json.RawMessage](b, `axe.run(document).then((r) => r.violations.map((v) => v.id + ': ' + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | ')))`)
					var violations []string
					if err := json.Unmarshal(found, &violations); err != nil {
						t.Fatal(err)
					}
					for _, v := range violations {
						t.Errorf("axe: %s", v)
					}
				})
			})
		}
	}
}

// grouped writes a number as the page does.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
