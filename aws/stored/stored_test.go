package stored_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"clearhop/aws/stored"
	"clearhop/internal/mototest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"
)

const (
	arn    = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:key-AbCdEf"
	region = "eu-central-1"
)

var errDenied = errors.New("access denied")

func TestFill(t *testing.T) {
	objects := map[string]string{
		"s3://b/cdn.txt":   "\ufeff# CDN\r\n203.0.113.0/24\r\n\n198.51.100.0/24, 192.0.2.0/24 # two\n",
		"s3://b/empty.txt": "# nothing yet\n",
	}
	asked := 0
	r := stored.Reader{
		Secret: func(_ context.Context, name string) (string, error) {
			asked++
			switch name {
			case arn:
				return "0123456789abcdef\n", nil
			case arn + "-empty":
				return "\n", nil
			}
			return "", errDenied
		},
		Object: func(_ context.Context, url string) ([]byte, error) {
			asked++
			if text, ok := objects[url]; ok {
				return []byte(text), nil
			}
			return nil, errDenied
		},
	}
	for _, tt := range []struct {
		in, want string // want is empty if the setting is left out
		calls    int
		err      string
	}{
		{"CLEARHOP_PRIVACY_KEY=@" + arn, "CLEARHOP_PRIVACY_KEY=0123456789abcdef", 1, ""},
		{"CLEARHOP_PRIVACY_KEY=0123456789abcdef", "CLEARHOP_PRIVACY_KEY=0123456789abcdef", 0, ""},
		{"CLEARHOP_PRIVACY_KEY=@/run/key", "CLEARHOP_PRIVACY_KEY=@/run/key", 0, ""},
		{"CLEARHOP_PRIVACY_KEY=@" + arn + "-empty", "", 1, "CLEARHOP_PRIVACY_KEY: " + arn + "-empty cannot be read: it is empty"},
		{"CLEARHOP_PRIVACY_KEY=@" + arn + "-other", "", 1, "CLEARHOP_PRIVACY_KEY: " + arn + "-other cannot be read: access denied"},
		{"CLEARHOP_TRUSTED=@s3://b/cdn.txt", "CLEARHOP_TRUSTED=203.0.113.0/24,198.51.100.0/24,192.0.2.0/24", 1, ""},
		{"CLEARHOP_TRUSTED=10.0.0.0/8, @s3://b/cdn.txt ,unix:", "CLEARHOP_TRUSTED=10.0.0.0/8,203.0.113.0/24,198.51.100.0/24,192.0.2.0/24,unix:", 1, ""},
		{"CLEARHOP_TRUSTED=@s3://b/empty.txt", "", 1, "CLEARHOP_TRUSTED: s3://b/empty.txt cannot be read: it holds no network"},
		{"CLEARHOP_NLB=@s3://b/none.txt", "", 1, "CLEARHOP_NLB: s3://b/none.txt cannot be read: access denied"},
		{"CLEARHOP_TRUSTED=10.0.0.0/8", "CLEARHOP_TRUSTED=10.0.0.0/8", 0, ""},
		{"CLEARHOP_RULES=drop path=@s3://b/cdn.txt", "CLEARHOP_RULES=drop path=@s3://b/cdn.txt", 0, ""},
		{"PATH=a=b", "PATH=a=b", 0, ""},
	} {
		asked = 0
		got, err := r.Fill(t.Context(), []string{tt.in})
		said := ""
		if err != nil {
			said = err.Error()
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, "\n")); diff != "" || said != tt.err || asked != tt.calls {
			t.Errorf("%s: %d calls, error %q, want %q (-want +got):\n%s", tt.in, asked, said, tt.err, diff)
		}
	}
	_, err := r.Fill(t.Context(), []string{"CLEARHOP_NLB=@s3://b/none.txt", "CLEARHOP_PRIVACY_KEY=@" + arn + "-other"})
	var place *stored.Error
	if !errors.As(err, &place) || !errors.Is(err, errDenied) || !strings.Contains(err.Error(), "CLEARHOP_PRIVACY_KEY") {
		t.Errorf("got %v, want both settings", err)
	}
}

// TestLazy reads from moto's Secrets Manager and S3.
func TestLazy(t *testing.T) {
	endpoint := mototest.Start(t)
	t.Setenv("AWS_ENDPOINT_URL", endpoint)
	t.Setenv("AWS_REGION", region)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	ctx := t.Context()
	keys := credentials.NewStaticCredentialsProvider("test", "test", "")
	secrets := secretsmanager.New(secretsmanager.Options{BaseEndpoint: &endpoint, Region: region, Credentials: keys})
	text, err := secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("key"), SecretString: aws.String("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	binary, err := secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("bytes"), SecretBinary: []byte("fedcba9876543210")})
	if err != nil {
		t.Fatal(err)
	}
	store := s3.New(s3.Options{BaseEndpoint: &endpoint, Region: region, Credentials: keys, UsePathStyle: true})
	bucket := "stored-" + strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))
	if _, err := store.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}}); err != nil {
		t.Fatal(err)
	}
	for key, body := range map[string]string{"cdn.txt": "203.0.113.0/24\n", "large.txt": strings.Repeat("#", stored.MaxObject+1)} {
		if _, err := store.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
	}
	r := stored.Lazy()
	got, err := r.Fill(ctx, []string{"CLEARHOP_PRIVACY_KEY=@" + *text.ARN, "CLEARHOP_TRUSTED=@s3://" + bucket + "/cdn.txt"})
	if want := []string{"CLEARHOP_PRIVACY_KEY=0123456789abcdef", "CLEARHOP_TRUSTED=203.0.113.0/24"}; err != nil || !cmp.Equal(want, got) {
		t.Errorf("got %q, %v", got, err)
	}
	got, err = r.Fill(ctx, []string{"CLEARHOP_PRIVACY_KEY=@" + *binary.ARN})
	if want := []string{"CLEARHOP_PRIVACY_KEY=fedcba9876543210"}; err != nil || !cmp.Equal(want, got) {
		t.Errorf("got %q, %v", got, err)
	}
	for _, pair := range []string{"CLEARHOP_PRIVACY_KEY=@" + *text.ARN + "x", "CLEARHOP_TRUSTED=@s3://" + bucket + "/none.txt", "CLEARHOP_TRUSTED=@s3://" + bucket + "/large.txt", "CLEARHOP_TRUSTED=@s3://" + bucket} {
		var place *stored.Error
		if got, err := r.Fill(ctx, []string{pair}); !errors.As(err, &place) || len(got) != 0 {
			t.Errorf("%s: %q, %v", pair, got, err)
		}
	}
}
