package peer_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/peer"
)

// slowConn is a connection that takes, and gives, 16 KiB every few milliseconds.
type slowConn struct{ net.Conn }

const (
	slowPiece = 16 << 10
	slowPause = 8 * time.Millisecond // 2 MiB/s
)

func (c slowConn) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = c.Conn.Write(p[n:min(len(p), n+slowPiece)])
		n += k
		time.Sleep(slowPause * time.Duration(k) / slowPiece)
	}
	return n, err
}

func (c slowConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), slowPiece)])
	time.Sleep(slowPause * time.Duration(n) / slowPiece)
	return n, err
}

func slowly(c *peer.Config) {
	c.Stall = 250 * time.Millisecond
	c.Mesh.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			// The kernel must not take at once what is to leave slowly.
			err = conn.(*net.TCPConn).SetWriteBuffer(slowPiece)
		}
		return slowConn{conn}, err
	}
}

// TestSlowBodyIsSentOnce: a body that takes far longer to leave than the stall
// time is neither asked about nor sent again as long as it moves.
func TestSlowBodyIsSentOnce(t *testing.T) {
	rs := newReplicas(t, 1, nil)
	p := rs.connect(slowly)
	began := time.Now()
	r := write(t, p, "k", make([]byte, 3<<20), 30*time.Second, nil)
	if err := r.result(t); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 4*250*time.Millisecond {
		t.Fatalf("it took %v: not slow enough to say anything", took)
	}
	if n, have := rs.count(wire.MethodStore), rs.count(wire.MethodHave); n != 1 || have != 0 {
		t.Errorf("it was sent %d times and asked about %d times", n, have)
	}
}

// TestSlowAnswerIsAskedForOnce is the same for a body that comes.
func TestSlowAnswerIsAskedForOnce(t *testing.T) {
	body := make([]byte, 3<<20)
	entry := record.Entry{Op: record.OpChunk, Version: foci.Version{Time: 5, Nonce: 5}, Size: uint64(len(body)), Length: uint32(len(body))}
	entry.Hash = record.ContentHash(entry.Op, false, nil, body)
	rs := newReplicas(t, 1, func(_ int, in *mesh.Incoming) bool {
		if in.Method != wire.MethodFetch {
			return false
		}
		r := wire.FetchReply{Epoch: 1, Entries: []wire.FetchedEntry{{Entry: entry, Bytes: entry.Length}}}
		in.Reply(r.Append(nil), body)
		return true
	})
	p := rs.connect(slowly)
	began := time.Now()
	f := &wire.Fetch{Target: wire.Target{Epoch: 1, Group: 1}, From: entry.Version, MaxBytes: uint32(len(body))}
	_, got, err := p.Call(t.Context(), f, foci.Bulk, p.Now()+30*time.Second)
	if err != nil || len(got) != len(body) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if took := time.Since(began); took < 4*250*time.Millisecond {
		t.Fatalf("it took %v: not slow enough to say anything", took)
	}
	if n := rs.count(wire.MethodFetch); n != 1 {
		t.Errorf("it was asked for %d times", n)
	}
}

// TestStalledBodyIsAskedAbout: one that has left and is not answered is asked
// about, and not sent again while it is being stored.
func TestStalledBodyIsAskedAbout(t *testing.T) {
	var rs *replicas
	asked := make(chan struct{})
	rs = newReplicas(t, 1, func(_ int, in *mesh.Incoming) bool {
		switch in.Method {
		case wire.MethodStore:
			go func() {
				<-asked // a slow disk
				rs.store(in)
			}()
			return true
		case wire.MethodHave:
			r := wire.HaveReply{Epoch: 1, State: wire.HaveInProgress}
			in.Reply(r.Append(nil), nil)
			if rs.count(wire.MethodHave) == 3 {
				close(asked)
			}
			return true
		}
		return false
	})
	p := rs.connect(func(c *peer.Config) { c.Stall = 20 * time.Millisecond })
	r := write(t, p, "k", make([]byte, 1<<20), 30*time.Second, nil)
	if err := r.result(t); err != nil {
		t.Fatal(err)
	}
	if n := rs.count(wire.MethodStore); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
}
