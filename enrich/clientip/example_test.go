package clientip_test

import (
	"fmt"

	"clearhop/enrich/clientip"
)

// A web nginx behind an edge nginx behind an NLB. It does not trust the edge,
// so that $remote_addr is the edge's private address.
func Example() {
	nlb, err := clientip.ParseAddresses("10.16.1.11")
	if err != nil {
		panic(err)
	}
	edge, err := clientip.ParseAddresses("10.16.1.13")
	if err != nil {
		panic(err)
	}
	r, err := clientip.New(clientip.Config{NLB: nlb, Trusted: edge})
	if err != nil {
		panic(err)
	}

	logged := func(text string) clientip.Value { return clientip.Value{Text: []byte(text), Logged: true} }
	var a clientip.Answer
	r.Resolve(&clientip.Evidence{
		RemoteAddr:    logged("10.16.1.13"),
		XForwardedFor: logged("198.51.100.7, 210.227.0.10"),
		XRealIP:       logged("210.227.0.10"),
	}, &a)
	fmt.Println("client: ", a.Client, "from", a.Field)
	fmt.Println("verdict:", a.Verdict)
	fmt.Println("reason: ", a.Reason, "at hop", a.Hop)
	fmt.Printf("claimed: %s\n", a.Claimed)

	// The edge hands on the NLB's address: nobody can say who the client was.
	r.Resolve(&clientip.Evidence{
		RemoteAddr:    logged("10.16.1.11"),
		XForwardedFor: logged("10.16.1.11"),
		XRealIP:       logged("10.16.1.11"),
	}, &a)
	fmt.Println("verdict:", a.Verdict, "with the NLB's private address:", a.NLBPrivateIP)
	fmt.Println("reason: ", a.Reason, "at hop", a.Hop)

	// Output:
	// client:  210.227.0.10 from http_x_forwarded_for
	// verdict: forwarded
	// reason:  realip_not_applied at hop web
	// claimed: [198.51.100.7]
	// verdict: lost with the NLB's private address: true
	// reason:  edge_handed_on_proxy at hop edge
}

// Walk says what nginx itself makes of a header.
func ExampleResolver_Walk() {
	trusted, err := clientip.ParseAddresses("10.16.1.0/24")
	if err != nil {
		panic(err)
	}
	r, err := clientip.New(clientip.Config{Trusted: trusted})
	if err != nil {
		panic(err)
	}
	peer := trusted.Prefixes[0].Addr().Next()
	header := []byte("210.227.0.10, 10.16.1.13")
	fmt.Println("real_ip_recursive off:", r.Walk(peer, header, false))
	fmt.Println("real_ip_recursive on: ", r.Walk(peer, header, true))

	// Output:
	// real_ip_recursive off: 10.16.1.13
	// real_ip_recursive on:  210.227.0.10
}
