package client_test

import (
	"context"
	"crypto/rand"
	"io"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/testports"
)

// liar is a session with a cluster of one node, which answers questions about
// data as a test wants.
func liar(t *testing.T, answer func(in *mesh.Incoming)) *client.Session {
	t.Helper()
	addr := testports.Addr(t)
	a, err := route.ParseAddress(addr + ":2-0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := layout.Init(&layout.Plan{Cluster: "test", Nodes: []layout.PlanNode{{Name: "n", Addrs: []route.Address{a}, Backends: []layout.PlanBackend{{Group: 1}}}}}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mesh.New(mesh.Config{
		Cluster: "test", Node: l.Nodes[0].ID, Incarnation: 1, Role: foci.RoleData, Listen: []mesh.Listener{{Addr: addr}},
		Handler: mesh.HandlerFunc(func(in *mesh.Incoming) {
			switch in.Method {
			case wire.MethodRoutes:
				r := wire.Routes{Epoch: l.Epoch}
				in.Reply(r.Append(nil), nil)
			case wire.MethodLayout:
				b, err := l.Marshal()
				if err != nil {
					t.Error(err)
				}
				in.Reply(nil, b)
			default:
				answer(in)
			}
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := client.Dial(ctx, client.Config{Remotes: []string{addr + ":2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.Session(client.SessionOptions{Timeout: 5 * time.Second})
}

// TestHostileListing: pages that are not what was asked for end a listing; they
// neither lead it in a circle nor stop the process.
func TestHostileListing(t *testing.T) {
	for name, page := range map[string]wire.ListReply{
		"shorter than the prefix": {Epoch: 1, Keys: []wire.Listed{{Key: "p"}}},
		"without the prefix":      {Epoch: 1, Keys: []wire.Listed{{Key: "zzzzzz"}}},
		"the same for ever":       {Epoch: 1, Keys: []wire.Listed{{Key: "pre/a", Vote: record.Vote{Count: 1}}}, More: true},
		"downward":                {Epoch: 1, Keys: []wire.Listed{{Key: "pre/b"}, {Key: "pre/a"}}},
		"twice":                   {Epoch: 1, Keys: []wire.Listed{{Key: "pre/b"}, {Key: "pre/b"}}},
		"more of nothing":         {Epoch: 1, More: true},
		"another epoch":           {Epoch: 2, Keys: []wire.Listed{{Key: "pre/a"}}},
		"no UTF-8":                {Epoch: 1, Keys: []wire.Listed{{Key: "pre/\xff"}}},
	} {
		s := liar(t, func(in *mesh.Incoming) { in.Reply(page.Append(nil), nil) })
		keys, err := tryList(s, "bucket", client.ListOptions{Prefix: "pre/", Delimiter: "/"})
		if foci.KindOf(err) != foci.NoQuorum || err == nil || len(keys) > 1 {
			t.Errorf("%s: %q, %v", name, keys, err)
		}
	}
}

// TestHostileManifest: a record that claims to be a manifest and is none is
// read once, and not for ever.
func TestHostileManifest(t *testing.T) {
	whole := (&record.Manifest{Chunk: 1 << 20, Size: 5 << 20, Version: foci.Version{Time: 1, Nonce: 1}}).Append(nil)
	if len(whole) != record.ManifestSize {
		t.Fatalf("a manifest of %d bytes, want %d", len(whole), record.ManifestSize)
	}
	for name, c := range map[string]struct {
		payload []byte
		size    uint64
	}{
		"too long":     {make([]byte, 1<<20), 10},
		"too short":    {whole[:record.ManifestSize-1], 10},
		"empty":        {nil, 10},
		"noughts":      {make([]byte, record.ManifestSize), 10},
		"another size": {whole, 10},
	} {
		e := record.Entry{Op: record.OpPut, Version: foci.Version{Time: 5, Nonce: 5}, Manifest: true, Size: c.size, Length: uint32(len(c.payload))}
		e.Hash = record.ContentHash(e.Op, true, nil, c.payload)
		s := liar(t, func(in *mesh.Incoming) {
			var f wire.Fetch
			switch {
			case in.Method == wire.MethodQuery:
				r := wire.QueryReply{Epoch: 1, Vote: record.Vote{Base: e.Version, BaseOp: record.OpPut, Count: 1, Sum: e.Sum(), Size: e.Size, Newest: e.Version}}
				in.Reply(r.Append(nil), nil)
			case in.Method == wire.MethodFetch && codec.Unmarshal(in.Head, &f) == nil:
				part := c.payload[min(int(f.Offset), len(c.payload)):]
				part = part[:min(int(f.MaxBytes), len(part))]
				r := wire.FetchReply{Epoch: 1, Entries: []wire.FetchedEntry{{Entry: e, Bytes: uint32(len(part))}}}
				in.Reply(r.Append(nil), part)
			default:
				in.Fail(foci.Errorf(foci.Protocol, "method %d", in.Method))
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		obj, err := s.Get(ctx, foci.Name{Bucket: "bucket", Key: "k"}, client.GetOptions{})
		if err == nil {
			_, err = io.Copy(io.Discard, obj)
			_ = obj.Close()
		}
		if foci.KindOf(err) != foci.Corrupt || err == nil {
			t.Errorf("%s: %v, want Corrupt", name, err)
		}
		cancel()
	}
}
