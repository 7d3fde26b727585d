package mesh

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// chain is a client, a node that forwards, and the node that it forwards to.
type chain struct {
	t                   testing.TB
	client, via, server *node
	toVia, toServer     *Link
}

func startChain(t testing.TB, change ...func(*Config)) *chain {
	c := &chain{t: t, server: startNode(t, 2)}
	c.via = startNode(t, 1, append([]func(*Config){func(cfg *Config) {
		cfg.Handler = HandlerFunc(func(in *Incoming) {
			var f wire.Forward
			if err := codec.Unmarshal(in.Head, &f); err != nil {
				in.Fail(err)
				return
			}
			in.Relay(c.toServer, f.Class, f.Method, f.Head)
		})
	}}, change...)...)
	c.client = startClient(t, oneChannel)
	c.toServer = connect(t, c.via, c.server, false)
	c.toVia = connect(t, c.client, c.via, false)
	return c
}

// request is one for the server, to be given to the node that forwards.
func (c *chain) request(method wire.Method, head, body []byte) *Request {
	f := wire.Forward{Node: c.server.id, Method: method, Class: foci.Bulk, Head: head}
	return &Request{Class: foci.Reg, Method: wire.MethodForward, Head: f.Append(nil), Body: body}
}

func (c *chain) call(method wire.Method, head, body []byte) outcome {
	c.t.Helper()
	return get(c.t, ask(c.t, c.toVia, c.request(method, head, body)))
}

// rest checks that nothing is under way any more, anywhere.
func (c *chain) rest() {
	c.t.Helper()
	idle(c.t, c.client.Mesh, c.via.Mesh, c.server.Mesh)
	waitFor(c.t, "relays to end", func() bool { s := c.via.Stats().Forwarded; return s.Now == 0 && s.Held == 0 })
	waitFor(c.t, "the slots", func() bool { return load(c.toVia) == 0 && load(c.toServer) == 0 })
}

func TestRelayEcho(t *testing.T) {
	c := startChain(t)
	rng := rand.New(rand.NewPCG(1, 2))
	sizes := []int{0, 1, copyMax, copyMax + 1, frame.MaxPiece, frame.MaxFrame - 100, frame.MaxFrame + 1, 300 << 10, 4 << 20, wire.MaxBody}
	n := int64(0)
	for _, size := range sizes {
		for _, headSize := range []int{0, 10, 100 << 10, wire.MaxHead - 8<<10} {
			if size > 4<<20 && headSize > 10 {
				continue
			}
			head, body := pattern(headSize).bytes(), make([]byte, size)
			for i := range body {
				body[i] = byte(rng.Uint32())
			}
			o := c.call(methodEcho, head, body)
			if o.err != nil {
				t.Fatalf("head %d, body %d: %v", headSize, size, o.err)
			}
			if !bytes.Equal(o.reply.Head, head) || !bytes.Equal(o.reply.Body, body) {
				t.Fatalf("head %d, body %d: the echo differs", headSize, size)
			}
			n++
		}
	}
	c.rest()
	if s := c.via.Stats().Forwarded; s.Done != n || s.Failed != 0 {
		t.Errorf("%+v after %d requests", s, n)
	}
}

func TestRelayErrors(t *testing.T) {
	c := startChain(t)
	o := c.call(methodFail, nil, nil)
	var p *PeerError
	var e *foci.Error
	if !errors.As(o.err, &p) || !errors.As(o.err, &e) {
		t.Fatal(o.err)
	}
	if p.Epoch != 7 || p.Node != c.server.id || p.Via != c.via.id || e.Kind != foci.StaleLayout || e.RetryAfter != time.Second || e.Msg != "there is a newer one" {
		t.Errorf("%+v, %+v", p, e)
	}
	// No channel to the server any more, and then no link: nothing was sent.
	_ = c.server.Close()
	waitEvent(t, c.via, false)
	for range 2 {
		o = c.call(methodEcho, nil, nil)
		if !errors.As(o.err, &p) || foci.KindOf(o.err) != foci.NoRoute || p.Node != c.via.id || !p.Via.IsZero() ||
			!strings.Contains(o.err.Error(), c.server.id.Short()) {
			t.Fatalf("%v, %+v", o.err, p)
		}
		c.via.RemovePeer(c.server.id)
	}
	c.rest()
}

