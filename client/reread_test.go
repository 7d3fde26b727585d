package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/testwait"
)

// TestContentIsReadAgain: content from a file is not kept while a node that has
// to have it is away: memory stays flat, and when the node is back each put is
// acknowledged with the right bytes.
func TestContentIsReadAgain(t *testing.T) {
	c := newCluster(t, 3, 3)
	s := c.dialWith(client.Config{MaxHeld: 1 << 20}).Session(client.SessionOptions{Ack: foci.All, Timeout: time.Minute})
	put(t, s, "first", []byte("so that all links are there"))
	const puts, size = 32, 512 << 10
	dir := t.TempDir()
	files := make([]*os.File, puts)
	for i := range files {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, random(size, uint64(i)), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	c.stop(2)
	before := heap()
	futures := make([]*client.Future[client.Result], puts)
	for i, f := range files {
		futures[i] = s.PutAsync(t.Context(), name(fmt.Sprint(i)), f, size, client.PutOptions{}, nil)
	}
	if most := awaitParked(t, s, puts, before); most > 12<<20 { // buffers of the nodes, which are in this process
		t.Errorf("%d MiB more while %d puts of half a MiB wait", most>>20, puts)
	}
	c.start(2)
	for i, f := range futures {
		if _, err := f.Result(); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	for i := range puts {
		if got := get(t, s, fmt.Sprint(i), client.GetOptions{}); !bytes.Equal(got, random(size, uint64(i))) {
			t.Fatalf("%d: wrong bytes", i)
		}
	}
}

// awaitParked waits until no fewer legs wait for a node that is away, and says
// how much memory that takes.
func awaitParked(t *testing.T, s *client.Session, legs int, before uint64) int64 {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // this process alone answers
	testwait.Until(t, 40*time.Second, fmt.Sprintf("%d legs to wait", legs), func() error {
		all, _ := s.Client().Txns(ctx)
		is := all[0].Is
		waiting := len(is.Pending) + is.More
		k := &is.Counters
		// All that the other nodes have to do is done, so that nothing is on its way
		// but what is for the one that is away.
		if waiting >= legs && k.Done >= uint64(2*legs) && int(k.Submitted-k.Done-k.Failed) == waiting {
			return nil
		}
		return fmt.Errorf("%d wait: %+v", waiting, is.Counters)
	})
	return int64(heap()) - int64(before)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// changing gives other bytes each time that it is read.
type changing struct{ reads atomic.Int32 }

func (c *changing) ReadAt(p []byte, _ int64) (int, error) {
	n := byte(c.reads.Add(1))
	for i := range p {
		p[i] = n
	}
	return len(p), nil
}

// broken can be read once, for its hash.
type broken struct{ left atomic.Int64 }

func (b *broken) ReadAt(p []byte, _ int64) (int, error) {
	if b.left.Add(-int64(len(p))) < 0 {
		return 0, errors.New("the disk is gone")
	}
	clear(p)
	return len(p), nil
}

// TestContentThatChanges: content that is not the same when it is read again is
// stored nowhere, and the error says so; so with content that cannot be.
func TestContentThatChanges(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{Timeout: 10 * time.Second})
	for _, size := range []int64{100 << 10, 9 << 20} {
		once := &broken{}
		once.left.Store(size)
		for what, r := range map[string]io.ReaderAt{"changes": &changing{}, "breaks": once} {
			_, err := s.Put(t.Context(), name(what), io.NewSectionReader(r, 0, size), size, client.PutOptions{})
			if k := foci.KindOf(err); err == nil || k != foci.Corrupt && k != foci.Invalid && k != foci.NoQuorum {
				t.Errorf("%s, %d bytes: %v", what, size, err)
			}
			if _, err := s.Stat(t.Context(), name(what)); !errors.Is(err, foci.NotFound) {
				t.Errorf("%s: it was stored: %v", what, err)
			}
		}
	}
}

// TestContentIsNotReadLater: when a put has returned its content is the
// caller's again, although a replica has not been sent all of it.
func TestContentIsNotReadLater(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	b := make([]byte, 9<<20)
	for i := range 5 {
		for k := range b {
			b[k] = byte(i)
		}
		if _, err := s.Put(t.Context(), name("k"), bytes.NewReader(b), int64(len(b)), client.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Append(t.Context(), name("k"), bytes.NewReader(b[:1<<20]), 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	r := bytes.NewReader(b)
	put(t, s, "part", b[:3])
	if _, err := s.Put(t.Context(), name("part"), r, 20<<10, client.PutOptions{}); err != nil || r.Len() != len(b)-20<<10 {
		t.Fatalf("%d bytes are left, %v", r.Len(), err)
	}
}
