// Command uarules writes the rules of package useragent, rules.txt, from
// uap-core's regexes.yaml.
//
// It copies each rule and works out texts that a user agent must hold for the rule
// to match. With these texts the parser tries a handful of expressions on a user
// agent instead of more than a thousand, and compiles only those that it tries.
//
// Run it by go generate ./enrich/useragent.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"clearhop/enrich/useragent/uapcore"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("uarules: ")
	in := flag.String("in", "uapcore/regexes.yaml", "`file` to read")
	out := flag.String("out", "rules.txt", "`file` to write")
	flag.Parse()
	yaml, err := os.ReadFile(*in)
	if err != nil {
		log.Fatal(err)
	}
	rules, err := generate(yaml)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, rules, 0o644); err != nil {
		log.Fatal(err)
	}
}

// A list is one of the three lists of regexes.yaml.
type list struct {
	name string // in regexes.yaml, without "_parsers"
	// keys are the templates in the order of the results. A missing one stands for
	// the group of the expression that has the same number.
	keys    []string
	ignored []string // keys that Clearhop does not use
}

var lists = []list{
	{name: "user_agent",
		keys: []string{"family_replacement", "v1_replacement", "v2_replacement", "v3_replacement"}},
	{name: "os",
		keys: []string{"os_replacement", "os_v1_replacement", "os_v2_replacement", "os_v3_replacement", "os_v4_replacement"}},
	{name: "device",
		keys: []string{"device_replacement"}, ignored: []string{"brand_replacement", "model_replacement"}},
}

// guard is a repetition that uap-core bounds to protect engines that backtrack.
// Go's engine takes linear time without the bound, and with it makes as many
// copies of the repeated part. A bound at the start of a text stays: there it says
// how far to look.
var guard = regexp.MustCompile(`(\^\.)?\{([01]),(?:50|100|200|300)\}`)

func dropGuards(expr string) string {
	return guard.ReplaceAllStringFunc(expr, func(g string) string {
		switch g[:2] {
		case "{0":
			return "*"
		case "{1":
			return "+"
		}
		return g
	})
}

type rule struct {
	expr      string
	templates []string
	clauses   []clause
}

// generate returns the rules of a regexes.yaml in the form that
// enrich/useragent/internal/filtered reads.
func generate(yaml []byte) ([]byte, error) {
	sources, err := uapcore.Read(bytes.NewReader(yaml))
	if err != nil {
		return nil, fmt.Errorf("read regexes: %w", err)
	}
	rules := make([][]rule, len(lists))
	for i, l := range lists {
		if len(sources[l.name]) == 0 {
			return nil, fmt.Errorf("read regexes: list %s_parsers is empty", l.name)
		}
		for _, s := range sources[l.name] {
			r, err := ruleOf(l, s)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", s.Line, err)
			}
			rules[i] = append(rules[i], r)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Made by internal/tools/uarules from uapcore/regexes.yaml. DO NOT EDIT.\n")
	fmt.Fprintf(&b, "# SHA-256 of the source: %x\n", sha256.Sum256(yaml))
	fmt.Fprintf(&b, "# uap-core is copyright 2009 Google Inc. and licensed under the Apache License 2.0: see uapcore/LICENSE.\n")
	for i, l := range lists {
		fmt.Fprintf(&b, "\nlist %s\n", l.name)
		for _, r := range rules[i] {
			r.write(&b)
		}
	}
	return b.Bytes(), nil
}

func ruleOf(l list, s uapcore.Entry) (rule, error) {
	r := rule{expr: dropGuards(s.Values["regex"])}
	switch flag := s.Values["regex_flag"]; flag {
	case "":
	case "i":
		r.expr = "(?i)" + r.expr
	default:
		return r, fmt.Errorf("unknown regex_flag %q", flag)
	}
	tree, err := syntax.Parse(r.expr, syntax.Perl)
	if err != nil {
		return r, err
	}
	for i, key := range l.keys {
		template, ok := s.Values[key]
		if !ok && i < tree.MaxCap() {
			template = fmt.Sprintf("$%d", i+1)
		}
		r.templates = append(r.templates, template)
	}
	for len(r.templates) > 1 && r.templates[len(r.templates)-1] == "" {
		r.templates = r.templates[:len(r.templates)-1]
	}
	if r.templates[0] == "" {
		return r, errors.New("a match has no name")
	}
	for key := range s.Values {
		if key != "regex" && key != "regex_flag" && !slices.Contains(l.keys, key) && !slices.Contains(l.ignored, key) {
			return r, fmt.Errorf("unknown key %q", key)
		}
	}
	r.clauses = clausesOf(tree)
	return r, nil
}

// write writes the rule as filtered.Load reads it.
func (r *rule) write(b *bytes.Buffer) {
	expr := "`" + r.expr + "`"
	if strings.ContainsRune(r.expr, '`') {
		expr = strconv.Quote(r.expr)
	}
	fmt.Fprintf(b, "rule %s\n", expr)
	writeTexts(b, "gives", r.templates)
	for _, texts := range r.clauses {
		writeTexts(b, "needs", texts)
	}
}

func writeTexts(b *bytes.Buffer, word string, texts []string) {
	b.WriteString(word)
	for _, text := range texts {
		fmt.Fprintf(b, " %q", text)
	}
	b.WriteByte('\n')
}
