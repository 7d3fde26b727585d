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

// porter follows a node's hints. It is a part of the node's process, and by its
// channels the node passes requests on, too.
type porter struct {
	*node
	client *client
	kept   map[hint]bool // on disk
	at     hint          // that is being followed; zero: none
	again  bool          // it was given again meanwhile
	waits  bool          // for the time to follow one
}

func newPorter(n *node) *porter {
	n.proc.Serve = func(payload any, reply func(any)) {
		n.receive(payload.(*parcel), func(a quorum.Answer) { reply(a) })
	}
	return &porter{node: n, client: newClient(n.cluster, 100+int(n.at), n), kept: map[hint]bool{}}
}

// bring serves Hint with Now: it is answered when the other group lacks nothing.
func (p *porter) bring(m *wire.Hint, reply func(quorum.Answer)) {
	epoch, born := p.epoch, p.born
	p.client.learn()
	cfg := p.client.config(foci.All)
	cfg.Plan.Groups = []foci.Group{m.Group, m.Missed}
	r := quorum.NewRead(cfg, m.ID, 0)
	p.client.runAmong(r, cfg.Deadline, cfg.Plan.Groups, func() {
		switch _, err := r.Result(); {
		case !p.up || p.born != born:
		case err != nil:
			reply(quorum.Answer{Err: err})
		default:
			p.Brought++
			reply(quorum.Answer{Msg: &wire.HintReply{Epoch: epoch}})
		}
	})
}

// keep serves Hint. It is answered when it is on disk.
func (p *porter) keep(m *wire.Hint, reply func(quorum.Answer)) {
	if m.Now {
		p.bring(m, reply)
		return
	}
	epoch, born := p.epoch, p.born
	p.After(p.Between(100*time.Microsecond, 4*time.Millisecond), func() {
		if !p.up || p.born != born {
			return
		}
		h := hint{m.ID, m.Missed}
		p.kept[h] = true
		p.again = p.again || p.at == h
		p.Hinted++
		p.plan()
		reply(quorum.Answer{Msg: &wire.HintReply{Epoch: epoch}})
	})
}

// plan follows a hint some time later.
func (p *porter) plan() {
	if p.waits || len(p.kept) == 0 {
		return
	}
	p.waits = true
	p.After(p.Between(10*time.Millisecond, 400*time.Millisecond), func() {
		p.waits = false
		p.follow()
	})
}

// follow brings one group what it lacks of one object, by the read that any
// reader does, of two groups alone.
func (p *porter) follow() {
	own := p.group()
	switch {
	case own == 0: // moved away, and what it held with it
		clear(p.kept)
		return
	case !p.up || p.at != (hint{}):
		p.plan()
		return
	}
	p.client.learn()
	all := slices.SortedFunc(maps.Keys(p.kept), func(a, b hint) int {
		return cmp.Or(slices.Compare(a.id[:], b.id[:]), cmp.Compare(a.missed, b.missed))
	})
	h := all[p.Rand.IntN(len(all))]
	if h.missed == own { // the node has become the owner for which the hint was
		delete(p.kept, h)
		p.plan()
		return
	}
	p.at, p.again = h, false
	cfg := p.client.config(foci.All)
	cfg.Plan.Groups = []foci.Group{own, h.missed}
	r := quorum.NewRead(cfg, h.id, 0)
	p.client.runAmong(r, cfg.Deadline, cfg.Plan.Groups, func() {
		if _, err := r.Result(); err == nil && !p.again {
			delete(p.kept, h)
			p.Followed++
		}
		p.at = hint{}
		p.plan()
	})
}

// group is the one whose owner the node is; 0: none.
func (p *porter) group() foci.Group {
	for g, at := range p.layouts[p.cluster.epoch] {
		if at == p.node.at {
			return g
		}
	}
	return 0
}

// crash ends the process's part in it. What was on disk stays.
func (p *porter) crash() {
	p.client.life++
	p.client.shell.leave()
	p.client.shell = newShell(p.client)
	p.at = hint{}
	p.plan()
}
