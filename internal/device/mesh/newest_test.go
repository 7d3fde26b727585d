package mesh

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// TestIncarnationTooFarAhead is refused, in a hello and in a welcome, and the true
// node is let in after it.
func TestIncarnationTooFarAhead(t *testing.T) {
	nd := startNode(t, 1)
	for _, inc := range []foci.Incarnation{1<<64 - 1, foci.Incarnation(time.Now().Add(route.MaxAhead + time.Minute).UnixMilli())} {
		rawDial(t, nd.addr).refused("ahead of the clock", func(h *handshake.Hello) {
			h.Node, h.Incarnation, h.Role = nodeID(2), inc, foci.RoleData
		})
	}
	if _, err := startNode(t, 2).Dial(testContext(t), addrOf(nd.addr), false); err != nil {
		t.Errorf("the true node: %v", err)
	}
	ahead := func() int64 { return time.Now().Add(48 * time.Hour).UnixNano() }
	forger := startNode(t, 3, func(c *Config) { c.Now, c.Incarnation = ahead, foci.Incarnation(ahead()/1e6) })
	if _, err := nd.Dial(testContext(t), addrOf(forger.addr), false); foci.KindOf(err) != foci.Denied || !strings.Contains(err.Error(), "ahead of the clock") {
		t.Errorf("a welcome: %v", err)
	}
	if _, err := New(Config{Cluster: "test", Node: nodeID(4), Role: foci.RoleClient, Incarnation: 1 << 62}); foci.KindOf(err) != foci.Invalid {
		t.Errorf("our own: %v", err)
	}
}

// TestLockOutEnds: where nothing is proved a peer can claim the id of another node
// in an incarnation that is in bounds. The true node is locked out while a channel
// of that claim is open, and for a minute after.
func TestLockOutEnds(t *testing.T) {
	var later atomic.Int64
	nd := startNode(t, 1, func(c *Config) { c.Now = func() int64 { return time.Now().UnixNano() + later.Load() } })
	claimed := nextIncarnation() + 23*3_600_000
	forged := rawDial(t, nd.addr)
	forged.send(frame.Header{Type: frame.Hello}, helloOf(func(h *handshake.Hello) {
		h.Node, h.Incarnation, h.Role = nodeID(2), claimed, foci.RoleData
	}))
	forged.await(frame.Welcome)
	true2 := startNode(t, 2)
	dial := func() error {
		_, err := true2.Dial(testContext(t), addrOf(nd.addr), false)
		return err
	}
	later.Store(int64(time.Minute))
	if err := dial(); foci.KindOf(err) != foci.Denied {
		t.Fatalf("while the forger's channel is open: %v", err)
	}
	_ = forged.conn.Close()
	waitFor(t, "the channel to be dropped", func() bool { return !nd.holds(nodeID(2), claimed) })
	if err := dial(); foci.KindOf(err) != foci.Denied {
		t.Fatalf("at once: %v", err)
	}
	later.Add(int64(time.Minute))
	if err := dial(); err != nil {
		t.Fatalf("a minute later: %v", err)
	}
}

// TestProvenIncarnationCounts for as long as the process runs: under certificates
// only the node itself can have said it. Another node's certificate does not make
// it count.
func TestProvenIncarnationCounts(t *testing.T) {
	home := newPKI(t, "test")
	var later atomic.Int64
	nd := startNode(t, 1, with(home.node(nodeID(1), time.Now())), func(c *Config) {
		c.Now = func() int64 { return time.Now().UnixNano() + later.Load() }
	})
	old := nextIncarnation()
	dial := func(id byte, creds byte, inc foci.Incarnation) error {
		conn, err := net.Dial("tcp", nd.addr)
		if err != nil {
			t.Fatal(err)
		}
		c := home.node(nodeID(creds), time.Now()).Certificates().Dial(conn)
		r := rawConn(t, c.Conn)
		defer r.conn.Close()
		r.send(frame.Header{Type: frame.Hello}, helloOf(func(h *handshake.Hello) {
			h.Auth, h.Node, h.Incarnation, h.Role = auth.StepTLS, nodeID(id), inc, foci.RoleData
		}))
		if h, b := r.next(); h.Type == frame.Refuse {
			return frame.DecodeError(foci.NodeID{}, b)
		}
		return nil
	}
	if err := dial(2, 3, old+1000); foci.KindOf(err) != foci.Denied || !strings.Contains(err.Error(), "certificate") {
		t.Fatalf("node 3 as node 2: %v", err)
	}
	if err := dial(2, 2, old); err != nil {
		t.Fatalf("node 2 after that: %v", err)
	}
	if err := dial(2, 2, old+1); err != nil {
		t.Fatalf("node 2, started again: %v", err)
	}
	later.Store(int64(time.Hour))
	if err := dial(2, 2, old); foci.KindOf(err) != foci.Denied || !strings.Contains(err.Error(), "older process") {
		t.Errorf("the older start, an hour later: %v", err)
	}
}

// TestRemovedKeyProvesNothing: a peer with a stolen cluster key can prove any
// incarnation of any node. When the key is removed that locks the true node out
// no longer than a claim that nothing proved.
func TestRemovedKeyProvesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cluster.key")
	put := func(keys ...auth.Key) {
		t.Helper()
		if err := os.WriteFile(path, auth.KeysText(keys...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fresh, stolen := auth.Key{2}, auth.Key{1}
	put(fresh, stolen)
	keys, err := auth.LoadKeys(files.OS(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	var later atomic.Int64
	nd := startNode(t, 1, with(auth.WithKeys(keys)), func(c *Config) {
		c.Timing.Judge = 20 * time.Millisecond
		c.Now = func() int64 { return time.Now().UnixNano() + later.Load() }
	})
	dial := func(by *auth.Credentials, inc foci.Incarnation) error {
		t.Helper()
		creds, err := by.For("", nodeID(2), foci.RoleData)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", nd.addr)
		if err != nil {
			t.Fatal(err)
		}
		r := rawConn(t, creds.Certificates().Dial(conn).Conn)
		defer r.conn.Close()
		r.send(frame.Header{Type: frame.Hello}, helloOf(func(h *handshake.Hello) {
			h.Auth, h.Node, h.Incarnation, h.Role = auth.StepTLS, nodeID(2), inc, foci.RoleData
		}))
		if h, b := r.next(); h.Type == frame.Refuse {
			return frame.DecodeError(foci.NodeID{}, b)
		}
		return nil
	}
	now := nextIncarnation()
	if err := dial(twoKeys(t, 1), now+23*3_600_000); err != nil {
		t.Fatal(err)
	}
	before := nd.cfg.Auth.Certificates().Digest()
	put(fresh)
	waitFor(t, "the key to be removed", func() bool { return !bytes.Equal(nd.cfg.Auth.Certificates().Digest(), before) })
	judged := time.NewTicker(5 * nd.cfg.Timing.Judge) // the next look at what is believed
	<-judged.C
	judged.Stop()
	later.Store(int64(time.Minute) + int64(time.Second))
	waitFor(t, "the thief's channel to be closed", func() bool { return !nd.holds(nodeID(2), now+23*3_600_000) })
	if err := dial(twoKeys(t, 2), now); err != nil {
		t.Errorf("the true node: %v", err)
	}
}
