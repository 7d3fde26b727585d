package mesh

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
)

// cable is a dialler whose connections a test can cut, and whose bytes it can
// hold back without either end noticing.
type cable struct {
	mu    sync.Mutex
	conns []*cabled
	hold  chan struct{} // not nil: nothing passes until it is closed
	to    atomic.Pointer[string]
	dials atomic.Int64
}

type cabled struct {
	net.Conn
	cable  *cable
	closed chan struct{}
	once   sync.Once
}

func (c *cable) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c.dials.Add(1)
	if to := c.to.Load(); to != nil {
		addr = *to
	}
	conn, err := dialTCP(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v := &cabled{Conn: conn, cable: c, closed: make(chan struct{})}
	c.conns = append(c.conns, v)
	return v, nil
}

func (c *cabled) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.cable.mu.Lock()
	hold := c.cable.hold
	c.cable.mu.Unlock()
	if hold != nil && err == nil {
		select {
		case <-hold:
		case <-c.closed:
			return 0, net.ErrClosed
		}
	}
	return n, err
}

func (c *cabled) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// cut breaks all connections with a reset, and returns how many.
func (c *cable) cut() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.conns)
	for _, v := range c.conns {
		_ = v.Conn.(*net.TCPConn).SetLinger(0)
		_ = v.Conn.Close()
	}
	c.conns = nil
	return n
}

// blackHole lets nothing through any more, or all again.
func (c *cable) blackHole(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if on {
		c.hold = make(chan struct{})
	} else {
		close(c.hold)
		c.hold = nil
	}
}

// TestCutUnderLoad: channels die all the time while requests of every size are
// on them. Each request is done exactly once, and in the end all is well.
func TestCutUnderLoad(t *testing.T) {
	var c cable
	server := startNode(t, 1)
	client := startNode(t, 2, func(cfg *Config) { cfg.Dial = c.dial })
	l := connect(t, client, server, true)
	var done, sent, lost atomic.Int64
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Go(func() {
			for i := w; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				finished := make(chan struct{})
				if err := l.Send(echoOf(t, i, &done, &lost, finished)); err != nil {
					if k := foci.KindOf(err); k != foci.Unreachable && k != foci.Busy {
						t.Errorf("refused with %v", err)
					}
					time.Sleep(time.Millisecond)
					continue
				}
				sent.Add(1)
				<-finished
			}
		})
	}
	cuts := 0
	for range 20 {
		before := done.Load()
		waitFor(t, "traffic", func() bool { return done.Load() > before+20 })
		cuts += c.cut()
	}
	close(stop)
	workers.Wait()
	if sent.Load() != done.Load() || lost.Load() == 0 || cuts < 20 {
		t.Errorf("%d sent, %d done, %d of them lost, %d channels cut", sent.Load(), done.Load(), lost.Load(), cuts)
	}
	waitFor(t, "link", l.Up)
	idle(t, client.Mesh, server.Mesh)
}

// echoOf is the i-th request: of each class and several lengths. It closes
// finished when it is done, which is counted, as is its loss.
func echoOf(t *testing.T, i int, done, lost *atomic.Int64, finished chan struct{}) *Request {
	var calls atomic.Int32
	q := &Request{
		Class: foci.Class(i % int(foci.NumClasses)), Method: methodEcho,
		Body: make([]byte, []int{0, 1000, 70 << 10, 400 << 10}[i%4]),
	}
	q.Done = func(r *Reply, err error) {
		if calls.Add(1) != 1 {
			t.Error("Done called twice")
			return
		}
		done.Add(1)
		switch {
		case err == nil && len(r.Body) != len(q.Body):
			t.Error("short reply")
		case err != nil && foci.KindOf(err) != foci.Unreachable && foci.KindOf(err) != foci.Busy:
			t.Errorf("lost with %v", err)
		case err != nil:
			lost.Add(1)
		}
		close(finished)
	}
	return q
}

// TestReconnect: a peer that dies is told of at once, and again when it is
// back, with its new incarnation.
func TestReconnect(t *testing.T) {
	var c cable
	server := startNode(t, 1)
	client := startNode(t, 2, func(cfg *Config) { cfg.Dial = c.dial })
	l := connect(t, client, server, true)
	first := waitEvent(t, client, true).Peer.Incarnation
	got := ask(t, l, &Request{Class: foci.Reg, Method: methodHold})
	<-server.held
	begin := time.Now()
	_ = server.Close()
	if o := get(t, got); foci.KindOf(o.err) != foci.Unreachable {
		t.Fatalf("%v", o.err)
	}
	if e := waitEvent(t, client, false); e.Err == nil || e.Peer.Node != server.id {
		t.Fatalf("%+v", e)
	}
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("it took %v to notice", d)
	}
	waitFor(t, "an attempt to fail", func() bool { return l.Stats().Failures > 0 })
	if err := l.Send(&Request{Class: foci.Reg, Done: func(*Reply, error) { t.Error("Done") }}); foci.KindOf(err) != foci.Unreachable {
		t.Fatalf("send while it is away: %v", err)
	}
	again := startNode(t, 1)
	c.to.Store(&again.addr)
	if e := waitEvent(t, client, true); e.Peer.Incarnation <= first {
		t.Errorf("incarnation %d after %d", e.Peer.Incarnation, first)
	}
	if _, err := l.Call(testContext(t), foci.Reg, methodNull, nil, nil); err != nil {
		t.Fatal(err)
	}
}

// TestLazyReconnect: a transport client's link comes back by itself too.
func TestLazyReconnect(t *testing.T) {
	var c cable
	server := startNode(t, 1)
	client := startClient(t, func(cfg *Config) { cfg.Dial = c.dial })
	l := connect(t, client, server, false)
	waitEvent(t, client, true)
	c.cut()
	waitEvent(t, client, false)
	waitEvent(t, client, true)
	if !l.Up() {
		t.Error("up was told of a link that is down")
	}
}

