package main

import (
	"errors"
	"os"
	"runtime/pprof"

	"github.com/alecthomas/kong"
)

// profileFlags are the flags of a command whose run may be profiled.
type profileFlags struct {
	CPUProfile string `name:"cpuprofile" placeholder:"FILE" help:"Write a CPU profile of this run to FILE, for go tool pprof. The file holds names of functions and nothing of the log (docs/performance.md)."`
}

func (f *profileFlags) profileFile() string { return f.CPUProfile }

// runProfiled runs the selected command, with a profile if its flag asks for one. The profile
// of a run that fails or is interrupted is written too.
func runProfiled(command *kong.Context) error {
	selected, ok := command.Selected().Target.Addr().Interface().(interface{ profileFile() string })
	if !ok || selected.profileFile() == "" {
		return command.Run()
	}
	f, err := os.Create(selected.profileFile())
	if err != nil {
		return &usageError{err}
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(err, f.Close())
	}
	err = command.Run()
	pprof.StopCPUProfile()
	if closing := f.Close(); closing != nil {
		return errors.Join(err, closing)
	}
	return err
}
