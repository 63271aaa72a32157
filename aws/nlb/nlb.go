package nlb

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"

	"clearhop/aws/query"
)

var ec2API = query.Service{ID: "EC2", Name: "ec2", Version: "2016-11-15"}

// Config says which NLBs to look for.
type Config struct {
	// Names are those of the NLBs; none means all that the account has in the
	// region.
	Names []string
}

// A Finder finds the nodes of certain NLBs.
type Finder struct {
	names []string // sorted, each once; none: all

	mu  sync.Mutex
	ec2 *query.Client // nil before the first Find
}

// New makes a Finder. The error names every name that no NLB can have.
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
	return &Finder{names: slices.Compact(slices.Sorted(slices.Values(c.Names)))}, nil
}

// maxInterfaces is how many network interfaces a page may have, which is the
// most that EC2 gives. Without a limit the request fails in an account with a
// large number of them.
const maxInterfaces = "1000"

// Find asks EC2 for the nodes as they are now. The result has the addresses of
// the nodes, unmapped, each with the name of its NLB. The name is empty where
// NLBs of two networks have the same address.
//
// An NLB without a node is a *NotFoundError. What EC2 refuses is a
// *ServiceError. With an error there are no nodes.
func (f *Finder) Find(ctx context.Context) (map[netip.Addr]string, error) {
	c, err := f.client(ctx)
	if err != nil {
		return nil, err
	}
	form := url.Values{"MaxResults": {maxInterfaces}, "Filter.1.Name": {"description"}}
	for i, pattern := range f.patterns() {
		form.Set(fmt.Sprintf("Filter.1.Value.%d", i+1), pattern)
	}
	nodes := map[netip.Addr]string{}
	found := map[string]bool{} // the NLBs, by name
	for page, err := range query.Pages[interfacePage](ctx, c, "DescribeNetworkInterfaces", "NextToken", form) {
		if err != nil {
			return nil, err
		}
		for i := range page.Interfaces {
			name, addrs, err := f.nodeOf(&page.Interfaces[i])
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
	}
	if err := f.missing(found); err != nil {
		return nil, err
	}
	return nodes, nil
}

// nodeOf returns the addresses of a network interface and the NLB that it
// belongs to. It returns none if that is no NLB that was asked for.
func (f *Finder) nodeOf(eni *networkInterface) (name string, addrs []netip.Addr, err error) {
	name, ok := nlbOf(eni.Description)
	if !ok || len(f.names) > 0 && !slices.Contains(f.names, name) {
		return "", nil, nil
	}
	addrs, err = eni.addresses()
	return name, addrs, err
}

// missing returns an error that names the NLBs of which nothing was found; nil if
// something was found of each.
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

// client returns the client of EC2. The first call makes it. A configuration
// that could not be read is read again by the next call.
func (f *Finder) client(ctx context.Context) (*query.Client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ec2 == nil {
		c, err := query.New(ctx, ec2API)
		if err != nil {
			return nil, err
		}
		f.ec2 = c
	}
	return f.ec2, nil
}

// opening starts the description of a network interface of an NLB. Those of
// other load balancers have app/, gwy/ or no kind there.
const opening = "ELB net/"

// pattern returns the filter for the interfaces of an NLB.
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

// An interfacePage is what is read of an answer to DescribeNetworkInterfaces.
type interfacePage struct {
	XMLName    xml.Name           `xml:"DescribeNetworkInterfacesResponse"`
	Interfaces []networkInterface `xml:"networkInterfaceSet>item"`
	NextToken  string             `xml:"nextToken"`
}

func (p interfacePage) Next() string { return p.NextToken }

// A networkInterface is what is read of a network interface.
type networkInterface struct {
	ID          string   `xml:"networkInterfaceId"`
	Description string   `xml:"description"`
	Primary     string   `xml:"privateIpAddress"`
	IPv4        []string `xml:"privateIpAddressesSet>item>privateIpAddress"` // the primary one is among them
	IPv6        []string `xml:"ipv6AddressesSet>item>ipv6Address"`
}

// addresses returns the private addresses of the interface, in both families.
func (n *networkInterface) addresses() ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, text := range slices.Concat([]string{n.Primary}, n.IPv4, n.IPv6) {
		if text == "" {
			continue
		}
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return nil, fmt.Errorf("network interface %s: one of its addresses cannot be read", n.ID)
		}
		addrs = append(addrs, addr.Unmap())
	}
	return addrs, nil
}
