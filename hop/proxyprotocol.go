package hop

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// A ProxyHeader is a PROXY protocol header.
type ProxyHeader struct {
	// Client is not valid in a header that names nobody: LOCAL, which health checks of
	// an NLB have, or UNKNOWN.
	Client netip.Addr
	// Endpoint is the id of a VPC endpoint, for a consumer of PrivateLink.
	Endpoint string
}

var signature = []byte("\r\n\r\n\x00\r\nQUIT\n")

// Parts of a header of version 2.
const (
	v2Length     = 16 // of what stands before the addresses
	commandLocal = 0x20
	commandProxy = 0x21
	familyTCP4   = 0x11
	familyTCP6   = 0x21
	typeAWS      = 0xEA
	vpcEndpoint  = 0x01
)

// AppendV2 appends the header in version 2, as an NLB writes it, with some port.
func (h ProxyHeader) AppendV2(dst []byte, server netip.Addr) []byte {
	var body []byte
	command, family := byte(commandLocal), byte(0)
	if h.Client.IsValid() {
		command, family = commandProxy, familyTCP4
		switch {
		case h.Client.Is6():
			family, server = familyTCP6, netip.AddrFrom16(server.As16())
		case server.Is6():
			server = netip.IPv4Unspecified() // nothing reads it
		}
		body = append(append(body, h.Client.AsSlice()...), server.AsSlice()...)
		body = append(body, 0x9c, 0x41, 0, 80) // ports
	}
	if h.Endpoint != "" {
		body = append(body, typeAWS, 0, byte(len(h.Endpoint)+1), vpcEndpoint)
		body = append(body, h.Endpoint...)
	}
	dst = append(append(dst, signature...), command, family)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(body)))
	return append(dst, body...)
}

// AppendV1 appends the header in version 1, as nginx's stream module writes it.
func (h ProxyHeader) AppendV1(dst []byte, server netip.Addr) []byte {
	family := "TCP4"
	switch {
	case !h.Client.IsValid() || h.Client.Is4() != server.Is4():
		return append(dst, "PROXY UNKNOWN\r\n"...)
	case h.Client.Is6():
		family = "TCP6"
	}
	return fmt.Appendf(dst, "PROXY %s %s %s 40001 80\r\n", family, h.Client, server)
}

// cutProxyHeader takes the header off the beginning of a connection, in either version.
// ok is false where nginx finds none that it can read.
func cutProxyHeader(b []byte) (h ProxyHeader, rest []byte, ok bool) {
	if bytes.HasPrefix(b, signature) {
		return cutV2(b)
	}
	const longest = 107
	line, rest, found := bytes.Cut(b, []byte("\r\n"))
	if !found || len(line)+2 > longest || !bytes.HasPrefix(line, []byte("PROXY ")) {
		return h, nil, false
	}
	words := strings.Split(string(line), " ")
	if strings.HasPrefix(string(line), "PROXY UNKNOWN") {
		return h, rest, true
	}
	if len(words) != 6 || words[1] != "TCP4" && words[1] != "TCP6" {
		return h, nil, false
	}
	client, err := netip.ParseAddr(words[2])
	if err != nil {
		return h, nil, false
	}
	h.Client = client
	return h, rest, true
}

// BeginsWithProxyHeader reports whether a connection begins with a PROXY protocol header.
func BeginsWithProxyHeader(b []byte) bool {
	_, _, ok := cutProxyHeader(b)
	return ok
}

func cutV2(b []byte) (h ProxyHeader, rest []byte, ok bool) {
	if len(b) < v2Length || b[12]>>4 != 2 {
		return h, nil, false
	}
	length := int(binary.BigEndian.Uint16(b[14:16]))
	if len(b) < v2Length+length {
		return h, nil, false
	}
	body, rest := b[v2Length:v2Length+length], b[v2Length+length:]
	if b[12] != commandProxy {
		return h, rest, true
	}
	size := 4
	switch b[13] {
	case familyTCP4:
	case familyTCP6:
		size = 16
	default:
		return h, rest, true
	}
	if len(body) < 2*size+4 {
		return h, nil, false
	}
	h.Client, _ = netip.AddrFromSlice(body[:size])
	h.Endpoint = endpointOf(body[2*size+4:])
	return h, rest, true
}

// endpointOf finds the id of a VPC endpoint among the values of a header.
func endpointOf(values []byte) string {
	for len(values) >= 3 {
		kind, n := values[0], int(binary.BigEndian.Uint16(values[1:3]))
		if len(values) < 3+n {
			return ""
		}
		if kind == typeAWS && n > 0 {
			return string(values[4 : 3+n])
		}
		values = values[3+n:]
	}
	return ""
}
