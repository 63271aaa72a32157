package clearhop_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"clearhop/functions/delivery"
	"clearhop/functions/environment"
	"clearhop/functions/geoupdate/update"
	"clearhop/pipeline"

	"go.yaml.in/yaml/v3"
)

// A template is template.yaml as far as the tests look into it. Intrinsic
// functions such as !Ref are read as their arguments.
type template struct {
	Parameters map[string]struct {
		Default        string `yaml:"Default"`
		AllowedPattern string `yaml:"AllowedPattern"`
	} `yaml:"Parameters"`
	Conditions map[string]yaml.Node `yaml:"Conditions"`
	Resources  map[string]resource  `yaml:"Resources"`
}

type resource struct {
	Type       string    `yaml:"Type"`
	Condition  string    `yaml:"Condition"`
	Properties yaml.Node `yaml:"Properties"`
}

// variables is the environment of a function.
func variables(t *testing.T, function resource) map[string]yaml.Node {
	t.Helper()
	var properties struct {
		Environment struct {
			Variables map[string]yaml.Node `yaml:"Variables"`
		} `yaml:"Environment"`
	}
	if err := function.Properties.Decode(&properties); err != nil {
		t.Fatal(err)
	}
	return properties.Environment.Variables
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
	settings := append(environment.Variables(&delivery.Settings{}), environment.Variables(&pipeline.Config{})...)
	functions := 0
	for name, resource := range readTemplate(t).Resources {
		if resource.Type != "AWS::Serverless::Function" {
			continue
		}
		functions++
		known := settings
		if name == "GeoUpdateFunction" {
			known = environment.Variables(&update.Settings{})
		}
		for variable := range variables(t, resource) {
			if !slices.ContainsFunc(known, func(v environment.Variable) bool { return v.Name == variable }) {
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
		nlb, reads := variables(t, resource)["CLEARHOP_NLB"]
		if !reads {
			continue // it reads no lines
		}
		functions++
		got := words(&nlb)
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

// TestTemplateGeoIP: the databases are loaded from where they are put, by who
// may read them; old ones are gone before MaxMind's terms want it; and all of it
// is there only if it is asked for.
func TestTemplateGeoIP(t *testing.T) {
	tmpl := readTemplate(t)
	for name, want := range map[string]string{
		"GeoIPLayer": "GeoIPInLayer", "GeoIPBucket": "GeoIPInBucket", "GeoIPReadPolicy": "GeoIPInBucket", "GeoUpdateFunction": "GeoIPInBucket",
		"GeoUpdateRole": "GeoIPInBucket", "GeoUpdateSchedule": "GeoIPInBucket", "GeoUpdateSecretPolicy": "GeoIPByMaxMind", "GeoIPAlarm": "GeoIP",
	} {
		if got := tmpl.Resources[name].Condition; got != want {
			t.Errorf("%s depends on %q, want %q", name, got, want)
		}
	}
	from, to := variables(t, tmpl.Resources["SubscriberFunction"]), variables(t, tmpl.Resources["GeoUpdateFunction"])
	prefix, bucket := to["CLEARHOP_GEO_PREFIX"], to["CLEARHOP_GEO_BUCKET"]
	for variable, name := range map[string]string{"CLEARHOP_CITY_DB": "city", "CLEARHOP_ASN_DB": "asn"} {
		got := words(new(from[variable]))
		want := "s3://${" + bucket.Value + "}/" + prefix.Value + name + ".mmdb"
		if len(got) < 2 || got[0] != "GeoIPInBucket" || got[1] != want {
			t.Errorf("%s is made of %q, want %s", variable, got, want)
		}
	}
	for _, role := range []string{"GeoIPReadPolicy", "GeoUpdateRole"} {
		properties := tmpl.Resources[role].Properties
		if all := words(&properties); !slices.Contains(all, "${GeoIPBucket.Arn}/"+prefix.Value+"*") {
			t.Errorf("%s allows nothing below the prefix: %q", role, all)
		}
	}
	var geoIPBucket struct {
		VersioningConfiguration struct{ Status string } `yaml:"VersioningConfiguration"`
		LifecycleConfiguration  struct {
			Rules []struct {
				Status                      string `yaml:"Status"`
				NoncurrentVersionExpiration struct {
					NoncurrentDays int `yaml:"NoncurrentDays"`
				} `yaml:"NoncurrentVersionExpiration"`
			} `yaml:"Rules"`
		} `yaml:"LifecycleConfiguration"`
	}
	properties := tmpl.Resources["GeoIPBucket"].Properties
	if err := properties.Decode(&geoIPBucket); err != nil {
		t.Fatal(err)
	}
	rules := geoIPBucket.LifecycleConfiguration.Rules
	if len(rules) != 1 || rules[0].Status != "Enabled" || rules[0].NoncurrentVersionExpiration.NoncurrentDays < 1 || rules[0].NoncurrentVersionExpiration.NoncurrentDays > 28 {
		t.Errorf("old versions: %+v", rules)
	}
	// What the parameters let through is what the setting takes.
	for parameter, values := range map[string][]string{
		"GeoIPEditions": {tmpl.Parameters["GeoIPEditions"].Default, "city=GeoIP2-City,asn=GeoIP2-ISP", "city=a/b,asn=c", "city=,asn="},
		"GeoIPURLs":     {tmpl.Parameters["GeoIPURLs"].Default, "city=https://a/b?c=d,asn=https://e", "city=http://a,asn=https://e", "city=ftp://a,asn=https://b"},
	} {
		pattern := regexp.MustCompile("^(?:" + tmpl.Parameters[parameter].AllowedPattern + ")$")
		for i, value := range values {
			environ := []string{"CLEARHOP_GEO_BUCKET=b", "CLEARHOP_GEO_DATABASES=" + value}
			if parameter == "GeoIPEditions" {
				environ = append(environ, "CLEARHOP_GEO_SECRET=s")
			}
			var s update.Settings
			err := errors.Join(environment.Load(environ, &s), s.Check())
			if good := i < 2; (err == nil) != good || pattern.MatchString(value) != good {
				t.Errorf("%s: %q: the template takes it: %t, the setting: %v", parameter, value, pattern.MatchString(value), err)
			}
		}
	}
	// The filter looks at what the function logs.
	var log bytes.Buffer
	delivery.NewLogger(&log).Info("delivered", "counts", &delivery.Counts{GeoMissing: 1, GeoStale: 1})
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	counts, _ := line["counts"].(map[string]any)
	properties = tmpl.Resources["GeoIPMetricFilter"].Properties
	fields := 0
	for _, field := range regexp.MustCompile(`\$\.counts\.(\w+)`).FindAllStringSubmatch(strings.Join(words(&properties), " "), -1) {
		fields++
		if counts[field[1]] != 1.0 {
			t.Errorf("the filter looks at %s, the log has %v", field[0], counts)
		}
	}
	if fields != 3 {
		t.Errorf("the filter looks at %d fields", fields)
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
