package chain_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"clearhop/hop"
	"clearhop/nginxconf"
	"clearhop/parser"
	"clearhop/record"

	"github.com/google/go-cmp/cmp"
)

// A predicted is a hop of the model with what it would log.
type predicted struct {
	nginx *hop.Nginx
	lines []string
	own   []netip.Addr
}

// predict takes the scenario's traffic through the model of its chain.
func (s *scenario) predict(t testing.TB) map[string]*predicted {
	t.Helper()
	chain := map[string]*predicted{}
	own := map[string][]netip.Addr{"edge": {edge4, edge6}, "mid": {mid4}, "web": {web4, web6}}
	for name, text := range s.confs(t) {
		if name == "edge" && s.mid {
			text = strings.Replace(text, "server    10.16.1.14:80;", "server    "+mid4.String()+":80;", 1)
		}
		conf, err := nginxconf.Parse(&nginxconf.File{Name: name + ".conf", Text: []byte(text)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		addresses := own[name]
		options := hop.Options{Address4: addresses[0]}
		if len(addresses) > 1 {
			options.Address6 = addresses[1]
		}
		chain[name] = &predicted{nginx: hop.NewNginx(conf, options), own: addresses}
	}
	for _, c := range s.traffic {
		s.predictConnection(chain, c)
	}
	return chain
}

// predictConnection takes one connection through the chain.
func (s *scenario) predictConnection(chain map[string]*predicted, c connection) {
	target := netip.AddrPortFrom(edge4, 80)
	if s.ipv6Target {
		target = netip.AddrPortFrom(edge6, 80)
	}
	arriving := hop.Connection{Peer: c.from, To: target, Bytes: []byte(strings.Join(c.send, ""))}
	if c.header != nil {
		header, err := c.header.Format()
		if err != nil {
			panic(err)
		}
		arriving.Bytes = append(header, arriving.Bytes...)
	}
	nlb := hop.NLB{Addresses: []netip.Addr{nlb4, nlb6}}
	switch {
	case c.to.IsValid():
		arriving.To = c.to
		follow(chain, "edge", arriving)
		return
	case s.nlb == proxyProtocol1:
		arriving.Bytes = append(hop.ProxyHeader{Client: c.from}.AppendV1(nil, target.Addr()), arriving.Bytes...)
	case s.nlb == proxyProtocol2:
		nlb.ProxyProtocolV2 = true
	case s.nlb == sourceKept:
		nlb.PreserveClientIP = true
	case s.nlb == keptAndProxied:
		nlb.PreserveClientIP, nlb.ProxyProtocolV2 = true, true
	}
	follow(chain, "edge", nlb.Pass(arriving))
}

// follow takes a connection through a hop and those behind it.
func follow(chain map[string]*predicted, name string, c hop.Connection) {
	p := chain[name]
	for _, x := range p.nginx.Take(c).Exchanges {
		if len(x.Level.AccessLogs()) > 0 {
			p.lines = append(p.lines, predictedLine(x))
		}
		if x.Next == nil {
			continue
		}
		for behind, q := range chain {
			if behind != name && q.nginx.Listens(*x.Next) && (x.Next.Unix != "" || slices.Contains(q.own, x.Next.To.Addr())) {
				follow(chain, behind, *x.Next)
			}
		}
	}
}

// format returns the format that a hop of the scenario logs in.
func (s *scenario) format(t testing.TB, hop string) *parser.Format {
	t.Helper()
	conf, err := nginxconf.Parse(&nginxconf.File{Name: hop, Text: []byte(s.confs(t)[hop])}, nil)
	if err != nil {
		t.Fatal(err)
	}
	format, err := parser.Compile(conf.Format(parser.Recommended).Raw())
	if err != nil {
		t.Fatal(err)
	}
	return format
}

var compared = []string{"remote_addr", "realip_remote_addr", "proxy_protocol_addr", "http_x_forwarded_for", "http_x_real_ip"}

// predictedLine is what is compared of a line: the request line, the status of a refused
// request, and the variables of addresses.
func predictedLine(x *hop.Exchange) string {
	method, _, _ := strings.Cut(x.Request.Line, " ")
	line := fmt.Sprintf("%.20q", method)
	if x.Request.Refused != 0 {
		line = fmt.Sprintf("refused %d", x.Status)
	}
	for _, name := range compared {
		v := x.Variable(name)
		text := v.Text
		if v.Unknown != "" {
			text = "?"
		} else if !v.Found {
			text = ""
		}
		line += " " + name + "=" + text
	}
	return line
}

// recordedLine is the same of a line that nginx wrote.
func recordedLine(t testing.TB, format *parser.Format, text []byte) string {
	t.Helper()
	var r record.Record
	if err := format.Parse(text, &r); err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	a := &r.Access
	line := fmt.Sprintf("%.20q", a.Method)
	if slices.Contains([]int64{400, 405, 408, 414, 494, 501, 505}, a.Status.N) {
		line = fmt.Sprintf("refused %d", a.Status.N)
	}
	for i, value := range [][]byte{a.RemoteAddr, a.RealipRemoteAddr, a.ProxyProtocolAddr, a.XForwardedFor, a.XRealIP} {
		line += " " + compared[i] + "=" + string(bytes.TrimPrefix(value, []byte("-")))
	}
	return line
}

// TestPredicted holds the model of a hop to what real nginx logged in every scenario: the
// address variables of both hops are the same in every line.
func TestPredicted(t *testing.T) {
	compared := 0
	for i := range scenarios {
		s := &scenarios[i]
		t.Run(s.name, func(t *testing.T) {
			model, logs := s.predict(t), s.recorded(t)
			for _, name := range hops {
				format := s.format(t, name)
				var want []string
				for text := range bytes.Lines(logs[name+".clearhop"]) {
					want = append(want, recordedLine(t, format, bytes.TrimSuffix(text, []byte("\n"))))
				}
				got := model[name].lines
				if s.name == "masked" { // its log does not hold the address
					for i := range got {
						_, rest, _ := strings.Cut(got[i], " realip_remote_addr=")
						got[i] = "\"GET\" remote_addr= realip_remote_addr=" + rest
					}
				}
				slices.Sort(want)
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-nginx +model):\n%s", name, diff)
				}
				compared += len(want)
			}
		})
	}
	if compared < 800 {
		t.Errorf("only %d lines were compared", compared)
	}
}
