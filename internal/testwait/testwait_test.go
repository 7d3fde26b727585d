package testwait

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// recorder is a test whose failure is recorded.
type recorder struct {
	testing.TB
	failed string
}

type stopped struct{}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	panic(stopped{})
}

// failure runs do and returns how it failed the test, or "".
func failure(t *testing.T, do func(testing.TB)) (text string) {
	r := &recorder{TB: t}
	defer func() {
		if p := recover(); p != nil && p != any(stopped{}) {
			panic(p)
		}
		text = r.failed
	}()
	do(r)
	return ""
}

// TestUntil: a condition that comes to hold passes, one that does not fails with
// what was awaited and why it does not hold.
func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		check := func() error {
			if since := time.Since(began); since < time.Second {
				return errors.New("too early")
			}
			return nil
		}
		if got := failure(t, func(t testing.TB) { Until(t, 2*time.Second, "a second", check) }); got != "" {
			t.Error(got)
		}
		began = time.Now()
		if got := failure(t, func(t testing.TB) { Until(t, 500*time.Millisecond, "a second", check) }); got != "after 500ms: a second: too early" {
			t.Error(got)
		}
		if got := failure(t, func(t testing.TB) { True(t, time.Second, "never", func() bool { return false }) }); !strings.Contains(got, "never: it does not hold") {
			t.Error(got)
		}
	})
}

// TestReceive covers a value, a closed channel and silence.
func TestReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := make(chan int, 1)
		c <- 7
		if got := Receive(t, time.Second, "a value", c); got != 7 {
			t.Error(got)
		}
		if got := failure(t, func(t testing.TB) { Receive(t, time.Second, "a value", c) }); got != "after 1s: a value: nothing" {
			t.Error(got)
		}
		close(c)
		if got := Receive(t, time.Second, "the end", c); got != 0 {
			t.Error(got)
		}
		if got := Return(t, time.Second, "the answer", func() int { return 42 }); got != 42 {
			t.Error(got)
		}
	})
}
