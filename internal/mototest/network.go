package mototest

import (
	"fmt"
	"net/url"
	"testing"
)

// A Network is a subnet in moto that network interfaces are made in.
type Network struct {
	t        testing.TB
	endpoint string
	region   string
	vpc      string
	subnet   string
}

// NewNetwork makes a VPC with one subnet of the IPv4 range cidr and the IPv6
// range 2001:db8::/64.
func NewNetwork(t testing.TB, endpoint, region, cidr string) *Network {
	t.Helper()
	n := &Network{t: t, endpoint: endpoint, region: region}
	var made struct {
		VPC    string `xml:"vpc>vpcId"`
		Subnet string `xml:"subnet>subnetId"`
	}
	n.ec2("CreateVpc", url.Values{"CidrBlock": {cidr}}, &made)
	n.vpc = made.VPC
	n.ec2("CreateSubnet", url.Values{"VpcId": {n.vpc}, "CidrBlock": {cidr}, "Ipv6CidrBlock": {"2001:db8::/64"}}, &made)
	n.subnet = made.Subnet
	return n
}

// AddInterface makes a network interface with an IPv4 address and, if there are
// any, IPv6 addresses, and returns its id. Moto makes none for an NLB: one that
// is to look like a node's needs the description "ELB net/NAME/ID".
func (n *Network) AddInterface(description, ipv4 string, ipv6 ...string) (id string) {
	n.t.Helper()
	form := url.Values{"SubnetId": {n.subnet}, "Description": {description}, "PrivateIpAddress": {ipv4}}
	for i, addr := range ipv6 {
		form.Set(fmt.Sprintf("Ipv6Addresses.%d.Ipv6Address", i+1), addr)
	}
	var made struct {
		ID string `xml:"networkInterface>networkInterfaceId"`
	}
	n.ec2("CreateNetworkInterface", form, &made)
	return made.ID
}

// RemoveInterface deletes a network interface.
func (n *Network) RemoveInterface(id string) {
	n.t.Helper()
	n.ec2("DeleteNetworkInterface", url.Values{"NetworkInterfaceId": {id}}, nil)
}

func (n *Network) ec2(action string, form url.Values, answer any) {
	n.t.Helper()
	ask(n.t, n.endpoint, n.region, "ec2", "2016-11-15", action, form, answer)
}
