package mototest

import (
	"net/url"
	"strconv"
)

// AddBalancer makes a load balancer in the network, of the kind "network" or
// "application", with a target group of each name that sends to addresses. It
// makes no network interface: see AddInterface. It returns the ARNs of the
// target groups.
func (n *Network) AddBalancer(name, kind string, groups ...string) (arns []string) {
	n.t.Helper()
	protocol := map[string]string{"network": "TCP", "application": "HTTP"}[kind]
	var made struct {
		Balancer string `xml:"CreateLoadBalancerResult>LoadBalancers>member>LoadBalancerArn"`
		Group    string `xml:"CreateTargetGroupResult>TargetGroups>member>TargetGroupArn"`
	}
	n.balancing("CreateLoadBalancer", url.Values{
		"Name": {name}, "Type": {kind}, "Subnets.member.1": {n.subnet}, "Scheme": {"internal"},
	}, &made)
	for i, group := range groups {
		n.balancing("CreateTargetGroup", url.Values{
			"Name": {group}, "Protocol": {protocol}, "Port": {"80"}, "VpcId": {n.vpc}, "TargetType": {"ip"},
		}, &made)
		n.balancing("CreateListener", url.Values{
			"LoadBalancerArn": {made.Balancer}, "Protocol": {protocol}, "Port": {strconv.Itoa(80 + i)},
			"DefaultActions.member.1.Type": {"forward"}, "DefaultActions.member.1.TargetGroupArn": {made.Group},
		}, nil)
		arns = append(arns, made.Group)
	}
	return arns
}

// SetAttribute sets an attribute of a target group.
func (n *Network) SetAttribute(arn, key, value string) {
	n.t.Helper()
	n.balancing("ModifyTargetGroupAttributes", url.Values{
		"TargetGroupArn": {arn}, "Attributes.member.1.Key": {key}, "Attributes.member.1.Value": {value},
	}, nil)
}

func (n *Network) balancing(action string, form url.Values, answer any) {
	n.t.Helper()
	ask(n.t, n.endpoint, n.region, "elasticloadbalancing", "2015-12-01", action, form, answer)
}
