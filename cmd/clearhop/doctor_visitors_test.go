package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"clearhop/parser"
)

// A simulated chain writes the lines that nginx writes of requests that came through
// it. Its addresses are those of chain/testdata.
type simulated struct {
	name string
	// hops give the variables that each hop logs of a request; nil if it does not reach
	// the hop. i is its number.
	hops []func(v visit, i int) logged
	sets [][]string // flags that give the addresses, in several ways
}

// A visit is a request as it reached the NLB.
type visit struct {
	client      string // the address that the NLB saw
	agent, path string
	xff, xri    string // headers that the visitor sent
	check       bool   // a health check of the NLB
	request     string // what stands in the place of a request; nginx refuses it at once
}

// logged are variables of nginx. One that is missing is "-".
type logged map[string]string

var (
	simNodes = []string{"10.16.1.11", "10.16.2.11"}
	simEdges = []string{"10.16.1.13", "10.16.2.13"}
)

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// edgeHop is a hop that reads the PROXY protocol. In a healthy chain sees and
// passes are the client.
func edgeHop(v visit, i int) logged {
	l := logged{"remote_addr": v.client, "realip_remote_addr": simNodes[i%2], "proxy_protocol_addr": v.client, "http_x_forwarded_for": v.xff, "http_x_real_ip": v.xri,
		"the_real_ip": v.client, "upstream_addr": "10.16.1.14:80", "upstream_status": "200", "upstream_response_time": "0.002"}
	switch {
	case v.check:
		l["remote_addr"], l["proxy_protocol_addr"], l["the_real_ip"] = simNodes[i%2], "", simNodes[i%2]
	case v.request != "": // the realip module does not run
		l["remote_addr"], l["the_real_ip"], l["upstream_addr"], l["upstream_status"], l["upstream_response_time"] = simNodes[i%2], simNodes[i%2], "", "", ""
	}
	return l
}

func webHop(v visit, i int) logged {
	if v.request != "" {
		return nil
	}
	edge := simEdges[i%2]
	l := logged{"remote_addr": v.client, "realip_remote_addr": edge, "http_x_forwarded_for": v.client, "http_x_real_ip": v.client, "the_real_ip": v.client}
	if v.check { // the edge passes it on without a client
		l["remote_addr"], l["http_x_forwarded_for"], l["http_x_real_ip"], l["the_real_ip"] = edge, "", "", edge
	}
	return l
}

// appendingWebHop stands behind an edge that appends the client to X-Forwarded-For.
func appendingWebHop(v visit, i int) logged {
	l := webHop(v, i)
	if v.xff != "" && l != nil && !v.check {
		l["http_x_forwarded_for"] = v.xff + ", " + v.client
	}
	return l
}

// preservingHop is behind a target group that keeps the source address.
func preservingHop(v visit, i int) logged {
	l := edgeHop(v, i)
	if v.request != "" {
		l["remote_addr"], l["the_real_ip"] = v.client, v.client
	}
	l["realip_remote_addr"], l["proxy_protocol_addr"] = l["remote_addr"], ""
	return l
}

var variableName = regexp.MustCompile(`\$\w+`)

// builtinText returns the string of a built-in log_format.
func builtinText(t *testing.T, name string) string {
	directive, ok := parser.Builtin(name)
	if !ok {
		t.Fatalf("no format %s", name)
	}
	return directiveText(directive)
}

// write writes a line in a format.
func (l logged) write(w *bytes.Buffer, format string, v visit, i int) {
	w.WriteString(variableName.ReplaceAllStringFunc(format, func(name string) string {
		switch name {
		case "$time_local":
			return fmt.Sprintf("22/Nov/2026:11:%02d:%02d +0000", i/60%60, i%60)
		case "$request":
			if v.request != "" {
				return v.request
			}
			return "GET " + v.path + " HTTP/1.1"
		case "$status":
			if v.request != "" {
				return "400"
			}
			return "200"
		case "$body_bytes_sent", "$bytes_sent", "$bytes_received", "$request_length":
			return "612"
		case "$http_user_agent":
			return v.agent
		case "$protocol":
			return "TCP"
		case "$session_time", "$request_time":
			return "0.005"
		case "$msec":
			return fmt.Sprintf("%d.%03d", 1795345260+i, i%1000)
		case "$request_id", "$req_id":
			return fmt.Sprintf("%032x", 0x9e3779b97f4a7c15*uint64(i+1))
		case "$scheme":
			return "https"
		case "$host":
			return "shop.example"
		}
		return orDash(l[name[1:]])
	}))
	w.WriteByte('\n')
}

var (
	bothSets = []string{"--nlb", "10.16.1.11,10.16.2.11", "--trusted", "10.16.1.13,10.16.2.13"}
	onlyNLB  = []string{"--nlb", "10.16.1.11,10.16.2.11"}
	subnets  = []string{"--nlb", "10.16.0.0/16"} // of the NLB and of the edge
)

