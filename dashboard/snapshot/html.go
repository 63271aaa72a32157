package snapshot

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/ascii85"
	"encoding/base64"
	"fmt"
	"io"

	"clearhop/dashboard"
)

// The tags of index.html that the file has in other forms: it has one script and one
// sheet of styles, both in it.
const (
	charset = `<meta charset="utf-8">`
	sheet   = `<link rel="stylesheet" href="page.css">`
	script  = `<script src="page.js" defer></script>`
)

// WriteHTML writes the file. What logs say stands in it as JSON with escapes and as
// Ascii85 only, so no log line can become a tag or a script. The policy in its head lets
// the browser run this one script, also as a worker, and load nothing from anywhere.
func (s *Snapshot) WriteHTML(w io.Writer) error {
	page, err := newFilePage()
	if err != nil {
		return err
	}
	header, err := s.header()
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	_, _ = out.Write(page.before) // Flush returns the error of all
	_, _ = fmt.Fprintf(out, "<script type=\"application/json\" id=\"snapshot\">%s</script>\n", header)
	for i, block := range s.blocks {
		_, _ = fmt.Fprintf(out, "<script type=\"text/plain\" id=\"snapshot-%d\">", i)
		_, _ = out.Write(armor(block))
		_, _ = out.WriteString("</script>\n")
	}
	_, _ = out.Write(page.after)
	return out.Flush()
}

// armor writes bytes as Ascii85 with v in the place of <: in HTML that begins a tag.
func armor(block []byte) []byte {
	text := make([]byte, ascii85.MaxEncodedLen(len(block)))
	text = text[:ascii85.Encode(text, block)]
	for i, c := range text {
		if c == '<' {
			text[i] = 'v'
		}
	}
	return text
}

// A filePage is the page around the blocks.
type filePage struct{ before, after []byte }

func newFilePage() (*filePage, error) {
	var files [3][]byte
	for i, name := range []string{"index.html", "page.css", "page.js"} {
		data, err := dashboard.Asset(name)
		if err != nil {
			return nil, fmt.Errorf("the page is not complete: %w", err)
		}
		files[i] = data
	}
	index, css, js := files[0], bytes.TrimSpace(files[1]), bytes.TrimSpace(files[2])
	for _, tag := range []string{charset, sheet, script} {
		if bytes.Count(index, []byte(tag)) != 1 {
			return nil, fmt.Errorf("the page has no tag %s, or more than one", tag)
		}
	}
	for name, code := range map[string][]byte{"page.css": css, "page.js": js} {
		for _, end := range []string{"</script", "</style", "<!--", "<script"} {
			if bytes.Contains(bytes.ToLower(code), []byte(end)) {
				return nil, fmt.Errorf("%s holds %s, which ends or changes a block of HTML", name, end)
			}
		}
	}
	policy := `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ` + hashOf(js) + `; style-src ` + hashOf(css) + `; img-src data: blob:; worker-src blob:; base-uri 'none'; form-action 'none'">`
	replace := func(tag, by string) { index = bytes.Replace(index, []byte(tag), []byte(by), 1) }
	replace(charset, charset+"\n"+policy)
	replace(sheet, "<style>"+string(css)+"</style>")
	replace(script, "")
	// The script stands at the end: it needs the blocks.
	end := bytes.LastIndex(index, []byte("</body>"))
	if end < 0 {
		end = len(index)
	}
	return &filePage{
		before: append(bytes.TrimRight(index[:end:end], "\n"), '\n'),
		after:  append([]byte("<script>"+string(js)+"</script>\n"), index[end:]...),
	}, nil
}

// hashOf is the name of a script or of styles in a policy.
func hashOf(code []byte) string {
	sum := sha256.Sum256(code)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
