package mesh

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// raw is a connection that a test speaks on frame by frame.
type raw struct {
	t    testing.TB
	conn net.Conn
	f    *frame.Reader
}

func rawConn(t testing.TB, conn net.Conn) *raw {
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return &raw{t: t, conn: conn, f: frame.NewReader(conn)}
}

func rawDial(t testing.TB, addr string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return rawConn(t, conn)
}

func (r *raw) send(h frame.Header, contents []byte) {
	r.t.Helper()
	if h.Type == frame.Request || h.Type == frame.Reply {
		if h.Head == 0 && h.Body == 0 {
			h.Head = uint32(len(contents))
		}
	}
	r.write(frame.Append(nil, &h, contents, nil))
}

func (r *raw) write(b []byte) {
	r.t.Helper()
	if _, err := r.conn.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

func (r *raw) next() (frame.Header, []byte) {
	r.t.Helper()
	var h frame.Header
	if err := r.f.Header(&h); err != nil {
		r.t.Fatal(err)
	}
	b := make([]byte, h.Size)
	if err := r.f.Full(b); err != nil {
		r.t.Fatal(err)
	}
	return h, b
}

// await reads frames until one of that type comes.
func (r *raw) await(want frame.Type) (frame.Header, []byte) {
	r.t.Helper()
	for {
		if h, b := r.next(); h.Type == want {
			return h, b
		}
	}
}

// ended checks that the other side closes the connection.
func (r *raw) ended() {
	r.t.Helper()
	var h frame.Header
	for {
		err := r.f.Header(&h)
		if err == nil {
			err = r.f.Skip(int(h.Size))
		}
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			r.t.Fatal("the connection stays open")
		}
		if err != nil {
			return
		}
	}
}

func helloOf(change func(*handshake.Hello)) []byte {
	h := handshake.Hello{
		MinProtocol: wire.MinProtocol, MaxProtocol: wire.MaxProtocol, Role: foci.RoleTransport,
		Class: foci.Reg, Window: frame.DefWindow,
	}
	if change != nil {
		change(&h)
	}
	return h.Append(nil)
}

func (r *raw) hello(change func(*handshake.Hello)) handshake.Welcome {
	r.t.Helper()
	r.send(frame.Header{Type: frame.Hello}, helloOf(change))
	h, b := r.next()
	if h.Type != frame.Welcome {
		r.t.Fatalf("hello answered by type %d: %v", h.Type, frame.DecodeError(foci.NodeID{}, b))
	}
	var w handshake.Welcome
	if err := codec.Unmarshal(b, &w); err != nil {
		r.t.Fatal(err)
	}
	return w
}

// rawServer accepts connections, welcomes each and hands it to serve.
func rawServer(t testing.TB, id foci.NodeID, serve func(*raw, handshake.Hello)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				r := rawConn(t, conn)
				h, b, err := handshake.ReadFrame(r.conn)
				var hello handshake.Hello
				if err != nil || h.Type != frame.Hello || codec.Unmarshal(b, &hello) != nil {
					_ = conn.Close()
					return
				}
				w := handshake.Welcome{
					Protocol: 1, Cluster: "test", Node: id, Incarnation: 1, Role: foci.RoleData,
					Window: frame.DefWindow, Streams: 100,
				}
				_, _ = conn.Write(frame.Append(nil, &frame.Header{Type: frame.Welcome}, w.Append(nil), nil))
				serve(r, hello)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		<-done
	})
	return ln.Addr().String()
}

// dialOnce gives a dialler whose first connection is welcomed and then played
// to; further ones fail.
func dialOnce(b []byte) func(context.Context, string, string) (net.Conn, error) {
	var dialled atomic.Bool
	return func(context.Context, string, string) (net.Conn, error) {
		if dialled.Swap(true) {
			return nil, io.EOF
		}
		ours, theirs := net.Pipe()
		go func() {
			if _, _, err := handshake.ReadFrame(ours); err != nil {
				_ = ours.Close()
				return
			}
			w := handshake.Welcome{
				Protocol: 1, Cluster: "test", Node: nodeID(9), Incarnation: 1, Role: foci.RoleData,
				Window: frame.DefWindow, Streams: 4,
			}
			play(ours, frame.Append(nil, &frame.Header{Type: frame.Welcome}, w.Append(nil), nil), b)
		}()
		return theirs, nil
	}
}
