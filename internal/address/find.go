package address

import "net/netip"

// Found is the place of an address in a text: text[Start:End].
type Found struct {
	// Addr is the address. It is invalid if the place can be read as several
	// addresses, such as five numbers with dots between them.
	Addr       netip.Addr
	Start, End int
	// Whole reports that also a network of the address would tell too much. In a
	// name such as 9.113.0.203.dsl.example.net the numbers may stand in reverse
	// order, so that the first ones are the visitor's own.
	Whole bool
}

// Find returns the first address in text from i on. Whatever may be an address
// counts as one:
//
//   - four numbers up to 255 with dots between them, except 0.0.0.0. A number may
//     be octal or hexadecimal, and a dot may be doubled. Between two dots, nginx
//     reads a missing number as 0;
//   - an IPv6 address in any form, except "::". It may end in an IPv4 address;
//   - five or more such numbers, and eight or more single hexadecimal digits with
//     dots between them, as in ip6.arpa.
//
// Letters before or after it do not matter, with two exceptions: the version of a
// product (Chrome/131.0.0.0) is not an address, and a name with two colons
// (std::cafe) is one only if it has three groups.
func Find(text []byte, i int) (f Found, ok bool) {
	for i = next(text, i); i < len(text); i = next(text, i+1) {
		if f, ok = findAt(text, i); ok {
			return f, true
		}
	}
	return Found{}, false
}

// findAt returns the address that begins at i, or behind the escape at i.
func findAt(text []byte, i int) (f Found, ok bool) {
	c, width := Unescape(text, i)
	if c == '=' {
		c, _ = unescapeQuoted(text, i)
	}
	if c == ':' || isHex(c) {
		if f, ok = match(text, i, byteBefore(text, i)); ok {
			return f, true
		}
	}
	if width > 1 {
		// The escape may end in a digit, but that digit is not part of an address
		// that follows.
		return match(text, i+width, ' ')
	}
	return Found{}, false
}

// match reads an address at text[i], where before is the byte in front of it. If
// the address has escapes, match also tries to read it without undoing them.
func match(text []byte, i int, before byte) (Found, bool) {
	for _, raw := range [...]bool{false, true} {
		r := reading{text: text, raw: raw}
		if !isHex(before) {
			if end, ok := r.nibbles(i); ok {
				return Found{Start: i, End: end, Whole: true}, true
			}
			if addr, end, ok := r.ipv6(i, before); ok {
				return Found{Addr: addr, Start: i, End: end}, true
			}
		}
		if !isDigit(before) {
			if addr, end, ok := r.ipv4(i); ok && !isVersion(text[:i], addr) {
				return r.behind(Found{Addr: addr, Start: i, End: end}), true
			}
		}
		if !r.escaped {
			break
		}
	}
	return Found{}, false
}

// A reading is one way to read a text.
type reading struct {
	text    []byte
	raw     bool // escapes are not undone
	escaped bool // an escape was read
}

// at reads the byte at i. At the end of the text it returns 0.
func (r *reading) at(i int) (c byte, width int) {
	if i >= len(r.text) {
		return 0, 1
	}
	if r.raw {
		return r.text[i], 1
	}
	switch r.text[i] {
	case '%', '\\', '&', wideLead, idealLead:
		c, width = Unescape(r.text, i)
	case '=':
		c, width = unescapeQuoted(r.text, i)
	default:
		return r.text[i], 1
	}
	r.escaped = r.escaped || width > 1
	return c, width
}

