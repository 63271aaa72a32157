package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"clearhop/check"
	"clearhop/diagnose"
	"clearhop/enrich/clientip"
	"clearhop/nginxconf"
	"clearhop/record"
)

// checkCommand predicts what a chain will log.
type checkCommand struct {
	Confs []string `arg:"" name:"conf" help:"The nginx.conf of each hop, in the order of a request: the one that the NLB reaches first."`

	NLB     []string `name:"nlb" placeholder:"ADDRESS,…" env:"CLEARHOP_NLB" help:"The private addresses of the NLB's nodes. A subnet stands for the first address in it that AWS gives away."`
	Trusted []string `name:"trusted" placeholder:"ADDRESS,…" env:"CLEARHOP_TRUSTED" help:"The addresses of the edge's tasks. Without them, one is taken that the hop behind trusts."`
	Port    uint16   `placeholder:"PORT" help:"The port that the target group uses. The default is that of the first server that passes requests on."`

	TargetType       string `enum:"ip,instance," default:"" placeholder:"TYPE" help:"The target type: ip or instance."`
	ProxyProtocolV2  string `name:"proxy-protocol-v2" enum:"on,off," default:"" placeholder:"on|off" help:"The attribute proxy_protocol_v2.enabled. AWS's default is off."`
	PreserveClientIP string `name:"preserve-client-ip" enum:"on,off," default:"" placeholder:"on|off" help:"The attribute preserve_client_ip.enabled. AWS's default is on for target type instance, and off for ip."`
	TargetGroup      string `placeholder:"FILE|ARN" help:"Read all three from AWS, by the target group's ARN, or from a file: a Terraform plan (terraform show -json), a CloudFormation template, or what the AWS CLI prints (aws elbv2 describe-target-group-attributes)."`

	Output string `short:"o" enum:"text,json" default:"text" help:"How to print the result: text or json."`
	Diff   bool   `help:"Print only the change that puts the configurations right, as a unified diff for patch -p0."`
}

// Help is what --help prints below the usage.
func (c *checkCommand) Help() string {
	return `Nothing is started and nobody is asked: the rules of nginx and of the NLB are
applied to the configurations. Simulated visitors come by IPv4 and IPv6, with forged
headers, with a forged PROXY protocol header, and by PrivateLink; the NLB's health
check comes too. The lines that each hop would log are judged as the doctor judges a
log.

Give the attributes of the target group, since they decide what the edge gets: the
three flags, or --target-group.

Examples:
  clearhop check edge.conf --nlb 10.16.1.11 --target-type ip --proxy-protocol-v2 on
  clearhop check edge.conf web.conf --nlb 10.16.1.11,10.16.2.11 --target-group plan.json
  clearhop check --diff edge.conf web.conf --nlb 10.16.1.11 --proxy-protocol-v2 on | patch -p0

What the configurations do not say is named and not guessed: see docs/check.md.

Exit codes: 0 the chain is right; 1 there are findings; 2 it cannot be judged, a file
cannot be read, or the command line is wrong; 130 interrupted.`
}

// Run checks the chain and prints what it will log.
func (c *checkCommand) Run(ctx context.Context, s streams) error {
	if c.Diff && c.Output == "json" {
		return &usageError{errDiffOutput}
	}
	chain, err := c.chain(ctx)
	if err != nil {
		return &usageError{err}
	}
	r, err := check.Run(chain)
	if err != nil {
		return &usageError{err}
	}
	switch {
	case c.Diff:
		err = printDiff(s, r.Diff, r.TargetGroup, r.Fixed || r.State != diagnose.Broken)
	case c.Output == "json":
		err = r.WriteJSON(s.out)
	default:
		err = r.WriteText(s.out)
	}
	switch {
	case err != nil:
		return err
	case r.State == diagnose.Broken:
		return exitCode{exitFindings, nil}
	case r.State != diagnose.Healthy:
		return exitCode{exitUnjudged, nil}
	}
	return nil
}

