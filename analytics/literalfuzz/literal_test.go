// Package literalfuzz holds a fuzz target of its own, so that little is built for it.
package literalfuzz

import (
	"database/sql"
	"strings"
	"testing"
	"unicode/utf8"

	_ "github.com/duckdb/duckdb-go/v2"

	"clearhop/analytics"
)

// FuzzLiteral: whatever a text holds, its literal is one expression, and its value is the
// text. The engine is the judge: what leaves the literal would be an error or a second
// column.
func FuzzLiteral(f *testing.F) {
	for _, text := range []string{"", "a", "'", "''", "\\'", "a' OR '1'='1", "'; DROP TABLE events; --", "\x00", "a\x00'\x00", "$$", "$1 ? :a", "E'\\'", "\u202e'", "U&'\\0027", "/*", "\xff'", "\r\n'--"} {
		f.Add(text)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	f.Fuzz(func(t *testing.T, text string) {
		literal := analytics.Literal(text)
		var got string
		var last int
		if err := db.QueryRow("SELECT "+literal+" AS a, 7 AS b").Scan(&got, &last); err != nil {
			t.Fatalf("%q: %v", literal, err)
		}
		if want := strings.ToValidUTF8(text, "\uFFFD"); got != want || last != 7 {
			t.Errorf("%q became %q with %d", text, got, last)
		}
		if !utf8.ValidString(literal) || strings.Contains(literal, "\x00") {
			t.Errorf("%q is no text of SQL", literal)
		}
	})
}
