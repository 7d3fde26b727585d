package client_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

func putAsync(s *client.Session, ctx context.Context, key, text string, done func(client.Result, error)) *client.Future[client.Result] {
	return s.PutAsync(ctx, name(key), strings.NewReader(text), int64(len(text)), client.PutOptions{}, done)
}

func appendAsync(s *client.Session, ctx context.Context, key, text string, done func(client.Result, error)) *client.Future[client.Result] {
	return s.AppendAsync(ctx, name(key), strings.NewReader(text), int64(len(text)), done)
}

// TestFuturesUnderResets: while nodes come and go every callback is called once,
// with what its future says, and an acknowledged line is there once.
func TestFuturesUnderResets(t *testing.T) {
	c := newCluster(t, 3, 3)
	s := c.dialWith(client.Config{Stall: 200 * time.Millisecond}).Session(client.SessionOptions{Timeout: 20 * time.Second})
	const keys, each = 20, 10
	put(t, s, "warm", []byte("all links are there"))
	calls := make([]atomic.Int32, keys*each)
	results := make([]error, keys*each)
	var called sync.WaitGroup
	called.Add(len(calls))
	futures := make([]*client.Future[client.Result], len(calls))
	for i := range futures {
		futures[i] = appendAsync(s, t.Context(), fmt.Sprint("k", i%keys), fmt.Sprintln(i), func(_ client.Result, err error) {
			results[i] = err
			if calls[i].Add(1) == 1 {
				called.Done()
			}
		})
	}
	for i := range 4 {
		c.stop(i % 3)
		time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond) // the length of a fault
		c.start(i % 3)
	}
	called.Wait()
	for i, f := range futures {
		_, err := f.Result()
		if n := calls[i].Load(); n != 1 || !errors.Is(results[i], err) {
			t.Errorf("%d: called %d times with %v, the future says %v", i, n, results[i], err)
		}
		if err != nil && !errors.Is(err, foci.OutcomeUnknown) {
			t.Errorf("%d: %v", i, err)
		}
	}
	for k := range keys {
		last := -1
		seen := map[int]int{}
		for _, line := range strings.Fields(string(get(t, s, fmt.Sprint("k", k), client.GetOptions{}))) {
			var i int
			_, _ = fmt.Sscan(line, &i)
			if seen[i]++; seen[i] > 1 || i%keys != k || i < last {
				t.Errorf("k%d: line %d behind %d, %d times", k, i, last, seen[i])
			}
			last = i
		}
		for i := k; i < len(results); i += keys {
			if results[i] == nil && seen[i] == 0 {
				t.Errorf("line %d was acknowledged and is not there", i)
			}
		}
	}
}

