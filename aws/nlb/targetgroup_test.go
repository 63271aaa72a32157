package nlb_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"clearhop/aws/nlb"
	"clearhop/internal/mototest"
	"clearhop/record"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

func showGroups(groups []record.TargetGroup) string {
	var all []string
	for _, g := range groups {
		all = append(all, fmt.Sprintf("%s/%s %s %s:%d ppv2=%t preserve=%t", g.LoadBalancer, g.Name, g.TargetType, g.Protocol, g.Port, g.ProxyProtocolV2, g.PreserveClientIP))
	}
	return strings.Join(all, ", ")
}

// TestFindTargetGroups asks moto's ELB.
func TestFindTargetGroups(t *testing.T) {
	endpoint := mototest.Start(t)
	useMoto(t, endpoint)
	n := mototest.NewNetwork(t, endpoint, region, "10.16.1.0/24")
	arns := n.AddBalancer("shop-edge", types.LoadBalancerTypeEnumNetwork, "shop-80", "shop-443")
	n.AddBalancer("pay", types.LoadBalancerTypeEnumNetwork, "pay-80")
	n.AddBalancer("inside", types.LoadBalancerTypeEnumApplication, "inside-80")
	n.SetAttribute(arns[0], "proxy_protocol_v2.enabled", "true")
	n.SetAttribute(arns[1], "preserve_client_ip.enabled", "true")

	b, err := nlb.NewBalancing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := func(want string, names ...string) {
		t.Helper()
		groups, err := b.FindTargetGroups(t.Context(), names...)
		if got := showGroups(groups); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", names, got, err, want)
		}
	}
	const shop = "shop-edge/shop-443 ip TCP:80 ppv2=false preserve=true, shop-edge/shop-80 ip TCP:80 ppv2=true preserve=false"
	f(shop, "shop-edge")
	f("pay/pay-80 ip TCP:80 ppv2=false preserve=false, " + shop)
	var missing *types.LoadBalancerNotFoundException
	if _, err := b.FindTargetGroups(t.Context(), "nobody"); !errors.As(err, &missing) {
		t.Errorf("an NLB that is not there: %v", err)
	}
	t.Setenv("AWS_REGION", "")
	if _, err := nlb.NewBalancing(t.Context()); err == nil || !strings.Contains(err.Error(), "no region is set") {
		t.Errorf("without a region: %v", err)
	}
}

// TestTargetGroupPages: all pages are read, defaults are those of AWS, and an
// answer that goes round in circles ends.
func TestTargetGroupPages(t *testing.T) {
	group := func(name string, kind types.TargetTypeEnum, protocol types.ProtocolEnum) types.TargetGroup {
		return types.TargetGroup{TargetGroupName: &name, TargetGroupArn: &name, TargetType: kind, Protocol: protocol, Port: aws.Int32(80)}
	}
	pages := map[string]elb.DescribeTargetGroupsOutput{
		"":  {NextMarker: aws.String("2"), TargetGroups: []types.TargetGroup{group("a", types.TargetTypeEnumIp, types.ProtocolEnumTcp)}},
		"2": {TargetGroups: []types.TargetGroup{group("b", types.TargetTypeEnumInstance, types.ProtocolEnumTcp), group("c", types.TargetTypeEnumIp, types.ProtocolEnumUdp)}},
	}
	attributes := []types.TargetGroupAttribute{{Key: aws.String("stickiness.enabled"), Value: aws.String("x")}}
	b := nlb.Balancing{
		LoadBalancers: func(context.Context, *elb.DescribeLoadBalancersInput, ...func(*elb.Options)) (*elb.DescribeLoadBalancersOutput, error) {
			return &elb.DescribeLoadBalancersOutput{LoadBalancers: []types.LoadBalancer{
				{Type: types.LoadBalancerTypeEnumNetwork, LoadBalancerName: aws.String("n"), LoadBalancerArn: aws.String("arn")},
			}}, nil
		},
		TargetGroups: func(_ context.Context, in *elb.DescribeTargetGroupsInput, _ ...func(*elb.Options)) (*elb.DescribeTargetGroupsOutput, error) {
			out := pages[aws.ToString(in.Marker)]
			return &out, nil
		},
		Attributes: func(context.Context, *elb.DescribeTargetGroupAttributesInput, ...func(*elb.Options)) (*elb.DescribeTargetGroupAttributesOutput, error) {
			return &elb.DescribeTargetGroupAttributesOutput{Attributes: attributes}, nil
		},
	}
	groups, err := b.FindTargetGroups(t.Context())
	const want = "n/a ip TCP:80 ppv2=false preserve=false, n/b instance TCP:80 ppv2=false preserve=true, n/c ip UDP:80 ppv2=false preserve=true"
	if got := showGroups(groups); err != nil || got != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	attributes = append(attributes, types.TargetGroupAttribute{Key: aws.String("proxy_protocol_v2.enabled"), Value: aws.String("perhaps")})
	if _, err := b.FindTargetGroups(t.Context()); err == nil || err.Error() != "target group a: proxy_protocol_v2.enabled is neither true nor false" {
		t.Errorf("an attribute that is neither: %v", err)
	}
	attributes = nil
	pages["2"] = elb.DescribeTargetGroupsOutput{NextMarker: aws.String("2")}
	if _, err := b.FindTargetGroups(t.Context()); err == nil || err.Error() != "describe target groups: the answer's next page is the one just read" {
		t.Errorf("a page that is its own next: %v", err)
	}
}
