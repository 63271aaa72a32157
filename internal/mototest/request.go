package mototest

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"testing"
)

// What the tests set up in moto they ask for with plain requests where the SDK's
// client takes long to compile: the one of EC2 alone takes two minutes.

// ask calls an action of a service that is asked with a form, and decodes the
// answer, which is XML, into answer unless that is nil.
func ask(t testing.TB, endpoint, region, service, version, action string, form url.Values, answer any) {
	t.Helper()
	form.Set("Action", action)
	form.Set("Version", version)
	text := post(t, endpoint, region, service, "/", "application/x-www-form-urlencoded", []byte(form.Encode()))
	if answer == nil {
		return
	}
	if err := xml.Unmarshal(text, answer); err != nil {
		t.Fatalf("moto: %s: %v", action, err)
	}
}

// post sends a request as a client of the service would; moto finds the service
// by the credential's scope and checks no signature. target is the value of the header
// X-Amz-Target, for services that go by it.
func post(t testing.TB, endpoint, region, service, path, contentType string, body []byte, target ...string) (answer []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	for _, t := range target {
		request.Header.Set("X-Amz-Target", t)
	}
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/"+region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("moto: %v", err)
	}
	answer, err = io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || response.StatusCode >= http.StatusMultipleChoices {
		t.Fatalf("moto: %s: %s: %s, %v", service, response.Status, answer, err)
	}
	return answer
}
