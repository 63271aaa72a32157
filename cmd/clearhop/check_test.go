package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/internal/mototest"
)

// TestCheckAsksAWS: the attributes of the target group come from AWS, by its ARN, and
// those of other groups do not count.
func TestCheckAsksAWS(t *testing.T) {
	endpoint := mototest.Start(t)
	useEndpoint(t, endpoint)
	n := mototest.NewNetwork(t, endpoint, region, "10.16.1.0/24")
	n.AddInterface("ELB net/shop-edge/1", "10.16.1.11")
	arn := n.AddBalancer("shop-edge", "network", "shop-80")[0]
	other := n.AddBalancer("pay", "network", "pay-80")[0]
	n.SetAttribute(other, "proxy_protocol_v2.enabled", "true")

	conf := filepath.Join(t.TempDir(), "edge.conf")
	text := "http { server { listen 80 proxy_protocol; set_real_ip_from 10.16.1.11; real_ip_header proxy_protocol; } }\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(wantCode int, want, arn string) {
		t.Helper()
		var out, errOut bytes.Buffer
		code := run(t.Context(), []string{"check", conf, "--nlb", "10.16.1.11", "--target-group", arn}, nil, &out, &errOut)
		if code != wantCode || !strings.Contains(out.String()+errOut.String(), want) {
			t.Errorf("exit code %d, want %d, and %q in\n%s%s", code, wantCode, want, out.String(), errOut.String())
		}
	}
	check(exitFindings, "set proxy_protocol_v2.enabled = true", arn)
	check(0, "The chain is right", other)
	n.SetAttribute(arn, "proxy_protocol_v2.enabled", "true")
	check(0, "The chain is right", arn)
	check(exitUnjudged, "no NLB of this region has the target group", arn+"0")
}
