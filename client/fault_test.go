package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/node"
)

// TestDiskFails breaks the disk of one node of three: it takes no writes any
// more, says so, and puts go on with the acknowledgements of the others.
func TestDiskFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		cause error
		fails func(errorfs.OpKind) bool
	}{
		{"fsync", syscall.EIO, func(k errorfs.OpKind) bool {
			return k == errorfs.OpFileSync || k == errorfs.OpFileSyncData || k == errorfs.OpFileSyncTo
		}},
		{"full", syscall.ENOSPC, func(k errorfs.OpKind) bool {
			return k == errorfs.OpFileWrite || k == errorfs.OpFileWriteAt || k == errorfs.OpCreate || k == errorfs.OpFilePreallocate
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var broken atomic.Bool
			cl := newClusterWith(t, 3, 3, func(i int, cfg *node.Config) {
				if i == 1 {
					cfg.FS = vfs.WithErrors(vfs.OS(), func(op vfs.Op) error {
						if broken.Load() && strings.Contains(op.Path, "segments") && c.fails(op.Kind) {
							return c.cause
						}
						return nil
					})
				}
			})
			conn := cl.dialWith(client.Config{})
			s := conn.Session(client.SessionOptions{Timeout: 10 * time.Second})
			put(t, s, "before", []byte("before"))
			broken.Store(true)
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() { put(t, s, fmt.Sprintf("during/%d", i), fmt.Appendf(nil, "content %d", i)) })
			}
			wg.Wait()
			if got := get(t, s, "before", client.GetOptions{}); string(got) != "before" {
				t.Errorf("got %q", got)
			}
			for i := range 50 {
				if got := get(t, s, fmt.Sprintf("during/%d", i), client.GetOptions{}); string(got) != fmt.Sprintf("content %d", i) {
					t.Errorf("%d: got %q", i, got)
				}
			}
			nodes, err := conn.Nodes(t.Context())
			if err != nil || !nodes[1].Up || nodes[1].Node.Backends[0].ReadOnly == "" {
				t.Errorf("the node with the broken disk: %+v, %v", nodes[1], err)
			}
			all := conn.Session(client.SessionOptions{Ack: foci.All, Timeout: 3 * time.Second})
			if _, err := all.Put(t.Context(), name("all"), strings.NewReader("x"), 1, client.PutOptions{}); err == nil {
				t.Error("a put was acknowledged by all, one of which cannot write")
			}
			broken.Store(false)
			cl.stop(1)
			cl.start(1)
			put(t, all, "all", []byte("again"))
		})
	}
}

// segments are the files that hold a node's records.
func (c *cluster) segments(i int) []string {
	c.t.Helper()
	files, err := filepath.Glob(filepath.Join(c.Dir(i), "*", "segments", "*"))
	if err != nil || len(files) == 0 {
		c.t.Fatalf("segments of node %d: %v, %v", i, files, err)
	}
	return files
}

