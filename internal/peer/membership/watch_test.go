package membership

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/testwait"
)

// watched is a member that serves routes, and a way to ask it.
func watched(t *testing.T) (*process, func(wire.Watch) (wire.Watched, error)) {
	t.Helper()
	p, addr := starting(t, 1, nil)
	return p, asking(t, addr, mesh.Config{Cluster: "c", Role: foci.RoleTransport})
}

// asking is a process that asks a member for its changes.
func asking(t *testing.T, addr string, c mesh.Config) func(wire.Watch) (wire.Watched, error) {
	t.Helper()
	m, err := mesh.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	l, err := m.Dial(t.Context(), route.AddressOf(netip.MustParseAddrPort(addr)), true)
	if err != nil {
		t.Fatal(err)
	}
	return func(q wire.Watch) (wire.Watched, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var a wire.Watched
		r, err := l.Call(ctx, foci.State, wire.MethodWatch, q.Append(nil), nil)
		if err == nil {
			err = codec.Unmarshal(r.Head, &a)
		}
		return a, err
	}
}

func told(n byte, inc foci.Incarnation) []wire.Route {
	return []wire.Route{{Node: foci.NodeID{n}, Incarnation: inc, Counter: 1, Role: foci.RoleData, Addrs: []string{"192.0.2.1:1:2-7"}}}
}

// TestWatch: the first answer comes at once and has all; the next one when there
// is news, with the news; else when the time is over, with nothing.
func TestWatch(t *testing.T) {
	p, ask := watched(t)
	p.Learn(foci.NodeID{9}, told(2, 1))
	a, err := ask(wire.Watch{Wait: wire.MaxWatch})
	if err != nil || len(a.Routes) != 2 {
		t.Fatalf("%+v, %v", a, err)
	}
	q := wire.Watch{Epoch: a.Epoch, Sums: a.Sums, Ups: a.Ups, Wait: 10 * time.Millisecond}
	if a, err = ask(q); err != nil || len(a.Routes) != 0 {
		t.Fatalf("nothing has changed: %+v, %v", a, err)
	}
	q.Wait = wire.MaxWatch
	began := time.Now()
	time.AfterFunc(50*time.Millisecond, func() { p.Learn(foci.NodeID{9}, told(2, 5)) })
	if a, err = ask(q); err != nil || len(a.Routes) == 0 || time.Since(began) > 10*time.Second {
		t.Fatalf("a change: %+v, %v after %v", a, err, time.Since(began))
	}
	q.Sums = a.Sums
	time.AfterFunc(50*time.Millisecond, func() { p.watchers.linkUp(foci.NodeID{2}) })
	if a, err = ask(q); err != nil || a.Ups != q.Ups+1 {
		t.Fatalf("a peer that came up: %+v, %v", a, err)
	}
	q.Ups = a.Ups
	p.watchers.linkUp(foci.NodeID{3})
	if a, err = ask(q); err != nil || len(a.Up) != 1 || a.Up[0] != (foci.NodeID{3}) {
		t.Fatalf("another: %+v, %v", a, err)
	}
}

// TestWatchOfOneWhoLeft is a node that was chosen, and left before it was asked.
func TestWatchOfOneWhoLeft(t *testing.T) {
	p, _ := watched(t)
	if err := p.watch.node(foci.NodeID{8}); err == nil {
		t.Error("a watch without a link has not failed")
	}
}

// TestWatchersAreBounded, and none of them keeps a node from stopping.
func TestWatchersAreBounded(t *testing.T) {
	p, ask := watched(t)
	p.watchers.mu.Lock()
	p.watchers.slots = share.New(4) // of which a quarter is kept for members
	p.watchers.mu.Unlock()
	a, err := ask(wire.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	q := wire.Watch{Epoch: a.Epoch, Sums: a.Sums, Ups: a.Ups, Wait: wire.MaxWatch}
	ends := make(chan error, 3)
	for range 3 {
		go func() {
			_, err := ask(q)
			ends <- err
		}()
	}
	testwait.True(t, 20*time.Second, "three watchers", func() bool { return p.Watchers() >= 3 })
	if _, err := ask(q); foci.KindOf(err) != foci.Busy {
		t.Errorf("one too many: %v", err)
	}
	began := time.Now()
	if err := p.Close(); err != nil || time.Since(began) > 900*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	for range 3 {
		if err := <-ends; err == nil {
			t.Error("a watch was answered as if there were news")
		}
	}
}
