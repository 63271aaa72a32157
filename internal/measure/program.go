//go:build unix

package measure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A Program is measured by running it. Name and Args are required.
type Program struct {
	Name string
	Args []string
	Env  []string // NAME=value, added to the environment of this process

	// Input is the command whose output the program reads as its standard input. It is
	// a process of its own, which is not counted. Without it standard input is empty.
	Input []string

	// Accept lists exit codes beside 0 that are no failure.
	Accept []int

	// Done waits until a program that does not end by itself has done its work. The
	// program is then interrupted. Elapsed counts until then, and CPU until its end.
	Done func(context.Context) error

	// After runs after each run, such as to remove what the program wrote.
	After func()

	// Missing says why there are no costs. Rounds leaves such a program out.
	Missing string
	Costs   []Cost // of the rounds so far
}

// A Cost is what one run of a program took.
type Cost struct {
	CPU     time.Duration // of all its threads, in the program and in the system for it
	Elapsed time.Duration
	Peak    int64 // bytes of memory, at least Floor
}

// Rounds runs each program once a round, and adds to its costs. told, if it is not nil,
// is called after each run. The programs begin with another one in each round, so that
// none always follows the same one. Only the end of ctx ends it early.
func Rounds(ctx context.Context, programs []*Program, rounds int, told func(round int, p *Program)) error {
	for round := range rounds {
		for i := range programs {
			p := programs[(i+round)%len(programs)]
			if p.Missing != "" {
				continue
			}
			cost, err := p.Run(ctx)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				p.Missing, p.Costs = err.Error(), nil
			} else {
				p.Costs = append(p.Costs, cost)
			}
			if told != nil {
				told(round, p)
			}
		}
	}
	return nil
}

// Run runs the program once. What it writes to standard output is thrown away by the
// system; the end of what it writes to standard error is in the error if it fails.
func (p *Program) Run(ctx context.Context) (Cost, error) {
	if p.After != nil {
		defer p.After()
	}
	command := exec.CommandContext(ctx, p.Args[0], p.Args[1:]...)
	command.Env = append(os.Environ(), p.Env...)
	var said tail
	command.Stderr = &said
	stop, err := p.feed(ctx, command)
	if err != nil {
		return Cost{}, err
	}
	began := time.Now()
	err = command.Start()
	if err != nil {
		return Cost{}, errors.Join(err, stop())
	}
	elapsed, err := p.wait(ctx, command, began)
	err = errors.Join(err, stop())
	if err != nil {
		return Cost{}, fmt.Errorf("%w: %s", err, said.String())
	}
	state := command.ProcessState
	cost := Cost{CPU: state.UserTime() + state.SystemTime(), Elapsed: elapsed}
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		cost.Peak = peakOf(usage)
	}
	return cost, nil
}

// wait waits for the end of the program, which it brings about where the program would
// not end.
func (p *Program) wait(ctx context.Context, command *exec.Cmd, began time.Time) (time.Duration, error) {
	if p.Done == nil {
		err := command.Wait()
		var exit *exec.ExitError
		if errors.As(err, &exit) && slices.Contains(p.Accept, exit.ExitCode()) {
			err = nil
		}
		return time.Since(began), err
	}
	err := p.Done(ctx)
	elapsed := time.Since(began)
	_ = command.Process.Signal(os.Interrupt) // it fails if the program has ended, which Wait says
	return elapsed, errors.Join(err, command.Wait())
}

// feed starts the command of Input. stop waits for its end.
func (p *Program) feed(ctx context.Context, command *exec.Cmd) (stop func() error, err error) {
	if len(p.Input) == 0 {
		return func() error { return nil }, nil
	}
	source := exec.CommandContext(ctx, p.Input[0], p.Input[1:]...)
	source.Stderr = os.Stderr
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	source.Stdout, command.Stdin = in, out
	err = source.Start()
	_ = in.Close() // it is the source's now
	if err != nil {
		_ = out.Close()
		return nil, fmt.Errorf("%s: %w", p.Input[0], err)
	}
	return func() error {
		_ = out.Close() // it is the program's; a source whose reader is gone ends
		if err := source.Wait(); err != nil {
			return fmt.Errorf("%s: %w", p.Input[0], err)
		}
		return nil
	}, nil
}

// peakOf is the peak of memory in bytes. Linux counts it in KiB, macOS in bytes.
func peakOf(usage *syscall.Rusage) int64 {
	peak := int64(usage.Maxrss) //nolint:unconvert // it has 32 bits on some systems
	if runtime.GOOS == "darwin" {
		return peak
	}
	return peak << 10
}

// Floor is the smallest peak that can be seen: that of a program that does nothing.
func Floor(ctx context.Context) (int64, error) {
	cost, err := (&Program{Name: "true", Args: []string{"true"}}).Run(ctx)
	return cost.Peak, err
}

// OwnCPU is the time of CPUs that this process has used.
func OwnCPU() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// A tail keeps the end of what is written to it.
type tail struct{ text []byte }

const tailBytes = 500

func (t *tail) Write(b []byte) (int, error) {
	t.text = append(t.text, b...)
	if extra := len(t.text) - tailBytes; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	return strings.Join(strings.Fields(string(bytes.ToValidUTF8(t.text, nil))), " ")
}
