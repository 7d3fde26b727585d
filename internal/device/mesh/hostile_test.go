package mesh

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// alive checks that a node still serves.
func alive(t *testing.T, nd *node) {
	t.Helper()
	r := rawDial(t, nd.addr)
	r.hello(nil)
	r.send(frame.Header{Type: frame.Request, Method: methodEcho, Stream: 1 << 16}, []byte("still there?"))
	if h, b := r.await(frame.Reply); h.Flags != 0 || string(b) != "still there?" {
		t.Fatalf("%+v %q", h, b)
	}
	_ = r.conn.Close()
}

func TestHostileOpenings(t *testing.T) {
	nd := startNode(t, 1, func(c *Config) { c.Timing.Handshake = 300 * time.Millisecond })
	hello := frame.Append(nil, &frame.Header{Type: frame.Hello}, helloOf(nil), nil)
	garbage := bytes.Repeat([]byte("\x00\xff garbage"), 10000)
	openings := map[string][]byte{
		"nothing":          nil,
		"http":             []byte("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"),
		"garbage":          garbage,
		"wrong magic":      append([]byte("FOC2"), hello[4:]...),
		"a request first":  frame.Append(nil, &frame.Header{Type: frame.Request, Stream: 1, Head: 2}, []byte("hi"), nil),
		"a welcome":        frame.Append(nil, &frame.Header{Type: frame.Welcome}, []byte("hi"), nil),
		"length 0":         frame.AppendHeader(nil, &frame.Header{Type: frame.Hello}),
		"length 2^32-1":    frame.AppendHeader(nil, &frame.Header{Type: frame.Hello, Size: 1<<32 - 1}),
		"too long":         frame.AppendHeader(nil, &frame.Header{Type: frame.Hello, Size: frame.MaxHello + 1}),
		"damaged contents": append(bytes.Clone(hello[:len(hello)-1]), hello[len(hello)-1]^1),
	}
	for n := range hello {
		openings["truncated"+string(rune('a'+n/26))+string(rune('a'+n%26))] = hello[:n]
	}
	// All at once: each must be closed within the time of a handshake.
	var all []*raw
	for _, b := range openings {
		r := rawDial(t, nd.addr)
		_, _ = r.conn.Write(b) // it may be closed already
		all = append(all, r)
	}
	for _, r := range all {
		r.ended()
	}
	if n := nd.Stats().Refused; n != int64(len(openings)) {
		t.Errorf("%d refused, want %d", n, len(openings))
	}
	alive(t, nd)
}

