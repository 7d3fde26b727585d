package node_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/node"
	"github.com/foci-store/foci/internal/status"
)

// dial connects to a node as a transport client that says what it likes.
func dial(t testing.TB, n *node.Node) *mesh.Link {
	t.Helper()
	return dialWith(t, n, mesh.Config{Cluster: "test", Role: foci.RoleTransport})
}

func dialWith(t testing.TB, n *node.Node, cfg mesh.Config) *mesh.Link {
	t.Helper()
	m, err := mesh.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	addr := strings.TrimSuffix(n.Status().Addrs[0], ":2-0")
	l, err := m.Dial(t.Context(), route.AddressOf(netip.MustParseAddrPort(addr)), false)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func methodOf(m codec.Message) wire.Method {
	switch m.(type) {
	case *wire.Query:
		return wire.MethodQuery
	case *wire.Store:
		return wire.MethodStore
	case *wire.Have:
		return wire.MethodHave
	case *wire.Fetch:
		return wire.MethodFetch
	case *wire.Hint:
		return wire.MethodHint
	default:
		return wire.MethodList
	}
}

// call asks a node one question; a Store goes with its payload.
func call(t testing.TB, l *mesh.Link, m codec.Message) (*mesh.Reply, error) {
	var body []byte
	if s, ok := m.(*wire.Store); ok {
		body = s.Record.Payload
	}
	return ask(t, l, methodOf(m), m.Append(nil), body)
}

// ask fails the test unless an answer comes in time: a reply, or the peer's error.
func ask(t testing.TB, l *mesh.Link, method wire.Method, head, body []byte) (*mesh.Reply, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := l.Call(ctx, foci.Reg, method, head, body)
	var said *mesh.PeerError
	if err != nil && !errors.As(err, &said) {
		t.Fatalf("method %d: no answer: %v", method, err)
	}
	return r, err
}

func target(l *layout.Layout) wire.Target { return wire.Target{Epoch: l.Epoch, Group: 1} }

func query(l *layout.Layout) *wire.Query {
	return &wire.Query{Target: target(l), ID: foci.ObjectID(foci.Name{Bucket: "bucket", Key: "key"}), Inline: 1 << 10}
}

// store is a good request.
func store(l *layout.Layout, key, text string) *wire.Store {
	n := foci.Name{Bucket: "bucket", Key: key}
	s := &wire.Store{Target: target(l)}
	s.Record = record.Record{
		Entry: record.Entry{Op: record.OpPut, Version: foci.Version{Time: time.Now().UnixNano(), Nonce: rand.Uint64() | 1}, Size: uint64(len(text))},
		ID:    foci.ObjectID(n), Name: n, Payload: []byte(text),
	}
	s.Record.Seal()
	return s
}

// hostile is a question and the kind of error that answers it.
type hostile struct {
	name string
	m    codec.Message
	want foci.Kind
}

// hostileQuestions are for a node of this layout.
func hostileQuestions(cfg *node.Config) []hostile {
	good := func(change func(s *wire.Store)) *wire.Store {
		s := store(cfg.Layout, "key", "content")
		change(s)
		return s
	}
	named := func(bucket, key string) *wire.Store {
		return good(func(s *wire.Store) {
			s.Record.Name = foci.Name{Bucket: bucket, Key: key}
			s.Record.ID = foci.ObjectID(s.Record.Name)
		})
	}
	fetch := wire.Fetch{Target: target(cfg.Layout), ID: query(cfg.Layout).ID, MaxBytes: 100}
	return []hostile{
		{"hash that lies", good(func(s *wire.Store) { s.Record.Hash[3]++ }), foci.Invalid},
		{"payload that lies", good(func(s *wire.Store) { s.Record.Payload[0]++ }), foci.Invalid},
		{"length too long", good(func(s *wire.Store) { s.Record.Length++ }), foci.Protocol},
		{"length too short", good(func(s *wire.Store) { s.Record.Length-- }), foci.Protocol},
		{"length of 2^32-1", good(func(s *wire.Store) { s.Record.Length = 1<<32 - 1 }), foci.Protocol},
		{"size that lies", good(func(s *wire.Store) { s.Record.Size = 1 << 40 }), foci.Invalid},
		{"name that lies", good(func(s *wire.Store) { s.Record.Name.Key = "other" }), foci.Invalid},
		{"no version", good(func(s *wire.Store) { s.Record.Version = foci.Version{} }), foci.Invalid},
		{"time of 2^62", good(func(s *wire.Store) { s.Record.Version.Time = 1 << 62 }), foci.Protocol},
		{"time below zero", good(func(s *wire.Store) { s.Record.Version.Time = -1 }), foci.Protocol},
		{"time ahead, while the other owner cannot be asked", good(func(s *wire.Store) { s.Record.Version.Time += int64(2 * foci.MaxClockAhead) }), foci.Busy},
		{"time too far ahead for a client without identity", good(func(s *wire.Store) { s.Record.Version.Time += int64(2 * foci.MaxUnprovedAhead) }), foci.ClockAhead},
		{"unknown operation", good(func(s *wire.Store) { s.Record.Op = 77 }), foci.Protocol},
		{"remove with a payload", good(func(s *wire.Store) {
			s.Record.Op = record.OpRemove
			s.Record.Seal()
		}), foci.Invalid},
		{"key of 0 bytes", named("bucket", ""), foci.Invalid},
		{"key of 1025 bytes", named("bucket", strings.Repeat("k", 1025)), foci.Protocol},
		{"key with NUL", named("bucket", "a\x00b"), foci.Invalid},
		{"key that is not UTF-8", named("bucket", "\xff\xfe"), foci.Invalid},
		{"bucket against the rules", named("../etc", "passwd"), foci.Invalid},
		{"empty bucket", named("", "key"), foci.Invalid},
		{"epoch 0", good(func(s *wire.Store) { s.Epoch = 0 }), foci.StaleLayout},
		{"epoch 2^63", good(func(s *wire.Store) { s.Epoch = 1 << 63 }), foci.Busy},
		{"another group", good(func(s *wire.Store) { s.Group = 2 }), foci.NotReady},
		{"no such group", good(func(s *wire.Store) { s.Group = 1<<32 - 1 }), foci.NotReady},
		{"query of no such group", &wire.Query{Target: wire.Target{Epoch: 1, Group: 99}}, foci.NotReady},
		{"query of epoch 0", &wire.Query{Target: wire.Target{Group: 1}}, foci.StaleLayout},
		{"have of another group", &wire.Have{Target: wire.Target{Epoch: 1, Group: 2}}, foci.NotReady},
		{"fetch of another group", &wire.Fetch{Target: wire.Target{Epoch: 1, Group: 2}}, foci.NotReady},
		{"fetch of too much", func() codec.Message { f := fetch; f.MaxBytes = 1<<32 - 1; return &f }(), foci.Protocol},
		{"fetch from too far", func() codec.Message { f := fetch; f.Offset = 1<<32 - 1; return &f }(), foci.Protocol},
		{"list of no backend", &wire.List{Target: target(cfg.Layout), Bucket: "bucket"}, foci.NotReady},
		{"list of a bucket against the rules", &wire.List{Target: wire.Target{Epoch: 1, Group: 1, Backend: cfg.Layout.Backends[0].ID}, Bucket: "../.."}, foci.Invalid},
		{"list after a key of 1025 bytes", &wire.List{Target: target(cfg.Layout), Bucket: "bucket", After: strings.Repeat("k", 1025)}, foci.Protocol},
	}
}

// TestHostileRequests: whatever a client asks, it gets a typed error; nothing is
// stored of it, and the node goes on.
func TestHostileRequests(t *testing.T) {
	cfg := config(t)
	n := start(t, cfg)
	l := dial(t, n)
	for _, c := range hostileQuestions(&cfg) {
		if _, err := call(t, l, c.m); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	for _, method := range []wire.Method{0, 5, 99, 65535} {
		if _, err := ask(t, l, method, []byte("x"), nil); !errors.Is(err, foci.Protocol) {
			t.Errorf("method %d: %v", method, err)
		}
	}
	unknown := wire.Ask{What: "password"}
	if _, err := ask(t, l, wire.MethodStatus, unknown.Append(nil), nil); !errors.Is(err, foci.Invalid) {
		t.Errorf("unknown status: %v", err)
	}
	if s := n.Status().Backends[0]; s.Records != 0 || s.ReadOnly != "" || s.NotReady != "" {
		t.Fatalf("after all that the backend is %+v", s)
	}
	serves(t, cfg.Layout, l)
}

// TestForwardRefused: what may not be passed on is refused, each for its reason.
func TestForwardRefused(t *testing.T) {
	cfg := config(t)
	n := start(t, cfg)
	l := dial(t, n)
	inner := query(cfg.Layout).Append(nil)
	other := foci.NodeID{9}
	nested := wire.Forward{Node: n.ID(), Method: wire.MethodQuery, Class: foci.Reg, Head: inner}
	for name, c := range map[string]struct {
		f    wire.Forward
		want foci.Kind
	}{
		"to nobody":          {wire.Forward{Node: other, Method: wire.MethodQuery, Class: foci.Reg, Head: inner}, foci.NoRoute},
		"to itself":          {wire.Forward{Node: n.ID(), Method: wire.MethodQuery, Class: foci.Reg, Head: inner}, foci.Invalid},
		"a forward":          {wire.Forward{Node: other, Method: wire.MethodForward, Class: foci.Reg, Head: nested.Append(nil)}, foci.Denied},
		"routes":             {wire.Forward{Node: other, Method: wire.MethodRoutes, Class: foci.State}, foci.Denied},
		"an unknown method":  {wire.Forward{Node: other, Method: 999, Class: foci.Reg}, foci.Denied},
		"bulk as ping":       {wire.Forward{Node: other, Method: wire.MethodStore, Class: foci.Ping}, foci.Denied},
		"bulk as state":      {wire.Forward{Node: other, Method: wire.MethodStore, Class: foci.State}, foci.Denied},
		"no class at all":    {wire.Forward{Node: other, Method: wire.MethodQuery, Class: 99}, foci.Protocol},
		"to nobody's number": {wire.Forward{Method: wire.MethodQuery, Class: foci.Reg}, foci.NoRoute},
	} {
		for _, body := range []int{0, 1 << 20} {
			if _, err := ask(t, l, wire.MethodForward, c.f.Append(nil), make([]byte, body)); !errors.Is(err, c.want) {
				t.Errorf("%s, %d bytes: %v, want %v", name, body, err, c.want)
			}
		}
	}
	serves(t, cfg.Layout, l)
}

// serves checks that a good put is taken, and found again.
func serves(t testing.TB, l *layout.Layout, k *mesh.Link) {
	t.Helper()
	s := store(l, "key", "good")
	if _, err := call(t, k, s); err != nil {
		t.Fatal(err)
	}
	r, err := call(t, k, query(l))
	var vote wire.QueryReply
	if err != nil || codec.Unmarshal(r.Head, &vote) != nil || vote.Vote.Base != s.Record.Version || string(r.Body) != "good" {
		t.Fatalf("%+v, %v", vote, err)
	}
}

// TestEdgeRequests is what is odd and allowed.
func TestEdgeRequests(t *testing.T) {
	cfg := config(t)
	n := start(t, cfg)
	l := dial(t, n)
	serves(t, cfg.Layout, l)
	fetch := &wire.Fetch{Target: target(cfg.Layout), ID: query(cfg.Layout).ID, Offset: 100, MaxBytes: 100}
	r, err := call(t, l, fetch)
	var log wire.FetchReply
	if err != nil || codec.Unmarshal(r.Head, &log) != nil || len(log.Entries) != 1 || log.Entries[0].Bytes != 0 || len(r.Body) != 0 {
		t.Errorf("fetch behind the end: %+v, %v", log, err)
	}
	list := &wire.List{Target: target(cfg.Layout), Bucket: "bucket", Limit: 1<<32 - 1}
	list.Backend = cfg.Layout.Backends[0].ID
	r, err = call(t, l, list)
	var page wire.ListReply
	if err != nil || codec.Unmarshal(r.Head, &page) != nil || len(page.Keys) != 1 || page.More {
		t.Errorf("list without a limit: %+v, %v", page, err)
	}
	for _, what := range []string{status.AskNode, status.AskMesh, status.AskTxns} {
		a := wire.Ask{What: what}
		if r, err := ask(t, l, wire.MethodStatus, a.Append(nil), nil); err != nil || !bytes.HasPrefix(r.Body, []byte("{")) {
			t.Errorf("status %s: %v", what, err)
		}
	}
	if r, err := ask(t, l, wire.MethodLayout, nil, nil); err != nil || !bytes.Contains(r.Body, []byte(`"test"`)) {
		t.Errorf("layout: %v", err)
	}
	// A transport client is in no node's state, whatever it tells.
	tell := wire.Routes{All: true, Routes: []wire.Route{{Node: foci.NodeID{1}, Incarnation: 1, Role: foci.RoleData, Addrs: []string{"10.0.0.1:1:2-0"}}}}
	for range 2 {
		var told wire.Routes
		r, err := ask(t, l, wire.MethodRoutes, tell.Append(nil), nil)
		if err != nil || codec.Unmarshal(r.Head, &told) != nil || len(told.Routes) == 0 {
			t.Fatalf("routes: %+v, %v", told, err)
		}
		for _, e := range told.Routes {
			if e.Node == (foci.NodeID{1}) {
				t.Error("a transport client has told routes")
			}
		}
	}
}

// TestMalformedHeads cuts and changes the head of each question at every byte.
func TestMalformedHeads(t *testing.T) {
	cfg := config(t)
	n := start(t, cfg)
	l := dial(t, n)
	serves(t, cfg.Layout, l)
	rng := rand.New(rand.NewPCG(1, 2))
	list := &wire.List{Target: target(cfg.Layout), Bucket: "bucket"}
	list.Backend = cfg.Layout.Backends[0].ID
	have := &wire.Have{Target: target(cfg.Layout), ID: query(cfg.Layout).ID, Version: foci.Version{Time: 1, Nonce: 1}}
	for _, m := range []codec.Message{
		query(cfg.Layout), store(cfg.Layout, "key", "x"), have, list,
		&wire.Fetch{Target: target(cfg.Layout), ID: query(cfg.Layout).ID, MaxBytes: 10},
	} {
		head := m.Append(nil)
		for at := range head {
			_, scoped := m.(interface{ Declare(wire.Scope) })
			if scoped && at == len(head)-4 {
				continue // it ends as in protocol 1, before the scope
			}
			if _, err := ask(t, l, methodOf(m), head[:at], nil); !errors.Is(err, foci.Protocol) {
				t.Fatalf("%T cut at %d: %v", m, at, err)
			}
			b := bytes.Clone(head)
			b[at] ^= byte(1 + rng.IntN(255))
			_, _ = ask(t, l, methodOf(m), b, nil) // it is answered; some bytes do not matter
		}
		for at := 0; at+4 <= len(head); at++ {
			b := bytes.Clone(head)
			binary.LittleEndian.PutUint32(b[at:], 1<<32-1)
			_, _ = ask(t, l, methodOf(m), b, nil)
		}
	}
	serves(t, cfg.Layout, l)
}

// TestManyReads: more reads at a time than a node serves are told to come back,
// and all that are served end before the node does.
func TestManyReads(t *testing.T) {
	cfg := config(t)
	n := start(t, cfg)
	l := dial(t, n)
	big := store(cfg.Layout, "key", strings.Repeat("x", foci.MaxPayload))
	if _, err := call(t, l, big); err != nil {
		t.Fatal(err)
	}
	f := &wire.Fetch{Target: target(cfg.Layout), ID: query(cfg.Layout).ID, MaxBytes: foci.MaxPayload}
	const reads = 300
	ends := make(chan error, reads)
	for range reads {
		q := &mesh.Request{Class: foci.Bulk, Method: wire.MethodFetch, Head: f.Append(nil)}
		q.Done = func(r *mesh.Reply, err error) {
			if err == nil && len(r.Body) != foci.MaxPayload {
				err = fmt.Errorf("%d bytes", len(r.Body))
			}
			ends <- err
		}
		if err := l.Send(q); err != nil {
			ends <- err
		}
	}
	served := 0
	for range reads {
		switch err := <-ends; {
		case err == nil:
			served++
		case !errors.Is(err, foci.Busy):
			t.Error(err)
		}
	}
	if served == 0 {
		t.Error("nothing was served")
	}
	last := make(chan error, 1)
	q := &mesh.Request{Class: foci.Bulk, Method: wire.MethodFetch, Head: f.Append(nil), Done: func(_ *mesh.Reply, err error) { last <- err }}
	if err := l.Send(q); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil { // while a read is under way
		t.Fatal(err)
	}
	<-last
}
