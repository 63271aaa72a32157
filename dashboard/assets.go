package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// assets is the page, as dashboard/web builds it.
//
//go:embed assets
var assets embed.FS

// Asset returns a file of the page: index.html, page.js or page.css.
func Asset(name string) ([]byte, error) { return assets.ReadFile("assets/" + name) }

// An asset is a file of the page, ready to be sent.
type asset struct {
	plain, packed []byte
	kind, tag     string
}

// served are the files by their address.
var served = sync.OnceValue(func() map[string]*asset {
	all := map[string]*asset{}
	entries, err := assets.ReadDir("assets")
	if err != nil {
		panic("dashboard: " + err.Error()) // embedded files can always be read
	}
	for _, e := range entries {
		known := map[string]string{".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png"}
		kind := known[path.Ext(e.Name())]
		if kind == "" {
			continue // it is for the build
		}
		plain, err := assets.ReadFile("assets/" + e.Name())
		if err != nil {
			panic("dashboard: " + err.Error())
		}
		sum := sha256.Sum256(plain)
		a := &asset{plain: plain, kind: kind, tag: `"` + hex.EncodeToString(sum[:12]) + `"`}
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := z.Write(plain); err == nil && z.Close() == nil && packed.Len() < len(plain) {
			a.packed = packed.Bytes()
		}
		all["/"+e.Name()] = a
	}
	all["/"] = all["/index.html"]
	delete(all, "/index.html")
	return all
})

// serveAsset sends a file of the page. The browser may keep it, and asks each time
// whether it is still the same: another version of the program may listen tomorrow.
func serveAsset(w http.ResponseWriter, r *http.Request) {
	a := served()[r.URL.EscapedPath()]
	if a == nil {
		refuse(w, http.StatusNotFound, problem("", "there is nothing at this address"))
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.tag)
	h.Set("Vary", "Accept-Encoding")
	for tag := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if strings.TrimPrefix(strings.TrimSpace(tag), "W/") == a.tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Type", a.kind)
	body := a.plain
	if a.packed != nil && takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = a.packed
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // who asked may be gone
}
