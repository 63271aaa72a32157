package accesslog_test

import (
	"fmt"
	"strings"
	"time"
)

// escapeDefault is the table of ngx_http_log_escape in its plainest form.
func escapeDefault(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c < 0x20 || c == '"' || c == '\\' || c >= 0x7F {
			fmt.Fprintf(&b, `\x%02X`, c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// escapeJSON is ngx_escape_json in its plainest form.
func escapeJSON(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(rune(c)))
		case strings.IndexByte("\n\r\t\b\f", c) >= 0:
			b.WriteString(map[byte]string{'\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}[c])
		case c < 0x20:
			fmt.Fprintf(&b, `\u%04X`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// timeLocal is $time_local of a time in UTC.
func timeLocal(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("02/Jan/2006:15:04:05 +0000")
}

// isList reports whether nginx can have written s as a list of addresses.
func isList(s string) bool {
	for _, item := range strings.Split(strings.ReplaceAll(s, " : ", ", "), ", ") {
		if item == "" || item == "-" || strings.ContainsAny(item, " ,") {
			return false
		}
	}
	return true
}
