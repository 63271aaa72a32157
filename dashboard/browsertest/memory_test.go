package browsertest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// rendererMegabytes is the memory that the largest renderer of the tests' Chromium holds
// now: a page with its workers. 0 where the system has no /proc.
func rendererMegabytes() float64 {
	most := 0.0
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range all {
		command, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(command), "--type=renderer") {
			continue
		}
		status := statusOf(filepath.Base(filepath.Dir(name)))
		if isDescendant(status["PPid"]) {
			kilobytes, _ := strconv.ParseFloat(strings.TrimSuffix(status["VmRSS"], " kB"), 64)
			most = max(most, kilobytes/1024)
		}
	}
	return most
}

// isDescendant reports whether a process was started by this one, or is it.
func isDescendant(pid string) bool {
	for range 10 {
		if pid == fmt.Sprint(os.Getpid()) {
			return true
		}
		pid = statusOf(pid)["PPid"]
	}
	return false
}

func statusOf(pid string) map[string]string {
	all := map[string]string{}
	text, _ := os.ReadFile(filepath.Join("/proc", pid, "status"))
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok {
			all[key] = strings.TrimSpace(value)
		}
	}
	return all
}
