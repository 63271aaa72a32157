package nlb_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"clearhop/aws/nlb"
	"clearhop/internal/mototest"
	"clearhop/record"
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
	arns := n.AddBalancer("shop-edge", "network", "shop-80", "shop-443")
	n.AddBalancer("pay", "network", "pay-80")
	n.AddBalancer("inside", "application", "inside-80")
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
	var missing *nlb.ServiceError
	if _, err := b.FindTargetGroups(t.Context(), "nobody"); !errors.As(err, &missing) || missing.Code != "LoadBalancerNotFound" {
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
	group := func(name, kind, protocol string) string {
		return fmt.Sprintf("<member><TargetGroupName>%s</TargetGroupName><TargetGroupArn>%[1]s</TargetGroupArn><TargetType>%s</TargetType><Protocol>%s</Protocol><Port>80</Port></member>", name, kind, protocol)
	}
	groups := func(next string, members ...string) answer {
		return answer{text: "<DescribeTargetGroupsResponse><DescribeTargetGroupsResult><TargetGroups>" + strings.Join(members, "") +
			"</TargetGroups><NextMarker>" + next + "</NextMarker></DescribeTargetGroupsResult></DescribeTargetGroupsResponse>"}
	}
	attribute := func(key, value string) answer {
		return answer{text: "<DescribeTargetGroupAttributesResponse><DescribeTargetGroupAttributesResult><Attributes><member><Key>" + key +
			"</Key><Value>" + value + "</Value></member></Attributes></DescribeTargetGroupAttributesResult></DescribeTargetGroupAttributesResponse>"}
	}
	balancers := answer{text: "<DescribeLoadBalancersResponse><DescribeLoadBalancersResult><LoadBalancers><member><Type>network</Type>" +
		"<LoadBalancerName>n</LoadBalancerName><LoadBalancerArn>arn</LoadBalancerArn></member></LoadBalancers></DescribeLoadBalancersResult></DescribeLoadBalancersResponse>"}
	first := groups("2", group("a", "ip", "TCP"))
	other := attribute("stickiness.enabled", "x")
	f := func(want string, answers ...answer) {
		t.Helper()
		startService(t, answers...)
		b, err := nlb.NewBalancing(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found, err := b.FindTargetGroups(t.Context())
		got := showGroups(found)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f("n/a ip TCP:80 ppv2=false preserve=false, n/b instance TCP:80 ppv2=false preserve=true, n/c ip UDP:80 ppv2=false preserve=true",
		balancers, first, other, groups("", group("b", "instance", "TCP"), group("c", "ip", "UDP")), other, other)
	f("target group a: proxy_protocol_v2.enabled is neither true nor false",
		balancers, first, attribute("proxy_protocol_v2.enabled", "perhaps"))
	f("operation error Elastic Load Balancing v2: DescribeTargetGroups, the answer's next page is the one just read",
		balancers, first, other, groups("2"))
}

// TestRecordedTargetGroups: what Elastic Load Balancing answers is read, and it
// is asked as its reference says.
func TestRecordedTargetGroups(t *testing.T) {
	var answers []answer
	for _, name := range []string{"load-balancers-1", "load-balancers-2", "target-groups-1", "attributes-1", "target-groups-2", "attributes-2"} {
		answers = append(answers, recorded(t, http.StatusOK, name))
	}
	s := startService(t, answers...)
	b, err := nlb.NewBalancing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	groups, err := b.FindTargetGroups(t.Context(), "shop-edge", "shop-web")
	const want = "shop-edge/shop-443 ip TCP:443 ppv2=true preserve=false, shop-edge/shop-80 instance TCP:80 ppv2=false preserve=true"
	if got := showGroups(groups); err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	const (
		arn      = "arn%3Aaws%3Aelasticloadbalancing%3Aeu-central-1%3A123456789012%3A"
		balancer = arn + "loadbalancer%2Fnet%2Fshop-edge%2F50dc6c495c0c9188"
	)
	checkForms(t, s,
		"Action=DescribeLoadBalancers&Names.member.1=shop-edge&Names.member.2=shop-web&Version=2015-12-01",
		"Action=DescribeLoadBalancers&Marker=AgIC8BkH&Names.member.1=shop-edge&Names.member.2=shop-web&Version=2015-12-01",
		"Action=DescribeTargetGroups&LoadBalancerArn="+balancer+"&Version=2015-12-01",
		"Action=DescribeTargetGroupAttributes&TargetGroupArn="+arn+"targetgroup%2Fshop-443%2F73e2d6bc24d8a067&Version=2015-12-01",
		"Action=DescribeTargetGroups&LoadBalancerArn="+balancer+"&Marker=AgIC9CkI&Version=2015-12-01",
		"Action=DescribeTargetGroupAttributes&TargetGroupArn="+arn+"targetgroup%2Fshop-80%2F943f017f100becff&Version=2015-12-01",
	)
	if scope := s.scope(); scope != region+"/elasticloadbalancing/aws4_request" {
		t.Errorf("the request is signed for %s", scope)
	}
}

// TestTargetGroupsRefused: the permission that is missing is named.
func TestTargetGroupsRefused(t *testing.T) {
	const request = "request 6581c0ac-f39f-11e5-bb98-57195a6eb84a)"
	f := func(want string, answers ...answer) {
		t.Helper()
		startService(t, answers...)
		b, err := nlb.NewBalancing(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if groups, err := b.FindTargetGroups(t.Context(), "shop-edge"); err == nil || err.Error() != want || groups != nil {
			t.Errorf("got %v, %v, want %s", groups, err, want)
		}
	}
	f(`operation error Elastic Load Balancing v2: DescribeLoadBalancers, "One or more load balancers not found" (LoadBalancerNotFound, `+request,
		recorded(t, http.StatusBadRequest, "error-not-found"))
	f("operation error Elastic Load Balancing v2: DescribeTargetGroups, the credentials do not have the permission elasticloadbalancing:DescribeTargetGroups (AccessDenied, "+request,
		recorded(t, http.StatusOK, "load-balancers-2"), recorded(t, http.StatusForbidden, "error-access-denied"))
}
