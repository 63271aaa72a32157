package query

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// useProfile makes AWS's usual configuration that of a file with these lines.
func useProfile(t *testing.T, lines ...string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": path, "AWS_SHARED_CREDENTIALS_FILE": "none", "AWS_PROFILE": "", "AWS_REGION": "eu-central-1",
		"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_EC2": "", "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2": "", "AWS_ENDPOINT_URL_STS": "",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "", "AWS_USE_FIPS_ENDPOINT": "", "AWS_USE_DUALSTACK_ENDPOINT": "",
	} {
		t.Setenv(name, value)
	}
}

var (
	ec2API = Service{ID: "EC2", Name: "ec2", Version: "2016-11-15"}
	elbAPI = Service{ID: "Elastic Load Balancing v2", Name: "elasticloadbalancing", Version: "2015-12-01"}
)

// checkEndpoint checks where a service is asked in the configuration as it is.
func checkEndpoint(t *testing.T, s Service, want string) {
	t.Helper()
	c, err := New(t.Context(), s)
	var got string
	if err != nil {
		got = err.Error()
	} else {
		got = c.endpoint.String()
	}
	if got != want {
		t.Errorf("%s: got %s, want %s", s.ID, got, want)
	}
}

// TestEndpoints: in all partitions the hosts are those that the SDK's own clients
// ask.
func TestEndpoints(t *testing.T) {
	text, err := os.ReadFile("testdata/endpoints.txt")
	if err != nil {
		t.Fatal(err)
	}
	useProfile(t)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		t.Setenv("AWS_REGION", words[0])
		t.Setenv("AWS_USE_FIPS_ENDPOINT", words[1])
		t.Setenv("AWS_USE_DUALSTACK_ENDPOINT", words[2])
		checkEndpoint(t, ec2API, words[3]+"/")
		checkEndpoint(t, elbAPI, words[4]+"/")
	}
	for _, bad := range []string{"eu central 1", "eu-central-1/x", "a.b"} {
		t.Setenv("AWS_REGION", bad)
		checkEndpoint(t, ec2API, "aws configuration: "+strconv.Quote(bad)+" is no region")
	}
}

// TestConfiguredEndpoint: of several endpoints that are configured the same one
// is asked as by the SDK's clients.
func TestConfiguredEndpoint(t *testing.T) {
	useProfile(t, "[default]", "endpoint_url = http://profile:1", "services = here",
		"[services here]", "ec2 =", "  endpoint_url = http://profile-ec2:2/path")
	checkEndpoint(t, elbAPI, "http://profile:1/")
	checkEndpoint(t, ec2API, "http://profile-ec2:2/path")
	t.Setenv("AWS_ENDPOINT_URL_STS", "http://sts:3")
	checkEndpoint(t, elbAPI, "http://profile:1/")
	t.Setenv("AWS_ENDPOINT_URL", "http://all:4")
	checkEndpoint(t, elbAPI, "http://all:4/")
	checkEndpoint(t, ec2API, "http://all:4/")
	t.Setenv("AWS_ENDPOINT_URL_EC2", "http://ec2:5")
	t.Setenv("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", "http://elb:6")
	checkEndpoint(t, ec2API, "http://ec2:5/")
	checkEndpoint(t, elbAPI, "http://elb:6/")
	t.Setenv("AWS_USE_FIPS_ENDPOINT", "true")
	checkEndpoint(t, ec2API, "aws configuration: endpoint rule error, Invalid Configuration: FIPS and custom endpoint are not supported")
	t.Setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
	checkEndpoint(t, ec2API, "https://ec2-fips.eu-central-1.amazonaws.com/")
}
