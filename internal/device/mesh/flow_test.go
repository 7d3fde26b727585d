package mesh

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/stream"
	"github.com/foci-store/foci/internal/testwait"
)

func size32(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

// outcome is what a request ended with.
type outcome struct {
	reply *Reply
	err   error
}

// ask sends a request and returns where its outcome will be; a second call of
// Done fails the test.
func ask(t testing.TB, l *Link, q *Request) <-chan outcome {
	t.Helper()
	got := make(chan outcome, 1)
	var calls atomic.Int32
	q.Done = func(r *Reply, err error) {
		if calls.Add(1) > 1 {
			t.Error("Done called twice")
			return
		}
		got <- outcome{r, err}
	}
	if err := l.Send(q); err != nil {
		t.Fatal(err)
	}
	return got
}

func get(t testing.TB, got <-chan outcome) outcome {
	t.Helper()
	select {
	case o := <-got:
		return o
	case <-time.After(10 * time.Second):
		t.Fatal("Done was not called")
		return outcome{}
	}
}

// TestSlowReader: a request whose body is not read stops neither the other
// requests on its channel nor, once it is read, itself.
func TestSlowReader(t *testing.T) {
	server, client := startNode(t, 1), startClient(t, oneChannel)
	l := connect(t, client, server, false)
	body := make([]byte, 3<<20)
	slow := ask(t, l, &Request{Class: foci.Reg, Method: methodSlow, Body: body})
	for range 20 {
		r, err := l.Call(testContext(t), foci.Reg, methodEcho, nil, make([]byte, 600<<10))
		if err != nil || len(r.Body) != 600<<10 {
			t.Fatal(err)
		}
	}
	select {
	case o := <-slow:
		t.Fatalf("it ended without being read: %v", o.err)
	default:
	}
	inFlight := 0
	for _, c := range server.Stats().Incoming {
		inFlight += c.InFlight
	}
	if inFlight != 1 {
		t.Errorf("%d in flight, want the slow one", inFlight)
	}
	for range len(body)/(64<<10) + 1 {
		server.slow <- struct{}{}
	}
	for range 64 { // reads may come in smaller pieces
		server.slow <- struct{}{}
	}
	if o := get(t, slow); o.err != nil {
		t.Fatal(o.err)
	}
	idle(t, client.Mesh, server.Mesh)
}

// TestSlowReplyReader is the same for the body of a reply.
func TestSlowReplyReader(t *testing.T) {
	server, client := startNode(t, 1), startClient(t, oneChannel)
	l := connect(t, client, server, false)
	const n = 3 << 20
	o := get(t, ask(t, l, &Request{Class: foci.Reg, Method: methodGive, Head: size32(n), Stream: true}))
	if o.err != nil || o.reply.Stream == nil || o.reply.Stream.Len() != n {
		t.Fatal(o.err)
	}
	for range 10 {
		r, err := l.Call(testContext(t), foci.Reg, methodGive, size32(600<<10), nil)
		if err != nil || !bytes.Equal(r.Body, pattern(600<<10).bytes()) {
			t.Fatal(err)
		}
	}
	got, err := io.ReadAll(o.reply.Stream)
	if err != nil || !bytes.Equal(got, pattern(n).bytes()) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	idle(t, client.Mesh, server.Mesh)
}

// TestStreamClosed: bodies closed half way give back their credit and slot.
func TestStreamClosed(t *testing.T) {
	server, client := startNode(t, 1), startClient(t, oneChannel, func(c *Config) { c.Limits.ChannelRequests = 4 })
	l := connect(t, client, server, false)
	for i := range 40 {
		o := get(t, ask(t, l, &Request{Class: foci.Reg, Method: methodGive, Head: size32(4 << 20), Stream: true}))
		if o.err != nil {
			t.Fatal(i, o.err)
		}
		if _, err := io.ReadFull(o.reply.Stream, make([]byte, i*10000)); err != nil {
			t.Fatal(i, err)
		}
		_ = o.reply.Stream.Close()
		if _, err := o.reply.Stream.Read(make([]byte, 1)); foci.KindOf(err) != foci.Closed {
			t.Fatal(err)
		}
		waitFor(t, "the slot", func() bool { return load(l) == 0 })
	}
	idle(t, client.Mesh, server.Mesh)
}

// load is how many slots of a link's channels are in use.
func load(l *Link) (n int) {
	for _, ch := range l.channelList() {
		n += int(inFlight(ch))
	}
	return n
}

// inFlight is how many slots of a channel are in use.
func inFlight(ch *stream.Client) int32 {
	n, _ := ch.Load()
	return n
}

// waitFor waits for a state that no event tells of.
func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	testwait.True(t, 10*time.Second, what, cond)
}

