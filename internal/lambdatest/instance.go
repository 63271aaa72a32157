package lambdatest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"time"
)

// An instance is one process of the function with the Runtime API it talks to:
// what the service calls an execution environment. Each has its own port, so
// that nothing a dying process still sends can reach its successor.
type instance struct {
	config   Config
	cmd      *exec.Cmd
	server   *http.Server
	logs     *logPipe
	logsFrom int64 // position of its first output
	started  time.Time

	work      chan *invocation // rendezvous of Invoke and a worker that polls
	ready     chan struct{}    // closed when all workers have polled
	initError chan struct{}    // closed when the process reported a failed start
	stopping  chan struct{}    // closed when it takes no more work
	exited    chan struct{}    // closed when the process is gone and all is cleared up
	handlers  sync.WaitGroup   // API requests being served

	readyAfter time.Duration // set before ready is closed
	initReport *FunctionError
	exit       Exit // set before exited is closed

	mu         sync.Mutex
	polls      int                    // first polls, up to the number of workers
	waiting    int                    // workers that poll now
	running    map[string]*invocation // handed out and not over, by request ID
	answered   []*invocation          // those of running that have an answer, oldest first
	taken      int                    // invocations handed out
	extensions map[string]bool        // registered, by ID
	isReady    bool                   // ready is closed
	isStopped  bool                   // stopping is closed
	isGone     bool                   // the process has ended; no API request is served any more
	terminated bool
	killed     bool
}

// An invocation goes from Invoke to a worker and back. Once a worker has it,
// the instance's mu guards it until over is closed.
type invocation struct {
	id      string
	payload []byte
	timeout time.Duration

	started  time.Time
	logsFrom int64
	deadline *time.Timer
	isError  bool // the answer came by /error

	result   Result
	err      error
	returned bool // no worker has seen it: Invoke may hand it to another process
	over     chan struct{}
}

// startInstance starts a process and waits until it is ready, has failed to
// start, ctx is done or closing is closed.
func startInstance(ctx context.Context, c Config, logs *logBuffer, closing <-chan struct{}) (*instance, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the Runtime API: %w", err)
	}
	pipe, err := newLogPipe(logs)
	if err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("make the log pipe: %w", err)
	}
	in := newInstance(c, pipe)
	in.cmd = &exec.Cmd{
		Path:   c.Binary,
		Args:   []string{c.Binary},
		Dir:    c.TaskRoot,
		Env:    c.environ(listener.Addr().String(), logStream(in.started)),
		Stdout: pipe.w,
		Stderr: pipe.w,
	}
	ownGroup(in.cmd)
	if err := in.cmd.Start(); err != nil {
		_ = listener.Close()
		pipe.close()
		return nil, &InitError{Type: "Runtime.InvalidEntrypoint", Message: err.Error(), cause: err}
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = in.server.Serve(listener) // ends when await closes the server
	}()
	go in.await(served)

	timer := time.NewTimer(c.InitTimeout)
	defer timer.Stop()
	select {
	case <-in.ready:
		in.logs.sync()
		return in, nil
	case <-in.initError:
		// Runtimes report and exit; let the process print what it has to say.
		grace := time.NewTimer(c.ShutdownGrace)
		defer grace.Stop()
		select {
		case <-in.exited:
		case <-grace.C:
		case <-ctx.Done():
		}
		in.stop(ctx)
		return nil, in.initFailure(in.initReport.Type, in.initReport.Message)
	case <-in.exited:
		// Of several channels that are closed select takes any.
		switch {
		case in.initReport != nil:
			return nil, in.initFailure(in.initReport.Type, in.initReport.Message)
		case in.isReady:
			return in, nil // that it then ended is for Invoke to find
		}
		return nil, in.initFailure("Runtime.ExitError", in.exit.String()+" before it asked for work")
	case <-timer.C:
		in.stop(ctx)
		in.mu.Lock()
		defer in.mu.Unlock()
		message := fmt.Sprintf("it did not ask for work within %v", c.InitTimeout)
		if c.Concurrency > 1 {
			message = fmt.Sprintf("%d of %d workers asked for work within %v", in.polls, c.Concurrency, c.InitTimeout)
		}
		return nil, in.initFailure("Sandbox.Timedout", message)
	case <-ctx.Done():
		in.stop(ctx)
		return nil, fmt.Errorf("waiting for the function to start: %w", context.Cause(ctx))
	case <-closing:
		in.stop(ctx)
		return nil, ErrClosed
	}
}

