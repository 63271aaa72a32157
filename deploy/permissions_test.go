package deploy_test

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"clearhop/internal/samtest"
)

// A statement is what a role of the stack may do.
type statement struct{ actions, resources []string }

// mayDo returns the statements of a role: its own, and those of policies that are
// attached to it.
func mayDo(t *testing.T, s samtest.Stack, role string) []statement {
	t.Helper()
	var documents []any
	for _, p := range s.Resources[role].Properties["Policies"].([]any) {
		documents = append(documents, p.(map[string]any)["PolicyDocument"])
	}
	for _, name := range s.OfType("AWS::IAM::Policy") {
		for _, r := range at(t, s, name, "Roles").([]any) {
			if r.(map[string]any)["Ref"] == role {
				documents = append(documents, at(t, s, name, "PolicyDocument"))
			}
		}
	}
	var all []statement
	for _, d := range documents {
		for _, item := range d.(map[string]any)["Statement"].([]any) {
			st := item.(map[string]any)
			resources, several := st["Resource"].([]any)
			if split, isSplit := splitOf(t, s, st["Resource"]); isSplit {
				resources, several = split, true
			}
			if !several {
				resources = []any{st["Resource"]}
			}
			one := statement{actions: flat(st["Action"])}
			for _, r := range resources {
				one.resources = append(one.resources, textOf(t, s, r))
			}
			all = append(all, one)
		}
	}
	return all
}

// splitOf works out an expression that is a Fn::Split: a list.
func splitOf(t *testing.T, s samtest.Stack, value any) (list []any, ok bool) {
	t.Helper()
	expression, isMap := value.(map[string]any)
	if !isMap || expression["Fn::Split"] == nil {
		return nil, false
	}
	split := expression["Fn::Split"].([]any)
	for part := range strings.SplitSeq(textOf(t, s, split[1]), split[0].(string)) {
		list = append(list, part)
	}
	return list, true
}

// matches reports whether a pattern of a policy fits an ARN. In a policy a star stands
// for anything, slashes too.
func matches(pattern, arn string) bool {
	expression := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile("^" + expression + "$").MatchString(arn)
}

// byTheService are actions, with what they are for, that a function's code never calls:
// Lambda does so in its name, or S3 asks for them.
var byTheService = map[string]string{
	"logs:CreateLogStream": "its log", "logs:PutLogEvents": "its log",
	"kinesis:GetRecords": "its source", "kinesis:GetShardIterator": "its source", "kinesis:DescribeStream": "its source",
	"kinesis:DescribeStreamSummary": "its source", "kinesis:ListShards": "its source",
	"sqs:SendMessage": "what was given up", "s3:ListBucket": "or S3 answers forbidden for an object that is not there",
}

// holdCalls holds what a function called against what its role allows, by action and by
// resource: nothing missing, nothing unused.
func holdCalls(t *testing.T, s samtest.Stack, role string, called []call) {
	t.Helper()
	allowed := mayDo(t, s, role)
	for _, c := range called {
		if !slices.ContainsFunc(allowed, func(st statement) bool {
			return slices.Contains(st.actions, c.action) && slices.ContainsFunc(st.resources, func(r string) bool { return matches(r, c.resource) })
		}) {
			t.Errorf("%s does not allow %s on %s, which the function calls", role, c.action, c.resource)
		}
	}
	for _, st := range allowed {
		for _, resource := range st.resources {
			for _, action := range st.actions {
				used := slices.ContainsFunc(called, func(c call) bool { return c.action == action && matches(resource, c.resource) })
				_, service := byTheService[action]
				// Only an answer that is full goes back to the stream; functions/transform
				// tests that.
				back := role == "TransformRole" && action == "firehose:PutRecordBatch"
				if !used && !service && !back {
					t.Errorf("%s allows %s on %s, which the function never calls", role, action, resource)
				}
			}
		}
	}
}

// variable is a reference in the text of Fn::Sub.
var variable = regexp.MustCompile(`\$\{([A-Za-z0-9:.]+)\}`)

// textOf works out an expression as a deployment would, with the names that resources
// have in the test.
func textOf(t *testing.T, s samtest.Stack, value any) string {
	t.Helper()
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case map[string]any:
		for function, argument := range v {
			switch function {
			case "Ref":
				return referenceOf(t, s, argument.(string))
			case "Fn::GetAtt":
				return referenceOf(t, s, argument.([]any)[0].(string)+"."+argument.([]any)[1].(string))
			case "Fn::Sub":
				return variable.ReplaceAllStringFunc(argument.(string), func(m string) string { return referenceOf(t, s, m[2:len(m)-1]) })
			case "Fn::Join":
				var parts []string
				for _, part := range argument.([]any)[1].([]any) {
					parts = append(parts, textOf(t, s, part))
				}
				return strings.Join(parts, argument.([]any)[0].(string))
			case "Fn::Select":
				index := int(argument.([]any)[0].(float64))
				split := argument.([]any)[1].(map[string]any)["Fn::Split"].([]any)
				return strings.Split(textOf(t, s, split[1]), split[0].(string))[index]
			}
		}
	}
	t.Fatalf("the test cannot work out %v", value)
	return ""
}

// referenceOf returns what a reference gives: a pseudo parameter, a parameter, the name of
// a resource or its ARN.
func referenceOf(t *testing.T, s samtest.Stack, name string) string {
	t.Helper()
	pseudo := map[string]string{
		"AWS::Partition": "aws", "AWS::Region": stackRegion, "AWS::AccountId": stackAccount, "AWS::StackName": stack, "AWS::URLSuffix": "amazonaws.com",
	}
	if text, ok := pseudo[name]; ok {
		return text
	}
	if text, ok := s.Parameters[name]; ok {
		return text
	}
	resource, attribute, isAttribute := strings.Cut(name, ".")
	if !isAttribute {
		return physical(resource)
	}
	inRegion := ":" + stackRegion + ":" + stackAccount + ":"
	prefix, known := map[string]string{
		"AWS::S3::Bucket": "arn:aws:s3:::", "AWS::Logs::LogGroup": "arn:aws:logs" + inRegion + "log-group:",
		"AWS::KinesisFirehose::DeliveryStream": "arn:aws:firehose" + inRegion + "deliverystream/", "AWS::Kinesis::Stream": "arn:aws:kinesis" + inRegion + "stream/",
		"AWS::SQS::Queue": "arn:aws:sqs" + inRegion, "AWS::Lambda::Function": "arn:aws:lambda" + inRegion + "function:",
	}[s.Resources[resource].Type]
	if attribute != "Arn" || !known {
		t.Fatalf("the test does not know %s of a %s", name, s.Resources[resource].Type)
	}
	return prefix + path.Base(physical(resource))
}
