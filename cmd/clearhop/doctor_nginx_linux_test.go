package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"clearhop/internal/nginxtest"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The addresses of the chain that TestDoctorCuresNginx runs: two nodes of the
// NLB, a task of the edge, and the web nginx.
const (
	firstNode, secondNode = "10.77.1.11", "10.77.2.11"
	edgeAddr, webAddr     = "10.77.1.13", "10.77.1.14"
)

// A hopConf is what the server of one nginx says about the client's address: the
// directives that a cure replaces or adds.
type hopConf struct {
	listen  string   // parameters
	realip  []string // directives
	headers []string // proxy_set_header directives
}

// A nineChain is the configuration of a whole chain, with the command line of the
// doctor.
type nineChain struct {
	ppv2      bool // the NLB sends the PROXY protocol
	edge, web hopConf
	args      []string
}

func rightChain() nineChain {
	return nineChain{
		ppv2: true,
		edge: hopConf{
			listen: "proxy_protocol",
			realip: []string{"set_real_ip_from " + firstNode + ";", "set_real_ip_from " + secondNode + ";", "real_ip_header proxy_protocol;"},
			headers: []string{
				"proxy_set_header X-Forwarded-For $proxy_protocol_addr;", "proxy_set_header X-Real-IP $proxy_protocol_addr;",
			},
		},
		web:  hopConf{realip: []string{"set_real_ip_from " + edgeAddr + ";", "real_ip_header X-Forwarded-For;", "real_ip_recursive on;"}},
		args: []string{"--nlb", firstNode + "," + secondNode, "--trusted", edgeAddr},
	}
}

// TestDoctorCuresNginx breaks a chain of real nginx in nine ways. The doctor reads
// the logs, in formats that Clearhop does not know; what it prints as the cure is
// pasted as it stands; and the next run finds nothing.
func TestDoctorCuresNginx(t *testing.T) {
	ownNetwork(t)
	tests := []struct {
		name   string
		breaks func(*nineChain)
		want   string // the code of the first finding, and its hop
	}{
		{"a second zone is missing from set_real_ip_from", func(c *nineChain) {
			c.edge.realip = slices.Delete(c.edge.realip, 1, 2)
		}, "realip_not_applied, hop edge"},
		{"a wrong network in set_real_ip_from", func(c *nineChain) {
			c.edge.realip = []string{"set_real_ip_from 10.78.0.0/16;", "real_ip_header proxy_protocol;"}
		}, "realip_not_applied, hop edge"},
		{"a wrong real_ip_header", func(c *nineChain) {
			c.edge.realip[2] = "real_ip_header X-Forwarded-For;"
		}, "realip_not_applied, hop edge"},
		{"the edge passes nothing on", func(c *nineChain) {
			c.edge.headers = []string{`proxy_set_header X-Forwarded-For "";`, `proxy_set_header X-Real-IP "";`}
		}, "edge_handed_on_nothing, hop edge"},
		{"the PROXY protocol is not sent, and what it needs is missing", func(c *nineChain) {
			c.ppv2, c.edge.realip = false, nil
		}, "proxy_protocol_not_sent, hop edge"},
		{"the PROXY protocol is not listened for", func(c *nineChain) {
			c.edge.listen, c.edge.realip = "", nil
		}, "proxy_protocol_not_listened, hop edge"},
		{"the web hop has no realip", func(c *nineChain) {
			c.web.realip = nil
		}, "realip_not_applied, hop web"},
		{"the web hop trusts everybody", func(c *nineChain) {
			c.web.realip = []string{"set_real_ip_from 0.0.0.0/0;", "real_ip_header X-Forwarded-For;", "real_ip_recursive on;"}
			c.edge.headers[0] = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
		}, "trusts_too_much, hop web"},
		{"the command line lacks the second zone", func(c *nineChain) {
			c.args[1] = firstNode
		}, "unlisted_node"},
	}
	for _, test := range tests {
		c := rightChain()
		test.breaks(&c)
		code, report := c.examine(t)
		if code != exitFindings || !strings.Contains(report, "\n   "+test.want+"\n") {
			t.Errorf("%s: exit code %d, want %s:\n%s", test.name, code, test.want, report)
			continue
		}
		c.paste(t, report)
		if code, cured := c.examine(t); code != exitOK {
			t.Errorf("%s: exit code %d after the cure:\n%s\nThe report was:\n%s", test.name, code, cured, report)
		}
	}
}