// TestRelaySlowReaders: whoever is slow holds up its own stream alone, and no
// more than a window of it waits on the way.
func TestRelaySlowReaders(t *testing.T) {
	c := startChain(t)
	const n = 12 << 20
	q := c.request(methodGive, size32(n), nil)
	q.Stream = true
	o := get(t, ask(t, c.toVia, q))
	if o.err != nil || o.reply.Stream == nil || o.reply.Stream.Len() != n {
		t.Fatal(o.err)
	}
	slow := ask(t, c.toVia, c.request(methodSlow, nil, make([]byte, n)))
	for range 20 {
		if o := c.call(methodEcho, nil, make([]byte, 600<<10)); o.err != nil || len(o.reply.Body) != 600<<10 {
			t.Fatal(o.err)
		}
	}
	// One window at the reader, one at the forwarder, and what sockets hold.
	moved := int64(0)
	for _, ch := range c.via.Stats().Incoming {
		moved += ch.BytesIn + ch.BytesOut
	}
	if most := int64(20*2*(600<<10) + 2*(2*frame.DefWindow) + 200<<10); moved > most {
		t.Errorf("%d bytes went through the forwarder, at most %d have a reader", moved, most)
	}
	waitFor(t, "the echoes to end", func() bool { return c.via.Stats().Forwarded.Now == 2 })
	if s := c.via.Stats().Forwarded; s.Held > 2*frame.DefWindow+1<<10 {
		t.Errorf("%+v", s)
	}
	got, err := io.ReadAll(o.reply.Stream)
	if err != nil || !bytes.Equal(got, pattern(n).bytes()) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	for range n/(64<<10) + 512 {
		c.server.slow <- struct{}{}
	}
	if o := get(t, slow); o.err != nil {
		t.Fatal(o.err)
	}
	c.rest()
}

func TestRelayCancel(t *testing.T) {
	c := startChain(t)
	// Before the answer, with and without a body on its way.
	for _, size := range []int{0, 100, 8 << 20} {
		q := c.request(methodHold, nil, make([]byte, size))
		got := ask(t, c.toVia, q)
		in := <-c.server.held
		q.Cancel()
		if o := get(t, got); foci.KindOf(o.err) != foci.Canceled {
			t.Fatal(o.err)
		}
		waitFor(t, "cancel to arrive", in.Canceled)
		in.Fail(errGivenUp)
		c.rest()
	}
	// In the middle of the answer.
	q := c.request(methodGive, size32(8<<20), nil)
	q.Stream = true
	o := get(t, ask(t, c.toVia, q))
	if o.err != nil {
		t.Fatal(o.err)
	}
	_ = o.reply.Stream.Close()
	c.rest()
	if o := c.call(methodEcho, nil, make([]byte, 1<<20)); o.err != nil {
		t.Fatal(o.err)
	}
}

// TestRelayAskerLost: what the asker leaves behind ends at the server too.
func TestRelayAskerLost(t *testing.T) {
	c := startChain(t)
	held := ask(t, c.toVia, c.request(methodHold, nil, nil))
	in := <-c.server.held
	slow := ask(t, c.toVia, c.request(methodSlow, nil, make([]byte, 8<<20)))
	q := c.request(methodGive, size32(8<<20), nil)
	q.Stream = true
	o := get(t, ask(t, c.toVia, q))
	if o.err != nil {
		t.Fatal(o.err)
	}
	waitFor(t, "all three to be relayed", func() bool { return c.via.Stats().Forwarded.Now == 3 })
	_ = c.client.Close()
	for _, got := range []<-chan outcome{held, slow} {
		if o := get(t, got); o.err == nil {
			t.Error("it was answered")
		}
	}
	waitFor(t, "the loss to arrive", in.Canceled)
	in.Fail(errGivenUp)
	for range 1024 {
		c.server.slow <- struct{}{}
	}
	c.rest()
}

// TestRelayServerLost: the asker is told who was lost, and by whom.
func TestRelayServerLost(t *testing.T) {
	c := startChain(t)
	held := ask(t, c.toVia, c.request(methodHold, nil, nil))
	in := <-c.server.held
	slow := ask(t, c.toVia, c.request(methodSlow, nil, make([]byte, 8<<20)))
	q := c.request(methodGive, size32(8<<20), nil)
	q.Stream = true
	o := get(t, ask(t, c.toVia, q))
	if o.err != nil {
		t.Fatal(o.err)
	}
	waitFor(t, "all three to be relayed", func() bool { return c.via.Stats().Forwarded.Now == 3 })
	for _, ch := range c.toServer.channelList() {
		ch.Close(foci.Errorf(foci.Unreachable, "cut"))
	}
	c.via.RemovePeer(c.server.id)
	_, cut := io.ReadAll(o.reply.Stream)
	for _, err := range []error{get(t, held).err, get(t, slow).err, cut} {
		var p *PeerError
		if !errors.As(err, &p) || foci.KindOf(err) != foci.Unreachable || p.Node != c.via.id || !strings.Contains(err.Error(), c.server.id.Short()) {
			t.Errorf("%v", err)
		}
	}
	in.Fail(errGivenUp)
	for range 1024 {
		c.server.slow <- struct{}{}
	}
	c.rest()
}

