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

// TestCheckSaysWhichAddressOfASubnet: a subnet stands for one of its addresses.
func TestCheckSaysWhichAddressOfASubnet(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "edge.conf")
	text := "http { server { listen 80 proxy_protocol; set_real_ip_from 10.16.0.0/16; real_ip_header proxy_protocol; } }\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for nlb, says := range map[string]bool{"10.16.1.0/24": true, "10.16.1.11": false} {
		var out, errOut bytes.Buffer
		run(t.Context(), []string{"check", conf, "--nlb", nlb, "--target-type", "ip", "--proxy-protocol-v2", "on", "--preserve-client-ip", "off", "--output", "json"}, nil, &out, &errOut)
		if strings.Contains(out.String(), "Which address of 10.16.1.0/24 the NLB's node has is not given (--nlb). 10.16.1.4 is assumed.") != says || out.Len() == 0 {
			t.Errorf("--nlb %s:\n%s%s", nlb, out.String(), errOut.String())
		}
	}
}

// TestDoctorOfAMissingLog: the error is all that is printed.
func TestDoctorOfAMissingLog(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "edge.conf")
	if err := os.WriteFile(conf, []byte("http { server { listen 80; } }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	code := run(t.Context(), []string{"doctor", "--nginx-conf", conf, filepath.Join(t.TempDir(), "missing.log")}, nil, &out, &errOut)
	if code != exitUnjudged || out.Len() > 0 || !strings.Contains(errOut.String(), "missing.log: no such file") {
		t.Errorf("exit code %d, %q, %q", code, out.String(), errOut.String())
	}
}
