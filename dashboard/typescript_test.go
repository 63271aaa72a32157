package dashboard

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"clearhop/analytics"
	"clearhop/internal/golden"
)

// TestContractInTypeScript holds web/src/contract.ts to the types of contract.go.
func TestContractInTypeScript(t *testing.T) {
	w := typeScript{names: map[reflect.Type]string{}}
	for _, v := range []any{Manifest{}, Answer{}, Board{}, Requests{}, Chain{}, Problem{}} {
		w.typeOf(reflect.TypeOf(v))
	}
	want := "// Made from contract.go by `go test ./dashboard -run TypeScript -update`. Do not edit.\n\n" +
		fmt.Sprintf("export const boardRows = %d;\nexport const maxTimes = %d;\nexport const endedMin = %d;\n"+
			"export const formulaStarts = %q; // as analytics/csv.go has them\n\n", BoardRows, MaxTimes, EndedMin, analytics.FormulaStarts) +
		strings.Join(w.interfaces, "\n")
	golden.Check(t, "web/src/contract.ts", []byte(want))
}

// A typeScript writes the types of the JSON that encoding/json makes.
type typeScript struct {
	names      map[reflect.Type]string
	interfaces []string
}

func (w *typeScript) typeOf(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return w.typeOf(t.Elem()) + " | null"
	case t == reflect.TypeFor[time.Time]():
		return "string"
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return "string"
	case t.String() == "clientip.Addresses": // it writes its texts
		return "string[]"
	case t.Implements(reflect.TypeFor[json.Marshaler]()):
		panic("nothing is known of the JSON of " + t.String())
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float64:
		return "number"
	case reflect.Slice, reflect.Array:
		return w.typeOf(t.Elem()) + "[]"
	case reflect.Struct:
		return w.structure(t)
	}
	panic("no type of TypeScript for " + t.String())
}

// structure writes an interface. Types of other packages have the name of the package
// before their own.
func (w *typeScript) structure(t reflect.Type) string {
	if name, ok := w.names[t]; ok {
		return name
	}
	name := t.Name()
	if dir, pkg, _ := strings.Cut(t.PkgPath(), "/"); pkg != "dashboard" {
		if pkg == "" {
			pkg = dir
		}
		pkg = pkg[strings.LastIndexByte(pkg, '/')+1:]
		name = strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	w.names[t] = name
	var b strings.Builder
	fmt.Fprintf(&b, "export interface %s {\n", name)
	for f := range t.Fields() {
		tag := strings.Split(f.Tag.Get("json"), ",")
		if !f.IsExported() || tag[0] == "-" {
			continue
		}
		if tag[0] == "" {
			panic(fmt.Sprintf("%s.%s has no name in JSON", t, f.Name))
		}
		of := f.Type
		optional := ""
		if slices.Contains(tag, "omitempty") || slices.Contains(tag, "omitzero") {
			optional = "?"
			if of.Kind() == reflect.Pointer {
				of = of.Elem()
			}
		}
		text := w.typeOf(of)
		if optional == "" && of.Kind() == reflect.Slice {
			// A nil slice is null.
			if t.PkgPath() != "clearhop/dashboard" {
				text += " | null"
			}
		}
		fmt.Fprintf(&b, "  %s%s: %s;\n", tag[0], optional, text)
	}
	b.WriteString("}\n")
	w.interfaces = append(w.interfaces, b.String())
	return name
}