// TestCallbacksMayCallTheClient: a callback may make blocking calls, any number
// at the same time, and may close the client.
func TestCallbacksMayCallTheClient(t *testing.T) {
	c := newCluster(t, 3, 3)
	cl := c.dialWith(client.Config{})
	s := cl.Session(client.SessionOptions{})
	var all sync.WaitGroup
	for i := range 200 {
		all.Add(1)
		putAsync(s, t.Context(), fmt.Sprint(i), "one", func(_ client.Result, err error) {
			defer all.Done()
			if err == nil {
				_, err = appendTo(t.Context(), s, fmt.Sprint(i), " two") // of the same key: its turn has come
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := range 200 {
		if got := get(t, s, fmt.Sprint(i), client.GetOptions{}); string(got) != "one two" {
			t.Fatalf("%d: got %q", i, got)
		}
	}
	closed := make(chan error, 1)
	s.RemoveAsync(t.Context(), name("0"), func(client.Result, error) { closed <- cl.Close() })
	if err := <-closed; err != nil {
		t.Error(err)
	}
	var late error
	done := make(chan struct{})
	putAsync(s, t.Context(), "late", "x", func(_ client.Result, err error) { late = err; close(done) })
	<-done
	if late == nil {
		t.Error("a put was acknowledged after Close")
	}
}

// TestWait: the end of a wait ends nothing but the wait.
func TestWait(t *testing.T) {
	c := newCluster(t, 3, 3)
	s := c.dial(client.SessionOptions{Ack: foci.All, Timeout: 30 * time.Second})
	put(t, s, "k", []byte("x"))
	c.stop(1)
	called := make(chan error, 1)
	f := putAsync(s, t.Context(), "k", "y", func(_ client.Result, err error) { called <- err })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := f.Wait(ctx); !errors.Is(err, foci.OutcomeUnknown) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("wait: %v", err)
	}
	select {
	case <-f.Done():
		t.Error("it ended with the wait")
	default:
	}
	c.start(1)
	if err := <-called; err != nil {
		t.Error(err)
	}
	if r, err := f.Wait(ctx); err != nil || r.Version.IsZero() { // a ctx that has ended does not hide the outcome
		t.Errorf("%+v, %v", r, err)
	}
}

// pending is how many legs a session's client has under way.
func pending(t *testing.T, s *client.Session) int {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // this process alone answers
	all, _ := s.Client().Txns(ctx)
	return len(all[0].Is.Pending)
}

// TestCancelOfFutures: Cancel ends what waits for its turn and what has begun;
// ctx does the same.
func TestCancelOfFutures(t *testing.T) {
	c := newCluster(t, 3, 3)
	s := c.dial(client.SessionOptions{Ack: foci.All, Timeout: 30 * time.Second})
	put(t, s, "k", []byte("x"))
	c.stop(1)
	for _, how := range []string{"Cancel", "ctx"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("the user left")
		first := appendAsync(s, ctx, "k", "a", nil)
		second := appendAsync(s, ctx, "k", "b", nil)
		for pending(t, s) == 0 {
			runtime.Gosched()
		}
		if how == "ctx" {
			cancel(why)
		} else {
			second.Cancel()
			first.Cancel()
		}
		if _, err := second.Result(); !errors.Is(err, foci.Canceled) || how == "ctx" && !errors.Is(err, why) {
			t.Errorf("%s: what waited for its turn: %v", how, err)
		}
		if _, err := first.Result(); !errors.Is(err, foci.Canceled) { // the away node's vote is missing: nothing was stored
			t.Errorf("%s: what had begun: %v", how, err)
		}
		first.Cancel() // of what has ended it changes nothing
		cancel(nil)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := appendAsync(s, ctx, "k", "c", nil).Result(); !errors.Is(err, foci.Canceled) {
		t.Errorf("a context that had ended: %v", err)
	}
}

// TestManyPending: thousands of pending changes have no goroutines, one more
// than allowed is refused at once, and Close ends them all.
func TestManyPending(t *testing.T) {
	c := newCluster(t, 3, 3)
	const most = 5000
	cl := c.dialWith(client.Config{Pending: most})
	s := cl.Session(client.SessionOptions{Ack: foci.All, Timeout: time.Minute})
	put(t, s, "k", []byte("x"))
	c.stop(1)
	before := runtime.NumGoroutine()
	var ended atomic.Int32
	futures := make([]*client.Future[client.Result], most)
	for i := range futures {
		futures[i] = putAsync(s, t.Context(), fmt.Sprint(i%1000), "y", func(client.Result, error) { ended.Add(1) })
	}
	if n := runtime.NumGoroutine() - before; n > 200 {
		t.Errorf("%d goroutines more for %d pending changes", n, most)
	}
	if _, err := putAsync(s, t.Context(), "one more", "y", nil).Result(); !errors.Is(err, foci.Busy) {
		t.Errorf("one more: %v", err)
	}
	if err := cl.Close(); err != nil {
		t.Error(err)
	}
	for i, f := range futures {
		select {
		case <-f.Done():
		default:
			t.Fatalf("%d goes on although the client is closed", i)
		}
	}
	for ended.Load() < most {
		runtime.Gosched()
	}
}

// TestLargeFutures: content of many chunks is read on a goroutine of its own,
// and cancelling leaves the object as it was.
func TestLargeFutures(t *testing.T) {
	c := newCluster(t, 3, 3)
	s := c.dial(client.SessionOptions{})
	big := string(random(2*chunk+5, 3))
	if r, err := putAsync(s, t.Context(), "big", big, nil).Result(); err != nil || r.Chunks != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	c.stop(0)
	c.stop(1)
	f := putAsync(s, t.Context(), "big", big+"more", nil)
	f.Cancel()
	if _, err := f.Result(); !errors.Is(err, foci.Canceled) && !errors.Is(err, foci.NoQuorum) {
		t.Errorf("canceled: %v", err)
	}
	c.start(0)
	if got := get(t, s, "big", client.GetOptions{}); string(got) != big {
		t.Error("wrong bytes")
	}
}
