package mesh

import (
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// script turns bytes into frames that check, so that a fuzzer gets past the
// checksums: few streams, short messages, every type.
func script(b []byte) []byte {
	var out []byte
	for len(b) >= 6 {
		h := frame.Header{
			Type: frame.Type(b[0]%14) + 1, Stream: uint32(b[1]&3)<<16 | uint32(b[1]>>2&3),
		}
		size := int(b[2])
		switch h.Type {
		case frame.Request, frame.Reply:
			h.Head, h.Body = uint32(b[3]), uint32(b[4])<<(b[5]&15)
			size = min(size<<(b[5]&7), int(h.Head+h.Body))
			if h.Type == frame.Request {
				h.Method = methodEcho + wire.Method(b[5]>>4%6)
			} else {
				h.Flags = b[5] >> 7
			}
		case frame.Data:
			size <<= b[5] & 7
		case frame.Credit:
			h.Body, size = uint32(b[3])<<(b[4]&31), 0
		case frame.Cancel:
			size = 0
		case frame.Ping, frame.Pong:
			h.Stream, size = 0, size&15
		}
		contents := make([]byte, size)
		out = frame.Append(out, &h, contents, nil)
		if b[5] == 0xff {
			out[len(out)-1] ^= 1 // damaged on its way
		}
		b = b[6:]
	}
	return out
}

// play sends bytes to one end of a connection, reads what comes back, and
// leaves.
func play(conn net.Conn, first, b []byte) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, conn)
	}()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write(first); err == nil {
		_, _ = conn.Write(b) // it may be closed before all is written
	}
	_ = conn.Close()
	<-done
}

// playServer plays against the listening side.
func playServer(t *testing.T, nd *node, b []byte) {
	ours, theirs := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		nd.accept(theirs, 1, nd.handshakes.Enter(theirs))
	}()
	play(ours, frame.Append(nil, &frame.Header{Type: frame.Hello}, helloOf(nil), nil), b)
	<-served
	for len(nd.held) > 0 {
		(<-nd.held).Reply(nil, nil)
	}
	idle(t, nd.Mesh)
}

// playClient plays against the dialling side, which has asked three things.
func playClient(t *testing.T, b []byte) {
	client := startClient(t, func(c *Config) {
		c.Timing.BackoffMin, c.Timing.BackoffMax = time.Hour, time.Hour
		c.Dial = dialOnce(b)
	})
	l, err := client.AddPeer(Peer{Node: nodeID(9), Addrs: at("pipe")})
	if err != nil {
		t.Fatal(err)
	}
	var all []chan outcome
	for i := range 3 {
		got := make(chan outcome, 2)
		q := &Request{Class: foci.Reg, Method: methodEcho, Body: make([]byte, i*100<<10), Stream: i == 1}
		q.Done = func(r *Reply, err error) { got <- outcome{r, err} }
		if l.Send(q) == nil { // the channel may be lost already
			all = append(all, got)
		}
	}
	for _, got := range all {
		if o := get(t, got); o.err == nil && o.reply.Stream != nil {
			_ = o.reply.Stream.Close()
		}
		if len(got) > 0 {
			t.Error("Done called twice")
		}
	}
	_ = client.Close()
	idle(t, client.Mesh)
}

// FuzzServing: whatever frames a client sends, the node neither panics nor
// hangs, and keeps nothing of them.
func FuzzServing(f *testing.F) {
	f.Add([]byte{3, 4, 4, 4, 0, 0, 3, 8, 4, 4, 9, 0x10, 5, 8, 9, 0, 0, 0})
	nd := startNode(f, 1, func(c *Config) { c.Limits.ChannelRequests = 4 })
	f.Fuzz(func(t *testing.T, b []byte) {
		for range 64 {
			select {
			case nd.slow <- struct{}{}: // nobody waits for a test to read
			default:
			}
		}
		playServer(t, nd, script(b[:min(len(b), 600)]))
	})
}

// FuzzAsking: the same for whatever frames a node sends back.
func FuzzAsking(f *testing.F) {
	f.Add([]byte{4, 4, 4, 4, 0, 0, 4, 8, 4, 4, 9, 0, 5, 8, 9, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) { playClient(t, script(b[:min(len(b), 600)])) })
}

// TestRandomFrames is a little of both under fixed seeds.
func TestRandomFrames(t *testing.T) {
	nd := startNode(t, 1, func(c *Config) { c.Limits.ChannelRequests = 4 })
	for range 1 << 14 {
		nd.slow <- struct{}{}
	}
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 1))
		b := make([]byte, 6*(1+rng.IntN(40)))
		for i := range b {
			b[i] = byte(rng.Uint32())
			if i%6 == 0 && rng.IntN(2) == 0 { // mostly what belongs to messages
				b[i] = byte(3 + rng.IntN(3))
			}
		}
		playServer(t, nd, script(b))
		if seed%4 == 0 {
			playClient(t, script(b))
		}
	}
	alive(t, nd)
}
