package mesh

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
)

// gate dials until it is shut. A dial that begins after that waits until
// release is closed, and fails.
type gate struct {
	shut    atomic.Bool
	release chan struct{}
}

func (g *gate) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if !g.shut.Load() {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	select {
	case <-g.release:
	case <-ctx.Done():
	}
	return nil, errors.New("the gate is shut")
}

// doubt cuts all channels of a link, so that the peer is suspected, and keeps
// it so until release is closed.
func (g *gate) doubt(t *testing.T, nd *node, l *Link) {
	t.Helper()
	g.shut.Store(true)
	for _, ch := range l.channelList() {
		ch.Close(foci.Errorf(foci.Unreachable, "cut"))
	}
	if waitEvent(t, nd, false); l.State() != link.Suspect {
		t.Fatalf("the peer is %v", l.State())
	}
}

func waiting(l *Link) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.machine.Waiting()
}

// TestUnsentRequest: a request that waits while its peer is suspected, and
// fails when the peer is down, was not sent; one that a channel had was.
func TestUnsentRequest(t *testing.T) {
	g := &gate{release: make(chan struct{})}
	server, client := startNode(t, 1), startClient(t, func(c *Config) { c.Dial = g.dial })
	l := connect(t, client, server, false)
	held := &Request{Class: foci.Reg, Method: methodHold}
	lost := ask(t, l, held)
	in := <-server.held
	g.doubt(t, client, l)
	if o := get(t, lost); foci.KindOf(o.err) != foci.Unreachable || !held.Sent() {
		t.Errorf("a request that the peer has: %v, sent: %v", o.err, held.Sent())
	}
	q := &Request{Class: foci.Reg, Method: methodEcho}
	got := ask(t, l, q)
	waitFor(t, "the request to wait", func() bool { return waiting(l) == 1 })
	close(g.release)
	if o := get(t, got); foci.KindOf(o.err) != foci.Unreachable || q.Sent() {
		t.Errorf("a request that waited for a channel: %v, sent: %v", o.err, q.Sent())
	}
	in.Fail(errGivenUp)
}

// TestRelayUnsent: a request that a relay could not send, because the peer was
// suspected and then down, ends as no route: nothing was done.
func TestRelayUnsent(t *testing.T) {
	g := &gate{release: make(chan struct{})}
	c := startChain(t, func(cfg *Config) { cfg.Dial = g.dial })
	if o := c.call(methodEcho, nil, nil); o.err != nil {
		t.Fatal(o.err)
	}
	g.doubt(t, c.via, c.toServer)
	small := ask(t, c.toVia, c.request(methodEcho, nil, nil))
	large := ask(t, c.toVia, c.request(methodEcho, nil, make([]byte, 1<<20)))
	waitFor(t, "the requests to wait", func() bool { return waiting(c.toServer) == 2 })
	close(g.release)
	for _, got := range []<-chan outcome{small, large} {
		o := get(t, got)
		var p *PeerError
		if !errors.As(o.err, &p) || foci.KindOf(o.err) != foci.NoRoute || p.Node != c.via.id || !p.Via.IsZero() ||
			!strings.Contains(o.err.Error(), c.server.id.Short()) {
			t.Errorf("%v, %+v", o.err, p)
		}
	}
	c.rest()
}
