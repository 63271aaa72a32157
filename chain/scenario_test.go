package chain_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"clearhop/chain"
	"clearhop/enrich/clientip"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/verdict"
)

// A scenario is the reference with some lines changed, and some traffic.
type scenario struct {
	name string
	// what says in a sentence what is set up.
	what string
	// edge and web are the lines that differ from the reference.
	edge, web []edit
	// nlb is how the NLB passes connections on.
	nlb nlbMode
	// mid puts one more nginx between edge and web.
	mid bool
	// ipv6Target makes the NLB reach the edge by IPv6.
	ipv6Target bool
	// nginx says which versions show this.
	nginx nginxVersion
	// trusted is what the user configures beside the edge's tasks.
	trusted []string
	// ownFormat says that Clearhop does not know the log_format and must read it
	// from the configuration.
	ownFormat bool
	fields    []string
	traffic   []connection
	// needsSets says why the sets of addresses must be given, and cannot be
	// inferred. Nothing is promised for inferred sets then.
	needsSets string
	// fooled are the logs, such as "web" or "edge.seed", whose lines look right
	// although they are wrong: their fields do not show it.
	fooled []string
	// healthy promises that no record has a fault, but for those of a forger whose
	// lines have the reason forged: nobody can tell them from those of a chain with
	// this fault.
	healthy bool
	forged  verdict.Reason
	// written are whole configurations, which stand in the place of edits.
	written map[string]string
	// want is the reason of an innocent visitor's requests, by hop and format:
	// "edge", "web", or "edge.seed". A hop that logs none of them has none.
	want map[string]verdict.Reason
}

// An edit replaces text of the reference.
type edit struct{ from, to string }

type nlbMode string

const (
	proxyProtocol2 nlbMode = ""              // proxy_protocol_v2.enabled
	proxyProtocol1 nlbMode = "send-proxy"    // version 1, which other balancers speak
	plainIP        nlbMode = "plain"         // target type ip, as it is by default: the source is the NLB
	sourceKept     nlbMode = "source kept"   // target type instance, or preserve_client_ip.enabled
	keptAndProxied nlbMode = "kept and PPv2" // both
)

type nginxVersion string

const (
	anyNginx nginxVersion = ""
	// older: before 1.23.2
	olderNginx nginxVersion = "older"
	newerNginx nginxVersion = "newer"
)

// config returns what a user of Clearhop would set for the scenario's chain.
func (s *scenario) config() pipeline.Config {
	return pipeline.Config{
		Client: clientip.Settings{NLB: []string{nlb4.String(), nlb6.String()}, Trusted: append([]string{edge4.String(), edge6.String()}, s.trusted...), ClientFields: s.fields, HealthPath: []string{"/healthz"}},
		Parser: parser.Settings{ErrorZone: "UTC"},
	}
}

// confs returns the configurations of the scenario as a user would write them.
func (s *scenario) confs(t testing.TB) map[string]string {
	t.Helper()
	if s.written != nil {
		return s.written
	}
	apply := func(conf string, edits []edit) string {
		for _, e := range edits {
			if n := strings.Count(conf, e.from); n != 1 {
				t.Fatalf("scenario %s: the reference holds %q %d times", s.name, e.from, n)
			}
			conf = strings.Replace(conf, e.from, e.to, 1)
		}
		return conf
	}
	confs := map[string]string{"edge": apply(chain.Edge, s.edge), "web": apply(chain.Web, s.web)}
	if s.mid {
		// A plain proxy that appends its peer.
		confs["mid"] = apply(chain.Web, []edit{
			{"            return 200 \"ok\\n\";\n", "            proxy_pass http://10.16.1.14:80;\n            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n            proxy_set_header X-Real-IP $http_x_real_ip;\n"},
			{"    set_real_ip_from  10.16.1.13;\n", ""}, {"    set_real_ip_from  2001:db8:16:1::13;\n", ""},
		})
	}
	return confs
}

// seedFormat is the log_format of the seed's nginx.
func seedFormat(t testing.TB) string {
	t.Helper()
	directive, ok := parser.Builtin("main_real_ip")
	if !ok {
		t.Fatal("the seed's format is gone")
	}
	return directive
}

func tcpAddr(addr netip.Addr, port int) *net.TCPAddr {
	return &net.TCPAddr{IP: addr.AsSlice(), Port: port}
}
