package lab

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// TestFirewallForgets: client and nodes are on two sides of a firewall that
// forgets idle connections. After a pause that is longer every channel still
// works at its first use, at once, while a connection without keepalive is dead.
func TestFirewallForgets(t *testing.T) {
	t.Parallel()
	forget, idle := 33*time.Second, 38*time.Second
	if Full() {
		forget, idle = 40*time.Second, 90*time.Second
	}
	l := New(t)
	far := l.Network()
	hosts := []*Host{l.Host("a", far), l.Host("b", far), l.Host("c")} // c has links through the firewall too
	l.Firewall(far, forget)
	c := l.ClusterOn("", hosts...)
	c.Start()
	c.AwaitWhole(10 * time.Second)
	cl := c.Dial()
	s := cl.Session(client.SessionOptions{})
	small, large := bytes.Repeat([]byte("s"), 1000), bytes.Repeat([]byte("l"), 6<<20)
	exchange := func() time.Duration {
		t.Helper()
		began := time.Now()
		for key, content := range map[string][]byte{"small": small, "large": large} {
			n := foci.Name{Bucket: "firewall", Key: key}
			if _, err := s.Put(t.Context(), n, bytes.NewReader(content), int64(len(content)), client.PutOptions{}); err != nil {
				t.Fatal(err)
			}
			o, err := s.Get(t.Context(), n, client.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(o)
			o.Close()
			if err != nil || !bytes.Equal(got, content) {
				t.Fatalf("%s: %d bytes came back: %v", key, len(got), err)
			}
		}
		return time.Since(began)
	}
	exchange()
	bare := echo(t, hosts[0])
	before := exchange()
	began := time.Now()
	l.Pass(idle)
	after := exchange()
	t.Logf("small and large put and get: %v before, %v after %v of silence", before.Round(time.Millisecond), after.Round(time.Millisecond), idle)
	if limit := max(time.Second, 3*before); after > limit {
		t.Errorf("first use after the silence took %v, want at most %v", after, limit)
	}
	sameChannels(t, cl, time.Since(began))
	_ = bare.SetDeadline(time.Now().Add(2 * time.Second))
	_, _ = bare.Write([]byte("x"))
	if _, err := bare.Read(make([]byte, 1)); err == nil {
		t.Error("a connection without keepalive still works: this firewall forgets nothing, and the test shows nothing")
	}
}

// echo is a connection without keepalive to a host, which answers one byte at
// once and then each that it gets.
func echo(t *testing.T, h *Host) net.Conn {
	t.Helper()
	ln := h.Listen(7)
	go func() {
		if c, err := ln.Accept(); err == nil {
			defer c.Close()
			_, _ = io.Copy(c, c)
		}
	}()
	d := net.Dialer{KeepAlive: -1}
	c, err := d.DialContext(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return c
}

// sameChannels wants every channel that the client has to be older than that.
func sameChannels(t *testing.T, cl *client.Client, age time.Duration) {
	t.Helper()
	all, err := cl.Mesh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old := 0
	for _, p := range all {
		if !p.Self {
			continue
		}
		for _, link := range p.Is.Links {
			for _, ch := range link.Channels {
				switch {
				case ch.State != "open":
				case ch.Age < age:
					t.Errorf("channel %v %d of %v is %v old: it was opened again", ch.Class, ch.Index, link.Addrs, ch.Age)
				default:
					old++
				}
			}
		}
	}
	t.Logf("%d channels lived through it", old)
}
