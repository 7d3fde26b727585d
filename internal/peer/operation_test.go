package peer_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
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

// silent answers no question of a method.
func silent(m wire.Method, held *sync.Map) func(int, *mesh.Incoming) bool {
	return func(_ int, in *mesh.Incoming) bool {
		if in.Method == m {
			held.Store(in, nil)
		}
		return in.Method == m
	}
}

func TestWriteEnds(t *testing.T) {
	rs := newReplicas(t, 3, nil)
	r := write(t, rs.connect(nil), "k", []byte("content"), 10*time.Second, nil)
	if err := r.result(t); err != nil {
		t.Fatal(err)
	}
	wait(t, "idle", r.idle)
}

func TestDeadline(t *testing.T) {
	for _, c := range []struct {
		silent wire.Method
		want   foci.Kind
	}{{wire.MethodQuery, foci.NoQuorum}, {wire.MethodStore, foci.OutcomeUnknown}} {
		var held sync.Map
		rs := newReplicas(t, 3, silent(c.silent, &held))
		p := rs.connect(nil)
		began := time.Now()
		r := write(t, p, "k", []byte("content"), 200*time.Millisecond, nil)
		if err := r.result(t); !errors.Is(err, c.want) || time.Since(began) < 200*time.Millisecond {
			t.Errorf("silent to %d: %v after %v", c.silent, err, time.Since(began))
		}
		wait(t, "idle", r.idle)
		if n := len(p.Txns().Pending); n > 0 {
			t.Errorf("%d legs are pending", n)
		}
		held.Range(func(in, _ any) bool { in.(*mesh.Incoming).Fail(foci.Errorf(foci.Busy, "late")); return true })
	}
}

func TestGiveUp(t *testing.T) {
	var held sync.Map
	arrived := make(chan struct{})
	var once sync.Once
	rs := newReplicas(t, 3, func(r int, in *mesh.Incoming) bool {
		if in.Method == wire.MethodStore {
			once.Do(func() { close(arrived) })
		}
		return silent(wire.MethodStore, &held)(r, in)
	})
	p := rs.connect(nil)
	r := write(t, p, "k", make([]byte, 1<<20), time.Hour, nil)
	wait(t, "the record", arrived)
	r.giveUp()
	r.giveUp()
	if err := r.result(t); !errors.Is(err, foci.OutcomeUnknown) {
		t.Fatal(err)
	}
	wait(t, "idle", r.idle) // its legs linger, and not for an hour
	r.giveUp()
	held.Range(func(in, _ any) bool { in.(*mesh.Incoming).Fail(foci.Errorf(foci.Busy, "late")); return true })
}

// TestPayloadsAreFreeWhenIdle writes over each payload as soon as it is said to
// be free, while channels are lost and answers are late: no replica may ever see
// a record that does not match its hash.
func TestPayloadsAreFreeWhenIdle(t *testing.T) {
	var rs *replicas
	rs = newReplicas(t, 3, func(r int, in *mesh.Incoming) bool {
		switch {
		case in.Method != wire.MethodStore:
			return false
		case rand.IntN(20) == 0:
			in.Fail(&foci.Error{Kind: foci.Busy, Msg: "now and then", RetryAfter: time.Millisecond})
			return true
		case rand.IntN(10) == 0: // it stores, and its answer is late
			time.AfterFunc(30*time.Millisecond, func() { rs.store(in) })
			return true
		}
		return false
	})
	p := rs.connect(func(c *peer.Config) {
		c.Stall = 20 * time.Millisecond
		c.Resends = 1000
	})
	stop := make(chan struct{})
	var nemesis, wg sync.WaitGroup
	nemesis.Go(func() {
		for i := 0; ; i = (i + 1) % 3 {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				rs.stop(i)
				rs.start(i)
			}
		}
	})
	var ok, failed atomic.Int32
	for w := range 8 {
		wg.Go(func() {
			payload := make([]byte, 200<<10)
			for i := range 8 {
				for k := range payload {
					payload[k] = byte(w + i + k)
				}
				r := write(t, p, fmt.Sprint(w, i), payload, 5*time.Second, func() { clear(payload) })
				if r.result(t) == nil {
					ok.Add(1)
				} else {
					failed.Add(1)
				}
				wait(t, "idle", r.idle)
			}
		})
	}
	wg.Wait()
	close(stop)
	nemesis.Wait()
	if ok.Load() < 50 {
		t.Errorf("%d of 64 writes went well", ok.Load())
	}
}

