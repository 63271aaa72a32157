package clientip

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

// The slow twin of nginx's walk: strings and recursion, no cleverness. Real
// nginx is held against the fast one in nginx_test.go; the two of them hold
// each other here, on any bytes.

// slowWalk is ngx_http_get_forwarded_addr_internal.
func slowWalk(trusted func(netip.Addr) bool, addr netip.Addr, header string, recursive bool) netip.Addr {
	if header == "" || !trusted(addr) {
		return addr
	}
	for len(header) > 1 && strings.ContainsAny(header[len(header)-1:], " ,") {
		header = header[:len(header)-1]
	}
	left, token := "", header
	if i := strings.LastIndexAny(header, " ,"); i > 0 {
		left, token = header[:i], header[i+1:]
	}
	next, ok := slowParseAddrPort(token)
	if !ok {
		return addr
	}
	if !recursive {
		return next
	}
	return slowWalk(trusted, next, left, recursive)
}

// slowParseAddrPort is ngx_parse_addr_port.
func slowParseAddrPort(s string) (netip.Addr, bool) {
	if addr, ok := slowParseAddr(s); ok {
		return addr, true
	}
	var host, port string
	var ok bool
	if strings.HasPrefix(s, "[") {
		host, port, ok = strings.Cut(s[1:], "]")
		ok = ok && strings.HasPrefix(port, ":")
		port = strings.TrimPrefix(port, ":")
	} else {
		host, port, ok = strings.Cut(s, ":")
	}
	n, digits := slowNumber(port)
	if !ok || port == "" || !digits || n < 1 || n > 65535 {
		return netip.Addr{}, false
	}
	return slowParseAddr(host)
}

func slowParseAddr(s string) (netip.Addr, bool) {
	if b, ok := slowParseIPv4(s); ok {
		return netip.AddrFrom4(b), true
	}
	words, ok := slowParseIPv6(s)
	if !ok {
		return netip.Addr{}, false
	}
	var b [16]byte
	for i, w := range words {
		b[2*i], b[2*i+1] = byte(w>>8), byte(w)
	}
	return netip.AddrFrom16(b).Unmap(), true
}

// slowNumber reads decimal digits, none of them counting as 0. Too large a
// number comes back as a large one.
func slowNumber(s string) (n int, ok bool) {
	if strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	s = strings.TrimLeft(s, "0")
	if s == "" {
		return 0, true
	}
	if len(s) > 6 {
		return 999999, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// slowParseIPv4 is ngx_inet_addr.
func slowParseIPv4(s string) (b [4]byte, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return b, false
	}
	for i, part := range parts {
		n, digits := slowNumber(part)
		if !digits || n > 255 {
			return b, false
		}
		b[i] = byte(n)
	}
	return b, b != [4]byte{255, 255, 255, 255}
}

// slowParseIPv6 is ngx_inet6_addr.
func slowParseIPv6(s string) ([]uint16, bool) {
	if s == "" {
		return nil, false
	}
	parts := strings.Split(strings.TrimPrefix(s, ":"), ":")
	last := len(parts) - 1
	var words []uint16
	gap := -1
	for _, part := range parts[:last] {
		if part == "" {
			if gap >= 0 {
				return nil, false
			}
			gap = len(words)
			continue
		}
		w, ok := slowGroup(part)
		if !ok || len(words) == 7 {
			return nil, false
		}
		words = append(words, w)
	}
	switch tail := parts[last]; {
	case tail == "":
		if gap < 0 {
			return nil, false
		}
		words = append(words, 0)
	case strings.Contains(tail, "."):
		first, _, _ := strings.Cut(tail, ".")
		_, hex := slowGroup(first)
		b, ok := slowParseIPv4(tail)
		if !hex || !ok || last == 0 || len(words) > 6 {
			return nil, false
		}
		words = append(words, uint16(b[0])<<8|uint16(b[1]), uint16(b[2])<<8|uint16(b[3]))
	default:
		w, ok := slowGroup(tail)
		if !ok {
			return nil, false
		}
		words = append(words, w)
	}
	if (len(words) == 8) != (gap < 0) {
		return nil, false
	}
	if gap >= 0 {
		full := append([]uint16{}, words[:gap]...)
		full = append(full, make([]uint16, 8-len(words))...)
		words = append(full, words[gap:]...)
	}
	return words, true
}

// slowGroup reads one to four hexadecimal digits.
func slowGroup(s string) (uint16, bool) {
	if s == "" || len(s) > 4 || strings.Trim(s, "0123456789abcdefABCDEF") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 16, 16)
	return uint16(n), err == nil
}

