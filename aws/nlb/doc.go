// Package nlb finds the addresses of Network Load Balancers' nodes, and how their
// target groups are set.
//
// An NLB has a network interface in each of its subnets, which EC2 describes as
// "ELB net/NAME/ID". In go the names of NLBs; out come the private addresses of
// these interfaces, each with the name of its NLB:
//
//	f, err := nlb.New(nlb.Config{Names: []string{"shop-edge"}})
//	nodes, err := f.Find(ctx) // 10.16.1.11: shop-edge
//
// New checks the names and does no I/O. Find calls ec2:DescribeNetworkInterfaces,
// which is the one permission that it needs. It keeps nothing of the answers, and
// the caller's context is its bound in time.
//
// The API of the load balancers themselves
// (elasticloadbalancing:DescribeLoadBalancers) returns private addresses of
// internal NLBs only. It does return the target groups of all:
//
//	b, err := nlb.NewBalancing(ctx)
//	groups, err := b.FindTargetGroups(ctx, "shop-edge")
//
// The configuration is the usual one of AWS's tools: environment, profile, role.
// A request that one of the services refuses is a [*ServiceError], which says
// what to fix.
//
// A Finder and a Balancing are safe for concurrent use.
package nlb
