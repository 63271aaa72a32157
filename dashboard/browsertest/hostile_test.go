package browsertest

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clearhop/analytics"
	"clearhop/analytics/store"
	"clearhop/dashboard"
	"clearhop/dashboard/snapshot"
)

// hostileTexts are what visitors write into paths, agents and referrers.
var hostileTexts = []string{
	`<script>window.pwned=1</script>`, `"><img src=x onerror="window.pwned=1">`, `<svg onload=window.pwned=1>`, "<!--", "</script></style></title>",
	"javascript:window.pwned=1", "\u202egnp.exe", "\x00\x01\x1b[31m", "\ufeff\u200b", strings.Repeat("a<b>", 2<<10),
	"=HYPERLINK(\"http://x\")", "@SUM(1)", "constructor", "__proto__", "&lt;b&gt;", "𐐀\u0301\u0301", "'; DROP TABLE requests; --",
}

// TestHostile shows what visitors may have sent: as text, and as nothing else.
func TestHostile(t *testing.T) {
	chromium(t)
	ctx := t.Context()
	s, err := store.Open(ctx, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	load, err := s.Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range hostileTexts {
		line, err := json.Marshal(map[string]any{
			"@timestamp": time.Date(2026, 11, 20, 0, 0, i, 0, time.UTC).Format(time.RFC3339), "schema_version": 1,
			"event":      map[string]any{"id": string(rune('a' + i)), "kind": "event", "dataset": "nginx.access"},
			"url":        map[string]any{"path": text, "domain": text},
			"user_agent": map[string]any{"original": text, "name": text},
			"http":       map[string]any{"request": map[string]any{"method": "GET", "referrer": text}, "response": map[string]any{"status_code": 200}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := load.Add(append(line, '\n')); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := load.Finish(); err != nil {
		t.Fatal(err)
	}
	e := dashboard.NewExplorer(dashboard.Config{Engine: s, Dialect: analytics.DuckDB, Version: "test", Source: `<b>"&`})
	defer e.End()
	taken, err := snapshot.Take(ctx, snapshot.Config{Engine: s, Explorer: e})
	if err != nil {
		t.Fatal(err)
	}
	var html bytes.Buffer
	if err := taken.WriteHTML(&html); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, html.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(dashboard.NewServer(dashboard.ServerConfig{Source: e}))
	defer server.Close()
	for name, address := range map[string]string{"server": server.URL + "/", "file": (&url.URL{Scheme: "file", Path: file}).String()} {
		t.Run(name, func(t *testing.T) { checkHostile(t, address) })
	}
}

func checkHostile(t *testing.T, address string) {
	b := newTab(t, 1280, 900)
	b.open(address, "f.path="+url.QueryEscape(hostileTexts[1])+"&f.path="+url.QueryEscape(hostileTexts[6])+"&q=%3C")
	b.open(address, "")
	// All that can be opened: each request, and all rows of the paths.
	eval[bool](b, `(() => { document.querySelectorAll('#panel-requests tbody button[aria-expanded]').forEach((e) => e.click()); document.querySelector('#panel-path .more').click(); return true; })()`)
	b.until("document.querySelectorAll('dialog button.row').length >= 17")
	if n := eval[int](b, `document.querySelectorAll('body script, body style, img, iframe, object, embed, link[href^="javascript"], a[href], [onerror], [onload], svg:not([class]), main title:not(svg title)').length`); n != 0 {
		// The script of the file is the one that stands in its body.
		if own := eval[int](b, `document.querySelectorAll('body > script').length`); n != own || own > 1 {
			t.Errorf("%d elements were made of what visitors wrote", n-own)
		}
	}
	if eval[bool](b, "'pwned' in window") {
		t.Error("a script of a visitor ran")
	}
	all := eval[string](b, "document.body.innerText")
	for _, shown := range []string{"<script>window.pwned=1</script>", `\u202E`, "␀␁␛[31m", "constructor", "&lt;b&gt;"} {
		if !strings.Contains(all, strings.ReplaceAll(shown, `\u`, "\\u")) {
			t.Errorf("the page does not show %q", shown)
		}
	}
	if strings.ContainsAny(all, "\u202e\u200b\x00\x1b") {
		t.Error("the page shows a character that changes the text around it")
	}
	if wide := eval[int](b, "document.documentElement.scrollWidth"); wide > 1280 {
		t.Errorf("the page is %d wide", wide)
	}
	eval[bool](b, "document.querySelector('dialog').close() ?? true")
	for _, row := range b.export("Paths") {
		for _, cell := range row {
			if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "@") {
				t.Errorf("a spreadsheet takes %q for a formula", cell)
			}
		}
	}
	b.clean()
}
