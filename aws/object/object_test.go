package object_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"clearhop/aws/object"
	"clearhop/internal/mototest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

const region = "eu-central-1"

// useEndpoint makes AWS's usual configuration use another endpoint.
func useEndpoint(t *testing.T, endpoint string) {
	t.Setenv("AWS_ENDPOINT_URL", endpoint)
	t.Setenv("AWS_REGION", region)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_CONFIG_FILE", "none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
}

func follow(t *testing.T, c object.Config) *object.Object {
	t.Helper()
	o, err := object.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// isEmpty fails the test if files are left in dir.
func isEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// TestFetch follows an object of moto's through its versions.
func TestFetch(t *testing.T) {
	endpoint := mototest.Start(t)
	useEndpoint(t, endpoint)
	bucket := mototest.NewBucket(t, endpoint, region, "geo")
	dir := t.TempDir()
	o := follow(t, object.Config{URL: "s3://geo/a/city.mmdb", Dir: dir, MaxSize: 10, Get: object.Lazy()})
	f := func(when, want string) {
		t.Helper()
		path, err := o.Fetch(t.Context())
		if err != nil {
			t.Errorf("%s: %v", when, err)
			return
		}
		got := ""
		if path != "" {
			content, err := os.ReadFile(path)
			if err := errors.Join(err, os.Remove(path)); err != nil {
				t.Error(err)
			}
			got = string(content)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", when, got, want)
		}
	}
	_, err := o.Fetch(t.Context())
	if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != "NoSuchKey" {
		t.Errorf("nothing is there: got %v", err)
	}
	bucket.Put("a/city.mmdb", []byte("one"))
	f("the first version", "one")
	f("the same", "")
	bucket.Put("a/city.mmdb", []byte("one"))
	f("the same bytes", "")
	bucket.Put("a/city.mmdb", []byte("two"))
	f("another version", "two")
	bucket.Put("a/city.mmdb", []byte("more than ten"))
	_, err = o.Fetch(t.Context())
	if size, ok := errors.AsType[*object.SizeError](err); !ok || *size != (object.SizeError{Size: 13, Max: 10}) {
		t.Errorf("too large: got %v", err)
	}
	f("still too large, told once", "")
	bucket.Put("a/city.mmdb", []byte("one"))
	f("the first again", "one")
	isEmpty(t, dir)
}

// TestFetchBreaksOff: a transfer that breaks off is an error, leaves no file and is
// tried again.
func TestFetchBreaksOff(t *testing.T) {
	broken := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			t.Errorf("asked for another version than one that never came: %s", r.Header.Get("If-None-Match"))
		}
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Length", "8")
		io.WriteString(w, "half")
		if !broken {
			io.WriteString(w, "half")
		}
	}))
	defer server.Close()
	useEndpoint(t, server.URL)
	dir := t.TempDir()
	o := follow(t, object.Config{URL: "s3://geo/city.mmdb", Dir: dir, Get: object.Lazy()})
	if path, err := o.Fetch(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) || path != "" {
		t.Errorf("got %q, %v", path, err)
	}
	isEmpty(t, dir)
	broken = false
	path, err := o.Fetch(t.Context())
	if content, _ := os.ReadFile(path); err != nil || string(content) != "halfhalf" {
		t.Errorf("got %q, %v", content, err)
	}
}

func TestFetchFails(t *testing.T) {
	cause := errors.New("no")
	get := func(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
		return nil, cause
	}
	if _, err := follow(t, object.Config{URL: "s3://geo/city.mmdb", Get: get}).Fetch(t.Context()); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	get = func(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
		return &s3.GetObjectOutput{ContentLength: aws.Int64(1), Body: io.NopCloser(strings.NewReader("x"))}, nil
	}
	if _, err := follow(t, object.Config{URL: "s3://geo/city.mmdb", Dir: "no/such", Get: get}).Fetch(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: got %v", err)
	}
	useEndpoint(t, "http://127.0.0.1:9")
	t.Setenv("AWS_REGION", "")
	if _, err := follow(t, object.Config{URL: "s3://geo/city.mmdb", Get: object.Lazy()}).Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "no region is set") {
		t.Errorf("no region: got %v", err)
	}
}

func TestURLs(t *testing.T) {
	for url, good := range map[string]bool{
		"s3://bucket/key": true, "s3://bucket/a/b.mmdb": true,
		"s3://bucket": false, "s3://bucket/": false, "s3:///key": false, "": false, "/opt/geoip/city.mmdb": false, "https://bucket/key": false,
	} {
		_, err := object.New(object.Config{URL: url})
		if (err == nil) != good || err != nil && !strings.HasSuffix(err.Error(), "is not an object in S3: write s3://BUCKET/KEY") {
			t.Errorf("%q: got %v", url, err)
		}
	}
}

func TestSplitURL(t *testing.T) {
	f := func(url, wantBucket, wantKey string, wantOK bool) {
		t.Helper()
		if bucket, key, ok := object.SplitURL(url); ok != wantOK || ok && (bucket != wantBucket || key != wantKey) {
			t.Errorf("%q: got %q, %q, %t", url, bucket, key, ok)
		}
	}
	f("s3://bucket/a/b.mmdb", "bucket", "a/b.mmdb", true)
	f("s3://bucket/a/", "bucket", "a/", true)
	f("s3://bucket/", "bucket", "", true)
	f("s3://bucket", "bucket", "", true)
	f("s3:///key", "", "", false)
	f("s3:bucket", "", "", false)
	f("https://bucket/key", "", "", false)
	f("", "", "", false)
}
