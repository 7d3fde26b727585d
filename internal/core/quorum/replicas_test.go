package quorum

import (
	"errors"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// TestErrorsNameEachReplica: the error of an operation without a quorum has one
// line for each group: which node, and what became of the operation there.
func TestErrorsNameEachReplica(t *testing.T) {
	named := func(c *Config) { c.Name = func(n foci.NodeID) string { return "n" + string('0'+n[0]) } }
	t.Run("a read", func(t *testing.T) {
		r, s := read(t, named)
		s.asks("query 1", "query 2")
		s.answer("query 1", Answer{Node: foci.NodeID{1}, Msg: &wire.QueryReply{Epoch: 1, Clock: 1000, Vote: voteOf(base)}})
		s.answer("query 2", Answer{Node: foci.NodeID{2}, Err: foci.Errorf(foci.Unreachable, "no channel")})
		s.asks("query 3")
		s.passes(deadline)
		s.ended()
		_, err := r.Result()
		wantReplicas(t, err, foci.NoQuorum, []string{
			"group 1, node n1 (01000000): done",
			"group 2, node n2 (02000000): no channel",
			"group 3: no answer yet",
		})
	})
	t.Run("a write", func(t *testing.T) {
		cfg := config()
		named(&cfg)
		cfg.Hedge = time.Hour
		w := NewWrite(cfg, base)
		s := begin(t, w)
		s.answer("query 1", Answer{Node: foci.NodeID{1}, Msg: &wire.QueryReply{Epoch: 1, Clock: 1000}})
		s.answer("query 2", Answer{Node: foci.NodeID{2}, Msg: &wire.QueryReply{Epoch: 1, Clock: 1000}})
		s.answer("store 1", Answer{Node: foci.NodeID{1}, Msg: &wire.StoreReply{Epoch: 1}})
		s.answer("store 2", Answer{Node: foci.NodeID{2}, Err: foci.Errorf(foci.OutcomeUnknown, "no answer in 1s")})
		s.answer("store 3", Answer{Node: foci.NodeID{3}, Err: foci.Errorf(foci.ReadOnly, "disk full")})
		_, err := w.Result()
		wantReplicas(t, err, foci.OutcomeUnknown, []string{
			"group 1, node n1 (01000000): done",
			"group 2, node n2 (02000000): no answer in 1s",
			"group 3, node n3 (03000000): disk full",
		})
	})
	t.Run("a group that was not asked", func(t *testing.T) {
		r, s := read(t, func(c *Config) { c.Hedge = time.Hour })
		s.asks("query 1", "query 2")
		s.passes(deadline)
		_, err := r.Result()
		wantReplicas(t, err, foci.NoQuorum, []string{"group 1: no answer yet", "group 2: no answer yet", "group 3: it was not asked"})
	})
}

func wantReplicas(t *testing.T, err error, kind foci.Kind, want []string) {
	t.Helper()
	var all foci.Replicas
	if !errors.As(err, &all) || foci.KindOf(err) != kind || len(all) != len(want) {
		t.Fatalf("%v, want kind %v and %d replicas", err, kind, len(want))
	}
	for i := range want {
		if got := all[i].String(); got != want[i] {
			t.Errorf("replica %d is %q, want %q", i, got, want[i])
		}
	}
}