// TestRelayLimits: over each limit of its own the asker is told at once.
func TestRelayLimits(t *testing.T) {
	for name, limit := range map[string]func(*Limits){
		"number": func(l *Limits) { l.Relays = 2 },
		"bytes":  func(l *Limits) { l.RelayBytes = (2*frame.DefWindow + 1<<10) * 4 / 3 },
	} {
		t.Run(name, func(t *testing.T) {
			c := startChain(t, func(cfg *Config) { limit(&cfg.Limits) })
			var all []<-chan outcome
			for range 2 {
				all = append(all, ask(t, c.toVia, c.request(methodHold, nil, make([]byte, 1<<20))))
				c.server.held <- <-c.server.held
			}
			o := c.call(methodEcho, nil, make([]byte, 1<<20))
			if foci.KindOf(o.err) != foci.Busy {
				t.Fatal(o.err)
			}
			for _, got := range all {
				(<-c.server.held).Reply(nil, nil)
				if o := get(t, got); o.err != nil {
					t.Fatal(o.err)
				}
			}
			if o := c.call(methodEcho, nil, make([]byte, 10)); o.err != nil {
				t.Fatal(o.err)
			}
			c.rest()
		})
	}
}

// TestRelayDribble: a short message that comes in many frames is relayed as well.
func TestRelayDribble(t *testing.T) {
	c := startChain(t)
	r := rawDial(t, c.via.addr)
	r.hello(nil)
	f := wire.Forward{Node: c.server.id, Method: methodEcho, Class: foci.Reg, Head: []byte("head")}
	head, body := f.Append(nil), pattern(1000).bytes()
	for round := uint32(1); round <= 3; round++ {
		id := round<<16 | 5
		r.send(frame.Header{Type: frame.Request, Method: wire.MethodForward, Stream: id, Head: uint32(len(head)), Body: uint32(len(body))}, nil)
		all := append(bytes.Clone(head), body...)
		for len(all) > 0 {
			n := min(len(all), 37)
			r.send(frame.Header{Type: frame.Data, Stream: id}, all[:n])
			all = all[n:]
		}
		h, b := r.await(frame.Reply)
		if h.Stream != id || h.Flags != 0 || string(b) != "head"+string(body) {
			t.Fatalf("%+v, %d bytes", h, len(b))
		}
	}
	_ = r.conn.Close()
	c.rest()
}

// TestRelayManyAtOnce mixes sizes, methods and cancels, while channels of all
// sides are cut: every request ends once, and nothing is left.
func TestRelayManyAtOnce(t *testing.T) {
	c := startChain(t)
	stop := make(chan struct{})
	var cutter, workers sync.WaitGroup
	cutter.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			l := c.toVia
			if i%2 == 0 {
				l = c.toServer
			}
			if list := l.channelList(); len(list) > 0 {
				list[i%len(list)].Close(foci.Errorf(foci.Unreachable, "cut"))
			}
		}
	})
	for w := range 8 {
		workers.Go(func() {
			for i := range 60 {
				c.oneOfMany(w, i)
			}
		})
	}
	workers.Wait()
	close(stop)
	cutter.Wait()
	c.rest()
}

func (c *chain) oneOfMany(w, i int) {
	n := []int{0, 100, 20 << 10, 100 << 10, 700 << 10}[(w+i)%5]
	body := pattern(n).bytes()
	q := c.request(methodEcho, nil, body)
	if i%3 == 1 {
		q = c.request(methodGive, size32(uint32(n)), nil)
	}
	done := make(chan outcome, 2)
	q.Done = func(r *Reply, err error) { done <- outcome{r, err} }
	if err := c.toVia.Send(q); err != nil {
		time.Sleep(time.Millisecond) // it is being dialled again
		return
	}
	if i%3 == 2 {
		q.Cancel()
	}
	if o := get(c.t, done); o.err == nil && !bytes.Equal(o.reply.Body, body) {
		c.t.Errorf("%d bytes came back, want %d", len(o.reply.Body), n)
	}
	select {
	case <-done:
		c.t.Error("Done called twice")
	default:
	}
}
