package mototest

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// A Network is a subnet in moto that network interfaces are made in.
type Network struct {
	t        testing.TB
	endpoint string
	region   string
	client   *ec2.Client
	vpc      *string
	subnet   *string
}

// NewNetwork makes a VPC with one subnet of the IPv4 range cidr and the IPv6
// range 2001:db8::/64.
func NewNetwork(t testing.TB, endpoint, region, cidr string) *Network {
	t.Helper()
	client := ec2.New(ec2.Options{
		BaseEndpoint: &endpoint, Region: region, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	vpc, err := client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: &cidr})
	if err != nil {
		t.Fatalf("moto: %v", err)
	}
	subnet, err := client.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{
		VpcId: vpc.Vpc.VpcId, CidrBlock: &cidr, Ipv6CidrBlock: aws.String("2001:db8::/64"),
	})
	if err != nil {
		t.Fatalf("moto: %v", err)
	}
	return &Network{t: t, endpoint: endpoint, region: region, client: client, vpc: vpc.Vpc.VpcId, subnet: subnet.Subnet.SubnetId}
}

// AddInterface makes a network interface with an IPv4 address and, if there are
// any, IPv6 addresses, and returns its id. Moto makes none for an NLB: one that
// is to look like a node's needs the description "ELB net/NAME/ID".
func (n *Network) AddInterface(description, ipv4 string, ipv6 ...string) (id string) {
	n.t.Helper()
	in := &ec2.CreateNetworkInterfaceInput{SubnetId: n.subnet, Description: &description, PrivateIpAddress: &ipv4}
	for _, addr := range ipv6 {
		in.Ipv6Addresses = append(in.Ipv6Addresses, types.InstanceIpv6Address{Ipv6Address: aws.String(addr)})
	}
	out, err := n.client.CreateNetworkInterface(n.t.Context(), in)
	if err != nil {
		n.t.Fatalf("moto: %v", err)
	}
	return *out.NetworkInterface.NetworkInterfaceId
}

// RemoveInterface deletes a network interface.
func (n *Network) RemoveInterface(id string) {
	n.t.Helper()
	if _, err := n.client.DeleteNetworkInterface(n.t.Context(), &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: &id}); err != nil {
		n.t.Fatalf("moto: %v", err)
	}
}
