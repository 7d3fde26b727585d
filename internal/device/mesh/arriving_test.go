package mesh

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// announce sends the headers of n requests with bodies that do not come.
func (r *raw) announce(n int) {
	r.t.Helper()
	var b []byte
	for i := range n {
		h := frame.Header{Type: frame.Request, Method: methodSink, Stream: 1<<16 | uint32(i), Body: wire.MaxBody}
		b = frame.Append(b, &h, nil, nil)
	}
	r.write(b)
}

// put sends a body of n bytes, and wants it to be taken.
func put(t *testing.T, l *Link, n int) {
	t.Helper()
	if _, err := l.Call(testContext(t), foci.Bulk, methodSink, nil, make([]byte, n)); err != nil {
		t.Errorf("a body of %d bytes: %v", n, err)
	}
}

// TestAnnouncedBytesAreNotHeld: 100 headers on each of 16 connections that
// announce 16 MiB each cost next to nothing; others, and the same peer, go on.
func TestAnnouncedBytesAreNotHeld(t *testing.T) {
	nd := startNode(t, 1)
	for range 16 {
		r := rawDial(t, nd.addr)
		r.hello(nil)
		r.announce(100)
	}
	waitFor(t, "the headers", func() bool {
		served := int64(0)
		for _, ch := range nd.Stats().Incoming {
			served += ch.Served
		}
		return served == 1600
	})
	if s := nd.Stats(); s.Serving != 1600 || s.BytesHeld > 1<<20 {
		t.Errorf("%d requests are in hand, and %d bytes", s.Serving, s.BytesHeld)
	}
	put(t, connect(t, startClient(t), nd, false), 4<<20)
}

// TestMemoryGrowsAsBodiesArrive: what is held of a request is at most four times
// what has come of it.
func TestMemoryGrowsAsBodiesArrive(t *testing.T) {
	nd := startNode(t, 1)
	r := rawDial(t, nd.addr)
	r.hello(nil)
	r.send(frame.Header{Type: frame.Request, Method: methodEcho, Stream: 1 << 16, Head: 10, Body: 4 << 20}, make([]byte, 10))
	sent := int64(10)
	for range 60 {
		r.send(frame.Header{Type: frame.Data, Stream: 1 << 16}, make([]byte, frame.MaxPiece))
		sent += frame.MaxPiece
		waitFor(t, "the bytes", func() bool { return nd.Stats().BytesHeld >= sent })
		if held := nd.Stats().BytesHeld; held > 4*sent {
			t.Fatalf("%d bytes have come, %d are held", sent, held)
		}
	}
}

// TestStalledRequestsEnd: a request of which no more comes is answered with
// busy, whether its head is there or not, and the rest is thrown away.
func TestStalledRequestsEnd(t *testing.T) {
	nd := startNode(t, 1, func(c *Config) { c.Timing.PingEvery, c.Timing.Progress = 20*time.Millisecond, 100*time.Millisecond })
	r := rawDial(t, nd.addr)
	r.hello(nil)
	_ = r.conn.SetDeadline(time.Now().Add(1500 * time.Millisecond))
	for i, h := range []frame.Header{
		{Method: methodEcho, Head: 10, Body: 100 << 10}, // half a head
		{Method: methodEcho, Head: 5, Body: 100 << 10},  // half a body
	} {
		h.Type, h.Stream = frame.Request, uint32(i+1)<<16
		r.send(h, make([]byte, 5))
		got, contents := r.await(frame.Reply)
		if err := frame.DecodeError(foci.NodeID{}, contents); got.Stream != h.Stream || foci.KindOf(err) != foci.Busy || !strings.Contains(err.Error(), "no more of it came for 100ms") {
			t.Fatalf("%+v, %v", got, err)
		}
		r.send(frame.Header{Type: frame.Data, Stream: h.Stream}, make([]byte, 50<<10)) // was on its way
	}
	r.send(frame.Header{Type: frame.Request, Method: methodEcho, Stream: 9 << 16}, []byte("still there?"))
	if _, contents := r.await(frame.Reply); string(contents) != "still there?" {
		t.Fatalf("%q", contents)
	}
	idle(t, nd.Mesh)
}

// TestSlowReaderIsNoStall: a body that is not read here is not the peer's fault.
func TestSlowReaderIsNoStall(t *testing.T) {
	server := startNode(t, 1, func(c *Config) { c.Timing.PingEvery, c.Timing.Progress = 20*time.Millisecond, 60*time.Millisecond })
	client := startClient(t, oneChannel)
	l := connect(t, client, server, false)
	slow := ask(t, l, &Request{Class: foci.Reg, Method: methodSlow, Body: make([]byte, 1<<20)})
	select {
	case o := <-slow:
		t.Fatalf("it was ended: %v", o.err)
	case <-time.After(400 * time.Millisecond):
	}
	for range 64 {
		server.slow <- struct{}{}
	}
	if o := get(t, slow); o.err != nil {
		t.Fatal(o.err)
	}
}

// bulky is a request of 60 KiB that is held.
func bulky() *Request {
	return &Request{Class: foci.Bulk, Method: methodHold, Body: make([]byte, 60<<10)}
}

// hold sends so many requests at most, until one is refused, and returns those that
// nd holds.
func hold(t *testing.T, l *Link, nd *node, most int, request func() *Request) (held []*Incoming, err error) {
	t.Helper()
	for range most {
		got := ask(t, l, request())
		select {
		case in := <-nd.held:
			held = append(held, in)
		case o := <-got:
			return held, o.err
		}
	}
	return held, nil
}

// TestBytesPerPrincipal: a client that fills what it may leaves room for
// another, and what cannot be held of a long body is answered with busy.
func TestBytesPerPrincipal(t *testing.T) {
	home := newPKI(t, "test")
	nd := startNode(t, 1, with(home.node(nodeID(1), time.Now())), func(c *Config) { c.Limits.Bytes = 8 << 20 })
	web := connect(t, startClient(t, with(home.client("web")), oneChannel), nd, false)
	held, err := hold(t, web, nd, 100, bulky)
	if len(held) != 17 || foci.KindOf(err) != foci.Busy || !strings.Contains(err.Error(), "client/web holds its share") {
		t.Fatalf("%d of 60 KiB are held, then: %v", len(held), err)
	}
	var p *PeerError
	if _, err := web.Call(testContext(t), foci.Bulk, methodSink, nil, make([]byte, 4<<20)); foci.KindOf(err) != foci.Busy || !errors.As(err, &p) {
		t.Errorf("a long one: %v", err)
	}
	db := connect(t, startClient(t, with(home.client("db")), oneChannel), nd, false)
	put(t, db, 4<<20) // alone of its principal it may be longer than an eighth
	if s := nd.Stats().Shares; s.Bytes.Top[0].Principal != "client/web" || s.Requests.Top[0].Used != 17 {
		t.Errorf("stats: %+v", s)
	}
	for _, in := range held {
		in.Reply(nil, nil)
	}
	put(t, web, 4<<20)
	idle(t, nd.Mesh)
}

// TestBytesForMembers: whatever clients hold, a member finds a quarter.
func TestBytesForMembers(t *testing.T) {
	nd := startNode(t, 1, func(c *Config) { c.Limits.Bytes = 4 << 20 })
	held, err := hold(t, connect(t, startClient(t, oneChannel), nd, false), nd, 100, bulky)
	if len(held) != 51 || foci.KindOf(err) != foci.Busy {
		t.Fatalf("%d of 60 KiB are held, then: %v", len(held), err)
	}
	put(t, connect(t, startNode(t, 2), nd, false), 900<<10)
}
