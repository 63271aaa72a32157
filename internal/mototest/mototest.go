// Package mototest runs moto's server, which imitates AWS, for a test.
//
//	endpoint := mototest.Start(t)
//	client := s3.New(s3.Options{BaseEndpoint: &endpoint, …})
//
// Moto is a Python package: pip install 'moto[server]'. Where it is missing the
// test is skipped, in CI it fails. Any credentials do.
package mototest

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

const (
	program = "moto_server"
	install = "install it with: pip install 'moto[server]'"

	// startTime bounds the wait for the first answer. Two seconds are usual; a
	// busy machine that imports all of Python anew takes long.
	startTime = 60 * time.Second
	stopTime  = 5 * time.Second
)

// Start runs a server of its own for the test, on loopback, and returns its URL.
// The server ends with the test.
func Start(t testing.TB) (endpoint string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not on the PATH: %s", program, install)
		}
		t.Skipf("%s is not on the PATH; %s", program, install)
	}
	address, err := freeAddress()
	if err != nil {
		t.Fatalf("moto: %v", err)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatalf("moto: %v", err)
	}

	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "-H", host, "-p", port)
	var output lockedBuffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopTime // then it is killed
	if err := cmd.Start(); err != nil {
		stop()
		t.Fatalf("start moto: %v", err)
	}
	var exit error // valid once ended is closed
	ended := make(chan struct{})
	go func() {
		exit = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})

	endpoint = "http://" + address
	if !answers(endpoint, ended) {
		select {
		case <-ended:
			t.Fatalf("moto ended before it answered: %v\n%s", exit, output.String())
		default:
			t.Fatalf("moto did not answer within %v\n%s", startTime, output.String())
		}
	}
	return endpoint
}

// freeAddress returns a loopback address that nobody listened on a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// answers reports whether the server at endpoint comes to answer, which it does
// not after it ended.
func answers(endpoint string, ended <-chan struct{}) bool {
	client := &http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline); {
		response, err := client.Get(endpoint + "/moto-api/")
		if err == nil {
			_ = response.Body.Close()
			return true
		}
		select {
		case <-ended:
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
	return false
}

// A lockedBuffer keeps what the server prints, read while it still runs.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
