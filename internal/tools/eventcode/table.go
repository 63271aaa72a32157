package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// A row is a field of the table: a call of one of the functions that make fields.
type row struct {
	kind   string // the function's name: text, integer, …
	path   string // with dots
	value  string // the Go expression of the value; two of them for a boolean
	call   string // of a list or a map: the name of the function that appends it
	beside string // of wordOr: the value where there is no word
	of     string // of objects: the variable with the table of their fields
}

// A source is the parsed text of the package.
type source struct {
	files     *token.FileSet
	constants map[string]string     // texts by name
	tables    map[string][]ast.Expr // by the name of the variable
}

// load parses the package in a folder, without what is generated and its tests.
func load(folder string) (*source, error) {
	s := &source{files: token.NewFileSet(), constants: map[string]string{}, tables: map[string][]ast.Expr{}}
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_generated.go") {
			continue
		}
		file, err := parser.ParseFile(s.files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if d, ok := d.(*ast.GenDecl); ok {
				s.declare(d)
			}
		}
	}
	if len(s.tables["fields"]) == 0 {
		return nil, errors.New("no table named fields in " + folder)
	}
	return s, nil
}

// declare keeps the texts and tables of a declaration.
func (s *source) declare(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		spec, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for i, v := range spec.Values {
			switch v := v.(type) {
			case *ast.BasicLit:
				if text, err := strconv.Unquote(v.Value); d.Tok == token.CONST && err == nil {
					s.constants[spec.Names[i].Name] = text
				}
			case *ast.CompositeLit:
				s.tables[spec.Names[i].Name] = v.Elts
			}
		}
	}
}

// rows returns the rows of a table. v is the name that the values of the table go by.
func (s *source) rows(table, v string) ([]row, error) {
	var rows []row
	for _, e := range s.tables[table] {
		call, ok := e.(*ast.CallExpr)
		if !ok {
			return nil, s.errorAt(e, "a row of %s is no call", table)
		}
		r, err := s.row(call, v)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (s *source) row(call *ast.CallExpr, v string) (r row, err error) {
	name, ok := call.Fun.(*ast.Ident)
	if !ok || len(call.Args) < 3 {
		return r, s.errorAt(call, "a row is no call of a function that makes a field")
	}
	r.kind = name.Name
	switch path := call.Args[0].(type) {
	case *ast.BasicLit:
		r.path, err = strconv.Unquote(path.Value)
	case *ast.Ident:
		r.path = s.constants[path.Name]
	}
	if r.path == "" || err != nil {
		return r, s.errorAt(call, "the path is no text")
	}
	last := call.Args[len(call.Args)-1]
	switch r.kind {
	case "list", "dictionary":
		if f, ok := last.(*ast.Ident); ok {
			r.call = f.Name
			return r, nil
		}
		return r, s.errorAt(last, "a %s is appended by a function with a name", r.kind)
	case "objects":
		of, ok := call.Args[len(call.Args)-2].(*ast.Ident)
		if !ok {
			return r, s.errorAt(call, "the table of objects has no name")
		}
		r.of = of.Name
	case "wordOr":
		if r.beside, err = s.expression(last, v); err != nil {
			return r, err
		}
		last = call.Args[len(call.Args)-2]
	}
	r.value, err = s.expression(last, v)
	return r, err
}

// expression returns what a function of the table returns, for the value v.
func (s *source) expression(f ast.Expr, v string) (string, error) {
	switch f := f.(type) {
	case *ast.Ident:
		return f.Name + "(" + v + ")", nil
	case *ast.FuncLit:
		return s.returned(f, v)
	}
	return "", s.errorAt(f, "the way to a value is no function")
}

// returned returns the expressions of a function that is one return.
func (s *source) returned(f *ast.FuncLit, v string) (string, error) {
	var results []ast.Expr
	if len(f.Body.List) == 1 {
		if r, ok := f.Body.List[0].(*ast.ReturnStmt); ok {
			results = r.Results
		}
	}
	if results == nil {
		return "", s.errorAt(f, "a function without a name is one return")
	}
	if names := f.Type.Params.List[0].Names; len(names) > 0 && names[0].Name != v {
		return "", s.errorAt(f, "the parameter is called %s", v)
	}
	parts := make([]string, len(results))
	for i, e := range results {
		var b bytes.Buffer
		if err := printer.Fprint(&b, s.files, e); err != nil {
			return "", err
		}
		parts[i] = b.String()
		if _, composite := e.(*ast.CompositeLit); composite {
			parts[i] = "(" + parts[i] + ")" // its brace would be that of an if
		}
	}
	return strings.Join(parts, ", "), nil
}

func (s *source) errorAt(n ast.Node, format string, args ...any) error {
	at := s.files.Position(n.Pos())
	return fmt.Errorf("%s:%d: %s", filepath.Base(at.Filename), at.Line, fmt.Sprintf(format, args...))
}