// TestSlowHello: one byte now and then does not keep a connection, at any step
// of proving who one is.
func TestSlowHello(t *testing.T) {
	home := newPKI(t, "test")
	hello := frame.Append(nil, &frame.Header{Type: frame.Hello}, helloOf(nil), nil)
	for name, tc := range map[string]struct {
		creds      *auth.Credentials
		fast, slow []byte
	}{
		"hello":     {nil, nil, hello},
		"plain":     {clusterKey(1), nil, hello},
		"key":       {clusterKey(1), nil, clientHello(t)},
		"TLS hello": {home.node(nodeID(1), time.Now()), nil, clientHello(t)},
	} {
		t.Run(name, func(t *testing.T) {
			nd := startNode(t, 1, func(c *Config) { c.Auth, c.Timing.Handshake = tc.creds, 200*time.Millisecond })
			r := rawDial(t, nd.addr)
			stop, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				_, _ = r.conn.Write(tc.fast)
				for i := range tc.slow {
					select {
					case <-stop:
						return
					case <-time.After(20 * time.Millisecond):
					}
					if _, err := r.conn.Write(tc.slow[i : i+1]); err != nil {
						return
					}
				}
			}()
			begin := time.Now()
			r.ended()
			close(stop)
			<-done
			if d := time.Since(begin); d > 3*time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	nd := startNode(t, 1)
	for name, c := range map[string]struct {
		kind   foci.Kind
		text   string
		change func(*handshake.Hello)
	}{
		"foreign cluster": {foci.Denied, `"other"`, func(h *handshake.Hello) { h.Cluster = "other" }},
		"wrong node":      {foci.Denied, "this is node", func(h *handshake.Hello) { h.Expect = nodeID(9) }},
		"myself":          {foci.Denied, "has the id of this node", func(h *handshake.Hello) { h.Node, h.Role = nodeID(1), foci.RoleData }},
		"no id":           {foci.Denied, "node id", func(h *handshake.Hello) { h.Role = foci.RoleClient }},
		"future protocol": {foci.Protocol, "protocol 8 to 9", func(h *handshake.Hello) { h.MinProtocol, h.MaxProtocol = 8, 9 }},
		"unknown proof":   {foci.Denied, "authentication step 3", func(h *handshake.Hello) { h.Auth = 3 }},
		"no window":       {foci.Protocol, "malformed", func(h *handshake.Hello) { h.Window = 1 }},
	} {
		r := rawDial(t, nd.addr)
		r.send(frame.Header{Type: frame.Hello}, helloOf(c.change))
		h, b := r.next()
		err := frame.DecodeError(foci.NodeID{}, b)
		if h.Type != frame.Refuse || foci.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: type %d, %v", name, h.Type, err)
		}
		r.ended()
	}
	alive(t, nd)
}

// TestDialRefused: the dialling side says clearly what is wrong.
func TestDialRefused(t *testing.T) {
	nd := startNode(t, 1)
	other := startNode(t, 2, func(c *Config) { c.Cluster = "other" })
	if _, err := other.Dial(testContext(t), addrOf(nd.addr), false); foci.KindOf(err) != foci.Denied || !strings.Contains(err.Error(), `"test"`) {
		t.Errorf("foreign cluster: %v", err)
	}
	if _, err := nd.Dial(testContext(t), addrOf(nd.addr), false); foci.KindOf(err) != foci.Denied {
		t.Errorf("itself: %v", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	_, err = nd.Dial(testContext(t), addrOf(ln.Addr().String()), false)
	if foci.KindOf(err) != foci.Unreachable || !strings.Contains(err.Error(), "is a node running there?") || strings.Count(err.Error(), ln.Addr().String()) != 1 || strings.Count(err.Error(), "connection refused") != 1 {
		t.Errorf("nobody there: %v", err)
	}
}

// TestHostileFrames: what breaks the protocol after a good hello ends that
// channel and nothing else.
func TestHostileFrames(t *testing.T) {
	nd := startNode(t, 1, func(c *Config) { c.Limits.ChannelRequests = 8 })
	req := func(id, head, body, size uint32) []byte {
		h := frame.Header{Type: frame.Request, Method: methodHold, Stream: id, Head: head, Body: body}
		return frame.Append(nil, &h, make([]byte, size), nil)
	}
	data := func(id uint32, size int) []byte {
		return frame.Append(nil, &frame.Header{Type: frame.Data, Stream: id}, make([]byte, size), nil)
	}
	const id = 1<<16 | 1
	var flood []byte // five times the credit of a stream
	for range 20 {
		flood = append(flood, data(id, frame.MaxPiece)...)
	}
	for name, b := range map[string][]byte{
		"a reply":               frame.Append(nil, &frame.Header{Type: frame.Reply, Stream: 1}, nil, nil),
		"a second hello":        frame.Append(nil, &frame.Header{Type: frame.Hello}, helloOf(nil), nil),
		"a proof of protocol 1": frame.Append(nil, &frame.Header{Type: 14}, make([]byte, 32), nil),
		"a goaway":              frame.Append(nil, &frame.Header{Type: frame.GoAway}, nil, nil),
		"slot beyond the limit": req(8, 1, 0, 1),
		"slot in use":           append(req(id, 1, 0, 1), req(2<<16|1, 1, 0, 1)...),
		"more than announced":   append(req(id, 1, 9, 1), data(id, 10)...),
		"more than its credit":  append(req(id, 1, 4<<20, 1), flood...),
		"size 2^32-1":           frame.AppendHeader(nil, &frame.Header{Type: frame.Request, Stream: 1, Size: 1<<32 - 1}),
		"too much credit": append(
			frame.Append(nil, &frame.Header{Type: frame.Credit, Body: frame.MaxGrant}, nil, nil),
			frame.Append(nil, &frame.Header{Type: frame.Credit, Body: frame.MaxGrant}, nil, nil)...),
		"damaged header": func() []byte {
			b := req(id, 1, 0, 1)
			b[9] ^= 4
			return b
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			r := rawDial(t, nd.addr)
			r.hello(nil)
			_, _ = r.conn.Write(b) // it may be closed before all is written
			r.ended()
		})
	}
	for len(nd.held) > 0 {
		(<-nd.held).Reply(nil, nil) // of a channel that is gone: does nothing
	}
	alive(t, nd)
	idle(t, nd.Mesh)
}

// TestTruncatedRequest: a request cut at any byte by the end of its connection
// is served whole or not at all, and nothing is left of it.
func TestTruncatedRequest(t *testing.T) {
	nd := startNode(t, 1)
	h := frame.Header{Type: frame.Request, Method: methodEcho, Stream: 1 << 16, Head: 4}
	b := frame.Append(nil, &h, []byte("head"), nil)
	for n := range b {
		r := rawDial(t, nd.addr)
		r.hello(nil)
		r.write(b[:n])
		_ = r.conn.(*net.TCPConn).CloseWrite()
		r.ended()
	}
	alive(t, nd)
	idle(t, nd.Mesh)
}

// TestDamagedContents: the message fails and says so, the channel lives on.
func TestDamagedContents(t *testing.T) {
	nd := startNode(t, 1)
	r := rawDial(t, nd.addr)
	r.hello(nil)
	h := frame.Header{Type: frame.Request, Method: methodEcho, Stream: 1 << 16, Head: 4}
	b := frame.Append(nil, &h, []byte("head"), nil)
	b[len(b)-1] ^= 1
	r.write(b)
	got, contents := r.await(frame.Reply)
	if err := frame.DecodeError(foci.NodeID{}, contents); got.Flags != frame.FlagError || foci.KindOf(err) != foci.Busy {
		t.Fatalf("%+v %v", got, err)
	}
	r.send(frame.Header{Type: frame.Request, Method: methodEcho, Stream: 2 << 16}, []byte("again"))
	if _, contents := r.await(frame.Reply); string(contents) != "again" {
		t.Fatalf("%q", contents)
	}
	// The same in the middle of a long body.
	r.send(frame.Header{Type: frame.Request, Method: methodEcho, Stream: 3 << 16, Head: 1, Body: 100}, []byte("h"))
	b = frame.Append(nil, &frame.Header{Type: frame.Data, Stream: 3 << 16}, make([]byte, 50), nil)
	b[len(b)-1] ^= 1
	r.write(b)
	if got, _ := r.await(frame.Reply); got.Flags != frame.FlagError || got.Stream != 3<<16 {
		t.Fatalf("%+v", got)
	}
	r.send(frame.Header{Type: frame.Data, Stream: 3 << 16}, make([]byte, 50)) // was on its way
	r.send(frame.Header{Type: frame.Request, Method: methodEcho, Stream: 4 << 16}, []byte("again"))
	if _, contents := r.await(frame.Reply); string(contents) != "again" {
		t.Fatalf("%q", contents)
	}
}

// TestUnaskedReplies are counted and ignored.
func TestUnaskedReplies(t *testing.T) {
	addr := rawServer(t, nodeID(9), func(r *raw, _ handshake.Hello) {
		for {
			var h frame.Header
			if r.f.Header(&h) != nil || r.f.Skip(int(h.Size)) != nil {
				return
			}
			if h.Type != frame.Request {
				continue
			}
			out := frame.Append(nil, &frame.Header{Type: frame.Reply, Stream: h.Stream + 1<<16, Head: 1}, []byte("x"), nil)
			out = frame.Append(out, &frame.Header{Type: frame.Reply, Stream: 0x777, Body: 70 << 10}, make([]byte, 40<<10), nil)
			out = frame.Append(out, &frame.Header{Type: frame.Data, Stream: 0x777}, make([]byte, 30<<10), nil)
			out = frame.Append(out, &frame.Header{Type: frame.Reply, Stream: h.Stream, Head: 2}, []byte("ok"), nil)
			out = frame.Append(out, &frame.Header{Type: frame.Reply, Stream: h.Stream, Head: 2}, []byte("ok"), nil)
			if _, err := r.conn.Write(out); err != nil {
				return
			}
		}
	})
	client := startClient(t)
	l, err := client.Dial(testContext(t), addrOf(addr), false)
	if err != nil {
		t.Fatal(err)
	}
	for range 30 { // more than a channel's credit, were it not returned
		r, err := l.Call(testContext(t), foci.Reg, methodNull, nil, nil)
		if err != nil || string(r.Head) != "ok" {
			t.Fatalf("%v %v", r, err)
		}
	}
	unasked := int64(0)
	for _, c := range l.Stats().Channels {
		unasked += c.Unasked
	}
	if unasked < 3*29 {
		t.Errorf("%d counted", unasked)
	}
}

func TestUnprovenLimit(t *testing.T) {
	nd := startNode(t, 1, func(c *Config) { c.Limits.Unauthenticated = 10 })
	first := rawDial(t, nd.addr)
	for range 30 {
		rawDial(t, nd.addr)
	}
	first.ended() // long before its time for a handshake is over
	alive(t, nd)
}

// pipes is a listener whose connections are pipes; check is called after each.
type pipes struct {
	left   int
	before net.Conn
	check  func()
}

func (p *pipes) Accept() (net.Conn, error) {
	if p.before != nil {
		p.check()
	}
	if p.left--; p.left < 0 {
		return nil, net.ErrClosed
	}
	_, p.before = net.Pipe()
	return p.before, nil
}

func (p *pipes) Close() error   { return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestUnprovenInOrder: connections become unauthenticated peers in the order in
// which they came, so that the one that is dropped is the oldest.
func TestUnprovenInOrder(t *testing.T) {
	nd := startNode(t, 1)
	accepted, late := 0, 0
	nd.acceptAll(&pipes{left: 50, check: func() {
		if accepted++; nd.handshakes.Unauthenticated() != accepted {
			late++
		}
	}}, 1)
	if late > 0 {
		t.Errorf("%d of 50 connections were not entered before the next came", late)
	}
}
