package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/auth/authtest"
	"github.com/foci-store/foci/internal/device/files"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/node"
)

// timed is a cluster of three groups whose clocks a test sets.
type timed struct {
	*cluster
	ahead [3]atomic.Int64 // each node's clock, of the right time
	proof *auth.Credentials
	file  string // with the proof
}

// newTimed starts one; with a key, nodes and clients prove who they are.
func newTimed(t testing.TB, key bool) *timed {
	t.Helper()
	c := &timed{}
	var of *auth.Credentials
	if key {
		of, c.file = auth.WithKey(auth.Key{1}), authtest.File(t, authtest.Authority(t, auth.Key{1}), "tester", rights.Full().String())
		var err error
		if c.proof, err = auth.LoadCredential(files.OS(), c.file, nil); err != nil {
			t.Fatal(err)
		}
	}
	c.cluster = newClusterWith(t, 3, 3, func(i int, nc *node.Config) {
		nc.Auth = of
		nc.Now = func() int64 { return time.Now().UnixNano() + c.ahead[i].Load() }
	})
	for _, n := range c.Nodes {
		soon(t, "the nodes know each other", func() bool {
			up := 0
			for _, l := range n.Mesh().Links {
				if l.Up {
					up++
				}
			}
			return up == len(c.Nodes)-1
		})
	}
	return c
}

func (c *timed) setAll(ahead time.Duration) {
	for i := range c.ahead {
		c.ahead[i].Store(int64(ahead))
	}
}

func (c *timed) session() *client.Session {
	return c.dialWith(client.Config{Credential: c.file}).Session(client.SessionOptions{Timeout: 10 * time.Second})
}

// raw is a channel to a node, on which a test says what it likes.
func (c *timed) raw(i int) *mesh.Link {
	c.t.Helper()
	m, err := mesh.New(mesh.Config{Cluster: "test", Role: foci.RoleTransport, Auth: c.proof})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = m.Close() })
	l, err := m.Dial(c.t.Context(), c.Layout.Nodes[i].Addrs[0], false)
	if err != nil {
		c.t.Fatal(err)
	}
	return l
}

// newRecord is one of an object, made at a time.
func newRecord(n foci.Name, op record.Op, at time.Time, payload string) record.Record {
	r := record.Record{ID: foci.ObjectID(n), Name: n, Payload: []byte(payload)}
	r.Op, r.Version, r.Size = op, foci.Version{Time: at.UnixNano(), Nonce: 77}, uint64(len(payload))
	r.Seal()
	return r
}

// send gives a node a record as it is.
func (c *timed) send(i int, l *mesh.Link, s wire.Store) error {
	s.Target = wire.Target{Epoch: c.Layout.Epoch, Group: foci.Group(i + 1)}
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	_, err := l.Call(ctx, foci.Reg, wire.MethodStore, s.Append(nil), s.Record.Payload)
	return err
}

// lies are records with forged times, and what is said of each.
func lies(n foci.Name, at time.Time) map[string]wire.Store {
	chunk := newRecord(n, record.OpChunk, at, "chunk")
	place := record.ChunkMeta{Upload: foci.UploadID{7}}
	chunk.ID, chunk.Meta = foci.ChunkID(n.Bucket, place.Upload, 0), place.Append(nil)
	chunk.Seal()
	return map[string]wire.Store{
		"a remove that claims to have seen as much": {Seen: at.UnixNano() - 1, Record: newRecord(n, record.OpRemove, at, "")},
		"a forged repair": {Repair: true, Seen: at.UnixNano(), Record: newRecord(n, record.OpPut, at, "forged")},
		"a chunk":         {Record: chunk},
	}
}

// TestLiesAboutTime: records with forged times are refused by every replica,
// and the key goes on to work.
func TestLiesAboutTime(t *testing.T) {
	for who, key := range map[string]bool{"proved": true, "unproved": false} {
		t.Run(who, func(t *testing.T) {
			c := newTimed(t, key)
			s := c.session()
			n := name("key")
			put(t, s, n.Key, []byte("before"))
			for i := range c.Nodes {
				l := c.raw(i)
				for _, at := range []time.Time{time.Unix(0, foci.MaxTime-2), time.Now().Add(2 * time.Hour)} {
					for what, lie := range lies(n, at) {
						if err := c.send(i, l, lie); !errors.Is(err, foci.ClockAhead) {
							t.Errorf("node %d, %s at %v: %v, want ClockAhead", i, what, at, err)
						}
					}
				}
			}
			works(t, s, n, "before")
		})
	}
}

