package nlb_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"clearhop/aws/nlb"
	"clearhop/internal/mototest"
)

const region = "eu-central-1"

// useMoto makes AWS's usual configuration that of moto.
func useMoto(t *testing.T, endpoint string) {
	t.Setenv("AWS_ENDPOINT_URL", endpoint)
	t.Setenv("AWS_REGION", region)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_CONFIG_FILE", "none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
}

func finder(t *testing.T, c nlb.Config) *nlb.Finder {
	t.Helper()
	f, err := nlb.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// show writes nodes in one line, in the order of their addresses.
func show(nodes map[netip.Addr]string) string {
	var all []string
	for _, addr := range slices.SortedFunc(maps.Keys(nodes), netip.Addr.Compare) {
		all = append(all, fmt.Sprintf("%s=%s", addr, nodes[addr]))
	}
	return strings.Join(all, " ")
}

// TestFind asks moto's EC2, which applies the filter itself.
func TestFind(t *testing.T) {
	endpoint := mototest.Start(t)
	useMoto(t, endpoint)
	n := mototest.NewNetwork(t, endpoint, region, "10.16.1.0/24")
	n.AddInterface("ELB net/shop-edge/0123456789abcdef", "10.16.1.11", "2001:db8::11", "2001:db8::12")
	n.AddInterface("ELB net/shop-edge/0123456789abcdef", "10.16.1.12")
	n.AddInterface("ELB net/shop-edge-2/fedcba9876543210", "10.16.1.21")
	n.AddInterface("ELB net/pay/00000000000000aa", "10.16.1.31")
	for i, description := range []string{
		"ELB app/shop-edge/0123456789abcdef", "ELB gwy/shop-edge/0123456789abcdef", "ELB shop-edge", "my ELB net/shop-edge/1",
		"ELB net/shop-edge/", "ELB net/shop-edge/1/2", "ELB net/shop_edge/1", "ELB net//1", "Primary network interface",
	} {
		n.AddInterface(description, fmt.Sprintf("10.16.1.%d", 100+i))
	}
	f := func(want string, names ...string) {
		t.Helper()
		nodes, err := finder(t, nlb.Config{Names: names}).Find(t.Context())
		got := show(nodes)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", names, got, want)
		}
	}
	const shop = "10.16.1.11=shop-edge 10.16.1.12=shop-edge"
	f(shop + " 10.16.1.21=shop-edge-2 10.16.1.31=pay 2001:db8::11=shop-edge 2001:db8::12=shop-edge")
	f(shop+" 2001:db8::11=shop-edge 2001:db8::12=shop-edge", "shop-edge")
	f(shop+" 10.16.1.31=pay 2001:db8::11=shop-edge 2001:db8::12=shop-edge", "pay", "shop-edge", "pay")
	f(`no network interface is described as "ELB net/shop/*"`, "shop", "pay")
	f(`no network interface is described as "ELB net/Pay/*", or as "ELB net/shop/*"`, "shop", "Pay")

	other := finder(t, nlb.Config{Names: []string{"pay"}})
	t.Setenv("AWS_REGION", "eu-west-1")
	var missing *nlb.NotFoundError
	if _, err := other.Find(t.Context()); !errors.As(err, &missing) || !slices.Equal(missing.Patterns, []string{"ELB net/pay/*"}) {
		t.Errorf("in another region: %v", err)
	}
	if _, err := finder(t, nlb.Config{}).Find(t.Context()); err == nil || err.Error() != `no network interface is described as "ELB net/*/*"` {
		t.Errorf("in a region without NLBs: %v", err)
	}
}

// TestScaling: a Finder keeps nothing of what it found.
func TestScaling(t *testing.T) {
	endpoint := mototest.Start(t)
	useMoto(t, endpoint)
	n := mototest.NewNetwork(t, endpoint, region, "10.16.1.0/24")
	first := n.AddInterface("ELB net/shop/1", "10.16.1.11")
	f := finder(t, nlb.Config{Names: []string{"shop"}})
	check := func(want string) {
		t.Helper()
		if nodes, err := f.Find(t.Context()); err != nil || show(nodes) != want {
			t.Errorf("got %s, %v, want %s", show(nodes), err, want)
		}
	}
	check("10.16.1.11=shop")
	n.AddInterface("ELB net/shop/1", "10.16.1.12")
	check("10.16.1.11=shop 10.16.1.12=shop")
	n.RemoveInterface(first)
	check("10.16.1.12=shop")

	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { check("10.16.1.12=shop") })
	}
	wg.Wait()
}

