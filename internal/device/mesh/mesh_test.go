package mesh

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	methodEcho wire.Method = 100 + iota // body and head come back
	methodNull                          // an empty answer
	methodFail                          // an error
	methodGive                          // as many bytes as the head says, from a source
	methodHold                          // answered when the test says so
	methodSlow                          // the body is read when the test says so
	methodSink                          // an empty answer once the body is there
)

// Lengths from which messages are sent in another way; see package stream.
const (
	copyMax   = 16 << 10 // longer ones are not copied
	packLeast = 4 << 10  // shorter ones are not compressed
)

var errGivenUp = foci.Errorf(foci.Canceled, "the test gives it up")

// node is a mesh that listens on loopback and serves the methods above.
type node struct {
	*Mesh
	id     foci.NodeID
	addr   string
	held   chan *Incoming // of methodHold
	slow   chan struct{}  // each lets methodSlow read 64 KiB
	events chan PeerEvent
}

func nodeID(n byte) foci.NodeID { return foci.NodeID{0: n, 15: n} }

func fast() Timing {
	return Timing{
		Handshake: 2 * time.Second, BackoffMin: 10 * time.Millisecond,
		BackoffMax: 100 * time.Millisecond, Grace: 500 * time.Millisecond,
	}
}

var lastIncarnation atomic.Uint64

// nextIncarnation is above all before it, and not ahead of the clock by much.
func nextIncarnation() foci.Incarnation {
	for {
		last := lastIncarnation.Load()
		next := max(last+1, uint64(time.Now().UnixMilli()))
		if lastIncarnation.CompareAndSwap(last, next) {
			return foci.Incarnation(next)
		}
	}
}

func startNode(t testing.TB, n byte, change ...func(*Config)) *node {
	t.Helper()
	nd := &node{
		id: nodeID(n), held: make(chan *Incoming, 4096), slow: make(chan struct{}, 1<<16),
		events: make(chan PeerEvent, 1024),
	}
	cfg := Config{
		Cluster: "test", Node: nd.id, Incarnation: nextIncarnation(), Role: foci.RoleData,
		Listen: []Listener{{Addr: "127.0.0.1:0", Table: 3}}, Handler: nd, Timing: fast(),
		OnPeer: func(e PeerEvent) { nd.events <- e },
	}
	if os.Getenv("MESH_LOG") != "" {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", n)
	}
	for _, f := range change {
		f(&cfg)
	}
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	nd.Mesh = m
	if a := m.Addrs(); len(a) > 0 {
		nd.addr = a[0].String()
	}
	t.Cleanup(func() { _ = m.Close() })
	return nd
}

func startClient(t testing.TB, change ...func(*Config)) *node {
	return startNode(t, 0, append([]func(*Config){func(c *Config) {
		c.Role, c.Listen, c.Cluster, c.Node = foci.RoleTransport, nil, "", foci.NodeID{}
	}}, change...)...)
}

func (nd *node) Serve(in *Incoming) {
	switch in.Method {
	case methodEcho:
		if in.Stream() == nil {
			in.Reply(in.Head, in.Body)
			return
		}
		in.Collect(func(err error) {
			if err != nil {
				in.Fail(err)
				return
			}
			in.Reply(in.Head, in.Body)
		})
	case methodSink:
		in.Collect(func(error) { in.Reply(nil, nil) })
	case methodNull:
		in.Reply(nil, nil)
	case methodFail:
		in.FailWith(&wire.Error{Kind: foci.StaleLayout, Epoch: 7, Text: "there is a newer one", RetryAfter: time.Second})
	case methodGive:
		if len(in.Head) != 4 {
			in.Fail(foci.Errorf(foci.Invalid, "how many?"))
			return
		}
		in.ReplySource(in.Head, pattern(binary.LittleEndian.Uint32(in.Head)))
	case methodHold:
		nd.held <- in
	case methodSlow:
		go nd.serveSlow(in)
	default:
		in.Fail(foci.Errorf(foci.Invalid, "no such method"))
	}
}

func (nd *node) serveSlow(in *Incoming) {
	if in.Stream() == nil {
		in.Reply(nil, nil)
		return
	}
	p := make([]byte, 64<<10)
	for {
		<-nd.slow
		if _, err := in.Stream().Read(p); err != nil {
			if err != io.EOF {
				in.Fail(err)
			} else {
				in.Reply(nil, nil)
			}
			return
		}
	}
}

