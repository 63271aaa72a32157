package mototest

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// AddBalancer makes a load balancer in the network, with a target group of each
// name that sends to addresses, by TCP. It makes no network interface: see
// AddInterface. It returns the ARNs of the target groups.
func (n *Network) AddBalancer(name string, kind types.LoadBalancerTypeEnum, groups ...string) (arns []string) {
	n.t.Helper()
	client := n.balancing()
	lb, err := client.CreateLoadBalancer(n.t.Context(), &elb.CreateLoadBalancerInput{
		Name: &name, Type: kind, Subnets: []string{*n.subnet}, Scheme: types.LoadBalancerSchemeEnumInternal,
	})
	if err != nil {
		n.t.Fatalf("moto: %v", err)
	}
	for i, group := range groups {
		protocol := types.ProtocolEnumTcp
		if kind == types.LoadBalancerTypeEnumApplication {
			protocol = types.ProtocolEnumHttp
		}
		tg, err := client.CreateTargetGroup(n.t.Context(), &elb.CreateTargetGroupInput{
			Name: &group, Protocol: protocol, Port: aws.Int32(80), VpcId: n.vpc, TargetType: types.TargetTypeEnumIp,
		})
		if err != nil {
			n.t.Fatalf("moto: %v", err)
		}
		arn := tg.TargetGroups[0].TargetGroupArn
		_, err = client.CreateListener(n.t.Context(), &elb.CreateListenerInput{
			LoadBalancerArn: lb.LoadBalancers[0].LoadBalancerArn, Protocol: protocol, Port: aws.Int32(int32(80 + i)),
			DefaultActions: []types.Action{{Type: types.ActionTypeEnumForward, TargetGroupArn: arn}},
		})
		if err != nil {
			n.t.Fatalf("moto: %v", err)
		}
		arns = append(arns, *arn)
	}
	return arns
}

// SetAttribute sets an attribute of a target group.
func (n *Network) SetAttribute(arn, key, value string) {
	n.t.Helper()
	_, err := n.balancing().ModifyTargetGroupAttributes(n.t.Context(), &elb.ModifyTargetGroupAttributesInput{
		TargetGroupArn: &arn, Attributes: []types.TargetGroupAttribute{{Key: &key, Value: &value}},
	})
	if err != nil {
		n.t.Fatalf("moto: %v", err)
	}
}

func (n *Network) balancing() *elb.Client {
	return elb.New(elb.Options{
		BaseEndpoint: &n.endpoint, Region: n.region, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}