// newInstance makes an instance that has no process yet.
func newInstance(c Config, logs *logPipe) *instance {
	in := &instance{
		config:     c,
		logs:       logs,
		logsFrom:   logs.to.position(),
		started:    time.Now(),
		work:       make(chan *invocation),
		ready:      make(chan struct{}),
		initError:  make(chan struct{}),
		stopping:   make(chan struct{}),
		exited:     make(chan struct{}),
		running:    make(map[string]*invocation),
		extensions: make(map[string]bool),
	}
	in.server = &http.Server{Handler: in.api(), ReadHeaderTimeout: 10 * time.Second}
	return in
}

func (in *instance) initFailure(kind, message string) error {
	return &InitError{Type: kind, Message: message, Exit: in.exit, Logs: in.logs.to.since(in.logsFrom)}
}

// await clears up once the process has ended, by whatever cause.
func (in *instance) await(served <-chan struct{}) {
	err := in.cmd.Wait()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		in.logs.to.write(fmt.Appendf(nil, "lambdatest: wait for the process: %v\n", err))
	}
	in.mu.Lock()
	in.stopTaking()
	in.isGone = true
	in.exit = Exit{
		Code:       in.cmd.ProcessState.ExitCode(),
		Status:     in.cmd.ProcessState.String(),
		Terminated: in.terminated,
		Killed:     in.killed && !in.cmd.ProcessState.Exited(),
	}
	in.mu.Unlock()
	_ = in.server.Close()
	<-served
	in.handlers.Wait() // from here on nothing else touches an invocation
	in.logs.close()

	in.mu.Lock()
	for _, inv := range in.running {
		if inv.result.Payload == nil && inv.err == nil {
			inv.result.Duration = time.Since(inv.started)
			inv.err = &ExitError{RequestID: inv.id, Exit: in.exit, Logs: in.logs.to.since(inv.logsFrom)}
		}
		in.finish(inv)
	}
	in.mu.Unlock()
	close(in.exited)
}

// stop ends the process and returns when it is gone. Without an extension the
// service sends no SIGTERM: the function has asked for none.
func (in *instance) stop(ctx context.Context) {
	in.mu.Lock()
	in.stopTaking()
	graceful := len(in.extensions) > 0
	if graceful && !in.terminated {
		in.terminated = true
		terminate(in.cmd.Process)
	}
	in.mu.Unlock()
	if graceful {
		timer := time.NewTimer(in.config.ShutdownGrace)
		defer timer.Stop()
		select {
		case <-in.exited:
			return
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	in.mu.Lock()
	if !in.isGone {
		in.killed = true
		kill(in.cmd.Process)
	}
	in.mu.Unlock()
	<-in.exited
}

// stopTaking has the instance take no more work. The caller holds mu.
func (in *instance) stopTaking() {
	if !in.isStopped {
		in.isStopped = true
		close(in.stopping)
	}
}

func (in *instance) isStopping() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.isStopped
}

// idle says whether the process never took an invocation.
func (in *instance) idle() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.taken == 0
}

// expire ends an invocation whose deadline has passed, and its process.
func (in *instance) expire(inv *invocation) {
	in.mu.Lock()
	if in.running[inv.id] == nil || in.isStopped {
		in.mu.Unlock()
		return
	}
	inv.err = timeoutError(inv.id, inv.timeout)
	if inv.result.Payload == nil {
		inv.result.Duration = time.Since(inv.started)
	}
	in.mu.Unlock()
	in.stop(context.Background())
}

// finish ends an invocation for Invoke. The caller holds mu and has synced the
// logs.
func (in *instance) finish(inv *invocation) {
	inv.deadline.Stop()
	inv.result.Logs = in.logs.to.since(inv.logsFrom)
	delete(in.running, inv.id)
	close(inv.over)
}

// logStream names a stream as the service does.
func logStream(started time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%s/[$LATEST]%x", started.UTC().Format("2006/01/02"), b)
}
