package mototest_test

import (
	"net/http"
	"runtime"
	"testing"

	"clearhop/internal/mototest"
)

func TestStartAndStop(t *testing.T) {
	var endpoint string
	t.Run("while the test runs", func(t *testing.T) {
		endpoint = mototest.Start(t)
		response, err := http.Get(endpoint + "/moto-api/")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	})
	if endpoint == "" {
		t.Skip("not started")
	}
	if response, err := http.Get(endpoint + "/moto-api/"); err == nil {
		response.Body.Close()
		t.Error("the server still answers after its test ended")
	}
}

// A verdict notes how a test would have ended.
type verdict struct {
	testing.TB
	ended string
}

func (v *verdict) Helper() {}

func (v *verdict) Skipf(string, ...any) {
	v.ended = "skipped"
	runtime.Goexit()
}

func (v *verdict) Fatalf(string, ...any) {
	v.ended = "failed"
	runtime.Goexit()
}

func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for ci, want := range map[string]string{"": "skipped", "true": "failed"} {
		t.Setenv("CI", ci)
		v := &verdict{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			mototest.Start(v)
		}()
		<-done
		if v.ended != want {
			t.Errorf("without moto and with CI=%q the test was %q, want %q", ci, v.ended, want)
		}
	}
}
