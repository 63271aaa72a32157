// Package terraform_test writes the variables and outputs of the Terraform module from
// template.yaml, and holds the module to what Terraform would refuse: it parses the files,
// and resolves each reference in them.
package terraform_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"clearhop/internal/golden"
	"clearhop/internal/template"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"go.yaml.in/yaml/v3"
)

// words are the names of the template that do not show where a word ends.
var words = strings.NewReplacer("GeoIP", "Geoip", "URLs", "Urls", "ASNDB", "AsnDb", "CityDB", "CityDb")

// snake returns a name of the template as Terraform has it: DiscoverNLB is discover_nlb.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(words.Replace(name))
	for i, c := range runes {
		begins := i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if unicode.IsUpper(c) && begins {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

func parameters(t *testing.T) []template.Parameter {
	t.Helper()
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := template.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Parameters()
}

// isBool reports whether a parameter is true or false.
func isBool(p *template.Parameter) bool {
	return slices.Equal(slices.Sorted(slices.Values(p.Allowed())), []string{"false", "true"})
}

// TestVariables writes variables.tf.
func TestVariables(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("# Written by TestVariables from template.yaml: do not edit. A variable that is null has the\n# default of the template.\n\nlocals {\n  given = {\n")
	all := parameters(t)
	for i := range all {
		p, from := &all[i], "var."+snake(all[i].Name)
		switch {
		case p.Type == "CommaDelimitedList":
			from = fmt.Sprintf("%[1]s == null ? null : join(\",\", %[1]s)", from)
		case p.Type == "Number", isBool(p):
			from = fmt.Sprintf("%[1]s == null ? null : tostring(%[1]s)", from)
		}
		fmt.Fprintf(&b, "    %s = %s\n", p.Name, from)
	}
	b.WriteString("  }\n}\n")
	for i := range all {
		p := &all[i]
		kind := "string"
		switch {
		case p.Type == "CommaDelimitedList":
			kind = "list(string)"
		case p.Type == "Number":
			kind = "number"
		case isBool(p):
			kind = "bool"
		}
		description := p.Description
		if p.Default != "" {
			description += " The default is " + p.Default + "."
		}
		fmt.Fprintf(&b, "\nvariable %q {\n  description = %s\n  type = %s\n  default = null\n", snake(p.Name), quoted(description), kind)
		if kind == "string" && len(p.Allowed()) > 0 {
			var values []string
			for _, v := range p.Allowed() {
				values = append(values, quoted(v))
			}
			name := "var." + snake(p.Name)
			fmt.Fprintf(&b, "\n  validation {\n    condition = %s == null ? true : contains([%s], %s)\n    error_message = %s\n  }\n",
				name, strings.Join(values, ", "), name, quoted("One of: "+strings.Join(p.Allowed(), ", ")+"."))
		}
		b.WriteString("}\n")
	}
	golden.Check(t, "variables.tf", hclwrite.Format(b.Bytes()))
}

// quoted returns a text as HCL has it.
func quoted(text string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(text)).Bytes())
}

// TestOutputs writes outputs.tf.
func TestOutputs(t *testing.T) {
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Outputs yaml.Node `yaml:"Outputs"`
	}
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	b.WriteString("# Written by TestOutputs from template.yaml: do not edit. An output is null where the stack\n# does not have it.\n")
	for i := 0; i+1 < len(document.Outputs.Content); i += 2 {
		name := document.Outputs.Content[i].Value
		var output struct {
			Description string `yaml:"Description"`
		}
		if err := document.Outputs.Content[i+1].Decode(&output); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\noutput %q {\n  description = %s\n  value = lookup(aws_cloudformation_stack.clearhop.outputs, %q, null)\n}\n", snake(name), quoted(output.Description), name)
	}
	golden.Check(t, "outputs.tf", hclwrite.Format(b.Bytes()))
}

