package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"clearhop/internal/golden"
	"clearhop/internal/mototest"
	"clearhop/internal/template"
)

const awsRegion = "eu-central-1"

// useAccount makes AWS's usual configuration that of an account in moto with the log group
// /ecs/web and the NLB shop-edge, and goes to the folder of template.yaml.
func useAccount(t *testing.T) (endpoint string) {
	t.Helper()
	if _, err := exec.LookPath("sam"); err != nil {
		const how = "sam is not on the PATH: make test gets it, or pip install aws-sam-cli"
		if os.Getenv("CI") == "true" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	endpoint = mototest.Start(t)
	mototest.AddLogGroup(t, endpoint, awsRegion, "/ecs/web")
	mototest.NewNetwork(t, endpoint, awsRegion, "10.16.1.0/24").AddInterface("ELB net/shop-edge/0123456789abcdef", "10.16.1.11")
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": awsRegion, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none", "AWS_EC2_METADATA_DISABLED": "true", "SAM_CLI_TELEMETRY": "0",
	} {
		t.Setenv(name, value)
	}
	t.Chdir("../../..")
	return endpoint
}

// session runs the command with what a person types, and returns what they see. Each answer
// is shown where a terminal would show it.
func session(t *testing.T, file, typed string, args ...string) (screen string, code int) {
	t.Helper()
	var out bytes.Buffer
	in := &echo{lines: strings.SplitAfter(typed, "\n"), to: &out}
	code = run(t.Context(), append([]string{"-file", file}, args...), in, &out)
	return strings.ReplaceAll(out.String(), filepath.Dir(file)+"/", ""), code
}

// An echo gives a line at a time, and shows it as it is read.
type echo struct {
	lines []string
	to    *bytes.Buffer
}

func (e *echo) Read(p []byte) (int, error) {
	if len(e.lines) == 0 || e.lines[0] == "" {
		return 0, os.ErrClosed
	}
	n := copy(p, e.lines[0])
	e.to.WriteString(e.lines[0][:n])
	e.lines[0] = e.lines[0][n:]
	if e.lines[0] == "" {
		e.lines = e.lines[1:]
	}
	return n, nil
}

// TestQuestions: what a person sees the first time, with an answer to each question that
// cannot be used before one that can; and the file of settings that comes of it.
func TestQuestions(t *testing.T) {
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	useAccount(t)
	file := filepath.Join(t.TempDir(), "stack.yaml")
	screen, code := session(t, file, `/ecs/wep
/ecs/web
shop-egde
arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/shop-edge/0123456789abcdef
10.0.0.0/33
10.16.1.16/28,10.16.2.16/28
foo bar

oncall
oncall@example.com
n
`, "-ask", "yes")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	golden.Check(t, filepath.Join(testdata, "questions.txt"), []byte(screen))
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := regexp.MustCompile(`(?m)^[^#\n].*\n`).FindAllString(string(written), -1)
	want := "StackName: clearhop\nRegion: eu-central-1\nLogGroupName: /ecs/web\nDiscoverNLB: discover:shop-edge\nTrusted: 10.16.1.16/28,10.16.2.16/28\nAlarmEmail: oncall@example.com\n"
	if strings.Join(got, "") != want {
		t.Errorf("the settings are\n%s\nwant\n%s", strings.Join(got, ""), want)
	}
	for _, commented := range []string{"\n# ---------- The log ----------\n", "\n#KinesisShards: \"0\"\n", "\n#EventFormat: parquet\n"} {
		if !bytes.Contains(written, []byte(commented)) {
			t.Errorf("the file lacks %q", commented)
		}
	}
	for line := range strings.Lines(screen) {
		if len([]rune(line)) > 81 && !strings.Contains(line, "> ") { // with the end of the line; what is typed may be longer
			t.Errorf("longer than a terminal is wide: %s", line)
		}
	}

	// The file is read back as it was answered, and asks nothing any more.
	screen, code = session(t, file, "\n", "-ask", "yes")
	if code != 0 || !strings.Contains(screen, "discover:shop-edge") || strings.Contains(screen, "Which log group") {
		t.Errorf("exit code %d: %s", code, screen)
	}
}