// works puts, gets and removes a key that has some content.
func works(t *testing.T, s *client.Session, n foci.Name, content string) {
	t.Helper()
	if got := get(t, s, n.Key, client.GetOptions{}); string(got) != content {
		t.Fatalf("got %q, want %q", got, content)
	}
	put(t, s, n.Key, []byte("after"))
	if got := get(t, s, n.Key, client.GetOptions{}); string(got) != "after" {
		t.Fatalf("got %q, want %q", got, "after")
	}
	if _, err := s.Remove(t.Context(), n); err != nil {
		t.Fatalf("remove: %v", err)
	}
	put(t, s, n.Key, []byte("anew"))
	if got := get(t, s, n.Key, client.GetOptions{}); string(got) != "anew" {
		t.Fatalf("got %q, want %q", got, "anew")
	}
}

// TestKeysAheadOfTheClocks: a key that was written while the clocks ran two days
// ahead is read, repaired, overwritten and removed when they are right again,
// also by replicas that have missed it: the others are their evidence.
func TestKeysAheadOfTheClocks(t *testing.T) {
	c := newTimed(t, true)
	const ahead = 48 * time.Hour
	c.setAll(ahead)
	n := name("key")
	r := newRecord(n, record.OpPut, time.Now().Add(ahead), "of the future")
	if err := c.send(0, c.raw(0), wire.Store{Record: r}); err != nil {
		t.Fatal(err)
	}
	c.setAll(0)
	// Two replicas lack it. The one that is overwritten first must not take one
	// nanosecond more than there is evidence for.
	skips := newRecord(n, record.OpPut, time.Unix(0, r.Version.Time+2), "")
	if err := c.send(1, c.raw(1), wire.Store{Seen: r.Version.Time + 1, Record: skips}); !errors.Is(err, foci.ClockAhead) {
		t.Fatalf("a record two nanoseconds above all others: %v, want ClockAhead", err)
	}
	s := c.session()
	if _, err := s.Append(t.Context(), n, nil, 0); err != nil { // by whichever quorum
		t.Fatalf("append: %v", err)
	}
	all := c.dialWith(client.Config{Credential: c.file}).Session(client.SessionOptions{Timeout: 10 * time.Second, Read: foci.All})
	if got := get(t, all, n.Key, client.GetOptions{}); string(got) != "of the future" {
		t.Fatalf("got %q, want %q", got, "of the future")
	}
	works(t, s, n, "of the future")
}

// TestUploadByAFastClock: the chunks of a client whose clock is ahead get their
// version by the replicas' clocks, which would refuse its own.
func TestUploadByAFastClock(t *testing.T) {
	c := newTimed(t, false)
	c.setAll(-10 * time.Minute)
	s := c.session()
	content := random(foci.MaxPayload+1000, 5)
	put(t, s, "large", content) // read again from memory
	if got := get(t, s, "large", client.GetOptions{}); !bytes.Equal(got, content) {
		t.Fatalf("got %d bytes, not the %d that were put", len(got), len(content))
	}
	if _, err := s.Put(t.Context(), name("stream"), struct{ io.Reader }{bytes.NewReader(content)}, -1, client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "stream", client.GetOptions{}); !bytes.Equal(got, content) {
		t.Fatalf("got %d bytes of the stream, not the %d that were put", len(got), len(content))
	}
}

// TestAWrongClockStopsItsNodeAlone: with one of three nodes 70 s ahead a cluster
// goes on, and that node says why it does not vote.
func TestAWrongClockStopsItsNodeAlone(t *testing.T) {
	c := newTimed(t, true)
	s := c.session()
	put(t, s, "key", []byte("before"))
	c.ahead[1].Store(int64(70 * time.Second))
	soon(t, "the node has stopped", func() bool { return c.Nodes[1].Status().NotVoting != "" })
	put(t, s, "key", []byte("meanwhile"))
	if got := get(t, s, "key", client.GetOptions{}); string(got) != "meanwhile" {
		t.Fatalf("got %q", got)
	}
	for _, i := range []int{0, 2} {
		if why := c.Nodes[i].Status().NotVoting; why != "" {
			t.Errorf("node %d has stopped too: %s", i, why)
		}
	}
	c.ahead[1].Store(0)
	soon(t, "it votes again", func() bool { return c.Nodes[1].Status().NotVoting == "" })
	all := s.With(client.SessionOptions{Timeout: 10 * time.Second, Ack: foci.All, Read: foci.All})
	put(t, all, "key", []byte("after"))
	if got := get(t, all, "key", client.GetOptions{}); string(got) != "after" {
		t.Fatalf("got %q", got)
	}
}
