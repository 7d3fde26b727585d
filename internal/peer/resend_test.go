package peer_test

import (
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/peer"
	"github.com/foci-store/foci/internal/peer/operation"
	"github.com/foci-store/foci/internal/testwait"
)

// content is one chunk, to be fetched.
type content struct {
	body  []byte
	entry record.Entry
}

func newContent(size int) content {
	c := content{body: make([]byte, size)}
	c.entry = record.Entry{Op: record.OpChunk, Version: foci.Version{Time: 5, Nonce: 5}, Size: uint64(size), Length: uint32(size)}
	c.entry.Hash = record.ContentHash(c.entry.Op, false, nil, c.body)
	return c
}

// reply answers a fetch of it.
func (c content) reply(in *mesh.Incoming) {
	r := wire.FetchReply{Epoch: 1, Entries: []wire.FetchedEntry{{Entry: c.entry, Bytes: c.entry.Length}}}
	in.Reply(r.Append(nil), c.body)
}

func (c content) fetch() wire.Fetch {
	return wire.Fetch{Target: wire.Target{Epoch: 1, Group: 1}, From: c.entry.Version, MaxBytes: c.entry.Length}
}

// TestResentReadsDoNotAddUp: a read that is sent again to a node that is slow
// cancels its earlier copies there, so that the node has one to work on.
func TestResentReadsDoNotAddUp(t *testing.T) {
	c := newContent(1 << 20)
	const copies = 3
	var mu sync.Mutex
	var earlier []*mesh.Incoming
	rs := newReplicas(t, 1, func(_ int, in *mesh.Incoming) bool {
		if in.Method != wire.MethodFetch {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		if len(earlier) < copies-1 {
			earlier = append(earlier, in)
			return true
		}
		before := earlier
		go func() {
			for _, e := range before {
				for end := time.Now().Add(time.Second); !e.Canceled(); time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Error("an earlier copy of the read is still wanted")
						break
					}
				}
				e.Fail(foci.Errorf(foci.Canceled, "no longer wanted"))
			}
			c.reply(in)
		}()
		return true
	})
	p := rs.connect(func(cfg *peer.Config) { cfg.Stall, cfg.Resends = 20*time.Millisecond, 1000 })
	f := c.fetch()
	_, got, err := p.Call(t.Context(), &f, foci.Bulk, p.Now()+10*time.Second)
	if err != nil || len(got) != len(c.body) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}

// gauge is a body that tells when it has been read up to a mark.
type gauge struct {
	content
	mark    int64
	reached chan struct{}
	once    sync.Once
}

func (g *gauge) Size() int64 { return int64(len(g.body)) }

func (g *gauge) ReadAt(p []byte, off int64) (int, error) {
	if off >= g.mark {
		g.once.Do(func() { close(g.reached) })
	}
	return copy(p, g.body[off:]), nil
}

// TestAnswerBehindAnotherIsAwaited: an answer that waits for another one on its
// channel is not asked for again while that one moves.
func TestAnswerBehindAnotherIsAwaited(t *testing.T) {
	const stall = 500 * time.Millisecond
	second := newContent(100 << 10)
	first := &gauge{content: newContent(5 << 19), mark: 3 << 19, reached: make(chan struct{})}
	var once sync.Once
	rs := newReplicas(t, 1, func(_ int, in *mesh.Incoming) bool {
		if in.Method != wire.MethodFetch {
			return false
		}
		isFirst := false
		once.Do(func() { isFirst = true })
		if !isFirst {
			go func() {
				<-first.reached
				second.reply(in)
			}()
			return true
		}
		r := wire.FetchReply{Epoch: 1, Entries: []wire.FetchedEntry{{Entry: first.entry, Bytes: first.entry.Length}}}
		in.ReplySource(r.Append(nil), first)
		return true
	})
	p := rs.connect(func(cfg *peer.Config) {
		slowly(cfg)
		cfg.Stall = stall
		cfg.Mesh.Channels[foci.Bulk] = 1
	})
	done := make(chan error, 2)
	ask := func(f wire.Fetch) {
		_, _, err := p.Call(t.Context(), &f, foci.Bulk, p.Now()+30*time.Second)
		done <- err
	}
	go ask(first.fetch())
	testwait.True(t, 20*time.Second, "the first fetch to arrive", func() bool { return rs.count(wire.MethodFetch) > 0 })
	began := time.Now()
	go ask(second.fetch())
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < stall {
		t.Fatalf("it took %v: not slow enough to say anything", took)
	}
	if n := rs.count(wire.MethodFetch); n != 2 {
		t.Errorf("the two were asked for %d times", n)
	}
}

// TestArrivingAnswerIsNotLate: the next group is not asked for what is on its way
// from the first.
func TestArrivingAnswerIsNotLate(t *testing.T) {
	c := newContent(3 << 20)
	rs := newReplicas(t, 3, func(_ int, in *mesh.Incoming) bool {
		if in.Method == wire.MethodFetch {
			c.reply(in)
		}
		return in.Method == wire.MethodFetch
	})
	p := rs.connect(slowly)
	f := c.fetch()
	cfg, err := p.Config("bucket", f.ID, foci.Quorum, p.Now()+30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Hedge = 700 * time.Millisecond
	y := quorum.NewAny(cfg, f)
	began, done := time.Now(), make(chan struct{})
	p.Run(y, operation.Op{ID: f.ID, Bucket: "bucket", Class: foci.Bulk, Deadline: cfg.Deadline, Done: func() { close(done) }})
	wait(t, "the answer", done)
	if _, body, err := y.Result(); err != nil || len(body) != len(c.body) {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
	if took := time.Since(began); took < cfg.Hedge {
		t.Fatalf("it took %v: not slow enough to say anything", took)
	}
	if n := rs.count(wire.MethodFetch); n != 1 {
		t.Errorf("%d groups were asked", n)
	}
}

// TestResendGoesByAnotherChannel: a channel on which a request stalled may be
// stalled itself. The next copy finds no other and has one opened, which the one
// after it takes.
func TestResendGoesByAnotherChannel(t *testing.T) {
	const resends = 2
	channels := make(chan string, resends+1)
	rs := newReplicas(t, 1, func(_ int, in *mesh.Incoming) bool {
		if in.Method == wire.MethodQuery {
			channels <- in.From.Addr
		}
		return in.Method == wire.MethodQuery // and never answers
	})
	p := rs.connect(func(cfg *peer.Config) { cfg.Stall, cfg.Resends = 100*time.Millisecond, resends })
	q := &wire.Query{Target: wire.Target{Epoch: 1, Group: 1}}
	_, _, err := p.Call(t.Context(), q, foci.Reg, p.Now()+10*time.Second)
	if foci.KindOf(err) != foci.Stalled {
		t.Fatal(err)
	}
	first := <-channels
	for range resends - 1 {
		<-channels
	}
	if last := <-channels; last == first {
		t.Errorf("all %d copies went by %s", resends+1, first)
	}
}
