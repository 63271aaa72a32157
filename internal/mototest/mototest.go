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
	"errors"
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
	for try := 1; ; try++ {
		endpoint, err := start(t, path)
		if err == nil {
			return endpoint
		}
		if try == tries || !errors.Is(err, errPortTaken) {
			t.Fatalf("moto: %v", err)
		}
	}
}

// tries is how often a server is started whose port was taken meanwhile.
const tries = 5

var errPortTaken = errors.New("another program took the port")

// start starts a server that ends with the test, and waits for its answer.
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
	if answers(endpoint, ended) {
		return endpoint, nil
	}
	select {
	case <-ended:
		if strings.Contains(output.String(), "Address already in use") {
			return "", errPortTaken
		}
		return "", fmt.Errorf("it ended before it answered: %w\n%s", exit, output.String())
	default:
		return "", fmt.Errorf("no answer within %v\n%s", startTime, output.String())
	}
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
