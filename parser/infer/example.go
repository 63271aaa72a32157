package infer

import (
	"regexp"
	"strings"

	"clearhop/parser"
)

// maxExample bounds what is shown of a line, in bytes.
const maxExample = 240

var (
	query    = regexp.MustCompile(`\?[^\s"|;,]+`)
	mailName = regexp.MustCompile(`[A-Za-z0-9._%+-]+(@|%40)[A-Za-z0-9.-]+`)
	anyIP    = regexp.MustCompile(`\[?\b([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{0,4}){2,7})\b\]?`)
)

// Example returns a line to be shown to a person: without secrets, queries, mail
// addresses and addresses of visitors, and not whole if it is long.
func Example(line string) string {
	if scrubbed, found := parser.AppendScrubbed(nil, []byte(line)); found {
		line = string(scrubbed)
	}
	line = query.ReplaceAllString(line, "?…")
	line = mailName.ReplaceAllString(line, "…@…")
	line = anyIP.ReplaceAllStringFunc(line, func(text string) string {
		if !isAddress(text) || isPrivate(text) {
			return text
		}
		return "[address]"
	})
	if len(line) > maxExample {
		line = strings.ToValidUTF8(line[:maxExample], "") + "…"
	}
	return line
}
