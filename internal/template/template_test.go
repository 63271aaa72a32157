package template_test

import (
	"slices"
	"strings"
	"testing"

	"clearhop/internal/template"
)

const text = `
Metadata:
  AWS::CloudFormation::Interface:
    ParameterGroups:
      - Label: { default: The log }
        Parameters: [Shards, Road]
Parameters:
  Prefix:
    Type: String
    Default: events/
    AllowedPattern: '(?!(errors|athena)/)[a-z/]+/'
    ConstraintDescription: a prefix.
  Road:
    Type: String
    Default: a
    AllowedValues: [a, b]
    Description: The road.
  Shards: { Type: Number, Default: 0, MinValue: 0, MaxValue: 8 }
  Nodes: { Type: CommaDelimitedList, Default: "" }
Rules:
  NodesNeedRoad:
    RuleCondition: !Not [!Equals [!Join [",", !Ref Nodes], ""]]
    Assertions:
      - Assert: !Equals [!Ref Road, b]
        AssertDescription: Nodes need Road=b.
Conditions:
  A: !Equals [!Ref Road, a]
  B: !Or [!Not [!Condition A], !Equals [!Ref Shards, 7]]
Mappings:
  Roads:
    a: { Name: north, Width: "2" }
    b: { Name: south, Width: "3" }
Resources:
  Third:
    Type: x
    Properties:
      List:
        - Text: !Sub
            - "${Name} of ${Prefix} costs $price"
            - Name: !FindInMap [Roads, !Ref Road, Name]
        - Text: !FindInMap [Roads, c, Name]
  First: { Type: x, Condition: A }
  Second:
    Type: x
    Condition: B
    Properties:
      Environment:
        Variables:
          PLAIN: text
          NODES: !Join [";", !Ref Nodes]
          BUCKET: !If [B, !Sub "s3://${Bucket}/${Prefix}", ""]
          NONE: !If [A, "x", !Ref AWS::NoValue]
          HALF: !Select [1, !Split ["/", !Ref Prefix]]
`

func TestTemplate(t *testing.T) {
	tmpl, err := template.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range tmpl.Parameters() {
		names = append(names, p.Name)
	}
	if got := strings.Join(names, " "); got != "Shards Road Prefix Nodes" || tmpl.Parameters()[1].Group != "The log" {
		t.Errorf("parameters %s", got)
	}
	values := map[string]string{"Road": "b", "Nodes": "10.0.0.1,10.0.0.2", "Prefix": "a/b/"}
	if err := tmpl.Check(values); err != nil {
		t.Error(err)
	}
	if function, err := tmpl.Enabled(values, "First", "Second"); function != "Second" || err != nil {
		t.Errorf("%s, %v", function, err)
	}
	environment, err := tmpl.Environment("Second", values)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"PLAIN": "text", "NODES": "10.0.0.1;10.0.0.2", "BUCKET": "s3://bucket/a/b/", "NONE": "", "HALF": "b"} {
		if environment[name] != want {
			t.Errorf("%s is %q, want %q", name, environment[name], want)
		}
	}
	if got := tmpl.References("Second", "BUCKET"); !slices.Equal(got, []string{"Prefix"}) {
		t.Errorf("BUCKET is made of %v", got)
	}
}

// TestText: a property is found by its path, and a mapping by its keys.
func TestText(t *testing.T) {
	tmpl, err := template.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f := func(want, wantErr string, road string, path ...string) {
		t.Helper()
		got, err := tmpl.Text(map[string]string{"Road": road}, "Third", path...)
		failed := ""
		if err != nil {
			failed = err.Error()
		}
		if got != want || failed != wantErr {
			t.Errorf("%s %v: %q, %s", road, path, got, failed)
		}
	}
	f("north of events/ costs $price", "", "a", "List", "0", "Text")
	f("south of events/ costs $price", "", "b", "List", "0", "Text")
	f("", "template: List.1.Text of Third: line 41: the mappings have no Roads, c, Name", "a", "List", "1", "Text")
	f("", "template: Third has no List.2.Text", "a", "List", "2", "Text")
	f("", "template: Third has no Other", "a", "Other")
	if got := tmpl.Parameters()[1].Allowed(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("allowed %v", got)
	}
}

// TestCheck: all that CloudFormation would refuse is said at once.
func TestCheck(t *testing.T) {
	tmpl, err := template.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f := func(want string, values map[string]string) {
		t.Helper()
		got := ""
		if err := tmpl.Check(values); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%v:\n%s\nwant:\n%s", values, got, want)
		}
	}
	f("", nil)
	f(`Road: "c" is not allowed; allowed: a, b`, map[string]string{"Road": "c"})
	f(`Prefix: "errors/x/" cannot be used; write a prefix`, map[string]string{"Prefix": "errors/x/"})
	f(`Prefix: "X/" cannot be used; write a prefix`, map[string]string{"Prefix": "X/"})
	f("Raod: there is no such parameter; did you mean Road?\nShards: 9 is more than 8", map[string]string{"Shards": "9", "Raod": "b"})
	f(`Shards: "many" is not a number`, map[string]string{"Shards": "many"})
	f("Nodes need Road=b", map[string]string{"Nodes": "10.0.0.1"})
}

// TestParseFails: a template that cannot be read says where.
func TestParseFails(t *testing.T) {
	for _, bad := range []string{"Parameters: [", "Parameters: { A: { AllowedPattern: '(' } }", "Parameters: { A: { AllowedPattern: '(?!a' } }"} {
		if _, err := template.Parse([]byte(bad)); err == nil || !strings.HasPrefix(err.Error(), "template: ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
