package parser

import (
	"bytes"

	"clearhop/record"
)

// finishForwarded takes $proxy_add_x_forwarded_for apart: nginx writes the client's
// X-Forwarded-For, a comma and $remote_addr, or $remote_addr alone without such a
// header. What is logged under a name of its own stays as it is.
func finishForwarded(a *record.Access) {
	if a.Forwarded == nil {
		return
	}
	header, last := []byte(nil), a.Forwarded
	if i := bytes.LastIndex(a.Forwarded, nextTry); i >= 0 {
		header, last = a.Forwarded[:i], a.Forwarded[i+len(nextTry):]
	}
	switch {
	case a.RemoteAddr == nil && a.Logged.Has(record.LoggedRemoteAddr):
		a.RemoteAddr = last
	case !bytes.Equal(last, a.RemoteAddr):
		header = a.Forwarded // $the_real_ip, which has no $remote_addr behind it
	}
	if a.XForwardedFor == nil {
		a.XForwardedFor = header
	}
}