var healthyChains = []simulated{
	{"edge", []func(visit, int) logged{edgeHop}, [][]string{bothSets, onlyNLB, subnets}},
	{"source kept", []func(visit, int) logged{preservingHop}, [][]string{onlyNLB}},
	{"web", []func(visit, int) logged{webHop}, [][]string{bothSets, subnets}},
	{"web, appended", []func(visit, int) logged{appendingWebHop}, [][]string{bothSets}},
	{"edge and web", []func(visit, int) logged{edgeHop, webHop}, [][]string{bothSets}},
	{"edge and web, appended", []func(visit, int) logged{edgeHop, appendingWebHop}, [][]string{bothSets}},
}

// hostile are what a visitor sends. own is his address, i the number of the request.
var hostile = map[string]func(own string, i int) visit{
	"XFF own, other":      func(own string, _ int) visit { return visit{xff: own + ", 8.8.8.8"} },
	"XFF own, others":     func(own string, i int) visit { return visit{xff: own + ", " + someClient(i)} },
	"XFF other":           func(string, int) visit { return visit{xff: "8.8.8.8"} },
	"XFF others":          func(_ string, i int) visit { return visit{xff: someClient(i)} },
	"XFF other, own":      func(own string, _ int) visit { return visit{xff: "8.8.8.8, " + own} },
	"XRI other":           func(string, int) visit { return visit{xri: "8.8.8.8"} },
	"XRI others":          func(_ string, i int) visit { return visit{xri: someClient(i)} },
	"XFF own, XRI other":  func(own string, _ int) visit { return visit{xff: own, xri: "8.8.8.8"} },
	"XFF own, XRI others": func(own string, i int) visit { return visit{xff: own, xri: someClient(i)} },
	"XFF other, XRI own":  func(own string, i int) visit { return visit{xff: someClient(i), xri: own} },
	"XFF garbage":         func(string, int) visit { return visit{xff: "unknown, _x'--, 999.1.1.1"} },
	"XFF own, garbage":    func(own string, _ int) visit { return visit{xff: own + ", unknown"} },
	"XRI garbage":         func(string, int) visit { return visit{xri: "garbage"} },
	"XFF NLB":             func(string, int) visit { return visit{xff: simNodes[0]} },
	"XFF own, NLB":        func(own string, _ int) visit { return visit{xff: own + ", " + simNodes[0]} },
	"XFF other, NLB":      func(string, int) visit { return visit{xff: "8.8.8.8, " + simNodes[0]} },
	"XRI NLB":             func(string, int) visit { return visit{xri: simNodes[0]} },
	"XFF own, edge":       func(own string, _ int) visit { return visit{xff: own + ", " + simEdges[0]} },
	"XFF private":         func(_ string, i int) visit { return visit{xff: fmt.Sprintf("10.9.9.%d", i%3)} },
	"XFF own, private":    func(own string, i int) visit { return visit{xff: fmt.Sprintf("%s, 10.9.9.%d", own, i%3)} },
	"XFF other, private":  func(string, int) visit { return visit{xff: "8.8.8.8, 192.168.0.7"} },
	"XFF private, own":    func(own string, _ int) visit { return visit{xff: "192.168.0.7, " + own} },
	"XRI private":         func(string, int) visit { return visit{xri: "10.9.9.9"} },
	"XFF loopback":        func(string, int) visit { return visit{xff: "127.0.0.1"} },
	"checker":             func(string, int) visit { return visit{agent: "ELB-HealthChecker/2.0", path: "/healthz"} },
	"checker, XFF":        func(own string, _ int) visit { return visit{agent: "ELB-HealthChecker/2.0", xff: own + ", 8.8.8.8"} },
	"PROXY version 1": func(_ string, i int) visit {
		return visit{request: "PROXY TCP4 " + someClient(i) + " 10.16.1.11 4711 80", agent: "-"}
	},
	"PROXY version 2":        func(string, int) visit { return visit{request: `\x00`, agent: "-"} },
	"PROXY version 1, short": func(string, int) visit { return visit{request: "PROXY TCP6", agent: "-"} },
	"NUL bytes":              func(string, int) visit { return visit{request: `\x00\x00`, agent: "-"} },
	"TLS":                    func(string, int) visit { return visit{request: `\x16\x03\x01`, agent: "-"} },
	"checker, XFF NLB": func(string, int) visit {
		return visit{agent: "ELB-HealthChecker/2.0", xff: simNodes[1], xri: simNodes[1]}
	},
}

func someClient(i int) string { return fmt.Sprintf("198.%d.%d.%d", 20+i%60, i*7%250, 1+i%250) }

func someAgent(i int) string {
	if i%9 == 0 {
		return "curl/8.5.0"
	}
	return fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%d.0", 100+i%23, 100+i%23)
}

// visits are requests of many visitors, and among them those of hostile ones: of each
// 1000 so many.
func visits(n, perMille, attackers int, attack func(own string, i int) visit) []visit {
	var all []visit
	for i := range n {
		v := visit{client: someClient(i * 13 % 311), agent: someAgent(i % 41), path: fmt.Sprintf("/p%d", i%29)}
		switch {
		case i*perMille/1000 != (i+1)*perMille/1000:
			own := fmt.Sprintf("203.0.113.%d", 77+i%attackers)
			v = attack(own, i)
			v.client = own
			if v.agent == "" {
				v.agent = someAgent(i)
			}
			if v.path == "" {
				v.path = "/"
			}
		case i%50 == 7:
			v = visit{check: true, agent: "ELB-HealthChecker/2.0", path: "/healthz"}
		}
		all = append(all, v)
	}
	return all
}

