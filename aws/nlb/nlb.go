package nlb

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Describe is the method DescribeNetworkInterfaces of an *ec2.Client. It is no
// interface on purpose: a Client that becomes one takes its 700 other methods
// into every binary that calls methods by name, as kong does (38 MB).
type Describe func(context.Context, *ec2.DescribeNetworkInterfacesInput, ...func(*ec2.Options)) (*ec2.DescribeNetworkInterfacesOutput, error)

// Config says which NLBs to look for, and where.
type Config struct {
	// Names are those of the NLBs; none means all that the account has in the
	// region.
	Names []string
	// Describe asks EC2; nil means a client with the usual configuration of
	// AWS's tools, made by the first Find.
	Describe Describe
}

// A Finder finds the nodes of certain NLBs.
type Finder struct {
	names []string // sorted, each once; none: all

	mu       sync.Mutex
	describe Describe // nil before the first Find
}

// New makes a Finder. All names that no NLB can have are named in the error.
func New(c Config) (*Finder, error) {
	var errs []error
	for _, name := range c.Names {
		if !isName(name) {
			errs = append(errs, &NameError{Name: name})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Finder{names: slices.Compact(slices.Sorted(slices.Values(c.Names))), describe: c.Describe}, nil
}

// Find asks EC2 for the nodes as they are now: by address, unmapped, the name of
// the NLB. The name is empty where NLBs of two networks have the same address.
// An NLB without a node is a NotFoundError; other errors are those of the SDK.
// With an error there are no nodes.
func (f *Finder) Find(ctx context.Context) (map[netip.Addr]string, error) {
	describe, err := f.client(ctx)
	if err != nil {
		return nil, err
	}
	in := &ec2.DescribeNetworkInterfacesInput{
		Filters: []types.Filter{{Name: aws.String("description"), Values: f.patterns()}},
	}
	nodes := map[netip.Addr]string{}
	found := map[string]bool{}
	for {
		out, err := describe(ctx, in)
		if err != nil {
			return nil, err
		}
		for i := range out.NetworkInterfaces {
			card := &out.NetworkInterfaces[i]
			name, ok := nlbOf(aws.ToString(card.Description))
			if !ok || len(f.names) > 0 && !slices.Contains(f.names, name) {
				continue
			}
			addrs, err := addressesOf(card)
			if err != nil {
				return nil, err
			}
			for _, addr := range addrs {
				if other, twice := nodes[addr]; twice && other != name {
					nodes[addr] = ""
				} else {
					nodes[addr] = name
				}
				found[name] = true
			}
		}
		next := aws.ToString(out.NextToken)
		if next == "" {
			break
		}
		if next == aws.ToString(in.NextToken) {
			return nil, errors.New("describe network interfaces: the answer's next page is the one just read")
		}
		in.NextToken = out.NextToken
	}
	if err := f.missing(found); err != nil {
		return nil, err
	}
	return nodes, nil
}

// missing is an error that names the NLBs of which nothing was found.
func (f *Finder) missing(found map[string]bool) error {
	var patterns []string
	if len(f.names) == 0 && len(found) == 0 {
		patterns = f.patterns()
	}
	for _, name := range f.names {
		if !found[name] {
			patterns = append(patterns, pattern(name))
		}
	}
	if len(patterns) == 0 {
		return nil
	}
	return &NotFoundError{Patterns: patterns}
}

// client returns the call, and makes a client for it where there is none. A
// configuration that could not be read is read again the next time.
func (f *Finder) client(ctx context.Context) (Describe, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.describe != nil {
		return f.describe, nil
	}
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("aws configuration: %w", err)
	}
	if c.Region == "" {
		return nil, errors.New("aws configuration: no region is set, for example by AWS_REGION")
	}
	f.describe = ec2.NewFromConfig(c).DescribeNetworkInterfaces
	return f.describe, nil
}

// opening starts the description of a network interface of an NLB. Those of
// other load balancers have app/, gwy/ or no kind there.
const opening = "ELB net/"

// pattern is the filter for the interfaces of an NLB.
func pattern(name string) string { return opening + name + "/*" }

func (f *Finder) patterns() []string {
	if len(f.names) == 0 {
		return []string{pattern("*")}
	}
	var all []string
	for _, name := range f.names {
		all = append(all, pattern(name))
	}
	return all
}

// nlbOf returns the name of the NLB that an interface belongs to by its
// description. What a person wrote there may match the filter all the same.
func nlbOf(description string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(description, opening)
	if !ok {
		return "", false
	}
	name, id, _ := strings.Cut(rest, "/")
	return name, isName(name) && isAlphanumeric(id)
}

// maxName is how long the name of an NLB may be.
const maxName = 32

// isName reports whether an NLB can have the name. The characters that mean
// something in a filter are none of those allowed.
func isName(name string) bool {
	return len(name) <= maxName && isAlphanumeric(strings.ReplaceAll(name, "-", "0"))
}

func isAlphanumeric(text string) bool {
	for _, c := range []byte(text) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return text != ""
}

// addressesOf lists the private addresses of an interface, in both families.
func addressesOf(card *types.NetworkInterface) ([]netip.Addr, error) {
	texts := []*string{card.PrivateIpAddress}
	for _, a := range card.PrivateIpAddresses {
		texts = append(texts, a.PrivateIpAddress)
	}
	for _, a := range card.Ipv6Addresses {
		texts = append(texts, a.Ipv6Address)
	}
	var addrs []netip.Addr
	for _, text := range texts {
		if text == nil {
			continue
		}
		addr, err := netip.ParseAddr(*text)
		if err != nil || addr.Zone() != "" {
			return nil, fmt.Errorf("network interface %s: one of its addresses cannot be read", aws.ToString(card.NetworkInterfaceId))
		}
		addrs = append(addrs, addr.Unmap())
	}
	return addrs, nil
}
