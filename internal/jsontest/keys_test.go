package jsontest_test

import (
	"testing"

	"clearhop/internal/jsontest"
)

func TestKeyTwice(t *testing.T) {
	for text, want := range map[string]string{
		``: "", `{`: "", `1 "a" null []`: "",
		`{"a":1,"b":{"a":2},"A":3}`:             "",
		`{"a":1,"a":2}`:                         "a",
		`[{"x":{"b":1,"c":[],"b":{}}}]`:         "b",
		`{"a":1}` + "\n" + `{"b":1,"\u0062":2}`: "b",
		`{"a":1} {"a":1}`:                       "",
	} {
		if got := jsontest.KeyTwice([]byte(text)); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
