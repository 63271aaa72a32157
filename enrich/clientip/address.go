package clientip

import (
	"encoding/binary"
	"net/netip"
)

// parseAddrPort reads an address as ngx_parse_addr_port does: an IPv4 or IPv6
// address, "v4:port" or "[v6]:port". The port is dropped, and an IPv4-mapped
// address becomes IPv4, since nginx compares it so (ngx_cidr_match).
//
// Go's netip is not used on purpose. nginx takes texts that netip refuses
// ("010.1.1.1" is 10.1.1.1, "1..2.3" is 1.0.2.3) and refuses some that netip
// takes (a zone, 255.255.255.255), and here nginx decides.
func parseAddrPort(b []byte) (netip.Addr, bool) {
	if ip, ok := parseAddr(b); ok {
		return ip, true
	}
	host, port, ok := cutPort(b)
	if !ok || !isPort(port) {
		return netip.Addr{}, false
	}
	return parseAddr(host)
}

// cutPort splits at the "]:" that closes a bracket, or else at the first colon.
func cutPort(b []byte) (host, port []byte, ok bool) {
	closing := byte(':')
	bracket := len(b) > 0 && b[0] == '['
	if bracket {
		closing = ']'
	}
	for i, c := range b {
		if c != closing {
			continue
		}
		if !bracket {
			return b[:i], b[i+1:], true
		}
		if i+1 < len(b) && b[i+1] == ':' {
			return b[1:i], b[i+2:], true
		}
		break
	}
	return nil, nil, false
}

func isPort(b []byte) bool {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' || n > 65535 {
			return false
		}
		n = n*10 + int(c-'0')
	}
	return len(b) > 0 && 1 <= n && n <= 65535
}

// parseAddr reads an address without a port (ngx_parse_addr).
func parseAddr(b []byte) (netip.Addr, bool) {
	if v4, ok := parseIPv4(b); ok {
		return fromIPv4(v4), true
	}
	return parseIPv6(b)
}

func fromIPv4(v4 uint32) netip.Addr {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], v4)
	return netip.AddrFrom4(a)
}

// parseIPv4 follows ngx_inet_addr: four numbers up to 255 with three dots
// between, where leading zeros are decimal and a missing number is 0. The
// result 255.255.255.255 is nginx's value for failure.
func parseIPv4(b []byte) (uint32, bool) {
	var addr, octet uint32
	dots := 0
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			octet = octet*10 + uint32(c-'0')
			if octet > 255 {
				return 0, false
			}
		case c == '.':
			addr = addr<<8 + octet
			octet = 0
			dots++
		default:
			return 0, false
		}
	}
	addr = addr<<8 + octet
	return addr, dots == 3 && addr != 0xFFFFFFFF
}

// parseIPv6 follows ngx_inet6_addr: groups of up to four hexadecimal digits,
// one "::", and an IPv4 address in place of the last two groups. A first colon
// is skipped whatever follows, and the "::" may stand for no group at all only
// where a group is missing.
func parseIPv6(b []byte) (netip.Addr, bool) { //nolint:gocyclo // it mirrors ngx_inet6_addr step by step
	const groups = 8
	var (
		out      [16]byte
		n        int      // bytes written to out
		zero     = -1     // where "::" stands in out
		digits   int      // digits of the current group
		word     uint32   // the current group
		group    = -1     // where in b the current group starts, after a colon
		left     = groups // groups still to come
		embedded bool     // an IPv4 address ended the text
	)
	if len(b) == 0 {
		return netip.Addr{}, false
	}
	i := 0
	if b[0] == ':' {
		i = 1
	}
	put := func(word uint32) {
		out[n], out[n+1] = byte(word>>8), byte(word)
		n += 2
		left--
	}
scan:
	for ; i < len(b); i++ {
		c := b[i]
		switch {
		case c == ':' && digits > 0:
			group = i + 1
			put(word)
			if left == 0 {
				return netip.Addr{}, false
			}
			digits, word = 0, 0
		case c == ':':
			if zero >= 0 {
				return netip.Addr{}, false
			}
			group, zero = i+1, n
		case c == '.' && digits > 0:
			if left < 2 || group < 0 {
				return netip.Addr{}, false
			}
			v4, ok := parseIPv4(b[group:])
			if !ok {
				return netip.Addr{}, false
			}
			put(v4 >> 16)
			word, embedded = v4, true
			break scan
		default:
			digit, ok := hexDigit(c)
			digits++
			if !ok || digits > 4 {
				return netip.Addr{}, false
			}
			word = word<<4 | digit
		}
	}
	if digits == 0 && zero < 0 && !embedded {
		return netip.Addr{}, false
	}
	put(word)
	switch {
	case left == 0 && zero >= 0, left > 0 && zero < 0:
		return netip.Addr{}, false
	case left > 0:
		// Move what follows the "::" to the end; zeros fill the gap.
		tail := n - zero
		copy(out[16-tail:], out[zero:n])
		clear(out[zero : 16-tail])
	}
	return netip.AddrFrom16(out).Unmap(), true
}

func hexDigit(c byte) (uint32, bool) {
	switch {
	case '0' <= c && c <= '9':
		return uint32(c - '0'), true
	case 'a' <= c && c <= 'f':
		return uint32(c-'a') + 10, true
	case 'A' <= c && c <= 'F':
		return uint32(c-'A') + 10, true
	}
	return 0, false
}