func TestCancel(t *testing.T) {
	server, client := startNode(t, 1), startClient(t, oneChannel)
	l := connect(t, client, server, false)
	q := &Request{Class: foci.Reg, Method: methodHold}
	got := ask(t, l, q)
	in := <-server.held
	q.Cancel()
	if o := get(t, got); foci.KindOf(o.err) != foci.Canceled {
		t.Fatalf("%v", o.err)
	}
	q.Cancel()
	waitFor(t, "cancel to arrive", in.Canceled)
	if load(l) != 1 {
		t.Error("the slot is free before the reply has come")
	}
	in.Reply(nil, []byte("too late"))
	in.Reply(nil, []byte("twice"))
	waitFor(t, "the slot", func() bool { return load(l) == 0 })

	// With a body on its way, and before a channel is there.
	q = &Request{Class: foci.Reg, Method: methodSlow, Body: make([]byte, 8<<20)}
	got = ask(t, l, q)
	waitFor(t, "credit to be used up", func() bool { return load(l) == 1 })
	q.Cancel()
	if o := get(t, got); foci.KindOf(o.err) != foci.Canceled {
		t.Fatalf("%v", o.err)
	}
	for range 10 {
		server.slow <- struct{}{}
	}
	q = &Request{Class: foci.Recovery, Method: methodNull}
	got = ask(t, l, q)
	q.Cancel()
	if o := get(t, got); o.err != nil && foci.KindOf(o.err) != foci.Canceled {
		t.Fatalf("%v", o.err)
	}
	waitFor(t, "the slots", func() bool { return load(l) == 0 })
	idle(t, client.Mesh, server.Mesh)
}

// TestCancelWhileSending: a cancel may come at any moment around Send; Done is
// called once all the same, and nothing stays counted.
func TestCancelWhileSending(t *testing.T) {
	server, client := startNode(t, 1), startClient(t, func(c *Config) { c.Limits.LinkRequests, c.Limits.QueueBytes = 2, 64<<20 })
	l := connect(t, client, server, false)
	for i := range 2000 {
		var calls atomic.Int32
		q := &Request{Class: foci.Reg, Method: methodNull, Body: make([]byte, i%3*copyMax)}
		done := make(chan struct{})
		q.Done = func(*Reply, error) {
			if calls.Add(1) == 1 {
				close(done)
			}
		}
		if i%5 == 0 {
			q.Cancel()
		}
		var other sync.WaitGroup
		other.Go(q.Cancel)
		err := l.Send(q)
		other.Wait()
		if err != nil {
			t.Fatal(err)
		}
		<-done
		if n := calls.Load(); n != 1 {
			t.Fatalf("Done called %d times", n)
		}
	}
	waitFor(t, "the slots", func() bool { return load(l) == 0 })
	if n := l.Stats().InFlight; n != 0 {
		t.Errorf("%d still counted", n)
	}
	idle(t, client.Mesh, server.Mesh)
}

