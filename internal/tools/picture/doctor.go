package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"clearhop/chain"
)

const (
	// recorded is the log in the picture: real nginx wrote it behind an NLB whose
	// proxy_protocol_v2.enabled is off, which is the default.
	recorded = "ppv2-off/edge.clearhop.log"
	// logName is how the log is called in the picture.
	logName = "edge.log"

	columns = 80
	// maxRows keeps the picture on one screen of the README. What is left out is
	// counted in the last row.
	maxRows = 40

	// findings is the exit code of a doctor that found a fault.
	findings = 1
)

// drawDoctor runs the doctor of the program at path, and returns the picture of what
// it wrote.
func drawDoctor(path string) ([]byte, error) {
	path, err := filepath.Abs(path) // the program runs in another folder
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "picture-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	log, err := fs.ReadFile(chain.Recorded(), recorded)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, logName), log, 0o600); err != nil {
		return nil, err
	}
	text, err := doctor(path, folder)
	if err != nil {
		return nil, err
	}
	prompt := fmt.Sprintf("$ %sclearhop doctor %s%s\n", bold, logName, off)
	rows, err := screen(prompt+text, columns)
	if err != nil {
		return nil, err
	}
	return draw(window{
		Name:  "clearhop doctor",
		Title: "clearhop doctor finds the broken hop",
		Description: "A terminal. The command clearhop doctor reads the log of an nginx behind a Network Load " +
			"Balancer. It reports that the load balancer does not send the PROXY protocol, shows two of the " +
			"lines that prove it, and prints what to change in nginx.conf and at the target group.",
		Columns: columns,
		Rows:    shorten(rows, maxRows),
	}), nil
}

// doctor returns what the program writes in the folder, to a terminal of that many
// columns.
func doctor(path, folder string) (string, error) {
	var out, errOut bytes.Buffer
	command := exec.Command(path, "doctor", "--color", "always", logName)
	command.Dir = folder
	command.Stdout, command.Stderr = &out, &errOut
	// Nothing that the person who draws has set may change the picture.
	command.Env = []string{"COLUMNS=" + strconv.Itoa(columns), "PATH=" + os.Getenv("PATH")}
	var exit *exec.ExitError
	err := command.Run()
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == findings && errOut.Len() == 0:
		return out.String(), nil
	case err == nil:
		return "", errors.New("the doctor found no fault in " + recorded)
	}
	return "", fmt.Errorf("clearhop doctor: %w: %s", err, strings.TrimSpace(errOut.String()))
}
