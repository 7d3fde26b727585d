// Package testwait waits, in tests, for what happens on other goroutines or in
// other processes. A failure says what was awaited and how things stood at the end.
//
// Wait for an event where there is one: a channel, a callback, the end of a
// process. Where timers of the tested code are all that matters, use
// testing/synctest. [Until] is for the rest: state that can only be asked for.
package testwait

import (
	"errors"
	"testing"
	"time"
)

// Between two looks of [Until] the pause grows from the first to the second value;
// it is never shorter than a look takes.
const (
	shortestPause = time.Millisecond
	longestPause  = 10 * time.Millisecond
)

// Until calls check until it returns nil, and returns how long that took. After
// timeout it fails the test with what was awaited and the last error.
func Until(t testing.TB, timeout time.Duration, what string, check func() error) time.Duration {
	t.Helper()
	began := time.Now()
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		asked := time.Since(began)
		err := check()
		answered := time.Since(began)
		if err == nil {
			return answered
		}
		if asked >= timeout { // asked before check: a slow machine gets a last look
			t.Fatalf("after %v: %s: %v", timeout, what, err)
		}
		time.Sleep(max(pause, answered-asked))
	}
}

// True is Until for a condition that has no more to say than whether it holds.
func True(t testing.TB, timeout time.Duration, what string, holds func() bool) {
	t.Helper()
	Until(t, timeout, what, func() error {
		if holds() {
			return nil
		}
		return errNot
	})
}

var errNot = errors.New("it does not hold")

// Return runs do and returns its result. It fails the test if do has not returned
// after timeout.
func Return[T any](t testing.TB, timeout time.Duration, what string, do func() T) T {
	t.Helper()
	done := make(chan T, 1)
	go func() { done <- do() }()
	return Receive(t, timeout, what, done)
}

// Receive returns the next value of a channel, or its zero value once the channel
// is closed. It fails the test if there is none after timeout.
func Receive[T any](t testing.TB, timeout time.Duration, what string, c <-chan T) T {
	t.Helper()
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case v := <-c:
		return v
	case <-late.C:
		t.Fatalf("after %v: %s: nothing", timeout, what)
		panic("unreachable")
	}
}
