package deploy_test

import (
	"os"
	"strings"
	"testing"

	"clearhop/internal/samtest"
	cfn "clearhop/internal/template"
)

// TestEnvironmentsAgree: what internal/template makes of a function's environment is what
// SAM's own translator makes of it.
func TestEnvironmentsAgree(t *testing.T) {
	text, err := os.ReadFile("../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := cfn.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	all := deployments()
	listed := everything("subscription")
	listed["Trusted"], listed["TrustedObject"], listed["GeoIPSource"] = "10.0.0.0/8,10.1.0.0/16", "s3://lists/cdn.txt", "none"
	listed["FormatFor"], listed["Labels"], listed["DiscoverNLB"] = "/ecs/*=main\n/eks/*=combined", "stage=prod,team=web", ""
	all["lists"] = deployment{"subscription", "Subscriber", listed}
	for name, d := range all {
		if err := tmpl.Check(d.parameters); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		function, err := tmpl.Enabled(d.parameters, "SubscriberFunction", "StreamFunction", "TransformFunction")
		if err != nil || function != d.function+"Function" {
			t.Fatalf("%s: %s, %v", name, function, err)
		}
		got, err := tmpl.Environment(function, d.parameters)
		if err != nil {
			t.Fatal(err)
		}
		s := samtest.Deploy(t, "../template.yaml", d.parameters)
		want := at(t, s, function, "Environment.Variables").(map[string]any)
		if len(got) != len(want) {
			t.Errorf("%s: %d variables, want %d", name, len(got), len(want))
		}
		for variable, value := range want {
			text := textOf(t, s, value)
			for resource := range s.Resources {
				text = strings.ReplaceAll(text, physical(resource), strings.ToLower(resource))
			}
			if got[variable] != text {
				t.Errorf("%s: %s is %q, want %q", name, variable, got[variable], text)
			}
		}
	}
}