// logs writes the log of each hop and returns the names of the files.
func (s *simulated) logs(t *testing.T, folder, format string, all []visit) []string {
	t.Helper()
	var files []string
	for h, hop := range s.hops {
		var b bytes.Buffer
		for i, v := range all {
			if v.check && h > 0 {
				continue // the edge answers health checks
			}
			if l := hop(v, i); l != nil {
				l.write(&b, format, v, i)
			}
		}
		name := filepath.Join(folder, fmt.Sprintf("hop%d.log", h))
		if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, name)
	}
	return files
}

// amounts of hostile lines: of each 1000 so many, by so many visitors.
var amounts = []struct{ perMille, attackers int }{{25, 1}, {400, 1}, {5, 1}, {100, 1}, {20, 2}, {30, 3}}

// TestHostileVisitorsBreakNoChain: a few visitors, whatever headers they send, do not
// make a healthy chain look broken. Each kind of header comes in another amount. It
// comes in a sixth of the formats, and in half of these with the sets given: all pairs
// would take minutes.
func TestHostileVisitorsBreakNoChain(t *testing.T) {
	folder := t.TempDir()
	kinds := slices.Sorted(maps.Keys(hostile))
	turn := 0
	for f, format := range parser.BuiltinNames() {
		text := builtinText(t, format)
		for _, chain := range healthyChains {
			for i, kind := range kinds {
				noHeader := hostile[kind]("", 0).request != ""
				switch {
				case noHeader && len(chain.hops) > 1, !noHeader && !strings.Contains(text, "forwarded") && i%9 != 0:
					continue // the format shows nothing of it, or the chain no more than another one
				case (i+f)%6 != 0:
					continue
				}
				turn++
				a := amounts[turn%len(amounts)]
				files := chain.logs(t, folder, text, visits(400, a.perMille, a.attackers, hostile[kind]))
				var args []string
				if turn%2 == 0 {
					args = chain.sets[i%len(chain.sets)]
				}
				var out, errOut bytes.Buffer
				code := run(t.Context(), slices.Concat([]string{"doctor", "-o", "json"}, args, files), strings.NewReader(""), &out, &errOut)
				if code != exitOK {
					t.Errorf("%s, %s, %v, %s, %d of 1000 lines by %d visitors: exit code %d %v %s", format, chain.name, args, kind,
						a.perMille, a.attackers, code, findings(examinedOf(t, &out)), errOut.String())
				}
			}
		}
	}
}

// brokenChains are chains with a fault that nginx's own variables show.
var brokenChains = []simulated{
	{"the edge does not use the PROXY protocol", []func(visit, int) logged{func(v visit, i int) logged {
		l := edgeHop(v, i)
		l["remote_addr"], l["the_real_ip"] = l["realip_remote_addr"], l["realip_remote_addr"]
		return l
	}}, nil},
	{"no PROXY protocol", []func(visit, int) logged{func(v visit, i int) logged {
		l := edgeHop(v, i)
		l["remote_addr"], l["the_real_ip"], l["proxy_protocol_addr"] = l["realip_remote_addr"], l["realip_remote_addr"], ""
		return l
	}}, nil},
	{"the web hop does not use the header", []func(visit, int) logged{func(v visit, i int) logged {
		l := webHop(v, i)
		if l != nil {
			l["remote_addr"], l["the_real_ip"] = l["realip_remote_addr"], l["realip_remote_addr"]
		}
		return l
	}}, nil},
}

// TestHostileVisitorsHideNoFault: whatever headers visitors send, a broken chain does
// not look healthy, in a log of 2 lines, of 30, or of many.
func TestHostileVisitorsHideNoFault(t *testing.T) {
	folder := t.TempDir()
	kinds := slices.Sorted(maps.Keys(hostile))
	turn := 0
	for _, format := range []string{"combined", "main", "main_real_ip", "clearhop"} {
		text := builtinText(t, format)
		for _, chain := range brokenChains {
			for i, kind := range kinds {
				turn++
				if turn%4 != 0 {
					continue // each kind comes in a quarter of the formats and chains
				}
				n := []int{300, 30, 2}[i%3]
				share := []int{400, 100, 0, 900}[i%4]
				files := chain.logs(t, folder, text, visits(n, share, 1+i%3, hostile[kind]))
				var out, errOut bytes.Buffer
				if code := run(t.Context(), slices.Concat([]string{"doctor", "-o", "json"}, files), strings.NewReader(""), &out, &errOut); code != exitFindings {
					t.Errorf("%s, %s, %s in %d of 1000 of %d lines: exit code %d\n%s", format, chain.name, kind, share, n, code, errOut.String())
				}
			}
		}
	}
}
