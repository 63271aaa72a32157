package lambdatest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

const (
	// MaxPayload is the most that Invoke takes, in bytes: the service's limit
	// for a synchronous invocation.
	MaxPayload = 6 << 20
	// MaxResponse is the most that a function may answer, in bytes. What is
	// longer is refused with 413 and ends as a FunctionError of the type
	// Function.ResponseSizeTooLarge. The service's limit is not round either.
	MaxResponse = 6<<20 + 100
)

// A Function is a Lambda function with at most one process at a time. Make one
// with Start; end it with Shutdown.
type Function struct {
	config Config
	logs   *logBuffer

	turn    chan struct{} // holds a token: whoever has it may start a process
	closing chan struct{} // closed when Shutdown begins
	closed  chan struct{} // closed when Shutdown is done

	mu      sync.Mutex
	current *instance // the latest; nil before the first
	starts  int       // processes that became ready
	last    Exit      // what Shutdown reports
	ending  bool
}

// Start starts the function's process and waits until it asks for work. A
// process that does not is an *InitError. ctx bounds the start only; the
// process runs until Shutdown.
func Start(ctx context.Context, c Config) (*Function, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("lambdatest: %w", err)
	}
	f := &Function{
		config:  c,
		logs:    &logBuffer{tee: c.Logs},
		turn:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		closed:  make(chan struct{}),
	}
	f.turn <- struct{}{}
	if _, err := f.live(ctx); err != nil {
		return nil, err
	}
	return f, nil
}

// A Result is what is known of an invocation. Invoke fills in what it can also
// when it returns an error.
type Result struct {
	RequestID string    // empty when no worker took the invocation
	Payload   []byte    // what the function answered: its response, or its error as JSON
	Logs      string    // what the process printed meanwhile; with several workers, of all of them
	Deadline  time.Time // as the function was told, in whole milliseconds
	// Duration is the time from handing out the invocation to the function's
	// answer, or to its end without one.
	Duration time.Duration
}

// Invoke has the function handle payload, which must be JSON; an empty one is
// {}. It waits for a worker, for as long as ctx allows; then the function has
// timeout, at most 15 minutes, as its deadline.
//
// When ctx ends first, Invoke returns at once with its error. A function that
// has taken the invocation by then works on until it answers or its deadline
// passes.
func (f *Function) Invoke(ctx context.Context, payload []byte, timeout time.Duration) (Result, error) {
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	switch {
	case len(payload) > MaxPayload:
		return Result{}, fmt.Errorf("%w: %d bytes are more than %d", ErrPayload, len(payload), MaxPayload)
	case !json.Valid(payload):
		return Result{}, fmt.Errorf("%w: it is not JSON", ErrPayload)
	case timeout <= 0 || timeout > 15*time.Minute:
		return Result{}, fmt.Errorf("a timeout of %v is not within 0 to 15 minutes", timeout)
	}
	for {
		in, err := f.live(ctx)
		if err != nil {
			return Result{}, err
		}
		inv := &invocation{
			id: newUUID(), payload: payload, timeout: timeout,
			over: make(chan struct{}),
		}
		select {
		case in.work <- inv:
		case <-in.exited:
			// The process died while this invocation waited for it. If it was
			// another invocation's doing, a new process serves this one; a
			// process that dies without work would do so for ever.
			if in.idle() && !f.isClosing() {
				return Result{}, &ExitError{Exit: in.exit, Logs: f.logs.since(in.logsFrom)}
			}
			continue
		case <-ctx.Done():
			return Result{}, fmt.Errorf("waiting for a worker: %w", context.Cause(ctx))
		}
		select {
		case <-inv.over:
			if inv.returned {
				continue
			}
			return inv.result, inv.err
		case <-ctx.Done():
			return Result{RequestID: inv.id}, fmt.Errorf("waiting for the answer to request %s: %w", inv.id, context.Cause(ctx))
		}
	}
}

// Logs returns what the function's processes have printed, all of them, the
// newest 4 MB at most.
func (f *Function) Logs() string {
	f.mu.Lock()
	in := f.current
	f.mu.Unlock()
	if in != nil {
		in.logs.sync()
	}
	return f.logs.since(0)
}

// Restarts returns how many processes became ready after the first one.
func (f *Function) Restarts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.starts - 1
}

// ReadyAfter returns how long the latest process took from its start to its
// asking for work: what the service calls Init Duration.
func (f *Function) ReadyAfter() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current.readyAfter
}

// Pid returns the process ID of the latest process, which may have ended.
func (f *Function) Pid() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current.cmd.Process.Pid
}

// Shutdown ends the process as the service does and reports how it ended. A
// function that registered an extension, as lambda.WithEnableSIGTERM does, is
// sent SIGTERM and has Config.ShutdownGrace, or less when ctx ends first,
// before it is killed; any other is killed at once. Invocations in flight end
// with an ExitError, those that wait with ErrClosed. When Shutdown returns,
// the process is gone, its port is closed, and Logs is complete.
//
// Further calls wait for the first and report the same.
func (f *Function) Shutdown(ctx context.Context) Exit {
	f.mu.Lock()
	first := !f.ending
	f.ending = true
	f.mu.Unlock()
	if !first {
		<-f.closed
		return f.last
	}
	close(f.closing)
	<-f.turn // a start under way sees closing and gives up; none follows
	f.current.stop(ctx)
	f.last = f.current.exit
	close(f.closed)
	return f.last
}

func (f *Function) isClosing() bool {
	select {
	case <-f.closing:
		return true
	default:
		return false
	}
}

// live returns a process that takes work, starting one if need be.
func (f *Function) live(ctx context.Context) (*instance, error) {
	select {
	case <-f.turn:
	case <-f.closing:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the function to start: %w", context.Cause(ctx))
	}
	defer func() { f.turn <- struct{}{} }()
	if f.isClosing() {
		return nil, ErrClosed
	}
	f.mu.Lock()
	in := f.current
	f.mu.Unlock()
	if in != nil {
		if !in.isStopping() {
			return in, nil
		}
		<-in.exited // soon: it is killed or has ended
	}
	in, err := startInstance(ctx, f.config, f.logs, f.closing)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current = in
	f.starts++
	return in, nil
}

// newUUID returns a random UUID, as request IDs and extension IDs are.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