// damage changes a node's segments as they lie on the disk.
func (c *cluster) damage(i int, change func(b []byte) (changed int)) {
	c.t.Helper()
	changed := 0
	for _, f := range c.segments(i) {
		b, err := os.ReadFile(f)
		if err != nil {
			c.t.Fatal(err)
		}
		changed += change(b)
		if err := os.WriteFile(f, b, 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	if changed == 0 {
		c.t.Fatal("nothing was damaged")
	}
}

// rot is a cluster whose disks go bad, and what it should hold.
type rot struct {
	*cluster
	s        *client.Session
	keys     []string
	contents map[string][]byte
}

func newRot(t *testing.T) *rot {
	c := newCluster(t, 3, 3)
	r := &rot{cluster: c, s: c.dial(client.SessionOptions{Ack: foci.All, Timeout: 5 * time.Second})}
	r.contents = map[string][]byte{"large": random(2*chunk+77, 1)}
	for i := range 30 {
		r.contents[fmt.Sprintf("o%d", i)] = random(200+i*4000, uint64(i+10)) // inline and not
	}
	for key, b := range r.contents {
		r.keys = append(r.keys, key)
		put(t, r.s, key, b)
	}
	if _, err := appendTo(t.Context(), r.s, "o3", "and more"); err != nil {
		t.Fatal(err)
	}
	r.contents["o3"] = append(r.contents["o3"], "and more"...)
	return r
}

// right gets objects, several times because the groups take turns.
func (r *rot) right(t *testing.T, keys []string) {
	t.Helper()
	for _, key := range keys {
		for range 3 {
			if got := get(t, r.s, key, client.GetOptions{}); !bytes.Equal(got, r.contents[key]) {
				t.Fatalf("%s: wrong bytes", key)
			}
		}
	}
}

// flip changes one bit of each object's content on a node, which is down
// meanwhile, somewhere in the hundred bytes from a place on.
func (r *rot) flip(i, from int, keys ...string) {
	r.stop(i)
	r.damage(i, func(b []byte) (n int) {
		for _, key := range keys {
			if at := bytes.Index(b, r.contents[key][from:from+100]); at >= 0 {
				b[at+50] ^= 1 << rand.IntN(8)
				n++
			}
		}
		return n
	})
	r.start(i)
}

// TestBitRot flips bits where they lie: what is damaged on one node is got from
// the others; what is damaged everywhere is an error and never wrong bytes.
func TestBitRot(t *testing.T) {
	r := newRot(t)
	// Every object has two good copies at any time.
	third := len(r.keys) / 3
	for i := range 2 {
		r.flip(i, 0, r.keys[i*third:(i+1)*third]...)
		r.right(t, r.keys)
	}
	// All over the third node, headers and all.
	r.stop(2)
	r.damage(2, func(b []byte) (n int) {
		for at := 1000; at < len(b); at += 50_000 {
			b[at] ^= 0x10
			n++
		}
		return n
	})
	r.start(2)
	r.right(t, r.keys[2*third:])
	for i := range 3 {
		r.flip(i, 100, "o20")
	}
	for range 3 {
		var got []byte
		obj, err := r.s.Get(t.Context(), name("o20"), client.GetOptions{})
		if err == nil {
			got, err = readAll(obj)
		}
		if k := foci.KindOf(err); err == nil || k != foci.Corrupt && k != foci.NoQuorum {
			t.Fatalf("damaged everywhere: %d bytes, right: %v, %v", len(got), bytes.Equal(got, r.contents["o20"]), err)
		}
	}
}

func readAll(obj *client.Reader) ([]byte, error) {
	var b bytes.Buffer
	_, err := obj.WriteTo(&b)
	return b.Bytes(), errors.Join(err, obj.Close())
}

// TestNewerLayout: nodes that come back with a newer layout tell a client that
// works by the old one, which goes on by the new one; each change is made once.
func TestNewerLayout(t *testing.T) {
	c := newCluster(t, 3, 3)
	s := c.dial(client.SessionOptions{})
	put(t, s, "k", []byte("one"))
	next := c.Layout.Clone()
	next.Epoch = 2
	c.Layout = next
	c.stop(0)
	c.start(0)
	// Node 0 works by epoch 2; the others learn of it from whoever asks.
	if keys := keysOf(t, s, "test-bucket", client.ListOptions{}); len(keys) != 1 {
		t.Fatalf("listing: %q", keys)
	}
	put(t, s, "k", []byte("two"))
	next = next.Clone()
	next.Epoch = 3
	c.Layout = next
	for i := range 3 {
		c.stop(i)
		c.start(i)
	}
	n := 0
	for _, err := range s.History(t.Context(), name("k")) {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != 2 {
		t.Fatalf("%d transactions, want 2", n)
	}
	next = next.Clone()
	next.Epoch = 4
	c.Layout = next
	for i := range 3 {
		c.stop(i)
		c.start(i)
	}
	big := random(2*chunk, 3)
	put(t, s, "big", big)
	if got := get(t, s, "big", client.GetOptions{}); !bytes.Equal(got, big) {
		t.Fatal("wrong bytes")
	}
	if got := get(t, s, "k", client.GetOptions{}); string(got) != "two" {
		t.Fatalf("got %q", got)
	}
}

// TestCloseEndsAll: whatever is under way when a client is closed ends, once,
// and what is begun later is refused.
func TestCloseEndsAll(t *testing.T) {
	c := newCluster(t, 3, 3)
	cl := c.dialWith(client.Config{})
	s := cl.Session(client.SessionOptions{})
	put(t, s, "k", []byte("1"))
	c.stop(1)
	c.stop(2)
	var began, wg sync.WaitGroup
	closed := func(what string, err error) {
		switch foci.KindOf(err) {
		case foci.Closed, foci.NoQuorum, foci.OutcomeUnknown:
			if err != nil {
				return
			}
		}
		t.Errorf("%s: %v", what, err)
	}
	for i := range 20 {
		began.Add(3)
		wg.Go(func() {
			began.Done()
			_, err := s.Put(t.Context(), name(fmt.Sprint(i)), strings.NewReader("2"), 1, client.PutOptions{})
			closed("put", err)
		})
		wg.Go(func() {
			began.Done()
			_, err := s.Put(t.Context(), name(fmt.Sprint(i)), bytes.NewReader(make([]byte, 3*chunk)), -1, client.PutOptions{})
			closed("upload", err)
		})
		wg.Go(func() {
			began.Done()
			_, err := s.Get(t.Context(), name("k"), client.GetOptions{})
			closed("get", err)
		})
	}
	began.Wait()
	for range 2 {
		wg.Go(func() {
			if err := cl.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("something goes on although the client is closed")
	}
	_, err := s.Put(t.Context(), name("late"), strings.NewReader("2"), 1, client.PutOptions{})
	closed("put after close", err)
}

// TestOldVersionThatAGroupHoldsInPart: a group that missed the put, and has the
// append above it, does not keep the others from serving what they were.
func TestOldVersionThatAGroupHoldsInPart(t *testing.T) {
	c := newCluster(t, 3, 3)
	s := c.dial(client.SessionOptions{Timeout: 10 * time.Second})
	one := random(100<<10, 1) // too much to linger for a node that is away
	for i := range 3 {
		key := fmt.Sprint(i)
		c.stop(i)
		put(t, s, key, one)
		c.start(i)
		all := c.dial(client.SessionOptions{Ack: foci.All, Timeout: 10 * time.Second})
		old, err := appendTo(t.Context(), all, key, " and two")
		if err != nil {
			t.Fatal(err)
		}
		put(t, all, key, []byte("three"))
		if got := get(t, s, key, client.GetOptions{Version: old.Version}); !bytes.Equal(got, append(bytes.Clone(one), " and two"...)) {
			t.Errorf("group %d lacks the put: got %d bytes", i+1, len(got))
		}
	}
}
