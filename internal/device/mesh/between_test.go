package mesh

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// between stands between a dialling side and a node and passes the frames of a
// handshake on, changed by change.
type between struct {
	t      *testing.T
	to     string
	change func(step int, h *wire.Header, contents []byte) []byte
	seen   [][]byte // contents as they came, by step
}

// The frames of a handshake with a key, in order.
const (
	stepHello = iota
	stepChallenge
	stepProof
	stepWelcome
	steps
)

func (b *between) dial(context.Context, string, string) (net.Conn, error) {
	node, err := net.Dial("tcp", b.to)
	if err != nil {
		return nil, err
	}
	_ = node.SetDeadline(time.Now().Add(10 * time.Second))
	ours, theirs := net.Pipe()
	go func() {
		defer ours.Close()
		defer node.Close()
		for step := range steps {
			from, to := ours, node
			if step%2 == 1 {
				from, to = node, ours
			}
			h, contents, err := opening(from)
			if err != nil {
				return
			}
			b.seen = append(b.seen, contents)
			if b.change != nil {
				contents = b.change(step, &h, bytes.Clone(contents))
			}
			if _, err := to.Write(wire.AppendFrame(nil, &h, contents, nil)); err != nil {
				return
			}
			if h.Type == wire.FrameRefuse {
				return
			}
		}
	}()
	return theirs, nil
}

// try dials a node through it, with the cluster key.
func (b *between) try() error {
	from := startNode(b.t, 2, func(c *Config) { c.Auth, c.Dial = clusterKey(1), b.dial })
	defer from.Close()
	_, err := from.Dial(testContext(b.t), Addr{HostPort: b.to}, false)
	return err
}

// TestManInTheMiddle: no byte of a handshake that is proved by a key can be
// changed, at any step: whoever stands between can only pass it on.
func TestManInTheMiddle(t *testing.T) {
	nd := startNode(t, 1, with(clusterKey(1)))
	b := &between{t: t, to: nd.addr}
	if err := b.try(); err != nil {
		t.Fatalf("unchanged: %v", err)
	}
	lengths := make([]int, steps)
	for i, s := range b.seen {
		lengths[i] = len(s)
	}
	for step, n := range lengths {
		for at := 0; at < n; at++ {
			b := &between{t: t, to: nd.addr}
			b.change = func(s int, _ *wire.Header, contents []byte) []byte {
				if s == step {
					contents[at] ^= 1
				}
				return contents
			}
			if err := b.try(); err == nil {
				t.Errorf("step %d, byte %d can be changed", step, at)
			}
		}
		longer := &between{t: t, to: nd.addr}
		longer.change = func(s int, _ *wire.Header, contents []byte) []byte {
			if s == step && step != stepChallenge && step != stepProof {
				return append(contents, 0)
			}
			return contents
		}
		if err := longer.try(); err == nil && (step == stepHello || step == stepWelcome) {
			t.Errorf("step %d can be made longer", step)
		}
	}
}

// TestReplay: what was overheard opens nothing: the listening side has another
// nonce each time.
func TestReplay(t *testing.T) {
	nd := startNode(t, 1, with(clusterKey(1)))
	b := &between{t: t, to: nd.addr}
	if err := b.try(); err != nil {
		t.Fatal(err)
	}
	r := rawDial(t, nd.addr)
	r.send(wire.Header{Type: wire.FrameHello}, b.seen[stepHello])
	r.await(wire.FrameChallenge)
	r.send(wire.Header{Type: wire.FrameProof}, b.seen[stepProof])
	h, contents := r.next()
	if err := peerError(Identity{}, contents); h.Type != wire.FrameRefuse || foci.KindOf(err) != foci.Denied {
		t.Errorf("type %d, %v", h.Type, err)
	}
	r.ended()
}

// TestReflection: a listener's proof is no dialler's.
func TestReflection(t *testing.T) {
	nd := startNode(t, 1, with(clusterKey(1)))
	hello := helloOf(func(h *wire.Hello) { h.Auth, h.Proof = wire.AuthKey, make([]byte, wire.NonceSize) })
	r := rawDial(t, nd.addr)
	r.send(wire.Header{Type: wire.FrameHello}, hello)
	_, contents := r.await(wire.FrameChallenge)
	var c wire.Challenge
	if err := wire.Unmarshal(contents, &c); err != nil {
		t.Fatal(err)
	}
	p := wire.Proof{Proof: c.Proof}
	r.send(wire.Header{Type: wire.FrameProof}, p.Append(nil))
	if h, _ := r.next(); h.Type != wire.FrameRefuse {
		t.Errorf("a listener's proof is taken for a dialler's: type %d", h.Type)
	}
}

// TestNoProof: a node that welcomes a dialler without having proved itself is
// not believed, and one that asks for a proof which was not offered gets none.
func TestNoProof(t *testing.T) {
	welcome := wire.Welcome{Protocol: 1, Cluster: "test", Node: nodeID(9), Incarnation: 1, Role: foci.RoleData, Window: wire.DefWindow, Streams: 9, Auth: wire.AuthKey}
	answer := func(h wire.Header, contents []byte) func(context.Context, string, string) (net.Conn, error) {
		return func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer ours.Close()
				if _, _, err := opening(ours); err == nil {
					_, _ = ours.Write(wire.AppendFrame(nil, &h, contents, nil))
					_, _, _ = opening(ours) // until it hangs up
				}
			}()
			return theirs, nil
		}
	}
	challenge := wire.Challenge{Welcome: welcome.Append(nil)}
	for name, change := range map[string]func(*Config){
		"welcome without proof": func(c *Config) {
			c.Auth, c.Dial = clusterKey(1), answer(wire.Header{Type: wire.FrameWelcome}, welcome.Append(nil))
		},
		"challenge with a wrong proof": func(c *Config) {
			c.Auth, c.Dial = clusterKey(1), answer(wire.Header{Type: wire.FrameChallenge}, challenge.Append(nil))
		},
		"challenge to one without a key": func(c *Config) {
			c.Dial = answer(wire.Header{Type: wire.FrameChallenge}, challenge.Append(nil))
		},
		"a key's welcome to one without": func(c *Config) {
			c.Dial = answer(wire.Header{Type: wire.FrameWelcome}, welcome.Append(nil))
		},
	} {
		if _, err := startClient(t, change).Dial(testContext(t), Addr{HostPort: "pipe"}, false); foci.KindOf(err) != foci.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
}
