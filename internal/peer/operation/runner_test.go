package operation

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
	core "github.com/foci-store/foci/internal/core/operation"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/status"
)

var node = foci.NodeID{1}

// network is one node that owns everything and, unless a test says so, gets
// nothing.
type network struct {
	send func(a *core.Attempt, q *mesh.Request) error
}

func (n *network) Send(a *core.Attempt, q *mesh.Request) error  { return n.send(a, q) }
func (*network) Delivered(_, _ foci.NodeID, _ *txn.Delivery)    {}
func (*network) WhyDown(foci.NodeID) error                      { return nil }
func (*network) Observe(foci.NodeID, time.Duration)             {}
func (*network) Route(txn.Target, foci.Class) (txn.Path, error) { return txn.Path{Peer: node}, nil }
func (*network) Nearest(*layout.Snapshot, string, foci.ID) []foci.Group {
	return nil
}
func (*network) Need(foci.Epoch, time.Duration, func(*layout.Snapshot)) {}

func runner(t *testing.T, n *network) *Runner {
	began := time.Now()
	r := New(Config{Paths: n, Layouts: n, Traces: new(status.Traces), Now: func() time.Duration { return time.Since(began) }})
	r.PeerUp(node)
	t.Cleanup(r.Close)
	return r
}

// TestPayloadIsFreeWhenDoneHasReturned: an operation that is idle while its caller
// is being answered holds the payload until that is over.
func TestPayloadIsFreeWhenDoneHasReturned(t *testing.T) {
	var asked *mesh.Request
	r := runner(t, &network{send: func(_ *core.Attempt, q *mesh.Request) error {
		asked = q
		return nil
	}})
	freed := 0
	p := NewPayload(func() { freed++ })
	giveUp := r.Run(quorum.NewSingle(1, new(wire.Query)), Op{Deadline: r.cfg.Now() + time.Hour, Payload: p, Done: func() {
		p.Release()
		if freed > 0 {
			t.Error("freed while the caller is being answered")
		}
	}})
	giveUp() // cancels the request: nothing is on its way any more
	if asked == nil || freed != 1 {
		t.Fatalf("freed %d times", freed)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.machine.Lingering(); n != 0 {
		t.Errorf("%d operations linger", n)
	}
}

// TestCanceledIsDeliveredOnce: an attempt is canceled before it is sent, and then
// finds no link. The payload may be in use for something else by then.
func TestCanceledIsDeliveredOnce(t *testing.T) {
	n := &network{}
	r := runner(t, n)
	freed, sent, done := 0, 0, 0
	n.send = func(*core.Attempt, *mesh.Request) error {
		sent++
		r.Close()
		if freed != 1 {
			t.Error("not freed")
		}
		return foci.Errorf(foci.NoRoute, "no channel to the node")
	}
	p := NewPayload(func() { freed++ })
	r.Run(quorum.NewSingle(1, new(wire.Query)), Op{Deadline: r.cfg.Now() + time.Hour, Payload: p, Done: func() {
		done++
		p.Release()
	}})
	if sent != 1 || done != 1 || freed != 1 {
		t.Fatalf("sent %d times, answered %d times, freed %d times", sent, done, freed)
	}
}