// TestBusy: at each limit the caller, or the peer, is told at once.
func TestBusy(t *testing.T) {
	for name, limit := range map[string]func(*Limits){
		"channel": func(l *Limits) { l.ChannelRequests = 3 },
		"link":    func(l *Limits) { l.LinkRequests = 3 },
		"process": func(l *Limits) { l.Requests = 3 },
		"bytes":   func(l *Limits) { l.LinkBytes = 3*(1<<10) + 10 },
		"all":     func(l *Limits) { l.Bytes = 3*(1<<10) + 10 },
	} {
		t.Run(name, func(t *testing.T) {
			server, client := startNode(t, 1), startClient(t, oneChannel, func(c *Config) { limit(&c.Limits) })
			l := connect(t, client, server, false)
			var all []<-chan outcome
			for range 3 {
				all = append(all, ask(t, l, &Request{Class: foci.Reg, Method: methodHold, Body: make([]byte, 1<<10)}))
				server.held <- <-server.held // it is there
			}
			err := l.Send(&Request{Class: foci.Reg, Method: methodHold, Body: make([]byte, 1<<10), Done: func(*Reply, error) { t.Error("Done") }})
			var e *foci.Error
			if !errors.As(err, &e) || e.Kind != foci.Busy || e.RetryAfter <= 0 {
				t.Fatalf("%v", err)
			}
			for range all { // in whatever order they came
				(<-server.held).Reply(nil, nil)
			}
			for _, got := range all {
				if o := get(t, got); o.err != nil {
					t.Fatal(o.err)
				}
			}
			if _, err := l.Call(testContext(t), foci.Reg, methodNull, nil, make([]byte, 1<<10)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestPeerBusy: the limits of the one who serves.
func TestPeerBusy(t *testing.T) {
	const limit = 300 << 10
	server, client := startNode(t, 1, func(c *Config) { c.Limits.ChannelBytes = limit }), startClient(t, oneChannel)
	l := connect(t, client, server, false)
	first := ask(t, l, &Request{Class: foci.Reg, Method: methodHold, Body: make([]byte, 1<<20-10)})
	in := <-server.held
	waitFor(t, "a window of the body", func() bool { return server.Stats().BytesHeld >= frame.DefWindow })
	for _, n := range []int{50 << 10, 2 << 20} {
		_, err := l.Call(testContext(t), foci.Reg, methodEcho, nil, make([]byte, n))
		var p *PeerError
		if foci.KindOf(err) != foci.Busy || !errors.As(err, &p) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	in.Collect(func(err error) { in.Reply(nil, nil) }) // alone it may have all
	if o := get(t, first); o.err != nil {
		t.Fatal(o.err)
	}
	if _, err := l.Call(testContext(t), foci.Reg, methodEcho, nil, make([]byte, 50<<10)); err != nil {
		t.Fatal(err)
	}
	idle(t, client.Mesh, server.Mesh)
}

// brokenSource fails after so many bytes.
type brokenSource struct {
	pattern
	good   int64
	closed atomic.Int32
}

func (b *brokenSource) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > b.good {
		return 0, errors.New("the disk is broken")
	}
	return b.pattern.ReadAt(p, off)
}

func (b *brokenSource) Close() error {
	b.closed.Add(1)
	return nil
}

func TestBrokenSource(t *testing.T) {
	var source *brokenSource
	server := startNode(t, 1, func(c *Config) {
		next := c.Handler
		c.Handler = HandlerFunc(func(in *Incoming) {
			if in.Method == methodGive {
				in.ReplySource(nil, source)
				return
			}
			next.Serve(in)
		})
	})
	client := startClient(t, oneChannel)
	l := connect(t, client, server, false)
	for _, good := range []int64{0, 100 << 10, 1 << 20, 2 << 20} {
		for _, sending := range []bool{false, true} {
			source = &brokenSource{pattern: 2 << 20, good: good}
			q := &Request{Class: foci.Reg, Method: methodGive}
			if sending {
				q.Method, q.Source = methodSink, source
			}
			o := get(t, ask(t, l, q))
			if good == 2<<20 != (o.err == nil) {
				t.Errorf("good to %d, sending %v: %v", good, sending, o.err)
			}
			waitFor(t, "source to be closed", func() bool { return source.closed.Load() == 1 })
		}
	}
	waitFor(t, "the slots", func() bool { return load(l) == 0 })
	idle(t, client.Mesh, server.Mesh)
}

// TestRepliesNotRead: a peer that sends requests and reads nothing loses its
// channel before its replies fill the memory.
func TestRepliesNotRead(t *testing.T) {
	server := startNode(t, 1, func(c *Config) { c.Limits.ChannelBytes = 256 << 10 })
	r := rawDial(t, server.addr)
	_ = r.conn.SetDeadline(time.Now().Add(20 * time.Second))
	r.hello(nil)
	frame := frame.Append(nil, &frame.Header{Type: frame.Ping}, make([]byte, 16), nil)
	flood := bytes.Repeat(frame, 2000)
	for {
		if _, err := r.conn.Write(flood); err != nil {
			var timeout interface{ Timeout() bool }
			if errors.As(err, &timeout) && timeout.Timeout() {
				t.Fatal("the channel stays open")
			}
			break
		}
	}
	alive(t, server)
}

// TestManyAtOnce mixes sizes, methods and cancels from many goroutines.
func TestManyAtOnce(t *testing.T) {
	server, client := startNode(t, 1), startClient(t)
	l := connect(t, client, server, false)
	ctx := testContext(t)
	var workers sync.WaitGroup
	for w := range 16 {
		workers.Go(func() {
			for i := range 60 {
				n := []int{0, 100, 20 << 10, 100 << 10, 700 << 10}[(w+i)%5]
				class := foci.Class((w + i) % int(foci.NumClasses))
				body := pattern(n).bytes()
				switch i % 3 {
				case 0:
					q := &Request{Class: class, Method: methodEcho, Body: body}
					got := ask(t, l, q)
					q.Cancel()
					if o := get(t, got); o.err != nil && foci.KindOf(o.err) != foci.Canceled {
						t.Error(o.err)
					}
				case 1:
					r, err := l.Call(ctx, class, methodGive, size32(uint32(n)), nil)
					if err != nil || !bytes.Equal(r.Body, body) {
						t.Error(err)
					}
				default:
					r, err := l.Call(ctx, class, methodEcho, body[:min(n, 50)], body)
					if err != nil || !bytes.Equal(r.Body, body) {
						t.Error(err)
					}
				}
			}
		})
	}
	workers.Wait()
	waitFor(t, "the slots", func() bool { return load(l) == 0 })
	idle(t, client.Mesh, server.Mesh)
}
