//go:build unix

package measure

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Processor is the name of the CPU where the system says it in a file, and otherwise the
// architecture.
func Processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // only Linux has it
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// Kernel is the system and its version, as uname has it.
func Kernel() string {
	text, err := exec.Command("uname", "-sr").Output()
	if err != nil {
		return runtime.GOOS
	}
	return strings.TrimSpace(string(text))
}

// Load is how many processes have wanted a CPU in the last minute, on average: "0.52".
// It is "unknown" where the system does not say it in a file.
func Load() string {
	text, err := os.ReadFile("/proc/loadavg") // only Linux has it
	if fields := strings.Fields(string(text)); err == nil && len(fields) > 0 {
		return fields[0]
	}
	return "unknown"
}

// Version is the first line that a program says of itself.
func Version(program string, args ...string) string {
	text, err := exec.Command(program, args...).CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if err != nil || line == "" {
		return "unknown version"
	}
	return strings.TrimRight(line, ". ")
}
