package clientip

import "net/netip"

// WalkLines returns the address that nginx's realip module would make of a peer and the
// lines of one header, with real_ip_recursive on or off, and whether it took one at all:
// an nginx that took none looks again at a later phase. The lines are those that the
// request had, since an empty one ends nginx's walk, which the joined value of a log does
// not show. Where recursive is false only the last line counts. See Walk.
func (r *Resolver) WalkLines(peer netip.Addr, lines [][]byte, recursive bool) (addr netip.Addr, replaced bool) {
	addr = peer.Unmap()
	for i := len(lines) - 1; i >= 0; i-- {
		next, taken, more := r.walkLine(addr, lines[i], recursive)
		if taken {
			addr, replaced = next, true
		}
		if !taken || !more || !recursive {
			break
		}
	}
	return addr, replaced
}

// walkLine walks over one line. taken says that an address was taken, more that the walk
// may go on at the line before.
func (r *Resolver) walkLine(addr netip.Addr, header []byte, recursive bool) (_ netip.Addr, taken, more bool) {
	for end := len(header); end > 0 && r.believes(addr); {
		start, stop := lastToken(header[:end])
		next, ok := parseAddrPort(header[start:stop])
		if !ok {
			return addr, taken, false
		}
		addr, taken = next, true
		if !recursive || start == 0 {
			return addr, true, true
		}
		end = start - 1
	}
	return addr, taken, false
}

// believes reports whether set_real_ip_from holds an address; the zero Addr stands for a
// peer on a Unix-domain socket.
func (r *Resolver) believes(addr netip.Addr) bool {
	if !addr.IsValid() {
		return r.sets.unix
	}
	return r.sets.classOf(addr).isProxy()
}
