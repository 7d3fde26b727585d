package mesh

import (
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// TestProtocolVersions: sides of adjacent versions work together by the newest
// that both speak; others are refused with what each side speaks.
func TestProtocolVersions(t *testing.T) {
	speaks := func(lo, hi uint16) func(*Config) {
		return func(c *Config) { c.Protocols = wire.Protocols{Min: lo, Max: hi} }
	}
	nd := startNode(t, 1, speaks(2, 3))
	for _, c := range []struct{ lo, hi, want uint16 }{{1, 2, 2}, {2, 3, 3}, {3, 4, 3}} {
		cl := startClient(t, speaks(c.lo, c.hi))
		l, err := cl.Dial(testContext(t), addrOf(nd.addr), false)
		if err != nil {
			t.Errorf("%d to %d: %v", c.lo, c.hi, err)
			continue
		}
		if _, err := l.Call(testContext(t), foci.Reg, methodEcho, []byte("x"), nil); err != nil {
			t.Errorf("%d to %d: %v", c.lo, c.hi, err)
		}
		if got := l.Peer().Protocol; got != c.want {
			t.Errorf("%d to %d: works by %d, want %d", c.lo, c.hi, got, c.want)
		}
	}
	for _, c := range []struct{ lo, hi uint16 }{{0, 1}, {4, 5}} {
		cl := startClient(t, speaks(c.lo, c.hi))
		_, err := cl.Dial(testContext(t), addrOf(nd.addr), false)
		if foci.KindOf(err) != foci.Protocol || !strings.Contains(err.Error(), "speaks 2 to 3") || !strings.Contains(err.Error(), "upgrade the older side") {
			t.Errorf("%d to %d: %v", c.lo, c.hi, err)
		}
	}
	alive(t, nd)
}

// TestEarlyProtocol: the first builds call their protocol 1 too, but cannot read
// today's messages. A hello of theirs is shorter, and is refused.
func TestEarlyProtocol(t *testing.T) {
	nd := startNode(t, 1)
	r := rawDial(t, nd.addr)
	r.send(frame.Header{Type: frame.Hello}, helloOf(func(h *handshake.Hello) { h.MinProtocol, h.MaxProtocol, h.Early = 1, 1, true }))
	h, b := r.next()
	err := frame.DecodeError(foci.NodeID{}, b)
	if h.Type != frame.Refuse || foci.KindOf(err) != foci.Protocol || !strings.Contains(err.Error(), "upgrade the older side") {
		t.Errorf("an early hello: type %d, %v", h.Type, err)
	}
	r.ended()
	alive(t, nd)
}
