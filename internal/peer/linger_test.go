package peer_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/peer"
)

// hungDisk is three replicas of which one is alive and is storing for ever. The
// others answer hints as told; the first that was asked is number 1.
func hungDisk(t *testing.T, hint func(n int64, in *mesh.Incoming)) *replicas {
	var hints atomic.Int64
	return newReplicas(t, 3, func(r int, in *mesh.Incoming) bool {
		switch {
		case in.Method == wire.MethodHint:
			var m wire.Hint
			if err := codec.Unmarshal(in.Head, &m); err != nil || m.Missed != 3 {
				t.Errorf("a hint of group %d: %v", m.Missed, err)
			}
			hint(hints.Add(1), in)
			return true
		case r != 2:
			return false
		case in.Method == wire.MethodHave:
			a := wire.HaveReply{Epoch: 1, State: wire.HaveInProgress}
			in.Reply(a.Append(nil), nil)
			return true
		}
		return in.Method == wire.MethodStore
	})
}

func keep(in *mesh.Incoming) {
	a := wire.HintReply{Epoch: 1}
	in.Reply(a.Append(nil), nil)
}

// TestHintForASilentReplica: a write whose caller was answered leaves a hint for
// the replica that is alive and never answers, soon, and not at its deadline.
func TestHintForASilentReplica(t *testing.T) {
	kept := make(chan struct{})
	rs := hungDisk(t, func(_ int64, in *mesh.Incoming) {
		keep(in)
		close(kept)
	})
	p := rs.connect(func(c *peer.Config) { c.Stall, c.Resends, c.Linger = 10*time.Millisecond, 1000, 100*time.Millisecond })
	r := write(t, p, "k", make([]byte, 100<<10), time.Hour, nil)
	if err := r.result(t); err != nil {
		t.Fatal(err)
	}
	select {
	case <-kept:
	case <-time.After(1500 * time.Millisecond):
		t.Fatal("no hint was left")
	}
	wait(t, "idle", r.idle)
}

// TestHintOutlivesClose is the same for a process that closes as soon as its
// caller is answered: the hint is kept although the first replica that is asked
// for that refuses.
func TestHintOutlivesClose(t *testing.T) {
	var kept atomic.Bool
	rs := hungDisk(t, func(n int64, in *mesh.Incoming) {
		if n > 1 {
			kept.Store(true)
			keep(in)
			return
		}
		time.AfterFunc(50*time.Millisecond, func() { in.Fail(foci.Errorf(foci.ReadOnly, "no")) })
	})
	p := rs.connect(func(c *peer.Config) { c.Linger = 50 * time.Millisecond })
	r := write(t, p, "k", []byte("content"), time.Hour, nil)
	if err := r.result(t); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if !kept.Load() {
		t.Fatal("no hint was left")
	}
}