// unescapeQuoted reads how quoted-printable text of a mail has a dot or a colon. Only
// inside an address it is undone: "?n=2E" is a parameter.
func unescapeQuoted(text []byte, i int) (c byte, width int) {
	if c, ok := hexByte(text, i+1); ok && (c == '.' || c == ':') {
		return c, 3
	}
	return '=', 1
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

// behind looks at what follows an IPv4 address. More numbers make it a run in which
// any four may be the address. A name makes it a part of that name.
func (r *reading) behind(f Found) Found {
	for {
		c, width := r.at(f.End)
		if c != '.' {
			return f
		}
		next := f.End + width
		if _, end, ok := r.octet(next); ok {
			f.Addr, f.End, f.Whole = netip.Addr{}, end, true
			continue
		}
		c, _ = r.at(next)
		f.Whole = f.Whole || isLetter(c)
		return f
	}
}

// minNibbles is how many hexadecimal digits with dots between them are no version.
// As many of them tell more than the network of an address, since the name begins
// with its last digit.
const minNibbles = 8

// nibbles reads an IPv6 address as names in ip6.arpa have it: its digits with dots
// between them.
func (r *reading) nibbles(i int) (end int, ok bool) {
	n := 0
	for {
		c, width := r.at(i)
		if !isHex(c) {
			return end, n >= minNibbles
		}
		i += width
		c, width = r.at(i)
		if IsWord(c) {
			return end, n >= minNibbles // a number or a word
		}
		n, end = n+1, i
		if c != '.' {
			return end, n >= minNibbles
		}
		i += width
	}
}

// ipv4 reads an IPv4 address at i.
func (r *reading) ipv4(i int) (addr netip.Addr, end int, ok bool) {
	const size = 4
	var b [size]byte
	n, missing := 0, -1 // missing is the place of a number that is not there
	for {
		value, after, ok := r.octet(i)
		if !ok {
			break
		}
		b[n], end = value, after
		if n++; n == size {
			break
		}
		dots := 0
		i, dots = r.dots(after)
		if dots == 0 {
			break
		}
		if dots == 2 {
			missing = n
		}
	}
	if n == size-1 && missing > 0 && missing < n {
		copy(b[missing+1:], b[missing:n])
		b[missing] = 0
		n++
	}
	return netip.AddrFrom4(b), end, n == size && b != [size]byte{}
}

// dots reads one dot or two.
func (r *reading) dots(i int) (end, n int) {
	for n < 2 {
		c, width := r.at(i)
		if c != '.' {
			break
		}
		i += width
		n++
	}
	return i, n
}

// maxDigits bounds the digits of a number, so that a long run of zeros costs
// little time.
const maxDigits = 64

// octet reads a number up to 255 at i. Like nginx, it accepts leading zeros. Only if
// the number is too large as a decimal one, it is read as the octal one that other
// programs see there.
func (r *reading) octet(i int) (value byte, end int, ok bool) {
	decimal, octal, digits := 0, 0, 0
	c, width := r.at(i)
	zero := c == '0'
	for isDigit(c) && digits < maxDigits {
		decimal = min(decimal*10+int(c-'0'), maxOctet+1)
		octal = min(octal*8+int(c-'0'), maxOctet+1)
		if c > '7' {
			octal = maxOctet + 1
		}
		digits++
		i += width
		if c, width = r.at(i); zero && digits == 1 && lower(c) == 'x' {
			return r.hexOctet(i+width, i)
		}
	}
	switch {
	case digits == 0:
		return 0, 0, false
	case decimal <= maxOctet:
		return byte(decimal), i, true
	}
	return byte(octal), i, zero && octal <= maxOctet
}

const maxOctet = 255

// hexOctet reads the digits behind "0x". If there are none, the number is the 0,
// which ends at zero.
func (r *reading) hexOctet(i, zero int) (value byte, end int, ok bool) {
	n, digits := 0, 0
	c, width := r.at(i)
	for isHex(c) && digits < maxDigits {
		n = min(n<<4+int(hexValue(c)), maxOctet+1)
		digits++
		i += width
		c, width = r.at(i)
	}
	if digits == 0 || n > maxOctet {
		return 0, zero, true
	}
	return byte(n), i, true
}

// ipv6 reads the longest IPv6 address at i, where before is the byte in front of
// it.
func (r *reading) ipv6(i int, before byte) (addr netip.Addr, end int, ok bool) {
	g := groups{gap: noGap}
	end = r.groups(i, &g)
	if !g.complete() {
		return netip.Addr{}, 0, false
	}
	const telling = 3 // names in programs seldom have so many groups
	if after, _ := r.at(end); g.n < telling && !g.dotted && (IsWord(before) || IsWord(after)) {
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
	n      int  // the number of groups
	gap    int  // the number of groups before the "::", or noGap
	dotted bool // the last two are an IPv4 address, as no name has it
}

const noGap = -1

// groups reads as many groups as there are at i into g, which is empty. It returns
// the end of the last one, or of the "::".
func (r *reading) groups(i int, g *groups) (end int) {
	if next, ok := r.colons(i); ok {
		i, end, g.gap = next, next, 0
	}
	for !g.full() {
		if g.mayEndInIPv4() {
			if addr, after, ok := r.ipv4(i); ok {
				g.addIPv4(addr)
				return after
			}
		}
		value, after, ok := r.group(i)
		if !ok {
			return end
		}
		g.add(value)
		i, end = after, after
		if g.gap == noGap && g.n < maxGroups {
			if next, ok := r.colons(i); ok {
				g.gap, i, end = g.n, next, next
				continue
			}
		}
		c, width := r.at(i)
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
	g.dotted = true
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
func (r *reading) colons(i int) (next int, ok bool) {
	for range 2 {
		c, width := r.at(i)
		if c != ':' {
			return 0, false
		}
		i += width
	}
	return i, true
}

// maxGroupDigits is the number of digits of the longest group of an IPv6 address.
const maxGroupDigits = 4

// group reads a whole group of an IPv6 address: one to four hexadecimal digits.
func (r *reading) group(i int) (value uint16, end int, ok bool) {
	digits := 0
	c, width := r.at(i)
	for isHex(c) {
		if digits++; digits > maxGroupDigits {
			return 0, 0, false
		}
		value = value<<4 | uint16(hexValue(c))
		i += width
		c, width = r.at(i)
	}
	return value, i, digits > 0
}