// TestCloseWhileRunning: each operation ends once, and none can begin later.
func TestCloseWhileRunning(t *testing.T) {
	var held sync.Map
	rs := newReplicas(t, 3, silent(wire.MethodStore, &held))
	p := rs.connect(nil)
	var runs []*run
	for i := range 50 {
		runs = append(runs, write(t, p, fmt.Sprint(i), make([]byte, 100<<10), time.Hour, nil))
	}
	var closers sync.WaitGroup
	for range 3 {
		closers.Go(func() { _ = p.Close() })
	}
	closers.Wait()
	runs = append(runs, write(t, p, "late", []byte("x"), time.Hour, nil))
	for _, r := range runs {
		if k := foci.KindOf(r.result(t)); k != foci.NoQuorum && k != foci.OutcomeUnknown && k != foci.Closed {
			t.Error(k)
		}
		wait(t, "idle", r.idle)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCloseLetsLegsEnd: a write that was acknowledged by two of three still
// reaches the third when its client leaves.
func TestCloseLetsLegsEnd(t *testing.T) {
	var rs *replicas
	rs = newReplicas(t, 3, func(r int, in *mesh.Incoming) bool {
		if in.Method == wire.MethodStore && r == 2 {
			time.AfterFunc(300*time.Millisecond, func() { rs.store(in) })
			return true
		}
		return false
	})
	p := rs.connect(nil)
	for i := range 3 { // more than one, so that an earlier quiet moment does not count
		r := write(t, p, fmt.Sprint(i), []byte("content"), 10*time.Second, nil)
		if err := r.result(t); err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			wait(t, "idle", r.idle)
			continue
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if v, _ := r.w.Result(); rs.stored[v] != 3 {
			t.Errorf("%d replicas have it, want 3", rs.stored[v])
		}
	}
}

// TestStaleLayout: replicas that work by a newer layout give it, and the
// operation goes on with the version that it had.
func TestStaleLayout(t *testing.T) {
	var rs *replicas
	var once sync.Once
	rs = newReplicas(t, 3, func(_ int, in *mesh.Incoming) bool {
		if in.Method == wire.MethodStore {
			once.Do(func() { // between the two phases of the write
				next := rs.layout.Load().Clone()
				next.Epoch = 5
				rs.layout.Store(next)
			})
		}
		return false
	})
	p := rs.connect(nil)
	r := write(t, p, "k", []byte("content"), 10*time.Second, nil)
	if err := r.result(t); err != nil {
		t.Fatal(err)
	}
	wait(t, "idle", r.idle)
	if p.Layout().Epoch != 5 || len(rs.stored) != 1 || rs.count(wire.MethodStore) < 4 {
		t.Fatalf("epoch %d, %d versions, %d stores", p.Layout().Epoch, len(rs.stored), rs.count(wire.MethodStore))
	}
	// One that nobody has is waited for until the deadline, and no longer.
	if err := p.AwaitLayout(t.Context(), 6, p.Now()+50*time.Millisecond); !errors.Is(err, foci.StaleLayout) {
		t.Fatal(err)
	}
	if err := p.AwaitLayout(t.Context(), 5, p.Now()+time.Hour); err != nil {
		t.Fatal(err)
	}
}

// TestStaleForEver: a replica that names a layout which nobody has.
func TestStaleForEver(t *testing.T) {
	rs := newReplicas(t, 3, func(_ int, in *mesh.Incoming) bool {
		if in.Method == wire.MethodQuery {
			in.FailWith(&wire.Error{Kind: foci.StaleLayout, Epoch: 1 << 63, Text: "believe me"})
			return true
		}
		return false
	})
	r := write(t, rs.connect(nil), "k", []byte("content"), 200*time.Millisecond, nil)
	if err := r.result(t); !errors.Is(err, foci.NoQuorum) {
		t.Fatal(err)
	}
	wait(t, "idle", r.idle)
}

// TestCloseWhileWaitingForALayout: an operation that has no leg left, because it
// waits for a newer layout, ends with its process, too.
func TestCloseWhileWaitingForALayout(t *testing.T) {
	for _, method := range []wire.Method{wire.MethodQuery, wire.MethodStore} {
		rs := newReplicas(t, 3, func(_ int, in *mesh.Incoming) bool {
			if in.Method == method {
				in.FailWith(&wire.Error{Kind: foci.StaleLayout, Epoch: 9, Text: "believe me"})
			}
			return in.Method == method
		})
		p := rs.connect(nil)
		r := write(t, p, "k", []byte("content"), time.Hour, nil)
		testwait.True(t, 20*time.Second, "the operation to wait", func() bool { return rs.count(method) >= 2 && len(p.Txns().Pending) == 0 })
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		want := foci.NoQuorum
		if method == wire.MethodStore {
			want = foci.OutcomeUnknown
		}
		if err := r.result(t); !errors.Is(err, want) {
			t.Errorf("method %d: %v, want %v", method, err, want)
		}
		wait(t, "idle", r.idle)
	}
}

func TestAdmit(t *testing.T) {
	rs := newReplicas(t, 1, nil)
	p := rs.connect(func(c *peer.Config) { c.MaxOps, c.MaxHeld = 3, 1000 })
	one, err := p.Admit(600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Admit(401); !errors.Is(err, foci.Busy) {
		t.Fatal(err)
	}
	two, err := p.Admit(400)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Admit(0); err != nil {
		t.Fatal(err)
	}
	var e *foci.Error
	if _, err := p.Admit(0); !errors.As(err, &e) || e.Kind != foci.Busy || e.RetryAfter == 0 || e.Fix == "" {
		t.Fatal(err)
	}
	one()
	two()
	if _, err := p.Admit(1000); err != nil {
		t.Fatal(err)
	}
}

// TestFetchedIsChecked: an answer whose bytes are not what its hash says, or
// that does not fit its question, is passed over for another group's.
func TestFetchedIsChecked(t *testing.T) {
	id := foci.ChunkID("bucket", foci.UploadID{1}, 0)
	good := []byte("the right bytes")
	entry := record.Entry{Op: record.OpChunk, Version: foci.Version{Time: 5, Nonce: 5}, Size: uint64(len(good)), Length: uint32(len(good))}
	entry.Hash = record.ContentHash(entry.Op, false, nil, good)
	for name, spoil := range map[string]func(*wire.FetchReply, *[]byte){
		"wrong bytes":   func(_ *wire.FetchReply, b *[]byte) { *b = []byte("the wrong bytes") },
		"bytes missing": func(_ *wire.FetchReply, b *[]byte) { *b = good[:5] },
		"too many":      func(_ *wire.FetchReply, b *[]byte) { *b = append(bytes.Clone(good), 1) },
		"fewer said":    func(r *wire.FetchReply, b *[]byte) { r.Entries[0].Bytes, *b = 0, nil },
		"another size":  func(r *wire.FetchReply, _ *[]byte) { r.Entries[0].Size = 1 << 50 },
		"newer":         func(r *wire.FetchReply, _ *[]byte) { r.Entries[0].Version.Time = 9 },
		"more entries": func(r *wire.FetchReply, _ *[]byte) {
			r.Entries = append(r.Entries, wire.FetchedEntry{Entry: entry})
			r.Entries[1].Version.Nonce++
		},
		"older": func(r *wire.FetchReply, _ *[]byte) { r.Entries[0].Version.Time = 1 },
	} {
		var asked atomic.Int32
		rs := newReplicas(t, 3, func(_ int, in *mesh.Incoming) bool {
			if in.Method != wire.MethodFetch {
				return false
			}
			r, body := wire.FetchReply{Epoch: 1, Entries: []wire.FetchedEntry{{Entry: entry, Bytes: entry.Length}}}, good
			if asked.Add(1) < 3 {
				spoil(&r, &body)
			}
			in.Reply(r.Append(nil), bytes.Clone(body))
			return true
		})
		p := rs.connect(nil)
		cfg, err := p.Config("bucket", id, foci.Quorum, p.Now()+10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		m := quorum.NewAny(cfg, wire.Fetch{ID: id, From: entry.Version, To: foci.Version{Time: 6}, Limit: 1, MaxBytes: 100})
		done := make(chan struct{})
		p.Run(m, operation.Op{ID: id, Bucket: "bucket", Class: foci.Bulk, Deadline: cfg.Deadline, Done: func() { close(done) }})
		wait(t, name, done)
		if _, body, err := m.Result(); err != nil || !bytes.Equal(body, good) || asked.Load() < 3 {
			t.Errorf("%s: %q, %v, %d groups asked", name, body, err, asked.Load())
		}
	}
}