// ownNetwork puts the test into a network of its own, which has the addresses of
// the chain. Its thread is never given back.
func ownNetwork(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		text := fmt.Sprintf("network namespaces cannot be made here (%v): run the test as root", err)
		if os.Getenv("CI") == "true" {
			t.Fatal(text)
		}
		runtime.UnlockOSThread()
		t.Skip(text)
	}
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	for _, text := range []string{firstNode, secondNode, edgeAddr, webAddr} {
		if err == nil {
			addr := netip.MustParseAddr(text)
			err = netlink.AddrAdd(lo, &netlink.Addr{IPNet: &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(32, 32)}})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The formats have nothing in common with those that Clearhop knows.
const nineFormats = `
	log_format at_edge '$time_iso8601|peer=$realip_remote_addr|from=$remote_addr|pp=$proxy_protocol_addr|xff=$http_x_forwarded_for|xri=$http_x_real_ip|$status|up=$upstream_addr|id=$request_id|"$request"|"$http_user_agent"';
	log_format at_web '<$remote_addr> via <$realip_remote_addr> {$http_x_forwarded_for} {$http_x_real_ip} [$time_local] "$request" $status "$http_user_agent" id=$http_x_request_id';
`

func (c *nineChain) config(dir string, ports []int) string {
	indented := func(lines []string) string { return "\t\t" + strings.Join(lines, "\n\t\t") }
	return fmt.Sprintf(`
error_log %[1]s/edge.error.log;
events {}
http {
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxied;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
%[2]s
	server {
		listen %[3]s:%[4]d %[5]s;
		access_log %[1]s/edge.log at_edge;
%[6]s
		location / {
			proxy_pass http://%[7]s:%[8]d;
			proxy_bind %[3]s;
			proxy_set_header X-Request-ID $request_id;
%[9]s
		}
	}
	server {
		listen %[7]s:%[8]d;
		access_log %[1]s/web.log at_web;
%[10]s
		location / { return 200 "ok\n"; }
	}
}
`, dir, nineFormats, edgeAddr, ports[0], c.edge.listen, indented(c.edge.realip), webAddr, ports[1], indented(c.edge.headers), indented(c.web.realip))
}

// examine runs the chain, sends requests through it, and has the doctor read what
// it logged.
func (c *nineChain) examine(t *testing.T) (code int, report string) {
	t.Helper()
	dir := t.TempDir()
	ports := nginxtest.Start(t, dir, 2, func(ports []int) string { return c.config(dir, ports) })
	agents := []string{"Mozilla/5.0 (X11; Linux x86_64) Firefox/132.0", "Mozilla/5.0 (iPhone) Safari/604.1", "curl/8.5.0", "okhttp/4.12"}
	for i := range 24 {
		header := ""
		if i%4 == 0 {
			header = "X-Forwarded-For: 6.6.6.6\r\n"
		}
		client := netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)})
		c.send(t, i, ports[0], client, fmt.Sprintf("GET /item/%d HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: %s\r\n%sConnection: close\r\n\r\n", i, agents[i%len(agents)], header))
	}
	for i := range 4 {
		c.send(t, i, ports[0], netip.Addr{}, "GET /healthz HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: ELB-HealthChecker/2.0\r\nConnection: close\r\n\r\n")
	}
	conf := filepath.Join(dir, "formats.conf")
	if err := os.WriteFile(conf, []byte("http {\n"+nineFormats+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"doctor", "--format", "@" + conf, "--error-zone", "UTC"}, c.args...)
	for _, name := range []string{"edge.log", "web.log", "edge.error.log"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err == nil && len(b) > 0 {
			args = append(args, filepath.Join(dir, name))
		}
	}
	var out, errOut bytes.Buffer
	code = run(t.Context(), args, nil, &out, &errOut)
	if errOut.Len() > 0 {
		t.Errorf("standard error: %s", errOut.String())
	}
	return code, out.String()
}

