package clearhop_test

import (
	"os"
	"os/exec"
	"regexp"
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
	Parameters map[string]struct {
		AllowedPattern string `yaml:"AllowedPattern"`
	} `yaml:"Parameters"`
	Conditions map[string]yaml.Node `yaml:"Conditions"`
	Resources  map[string]struct {
		Type       string    `yaml:"Type"`
		Condition  string    `yaml:"Condition"`
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

// A policy is as far of IAM's as the tests look into it.
type policy struct {
	PolicyDocument struct {
		Statement []struct {
			Action    yaml.Node `yaml:"Action"`
			Resource  yaml.Node `yaml:"Resource"`
			Condition yaml.Node `yaml:"Condition"`
		} `yaml:"Statement"`
	} `yaml:"PolicyDocument"`
}

// forAll are the actions that IAM knows no resource for. What uses one must be
// asked for, and stay within the region.
var forAll = []string{"ec2:DescribeNetworkInterfaces"}

// TestTemplateRolesAreNarrow: no role may do everything, or something to
// everything.
func TestTemplateRolesAreNarrow(t *testing.T) {
	roles := 0
	for name, resource := range readTemplate(t).Resources {
		var policies []policy
		switch resource.Type {
		case "AWS::IAM::Role":
			roles++
			var properties struct {
				Policies          []policy `yaml:"Policies"`
				ManagedPolicyArns []string `yaml:"ManagedPolicyArns"`
			}
			if err := resource.Properties.Decode(&properties); err != nil {
				t.Fatal(err)
			}
			if len(properties.ManagedPolicyArns) > 0 {
				t.Errorf("%s uses managed policies, which are wider than what is needed", name)
			}
			policies = properties.Policies
		case "AWS::IAM::Policy":
			policies = make([]policy, 1)
			if err := resource.Properties.Decode(&policies[0]); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range policies {
			for _, s := range p.PolicyDocument.Statement {
				actions, resources := words(&s.Action), words(&s.Resource)
				if len(actions) == 1 && slices.Contains(forAll, actions[0]) && resource.Condition != "" && slices.Contains(words(&s.Condition), "ec2:Region") {
					continue
				}
				for _, word := range append(actions, resources...) {
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

// TestTemplateDiscoversWhereAllowed: the setting that makes the function ask
// EC2 and the permission to do so hang on one condition.
func TestTemplateDiscoversWhereAllowed(t *testing.T) {
	tmpl := readTemplate(t)
	if got := tmpl.Resources["DiscoverPolicy"].Condition; got != "Discover" {
		t.Errorf("the policy depends on %q", got)
	}
	if got := words(new(tmpl.Conditions["Discover"])); !slices.Equal(got, []string{"DiscoverNLB", ""}) {
		t.Errorf("the condition looks at %q", got)
	}
	functions := 0
	for name, resource := range tmpl.Resources {
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
		got := words(new(properties.Environment.Variables["CLEARHOP_NLB"]))
		if want := []string{"Discover", ",", "DiscoverNLB", ",", "NLB", ",", "NLB"}; !slices.Equal(got, want) {
			t.Errorf("%s: CLEARHOP_NLB is made of %q, want %q", name, got, want)
		}
	}
	if functions == 0 {
		t.Error("no function in the template")
	}
	// What the parameter lets through is what the setting takes.
	pattern := regexp.MustCompile("^(?:" + tmpl.Parameters["DiscoverNLB"].AllowedPattern + ")$")
	for _, value := range []string{"", "discover", "discover:shop-edge", "discover:a,discover:b", "discover,", "discover:", "discover:a*", "10.0.0.1", "discover:" + strings.Repeat("a", 33)} {
		p, err := pipeline.New(pipeline.Config{NLB: strings.Split(value, ",")})
		good := err == nil && !strings.HasSuffix(value, ",") && value != "10.0.0.1"
		if p != nil {
			p.Close()
		}
		if pattern.MatchString(value) != good {
			t.Errorf("%q: the template takes it: %t, the setting: %v", value, !good, err)
		}
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
