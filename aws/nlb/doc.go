// Package nlb finds the addresses of Network Load Balancers' nodes, and what
// their target groups are set to.
//
// An NLB has a network interface in each of its subnets, which EC2 describes as
// "ELB net/NAME/ID". In go the names of NLBs, out come the private addresses of
// these interfaces, each with the name of its NLB:
//
//	f, err := nlb.New(nlb.Config{Names: []string{"shop-edge"}})
//	nodes, err := f.Find(ctx) // 10.16.1.11: shop-edge
//
// New checks the names and does no I/O. Find makes calls of
// ec2:DescribeNetworkInterfaces, which is the one permission that it needs; it
// keeps nothing of their answers, and its bound in time is the caller's context.
//
// The API that tells the addresses of load balancers themselves
// (elasticloadbalancing:DescribeLoadBalancers) has the private ones of internal
// NLBs only.
//
// What an NLB's target groups send to their targets is asked of the load
// balancers' own API:
//
//	b, err := nlb.NewBalancing(ctx)
//	groups, err := b.FindTargetGroups(ctx, "shop-edge")
//
// A Finder and a Balancing are safe for concurrent use.
package nlb