// TestBlackHole: a peer that takes everything and answers nothing is given up
// after three pings, together with what was asked of it.
func TestBlackHole(t *testing.T) {
	var c cable
	const every = 200 * time.Millisecond
	server := startNode(t, 1)
	client := startNode(t, 2, func(cfg *Config) { cfg.Dial, cfg.Timing.PingEvery = c.dial, every })
	l := connect(t, client, server, true)
	waitEvent(t, client, true)
	waitFor(t, "a round trip", func() bool { return l.RTT() > 0 })
	if _, err := l.Call(testContext(t), foci.Reg, methodNull, nil, nil); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	c.blackHole(true)
	got := ask(t, l, &Request{Class: foci.Reg, Method: methodNull})
	if o := get(t, got); foci.KindOf(o.err) != foci.Unreachable {
		t.Fatalf("%v", o.err)
	}
	waitEvent(t, client, false)
	if d, most := time.Since(begin), 20*every; d > most {
		t.Errorf("it took %v, want at most %v", d, most)
	}
	c.blackHole(false)
	waitEvent(t, client, true)
}

// TestCloseAnswers: whoever closes answers what it serves first.
func TestCloseAnswers(t *testing.T) {
	server, client := startNode(t, 1), startClient(t)
	l := connect(t, client, server, false)
	got := ask(t, l, &Request{Class: foci.Reg, Method: methodHold})
	in := <-server.held
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = server.Close()
	}()
	waitFor(t, "goaway", func() bool { // new requests are not sent there any more
		list := l.open[foci.Reg].Load()
		return len(*list) == 0
	})
	in.Reply([]byte("just in time"), nil)
	if o := get(t, got); o.err != nil || string(o.reply.Head) != "just in time" {
		t.Fatalf("%v", o.err)
	}
	<-closed
	_ = server.Close()
}

// TestWiden: little load uses one channel of a class, much uses all.
func TestWiden(t *testing.T) {
	server, client := startNode(t, 1), startClient(t)
	l := connect(t, client, server, false)
	open := func() (n int) {
		for _, c := range l.Stats().Channels {
			if c.Class == foci.Reg && c.State == "open" {
				n++
			}
		}
		return n
	}
	for range 100 {
		if _, err := l.Call(testContext(t), foci.Reg, methodNull, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := open(); n != 1 {
		t.Errorf("%d channels for one request at a time", n)
	}
	var all []<-chan outcome
	waitFor(t, "six channels", func() bool {
		for range busyRequests {
			if len(all) < 3000 {
				all = append(all, ask(t, l, &Request{Class: foci.Reg, Method: methodHold}))
			}
		}
		return open() == DefaultChannels[foci.Reg]
	})
	for range all {
		(<-server.held).Reply(nil, nil)
	}
	for _, got := range all {
		if o := get(t, got); o.err != nil {
			t.Fatal(o.err)
		}
	}
}

// TestRemovePeer: requests of a removed link end, and no more are taken.
func TestRemovePeer(t *testing.T) {
	server, client := startNode(t, 1), startNode(t, 2)
	l, err := client.AddPeer(Peer{Node: server.id, Addrs: at(server.addr)})
	if err != nil {
		t.Fatal(err)
	}
	got := ask(t, l, &Request{Class: foci.Bulk, Method: methodHold}) // dialled for this
	<-server.held
	client.RemovePeer(server.id)
	if o := get(t, got); foci.KindOf(o.err) != foci.Unreachable {
		t.Fatalf("%v", o.err)
	}
	if err := l.Send(&Request{Done: func(*Reply, error) {}}); foci.KindOf(err) != foci.Closed {
		t.Fatalf("%v", err)
	}
	if client.Peer(server.id) != nil {
		t.Error("it is still there")
	}
}

// TestWrongNode: at a recycled address somebody else is not spoken to; the
// next address is tried.
func TestWrongNode(t *testing.T) {
	one, two, client := startNode(t, 1), startNode(t, 2), startNode(t, 3)
	l, err := client.AddPeer(Peer{Node: two.id, Addrs: at(one.addr, two.addr), Eager: true})
	if err != nil {
		t.Fatal(err)
	}
	if e := waitEvent(t, client, true); e.Peer.Node != two.id {
		t.Fatalf("%+v", e)
	}
	if s := l.Stats(); s.LastClose == "" {
		t.Error("no trace of the refusal")
	}
}

// TestPortInUse: a listener that cannot be bound is a clear error.
func TestPortInUse(t *testing.T) {
	nd := startNode(t, 1)
	_, err := New(Config{
		Node: nodeID(2), Role: foci.RoleData, Handler: nd, Cluster: "test",
		Listen: []Listener{{Addr: "127.0.0.1:0"}, {Addr: nd.addr}},
	})
	if foci.KindOf(err) != foci.Invalid {
		t.Fatalf("%v", err)
	}
	t.Log(err)
}

// TestInboundRevives: a hello from a peer ends the waiting for it.
func TestInboundRevives(t *testing.T) {
	var c cable
	server := startNode(t, 1)
	client := startNode(t, 2, func(cfg *Config) {
		cfg.Dial = c.dial
		cfg.Timing.BackoffMin, cfg.Timing.BackoffMax = time.Hour, time.Hour
	})
	nowhere := "127.0.0.1:1"
	c.to.Store(&nowhere)
	l, err := client.AddPeer(Peer{Node: server.id, Addrs: at(server.addr), Eager: true})
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "a failure", func() bool { return l.Stats().Failures > 0 })
	c.to.Store(nil)
	connect(t, server, client, false)
	waitFor(t, "link", l.Up)
}
