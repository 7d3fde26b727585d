package peer_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer"
	"github.com/foci-store/foci/internal/peer/operation"
	"github.com/foci-store/foci/internal/testports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// replicas are nodes that answer as a test wants, one in each group.
type replicas struct {
	t      testing.TB
	layout atomic.Pointer[layout.Layout]
	meshes []*mesh.Mesh
	addrs  []string

	// serve answers instead of the replica when it returns true. It may be nil.
	serve  func(r int, in *mesh.Incoming) bool
	starts atomic.Int64 // so that each has an incarnation of its own

	mu     sync.Mutex
	counts map[wire.Method]int
	stored map[foci.Version]int // how many replicas have been told to store it
}

func newReplicas(t testing.TB, n int, serve func(r int, in *mesh.Incoming) bool) *replicas {
	t.Helper()
	rs := &replicas{t: t, serve: serve, counts: map[wire.Method]int{}, stored: map[foci.Version]int{}}
	p := &layout.Plan{Cluster: "test"}
	port := testports.Reserve(t, n)
	for i := range n {
		rs.addrs = append(rs.addrs, fmt.Sprintf("127.0.0.1:%d", port+i))
		a, err := route.ParseAddress(rs.addrs[i] + ":2-0")
		if err != nil {
			t.Fatal(err)
		}
		p.Nodes = append(p.Nodes, layout.PlanNode{Name: fmt.Sprint("n", i), Addrs: []route.Address{a}, Backends: []layout.PlanBackend{{Group: foci.Group(i + 1)}}})
	}
	l, err := layout.Init(p, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs.layout.Store(l)
	rs.meshes = make([]*mesh.Mesh, n)
	for i := range n {
		rs.start(i)
	}
	t.Cleanup(func() {
		for i := range n {
			rs.stop(i)
		}
	})
	return rs
}

func (rs *replicas) start(i int) {
	rs.t.Helper()
	m, err := mesh.New(mesh.Config{
		Cluster: "test", Node: rs.layout.Load().Nodes[i].ID, Incarnation: foci.Incarnation(time.Now().UnixMilli() + rs.starts.Add(1)), Role: foci.RoleData,
		Listen: []mesh.Listener{{Addr: rs.addrs[i]}}, Timing: mesh.Timing{Grace: time.Millisecond},
		Handler: mesh.HandlerFunc(func(in *mesh.Incoming) { rs.handle(i, in) }),
	})
	if err != nil {
		rs.t.Fatal(err)
	}
	rs.meshes[i] = m
}

func (rs *replicas) stop(i int) {
	if rs.meshes[i] != nil {
		_ = rs.meshes[i].Close()
		rs.meshes[i] = nil
	}
}

func (rs *replicas) count(m wire.Method) int {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.counts[m]
}

func (rs *replicas) handle(r int, in *mesh.Incoming) {
	rs.mu.Lock()
	rs.counts[in.Method]++
	rs.mu.Unlock()
	if rs.serve != nil && rs.serve(r, in) {
		return
	}
	rs.answer(in)
}

// answer is what a replica does that keeps nothing but counts.
func (rs *replicas) answer(in *mesh.Incoming) {
	l := rs.layout.Load()
	switch in.Method {
	case wire.MethodRoutes:
		r := wire.Routes{Epoch: l.Epoch}
		in.Reply(r.Append(nil), nil)
	case wire.MethodLayout:
		b, err := l.Marshal()
		if err != nil {
			rs.t.Error(err)
		}
		in.Reply(nil, b)
	case wire.MethodQuery:
		var q wire.Query
		if err := codec.Unmarshal(in.Head, &q); err != nil || rs.stale(in, q.Epoch) {
			return
		}
		r := wire.QueryReply{Epoch: q.Epoch, Clock: time.Now().UnixNano()}
		in.Reply(r.Append(nil), nil)
	case wire.MethodHave:
		r := wire.HaveReply{Epoch: l.Epoch, State: wire.HaveNo}
		in.Reply(r.Append(nil), nil)
	case wire.MethodStore:
		rs.store(in)
	default:
		in.Fail(foci.Errorf(foci.Protocol, "method %d", in.Method))
	}
}

func (rs *replicas) stale(in *mesh.Incoming, epoch foci.Epoch) bool {
	if mine := rs.layout.Load().Epoch; epoch < mine {
		in.FailWith(&wire.Error{Kind: foci.StaleLayout, Epoch: mine, Text: "newer here"})
		return true
	}
	return false
}

// store takes a record, whose content must be what its hash says.
func (rs *replicas) store(in *mesh.Incoming) {
	var s wire.Store
	if err := codec.Unmarshal(in.Head, &s); err != nil {
		in.Fail(err)
		return
	}
	in.Collect(func(err error) {
		if err != nil {
			in.Fail(err)
			return
		}
		s.Record.Payload = in.Body
		if err := s.Record.Check(); err != nil {
			rs.t.Errorf("a damaged record came: %v", err)
		}
		rs.mu.Lock()
		rs.stored[s.Record.Version]++
		rs.mu.Unlock()
		if !rs.stale(in, s.Epoch) {
			r := wire.StoreReply{Epoch: s.Epoch}
			in.Reply(r.Append(nil), nil)
		}
	})
}

// connect is a client of the replicas, ready.
func (rs *replicas) connect(change func(*peer.Config)) *peer.Peer {
	rs.t.Helper()
	p := rs.join(change)
	ctx, cancel := context.WithTimeout(rs.t.Context(), 10*time.Second)
	defer cancel()
	if err := p.Ready(ctx); err != nil {
		rs.t.Fatal(err)
	}
	return p
}

func (rs *replicas) join(change func(*peer.Config)) *peer.Peer {
	rs.t.Helper()
	cfg := peer.Config{Mesh: mesh.Config{Role: foci.RoleTransport}, Layout: new(layout.Holder)}
	for _, a := range rs.addrs {
		cfg.Seeds = append(cfg.Seeds, remote(rs.t, a))
	}
	if change != nil {
		change(&cfg)
	}
	p, err := peer.New(cfg)
	if err != nil {
		rs.t.Fatal(err)
	}
	rs.t.Cleanup(func() { _ = p.Close() })
	return p
}

func remote(t testing.TB, addr string) route.Remote {
	t.Helper()
	r, err := route.ParseRemote(addr + ":2")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// run is one write, seen from its caller.
type run struct {
	w      *quorum.Write
	done   chan struct{}
	idle   chan struct{}
	giveUp func()
}

// write starts a put of a payload; reuse is called when its memory is free.
func write(t testing.TB, p *peer.Peer, key string, payload []byte, limit time.Duration, reuse func()) *run {
	t.Helper()
	n := foci.Name{Bucket: "bucket", Key: key}
	rec := record.Record{Entry: record.Entry{Op: record.OpPut, Size: uint64(len(payload))}, ID: foci.ObjectID(n), Name: n, Payload: payload}
	rec.Seal()
	cfg, err := p.Config(n.Bucket, rec.ID, foci.Quorum, p.Now()+limit)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{w: quorum.NewWrite(cfg, rec), done: make(chan struct{}), idle: make(chan struct{})}
	op := operation.Op{
		ID: rec.ID, Bucket: n.Bucket, Class: foci.Bulk, Deadline: cfg.Deadline,
		Done: func() { close(r.done) }, // twice would panic
		Payload: operation.NewPayload(func() {
			select {
			case <-r.done:
			default:
				t.Error("idle before its caller was answered")
			}
			if reuse != nil {
				reuse()
			}
			close(r.idle)
		}),
	}
	r.giveUp = p.Run(r.w, op)
	op.Payload.Release() // the operation holds it
	return r
}

// wait fails the test when it takes too long.
func wait(t testing.TB, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: it takes too long", what)
	}
}

func (r *run) result(t testing.TB) error {
	t.Helper()
	wait(t, "answer", r.done)
	_, err := r.w.Result()
	return err
}
