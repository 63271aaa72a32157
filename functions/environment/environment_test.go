package environment_test

import (
	"strings"
	"testing"
	"time"

	"clearhop/enrich/clientip"
	"clearhop/enrich/geoip"
	"clearhop/functions/environment"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/privacy"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type settings struct {
	Stream string        `env:"CLEARHOP_FIREHOSE_STREAM" help:"The stream."`
	Wait   time.Duration `env:"CLEARHOP_WAIT" default:"2s"`
}

func TestLoad(t *testing.T) {
	var s settings
	var c pipeline.Config
	err := environment.Load([]string{
		"PATH=/bin", "CLEARHOP_FIREHOSE_STREAM=events", "CLEARHOP_NLB=10.0.0.1,10.0.0.2", "CLEARHOP_STRICT=true",
		"CLEARHOP_FORMAT=$remote_addr, $status", "CLEARHOP_LABELS=service=web,env=prod", "CLEARHOP_GEO_MAX_AGE=1h",
		"CLEARHOP_TRUSTED=", "CLEARHOP_FORMAT_FOR=/ecs/*=$remote_addr, $status\n/web=combined", "CLEARHOP_JSON_KEYS=who=remote_addr,what=request",
	}, &s, &c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(settings{Stream: "events", Wait: 2 * time.Second}, s); diff != "" {
		t.Error(diff)
	}
	want := pipeline.Config{
		Parser:  parser.Settings{Format: []string{"$remote_addr, $status"}, ErrorZone: "UTC", FormatFor: map[string]string{"/ecs/*": "$remote_addr, $status", "/web": "combined"}, JSONKey: map[string]string{"who": "remote_addr", "what": "request"}},
		Client:  clientip.Settings{NLB: []string{"10.0.0.1", "10.0.0.2"}, Strict: true, ClientFields: []string{"proxy_protocol_addr", "http_x_forwarded_for", "http_x_real_ip"}, NLBRefresh: 5 * time.Minute},
		Privacy: privacy.Settings{Mode: "none"},
		GeoIP:   geoip.Settings{Refresh: 15 * time.Minute, MaxAge: time.Hour},
		Label:   map[string]string{"service": "web", "env": "prod"},
	}
	if diff := cmp.Diff(want, c, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestLoadNamesEverythingWrong(t *testing.T) {
	var s settings
	var c pipeline.Config
	err := environment.Load([]string{"CLEARHOP_WAIT=soon", "CLEARHOP_STRICT=perhaps", "CLEARHOP_TRUSTD=10.0.0.0/8"}, &s, &c)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"CLEARHOP_WAIT: ", "CLEARHOP_STRICT: ", "there is no setting CLEARHOP_TRUSTD; did you mean CLEARHOP_TRUSTED?"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in the error: %v", want, err)
		}
	}
}