// send sends one request as a node of the NLB does. Without a client it is one of
// the node's own health checks. An nginx that does not understand it closes the
// connection, which is no failure of the test.
func (c *nineChain) send(t *testing.T, i, port int, client netip.Addr, request string) {
	t.Helper()
	node := []string{firstNode, secondNode}[i%2]
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: netip.MustParseAddr(node).AsSlice()}}
	conn, err := d.DialContext(t.Context(), "tcp", fmt.Sprintf("%s:%d", edgeAddr, port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if c.ppv2 {
		request = proxyHeader(client, netip.MustParseAddr(edgeAddr)) + request
	}
	_, _ = io.WriteString(conn, request)
	_, _ = io.Copy(io.Discard, conn)
}

// proxyHeader is a PROXY protocol header of version 2; LOCAL if there is no
// client.
func proxyHeader(client, to netip.Addr) string {
	const signature = "\r\n\r\n\x00\r\nQUIT\n"
	if !client.IsValid() {
		return signature + "\x20\x00\x00\x00"
	}
	return signature + "\x21\x11\x00\x0c" + string(client.AsSlice()) + string(to.AsSlice()) + "\x30\x39\x00\x50"
}

// A place of a cure in the report is followed by the lines to paste.
var placeOfCure = regexp.MustCompile(`^   (To fix it|and), (.*)$`)

// paste changes the chain as the report says, line by line.
func (c *nineChain) paste(t *testing.T, report string) {
	t.Helper()
	place := ""
	for line := range strings.Lines(report) {
		line = strings.TrimRight(line, "\n")
		if m := placeOfCure.FindStringSubmatch(line); m != nil {
			place = m[2]
			if strings.HasPrefix(place, "at the target group") {
				c.ppv2 = false // until the command is found
			}
			continue
		}
		indented, ok := strings.CutPrefix(line, "     ")
		if !ok {
			if !strings.HasPrefix(line, "   ") {
				place = ""
			}
			continue
		}
		directive := strings.TrimSpace(indented)
		switch {
		case strings.HasPrefix(place, "in the server of the edge"):
			c.edge.put(directive)
		case strings.HasPrefix(place, "in the location of the edge"):
			c.edge.put(directive)
		case strings.HasPrefix(place, "in http or server of the web"):
			c.web.put(directive)
		case strings.HasPrefix(place, "at the target group"):
			c.ppv2 = c.ppv2 || directive == "--attributes Key=proxy_protocol_v2.enabled,Value=true"
		case strings.HasPrefix(place, "in the settings of Clearhop") && strings.HasPrefix(directive, "--nlb "):
			c.args[1], _, _ = strings.Cut(strings.TrimPrefix(directive, "--nlb "), " ")
		}
	}
}

// put writes one line into the server, in the place of the directive that nginx
// takes once only.
func (h *hopConf) put(directive string) {
	directive, _, _ = strings.Cut(directive, "  #")
	words := strings.Fields(strings.TrimSuffix(directive, ";"))
	if !strings.HasSuffix(directive, ";") {
		if strings.HasPrefix(directive, "Remove every other set_real_ip_from") {
			h.realip = slices.DeleteFunc(h.realip, func(s string) bool { return s == "set_real_ip_from 0.0.0.0/0;" })
		}
		return // a note
	}
	switch words[0] {
	case "listen":
		h.listen = strings.Join(words[2:], " ")
	case "set_real_ip_from":
		if !slices.Contains(h.realip, directive) {
			h.realip = append(h.realip, directive)
		}
	case "real_ip_header", "real_ip_recursive":
		h.realip = append(slices.DeleteFunc(h.realip, func(s string) bool { return strings.HasPrefix(s, words[0]+" ") }), directive)
	case "proxy_set_header":
		h.headers = append(slices.DeleteFunc(h.headers, func(s string) bool { return strings.HasPrefix(s, words[0]+" "+words[1]+" ") }), directive)
	}
}
