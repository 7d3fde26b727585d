package node_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/auth/authtest"
	"github.com/foci-store/foci/internal/device/files"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/node"
)

// guarded is a node with a cluster key that holds objects "key" in several
// buckets, and a link by which a client of changing rights asks it.
type guarded struct {
	layout *layout.Layout
	node   *node.Node
	as     *auth.Credentials
	speaks wire.Protocols
	link   *mesh.Link
}

// sealed has a node prove itself, and ask for proof, by the cluster key.
func sealed(c *node.Config) { c.Auth = auth.WithKey(auth.Key{1}) }

func guard(t *testing.T) *guarded {
	t.Helper()
	cfg := config(t)
	sealed(&cfg)
	g := &guarded{layout: cfg.Layout, node: start(t, cfg)}
	g.become(t, "*=rw,admin", 2)
	for _, bucket := range []string{"photos", "music", "foci.policy"} {
		if _, err := call(t, g.link, g.store(bucket, "key")); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// second starts the other node of the layout and waits for their links.
func (g *guarded) second(t *testing.T) *node.Node {
	t.Helper()
	other := start(t, node.Config{
		Cluster: "test", Dir: "/data", Name: "b", Layout: g.layout, Role: foci.RoleData, FS: vfs.NewCrashable(), Grace: 50 * time.Millisecond,
		Auth: auth.WithKey(auth.Key{1}),
	})
	whole(t, g.node, other)
	return other
}

// become has the client be another one.
func (g *guarded) become(t *testing.T, text string, protocol uint16) {
	t.Helper()
	g.as = authtest.Client(t, authtest.Authority(t, auth.Key{1}), "web", text)
	g.speaks = wire.Protocols{Min: protocol, Max: protocol}
	g.link = g.dial(t, g.node)
}

// dial connects the client to a node.
func (g *guarded) dial(t *testing.T, n *node.Node) *mesh.Link {
	t.Helper()
	return dialWith(t, n, mesh.Config{Cluster: "test", Role: foci.RoleTransport, Auth: g.as, Protocols: g.speaks})
}

func (g *guarded) store(bucket, key string) *wire.Store {
	s := store(g.layout, key, "content")
	s.Record.Name.Bucket = bucket
	s.Record.ID = foci.ObjectID(s.Record.Name)
	return s
}

func (g *guarded) query(bucket, key string) *wire.Query {
	n := foci.Name{Bucket: bucket, Key: key}
	return &wire.Query{Target: target(g.layout), ID: foci.ObjectID(n), Inline: 100, Scope: wire.ObjectScope(n)}
}

func (g *guarded) fetch(bucket, key string) *wire.Fetch {
	n := foci.Name{Bucket: bucket, Key: key}
	return &wire.Fetch{Target: target(g.layout), ID: foci.ObjectID(n), MaxBytes: 100, Scope: wire.ObjectScope(n)}
}

func (g *guarded) have(bucket, key string) *wire.Have {
	n := foci.Name{Bucket: bucket, Key: key}
	return &wire.Have{Target: target(g.layout), ID: foci.ObjectID(n), Version: foci.Version{Time: 1, Nonce: 1}, Scope: wire.ObjectScope(n)}
}

func (g *guarded) hint(bucket, key string) *wire.Hint {
	n := foci.Name{Bucket: bucket, Key: key}
	return &wire.Hint{Target: target(g.layout), ID: foci.ObjectID(n), Missed: 2, Scope: wire.ObjectScope(n)}
}

func (g *guarded) list(bucket string) *wire.List {
	return &wire.List{Target: wire.Target{Epoch: 1, Group: 1, Backend: g.layout.Backends[0].ID}, Bucket: bucket}
}

// denied fails unless all are refused for want of a right.
func (g *guarded) denied(t *testing.T, all ...codec.Message) {
	t.Helper()
	for _, m := range all {
		if _, err := call(t, g.link, m); !errors.Is(err, foci.Denied) {
			t.Errorf("%T: %v, want %v", m, err, foci.Denied)
		}
	}
}

func (g *guarded) allowed(t *testing.T, all ...codec.Message) {
	t.Helper()
	for _, m := range all {
		if _, err := call(t, g.link, m); err != nil {
			t.Errorf("%T: %v", m, err)
		}
	}
}

func TestReaderCannotWrite(t *testing.T) {
	g := guard(t)
	g.become(t, "*=r", 2)
	g.allowed(t, g.query("photos", "key"), g.fetch("photos", "key"), g.have("photos", "key"), g.list("photos"))
	put, remove := g.store("photos", "key"), g.store("photos", "key")
	remove.Record.Op, remove.Record.Payload, remove.Record.Size = record.OpRemove, nil, 0
	remove.Record.Seal()
	appended := g.store("photos", "key")
	appended.Record.Op = record.OpAppend
	appended.Record.Seal()
	repair := g.store("photos", "other")
	repair.Repair = true
	g.denied(t, put, remove, appended, repair, g.hint("photos", "key"))
}

func TestWriterCannotRead(t *testing.T) {
	g := guard(t)
	g.become(t, "*=w", 2)
	votes := g.query("photos", "key")
	votes.Inline = 0
	g.allowed(t, votes, g.have("photos", "key"), g.store("photos", "new"))
	g.denied(t, g.query("photos", "key"), g.fetch("photos", "key"), g.list("photos"))
}

// TestDeniedTellsNothing: of a bucket without rights the answers for an object
// that exists and for one that does not are the same, byte by byte.
func TestDeniedTellsNothing(t *testing.T) {
	g := guard(t)
	g.become(t, "music=rw", 2)
	g.allowed(t, g.query("music", "key"), g.fetch("music", "key"), g.store("music", "key"))
	for _, bucket := range []string{"photos", "foci.policy"} {
		for i, ask := range []func(key string) codec.Message{
			func(key string) codec.Message { return g.query(bucket, key) },
			func(key string) codec.Message { return g.fetch(bucket, key) },
			func(key string) codec.Message { return g.have(bucket, key) },
			func(key string) codec.Message { return g.hint(bucket, key) },
			func(key string) codec.Message { return g.store(bucket, key) },
		} {
			_, is := call(t, g.link, ask("key"))
			_, isNot := call(t, g.link, ask("none"))
			if !errors.Is(is, foci.Denied) || !errors.Is(isNot, foci.Denied) || is.Error() != isNot.Error() {
				t.Errorf("%s, question %d: %v\nand for one that does not exist: %v", bucket, i, is, isNot)
			}
			if !strings.Contains(is.Error(), bucket) || !strings.Contains(is.Error(), "client/web") {
				t.Errorf("the error names neither principal nor bucket: %v", is)
			}
		}
		g.denied(t, g.list(bucket))
	}
}

// TestReservedBucketNeedsAdmin, whatever the rights on all buckets.
func TestReservedBucketNeedsAdmin(t *testing.T) {
	g := guard(t)
	all := func() []codec.Message {
		const b = "foci.policy"
		return []codec.Message{g.query(b, "key"), g.fetch(b, "key"), g.have(b, "key"), g.list(b), g.store(b, "key")}
	}
	g.become(t, "*=rw,foci.policy=rw", 2)
	g.denied(t, all()...)
	g.become(t, "admin", 2)
	g.allowed(t, all()...)
}

// TestForgedScopeIsDenied: the bucket that a request names is not believed.
func TestForgedScopeIsDenied(t *testing.T) {
	g := guard(t)
	g.become(t, "music=rw", 2)
	q, f := g.query("photos", "key"), g.fetch("photos", "key")
	q.Scope, f.Scope = g.query("music", "key").Scope, g.fetch("music", "key").Scope
	g.denied(t, q, f)
	q.Scope = wire.Scope{}
	g.denied(t, q)
}

// TestBlindRequests: a client of protocol 1 names no bucket. With rights on all
// it is served, but for it the objects of reserved buckets do not exist.
func TestBlindRequests(t *testing.T) {
	g := guard(t)
	blind := func(m codec.Message) codec.Message {
		m.(interface{ Declare(wire.Scope) }).Declare(wire.Scope{})
		return m
	}
	g.become(t, "*=rw", 1)
	g.allowed(t, blind(g.query("photos", "key")), blind(g.fetch("photos", "key")))
	there, err := call(t, g.link, blind(g.query("foci.policy", "key")))
	if err != nil {
		t.Fatal(err)
	}
	var vote wire.QueryReply
	if err := codec.Unmarshal(there.Head, &vote); err != nil || vote.Vote.Exists() || len(there.Body) > 0 {
		t.Errorf("a blind request was told of a reserved object: %+v, %v", vote, err)
	}
	g.become(t, "*=r", 1)
	g.denied(t, blind(g.query("photos", "key")))
}

// relayed is a request to a relay for the guarded node.
func (g *guarded) relayed(t *testing.T, relay *mesh.Link, m codec.Message) (*mesh.Reply, error) {
	t.Helper()
	f := wire.Forward{Node: g.node.ID(), Method: methodOf(m), Class: foci.Reg, Head: m.Append(nil)}
	var body []byte
	if s, ok := m.(*wire.Store); ok {
		body = s.Record.Payload
	}
	return ask(t, relay, wire.MethodForward, f.Append(nil), body)
}

// TestRelayedRights: what a client asks by way of a member it may do as if it
// had asked itself, and no more; the refusal names the client, not the member.
func TestRelayedRights(t *testing.T) {
	g := guard(t)
	relay := member(t, sealed, at(g.node))
	whole(t, relay, g.node)
	g.become(t, "photos=r", 2)
	by := g.dial(t, relay)
	for _, m := range []codec.Message{g.query("photos", "key"), g.fetch("photos", "key"), g.list("photos")} {
		if _, err := g.relayed(t, by, m); err != nil {
			t.Errorf("%T: %v", m, err)
		}
	}
	long := g.store("photos", "long")
	long.Record.Payload = make([]byte, 1<<20)
	long.Record.Size = 1 << 20
	long.Record.Seal()
	for _, m := range []codec.Message{g.store("photos", "key"), long, g.query("music", "key"), g.hint("photos", "key")} {
		_, err := g.relayed(t, by, m)
		if !errors.Is(err, foci.Denied) || !strings.Contains(err.Error(), "client/web lacks the right") {
			t.Errorf("%T: %v", m, err)
		}
	}
	g.become(t, "photos=rw", 2)
	by = g.dial(t, relay)
	for _, m := range []codec.Message{g.store("photos", "key"), long} {
		if _, err := g.relayed(t, by, m); err != nil {
			t.Errorf("%T: %v", m, err)
		}
	}
}

// TestClientsDoNotRelay: a peer that is no member cannot name another asker.
func TestClientsDoNotRelay(t *testing.T) {
	g := guard(t)
	g.become(t, "photos=r", 2)
	m := wire.Relayed{Asker: rights.Client("root"), Rights: rights.Full(), Protocol: 2, Method: wire.MethodQuery, Head: g.query("music", "key").Append(nil)}
	if _, err := ask(t, g.link, wire.MethodRelayed, m.Append(nil), nil); !errors.Is(err, foci.Denied) {
		t.Errorf("%v, want %v", err, foci.Denied)
	}
}

// TestDeniedAskers: a client that this node denies is denied here, too, when
// another member, whose list lacks it, asks for it.
func TestDeniedAskers(t *testing.T) {
	list := filepath.Join(t.TempDir(), "deny")
	if err := os.WriteFile(list, []byte("name client/lost\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config(t)
	sealed(&cfg)
	if err := cfg.Auth.Deny(files.OS(), list); err != nil {
		t.Fatal(err)
	}
	g := &guarded{layout: cfg.Layout, node: start(t, cfg)}
	link := dialWith(t, g.node, mesh.Config{Cluster: "test", Role: foci.RoleClient, Node: foci.NodeID{1}, Incarnation: 1, Auth: auth.WithKey(auth.Key{1})})
	for name, want := range map[string]bool{"lost": false, "web": true} {
		m := wire.Relayed{Asker: rights.Client(name), Rights: rights.Data(), Protocol: 2, Method: wire.MethodQuery, Head: g.query("music", "key").Append(nil)}
		_, err := ask(t, link, wire.MethodRelayed, m.Append(nil), nil)
		if (err == nil) != want || !want && !errors.Is(err, foci.Denied) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRelayedIsOneHop: what is in the envelope is what a replica serves, and
// travels by the classes for it.
func TestRelayedIsOneHop(t *testing.T) {
	g := guard(t)
	link := dialWith(t, g.node, mesh.Config{Cluster: "test", Role: foci.RoleClient, Node: foci.NodeID{1}, Incarnation: 1, Auth: auth.WithKey(auth.Key{1})})
	head := g.query("music", "key").Append(nil)
	for _, m := range []wire.Method{wire.MethodRelayed, wire.MethodForward, wire.MethodRoutes, wire.MethodStatus, 999} {
		r := wire.Relayed{Asker: rights.Client("web"), Rights: rights.Data(), Protocol: 2, Method: m, Head: head}
		if _, err := ask(t, link, wire.MethodRelayed, r.Append(nil), nil); !errors.Is(err, foci.Denied) {
			t.Errorf("%v: %v, want %v", m, err, foci.Denied)
		}
	}
	if _, err := ask(t, link, wire.MethodRelayed, []byte("malformed"), nil); !errors.Is(err, foci.Protocol) {
		t.Errorf("malformed: %v", err)
	}
	r := wire.Relayed{Asker: rights.Client("web"), Rights: rights.Data(), Protocol: 2, Method: wire.MethodQuery, Head: head}
	if _, err := ask(t, link, wire.MethodRelayed, r.Append(nil), nil); err != nil {
		t.Error(err)
	}
}

// TestHintNeedsARecord: nothing is remembered of an object that is not here.
func TestHintNeedsARecord(t *testing.T) {
	g := guard(t)
	g.become(t, "*=rw", 2)
	if _, err := call(t, g.link, g.hint("photos", "none")); !errors.Is(err, foci.NotFound) {
		t.Errorf("%v, want %v", err, foci.NotFound)
	}
	if h := g.node.Status().Backends[0].Hints; h != 0 {
		t.Errorf("%d hints are kept", h)
	}
	g.allowed(t, g.hint("photos", "key"))
}

// TestReaderHasItBrought: a reader that finds that a group lacks something has
// a replica that has it bring it there, and gets its answer when it is there.
func TestReaderHasItBrought(t *testing.T) {
	g := guard(t)
	other := g.second(t)
	g.become(t, "photos=r", 2)
	bring := g.hint("photos", "key")
	bring.Now = true
	g.allowed(t, bring)
	q := g.query("photos", "key")
	q.Group = 2
	r, err := call(t, g.dial(t, other), q)
	var vote wire.QueryReply
	if err != nil || codec.Unmarshal(r.Head, &vote) != nil || string(r.Body) != "content" {
		t.Errorf("the other group holds %+v %q, %v", vote, r.Body, err)
	}
	none := g.hint("photos", "none")
	none.Now = true
	if _, err := call(t, g.link, none); !errors.Is(err, foci.NotFound) {
		t.Errorf("of an object that is not there: %v", err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	soon(t, "the other node is known to be gone", func() bool { return !linked(g.node, other.ID()) })
	if _, err := call(t, g.link, bring); !errors.Is(err, foci.Unreachable) {
		t.Errorf("to a group that is away: %v", err)
	}
	if h := g.node.Status().Backends[0].Hints; h != 0 {
		t.Errorf("%d hints are kept of readers", h)
	}
	music := g.hint("music", "key")
	music.Now = true
	g.denied(t, music)
}

// TestWriteBacksPerPrincipal: a reader has at most an eighth of the write-backs
// under way that a node does for readers.
func TestWriteBacksPerPrincipal(t *testing.T) {
	g := guard(t)
	g.second(t)
	g.become(t, "photos=r", 2)
	bring := g.hint("photos", "key")
	bring.Now = true
	n, end := g.node.BeginWriteBacks(share.Who{Principal: rights.Client("web")})
	if n != 8 {
		t.Errorf("one reader has %d write-backs under way, want 8", n)
	}
	if _, err := call(t, g.link, bring); !errors.Is(err, foci.Busy) {
		t.Errorf("one more: %v, want %v", err, foci.Busy)
	}
	end()
	g.allowed(t, bring)
}
