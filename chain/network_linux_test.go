package chain_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A machine is a network namespace of its own. It has no name in the system
// and is gone when the test ends, however it ends.
type machine struct {
	name  string
	space netns.NsHandle
	work  chan func()
}

// newMachine makes a namespace whose only interface is loopback.
func newMachine(t testing.TB, name string) *machine {
	t.Helper()
	m := &machine{name: name, work: make(chan func())}
	made := make(chan error)
	go func() {
		// The thread stays in the namespace and is never given back.
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			m.space, err = netns.Get()
		}
		made <- err
		for f := range m.work {
			f()
		}
	}()
	if err := <-made; err != nil {
		cannotRun(t, fmt.Sprintf("network namespaces cannot be made here (%v): run the test as root", err))
	}
	t.Cleanup(func() { close(m.work) })
	m.do(t, func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return netlink.LinkSetUp(lo)
	})
	return m
}

// do runs f inside the namespace.
func (m *machine) do(t testing.TB, f func() error) {
	t.Helper()
	done := make(chan error)
	m.work <- func() { done <- f() }
	if err := <-done; err != nil {
		t.Fatalf("%s: %v", m.name, err)
	}
}

// dial connects from one of the machine's addresses.
func (m *machine) dial(t testing.TB, from netip.Addr, to netip.AddrPort) net.Conn {
	t.Helper()
	var conn net.Conn
	m.do(t, func() (err error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from.AsSlice()}}
		conn, err = d.DialContext(context.Background(), "tcp", to.String())
		return err
	})
	return conn
}

// listens reports whether somebody in the namespace listens on a port, by IPv4
// and by IPv6.
func (m *machine) listens(t testing.TB, port int) bool {
	t.Helper()
	listening := 0
	m.do(t, func() error {
		for _, table := range []string{"tcp", "tcp6"} {
			b, err := os.ReadFile(fmt.Sprintf("/proc/thread-self/net/%s", table))
			if err != nil {
				return err
			}
			const state = "0A" // TCP_LISTEN of the kernel's tcp_states.h
			for line := range strings.Lines(string(b)) {
				words := strings.Fields(line)
				if len(words) > 3 && words[3] == state && strings.HasSuffix(words[1], fmt.Sprintf(":%04X", port)) {
					listening++
					break
				}
			}
		}
		return nil
	})
	return listening == 2
}

// own gives an interface of the namespace its addresses, and a way to all
// others on the same segment.
func (m *machine) own(t testing.TB, device string, addresses []netip.Addr) {
	t.Helper()
	m.do(t, func() error {
		link, err := netlink.LinkByName(device)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return err
		}
		for _, addr := range addresses {
			// Without duplicate address detection an IPv6 address is there at once.
			err := netlink.AddrAdd(link, &netlink.Addr{IPNet: network(addr, addr.BitLen()), Flags: unix.IFA_F_NODAD})
			if err != nil {
				return fmt.Errorf("address %v: %w", addr, err)
			}
		}
		for _, everything := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
			route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: network(everything, 0), Scope: netlink.SCOPE_LINK}
			if err := netlink.RouteAdd(route); err != nil {
				return fmt.Errorf("route: %w", err)
			}
		}
		return nil
	})
}

func network(addr netip.Addr, bits int) *net.IPNet {
	return &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(bits, addr.BitLen())}
}

// A segment joins the machines of one chain. The bridge that all are plugged
// into stands in the NLB's namespace.
type segment struct {
	client, nlb, edge, mid, web *machine
}

func newSegment(t testing.TB) *segment {
	t.Helper()
	s := &segment{
		client: newMachine(t, "client"), nlb: newMachine(t, "nlb"),
		edge: newMachine(t, "edge"), mid: newMachine(t, "mid"), web: newMachine(t, "web"),
	}
	const bridge = "segment"
	s.nlb.do(t, func() error {
		return netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridge}})
	})
	s.nlb.own(t, bridge, []netip.Addr{nlbPublic4, nlbPublic6, nlb4, nlb6})
	plug := func(m *machine, addresses ...netip.Addr) {
		t.Helper()
		const device = "eth0"
		s.nlb.do(t, func() error {
			hub, err := netlink.LinkByName(bridge)
			if err != nil {
				return err
			}
			port := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: m.name, MasterIndex: hub.Attrs().Index}, PeerName: device}
			if err := netlink.LinkAdd(port); err != nil {
				return err
			}
			peer, err := netlink.LinkByName(device)
			if err != nil {
				return err
			}
			if err := netlink.LinkSetNsFd(peer, int(m.space)); err != nil {
				return err
			}
			return netlink.LinkSetUp(port)
		})
		m.own(t, device, addresses)
	}
	plug(s.client, visitor4, neighbour4, visitor6, cdn4, inside4)
	plug(s.edge, edge4, edge6)
	plug(s.mid, mid4)
	plug(s.web, web4, web6)
	return s
}
