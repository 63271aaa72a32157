package lambdatest

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A Config says which function to run and how. Only Binary is required.
type Config struct {
	// Binary is the path of the built bootstrap.
	Binary string
	// Env adds to the function's environment, as KEY=VALUE. The process
	// inherits nothing of the caller's environment. Variables that the service
	// reserves are refused, as is more than 4 KB in total; the credentials are
	// the exception, for functions that talk to a stand-in.
	Env []string
	// FunctionName defaults to "function".
	FunctionName string
	// LogGroup defaults to /aws/lambda/ and the function's name.
	LogGroup string
	// Region defaults to us-east-1.
	Region string
	// MemoryMB is what AWS_LAMBDA_FUNCTION_MEMORY_SIZE says, in MB. Zero means
	// 128. It is not enforced.
	MemoryMB int
	// TaskRoot is the working directory and LAMBDA_TASK_ROOT: what a deployment
	// unpacks to /var/task. It defaults to the binary's directory.
	TaskRoot string
	// Concurrency is the number of workers that the function starts. Above one
	// AWS_LAMBDA_MAX_CONCURRENCY is set, and the function counts as ready when
	// that many workers have asked for work. Zero means one.
	Concurrency int
	// Logs receives what the function prints as it prints it, standard output
	// and standard error in one stream as in CloudWatch. It must not block and
	// is written to from one goroutine at a time. Nil discards; Function.Logs
	// has it in any case.
	Logs io.Writer
	// InitTimeout bounds the time from the start of the process to its asking
	// for work. Zero means the service's 10 s.
	InitTimeout time.Duration
	// ShutdownGrace is the time from SIGTERM to SIGKILL. Zero means the 500 ms
	// that the service gives a function with an internal extension.
	ShutdownGrace time.Duration
}

const (
	maxConcurrency = 1000
	maxEnvBytes    = 4096 // of all variables of a function together
)

// withDefaults returns c with its zero values replaced and its paths absolute,
// or one error that names every bad setting.
func (c Config) withDefaults() (Config, error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if c.Binary == "" {
		bad("Binary: no path given")
	} else if abs, err := filepath.Abs(c.Binary); err != nil {
		bad("Binary: %w", err)
	} else {
		// The process starts in TaskRoot, where a relative path would be
		// another file.
		c.Binary = abs
	}
	if c.TaskRoot == "" {
		c.TaskRoot = filepath.Dir(c.Binary)
	} else if abs, err := filepath.Abs(c.TaskRoot); err != nil {
		bad("TaskRoot: %w", err)
	} else {
		c.TaskRoot = abs
	}
	if c.FunctionName == "" {
		c.FunctionName = "function"
	}
	if c.LogGroup == "" {
		c.LogGroup = "/aws/lambda/" + c.FunctionName
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.MemoryMB == 0 {
		c.MemoryMB = 128
	} else if c.MemoryMB < 128 || c.MemoryMB > 10240 {
		bad("MemoryMB: %d is not within 128 to 10240", c.MemoryMB)
	}
	if c.Concurrency == 0 {
		c.Concurrency = 1
	} else if c.Concurrency < 0 || c.Concurrency > maxConcurrency {
		bad("Concurrency: %d is not within 1 to %d", c.Concurrency, maxConcurrency)
	}
	if c.InitTimeout == 0 {
		c.InitTimeout = 10 * time.Second
	} else if c.InitTimeout < 0 {
		bad("InitTimeout: %v is negative", c.InitTimeout)
	}
	if c.ShutdownGrace == 0 {
		c.ShutdownGrace = 500 * time.Millisecond
	} else if c.ShutdownGrace < 0 {
		bad("ShutdownGrace: %v is negative", c.ShutdownGrace)
	}
	checkEnv(c.Env, bad)
	return c, errors.Join(errs...)
}

// checkEnv reports what the service would refuse of a function's own variables.
func checkEnv(env []string, bad func(format string, args ...any)) {
	size := 0
	for i, variable := range env {
		name, value, ok := strings.Cut(variable, "=")
		switch {
		case !ok || name == "" || strings.ContainsRune(variable, 0):
			bad("Env: entry %d is not KEY=VALUE", i+1)
		case reserved(name):
			bad("Env: %s is reserved by the service", name)
		}
		size += len(name) + len(value)
	}
	if size > maxEnvBytes {
		bad("Env: %d bytes are more than the service's %d", size, maxEnvBytes)
	}
}

// reserved says whether the service refuses name as a function's own variable.
func reserved(name string) bool {
	switch name {
	case "AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL", "AWS_LAMBDA_EXEC_WRAPPER":
		return false // the logging configuration and the wrapper are the deployer's
	case "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_REGION", "AWS_DEFAULT_REGION",
		"AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR":
		return true
	}
	return strings.HasPrefix(name, "AWS_LAMBDA_")
}

// environ is the whole environment of a process whose Runtime API is at api.
func (c Config) environ(api, logStream string) []string {
	env := []string{
		"AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none", "AWS_SESSION_TOKEN=none",
		"LANG=en_US.UTF-8",
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"TZ=:UTC",
	}
	env = append(env, c.Env...) // of two with one name the later one counts
	env = append(env,
		"_HANDLER=bootstrap",
		"AWS_DEFAULT_REGION="+c.Region,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE="+strconv.Itoa(c.MemoryMB),
		"AWS_LAMBDA_FUNCTION_NAME="+c.FunctionName,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME="+c.LogGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME="+logStream,
		"AWS_LAMBDA_RUNTIME_API="+api,
		"AWS_REGION="+c.Region,
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"LAMBDA_TASK_ROOT="+c.TaskRoot,
	)
	if c.Concurrency > 1 {
		env = append(env, "AWS_LAMBDA_MAX_CONCURRENCY="+strconv.Itoa(c.Concurrency))
	}
	return env
}

// arn is what the service calls the function, in the account of its examples.
func (c Config) arn() string {
	return "arn:aws:lambda:" + c.Region + ":123456789012:function:" + c.FunctionName
}
