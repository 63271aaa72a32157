package mototest

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"
)

// account is the one that moto gives to all credentials that it does not know.
const account = "123456789012"

// AddFunction makes a Lambda function and its role, and returns the function's
// ARN. Nothing can run it: it is there to be named. Two plain requests make it,
// rather than the clients of Lambda and IAM, which take long to compile.
func AddFunction(t testing.TB, endpoint, region, name string) (arn string) {
	t.Helper()
	role := url.Values{
		"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {name}, "AssumeRolePolicyDocument": {"{}"},
	}
	post(t, endpoint, region, "iam", "/", "application/x-www-form-urlencoded", []byte(role.Encode()))

	var code bytes.Buffer
	archive := zip.NewWriter(&code)
	if _, err := archive.Create("bootstrap"); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	function, err := json.Marshal(map[string]any{
		"FunctionName": name, "Role": "arn:aws:iam::" + account + ":role/" + name,
		"Runtime": "provided.al2023", "Handler": "bootstrap", "Code": map[string]any{"ZipFile": code.Bytes()},
	})
	if err != nil {
		t.Fatal(err)
	}
	post(t, endpoint, region, "lambda", "/2015-03-31/functions", "application/json", function)
	return "arn:aws:lambda:" + region + ":" + account + ":function:" + name
}

// post sends a request as a client of the service would; moto finds the service
// by the credential's scope and checks no signature.
func post(t testing.TB, endpoint, region, service, path, contentType string, body []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/"+region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("moto: %v", err)
	}
	answer, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || response.StatusCode >= http.StatusMultipleChoices {
		t.Fatalf("moto: %s: %s: %s, %v", service, response.Status, answer, err)
	}
}
