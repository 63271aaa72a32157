package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// sam returns a command of the SAM CLI that asks nobody anything: it sends no telemetry,
// and has made-up credentials.
func sam(t *testing.T, folder string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("sam")
	if err != nil {
		const how = "sam is not on the PATH: make test gets it, or pip install aws-sam-cli"
		if os.Getenv("CI") == "true" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(),
		"SAM_CLI_TELEMETRY=0", "AWS_REGION="+stackRegion, "AWS_DEFAULT_REGION="+stackRegion, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_CONFIG_FILE=none", "AWS_SHARED_CREDENTIALS_FILE=none", "AWS_EC2_METADATA_DISABLED=true")
	return cmd
}

// cleanTree copies the files that git knows, as they are now, into a folder: what a fresh
// clone would have.
func cleanTree(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	copied := exec.Command("sh", "-c", `git ls-files -z --cached --others --exclude-standard | tar c --null --ignore-failed-read -T - | tar x -C "$0"`, folder)
	copied.Dir = ".."
	if out, err := copied.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(folder, "template.yaml")); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestSAMValidates: the real SAM CLI takes both templates.
func TestSAMValidates(t *testing.T) {
	for _, file := range []string{"template.yaml", "deploy/example/template.yaml"} {
		if out, err := sam(t, "..", "validate", "--lint", "--template-file", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
}
