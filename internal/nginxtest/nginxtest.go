// Package nginxtest runs a real nginx for a test.
//
//	ports := nginxtest.Start(t, dir, 1, func(ports []int) string {
//		return fmt.Sprintf("events {} http { server { listen 127.0.0.1:%d; } }", ports[0])
//	})
//
// Where nginx is missing the test is skipped and says how to install it; in CI
// it fails.
package nginxtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const missing = "nginx is not on the PATH: make test gets it, or install it (apt-get install nginx, brew install nginx)"

// Start runs nginx until the test ends, with the configuration that config
// makes of n free ports on loopback, and returns the ports once nginx listens
// on all of them. The configuration says nothing of daemon, master_process,
// pid and the error log: those lie in dir, which nginx takes as its prefix.
func Start(t testing.TB, dir string, n int, config func(ports []int) string) (ports []int) {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	// Between the choice of a port and nginx's taking it somebody else may
	// take it: then others are tried.
	const tries = 5
	for range tries {
		ports, err = freePorts(n)
		if err != nil {
			break
		}
		err = run(t, program, dir, config(ports))
		if err == nil {
			return ports
		}
	}
	t.Fatalf("nginx does not start: %v", err)
	return nil
}

// freePorts asks the system for ports that nobody listens on.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // all stay taken until all are chosen
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

func run(t testing.TB, program, dir, config string) error {
	file, pid, log := filepath.Join(dir, "nginx.conf"), filepath.Join(dir, "nginx.pid"), filepath.Join(dir, "error.log")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return err
	}
	if err := clean(dir, pid); err != nil {
		return err
	}
	cmd := exec.Command(program, "-e", log, "-p", dir, "-c", file,
		"-g", fmt.Sprintf("daemon off; master_process off; pid %s;", pid))
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed: the status says nothing
		close(exited)
	}()
	stop := func() {
		_ = cmd.Process.Kill()
		<-exited
	}
	// nginx writes its pid when it listens on everything.
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if b, err := os.ReadFile(pid); err == nil && len(b) > 0 {
			t.Cleanup(stop)
			return nil
		}
		select {
		case <-exited:
			return errors.New(output.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
	stop()
	return fmt.Errorf("it does not listen: %s", output.String())
}

// clean removes what a try before this one left: its pid, and its sockets, on
// whose names nginx could not listen again.
func clean(dir, pid string) error {
	_ = os.Remove(pid) // there is none at the first try
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type() == os.ModeSocket {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
