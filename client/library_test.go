package client_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/foci-store/foci/client"
)

// TestInsideAnotherProgram embeds the client in a program that has signal
// handlers and a thousand goroutines of its own: each of its signals reaches it,
// none ends or disturbs a transaction, and Close leaves nothing behind.
func TestInsideAnotherProgram(t *testing.T) {
	before := goleak.IgnoreCurrent()
	c := newCluster(t, 3, 3)
	got := make(chan os.Signal, 4096)
	signal.Notify(got, syscall.SIGUSR1, syscall.SIGALRM, syscall.SIGPIPE)
	defer signal.Stop(got)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cl, err := client.Dial(ctx, client.Config{Remotes: c.Addrs, Stall: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	s := cl.Session(client.SessionOptions{})
	var own sync.WaitGroup
	var done atomic.Int32
	for i := range 1000 {
		own.Go(func() {
			if _, err := s.Append(ctx, name(fmt.Sprint("k", i%50)), strings.NewReader("line\n"), 5); err != nil {
				t.Error(err)
			}
			done.Add(1)
		})
	}
	sent := 0
	for ; done.Load() < 1000; sent++ {
		sig := []syscall.Signal{syscall.SIGUSR1, syscall.SIGALRM, syscall.SIGPIPE}[sent%3]
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
		<-got // ours, and nobody else took it
		runtime.Gosched()
	}
	own.Wait()
	for k := range 50 {
		if n := strings.Count(string(get(t, s, fmt.Sprint("k", k), client.GetOptions{})), "line\n"); n != 20 {
			t.Errorf("k%d has %d lines, want 20", k, n)
		}
	}
	if err := cl.Close(); err != nil {
		t.Error(err)
	}
	cancel()
	signal.Stop(got)
	for i := range c.Nodes { // they are in this process, too
		c.stop(i)
	}
	if err := goleak.Find(before, goleak.IgnoreAnyFunction("os/signal.loop"), goleak.IgnoreAnyFunction("os/signal.signal_recv")); err != nil {
		t.Error(err)
	}
	t.Logf("%d signals", sent)
}