// pattern is a source of so many bytes, each the low byte of its offset / 7.
type pattern uint32

func (p pattern) Size() int64 { return int64(p) }

func (p pattern) ReadAt(b []byte, off int64) (int, error) {
	for i := range b {
		b[i] = byte((off + int64(i)) / 7)
	}
	return len(b), nil
}

func (p pattern) bytes() []byte {
	b := make([]byte, p)
	_, _ = p.ReadAt(b, 0)
	return b
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func connect(t testing.TB, from, to *node, eager bool) *Link {
	t.Helper()
	l, err := from.Dial(testContext(t), addrOf(to.addr), eager)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func waitEvent(t testing.TB, nd *node, up bool) PeerEvent {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case e := <-nd.events:
			if e.Up == up {
				return e
			}
		case <-deadline:
			t.Fatalf("no event up=%v", up)
		}
	}
}

func TestEcho(t *testing.T) {
	server, client := startNode(t, 1), startClient(t)
	l := connect(t, client, server, false)
	ctx := testContext(t)
	if e := waitEvent(t, client, true); e.Peer.Node != server.id || e.Peer.Table != 3 || e.Peer.Role != foci.RoleData {
		t.Fatalf("event %+v", e)
	}
	if client.Cluster() != "test" {
		t.Fatalf("client's cluster is %q", client.Cluster())
	}
	rng := rand.New(rand.NewPCG(1, 2))
	sizes := []int{0, 1, copyMax - 1, copyMax, copyMax + 1, frame.MaxPiece, frame.MaxFrame - 1, frame.MaxFrame, frame.MaxFrame + 1, 300 << 10, 4 << 20, wire.MaxBody}
	for _, n := range sizes {
		for _, hn := range []int{0, 10, 100 << 10, wire.MaxHead} {
			if n > 4<<20 && hn > 10 {
				continue
			}
			head, body := make([]byte, hn), make([]byte, n)
			for i := range head {
				head[i] = byte(rng.Uint32())
			}
			for i := range body {
				body[i] = byte(i / 3)
			}
			r, err := l.Call(ctx, foci.Class(rng.IntN(int(foci.NumClasses))), methodEcho, head, body)
			if err != nil {
				t.Fatalf("head %d, body %d: %v", hn, n, err)
			}
			if !bytes.Equal(r.Head, head) || !bytes.Equal(r.Body, body) {
				t.Fatalf("head %d, body %d: the echo differs", hn, n)
			}
		}
	}
	idle(t, client.Mesh, server.Mesh)
}

// idle checks that nothing is counted as under way any more.
func idle(t testing.TB, meshes ...*Mesh) {
	t.Helper()
	for _, m := range meshes {
		waitFor(t, "what is held to be given back", func() bool {
			s := m.shares.Stats()
			sent, sentBytes := m.sent.Used()
			n, bytes := m.collecting.Used()
			return s.Requests.Used == 0 && s.Bytes.Used == 0 && s.Replies.Used == 0 && sent == 0 && sentBytes == 0 && n == 0 && bytes == 0
		})
	}
}

func TestErrorsCross(t *testing.T) {
	server, client := startNode(t, 1), startClient(t)
	l := connect(t, client, server, false)
	_, err := l.Call(testContext(t), foci.Reg, methodFail, nil, nil)
	if foci.KindOf(err) != foci.StaleLayout {
		t.Fatalf("error %v", err)
	}
	var p *PeerError
	if !asPeerError(err, &p) || p.Epoch != 7 || p.Node != server.id {
		t.Fatalf("peer error %+v of %v", p, err)
	}
}

func asPeerError(err error, p **PeerError) bool { return errors.As(err, p) }

// at makes addresses of host:port texts.
func at(hostPorts ...string) []route.Address {
	list := make([]route.Address, len(hostPorts))
	for i, h := range hostPorts {
		list[i] = addrOf(h)
	}
	return list
}

// addrOf is the address of a host:port, or of a name that only the test's dialler
// knows.
func addrOf(hostPort string) route.Address {
	if at, err := netip.ParseAddrPort(hostPort); err == nil {
		return route.AddressOf(at)
	}
	return route.Address{Host: hostPort}
}
