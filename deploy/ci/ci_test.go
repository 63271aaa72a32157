// Package ci_test runs the recipes for GitHub and GitLab in a shell, with the built command.
package ci_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"clearhop/internal/buildtest"

	"go.yaml.in/yaml/v3"
)

// archive packs the built command as a release does, and returns the file and its checksum.
func archive(t *testing.T) (file, sum string) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "clearhop_linux")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	program := buildtest.Program(t, buildtest.Config{Package: "clearhop/cmd/clearhop"})
	if err := os.Link(program, filepath.Join(folder, "clearhop")); err != nil {
		text, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "clearhop"), text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file = folder + ".tar.gz"
	if out, err := exec.Command("tar", "-C", filepath.Dir(folder), "-czf", file, filepath.Base(folder)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b := sha256.Sum256(text)
	return file, hex.EncodeToString(b[:])
}

// A job is a folder with the configurations of a chain in which scripts run.
type job struct {
	t   *testing.T
	dir string
	env []string
}

func newJob(t *testing.T, edgeTrust string) *job {
	t.Helper()
	j := &job{t: t, dir: t.TempDir()}
	for _, name := range []string{"edge.conf", "web.conf"} {
		text, err := os.ReadFile("../../chain/reference/" + name)
		if err != nil {
			t.Fatal(err)
		}
		conf := strings.Replace(string(text), "set_real_ip_from 10.16.1.11;", "set_real_ip_from "+edgeTrust+";", 1)
		if err := os.WriteFile(filepath.Join(j.dir, name), []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// run runs a script and returns its exit code and what it prints.
func (j *job) run(shell, script string) (int, string) {
	j.t.Helper()
	cmd := exec.Command(shell, "-c", script)
	cmd.Dir, cmd.Env = j.dir, append(os.Environ(), j.env...)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), string(out)
	} else if err != nil {
		j.t.Fatal(err)
	}
	return 0, string(out)
}

func (j *job) read(name string) string {
	j.t.Helper()
	text, err := os.ReadFile(filepath.Join(j.dir, name))
	if err != nil {
		j.t.Fatal(err)
	}
	return string(text)
}

// expression is a value that GitHub puts in, as ${{ inputs.NAME }}.
var expression = regexp.MustCompile(`^\$\{\{ inputs\.([a-z0-9-]+) \}\}$`)

// TestGitHub runs the steps of the action as a runner does: each with its variables, and
// with what the step before added to the PATH.
func TestGitHub(t *testing.T) {
	var action struct {
		Inputs map[string]struct {
			Default string `yaml:"default"`
		} `yaml:"inputs"`
		Runs struct {
			Steps []struct {
				Name, If, Shell, Run string
				Env                  map[string]string
			} `yaml:"steps"`
		} `yaml:"runs"`
	}
	read(t, "action.yml", &action)
	file, sum := archive(t)
	for _, c := range []struct {
		name, trust, sum string
		code             int
		says             string
	}{
		{"healthy", "10.16.1.11", sum, 0, "The chain is right"},
		{"broken", "10.99.0.0/16", sum, 1, "+    set_real_ip_from 10.16.1.11;"},
		{"another archive", "10.16.1.11", strings.Repeat("0", 64), 1, "FAILED"},
		{"no checksum", "10.16.1.11", "", 1, "sha256 is required"},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := newJob(t, c.trust)
			path, summary := filepath.Join(j.dir, "path"), filepath.Join(j.dir, "summary")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			given := map[string]string{
				"archive": file, "sha256": c.sum, "conf": "edge.conf web.conf", "nlb": "10.16.1.11", "trusted": "10.16.1.13",
				"target-type": "ip", "proxy-protocol-v2": "on",
			}
			code, out := 0, ""
			for _, step := range action.Runs.Steps {
				when := strings.TrimSuffix(strings.TrimPrefix(step.If, "inputs."), " != ''")
				if _, isInput := action.Inputs[when]; !isInput {
					t.Fatalf("step %s: if: %s", step.Name, step.If)
				}
				if given[when] == "" || code != 0 {
					continue
				}
				added := strings.TrimSpace(j.read("path"))
				j.env = []string{"PATH=" + added + ":" + os.Getenv("PATH"), "RUNNER_TEMP=" + j.dir, "GITHUB_PATH=" + path, "GITHUB_STEP_SUMMARY=" + summary}
				for name, value := range step.Env {
					m := expression.FindStringSubmatch(value)
					if m == nil {
						t.Fatalf("step %s: %s is %s: GitHub would put a value into the script", step.Name, name, value)
					}
					input, isInput := action.Inputs[m[1]]
					if !isInput {
						t.Fatalf("step %s: there is no input %s", step.Name, m[1])
					}
					if v, isGiven := given[m[1]]; isGiven {
						input.Default = v
					}
					j.env = append(j.env, name+"="+input.Default)
				}
				if strings.Contains(step.Run, "${{") {
					t.Errorf("step %s: a value stands in the script, where it could be a command", step.Name)
				}
				var printed string
				code, printed = j.run("bash", step.Run)
				out += printed
			}
			if code != c.code || !strings.Contains(out, c.says) {
				t.Errorf("exit code %d:\n%s", code, out)
			}
			if c.name == "broken" && !strings.Contains(j.read("summary"), "```diff\n--- edge.conf") {
				t.Errorf("the summary has no diff:\n%s", j.read("summary"))
			}
		})
	}
}

// TestGitLab runs the scripts of the job as a runner does.
func TestGitLab(t *testing.T) {
	type script struct {
		Before []string `yaml:"before_script"`
		Script []string `yaml:"script"`
	}
	var jobs map[string]script
	read(t, "gitlab.yml", &jobs)
	file, sum := archive(t)
	check := strings.Join(append(jobs[".clearhop"].Before, jobs["clearhop-check"].Script...), "\n")
	for trust, want := range map[string]int{"10.16.1.11": 0, "10.99.0.0/16": 1} {
		j := newJob(t, trust)
		j.env = []string{
			"CLEARHOP_ARCHIVE=" + file, "CLEARHOP_SHA256=" + sum, "CLEARHOP_CONF=edge.conf web.conf",
			"CLEARHOP_NLB=10.16.1.11", "CLEARHOP_TRUSTED=10.16.1.13", "CLEARHOP_CHECK_FLAGS=--target-type ip --proxy-protocol-v2 on",
		}
		code, out := j.run("sh", check)
		if code != want {
			t.Errorf("%s: exit code %d:\n%s", trust, code, out)
		}
		if want == 1 && !strings.Contains(j.read("clearhop.diff"), "+    set_real_ip_from 10.16.1.11;") {
			t.Errorf("the artifact is %s", j.read("clearhop.diff"))
		}
	}
	j := newJob(t, "10.16.1.11")
	j.env = []string{"CLEARHOP_ARCHIVE=" + file, "CLEARHOP_SHA256=" + strings.Repeat("0", 64), "CLEARHOP_CONF=edge.conf"}
	if code, out := j.run("sh", check); code == 0 {
		t.Errorf("another archive is taken:\n%s", out)
	}
}

func read(t *testing.T, name string, v any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}
