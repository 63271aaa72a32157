// Package samtest gives tests the resources of a SAM template as CloudFormation
// would deploy them: after the SAM transform, with parameters and conditions
// put in. What only a deployment knows stays as it is: {"Ref": "EventStream"}.
//
// It runs SAM's own translator, in Python. Where that is missing the test is
// skipped and says how to get it; in CI it fails.
package samtest

import (
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
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
}

// Deploy returns the stack that the template at path makes of parameters.
func Deploy(t testing.TB, path string, parameters map[string]string) Stack {
	t.Helper()
	given, err := json.Marshal(parameters)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python(t), "-c", script, path, string(given))
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output wraps nothing
			t.Fatalf("%v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var s Stack
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// python finds a Python that has SAM's translator, which cfn-lint brings along.
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
