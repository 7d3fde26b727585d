package mesh

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
)

// storm is a dialler most of whose connections break with a reset, at some byte
// of either direction: in the handshake, in a header, in a body.
type storm struct {
	calm   atomic.Bool
	resets atomic.Int64
}

func (s *storm) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := dialTCP(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &stormy{Conn: conn, storm: s}
	c.left.Store(rand.Int64N(int64(1) << (6 + rand.IntN(18)))) // up to 64 B .. 8 MiB
	return c, nil
}

// stormy is one of them.
type stormy struct {
	net.Conn
	storm *storm
	left  atomic.Int64 // bytes until it breaks
}

// pass takes n bytes and reports how many of them may still pass.
func (c *stormy) pass(n int) int {
	if c.storm.calm.Load() {
		return n
	}
	after := c.left.Add(int64(-n))
	if after > 0 {
		return n
	}
	return max(0, n+int(max(after, int64(-n))))
}

func (c *stormy) reset() {
	c.storm.resets.Add(1)
	_ = c.Conn.(*net.TCPConn).SetLinger(0)
	_ = c.Conn.Close()
}

func (c *stormy) Write(p []byte) (int, error) {
	k := c.pass(len(p))
	n, err := c.Conn.Write(p[:k])
	if err == nil && k < len(p) {
		c.reset()
		return n, net.ErrClosed
	}
	return n, err
}

func (c *stormy) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if k := c.pass(n); err == nil && k < n {
		c.reset()
		return k, nil
	}
	return n, err
}

// TestStorm: nearly every connection is reset sooner or later, some before the
// welcome, some in the middle of a body. Each request is done exactly once, with
// its own bytes or with an error; when the storm is over nothing is left.
func TestStorm(t *testing.T) {
	requests := 4000
	if testing.Short() {
		requests = 1000
	}
	var s storm
	server := startNode(t, 1)
	client := startNode(t, 2, func(cfg *Config) { cfg.Dial, cfg.Eager = s.dial, true })
	l, err := client.AddPeer(Peer{Node: server.id, Addrs: at(server.addr), Eager: true})
	if err != nil {
		t.Fatal(err)
	}
	var sum stormSum
	var next atomic.Int64
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for next.Add(1) <= int64(requests) {
				sum.one(t, l)
			}
		})
	}
	workers.Wait()
	moved := l.Stats().Moved
	t.Logf("%d resets, %d requests sent again; %d answered, %d away, %d busy, %d canceled",
		s.resets.Load(), moved, sum.ok.Load(), sum.away.Load(), sum.busy.Load(), sum.canceled.Load())
	if sum.ok.Load() < int64(requests)/2 || moved == 0 || s.resets.Load() < 20 {
		t.Error("that was no storm, or nothing came through")
	}
	s.calm.Store(true)
	waitFor(t, "all channels to be open", func() bool {
		for _, c := range l.Stats().Channels {
			if c.State != "open" {
				return false
			}
		}
		return true
	})
	before := sum.ok.Load() + sum.canceled.Load()
	for range 100 {
		sum.one(t, l)
	}
	if n := sum.ok.Load() + sum.canceled.Load() - before; n != 100 {
		t.Errorf("%d of 100 requests came through when the storm was over", n)
	}
	idle(t, client.Mesh, server.Mesh)
	if n := l.Stats().InFlight; n != 0 {
		t.Errorf("%d requests are counted on the link", n)
	}
}

// stormSum counts how requests ended.
type stormSum struct{ ok, away, busy, canceled atomic.Int64 }

// one sends a request and waits for its end.
func (sum *stormSum) one(t *testing.T, l *Link) {
	body := make([]byte, 10<<rand.IntN(17)+rand.IntN(10))
	key := rand.Uint32()
	for i := range body {
		body[i] = byte((uint32(i)*2654435761 + key) >> 24)
	}
	q := &Request{Class: 1 + foci.Class(rand.IntN(int(foci.NumClasses)-1)), Method: methodEcho, Head: []byte{byte(key)}}
	if rand.IntN(2) == 0 {
		q.Body = body
	} else {
		q.Source = bytes.NewReader(body)
	}
	q.Stream = rand.IntN(4) == 0
	var calls atomic.Int32
	ended := make(chan struct{})
	q.Done = func(r *Reply, err error) {
		if calls.Add(1) != 1 {
			t.Error("Done was called twice")
			return
		}
		if err == nil && r.Stream != nil {
			go func() {
				defer close(ended)
				got, err := r.Stream.ReadAll()
				sum.took(t, got, body, err)
				_ = r.Stream.Close()
			}()
			return
		}
		defer close(ended)
		if err != nil {
			sum.took(t, nil, nil, err)
			return
		}
		if len(r.Head) != 1 || r.Head[0] != byte(key) {
			t.Error("the answer to another request")
		}
		sum.took(t, r.Body, body, nil)
	}
	if err := l.Send(q); err != nil {
		sum.took(t, nil, nil, err)
		time.Sleep(time.Millisecond)
		return
	}
	if rand.IntN(20) == 0 {
		time.Sleep(rand.N(2 * time.Millisecond))
		q.Cancel()
	}
	select {
	case <-ended:
		clear(body) // it is ours again
	case <-time.After(8 * time.Second):
		t.Errorf("a request does not end")
	}
}

func (sum *stormSum) took(t *testing.T, got, want []byte, err error) {
	switch foci.KindOf(err) {
	case foci.Unreachable:
		sum.away.Add(1)
	case foci.Busy:
		sum.busy.Add(1)
	case foci.Canceled:
		sum.canceled.Add(1)
	default:
		if err != nil {
			t.Errorf("a request failed with %v", err)
			return
		}
		if !bytes.Equal(got, want) {
			t.Error("the echo differs")
		}
		sum.ok.Add(1)
	}
}
