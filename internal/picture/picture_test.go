package picture

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLayOut(t *testing.T) {
	red, bold := colours["31"], style{bold: true}
	f := func(text string, want ...[]run) {
		t.Helper()
		if diff := cmp.Diff(want, layOut(text, 5), cmp.AllowUnexported(run{}, style{})); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	f("a", []run{{text: "a"}})
	f("a\n\nb", []run{{text: "a"}}, nil, []run{{text: "b"}})
	f("\x1b[1;31mab\x1b[0mc", []run{{"ab", style{colour: red, bold: true}}, {text: "c"}})
	f("12345678901", []run{{text: "12345"}}, []run{{text: "67890"}}, []run{{text: "1"}})
	f("123\x1b[1m456", []run{{text: "123"}, {"45", bold}}, []run{{"6", bold}})
	f("größe1", []run{{text: "größe"}}, []run{{text: "1"}})
	f("\x1b[1ma\nb\x1b[22mc", []run{{"a", bold}}, []run{{"b", bold}, {text: "c"}})
	f("\x1b[2m\x1b[999ma\x1b[39;22mb\x1b[m", []run{{"a", style{dim: true}}, {text: "b"}})
}

// TestDraw: the image is well-formed XML, whatever the text is, and has all of it.
func TestDraw(t *testing.T) {
	for _, text := range []string{"", "a <b> & \"c\"\n", "\x1b[31", "\x1b[1mx\x00y\xff\t", strings.Repeat("long ", 100)} {
		svg := Draw(Terminal{Title: "<title>", Description: "a & b", Columns: 40}, text)
		d := xml.NewDecoder(bytes.NewReader(svg))
		var shown strings.Builder
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%q: %v\n%s", text, err, svg)
			}
			if data, ok := token.(xml.CharData); ok {
				shown.Write(data)
			}
		}
		if !strings.Contains(shown.String(), "a & b") || strings.HasPrefix(text, "a <b>") && !strings.Contains(shown.String(), `a <b> & "c"`) {
			t.Errorf("%q: shown is %q", text, shown.String())
		}
	}
}
