package clearhop_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"clearhop/functions/delivery"
	"clearhop/functions/environment"
	"clearhop/pipeline"

	"go.yaml.in/yaml/v3"
)

// A template is template.yaml as far as the tests look into it. Intrinsic
// functions such as !Ref are read as their arguments.
type template struct {
	Resources map[string]struct {
		Type       string    `yaml:"Type"`
		Properties yaml.Node `yaml:"Properties"`
	} `yaml:"Resources"`
}

func readTemplate(t *testing.T) template {
	t.Helper()
	b, err := os.ReadFile("template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tmpl template
	if err := yaml.Unmarshal(b, &tmpl); err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestTemplateIsCleanForCfnLint(t *testing.T) {
	path, err := exec.LookPath("cfn-lint")
	if err != nil {
		const how = "cfn-lint is not on the PATH: make test gets it, or pip install cfn-lint"
		if os.Getenv("CI") == "true" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	if out, err := exec.Command(path, "template.yaml").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTemplateSetsOnlySettings: a variable that the function does not know
// would keep it from starting.
func TestTemplateSetsOnlySettings(t *testing.T) {
	var known []string
	for _, v := range append(environment.Variables(&delivery.Settings{}), environment.Variables(&pipeline.Config{})...) {
		known = append(known, v.Name)
	}
	functions := 0
	for name, resource := range readTemplate(t).Resources {
		if resource.Type != "AWS::Serverless::Function" {
			continue
		}
		functions++
		var properties struct {
			Environment struct {
				Variables map[string]yaml.Node `yaml:"Variables"`
			} `yaml:"Environment"`
		}
		if err := resource.Properties.Decode(&properties); err != nil {
			t.Fatal(err)
		}
		for variable := range properties.Environment.Variables {
			if !slices.Contains(known, variable) {
				t.Errorf("%s sets %s, which is no setting", name, variable)
			}
		}
	}
	if functions == 0 {
		t.Error("no function in the template")
	}
}

// TestTemplateRolesAreNarrow: no role may do everything, or something to
// everything.
func TestTemplateRolesAreNarrow(t *testing.T) {
	roles := 0
	for name, resource := range readTemplate(t).Resources {
		if resource.Type != "AWS::IAM::Role" {
			continue
		}
		roles++
		var properties struct {
			Policies []struct {
				PolicyDocument struct {
					Statement []struct {
						Action   yaml.Node `yaml:"Action"`
						Resource yaml.Node `yaml:"Resource"`
					} `yaml:"Statement"`
				} `yaml:"PolicyDocument"`
			} `yaml:"Policies"`
			ManagedPolicyArns []string `yaml:"ManagedPolicyArns"`
		}
		if err := resource.Properties.Decode(&properties); err != nil {
			t.Fatal(err)
		}
		if len(properties.ManagedPolicyArns) > 0 {
			t.Errorf("%s uses managed policies, which are wider than what is needed", name)
		}
		for _, policy := range properties.Policies {
			for _, s := range policy.PolicyDocument.Statement {
				for _, word := range append(words(&s.Action), words(&s.Resource)...) {
					if word == "*" || strings.HasSuffix(word, ":*") {
						t.Errorf("%s allows %q", name, word)
					}
				}
			}
		}
	}
	if roles == 0 {
		t.Error("no role in the template")
	}
}

func words(n *yaml.Node) []string {
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}
	}
	var all []string
	for _, child := range n.Content {
		all = append(all, words(child)...)
	}
	return all
}
