package nlb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"clearhop/record"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// Balancing are the methods of an *elasticloadbalancingv2.Client that
// FindTargetGroups calls. They are functions for the reason that Describe is one.
type Balancing struct {
	LoadBalancers func(context.Context, *elb.DescribeLoadBalancersInput, ...func(*elb.Options)) (*elb.DescribeLoadBalancersOutput, error)
	TargetGroups  func(context.Context, *elb.DescribeTargetGroupsInput, ...func(*elb.Options)) (*elb.DescribeTargetGroupsOutput, error)
	Attributes    func(context.Context, *elb.DescribeTargetGroupAttributesInput, ...func(*elb.Options)) (*elb.DescribeTargetGroupAttributesOutput, error)
}

// NewBalancing makes a client with the usual configuration of AWS's tools.
func NewBalancing(ctx context.Context) (*Balancing, error) {
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("aws configuration: %w", err)
	}
	if c.Region == "" {
		return nil, errors.New("aws configuration: no region is set, for example by AWS_REGION")
	}
	client := elb.NewFromConfig(c)
	return &Balancing{
		LoadBalancers: client.DescribeLoadBalancers,
		TargetGroups:  client.DescribeTargetGroups,
		Attributes:    client.DescribeTargetGroupAttributes,
	}, nil
}

// maxNames is how many load balancers may be asked for by name at once.
const maxNames = 20

// FindTargetGroups describes the target groups of NLBs, by the names of the NLBs and
// of the groups; no name stands for all NLBs of the region. It needs the
// permissions elasticloadbalancing:DescribeLoadBalancers, DescribeTargetGroups
// and DescribeTargetGroupAttributes. Errors are those of the SDK; an NLB that is
// not there is one of them.
func (b *Balancing) FindTargetGroups(ctx context.Context, names ...string) ([]record.TargetGroup, error) {
	var groups []record.TargetGroup
	balancers := &elb.DescribeLoadBalancersInput{}
	if len(names) <= maxNames {
		balancers.Names = names
	}
	for {
		out, err := b.LoadBalancers(ctx, balancers)
		if err != nil {
			return nil, err
		}
		for i := range out.LoadBalancers {
			lb := &out.LoadBalancers[i]
			if lb.Type != types.LoadBalancerTypeEnumNetwork || len(names) > 0 && !slices.Contains(names, aws.ToString(lb.LoadBalancerName)) {
				continue
			}
			found, err := b.groupsOf(ctx, lb)
			if err != nil {
				return nil, err
			}
			groups = append(groups, found...)
		}
		if balancers.Marker, err = nextPage(balancers.Marker, out.NextMarker); err != nil {
			return nil, fmt.Errorf("describe load balancers: %w", err)
		}
		if balancers.Marker == nil {
			break
		}
	}
	slices.SortFunc(groups, func(a, b record.TargetGroup) int {
		return cmp.Or(cmp.Compare(a.LoadBalancer, b.LoadBalancer), cmp.Compare(a.Name, b.Name))
	})
	return groups, nil
}

func (b *Balancing) groupsOf(ctx context.Context, lb *types.LoadBalancer) ([]record.TargetGroup, error) {
	var groups []record.TargetGroup
	in := &elb.DescribeTargetGroupsInput{LoadBalancerArn: lb.LoadBalancerArn}
	for {
		out, err := b.TargetGroups(ctx, in)
		if err != nil {
			return nil, err
		}
		for i := range out.TargetGroups {
			tg := &out.TargetGroups[i]
			g := record.TargetGroup{
				LoadBalancer: aws.ToString(lb.LoadBalancerName),
				Name:         aws.ToString(tg.TargetGroupName),
				ARN:          aws.ToString(tg.TargetGroupArn),
				TargetType:   string(tg.TargetType),
				Protocol:     string(tg.Protocol),
				Port:         aws.ToInt32(tg.Port),
			}
			if err := b.readAttributes(ctx, &g); err != nil {
				return nil, err
			}
			groups = append(groups, g)
		}
		if in.Marker, err = nextPage(in.Marker, out.NextMarker); err != nil {
			return nil, fmt.Errorf("describe target groups: %w", err)
		}
		if in.Marker == nil {
			return groups, nil
		}
	}
}

// readAttributes asks for the attributes of a group. What AWS does not list has
// its default.
func (b *Balancing) readAttributes(ctx context.Context, g *record.TargetGroup) error {
	g.PreserveClientIP = g.TargetType == string(types.TargetTypeEnumInstance) ||
		g.Protocol == string(types.ProtocolEnumUdp) || g.Protocol == string(types.ProtocolEnumTcpUdp)
	out, err := b.Attributes(ctx, &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: &g.ARN})
	if err != nil {
		return err
	}
	for _, a := range out.Attributes {
		var is *bool
		switch aws.ToString(a.Key) {
		case "proxy_protocol_v2.enabled":
			is = &g.ProxyProtocolV2
		case "preserve_client_ip.enabled":
			is = &g.PreserveClientIP
		default:
			continue
		}
		if *is, err = strconv.ParseBool(aws.ToString(a.Value)); err != nil {
			return fmt.Errorf("target group %s: %s is neither true nor false", g.Name, aws.ToString(a.Key))
		}
	}
	return nil
}

// nextPage returns the marker of the next page; nil if there is none.
func nextPage(last, next *string) (*string, error) {
	if aws.ToString(next) == "" {
		return nil, nil
	}
	if aws.ToString(next) == aws.ToString(last) {
		return nil, errors.New("the answer's next page is the one just read")
	}
	return next, nil
}