// printDiff prints a change for patch, and on standard error what patch cannot do:
// attributes of the target group, and faults that the change leaves. Without this, a
// person who sends the output to patch would miss them.
func printDiff(s streams, diff string, group []string, fixed bool) error {
	if _, err := io.WriteString(s.out, diff); err != nil {
		return err
	}
	for _, attribute := range group {
		when := ""
		if diff != "" {
			when = ", at the same time as this change: requests fail while only one is done"
		}
		fmt.Fprintf(s.err, "clearhop: also set %s at the target group of the NLB%s\n", attribute, when)
	}
	switch {
	case fixed:
	case diff == "" && len(group) == 0:
		fmt.Fprintln(s.err, "clearhop: no change is known that puts the files right")
	default:
		fmt.Fprintln(s.err, "clearhop: the chain is not right with this change yet; check it again afterwards")
	}
	return nil
}

// errDiffOutput refuses two ways to print at once.
var errDiffOutput = errors.New("--diff prints a diff for patch: leave --output json out, or leave --diff out and take the key diff of the JSON")

// chain reads what is to be checked.
func (c *checkCommand) chain(ctx context.Context) (*check.Chain, error) {
	chain := &check.Chain{Port: c.Port}
	var errs []error
	for _, name := range c.Confs {
		conf, err := nginxconf.Read(name)
		errs = append(errs, err)
		chain.Confs = append(chain.Confs, conf)
	}
	var err error
	if chain.NLB.Addresses, chain.Subnets, err = nodeAddresses(c.NLB); err != nil {
		errs = append(errs, err)
	}
	if chain.Trusted, err = clientip.ParseAddresses(c.Trusted...); err != nil {
		errs = append(errs, fmt.Errorf("--trusted: %w", err))
	}
	group, err := c.targetGroup(ctx)
	errs = append(errs, err)
	if group != nil {
		chain.NLB.ProxyProtocolV2, chain.NLB.PreserveClientIP = group.ProxyProtocolV2, group.PreserveClientIP
		if group.ARN != "" {
			chain.Groups = []record.TargetGroup{*group}
		}
		if chain.Port == 0 && group.Port > 0 {
			chain.Port = uint16(group.Port)
		}
	}
	return chain, errors.Join(errs...)
}

// nodeAddresses reads the addresses of the NLB's nodes. A subnet stands for its first
// address that AWS gives away; such subnets are returned too.
func nodeAddresses(items []string) (all []netip.Addr, subnets []netip.Prefix, err error) {
	set, err := clientip.ParseAddresses(items...)
	if err != nil {
		return nil, nil, fmt.Errorf("--nlb: %w", err)
	}
	if len(set.Prefixes) == 0 {
		return nil, nil, errors.New("--nlb: give the private addresses of the NLB's nodes, such as --nlb 10.16.1.11")
	}
	for _, p := range set.Prefixes {
		all = append(all, check.FirstOf(p))
		if !p.IsSingleIP() {
			subnets = append(subnets, p)
		}
	}
	return all, subnets, nil
}

// targetGroup returns the target group of the flags, or of what they name.
func (c *checkCommand) targetGroup(ctx context.Context) (*record.TargetGroup, error) {
	group := &record.TargetGroup{}
	switch {
	case strings.HasPrefix(c.TargetGroup, "arn:"):
		found, err := groupOfAWS(ctx, c.TargetGroup)
		if err != nil {
			return nil, err
		}
		group = found
	case c.TargetGroup != "":
		text, err := os.ReadFile(c.TargetGroup)
		if err != nil {
			return nil, err
		}
		found, err := check.ReadTargetGroup(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.TargetGroup, err)
		}
		group = found
	case c.ProxyProtocolV2 == "" && c.TargetType == "" && c.PreserveClientIP == "":
		return nil, errors.New("how the target group is set is not known: give --target-type, --proxy-protocol-v2 and --preserve-client-ip, or --target-group")
	}
	if c.TargetType != "" {
		group.TargetType = c.TargetType
		if c.TargetGroup == "" {
			group.PreserveClientIP = c.TargetType == "instance"
		}
	}
	if c.ProxyProtocolV2 != "" {
		group.ProxyProtocolV2 = c.ProxyProtocolV2 == "on"
	}
	if c.PreserveClientIP != "" {
		group.PreserveClientIP = c.PreserveClientIP == "on"
	}
	return group, nil
}

// groupOfAWS asks AWS for a target group by its ARN.
func groupOfAWS(ctx context.Context, arn string) (*record.TargetGroup, error) {
	groups, err := targetGroups(ctx, nil)
	if err != nil {
		return nil, err
	}
	for i := range groups {
		if groups[i].ARN == arn {
			return &groups[i], nil
		}
	}
	return nil, fmt.Errorf("no NLB of this region has the target group %s", arn)
}
