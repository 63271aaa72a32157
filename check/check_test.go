package check_test

import (
	"net/netip"
	"strings"
	"testing"

	"clearhop/check"
	"clearhop/diagnose"
	"clearhop/enrich/clientip"
	"clearhop/hop"
	"clearhop/nginxconf"
)

const (
	proxyProtocolExample = `http {
    server {
        listen 80 proxy_protocol;
        set_real_ip_from 10.16.1.0/24;
        real_ip_header proxy_protocol;
        location / {
            proxy_pass http://10.16.1.14;
            proxy_set_header X-Real-IP $proxy_protocol_addr;
            proxy_set_header X-Forwarded-For $proxy_protocol_addr;
        }
    }
}
`
	realipExample = `http {
    set_real_ip_from 10.16.1.0/24;
    set_real_ip_from 2001:0db8::/32;
    real_ip_header X-Forwarded-For;
    real_ip_recursive on;
    server { listen 80; }
}
`
	article = `http {
    server {
        listen 80 proxy_protocol;
        server_name _;
        set_real_ip_from 10.16.1.11;
        real_ip_header proxy_protocol;
        real_ip_recursive on;
        location / {
           proxy_pass   http://10.16.1.14;
           proxy_set_header  Host $host;
           proxy_set_header  X-Real-IP $proxy_protocol_addr;
           proxy_set_header  X-Forwarded-For $proxy_protocol_addr;
        }
    }
}
`
	articleWeb = `http {
    server {
        listen 80;
        set_real_ip_from  10.16.1.13;
        real_ip_header    X-Forwarded-For;
        real_ip_recursive on;
    }
}
`
)

