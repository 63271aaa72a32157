package nginxconf

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// FuzzParse holds three promises for any text:
//   - the places of the directives are in the text and in their order;
//   - where nginx can read the text, nothing but blanks, comments and closing braces
//     stands outside them;
//   - the same directives, written with every word in quotes, are read as the same.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"edge.conf", "web.conf"} {
		text, err := os.ReadFile(filepath.Join("..", "chain", "reference", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, text := range []string{
		`log_format a '$remote_addr\t"${x}"' f\ g "\\";`,
		"http{server{listen 80;# a { comment }\n}}",
		`a_by_lua_block { x = "}" -- }` + "\n" + `[==[ } ]==] } b;`,
		`if ($a = "") { return 200 'x}'; } location ~ \.php$ {}`,
		"a 'b'\"c\"; }", "a { b", `"" "";`, "a\xff \\", "a ${{ b;",
		strings.Repeat("a{", 70),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		conf, err := Parse(&File{Name: "fuzz.conf", Text: []byte(text)}, nil)
		end := checkPlaces(t, text, 0, conf.Root, err == nil)
		if err != nil {
			return
		}
		if rest := text[end:]; !outside.MatchString(rest) {
			t.Fatalf("no directive has %q, which stands at the end", rest)
		}
		var printed strings.Builder
		printQuoted(&printed, conf.Root)
		again, err := Parse(&File{Name: "printed.conf", Text: []byte(printed.String())}, nil)
		if err != nil || !equalTrees(conf.Root, again.Root) {
			t.Fatalf("%q is read otherwise when it is written as %q: %v", text, printed.String(), err)
		}
	})
}

// outside is what may stand between directives.
var outside = regexp.MustCompile(`^(?:[ \t\r\n]|#[^\n]*(?:\n|$))*$`)

// checkPlaces checks the directives from the index at, and returns the index after the
// last one. complete says that nginx can read the text.
func checkPlaces(t *testing.T, text string, at int, all []*Directive, complete bool) int {
	for _, d := range all {
		if d.Start < at || d.End <= d.Start || d.End > len(text) {
			t.Fatalf("%q has the place %d to %d after %d, in a text of %d bytes", d.Name, d.Start, d.End, at, len(text))
		}
		if complete && !outside.MatchString(text[at:d.Start]) {
			t.Fatalf("no directive has %q", text[at:d.Start])
		}
		if want := 1 + strings.Count(text[:d.Start], "\n"); d.Line != want {
			t.Fatalf("%q has line %d, want %d", d.Name, d.Line, want)
		}
		checkArgs(t, d)
		at = d.End
		if !d.IsBlock {
			continue
		}
		if at = checkPlaces(t, text, d.End, d.Block, complete); !complete {
			continue
		}
		if d.Close < at+1 || d.Close > len(text) || text[d.Close-1] != '}' {
			t.Fatalf("the block %q closes at %d", d.Name, d.Close)
		}
		if inside := text[at : d.Close-1]; !isLua(d.Name) && !outside.MatchString(inside) {
			t.Fatalf("no directive has %q", inside)
		}
		at = d.Close
	}
	return at
}

// checkArgs checks that the arguments end inside their directive, in their order.
func checkArgs(t *testing.T, d *Directive) {
	if len(d.ArgEnds) != len(d.Args) || !slices.IsSorted(d.ArgEnds) {
		t.Fatalf("the arguments %q of %q end at %d", d.Args, d.Name, d.ArgEnds)
	}
	for _, end := range d.ArgEnds {
		if end <= d.Start || end >= d.End {
			t.Fatalf("an argument of %q ends at %d, outside %d to %d", d.Name, end, d.Start, d.End)
		}
	}
}

// printQuoted writes directives with every word in quotes.
func printQuoted(b *strings.Builder, all []*Directive) {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for _, d := range all {
		for _, word := range append([]string{d.Name}, d.Args...) {
			b.WriteString(`"` + escape.Replace(word) + `" `)
		}
		switch {
		case !d.IsBlock:
			b.WriteString(";\n")
		case isLua(d.Name):
			b.WriteString("{ " + string(d.File.Text[d.End:d.Close]) + "\n")
		default:
			b.WriteString("{\n")
			printQuoted(b, d.Block)
			b.WriteString("}\n")
		}
	}
}

func equalTrees(a, b []*Directive) bool {
	return slices.EqualFunc(a, b, func(a, b *Directive) bool {
		return a.Name == b.Name && slices.Equal(a.Args, b.Args) && a.IsBlock == b.IsBlock && equalTrees(a.Block, b.Block)
	})
}
