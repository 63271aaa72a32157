package privacy

import "net/netip"

// find returns the first address in text at or after i, and where it stands.
// Anything that may be an address counts as one:
//
//   - four numbers up to 255 with dots between them, except 0.0.0.0;
//   - an IPv6 address in any of its forms, except "::", also with an IPv4 address
//     at its end.
//
// It does not matter whether a letter stands before or after it, with two
// exceptions. The version of a product (Chrome/131.0.0.0) is not an address. A
// name with two colons (std::cafe) is one only if it has three groups.
func find(text []byte, i int) (addr netip.Addr, start, end int, ok bool) {
	for ; i < len(text); i++ {
		c, width := unescape(text, i)
		if c == ':' || isHex(c) {
			before := byte(' ')
			if i > 0 {
				before = text[i-1]
			}
			if addr, end, ok = match(text, i, before); ok {
				return addr, i, end, true
			}
		}
		if width > 1 {
			// A text begins anew behind an escape, although the escape may end
			// in a digit.
			if addr, end, ok = match(text, i+width, ' '); ok {
				return addr, i + width, end, true
			}
		}
	}
	return netip.Addr{}, 0, 0, false
}

// match reads an address that starts at text[i]; before is the byte in front of
// it. It tries both meanings of a byte that may begin an escape or stand for
// itself.
func match(text []byte, i int, before byte) (addr netip.Addr, end int, ok bool) {
	for _, raw := range [...]bool{false, true} {
		f := reading{text, raw, false}
		if !isHex(before) {
			if addr, end, ok = f.ipv6(i, before); ok {
				return addr, end, true
			}
		}
		if !isDigit(before) {
			if addr, end, ok = f.ipv4(i); ok && !isVersion(text[:i], addr) {
				return addr, end, true
			}
		}
		if !f.escaped {
			break
		}
	}
	return netip.Addr{}, 0, false
}

// A reading is one way to read a text.
type reading struct {
	text    []byte
	raw     bool // reads an escape as the bytes that it is written with
	escaped bool // an escape was read
}

// at reads the byte at i: 0 at the end of the text.
func (f *reading) at(i int) (c byte, width int) {
	switch {
	case i >= len(f.text):
		return 0, 1
	case f.raw || f.text[i] != '%' && f.text[i] != '\\':
		return f.text[i], 1
	}
	c, width = unescape(f.text, i)
	f.escaped = f.escaped || width > 1
	return c, width
}

// isVersion reports whether an address is a version as most browsers write it:
// behind a name and a slash, with zeros only after the first number.
func isVersion(before []byte, addr netip.Addr) bool {
	n := len(before)
	if n < 2 || before[n-1] != '/' || !isLetter(before[n-2]) {
		return false
	}
	b := addr.As4()
	return b[1] == 0 && b[2] == 0 && b[3] == 0
}

// ipv4 reads an IPv4 address at i. As in nginx, zeros in front of a number do not
// matter.
func (f *reading) ipv4(i int) (addr netip.Addr, end int, ok bool) {
	var b [4]byte
	for n := range b {
		value, digits := 0, 0
		c, width := f.at(i)
		for isDigit(c) && value <= 255 && digits < maxDigits {
			value, digits = value*10+int(c-'0'), digits+1
			i += width
			c, width = f.at(i)
		}
		if digits == 0 || value > 255 {
			return netip.Addr{}, 0, false
		}
		b[n] = byte(value)
		if n < len(b)-1 {
			if c != '.' {
				return netip.Addr{}, 0, false
			}
			i += width
		}
	}
	return netip.AddrFrom4(b), i, b != [4]byte{}
}

// maxDigits bounds the zeros in front of a number, so that reading stays quick.
const maxDigits = 64

// ipv6 reads the longest IPv6 address at i.
func (f *reading) ipv6(i int, before byte) (addr netip.Addr, end int, ok bool) {
	const groups = 8
	var g [groups]uint16
	n, gap := 0, -1 // groups read, and how many of them stand before the "::"
	if next, ok := f.colons(i); ok {
		i, end, gap = next, next, 0
	}
	for n < groups-1 || n < groups && gap < 0 { // "::" stands for one group or more
		if n == groups-2 && gap < 0 || n < groups-2 && gap >= 0 {
			if v4, behind, ok := f.ipv4(i); ok {
				b := v4.As4()
				g[n], g[n+1] = uint16(b[0])<<8|uint16(b[1]), uint16(b[2])<<8|uint16(b[3])
				n, end = n+2, behind
				break
			}
		}
		value, behind, ok := f.group(i)
		if !ok {
			break
		}
		g[n] = value
		n, i, end = n+1, behind, behind
		if next, ok := f.colons(i); ok && gap < 0 && n < groups {
			gap, i, end = n, next, next
			continue
		}
		c, width := f.at(i)
		if c != ':' {
			break
		}
		i += width
	}
	if n == 0 || gap < 0 && n < groups {
		return netip.Addr{}, 0, false
	}
	const telling = 3 // groups: names in programs seldom have so many
	if behind, _ := f.at(end); n < telling && (isWord(before) || isWord(behind)) {
		return netip.Addr{}, 0, false
	}
	if gap >= 0 { // the groups behind it move to the end
		copy(g[groups-(n-gap):], g[gap:n])
		clear(g[gap : groups-(n-gap)])
	}
	var b [16]byte
	for k, value := range g {
		b[2*k], b[2*k+1] = byte(value>>8), byte(value)
	}
	addr = netip.AddrFrom16(b).Unmap()
	return addr, end, !addr.IsUnspecified()
}

// colons reads "::".
func (f *reading) colons(i int) (next int, ok bool) {
	for range 2 {
		c, width := f.at(i)
		if c != ':' {
			return 0, false
		}
		i += width
	}
	return i, true
}

// group reads a whole group of an IPv6 address: one to four digits.
func (f *reading) group(i int) (value uint16, end int, ok bool) {
	digits := 0
	c, width := f.at(i)
	for isHex(c) {
		if digits++; digits > 4 {
			return 0, 0, false
		}
		value = value<<4 | uint16(hexValue(c))
		i += width
		c, width = f.at(i)
	}
	return value, i, digits > 0
}
