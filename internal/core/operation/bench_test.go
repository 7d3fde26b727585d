package operation

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
)

// BenchmarkPut is all that the machine does for a put to three groups.
func BenchmarkPut(b *testing.B) {
	m := New(Config{Txn: txn.Config{Route: func(to txn.Target, _ foci.Class) (txn.Path, error) {
		return txn.Path{Peer: foci.NodeID{byte(to.Group)}}, nil
	}}})
	for g := range byte(3) {
		m.PeerUp(nil, 0, foci.NodeID{g + 1})
	}
	rec := record.Record{ID: foci.ObjectID(foci.Name{Bucket: "books", Key: "emma"}), Payload: make([]byte, 1024)}
	rec.Op, rec.Size = record.OpPut, 1024
	rec.Seal()
	vote, stored := txn.Delivery{Fate: txn.Answered, Msg: &wire.QueryReply{Epoch: 1}}, txn.Delivery{Fate: txn.Answered, Msg: &wire.StoreReply{Epoch: 1}}
	out := make([]Effect, 0, 16)
	now := time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		now += time.Microsecond
		cfg := quorum.Config{
			Plan: quorum.Plan{Epoch: 1, Groups: []foci.Group{1, 2, 3}}, Hedge: time.Second, Deadline: now + time.Minute,
			Clock: func() int64 { return 1000 }, Nonce: func() uint64 { return 1 },
		}
		out, _ = m.Start(out[:0], now, Op{Quorum: quorum.NewWrite(cfg, rec), Class: foci.Reg, Deadline: cfg.Deadline})
		for i := 0; i < len(out); i++ {
			if e := out[i]; e.Do == Send {
				d := &stored
				if e.Attempt.Method == wire.MethodQuery {
					d = &vote
				}
				out = m.Delivered(out, now, e.Attempt, d)
			}
		}
		if out[len(out)-1].Do != Idle {
			b.Fatal("it is not over")
		}
	}
}