// open returns a deployment of a settings file that has read the template.
func open(t *testing.T, file string) *deployment {
	t.Helper()
	text, err := os.ReadFile("template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := &deployment{path: file, out: &bytes.Buffer{}, checkAWS: true, account: account{"123456789012", awsRegion}}
	if d.template, err = template.Parse(text); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestWrongSettings: all that is wrong with a file is said at once, by the names of the
// parameters, and nothing is built.
func TestWrongSettings(t *testing.T) {
	endpoint := useAccount(t)
	file := filepath.Join(t.TempDir(), "stack.yaml")
	f := func(settings, want string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
		d := open(t, file)
		_, err := d.readSettings()
		if err == nil {
			err = d.checkAll(t.Context())
		}
		if wrong := (*settingsError)(nil); !errors.As(err, &wrong) || !strings.Contains(strings.Join(strings.Fields(err.Error()), " "), want) {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	f("Labels: a\n", "- Labels: ")
	f("LogGroupName: /ecs/web\nTrusted: [10.0.0.0/33]\nRules: drop colour=red\n", `- Trusted: "10.0.0.0/33" is no address, CIDR or "unix:" - Rules: `)
	f("Road: kinesys\nKinesisShards: many\nLogGrupName: /ecs/web\n",
		`- KinesisShards: "many" is not a number - LogGrupName: there is no such parameter; did you mean LogGroupName? - Road: "kinesys" is not allowed; allowed: subscription, kinesis, firehose Nothing was uploaded.`)
	f("Privacy: hash\n", "- Privacy hash needs PrivacyKeySecretArn")
	f("Rules: route:archive verdict=direct\n", "- Rules: route:archive leads nowhere")
	f("LogGroupName: /ecs/gone\nDiscoverNLB: discover:gone\n", `- LogGroupName: there is no log group "/ecs/gone" in eu-central-1`)
	f("DiscoverNLB: discover:gone\n", `- DiscoverNLB: no network interface is described as "ELB net/gone/*"`)
	f("StackName: Clearhop\n", `- StackName: "Clearhop" is not a name`)
	f("Trusted: {a: b}\n", "line 1: the value of Trusted is neither a text nor a list")
	f("Trusted: [\n", "cannot be read: yaml: ")
	f("[a]\n", "it does not hold lines of NAME: VALUE")

	// A stack that is there gives the settings that nobody has in a file.
	mototest.NewStack(t, endpoint, awsRegion, "clearhop", `{"Parameters": {"LogGroupName": {"Type": "String"}, "Gone": {"Type": "String"}},
		"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}`, map[string]string{"LogGroupName": "/ecs/web", "Gone": "1"})
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	d := open(t, file)
	if _, err := d.readSettings(); err != nil {
		t.Fatal(err)
	}
	deployed, err := d.describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.begin(t.Context(), deployed); err != nil || !strings.Contains(d.out.(*bytes.Buffer).String(), "The stack clearhop is there already: its settings are taken over") {
		t.Errorf("%v: %s", err, d.out)
	}
	written, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(written, []byte("\nLogGroupName: /ecs/web\n")) || bytes.Contains(written, []byte("Gone")) {
		t.Errorf("%v: %s", err, written)
	}
}

// TestMissing: a machine that has nothing hears of everything at once.
func TestMissing(t *testing.T) {
	t.Chdir("../../..")
	t.Setenv("PATH", t.TempDir())
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	file := filepath.Join(t.TempDir(), "stack.yaml")
	if err := os.WriteFile(file, []byte("GeoIPSource: layer\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	screen, code := session(t, file, "", "-ask", "no")
	for _, want := range []string{"these are missing:\n  - the SAM CLI: pip install", "\n  - npm: ", "\n  - the region: ", "\n  - AWS credentials: no AWS credentials found"} {
		if !strings.Contains(screen, want) || code != 2 {
			t.Errorf("exit code %d, without %q: %s", code, want, screen)
		}
	}
	if screen, code = session(t, filepath.Join(t.TempDir(), "stack.yaml"), "", "-ask", "no"); code != 2 || !strings.Contains(screen, "\n  - the settings: stack.yaml is not there") {
		t.Errorf("exit code %d: %s", code, screen)
	}
	old := t.TempDir()
	if err := os.WriteFile(filepath.Join(old, "sam"), []byte("#!/bin/sh\necho SAM CLI, version 1.153.0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", old+":/bin:/usr/bin")
	if got := samProblem(t.Context()); !strings.HasPrefix(got, "a newer SAM CLI: this one is 1.153.0") {
		t.Error(got)
	}
}

// TestGiven: what the SAM CLI makes of a value, twice, is the value. deploy/sambuild_test.go
// asks the real one.
func TestGiven(t *testing.T) {
	for _, value := range []string{"", "a", `"a"`, `'`, `'a"`, `a\`, `\`, `\ `, `\\ \" \' \\\" "`, `log_format x '$a "\"b" \ c\';`} {
		if got := unquoted(unquoted(given(value))); got != value {
			t.Errorf("%q comes back as %q", value, got)
		}
	}
	if got := given("/ecs/web"); got != "/ecs/web" {
		t.Errorf("a plain value is given as %q", got)
	}
}

// TestNames: a settings file has a stack of its own, and samconfig.toml of a former version
// names the one that is there.
func TestNames(t *testing.T) {
	for path, want := range map[string]string{"stack.yaml": "clearhop", "x/stack-prod.yaml": "clearhop-prod"} {
		if got := nameOf(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	path := filepath.Join(t.TempDir(), "samconfig.toml")
	if err := os.WriteFile(path, []byte("[default.deploy.parameters]\nstack_name = \"shop\"\nregion = \"eu-west-1\"\nparameter_overrides = \"X=1\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var s settings
	if s.readFormer(path); s.stack != "shop" || s.region != "eu-west-1" {
		t.Errorf("%+v", s)
	}
}
