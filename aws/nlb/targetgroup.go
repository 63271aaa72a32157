package nlb

import (
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"clearhop/aws/query"
	"clearhop/record"
)

var elbAPI = query.Service{ID: "Elastic Load Balancing v2", Name: "elasticloadbalancing", Version: "2015-12-01"}

// A Balancing asks Elastic Load Balancing for target groups.
type Balancing struct{ elb *query.Client }

// NewBalancing reads the usual configuration of AWS's tools.
func NewBalancing(ctx context.Context) (*Balancing, error) {
	c, err := query.New(ctx, elbAPI)
	if err != nil {
		return nil, err
	}
	return &Balancing{elb: c}, nil
}

// maxNames is how many load balancers may be asked for by name at once.
const maxNames = 20

// FindTargetGroups describes the target groups of NLBs, by the names of the NLBs
// and of the groups; no name stands for all NLBs of the region. It needs the
// permissions elasticloadbalancing:DescribeLoadBalancers, DescribeTargetGroups
// and DescribeTargetGroupAttributes. What the service refuses is a
// *ServiceError; for an NLB that is not there its code is LoadBalancerNotFound.
func (b *Balancing) FindTargetGroups(ctx context.Context, names ...string) ([]record.TargetGroup, error) {
	form := url.Values{}
	if len(names) <= maxNames {
		for i, name := range names {
			form.Set(fmt.Sprintf("Names.member.%d", i+1), name)
		}
	}
	var groups []record.TargetGroup
	for page, err := range query.Pages[loadBalancerPage](ctx, b.elb, "DescribeLoadBalancers", "Marker", form) {
		if err != nil {
			return nil, err
		}
		for i := range page.LoadBalancers {
			lb := &page.LoadBalancers[i]
			if lb.Type != "network" || len(names) > 0 && !slices.Contains(names, lb.Name) {
				continue
			}
			found, err := b.groupsOf(ctx, lb)
			if err != nil {
				return nil, err
			}
			groups = append(groups, found...)
		}
	}
	slices.SortFunc(groups, func(a, b record.TargetGroup) int {
		return cmp.Or(cmp.Compare(a.LoadBalancer, b.LoadBalancer), cmp.Compare(a.Name, b.Name))
	})
	return groups, nil
}

// groupsOf returns the target groups of a load balancer.
func (b *Balancing) groupsOf(ctx context.Context, lb *loadBalancer) ([]record.TargetGroup, error) {
	var groups []record.TargetGroup
	form := url.Values{"LoadBalancerArn": {lb.ARN}}
	for page, err := range query.Pages[targetGroupPage](ctx, b.elb, "DescribeTargetGroups", "Marker", form) {
		if err != nil {
			return nil, err
		}
		for i := range page.TargetGroups {
			tg := &page.TargetGroups[i]
			g := record.TargetGroup{
				LoadBalancer: lb.Name, Name: tg.Name, ARN: tg.ARN, TargetType: tg.TargetType, Protocol: tg.Protocol, Port: tg.Port,
			}
			if err := b.readAttributes(ctx, &g); err != nil {
				return nil, err
			}
			groups = append(groups, g)
		}
	}
	return groups, nil
}

// readAttributes asks for the attributes of a group. What AWS does not list has
// its default.
func (b *Balancing) readAttributes(ctx context.Context, g *record.TargetGroup) error {
	g.PreserveClientIP = g.TargetType == "instance" || g.Protocol == "UDP" || g.Protocol == "TCP_UDP"
	var answer attributes
	if err := b.elb.Ask(ctx, "DescribeTargetGroupAttributes", url.Values{"TargetGroupArn": {g.ARN}}, &answer); err != nil {
		return err
	}
	for _, a := range answer.Attributes {
		var is *bool
		switch a.Key {
		case "proxy_protocol_v2.enabled":
			is = &g.ProxyProtocolV2
		case "preserve_client_ip.enabled":
			is = &g.PreserveClientIP
		default:
			continue
		}
		var err error
		if *is, err = strconv.ParseBool(a.Value); err != nil {
			return fmt.Errorf("target group %s: %s is neither true nor false", g.Name, a.Key)
		}
	}
	return nil
}

// A loadBalancerPage is what is read of an answer to DescribeLoadBalancers.
type loadBalancerPage struct {
	XMLName       xml.Name       `xml:"DescribeLoadBalancersResponse"`
	LoadBalancers []loadBalancer `xml:"DescribeLoadBalancersResult>LoadBalancers>member"`
	NextMarker    string         `xml:"DescribeLoadBalancersResult>NextMarker"`
}

func (p loadBalancerPage) Next() string { return p.NextMarker }

type loadBalancer struct {
	Name string `xml:"LoadBalancerName"`
	ARN  string `xml:"LoadBalancerArn"`
	Type string `xml:"Type"` // network, application or gateway
}

// A targetGroupPage is what is read of an answer to DescribeTargetGroups.
type targetGroupPage struct {
	XMLName      xml.Name `xml:"DescribeTargetGroupsResponse"`
	TargetGroups []struct {
		Name       string `xml:"TargetGroupName"`
		ARN        string `xml:"TargetGroupArn"`
		TargetType string `xml:"TargetType"`
		Protocol   string `xml:"Protocol"`
		Port       int32  `xml:"Port"` // a function as a target has none
	} `xml:"DescribeTargetGroupsResult>TargetGroups>member"`
	NextMarker string `xml:"DescribeTargetGroupsResult>NextMarker"`
}

func (p targetGroupPage) Next() string { return p.NextMarker }

// attributes is what is read of an answer to DescribeTargetGroupAttributes.
type attributes struct {
	XMLName    xml.Name `xml:"DescribeTargetGroupAttributesResponse"`
	Attributes []struct {
		Key   string `xml:"Key"`
		Value string `xml:"Value"`
	} `xml:"DescribeTargetGroupAttributesResult>Attributes>member"`
}
