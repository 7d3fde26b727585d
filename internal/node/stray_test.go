package node_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/node"
)

// divided is a cluster of two nodes, one of each group, in which the bucket
// photos lives in group 1 only. It holds photos/key there.
func divided(t *testing.T) (g *guarded, other *node.Node) {
	t.Helper()
	cfg := config(t)
	sealed(&cfg)
	cfg.Layout.Buckets = map[string]layout.Bucket{"photos": {Groups: []foci.Group{1}}}
	g = &guarded{layout: cfg.Layout, node: start(t, cfg)}
	other = start(t, node.Config{
		Cluster: "test", Dir: "/data", Name: "b", Layout: g.layout, Role: foci.RoleData, FS: vfs.NewCrashable(), Grace: 50 * time.Millisecond,
		Auth: auth.WithKey(auth.Key{1}),
	})
	whole(t, g.node, other)
	g.become(t, "*=rw,admin", 2)
	g.allowed(t, g.store("photos", "key"))
	return g, other
}

// wantInvalid fails unless the error says that photos does not live in group 2.
func wantInvalid(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, foci.Invalid) || !strings.Contains(err.Error(), "photos") || !strings.Contains(err.Error(), "group 2") {
		t.Errorf("%s: %v, want %v that names bucket and group", what, err, foci.Invalid)
	}
}

// heldElsewhere is what group 2 holds of photos/key.
func heldElsewhere(t *testing.T, g *guarded, other *node.Node) []byte {
	t.Helper()
	g.become(t, "*=rw,admin", 2)
	q := g.query("photos", "key")
	q.Group = 2
	r, err := call(t, g.dial(t, other), q)
	if err != nil {
		t.Fatal(err)
	}
	return r.Body
}

// TestStrayRecords: a group takes no record, chunk or repair of a bucket that
// does not live in it, whatever its sender may do.
func TestStrayRecords(t *testing.T) {
	g, other := divided(t)
	link := g.dial(t, other)
	put, repair, chunk, good := g.store("photos", "key"), g.store("photos", "key"), g.store("photos", "key"), g.store("music", "key")
	repair.Repair = true
	upload := foci.UploadID{1}
	chunk.Record.Op = record.OpChunk
	chunk.Record.Meta = append(bytes.Clone(upload[:]), 0, 0, 0, 0)
	chunk.Record.ID = foci.ChunkID("photos", upload, 0)
	chunk.Record.Seal()
	for what, s := range map[string]*wire.Store{"put": put, "repair": repair, "chunk": chunk} {
		s.Group = 2
		_, err := call(t, link, s)
		wantInvalid(t, what, err)
	}
	if body := heldElsewhere(t, g, other); len(body) > 0 {
		t.Errorf("group 2 holds %q", body)
	}
	good.Group = 2
	if _, err := call(t, link, good); err != nil {
		t.Errorf("of a bucket that lives there: %v", err)
	}
	chunk.Group = 1
	g.allowed(t, chunk)
}

// TestStrayHints: no client has an object brought to a group in which its bucket
// does not live, with or without naming the object.
func TestStrayHints(t *testing.T) {
	g, _ := divided(t)
	for _, c := range []struct {
		rights   string
		protocol uint16
		now      bool
	}{{"photos=r", 2, true}, {"photos=w", 2, false}, {"*=rw", 1, true}, {"*=rw", 1, false}} {
		g.become(t, c.rights, c.protocol)
		h := g.hint("photos", "key")
		h.Now = c.now
		if c.protocol == 1 {
			h.Scope = wire.Scope{}
		}
		_, err := call(t, g.link, h)
		wantInvalid(t, c.rights, err)
	}
	if h := g.node.Status().Backends[0].Hints; h != 0 {
		t.Errorf("%d hints are kept", h)
	}
}

// TestStrayHintsAreDropped: a hint that was kept under a layout in which the
// bucket lived in that group ends, and nothing is sent.
func TestStrayHintsAreDropped(t *testing.T) {
	g, other := divided(t)
	n := foci.Name{Bucket: "photos", Key: "key"}
	kept := make(chan error, 1)
	g.node.KeepHint(2, foci.ObjectID(n), func(err error) { kept <- err })
	if err := <-kept; err != nil {
		t.Fatal(err)
	}
	soon(t, "the hint is dropped", func() bool { return g.node.Status().Backends[0].Hints == 0 })
	if body := heldElsewhere(t, g, other); len(body) > 0 {
		t.Errorf("group 2 holds %q", body)
	}
}

// vote is the answer to a query for no content.
func (g *guarded) vote(t *testing.T, key string) (v wire.QueryReply) {
	t.Helper()
	q := g.query("photos", key)
	q.Inline = 0
	r, err := call(t, g.link, q)
	if err != nil {
		t.Fatal(err)
	}
	if err := codec.Unmarshal(r.Head, &v); err != nil || !v.Vote.Exists() {
		t.Fatalf("vote %+v, %v", v, err)
	}
	return v
}

// TestWriterGetsNoMetadata, even of an object without content.
func TestWriterGetsNoMetadata(t *testing.T) {
	g := guard(t)
	s := g.store("photos", "empty")
	s.Record.Payload, s.Record.Size, s.Record.Meta = nil, 0, []byte("secret")
	s.Record.Seal()
	g.allowed(t, s)
	g.become(t, "*=w", 2)
	if v := g.vote(t, "empty"); v.Inline || len(v.Meta) > 0 || v.Entry != (record.Entry{}) {
		t.Errorf("a client that may only write got %+v", v)
	}
	g.become(t, "*=r", 2)
	q := g.query("photos", "empty")
	q.Inline = 1
	r, err := call(t, g.link, q)
	var v wire.QueryReply
	if err != nil || codec.Unmarshal(r.Head, &v) != nil || !v.Inline || string(v.Meta) != "secret" {
		t.Errorf("a reader got %+v, %v", v, err)
	}
}

// TestWriterGetsNoSum: from the sum of a vote and its version a client could test
// guesses of the content by itself. The rest of the vote is as for readers.
func TestWriterGetsNoSum(t *testing.T) {
	g := guard(t)
	for _, reader := range []string{"*=rw", "photos=r", "photos=rw,music=w"} {
		g.become(t, reader, 2)
		if g.vote(t, "key").Vote.Sum == (record.Hash{}) {
			t.Errorf("%s gets no sum", reader)
		}
	}
	want := g.vote(t, "key").Vote
	want.Sum = record.Hash{}
	for _, writer := range []string{"*=w", "photos=w", "photos=w,music=rw"} {
		g.become(t, writer, 2)
		if got := g.vote(t, "key").Vote; got != want {
			t.Errorf("%s gets %+v, want %+v", writer, got, want)
		}
	}
}
