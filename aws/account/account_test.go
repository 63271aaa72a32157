package account_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"clearhop/aws/account"
)

// configure makes text the only configuration.
func configure(t *testing.T, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, name := range []string{"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
}

// retrieve loads the configuration and gets credentials.
func retrieve(ctx context.Context) error {
	c, err := account.Load(ctx)
	if err != nil {
		return err
	}
	_, err = account.Credentials(ctx, c.Credentials)
	return err
}

func TestWhatIsMissing(t *testing.T) {
	f := func(name, text, profile, want string) {
		t.Run(name, func(t *testing.T) {
			configure(t, text)
			t.Setenv("AWS_PROFILE", profile)
			if err := retrieve(t.Context()); err == nil || err.Error() != want {
				t.Errorf("got %v\nwant %s", err, want)
			}
		})
	}
	f("nothing", "", "", "aws configuration: no region is set, for example by AWS_REGION")
	f("no credentials", "[default]\nregion = eu-central-1\n", "", "no AWS credentials found (set AWS_PROFILE, or run aws sso login)")
	f("no profile", "[default]\nregion = eu-central-1\n", "shop", `there is no AWS profile "shop" (see aws configure list-profiles)`)
	f("a session that is over", `[default]
region = eu-central-1
sso_start_url = https://example.awsapps.com/start
sso_region = eu-central-1
sso_account_id = 123456789012
sso_role_name = reader
`, "", "there is no AWS session, or it has expired (run aws sso login)")
	f("a profile of an sso_session, before the first login", `[profile shop]
region = eu-central-1
sso_session = shop
sso_account_id = 123456789012
sso_role_name = reader
[sso-session shop]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-central-1
`, "shop", "there is no AWS session, or it has expired (run aws sso login)")
	f("a token that is not there", "[default]\nregion = eu-central-1\nweb_identity_token_file = /nonexistent/token\nrole_arn = arn:aws:iam::123456789012:role/reader\n", "", "the AWS credentials cannot be used: unable to read file at /nonexistent/token: open /nonexistent/token: no such file or directory")
	f("a program that fails", "[default]\nregion = eu-central-1\ncredential_process = false\n", "", "the AWS credentials cannot be used: exit status 1")
}

func TestCredentials(t *testing.T) {
	configure(t, "[default]\nregion = eu-central-1\naws_access_key_id = test\naws_secret_access_key = test\n")
	if err := retrieve(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestInterrupted: an interrupt is not taken for credentials that are missing.
func TestInterrupted(t *testing.T) {
	configure(t, "[default]\nregion = eu-central-1\ncredential_process = sleep 1\n")
	ctx, cancel := context.WithCancel(t.Context())
	c, err := account.Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := account.Credentials(ctx, c.Credentials); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestUnreachable: a service that does not answer is named, without what the SDK says
// about its attempts.
func TestUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := listener.Addr().String()
	if err := listener.Close(); err != nil { // now nothing listens there
		t.Fatal(err)
	}
	configure(t, "[default]\nregion = eu-central-1\n")
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://"+host)
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	want := "AWS gives no credentials: " + host + " cannot be reached: connection refused"
	if err := retrieve(t.Context()); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if far := account.Unreachable(errors.New("something else")); far != nil {
		t.Errorf("got %v", far)
	}
}
