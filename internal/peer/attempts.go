package peer

import (
	"slices"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/device/mesh"
)

// attempt is one sending of a leg, as the mesh has it.
type attempt struct {
	req      *mesh.Request
	source   *sending // nil: the body is in memory, or there is none
	leg      txn.LegID
	number   uint32
	peer     foci.NodeID // for whom it is
	via      foci.NodeID // who passes it on; zero: nobody
	accepted bool        // the mesh has it; guarded by leg.mu
	moved    int64       // of its bytes, when looked at last; guarded by moving.mu
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
		p.moving.add(a, l.stall)
	}
	return true
}

// accepted notes that the mesh has an attempt, which may be cancelled from now
// on; and cancels it when the leg has ended meanwhile.
func (l *leg) accepted(a *attempt) {
	l.mu.Lock()
	a.accepted = true
	ended := l.ended
	l.mu.Unlock()
	if ended {
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

// looksPerStall bounds how often the moving attempts are looked at.
const looksPerStall = 8

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
	if len(m.all) == 0 || now-m.looked < stall/looksPerStall {
		return
	}
	m.looked = now
	for a := range m.all {
		if n := a.req.Moved(); n != a.moved {
			a.moved = n
			p.txns.Progress(now, a.leg, a.number)
		}
	}
}

func (p *Peer) stall() time.Duration {
	if p.cfg.Stall > 0 {
		return p.cfg.Stall
	}
	return txn.DefaultStall
}
