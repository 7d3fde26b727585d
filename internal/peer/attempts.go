package peer

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/device/mesh"
)

// attempt is one sending of a leg, as the mesh has it.
type attempt struct {
	req      *mesh.Request
	source   *sending // nil: the body is in memory, or there is none
	of       *leg
	leg      txn.LegID
	number   uint32
	peer     foci.NodeID // for whom it is
	via      foci.NodeID // who passes it on; zero: nobody
	accepted bool        // the mesh has it; guarded by leg.mu
	replaced atomic.Bool // it was sent again, and this copy is not wanted any more
	began    time.Duration
	stall    time.Duration // of its leg

	// As looked at last, guarded by moving.mu.
	moved  int64 // bytes of its bodies
	others int64 // bytes for which it waits
}

// short is the longest body, in bytes, that is taken to travel in no time.
const short = 64 << 10

// begin notes an attempt that the mesh is about to get. It reports false when
// the leg has ended: whoever owns the payload may be using its memory again.
func (p *Peer) begin(l *leg, a *attempt) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	if l.hold != nil {
		l.hold()
	}
	l.sent = append(l.sent, a)
	if l.long {
		a.began, a.stall = p.now(), cmp.Or(l.stall, p.stall())
		p.moving.add(a, l.stall)
	}
	return true
}

// replace cancels the earlier copies of a question that was sent again. None of
// them has moved for a whole stall time, and each would have the peer do the
// work anew: a busy peer gets slower with every copy. The copies of a change go
// on: what the peer has begun with one, it has done for all.
func (l *leg) replace(by *attempt) {
	if l.have != nil || mutant.On(mutant.ResendsFeed) {
		return
	}
	l.mu.Lock()
	var earlier []*attempt
	l.newest = max(l.newest, by.number)
	for _, a := range l.sent {
		if a.number < by.number && a.accepted {
			earlier = append(earlier, a)
		}
	}
	l.mu.Unlock()
	for _, a := range earlier {
		a.replaced.Store(true)
		a.req.Cancel()
	}
}

// accepted notes that the mesh has an attempt, which may be cancelled from now
// on; and cancels it when the leg has ended, or was sent again, meanwhile.
func (l *leg) accepted(a *attempt) {
	l.mu.Lock()
	a.accepted = true
	unwanted := l.ended
	if a.number < l.newest {
		a.replaced.Store(true)
		unwanted = true
	}
	l.mu.Unlock()
	if unwanted {
		a.req.Cancel()
	}
}

// over notes that the mesh has done with an attempt.
func (p *Peer) over(l *leg, a *attempt) {
	l.mu.Lock()
	l.sent = slices.DeleteFunc(l.sent, func(s *attempt) bool { return s == a })
	l.mu.Unlock()
	if l.long {
		p.moving.remove(a)
	}
	if a.source != nil {
		a.source.over()
	}
	if l.release != nil {
		l.release()
	}
}

// end sees to it that nothing more is sent, and cancels the attempts whose
// answers are not needed any more.
func (l *leg) end() {
	l.mu.Lock()
	l.ended = true
	var open []*attempt
	for _, a := range l.sent {
		if a.accepted {
			open = append(open, a)
		}
	}
	l.mu.Unlock()
	for _, a := range open {
		a.req.Cancel()
	}
}

// moving are the attempts whose bodies may travel for long. One that moves is
// not taken for stalled, or a slow link would be sent everything twice.
type moving struct {
	mu     sync.Mutex
	all    map[*attempt]struct{}
	looked time.Duration // when they were looked at last
	stall  time.Duration // the least of theirs; 0 = none has one of its own
}

func (m *moving) add(a *attempt, stall time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = map[*attempt]struct{}{}
	}
	if stall > 0 && (m.stall == 0 || stall < m.stall) {
		m.stall = stall
	}
	m.all[a] = struct{}{}
}

func (m *moving) remove(a *attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if delete(m.all, a); len(m.all) == 0 {
		m.stall = 0
	}
}

// look notes how much has moved where an attempt waits, now that the mesh has it.
func (m *moving) look(a *attempt) {
	m.mu.Lock()
	_, a.others = a.req.Moved()
	m.mu.Unlock()
}

// The moving attempts are looked at whenever something is due while they are
// few, so that one which has just moved is not taken for stalled; when they are
// many, so often in a stall time at most.
const (
	fewMoving     = 64
	looksPerStall = 8
)

// progress tells the transaction machine which attempts have moved since they
// were looked at last; p.mu is held.
func (p *Peer) progress(now time.Duration) {
	m := &p.moving
	m.mu.Lock()
	defer m.mu.Unlock()
	stall := p.stall()
	if m.stall > 0 {
		stall = min(stall, m.stall)
	}
	if len(m.all) > fewMoving && now-m.looked < stall/looksPerStall {
		return
	}
	m.looked = now
	for a := range m.all {
		if a.moves(now) {
			a.of.movedAt.Store(int64(now))
			p.txns.Progress(now, a.leg, a.number)
		}
	}
}

// queueStalls bounds how long, in stall times, an attempt may wait for its turn:
// the peer may be sitting on one while others pass it for ever.
const queueStalls = 8

// moves reports whether an attempt has moved since it was looked at last, or
// waits for its turn while others move.
func (a *attempt) moves(now time.Duration) bool {
	own, others := a.req.Moved()
	is := own != a.moved ||
		others != a.others && others != 0 && now-a.began < queueStalls*a.stall && !mutant.On(mutant.QueueIsSilence)
	a.moved, a.others = own, others
	return is
}

func (p *Peer) stall() time.Duration {
	if p.cfg.Stall > 0 {
		return p.cfg.Stall
	}
	return txn.DefaultStall
}
