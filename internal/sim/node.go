package sim

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/sim/engine"
	"github.com/foci-store/foci/internal/sim/mesh"
)

// node is one server process with one backend.
type node struct {
	*cluster
	at    engine.Endpoint
	proc  *mesh.Process
	up    bool // it serves
	born  int  // incarnation: work begun in an earlier one never finishes
	disk  *store
	epoch foci.Epoch    // kept on disk
	clock time.Duration // how far its clock is off
	ahead time.Duration // added to clock until it is corrected
	ready time.Duration // before this time it refuses to vote
	hints *keeper
	held  []func() // queries that wait until the node destroys something
}

// wall reads the node's clock.
func (n *node) wall() int64 { return wallStart + int64(n.Now+n.clock+n.ahead) }

// unsyncedKept is how many of the unsynced records a crash happens to keep.
func (n *node) unsyncedKept() int {
	switch n.Rand.IntN(3) {
	case 1:
		return len(n.disk.unsynced)
	case 2:
		return n.Rand.IntN(len(n.disk.unsynced) + 1)
	}
	return 0
}

// crash kills the process at any point of its work.
func (n *node) crash(keep int) {
	if !n.up {
		return
	}
	n.up = false
	n.born++
	n.disk.crash(keep)
	n.Crashes++
	n.hints.crash()
}

// start brings a crashed node back.
func (n *node) start() {
	n.up = true
	n.proc.Start()
}

// drain ends the process in good order.
func (n *node) drain() {
	if !n.up || !n.proc.Up {
		return
	}
	n.proc.Drain()
	life := n.proc.Inc
	n.After(n.UpTo(60*time.Millisecond), func() {
		if n.up && n.proc.Inc == life {
			n.crashFor(n, len(n.disk.unsynced), n.UpTo(100*time.Millisecond))
		}
	})
}

// handle serves one request; reply may be called later, or never.
func (n *node) handle(m codec.Message, reply func(quorum.Answer)) {
	if !n.up {
		return
	}
	if err := n.refusal(target(m)); err != nil {
		reply(quorum.Answer{Err: err})
		return
	}
	if err := n.astray(m); err != nil {
		reply(quorum.Answer{Err: err})
		return
	}
	if n.Chance(n.busy) {
		reply(quorum.Answer{Err: &foci.Error{Kind: foci.Busy, Msg: "queue full", RetryAfter: n.Between(0, 50*time.Millisecond)}})
		return
	}
	switch m := m.(type) {
	case *wire.Query:
		msg, body := n.query(m)
		reply(quorum.Answer{Msg: msg, Body: body})
	case *wire.Fetch:
		msg, body := n.fetch(m)
		reply(quorum.Answer{Msg: msg, Body: body})
	case *wire.Have:
		reply(quorum.Answer{Msg: &wire.HaveReply{Epoch: n.epoch, State: n.disk.have(m)}})
	case *wire.Hint:
		n.hints.keep(m, reply)
	case *wire.Store:
		n.put(m, version.Evidence{}, reply)
	}
}

// refusal returns why the node does not serve a target; nil when it does. It first
// adopts a newer layout, on disk.
func (n *node) refusal(t *wire.Target) error {
	n.epoch = max(n.epoch, t.Epoch)
	switch {
	case t.Epoch < n.epoch:
		return &foci.Error{Kind: foci.StaleLayout, Err: staleEpoch(n.epoch)}
	case n.layouts[n.epoch][t.Group] != n.at:
		return foci.Errorf(foci.NotReady, "not of group %d", t.Group)
	case n.Now < n.ready:
		return foci.Errorf(foci.NotReady, "not compared yet")
	}
	return nil
}

func (n *node) query(q *wire.Query) (*wire.QueryReply, []byte) {
	rep := &wire.QueryReply{Epoch: n.epoch, Clock: n.wall(), Vote: n.disk.vote(q.ID)}
	if rep.Vote.Count != 1 {
		return rep, nil
	}
	for _, r := range n.disk.from(q.ID, rep.Vote.Base) {
		if r.Length <= q.Inline {
			rep.Inline, rep.Entry, rep.Meta = true, r.Entry, r.Meta
			return rep, r.Payload
		}
	}
	return rep, nil
}

func (n *node) fetch(f *wire.Fetch) (*wire.FetchReply, []byte) {
	rep := &wire.FetchReply{Epoch: n.epoch}
	var body []byte
	limit := min(int(f.Limit), n.page)
	for _, r := range n.disk.from(f.ID, f.From) {
		if !f.To.IsZero() && f.To.Less(r.Version) {
			break
		}
		if len(rep.Entries) == limit {
			rep.More = true
			break
		}
		e := wire.FetchedEntry{Entry: r.Entry}
		if f.MaxBytes > 0 {
			e.Bytes = r.Length
			body = append(body, r.Payload...)
		}
		rep.Name = r.Name
		rep.Entries = append(rep.Entries, e)
	}
	return rep, body
}

// put stores a record with the evidence for its time.
func (n *node) put(m *wire.Store, evidence version.Evidence, reply func(quorum.Answer)) {
	epoch, born := n.epoch, n.born
	acked := false
	ack := func(dup bool, err error) {
		if !n.up || n.born != born || acked {
			return
		}
		acked = true
		if n.needsEvidence(evidence, err) {
			n.inquire(m, reply)
			return
		}
		if err != nil {
			reply(quorum.Answer{Err: err})
			return
		}
		reply(quorum.Answer{Msg: &wire.StoreReply{Epoch: epoch, Clock: n.wall(), Dup: dup}})
	}
	before := len(n.disk.unsynced)
	n.disk.put(m, evidence, n.wall(), ack)
	if len(n.disk.unsynced) > before {
		n.kept[m] = true
	}
	if n.mutant == AckBeforeSync && n.at == 0 && !acked {
		ack(false, nil)
	}
	if before == 0 && len(n.disk.unsynced) > 0 {
		n.scheduleSync()
	}
}

// scheduleSync ends an fsync of what is written by then.
func (n *node) scheduleSync() {
	born := n.born
	d := n.Between(100*time.Microsecond, 4*time.Millisecond)
	if n.Chance(n.stuck) {
		d = n.Between(0, 500*time.Millisecond)
	}
	n.After(d, func() {
		if !n.up || n.born != born || len(n.disk.unsynced) == 0 {
			return
		}
		n.disk.sync(1 + n.Rand.IntN(len(n.disk.unsynced)))
		if len(n.disk.unsynced) > 0 {
			n.scheduleSync()
		}
	})
}

// target returns the target of a message.
func target(m codec.Message) *wire.Target { return m.(interface{ Aim() *wire.Target }).Aim() }

// hold delays a query until the node destroys something, but not for long. The vote
// is then much younger than the other votes of its operation.
func (n *node) hold(f func()) {
	once := false
	release := func() {
		if !once {
			once = true
			f()
		}
	}
	n.held = append(n.held, release)
	n.After(time.Second, release)
}

func (n *node) release() {
	held := n.held
	n.held = nil
	for _, f := range held {
		f()
	}
}
