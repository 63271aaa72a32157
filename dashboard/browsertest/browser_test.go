package browsertest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium returns the path of the browser. Without one the test skips, or fails in CI.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there is no chromium: run .ci/tools")
	}
	t.Skip("there is no chromium here: install Debian's package chromium to look at the page in a browser")
	return ""
}

// A browser is one Chromium for all tests of a run.
var browser struct {
	sync.Once
	ctx context.Context
	err error
}

// A tab is a page of its own, with all that went wrong in it.
type tab struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	problems []string // of the console, and scripts that failed
	requests []string // addresses that were asked for
}

// newTab opens a tab without a network. Its size is that of a screen or a phone.
func newTab(t testing.TB, width, height int) *tab {
	t.Helper()
	return newTabFor(t, width, height, 2*time.Minute)
}

// newTabFor is newTab with the time after which all that the tab does fails.
func newTabFor(t testing.TB, width, height int, limit time.Duration) *tab {
	t.Helper()
	path := chromium(t)
	browser.Do(func() {
		options := append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path), chromedp.NoSandbox,
			chromedp.Flag("enable-precise-memory-info", true),
			chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))
		allocator, _ := chromedp.NewExecAllocator(context.Background(), options...)
		browser.ctx, _ = chromedp.NewContext(allocator)
		browser.err = chromedp.Do(browser.ctx)
	})
	if browser.err != nil {
		t.Fatalf("chromium does not start: %v", browser.err)
	}
	ctx, cancel := chromedp.NewContext(browser.ctx)
	t.Cleanup(cancel)
	ctx, end := context.WithTimeout(ctx, limit)
	t.Cleanup(end)
	b := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(int64(width), int64(height)))
	return b
}

// note keeps what a person would see in the console.
func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			words := []string{}
			for _, arg := range e.Args {
				words = append(words, string(arg.Value)+arg.Description)
			}
			b.problems = append(b.problems, strings.Join(words, " "))
		}
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if thrown := e.ExceptionDetails.Exception; thrown != nil {
			text += " " + thrown.Description
		}
		b.problems = append(b.problems, text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.problems = append(b.problems, e.Entry.Text+" "+e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") && !strings.HasPrefix(e.Request.URL, "blob:") {
			b.requests = append(b.requests, e.Request.URL)
		}
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// eval evaluates JavaScript and returns its result; promises are waited for.
func eval[T any](b *tab, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%v\n%s", err, script)
	}
	return v
}

// until waits for a condition in JavaScript.
func (b *tab) until(condition string) {
	b.t.Helper()
	var err error
	for range 5 {
		// Where the tab goes to another address meanwhile, the poll ends with the page.
		if _, err = chromedp.Run(b.ctx, chromedp.Poll[bool](condition)); err == nil {
			return
		}
		if !strings.Contains(err.Error(), "context") || b.ctx.Err() != nil {
			break
		}
	}
	b.t.Fatalf("%v: it never becomes true that %s", err, condition)
}

// clean reports what went wrong in the tab.
func (b *tab) clean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.t.Errorf("the console says: %s", p)
	}
}

func TestMain(m *testing.M) {
	code := m.Run()
	if browser.ctx != nil {
		_ = chromedp.Cancel(browser.ctx)
	}
	if stand.file != "" {
		_ = os.RemoveAll(filepath.Dir(stand.file))
	}
	os.Exit(code)
}
