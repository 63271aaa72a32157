package clientip_test

import (
	"testing"

	"clearhop/enrich/clientip"
)

func TestResolveError(t *testing.T) {
	const broken, reading = `broken header: "GET / HTTP/1.1`, "reading PROXY protocol"
	f := func(c clientip.Config, client, message, action, want string) {
		t.Helper()
		var a clientip.Answer
		got := "none"
		if resolver(t, c).ResolveError(&clientip.ErrorEvidence{Client: []byte(client), Message: []byte(message), Action: []byte(action)}, &a) {
			got = answer(&a)
		}
		if got != want {
			t.Errorf("%q from %q while %q:\n got %s\nwant %s", message, client, action, got, want)
		}
	}
	f(chain(), "10.16.1.11", broken, reading, "lost proxy_protocol_not_sent@edge nlb via 10.16.1.11")
	f(clientip.Config{}, "10.16.1.11", broken, reading, "lost proxy_protocol_not_sent@edge nlb? via 10.16.1.11")
	// The source is kept, or somebody reached the task by its public address.
	f(chain(), "210.227.0.10", broken, reading, "direct proxy_protocol_not_sent@edge 210.227.0.10 remote_addr also past_the_nlb")
	f(chain(), "10.16.2.20", broken, reading, "internal past_the_nlb 10.16.2.20 remote_addr also proxy_protocol_not_sent")
	// A node that the set lacks, and one of a set that was not given at all.
	f(chain(), "10.16.1.12", broken, reading, "internal past_the_nlb 10.16.1.12 remote_addr also proxy_protocol_not_sent")
	f(discovered(chain()), "10.16.1.12", broken, reading, "internal past_the_nlb 10.16.1.12 remote_addr also proxy_protocol_not_sent")
	f(clientip.Config{Trusted: set("10.16.1.13"), Internal: set("10.16.2.0/24")}, "10.16.1.12", broken, reading,
		"internal proxy_protocol_not_sent@edge 10.16.1.12 remote_addr also past_the_nlb")
	f(clientip.Config{Trusted: set("10.16.1.13"), Internal: set("10.16.2.0/24")}, "10.16.2.20", broken, reading,
		"internal past_the_nlb 10.16.2.20 remote_addr also proxy_protocol_not_sent")
	// A TCP health check.
	f(chain(), "10.16.1.11", "client closed connection", reading, "health_check health_check nlb via 10.16.1.11")
	f(chain(), "210.227.0.10", "client closed connection", reading, "none")
	// A peer on a Unix-domain socket.
	f(chain(), "unix:", broken, reading, "lost proxy_protocol_not_sent@edge")
	// What is no evidence.
	f(chain(), "10.16.1.11", broken, "sending to client", "none")
	f(chain(), "10.16.1.11", "open() failed", reading, "none")
	f(chain(), "", broken, reading, "none")
	f(chain(), "nobody", broken, reading, "none")
}
