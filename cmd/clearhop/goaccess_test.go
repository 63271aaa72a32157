package main

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"clearhop/internal/chaintest"
)

const noGoAccess = "goaccess is not on the PATH: make test gets it, or install it (apt-get install goaccess, brew install goaccess)"

// TestGoAccess: GoAccess shows the true visitors of the recorded chain, and no address
// of the NLB.
func TestGoAccess(t *testing.T) {
	program, err := exec.LookPath("goaccess")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(noGoAccess)
		}
		t.Skip(noGoAccess)
	}
	dir := chaintest.Dir(t)
	visitors := []string{"210.227.0.10", "210.227.0.11"}
	f := func(scenario string, want ...string) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(dir, scenario, "*.clearhop.log"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no logs: %v", scenario, err)
		}
		args := append([]string{"enrich", "-q", "--as", "combined", "--known-only", "--nlb", "10.16.1.11,2001:db8:16:1::11",
			"--trusted", "10.16.1.13,2001:db8:16:1::13,10.16.1.15"}, files...)
		var lines, errOut bytes.Buffer
		if code := run(t.Context(), args, nil, &lines, &errOut); code != exitOK {
			t.Fatalf("exit code %d: %s", code, errOut.String())
		}
		hosts, failed := readByGoAccess(t, program, lines.Bytes())
		if failed > 0 {
			t.Errorf("%s: GoAccess cannot read %d lines", scenario, failed)
		}
		slices.Sort(hosts)
		if !slices.Equal(hosts, want) {
			t.Errorf("%s: GoAccess shows %v, want %v", scenario, hosts, want)
		}
	}
	f("ok", visitors...)
	f("web-no-realip", visitors...)
	f("edge-no-realip", visitors...)
	f("wrong-cidr-everywhere", visitors...)
	f("health-http", visitors[0])
	f("ipv6-client", "2001:db8:210::10")
}

// readByGoAccess returns the hosts that GoAccess shows for lines in combined, and how
// many lines it could not read. It must count all of the others.
func readByGoAccess(t *testing.T, program string, lines []byte) (hosts []string, failed int) {
	t.Helper()
	dir := t.TempDir()
	log, out := filepath.Join(dir, "access.log"), filepath.Join(dir, "report.json")
	if err := os.WriteFile(log, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, log, "--no-global-config", "--log-format=COMBINED", "--no-progress", "-o", out)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("goaccess: %v: %s", err, text)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		General struct {
			Valid  int `json:"valid_requests"`
			Failed int `json:"failed_requests"`
		}
		Hosts struct{ Data []struct{ Data string } }
	}
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(lines, []byte("\n")); report.General.Valid+report.General.Failed != n {
		t.Errorf("GoAccess counts %d lines of %d", report.General.Valid+report.General.Failed, n)
	}
	for _, host := range report.Hosts.Data {
		hosts = append(hosts, netip.MustParseAddr(host.Data).String())
	}
	return hosts, report.General.Failed
}
