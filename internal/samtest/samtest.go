// Package samtest gives tests the resources of a SAM template as CloudFormation
// would deploy them: after the SAM transform, with parameters and conditions
// put in. What only a deployment knows stays as it is: {"Ref": "EventStream"}.
//
// It runs SAM's own translator, in Python: one process for each template, which ends
// with the test's. Where that is missing the test is skipped and says how to get it; in
// CI it fails. It is safe for concurrent use.
package samtest

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

//go:embed transform.py
var script string

// A Resource is a resource of a stack.
type Resource struct {
	Type       string
	Properties map[string]any
}

// A Stack is what a template makes.
type Stack struct {
	Resources map[string]Resource
	Outputs   map[string]map[string]any
	// Parameters are those of the template, with their defaults put in.
	Parameters map[string]string
	// Conditions says of each condition of the template whether it holds.
	Conditions map[string]bool
}

// A translator is a process that has read a template.
type translator struct {
	in     io.Writer
	out    *bufio.Reader
	errors *bytes.Buffer
}

var (
	mu          sync.Mutex
	translators = map[string]*translator{}
)

// Deploy returns the stack that the template at path makes of parameters. The caller may
// change it.
func Deploy(t testing.TB, path string, parameters map[string]string) Stack {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	tr := translators[path]
	if tr == nil {
		tr = start(t, path)
		translators[path] = tr
	}
	if parameters == nil {
		parameters = map[string]string{}
	}
	if err := json.NewEncoder(tr.in).Encode(parameters); err != nil {
		t.Fatal(err)
	}
	line, err := tr.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("%v\n%s", err, tr.errors)
	}
	var answer struct {
		Stack
		Error string
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Error != "" {
		t.Fatal(answer.Error)
	}
	return answer.Stack
}

// start starts a translator. It ends when this process ends, and its standard input with
// it.
func start(t testing.TB, path string) *translator {
	t.Helper()
	tr := &translator{errors: &bytes.Buffer{}}
	cmd := exec.Command(python(t), "-c", script, path)
	cmd.Stderr = tr.errors
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tr.in, tr.out = in, bufio.NewReader(out)
	return tr
}

// python finds a Python that has SAM's translator: the usual one, or that of cfn-lint, where
// .ci/tools installs it.
func python(t testing.TB) string {
	t.Helper()
	candidates := []string{"python3"}
	if lint, err := exec.LookPath("cfn-lint"); err == nil {
		if path, err := filepath.EvalSymlinks(lint); err == nil {
			candidates = append(candidates, filepath.Join(filepath.Dir(path), "python3"))
		}
	}
	for _, candidate := range candidates {
		if exec.Command(candidate, "-c", "import samtranslator, yaml").Run() == nil {
			return candidate
		}
	}
	const how = "no python3 has aws-sam-translator: make test gets it, or pip install aws-sam-translator pyyaml"
	if os.Getenv("CI") == "true" {
		t.Fatal(how)
	}
	t.Skip(how)
	return ""
}

// OfType returns the names of the resources of a type.
func (s Stack) OfType(kind string) []string {
	var names []string
	for name, r := range s.Resources {
		if r.Type == kind {
			names = append(names, name)
		}
	}
	return names
}
