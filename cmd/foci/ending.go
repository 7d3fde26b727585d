package main

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
)

// How long a process may continue after a signal or its --timeout. After that it exits
// whatever is still running.
const (
	endWithin   = 700 * time.Millisecond // a command: SIGINT and SIGTERM end it within a second
	closeWithin = 300 * time.Millisecond // of these: to close connections in order
	serveWithin = 10 * time.Second       // serve: answers what it serves, and closes its backends
	upWithin    = 20 * time.Second       // up: its nodes end first; those that do not are killed
)

// ending makes sure that a command ends once its context has, even one that is
// stuck in a system call.
type ending struct {
	abandon chan error // why the command is abandoned; holds the first reason

	mu     sync.Mutex    // guards the fields below
	within time.Duration // after a signal; 0 = endWithin
}

// allow gives the command more time after a signal.
func (e *ending) allow(within time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.within = within
}

// after returns how long the command may continue after a signal.
func (e *ending) after() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.within == 0 {
		return endWithin
	}
	return e.within
}

// follow abandons the command some time after ctx has ended. stop undoes that.
func (e *ending) follow(ctx context.Context, within func() time.Duration) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		if mutant.On(mutant.StuckCommand) {
			return
		}
		time.AfterFunc(within(), func() {
			select {
			case e.abandon <- foci.Errorf(foci.Canceled, "given up: %w", context.Cause(ctx)):
			default: // there is a reason already
			}
		})
	})
}

// await runs do and returns its error, or why it was abandoned. An abandoned do still
// runs: the process is about to exit.
func (e *ending) await(ctx context.Context, do func() error) error {
	defer e.follow(ctx, e.after)()
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case err := <-e.abandon:
		return err
	}
}

// hangUp closes c; when ctx has ended it waits for a short time only.
func hangUp(ctx context.Context, c io.Closer) error {
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	select {
	case err := <-closed:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-closed:
		return err
	case <-time.After(closeWithin):
		return nil // the process exits, which closes the connections too
	}
}

// errTimeout is the cause of a context that --timeout has ended.
var errTimeout error = timeoutOver{}

type timeoutOver struct{}

func (timeoutOver) Error() string { return "the time of --timeout is over" }

// Is makes it a context.DeadlineExceeded, which clients check for.
func (timeoutOver) Is(target error) bool { return target == context.DeadlineExceeded }
