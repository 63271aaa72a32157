package mototest

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"net/url"
	"testing"
)

// account is the one that moto gives to all credentials that it does not know.
const account = "123456789012"

// AddFunction makes a Lambda function and its role, and returns the function's
// ARN. Nothing can run it: it is there to be named.
func AddFunction(t testing.TB, endpoint, region, name string) (arn string) {
	t.Helper()
	role := url.Values{"RoleName": {name}, "AssumeRolePolicyDocument": {"{}"}}
	ask(t, endpoint, region, "iam", "2010-05-08", "CreateRole", role, nil)

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