func chain(t *testing.T, proxied bool, texts ...string) *check.Chain {
	t.Helper()
	c := &check.Chain{NLB: hop.NLB{Addresses: []netip.Addr{netip.MustParseAddr("10.16.1.11")}, ProxyProtocolV2: proxied}}
	for i, text := range texts {
		conf, err := nginxconf.Parse(&nginxconf.File{Name: []string{"edge.conf", "web.conf"}[i], Text: []byte(text)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Confs = append(c.Confs, conf)
	}
	var err error
	if c.Trusted, err = clientip.ParseAddresses("10.16.1.13"); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestKnownConfigurations holds the table of docs/check.md; that of the reference is in
// the tests of package chain.
func TestKnownConfigurations(t *testing.T) {
	mapped := strings.NewReplacer(
		"http {", "http {\n    map $remote_addr $client { default $remote_addr; }", "X-Forwarded-For $proxy_protocol_addr", "X-Forwarded-For $client",
	).Replace(article)
	for _, c := range []struct {
		name    string
		chain   *check.Chain
		state   diagnose.State
		finding string
	}{
		{"PROXY protocol", chain(t, true, proxyProtocolExample, articleWeb), diagnose.Healthy, ""},
		{"realip", chain(t, false, realipExample), diagnose.Broken, "proxy_protocol_off"},
		{"article", chain(t, true, article, articleWeb), diagnose.Healthy, ""},
		{"article, not sent", chain(t, false, article, articleWeb), diagnose.Broken, "proxy_protocol_not_sent"},
		{"a map", chain(t, true, mapped, articleWeb), diagnose.Unknown, ""},
	} {
		r, err := check.Run(c.chain)
		if err != nil {
			t.Fatal(err)
		}
		if r.State != c.state {
			t.Errorf("%s: %s, want %s: %+v", c.name, r.State, c.state, r.Visitors)
		}
		found := ""
		if len(r.Findings) > 0 {
			found = r.Findings[0].Code
		}
		if found != c.finding {
			t.Errorf("%s: finding %q, want %q", c.name, found, c.finding)
		}
		if r.State == diagnose.Broken && !r.Fixed {
			t.Errorf("%s: the change does not put it right:\n%s", c.name, r.Diff)
		}
	}
}

// Where an edge passes requests on to a name, the hop behind it that listens on the port is
// judged, and the result says that this is assumed. A hop that nobody comes to is not judged.
func TestNames(t *testing.T) {
	wrongWeb := strings.Replace(articleWeb, "10.16.1.13", "10.99.0.0/16", 1)
	to := func(pass, before string) string {
		return strings.NewReplacer("proxy_pass   http://10.16.1.14;", before+pass, "http {", "http {\n    upstream behind { server web.internal; }\n    resolver 10.16.0.2;\n").Replace(article)
	}
	for _, c := range []struct {
		name, edge, web string
		state           diagnose.State
		assumed         string
	}{
		{"a name", to("proxy_pass http://web.internal;", ""), articleWeb, diagnose.Healthy, "web.internal:80"},
		{"a name with a port", to("proxy_pass http://web.internal:8080;", ""), strings.Replace(articleWeb, "listen 80", "listen 8080", 1), diagnose.Healthy, "web.internal:8080"},
		{"a path", to("proxy_pass http://web.internal/x/;", ""), articleWeb, diagnose.Healthy, "web.internal:80"},
		{"an address of its own", to("proxy_pass http://web.internal;", ""), strings.Replace(articleWeb, "listen 80", "listen 10.16.3.4:80", 1), diagnose.Healthy, "web.internal:80"},
		{"an upstream", to("proxy_pass http://behind;", ""), articleWeb, diagnose.Healthy, "web.internal:80"},
		{"a variable", to("proxy_pass http://$web;", "set $web web.internal; "), articleWeb, diagnose.Healthy, "web.internal:80"},
		{"broken behind a name", to("proxy_pass http://web.internal;", ""), wrongWeb, diagnose.Broken, "web.internal:80"},
		{"another port", to("proxy_pass http://web.internal:8080;", ""), articleWeb, diagnose.Unknown, ""},
		{"a variable that is not known", to("proxy_pass http://$http_x_web;", ""), articleWeb, diagnose.Unknown, ""},
		{"nothing passed on", strings.Replace(article, "proxy_pass   http://10.16.1.14;", "return 200;", 1), articleWeb, diagnose.Unknown, ""},
	} {
		r, err := check.Run(chain(t, true, c.edge, c.web))
		if err != nil {
			t.Fatal(err)
		}
		if r.State != c.state {
			t.Errorf("%s: %s, want %s: %+v, %v", c.name, r.State, c.state, r.Visitors, r.Unknowns)
		}
		if assumed := strings.Join(r.Assumed, " "); !strings.Contains(assumed, c.assumed) {
			t.Errorf("%s: assumed %q, want %q", c.name, assumed, c.assumed)
		}
		if r.State == diagnose.Unknown && len(r.Unknowns) == 0 {
			t.Errorf("%s: nothing says why it cannot be judged", c.name)
		}
		if r.State == diagnose.Broken && (!r.Fixed || len(r.Changes) != 1 || r.Changes[0].File != "web.conf") {
			t.Errorf("%s: changes %+v", c.name, r.Changes)
		}
	}
}

// The line at fault is that of the file as it was given, whatever stands before it.
func TestPlace(t *testing.T) {
	r, err := check.Run(chain(t, true, strings.Replace(article, "10.16.1.11", "10.99.0.0/16", 1), articleWeb))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Changes) != 1 || r.Changes[0].At() != "edge.conf:5" || !strings.Contains(r.Changes[0].Why[0], "10.99.0.0/16 does not hold 10.16.1.11") {
		t.Errorf("changes %+v", r.Changes)
	}
	const want = `--- edge.conf
+++ edge.conf
@@ -2,7 +2,7 @@
     server {
         listen 80 proxy_protocol;
         server_name _;
-        set_real_ip_from 10.99.0.0/16;
+        set_real_ip_from 10.16.1.11;
         real_ip_header proxy_protocol;
         real_ip_recursive on;
         location / {
`
	if r.Diff != want {
		t.Errorf("got\n%swant\n%s", r.Diff, want)
	}
}

func TestReadTargetGroup(t *testing.T) {
	for text, want := range map[string]hop.NLB{
		`{"planned_values":{"root_module":{"resources":[{"type":"aws_lb_target_group","values":{"target_type":"ip","protocol":"TCP","port":80,"proxy_protocol_v2":true,"preserve_client_ip":null}}]}},
		"resource_changes":[{"type":"aws_lb_target_group","change":{}}]}`: {ProxyProtocolV2: true},
		`{"values":{"root_module":{"child_modules":[{"resources":[{"type":"aws_lb_target_group","values":{"protocol":"TCP","proxy_protocol_v2":false,"preserve_client_ip":"false"}}]}]}}}`:                                                        {},
		"Resources:\n  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties:\n      VpcId: !Ref Vpc\n      TargetType: ip\n      TargetGroupAttributes:\n        - Key: proxy_protocol_v2.enabled\n          Value: \"true\"\n": {ProxyProtocolV2: true},
		"Resources:\n  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: {Protocol: TCP}\n":                                                                                                                                 {PreserveClientIP: true},
		`{"Attributes":[{"Key":"proxy_protocol_v2.enabled","Value":"false"},{"Key":"preserve_client_ip.enabled","Value":"true"}]}`:                                                                                                                {PreserveClientIP: true},
	} {
		g, err := check.ReadTargetGroup([]byte(text))
		if err != nil || g.ProxyProtocolV2 != want.ProxyProtocolV2 || g.PreserveClientIP != want.PreserveClientIP {
			t.Errorf("%s\n got %+v, %v\nwant %+v", text, g, err, want)
		}
	}
	for _, text := range []string{"", "{}", "a: [", "a: &a [*a]", `{"type":"aws_lb_target_group","values":{"protocol":"HTTP"}}`} {
		if g, err := check.ReadTargetGroup([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, g)
		}
	}
}

// TestHeadline: what is not known stands in the first line too, since many read no further.
func TestHeadline(t *testing.T) {
	for text, want := range map[string]string{
		article: "The chain is right: every hop will log the visitor as $remote_addr.\n",
		strings.Replace(article, "http {", "load_module modules/ngx_http_js_module.so;\nhttp {", 1): "The chain is right as far as it is known: see the end of this report.\n",
	} {
		r, err := check.Run(chain(t, true, text, articleWeb))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := r.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(b.String(), want) {
			t.Errorf("got %.100q, want %q", b.String(), want)
		}
	}
}