var hostileTokens = []string{
	"", "-", "unknown", "1.1.1.1", "10.0.0.1", "010.1.1.1", "1..2.3", "...", "255.255.255.255", "256.1.1.1", "1.2.3",
	"1.2.3.4.5", "0000000000010.1.1.1", "1.1.1.1:443", "1.1.1.1:0", "1.1.1.1:65536", "1.1.1.1:00443", "1.1.1.1:", ":80", "1.1.1.1:4 4",
	"::", ":", ":::", "::1", ":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::8", "1:2:3:4:5:6:7:8:9",
	"::ffff:10.0.0.1", "::FFFF:1.2.3.4", "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "::1.2.3.4:80", "::.1.2.3",
	":1.2.3.4", "::00001.2.3.4", "::255.255.255.255", "[::1]:80", "[::1]", "[::1]:0", "[::1]x80", "[1.1.1.1]:80", "[]:80", "[", "]", "[::1]]:80",
	"fe80::1%eth0", "2001:DB8::A", "2001:db8::g", "12345::", "1.1.1.1\t", "\t1.1.1.1", "\"1.1.1.1\"", "unix:", "unix:/x", "1.1.1.1;", "é",
}

func TestParseLikeTheSlowTwin(t *testing.T) {
	for _, a := range hostileTokens {
		for _, b := range hostileTokens {
			holdParse(t, a+b)
		}
	}
}

func holdParse(t *testing.T, s string) {
	t.Helper()
	got, ok := parseAddrPort([]byte(s))
	want, wantOK := slowParseAddrPort(s)
	if got != want || ok != wantOK {
		t.Errorf("parseAddrPort(%q) = %v, %t; the slow twin says %v, %t", s, got, ok, want, wantOK)
	}
	got, ok = parseAddr([]byte(s))
	want, wantOK = slowParseAddr(s)
	if got != want || ok != wantOK {
		t.Errorf("parseAddr(%q) = %v, %t; the slow twin says %v, %t", s, got, ok, want, wantOK)
	}
}

// TestReadsWhatNetipDoesNot pins where nginx and Go's netip part.
func TestReadsWhatNetipDoesNot(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		got, _ := parseAddr([]byte(text))
		if got.String() != want {
			t.Errorf("%q: got %v, want %s", text, got, want)
		}
		if addr, err := netip.ParseAddr(text); err == nil && addr.Unmap().String() == want {
			t.Errorf("%q: netip reads the same", text)
		}
	}
	f("010.1.1.1", "10.1.1.1")
	f("1..2.3", "1.0.2.3")
	f("...", "0.0.0.0")
	f(":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8")
	f(":2001:db8::1", "2001:db8::1")
	f("255.255.255.255", "invalid IP")
	f("fe80::1%eth0", "invalid IP")
	f("1:2:3:4:5:6:7::", "invalid IP")
}

// FuzzWalk holds the walk and the parse functions to their slow twins.
func FuzzWalk(f *testing.F) {
	for _, token := range hostileTokens {
		f.Add("10.0.0.1", token)
		f.Add("::1", "1.1.1.1, "+token+" ,10.0.0.2,")
	}
	trusted, err := ParseAddresses("10.0.0.0/8", "::1", "2001:db8::/32", "0.0.0.0/31", "unix:")
	if err != nil {
		f.Fatal(err)
	}
	r, err := New(Config{Trusted: trusted})
	if err != nil {
		f.Fatal(err)
	}
	isTrusted := func(addr netip.Addr) bool {
		for _, p := range trusted.Prefixes {
			if p.Contains(addr) {
				return true
			}
		}
		return !addr.IsValid() // unix:
	}
	f.Fuzz(func(t *testing.T, peer, header string) {
		holdParse(t, header)
		from, _ := netip.ParseAddr(peer)
		from = from.Unmap().WithZone("")
		for _, recursive := range []bool{true, false} {
			got := r.Walk(from, []byte(header), recursive)
			if want := slowWalk(isTrusted, from, header, recursive); got != want {
				t.Errorf("Walk(%v, %q, %t) = %v; the slow twin says %v", from, header, recursive, got, want)
			}
		}
		// What Resolve walks is the same walk.
		w := r.sets.walk(true, []byte(header))
		got := r.Walk(netip.MustParseAddr("10.0.0.1"), []byte(header), true)
		if (w.end == foundClient) != (!isTrusted(got)) || w.end == foundClient && w.addr != got {
			t.Errorf("walk(%q) = %+v, Walk says %v", header, w, got)
		}
	})
}
