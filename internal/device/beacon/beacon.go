package beacon

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// Config is what a node says and hears.
type Config struct {
	Group netip.AddrPort // of multicast, with its port
	// Keys are derived from the cluster keys that are valid now, see KeyLabel: the
	// first makes our packets, a packet made with any of them counts.
	Keys    func() [][32]byte
	Cluster string
	Node    foci.NodeID

	Self  func() wire.Route // this node's entry now
	Alone func() bool       // no link is up: say it more often
	Heard func(wire.Route)  // the entry of a node, newer than the last of it; it must be quick

	Logger *slog.Logger // nil = silent
}

// The times of a node's announcements: several soon after its start, because packets
// get lost, then one now and then.
var early = []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond, time.Second}

const (
	whileAlone = 10 * time.Second
	otherwise  = time.Minute
)

// Beacon is a node's part in multicast.
type Beacon struct {
	cfg    Config
	log    *slog.Logger
	socket socket
	ctx    context.Context
	stop   context.CancelFunc
	tasks  sync.WaitGroup

	mu    sync.Mutex
	guard guard // guarded by mu
}

// ParseGroup reads a multicast address and port, like 239.1.2.3:1026 or
// [ff05::1:3]:1026.
func ParseGroup(s string) (netip.AddrPort, error) {
	g, err := netip.ParseAddrPort(s)
	if err == nil && (!g.Addr().IsMulticast() || g.Port() == 0 || g.Addr().Is4In6()) {
		err = errors.New("no multicast address, or no port")
	}
	if err != nil {
		return g, &foci.Error{Kind: foci.Invalid, Where: "multicast " + foci.Clip(s), Err: err, Msg: "cannot be used", Fix: "want IP:port, like 239.17.19.23:1026 or [ff05::f0c1]:1026"}
	}
	return g, nil
}

// New joins the group on all interfaces and starts to announce this node. It fails
// with Invalid when the group cannot be joined on any.
func New(cfg Config) (*Beacon, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	b := &Beacon{cfg: cfg, log: cfg.Logger}
	b.guard = guard{cfg: &b.cfg}
	b.ctx, b.stop = context.WithCancel(context.Background())
	var err error
	if b.socket, err = listen(b.ctx, cfg.Group); err == nil {
		if err = b.socket.join(); err != nil {
			_ = b.socket.Close() // nothing was heard on it
		}
	}
	if err != nil {
		b.stop()
		return nil, &foci.Error{
			Kind: foci.Invalid, Op: "multicast", Where: cfg.Group.String(), Msg: "the group cannot be joined", Err: err,
			Fix: "is there an interface that can do multicast, and is the port free?",
		}
	}
	b.tasks.Go(b.receive)
	b.tasks.Go(b.announce)
	return b, nil
}

// Close ends the announcements.
func (b *Beacon) Close() error {
	b.stop()
	err := b.socket.Close()
	b.tasks.Wait()
	return err
}

// Counters are what became of the packets so far.
func (b *Beacon) Counters() Counters {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.guard.count
}

// announce sends the announcements until Close.
func (b *Beacon) announce() {
	began := time.Now()
	for n := 0; ; n++ {
		var wait time.Duration
		switch {
		case n < len(early):
			wait = time.Until(began.Add(early[n]))
		case b.cfg.Alone():
			wait = whileAlone/2 + rand.N(whileAlone)
		default:
			wait = otherwise/2 + rand.N(otherwise)
		}
		select {
		case <-b.ctx.Done():
			return
		case <-time.After(wait):
		}
		p := seal(&b.cfg.Keys()[0], &wire.Beacon{Time: time.Now().UnixNano(), Nonce: rand.Uint64(), Cluster: b.cfg.Cluster, Route: b.cfg.Self()})
		if err := b.socket.send(p); err != nil && b.ctx.Err() == nil {
			b.log.Warn("beacon not sent", "group", b.cfg.Group, "err", err)
			continue
		}
		b.mu.Lock()
		b.guard.count.Sent++
		b.mu.Unlock()
	}
}

// receive handles incoming packets until Close.
func (b *Beacon) receive() {
	var buf [wire.MaxBeacon + 1]byte
	for {
		n, from, err := b.socket.receive(buf[:])
		switch {
		case errors.Is(err, net.ErrClosed) || b.ctx.Err() != nil:
			return
		case err != nil:
			b.log.Warn("beacons cannot be heard", "group", b.cfg.Group, "err", err)
			select {
			case <-b.ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		}
		b.mu.Lock()
		r := b.guard.take(buf[:n], from, time.Now())
		b.mu.Unlock()
		if r != nil {
			b.cfg.Heard(*r)
		}
	}
}
