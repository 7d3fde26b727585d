package lab

import (
	"bytes"
	"errors"
	"os/exec"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// TestPeerBack: a put that waits for a node which is away is done within 50 ms
// of the first handshake with it, and the client is told that it is back, so
// that it does not sit out a pause.
func TestPeerBack(t *testing.T) {
	l := New(t)
	c := l.Cluster("a", "b", "c")
	c.AwaitWhole(10 * time.Second)
	cl := c.Dial()
	s := cl.Session(client.SessionOptions{Ack: foci.All, Timeout: 30 * time.Second})
	put := func(key string) error {
		_, err := s.Put(t.Context(), foci.Name{Bucket: "back", Key: key}, bytes.NewReader(make([]byte, 1000)), 1000, client.PutOptions{})
		return err
	}
	if err := put("before"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c.Node("a").Kill()
		l.Eventually(5*time.Second, "the client has lost the node", func() error {
			if age, err := c.age(cl, "a"); err == nil {
				return errors.New("a channel is open for " + age.String())
			}
			return nil
		})
		done := make(chan error, 1)
		go func() { done <- put("meanwhile") }()
		l.Pass(3 * time.Second) // attempts to reach it have become rare
		c.Restart(c.Host("a"))
		ready := time.Now()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		ended := time.Now()
		age, err := c.age(cl, "a") // as of the beginning of this call
		if err != nil {
			t.Fatal(err)
		}
		took := age
		t.Logf("done %v after the node was ready, %v after the first handshake with it", ended.Sub(ready).Round(time.Millisecond), took.Round(time.Millisecond))
		if took > 50*time.Millisecond {
			t.Errorf("%v after the first handshake, want 50 ms at most", took)
		}
		if ended.Sub(ready) > time.Second {
			t.Errorf("%v after the node was ready: nobody told the client", ended.Sub(ready))
		}
	}
}

// age is how long the client has had a channel to a node; an error says that it
// has none.
func (c *Cluster) age(cl *client.Client, name string) (oldest time.Duration, err error) {
	all, err := cl.Mesh(c.lab.t.Context())
	if err != nil {
		return 0, err
	}
	for _, p := range all {
		if !p.Self {
			continue
		}
		for _, k := range p.Is.Links {
			for _, ch := range k.Channels {
				if ch.State == "open" && ch.Peer.Addr == c.Host(name).Addr().String()+":1025" {
					oldest = max(oldest, ch.Age)
				}
			}
		}
	}
	if oldest == 0 {
		return 0, errors.New("no channel")
	}
	return oldest, nil
}

// TestFrozenReceiver: clients that are stopped in the middle of a large answer
// stop their own streams only. Others go on, the nodes do not grow, and when
// the stopped ones go on they get all of it.
func TestFrozenReceiver(t *testing.T) {
	t.Parallel()
	l := New(t)
	c := l.Cluster("a", "b", "c")
	c.AwaitWhole(10 * time.Second)
	cl := c.Dial()
	s := cl.Session(client.SessionOptions{})
	const size = 96 << 20
	content := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	n := foci.Name{Bucket: "frozen", Key: "large"}
	if _, err := s.Put(t.Context(), n, bytes.NewReader(content), size, client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	h := l.Host("reader")
	var gets []*exec.Cmd
	for range 4 {
		cmd := c.command(h, "get", "frozen/large", "-o", "/dev/stdout")
		var got counter
		cmd.Stdout = &got
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		gets = append(gets, cmd)
		l.Eventually(10*time.Second, "the answer has begun", func() error { return got.over(1 << 20) })
		freeze(t, cmd, true)
		defer func() {
			if got.n.Load() != size && !t.Failed() {
				t.Errorf("%d bytes came, want %d", got.n.Load(), size)
			}
		}()
	}
	before := c.Sizes()
	load := l.Load(cl, "beside", 20*time.Second)
	load.Progress(l, 500, 10*time.Second)
	l.Pass(3 * time.Second)
	load.Progress(l, 500, 10*time.Second)
	c.NotGrown(before)
	for _, cmd := range gets {
		freeze(t, cmd, false)
	}
	for _, cmd := range gets {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	load.ReadBack()
	if n, err := load.Failed(); n > 0 {
		t.Errorf("%d puts failed, the first: %v", n, err)
	}
	t.Logf("%d puts beside them, the slowest after %v", load.Acked(), load.Slowest().Round(time.Millisecond))
}
