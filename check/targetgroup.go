package check

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"clearhop/record"

	"go.yaml.in/yaml/v3"
)

// ReadTargetGroup finds the target group in a text: a Terraform plan or state (terraform
// show -json), a CloudFormation template in JSON or YAML, or what the AWS CLI prints for
// describe-target-group-attributes or describe-target-groups. What the text does not say
// has AWS's default. Of several groups all must be set alike.
func ReadTargetGroup(text []byte) (*record.TargetGroup, error) {
	var tree yaml.Node // JSON is YAML too, and a template's !Ref is a tag
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("it is neither JSON nor YAML: %w", err)
	}
	var found []record.TargetGroup
	collectGroups(plain(&tree), &found)
	if len(found) == 0 {
		return nil, errors.New("it holds no target group of a Network Load Balancer")
	}
	first := found[0]
	for _, g := range found[1:] {
		if g.ProxyProtocolV2 != first.ProxyProtocolV2 || g.PreserveClientIP != first.PreserveClientIP {
			return nil, fmt.Errorf("it holds %d target groups that are set differently: give --proxy-protocol-v2 and --preserve-client-ip", len(found))
		}
	}
	return &first, nil
}

// plain makes maps, lists and texts of a tree. What a function of CloudFormation would
// make is its text.
func plain(n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return plain(n.Content[0])
	case yaml.AliasNode:
		return nil // templates have none, and a loop of them does not end
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		var list []any
		for _, one := range n.Content {
			list = append(list, plain(one))
		}
		return list
	}
	if n.Tag == "!!null" {
		return nil
	}
	return n.Value
}

// collectGroups finds target groups anywhere in a tree.
func collectGroups(v any, found *[]record.TargetGroup) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			collectGroups(one, found)
		}
	case map[string]any:
		values, _ := v["values"].(map[string]any)
		properties, _ := v["Properties"].(map[string]any)
		switch {
		case isTerraformGroup(v["type"]) && values != nil:
			addGroup(ofTerraform(values), found)
		case v["Type"] == "AWS::ElasticLoadBalancingV2::TargetGroup" && properties != nil:
			addGroup(ofAttributes(properties, properties["TargetGroupAttributes"]), found)
		case v["Attributes"] != nil && v["Type"] == nil:
			addGroup(ofAttributes(v, v["Attributes"]), found)
		case text(v["type"]) == "" || values == nil:
			// The plan has each resource twice: in planned_values and in
			// resource_changes, of which the first says all.
			for key, one := range v {
				switch key {
				case "resource_changes", "prior_state", "configuration":
				default:
					collectGroups(one, found)
				}
			}
		}
	}
}

func isTerraformGroup(kind any) bool {
	return kind == "aws_lb_target_group" || kind == "aws_alb_target_group"
}

// addGroup adds a group that an NLB can have.
func addGroup(g record.TargetGroup, found *[]record.TargetGroup) {
	if g.Protocol != "HTTP" && g.Protocol != "HTTPS" && g.Protocol != "GENEVE" {
		*found = append(*found, g)
	}
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// withDefaults fills in what the type of the targets decides.
func withDefaults(targetType, protocol, port string) record.TargetGroup {
	g := record.TargetGroup{TargetType: targetType, Protocol: strings.ToUpper(protocol)}
	if g.TargetType == "" {
		g.TargetType = "instance"
	}
	if n, err := strconv.ParseInt(port, 10, 32); err == nil {
		g.Port = int32(n)
	}
	g.PreserveClientIP = g.TargetType == "instance" || g.Protocol == "UDP" || g.Protocol == "TCP_UDP"
	return g
}

func ofTerraform(values map[string]any) record.TargetGroup {
	g := withDefaults(text(values["target_type"]), text(values["protocol"]), text(values["port"]))
	g.Name, g.ARN = text(values["name"]), text(values["arn"])
	g.ProxyProtocolV2 = text(values["proxy_protocol_v2"]) == "true"
	if keep := text(values["preserve_client_ip"]); keep != "" {
		g.PreserveClientIP = keep == "true"
	}
	return g
}

// ofAttributes reads a list of attributes, each with a Key and a Value.
func ofAttributes(properties map[string]any, attributes any) record.TargetGroup {
	g := withDefaults(text(properties["TargetType"]), text(properties["Protocol"]), text(properties["Port"]))
	g.Name = text(properties["Name"])
	list, _ := attributes.([]any)
	for _, one := range list {
		pair, _ := one.(map[string]any)
		switch text(pair["Key"]) {
		case "proxy_protocol_v2.enabled":
			g.ProxyProtocolV2 = text(pair["Value"]) == "true"
		case "preserve_client_ip.enabled":
			g.PreserveClientIP = text(pair["Value"]) == "true"
		}
	}
	return g
}
