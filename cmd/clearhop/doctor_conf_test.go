package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clearhop/check"
	"clearhop/diagnose"
	"clearhop/internal/chaintest"
)

// heldAgainst runs the doctor over the logs of a scenario, with the configurations of
// another one, which may be the same.
func heldAgainst(t *testing.T, logs, confs string) *heldReport {
	t.Helper()
	args := append(chainArgs(logs), "--trusted", "unix:", "--output", "json")
	for _, hop := range []string{"edge", "mid", "web"} {
		file := filepath.Join(confs, hop+".conf")
		text, err := os.ReadFile(file)
		if err != nil {
			continue // only some scenarios have a hop between the two
		}
		if _, err := os.Stat(filepath.Join(confs, "mid.conf")); err == nil && hop == "edge" {
			// The recording has the edge's configuration without the hop between.
			file = filepath.Join(t.TempDir(), "edge.conf")
			if err := os.WriteFile(file, bytes.Replace(text, []byte("server    10.16.1.14:80;"), []byte("server    10.16.1.15:80;"), 1), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		args = append(args, "--nginx-conf", file)
	}
	var r heldReport
	out := doctorOutput(t, nil, append(args, existing(logs, []string{"edge.clearhop", "edge.error", "web.clearhop"})...)...)
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

// TestDoctorAgainstConfigurations: the configuration of each scenario explains its log,
// and a place is named in each broken one and in no healthy one.
func TestDoctorAgainstConfigurations(t *testing.T) {
	t.Chdir(chaintest.Dir(t))
	scenarios, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range scenarios {
		name := folder.Name()
		if !folder.IsDir() || strings.HasPrefix(name, "cdn") {
			continue // no visitor of the model comes by a CDN
		}
		r := heldAgainst(t, name, name)
		c := r.Comparison
		switch {
		case r.State == diagnose.Unknown:
			if c.Agreement != check.CannotTell {
				t.Errorf("%s: %s of a log that could not be judged", name, c.Agreement)
			}
		case c.Agreement != check.Agrees:
			t.Errorf("%s: its own configuration %s: %q", name, c.Agreement, c.Says)
		case r.State == diagnose.Broken && (len(c.Changes)+len(c.TargetGroup) == 0 || !c.Fixed):
			t.Errorf("%s: no place is named, or the change is not enough: %q", name, c.Says)
		case r.State == diagnose.Healthy && len(c.Changes)+len(c.TargetGroup) > 0 && !strings.HasPrefix(name, "two-proxies"):
			t.Errorf("%s: a place is named, and nothing is broken: %+v", name, c.Changes)
		}
	}
}

// TestDoctorNamesTheLine: the line is that of the file, with what is wrong in it.
func TestDoctorNamesTheLine(t *testing.T) {
	t.Chdir(chaintest.Dir(t))
	for scenario, want := range map[string]string{
		"edge-wrong-cidr":               "edge-wrong-cidr/edge.conf:38: set_real_ip_from 10.99.0.0/16 does not hold 10.16.1.11",
		"web-wrong-cidr":                "web-wrong-cidr/web.conf:43: set_real_ip_from 10.99.0.0/16 does not hold 10.16.1.13",
		"web-trusts-everybody":          "web-trusts-everybody/web.conf:43: set_real_ip_from 0.0.0.0/0 holds every visitor",
		"ppv2-not-listened":             "ppv2-not-listened/edge.conf:",
		"edge-hands-on-visitors-header": "edge-hands-on-visitors-header/edge.conf:84: the headers that name the client are not set here",
	} {
		c := heldAgainst(t, scenario, scenario).Comparison
		found := ""
		for i := range c.Changes {
			found += c.Changes[i].At() + ": " + strings.Join(c.Changes[i].Why, "; ") + "\n"
		}
		if !strings.Contains(found, want) {
			t.Errorf("%s: want %s in\n%s", scenario, want, found)
		}
	}
}

// TestDoctorAgainstOtherConfigurations: the running nginx cannot run a file that logs
// something else, and nothing is claimed where the two log the same.
func TestDoctorAgainstOtherConfigurations(t *testing.T) {
	t.Chdir(chaintest.Dir(t))
	for _, c := range []struct {
		logs, confs string
		want        check.Agreement
	}{
		{"edge-wrong-cidr", "ok", check.Differs},
		{"instance", "instance", check.Agrees},
		{"web-wrong-cidr", "ok", check.Differs},
		{"no-realip-anywhere", "web-no-realip", check.Differs},
		{"ppv2-not-listened", "ok", check.Differs},
		{"ppv2-off", "ok", check.Differs},
		{"ok", "edge-no-realip", check.Differs},
		{"ok", "web-wrong-cidr", check.Differs},
		{"ok", "ppv2-not-listened", check.Differs},
		{"scanners-no-error-page", "ok", check.Agrees},
		{"scanners-no-error-page", "edge-no-realip", check.Differs},
		{"edge-wrong-cidr", "edge-no-realip", check.Agrees}, // both log the same
		{"ok", "append-recursive", check.Agrees},
	} {
		if got := heldAgainst(t, c.logs, c.confs).Comparison; got.Agreement != c.want {
			t.Errorf("%s against the configuration of %s: %s, want %s: %q", c.logs, c.confs, got.Agreement, c.want, got.Says)
		}
	}
}

// TestDoctorOfTheWebHopAlone: one file and the log of the web hop are enough.
func TestDoctorOfTheWebHopAlone(t *testing.T) {
	t.Chdir(chaintest.Dir(t))
	for conf, want := range map[string]check.Agreement{"web-wrong-cidr": check.Agrees, "ok": check.Differs} {
		var r heldReport
		out := doctorOutput(t, nil, "--output", "json", "--nginx-conf", conf+"/web.conf", "web-wrong-cidr/web.clearhop.log")
		if err := json.Unmarshal(out, &r); err != nil {
			t.Fatal(err)
		}
		if r.Comparison.Agreement != want {
			t.Errorf("against %s: %s, want %s: %q", conf, r.Comparison.Agreement, want, r.Comparison.Says)
		}
	}
}
