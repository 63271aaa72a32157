package chain_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"clearhop/internal/template"
)

// inExample puts a configuration of the lab where the example stack has it: the VPC has no
// IPv6, the addresses of tasks cannot be chosen, and a name leads to the web hop.
var inExample = strings.NewReplacer(
	"        listen [::]:80 proxy_protocol;\n", "",
	"        listen [::]:80;\n", "",
	"        listen [::]:8080 proxy_protocol;\n", "",
	edgeTrust, "    set_real_ip_from 10.16.0.0/28;\n    set_real_ip_from 10.16.0.16/28;\n",
	webTrust, "    set_real_ip_from  10.16.1.0/24;\n    set_real_ip_from  10.16.2.0/24;\n",
	"    upstream web {\n"+edgeUpstream+"        keepalive 16;\n    }\n", "    resolver 10.16.0.2 valid=10s ipv6=off;\n",
	"proxy_pass         http://web;", "set $web web.clearhop-example.internal;\n            proxy_pass http://$web;",
)

// directives returns the words of a configuration without its comments.
func directives(conf string) string {
	var words []string
	for line := range strings.Lines(conf) {
		if text := strings.TrimSpace(line); !strings.HasPrefix(text, "#") {
			words = append(words, strings.Fields(text)...)
		}
	}
	return strings.Join(words, " ")
}

// TestExample holds the configurations of the example stack to the scenarios that its
// parameter Broken names: what the real chain logged there, the stack will log.
func TestExample(t *testing.T) {
	text, err := os.ReadFile("../deploy/example/template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	stack, err := template.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	variants := map[string]map[string]string{"instance": {"Target": "instance"}, "ok": {"Broken": "none"}}
	for _, p := range stack.Parameters() {
		if p.Name == "Broken" {
			for _, name := range p.Allowed()[1:] {
				variants[name] = map[string]string{"Broken": name}
			}
		}
	}
	if len(variants) < 9 {
		t.Fatalf("the stack has %d variants", len(variants))
	}
	for name, values := range variants {
		t.Run(name, func(t *testing.T) {
			s := scenarioNamed(t, name)
			for hop, task := range map[string]string{"edge": "EdgeTask", "web": "WebTask"} {
				got, err := stack.Text(values, task, "ContainerDefinitions", "0", "Environment", "1", "Value")
				if err != nil {
					t.Fatal(err)
				}
				if want := inExample.Replace(s.confs(t)[hop]); directives(got) != directives(want) {
					t.Errorf("%s differs from the scenario:\n%s\nwant:\n%s", hop, directives(got), directives(want))
				}
				acceptedByNginx(t, got)
			}
			if values["Target"] == "instance" {
				if kind, err := stack.Text(values, "InstanceTargetGroup", "TargetType"); kind != "instance" || s.nlb != sourceKept {
					t.Errorf("target type %s, %v", kind, err)
				}
				return
			}
			proxied, err := stack.Text(values, "EdgeTargetGroup", "TargetGroupAttributes", "0", "Value")
			if err != nil || (proxied == "true") != (s.nlb == proxyProtocol2) {
				t.Errorf("proxy_protocol_v2.enabled is %s, and the scenario's NLB is %q; %v", proxied, s.nlb, err)
			}
		})
	}
}

func scenarioNamed(t *testing.T, name string) *scenario {
	t.Helper()
	for i := range scenarios {
		if scenarios[i].name == name {
			return &scenarios[i]
		}
	}
	t.Fatalf("there is no scenario %s", name)
	return nil
}

// acceptedByNginx has a real nginx test a configuration.
func acceptedByNginx(t *testing.T, conf string) {
	t.Helper()
	dir := t.TempDir()
	var temporary strings.Builder
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary.WriteString("    " + name + "_temp_path " + dir + "/" + name + ";\n")
	}
	file := filepath.Join(dir, "nginx.conf")
	text := "pid " + dir + "/nginx.pid;\n" + strings.Replace(conf, "http {\n", "http {\n"+temporary.String(), 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(lookPath(t, "nginx"), "-t", "-e", "stderr", "-c", file).CombinedOutput(); err != nil {
		t.Errorf("nginx -t: %v\n%s", err, out)
	}
}

// TestGuide: the guide names scenarios that exist, in both languages the same, and shows the
// directives of the same configurations.
func TestGuide(t *testing.T) {
	scenario := regexp.MustCompile("`([a-z0-9-]+)`")
	var guides [2]string
	for i, name := range []string{"guide.md", "guide.ja.md"} {
		text, err := os.ReadFile("../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var named, blocks []string
		for _, m := range scenario.FindAllStringSubmatch(string(text), -1) {
			switch m[1] {
			case "code", "ip", "off", "clearhop":
			default:
				named = append(named, scenarioNamed(t, m[1]).name)
			}
		}
		if slices.Sort(named); len(named) < 30 {
			t.Errorf("%s names %d scenarios", name, len(named))
		}
		parts := strings.Split(string(text), "```")
		for k := 1; k < len(parts); k += 2 {
			blocks = append(blocks, directives(comment.ReplaceAllString(parts[k], "")))
		}
		guides[i] = strings.Join(named, " ") + "\n" + strings.Join(blocks, "\n")
	}
	if guides[0] != guides[1] {
		t.Errorf("the two languages differ:\n%s\n%s", guides[0], guides[1])
	}
}

// comment is what stands behind a directive, in the language of the guide.
var comment = regexp.MustCompile(`\s+# .*`)
