package sim

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/wire"
)

// hint says that a group may lack something of an object.
type hint struct {
	id     foci.ID
	missed foci.Group
}

// keeper keeps a node's hints and delivers them. It is a part of the node's
// process, by whose channels the node relays requests, too.
type keeper struct {
	*node
	client *client
	kept   map[hint]bool // on disk
	at     hint          // that is being delivered; zero: none
	again  bool          // the same hint was given again meanwhile
	waits  bool          // for the time to deliver one
}

func newKeeper(n *node) *keeper {
	n.proc.Serve = func(payload any, reply func(any)) {
		n.receive(payload.(*parcel), func(a quorum.Answer) { reply(a) })
	}
	return &keeper{node: n, client: newClient(n.cluster, 100+int(n.at), n), kept: map[hint]bool{}}
}

// repair makes two groups agree on one object by an ordinary read of these groups
// alone (read repair).
func (k *keeper) repair(id foci.ID, groups []foci.Group, done func(error)) {
	k.client.learn()
	cfg := k.client.config(foci.All)
	cfg.Plan.Groups = groups
	r := quorum.NewRead(cfg, id, 0)
	k.client.runAmong(r, cfg.Deadline, groups, func() {
		_, err := r.Result()
		done(err)
	})
}

// bring serves Hint with Now: it replies when the other group lacks nothing.
func (k *keeper) bring(m *wire.Hint, reply func(quorum.Answer)) {
	epoch, born := k.epoch, k.born
	k.repair(m.ID, []foci.Group{m.Group, m.Missed}, func(err error) {
		switch {
		case !k.up || k.born != born:
		case err != nil:
			reply(quorum.Answer{Err: err})
		default:
			k.Brought++
			reply(quorum.Answer{Msg: &wire.HintReply{Epoch: epoch}})
		}
	})
}

// keep serves Hint. It replies when the hint is on disk.
func (k *keeper) keep(m *wire.Hint, reply func(quorum.Answer)) {
	if m.Now {
		k.bring(m, reply)
		return
	}
	epoch, born := k.epoch, k.born
	k.After(k.Between(100*time.Microsecond, 4*time.Millisecond), func() {
		if !k.up || k.born != born {
			return
		}
		h := hint{m.ID, m.Missed}
		k.kept[h] = true
		k.again = k.again || k.at == h
		k.Hinted++
		k.plan()
		reply(quorum.Answer{Msg: &wire.HintReply{Epoch: epoch}})
	})
}

// plan delivers a hint some time later.
func (k *keeper) plan() {
	if k.waits || len(k.kept) == 0 {
		return
	}
	k.waits = true
	k.After(k.Between(10*time.Millisecond, 400*time.Millisecond), func() {
		k.waits = false
		k.deliver()
	})
}

// deliver copies to one group what it lacks of one object.
func (k *keeper) deliver() {
	own := k.group()
	switch {
	case own == 0: // the node owns no group any more, and its store has moved
		clear(k.kept)
		return
	case !k.up || k.at != (hint{}):
		k.plan()
		return
	}
	all := slices.SortedFunc(maps.Keys(k.kept), func(a, b hint) int {
		return cmp.Or(slices.Compare(a.id[:], b.id[:]), cmp.Compare(a.missed, b.missed))
	})
	h := all[k.Rand.IntN(len(all))]
	if h.missed == own { // the node has become the owner for which the hint was
		delete(k.kept, h)
		k.plan()
		return
	}
	k.at, k.again = h, false
	k.repair(h.id, []foci.Group{own, h.missed}, func(err error) {
		if err == nil && !k.again {
			delete(k.kept, h)
			k.Delivered++
		}
		k.at = hint{}
		k.plan()
	})
}

// group returns the group that the node owns; 0: none.
func (k *keeper) group() foci.Group {
	for g, at := range k.layouts[k.cluster.epoch] {
		if at == k.node.at {
			return g
		}
	}
	return 0
}

// crash drops what is in memory. Hints on disk stay.
func (k *keeper) crash() {
	k.client.shell.leave()
	k.client.shell = newShell(k.client)
	k.at = hint{}
	k.plan()
}
