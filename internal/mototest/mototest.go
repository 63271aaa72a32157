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
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
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
	// Between the choice of a port and moto's taking it somebody else may take
	// it: then others are tried.
	const tries = 5
	for try := 1; ; try++ {
		endpoint, err := start(t, path)
		if err == nil {
			return endpoint
		}
		if try == tries {
			t.Fatalf("moto: %v", err)
		}
	}
}

// start runs a server on a port that was free a moment ago.
func start(t testing.TB, path string) (endpoint string, err error) {
	address, err := freeAddress()
	if err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}

	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "-H", host, "-p", port)
	var output lockedBuffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopTime // then it is killed
	if err := cmd.Start(); err != nil {
		stop()
		return "", err
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
	if !answers(endpoint, &output, ended) {
		select {
		case <-ended:
			return "", fmt.Errorf("ended before it answered: %w\n%s", exit, output.String())
		default:
			return "", fmt.Errorf("did not answer within %v\n%s", startTime, output.String())
		}
	}
	return endpoint, nil
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
// not after it ended. Another test's server may answer there meanwhile: this one
// says when it listens.
func answers(endpoint string, output *lockedBuffer, ended <-chan struct{}) bool {
	client := &http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline); {
		if strings.Contains(output.String(), "Running on "+endpoint) {
			if response, err := client.Get(endpoint + "/moto-api/"); err == nil {
				_ = response.Body.Close()
				return true
			}
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
