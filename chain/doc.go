// Package chain holds the reference configurations of both hops, the edge nginx
// behind the Network Load Balancer and the web nginx behind the edge, and a
// harness that runs them for real:
//
//	client 210.227.0.10 ── NLB 10.16.1.11 ── edge 10.16.1.13 ── web 10.16.1.14
//	                   (HAProxy, send-proxy-v2)
//
// Each machine is a network namespace of its own, with the addresses it would
// have, so that nginx logs what it logs on AWS. A scenario is the reference with
// a few lines changed, as a person would get them wrong, and some traffic.
//
// make chain runs all scenarios and rewrites testdata. Each scenario has one text
// archive there: the configurations, what both hops logged, and what Clearhop must
// say about every line. [Recorded] gives all of it as a tree of files. The tests
// always check the recorded lines, and run the scenarios live where they can make
// namespaces. docs/chain.md has the results in one table.
package chain

import _ "embed" // for the reference configurations

// Edge is the reference configuration of the hop that the NLB talks to.
//
//go:embed reference/edge.conf
var Edge string

// Web is the reference configuration of the hop behind the edge.
//
//go:embed reference/web.conf
var Web string