// A module is what the files of a folder declare and refer to.
type module struct {
	declared   map[string]bool // var.NAME, local.NAME, output.NAME, TYPE.NAME, data.TYPE.NAME
	references map[string]string
	arguments  map[string][]string // of module blocks, by their source
}

func readModule(t *testing.T, folder string) *module {
	t.Helper()
	m := &module{declared: map[string]bool{}, references: map[string]string{}, arguments: map[string][]string{}}
	files, err := filepath.Glob(filepath.Join(folder, "*.tf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", folder, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if formatted := hclwrite.Format(text); !bytes.Equal(formatted, text) {
			t.Errorf("%s is not as terraform fmt writes it", name)
		}
		file, diags := hclsyntax.ParseConfig(text, name, hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		for _, block := range file.Body.(*hclsyntax.Body).Blocks {
			m.declare(t, block)
			m.refer(block.Body)
		}
	}
	return m
}

func (m *module) declare(t *testing.T, block *hclsyntax.Block) {
	t.Helper()
	add := func(name string) {
		if m.declared[name] {
			t.Errorf("%s is declared twice", name)
		}
		m.declared[name] = true
	}
	switch block.Type {
	case "variable":
		add("var." + block.Labels[0])
		if block.Body.Attributes["description"] == nil || block.Body.Attributes["type"] == nil {
			t.Errorf("variable %s has no description or type", block.Labels[0])
		}
	case "locals":
		for name := range block.Body.Attributes {
			add("local." + name)
		}
	case "output":
		add("output." + block.Labels[0])
	case "resource":
		add(block.Labels[0] + "." + block.Labels[1])
	case "data":
		add("data." + block.Labels[0] + "." + block.Labels[1])
	case "module":
		add("module." + block.Labels[0])
		source, _ := block.Body.Attributes["source"].Expr.Value(nil)
		for name := range block.Body.Attributes {
			m.arguments[source.AsString()] = append(m.arguments[source.AsString()], name)
		}
	case "terraform":
	default:
		t.Errorf("%s: a block %s is not known here", block.Range(), block.Type)
	}
}

// refer collects what the expressions of a body refer to.
func (m *module) refer(body *hclsyntax.Body) {
	for _, attribute := range body.Attributes {
		for _, traversal := range attribute.Expr.Variables() {
			var names []string
			for _, step := range traversal {
				switch step := step.(type) {
				case hcl.TraverseRoot:
					names = append(names, step.Name)
				case hcl.TraverseAttr:
					names = append(names, step.Name)
				}
			}
			n := 2
			if names[0] == "data" {
				n = 3
			}
			if names[0] == "each" || len(names) < n {
				continue // of for_each, and types such as string
			}
			m.references[strings.Join(names[:n], ".")] = traversal.SourceRange().String()
		}
	}
	for _, block := range body.Blocks {
		m.refer(block.Body)
	}
}

// TestReferences: whatever the module and its example refer to is declared, and each
// variable is used.
func TestReferences(t *testing.T) {
	main := readModule(t, ".")
	example := readModule(t, "example")
	for _, m := range []*module{main, example} {
		for name, at := range m.references {
			if !m.declared[name] {
				t.Errorf("%s: %s is not declared", at, name)
			}
		}
		for name := range m.declared {
			if _, used := m.references[name]; !used && (strings.HasPrefix(name, "var.") || strings.HasPrefix(name, "local.")) {
				t.Errorf("%s is not used", name)
			}
		}
	}
	for _, name := range example.arguments["../"] {
		if name != "source" && !main.declared["var."+name] {
			t.Errorf("the example gives %s, which is no variable of the module", name)
		}
	}
	if len(example.arguments["../"]) < 6 || len(parameters(t))+6 != count(main.declared, "var.") {
		t.Errorf("%d variables for %d parameters", count(main.declared, "var."), len(parameters(t)))
	}
}

func count(names map[string]bool, prefix string) (n int) {
	for name := range names {
		if strings.HasPrefix(name, prefix) {
			n++
		}
	}
	return n
}
