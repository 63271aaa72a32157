package privacy

import "net/netip"

// find returns the first address in text from i on, and its place. Whatever may be
// an address counts as one:
//
//   - four numbers up to 255 with dots between them, except 0.0.0.0;
//   - an IPv6 address in any form, except "::". It may end in an IPv4 address.
//
// Letters before or after it do not matter, with two exceptions: the version of a
// product (Chrome/131.0.0.0) is not an address, and a name with two colons
// (std::cafe) is one only if it has three groups.
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
			// The escape may end in a digit, but that digit is not part of an
			// address that follows.
			if addr, end, ok = match(text, i+width, ' '); ok {
				return addr, i + width, end, true
			}
		}
	}
	return netip.Addr{}, 0, 0, false
}

// match reads an address at text[i], where before is the byte in front of it. If
// the address has escapes, match also tries to read it without undoing them.
func match(text []byte, i int, before byte) (addr netip.Addr, end int, ok bool) {
	for _, raw := range [...]bool{false, true} {
		f := reading{text: text, raw: raw}
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
	raw     bool // escapes are not undone
	escaped bool // an escape was read
}

// at reads the byte at i. At the end of the text it returns 0.
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
// after a name and a slash, and with zeros except for the first number.
func isVersion(before []byte, addr netip.Addr) bool {
	n := len(before)
	if n < 2 || before[n-1] != '/' || !isLetter(before[n-2]) {
		return false
	}
	b := addr.As4()
	return b[1] == 0 && b[2] == 0 && b[3] == 0
}

// ipv4 reads an IPv4 address at i. Like nginx, it accepts leading zeros.
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

// maxDigits bounds the digits of a number, so that a long run of zeros costs
// little time.
const maxDigits = 64

// ipv6 reads the longest IPv6 address at i, where before is the byte in front of
// it.
func (f *reading) ipv6(i int, before byte) (addr netip.Addr, end int, ok bool) {
	g := groups{gap: noGap}
	end = f.groups(i, &g)
	if !g.complete() {
		return netip.Addr{}, 0, false
	}
	const telling = 3 // names in programs seldom have so many groups
	if after, _ := f.at(end); g.n < telling && (isWord(before) || isWord(after)) {
		return netip.Addr{}, 0, false
	}
	addr = g.addr()
	return addr, end, !addr.IsUnspecified()
}

// maxGroups is the number of groups of a whole IPv6 address.
const maxGroups = 8

// groups are the groups of an IPv6 address as they are written.
type groups struct {
	values [maxGroups]uint16
	n      int // the number of groups
	gap    int // the number of groups before the "::", or noGap
}

const noGap = -1

// groups reads as many groups as there are at i into g, which is empty. It returns
// the end of the last one, or of the "::".
func (f *reading) groups(i int, g *groups) (end int) {
	if next, ok := f.colons(i); ok {
		i, end, g.gap = next, next, 0
	}
	for !g.full() {
		if g.mayEndInIPv4() {
			if addr, after, ok := f.ipv4(i); ok {
				g.addIPv4(addr)
				return after
			}
		}
		value, after, ok := f.group(i)
		if !ok {
			return end
		}
		g.add(value)
		i, end = after, after
		if g.gap == noGap && g.n < maxGroups {
			if next, ok := f.colons(i); ok {
				g.gap, i, end = g.n, next, next
				continue
			}
		}
		c, width := f.at(i)
		if c != ':' {
			return end
		}
		i += width
	}
	return end
}

// full reports whether no group may follow. A "::" stands for at least one group.
func (g *groups) full() bool {
	if g.gap == noGap {
		return g.n == maxGroups
	}
	return g.n == maxGroups-1
}

// mayEndInIPv4 reports whether an IPv4 address may follow, which takes the place
// of two groups.
func (g *groups) mayEndInIPv4() bool {
	if g.gap == noGap {
		return g.n == maxGroups-2
	}
	return g.n < maxGroups-2
}

func (g *groups) add(value uint16) {
	g.values[g.n] = value
	g.n++
}

func (g *groups) addIPv4(addr netip.Addr) {
	b := addr.As4()
	g.add(uint16(b[0])<<8 | uint16(b[1]))
	g.add(uint16(b[2])<<8 | uint16(b[3]))
}

// complete reports whether the groups are an address.
func (g *groups) complete() bool {
	return g.n == maxGroups || g.gap != noGap && g.n > 0
}

// addr returns the address. An IPv4-mapped one becomes an IPv4 address.
func (g *groups) addr() netip.Addr {
	values := g.values
	if g.gap != noGap {
		after := maxGroups - (g.n - g.gap) // where the groups after the "::" belong
		copy(values[after:], g.values[g.gap:g.n])
		clear(values[g.gap:after])
	}
	var b [16]byte
	for k, value := range values {
		b[2*k], b[2*k+1] = byte(value>>8), byte(value)
	}
	return netip.AddrFrom16(b).Unmap()
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

// group reads a whole group of an IPv6 address: one to four hexadecimal digits.
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
