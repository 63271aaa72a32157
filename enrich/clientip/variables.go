package clientip

import "clearhop/verdict"

// A VariableDoc says what an nginx variable tells about the client.
type VariableDoc struct {
	Field   verdict.Field
	Short   string // its abbreviation in the documentation
	Tells   string
	Without string // what nobody can know if it is not logged
}

// Variables returns the nginx variables that Clearhop reads to find the client. The
// table in docs/verdicts.md is generated from it. Both hops should log all of them.
func Variables() []VariableDoc {
	return []VariableDoc{
		{verdict.RemoteAddr, "R", "the client, if all is right",
			"the client is known from other fields only, and no fault of the realip module can be seen"},
		{verdict.RealipRemoteAddr, "RR", "the peer, whatever the realip module did",
			"nobody can tell whether nginx replaced the peer: forged headers and a wrong `set_real_ip_from` look alike"},
		{verdict.ProxyProtocolAddr, "PP", "the client as the NLB saw it",
			"a realip module that did not act looks like a PROXY protocol that is off"},
		{verdict.XForwardedFor, "XFF", "the clients and proxies before the peer",
			"the client behind a proxy is lost where the web hop is wrong"},
		{verdict.XRealIP, "XRI", "the same, one address",
			"two headers that disagree are not seen"},
	}
}