func TestNames(t *testing.T) {
	f := func(name string, good bool) {
		t.Helper()
		_, err := nlb.New(nlb.Config{Names: []string{name}})
		var bad *nlb.NameError
		if good != (err == nil) || !good && (!errors.As(err, &bad) || bad.Name != name) {
			t.Errorf("%q: %v", name, err)
		}
	}
	f("a", true)
	f("Shop-Edge-1", true)
	f(strings.Repeat("a", 32), true)
	f(strings.Repeat("a", 33), false)
	f("", false)
	f("*", false)
	f("shop*", false)
	f("sh?p", false)
	f(`shop\*`, false)
	f("shop/1", false)
	f("shop edge", false)
	f("shop_edge", false)
	f("ショップ", false)
	_, err := nlb.New(nlb.Config{Names: []string{"*", "shop", "a/b"}})
	const want = `"*" is not the name of an NLB: it holds letters, digits and hyphens, at most 32
"a/b" is not the name of an NLB: it holds letters, digits and hyphens, at most 32`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// page is an answer with one network interface, written by hand.
func page(next, description string, addrs ...string) answer {
	var text strings.Builder
	text.WriteString("<DescribeNetworkInterfacesResponse><networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId>")
	fmt.Fprintf(&text, "<description>%s</description><privateIpAddressesSet>", description)
	for _, addr := range addrs {
		fmt.Fprintf(&text, "<item><privateIpAddress>%s</privateIpAddress></item>", addr)
	}
	fmt.Fprintf(&text, "</privateIpAddressesSet></item></networkInterfaceSet><nextToken>%s</nextToken></DescribeNetworkInterfacesResponse>", next)
	return answer{text: text.String()}
}

// TestPages: moto gives all at once, so the pages are made here.
func TestPages(t *testing.T) {
	const (
		shop   = "ELB net/shop/1"
		failed = "operation error EC2: DescribeNetworkInterfaces, "
	)
	empty := answer{text: "<DescribeNetworkInterfacesResponse><networkInterfaceSet/><nextToken>b</nextToken></DescribeNetworkInterfacesResponse>"}
	refused := recorded(t, http.StatusForbidden, "error-unauthorized")
	for name, c := range map[string]struct {
		pages []answer
		want  string
	}{
		"three": {[]answer{page("a", shop, "10.0.0.1"), page("b", "ELB net/pay/1"), page("", shop, "10.0.0.2", "10.0.0.3")},
			"10.0.0.1=shop 10.0.0.2=shop 10.0.0.3=shop"},
		"an empty one between": {[]answer{page("a", shop, "10.0.0.1"), empty, page("", shop, "10.0.0.2")},
			"10.0.0.1=shop 10.0.0.2=shop"},
		"mapped":          {[]answer{page("", shop, "::ffff:10.0.0.1")}, "10.0.0.1=shop"},
		"of two networks": {[]answer{page("a", shop, "10.0.0.1"), page("b", "ELB net/pay/1", "10.0.0.1"), page("", shop, "10.0.0.1")}, "10.0.0.1="},
		"without end":     {[]answer{page("a", shop, "10.0.0.1"), page("a", shop, "10.0.0.2")}, failed + "the answer's next page is the one just read"},
		"broken off": {[]answer{page("a", shop, "10.0.0.1"), refused},
			failed + "the credentials do not have the permission ec2:DescribeNetworkInterfaces (UnauthorizedOperation, request 59dbff89-35bd-4eac-99ed-be587EXAMPLE)"},
		"no address":       {[]answer{page("", shop)}, `no network interface is described as "ELB net/*/*"`},
		"no real address":  {[]answer{page("", shop, "10.0.0.1", "10.0.0.256")}, "network interface eni-1: one of its addresses cannot be read"},
		"address and zone": {[]answer{page("", shop, "fe80::1%eth0")}, "network interface eni-1: one of its addresses cannot be read"},
	} {
		s := startService(t, c.pages...)
		nodes, err := finder(t, nlb.Config{}).Find(t.Context())
		got := show(nodes)
		if err != nil {
			if nodes != nil {
				t.Errorf("%s: nodes beside the error", name)
			}
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
		token := ""
		for i, form := range s.asked() {
			if form.Get("NextToken") != token || form.Has("NextToken") != (token != "") {
				t.Errorf("%s: page %d was asked for with the token %q, want %q", name, i, form["NextToken"], token)
			}
			if _, next, ok := strings.Cut(c.pages[i].text, "<nextToken>"); ok {
				token, _, _ = strings.Cut(next, "<")
			}
			if form.Get("Filter.1.Name") != "description" || form.Get("Filter.1.Value.1") != "ELB net/*/*" || form.Has("Filter.1.Value.2") {
				t.Errorf("%s: the filter is %v", name, form)
			}
		}
	}
}

// TestNoConfiguration: what is missing is named, and looked for again.
func TestNoConfiguration(t *testing.T) {
	endpoint := mototest.Start(t)
	mototest.NewNetwork(t, endpoint, region, "10.16.1.0/24").AddInterface("ELB net/shop/1", "10.16.1.11")
	useMoto(t, endpoint)
	f := finder(t, nlb.Config{})
	t.Setenv("AWS_REGION", "")
	if _, err := f.Find(t.Context()); err == nil || !strings.Contains(err.Error(), "no region is set") {
		t.Errorf("without a region: %v", err)
	}
	t.Setenv("AWS_REGION", region)
	t.Setenv("AWS_PROFILE", "absent")
	if _, err := f.Find(t.Context()); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("with a profile that is not there: %v", err)
	}
	t.Setenv("AWS_PROFILE", "")
	if nodes, err := f.Find(t.Context()); err != nil || show(nodes) != "10.16.1.11=shop" {
		t.Errorf("got %s, %v", show(nodes), err)
	}

	none := finder(t, nlb.Config{})
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	_, err := none.Find(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no AWS credentials found (set AWS_PROFILE, or run aws sso login)") {
		t.Errorf("without credentials: %v", err)
	}
	t.Logf("without credentials: %v", err)
}
