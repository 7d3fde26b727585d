package txn

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/invariant"
)

// Machine holds the pending legs of one process. It is not safe for concurrent
// use. Methods that take a slice of effects append to it and return it.
//
// Times are durations on one monotonic clock of the shell.
type Machine struct {
	cfg    Config
	now    time.Duration
	closed bool
	seq    uint64
	count  int
	bytes  int64
	slots  []slot
	// generation is the first generation of new slots: above those of freed slots.
	generation uint64
	vacant     []uint32   // indices of free slots
	spare      []*pending // finished legs to be used again
	timers     []*pending // heap by due; holds every pending leg
	peers      []*peer    // peers[noPeer] is where legs without a path wait
	index      map[foci.NodeID]uint16
	down       int        // peers that are not up
	scratch    []*pending // of one call
	stats      Counters
}

// slot makes leg ids: its generation tells a reused slot from that of a finished leg.
type slot struct {
	leg        *pending
	generation uint64
}

const (
	slotBits = 24 // of a leg id; the rest is the generation
	slotMask = 1<<slotBits - 1
)

const maxSpare = 1024

// New makes a machine. It knows no peer to be up until PeerUp says so.
func New(cfg Config) *Machine {
	m := &Machine{cfg: cfg.withDefaults(), index: make(map[foci.NodeID]uint16)}
	m.peers = append(m.peers, &peer{})
	m.index[foci.NodeID{}] = noPeer
	return m
}

// Submit accepts a leg and sends it, or parks it while its peer is unreachable. If it
// fails, the leg is not accepted and no Finish follows: Busy above the limits, Canceled
// when the deadline has passed, Closed, Invalid, or the router's error.
func (m *Machine) Submit(out []Effect, now time.Duration, leg Leg) ([]Effect, LegID, error) {
	m.advance(now)
	if err := m.admit(&leg); err != nil {
		m.stats.Refused++
		return out, 0, err
	}
	path, err := m.cfg.Route(leg.Target, leg.Class)
	if err != nil && foci.KindOf(err) != foci.Unreachable {
		m.stats.Refused++
		return out, 0, err
	}
	p := m.accept(&leg)
	id := p.id
	if err != nil {
		return m.awaitRoute(out, p, path, retryAfter(err)), id, nil
	}
	return m.dispatch(out, p, path, false), id, nil
}

func (m *Machine) admit(leg *Leg) error {
	switch {
	case m.closed:
		return foci.Errorf(foci.Closed, "this process is shutting down")
	case leg.Deadline <= 0 || leg.Size < 0 || leg.Stall < 0:
		return foci.Errorf(foci.Invalid, "a leg needs a deadline, and neither size nor stall below zero")
	case leg.Deadline <= m.now:
		return foci.Errorf(foci.Canceled, "the deadline passed before anything was sent")
	case m.count >= m.cfg.MaxLegs:
		return &foci.Error{Kind: foci.Busy, Msg: "too many requests are pending", Fix: "try again later", RetryAfter: firstBackoff}
	case !leg.Reread && int64(leg.Size) > m.cfg.MaxBytes-m.bytes:
		return &foci.Error{Kind: foci.Busy, Msg: "too many bytes are pending", Fix: "try again later", RetryAfter: firstBackoff}
	}
	return nil
}

// accept gives the leg its slot, counter and timer.
func (m *Machine) accept(leg *Leg) *pending {
	var p *pending
	if n := len(m.spare); n > 0 {
		p, m.spare = m.spare[n-1], m.spare[:n-1]
	} else {
		p = &pending{}
	}
	at := uint32(len(m.slots))
	if n := len(m.vacant); n > 0 {
		at, m.vacant = m.vacant[n-1], m.vacant[:n-1]
	} else {
		m.slots = append(m.slots, slot{generation: m.generation})
	}
	s := &m.slots[at]
	s.generation++
	s.leg = p
	m.seq++
	m.count++
	m.stats.Submitted++
	*p = pending{
		id: LegID(s.generation<<slotBits | uint64(at)), seq: m.seq, ref: leg.Ref, target: leg.Target, class: leg.Class,
		mutation: leg.Mutation, canAsk: leg.CanAsk && leg.Size > m.cfg.AskAbove, size: int64(leg.Size), reread: leg.Reread,
		submitted: m.now, deadline: leg.Deadline, stall: leg.Stall, state: parked, cause: foci.Unreachable,
	}
	if p.stall == 0 {
		p.stall = m.cfg.Stall
	}
	p.stall = min(max(p.stall, minStall), p.deadline-m.now)
	resends := leg.Resends
	if resends == 0 {
		resends = m.cfg.Resends
	}
	p.left = int16(min(max(resends, 0), maxResends))
	m.bytes += p.held()
	m.push(p, p.deadline)
	m.assign(p, noPeer)
	return p
}

// find is the pending leg of an id, or nil.
func (m *Machine) find(id LegID) *pending {
	at := id & slotMask
	if uint64(at) >= uint64(len(m.slots)) || m.slots[at].generation != uint64(id>>slotBits) {
		return nil
	}
	return m.slots[at].leg
}

// free frees the slot of a leg.
func (m *Machine) free(p *pending) {
	m.remove(p)
	m.unlink(p)
	at := uint32(p.id & slotMask)
	m.slots[at].leg = nil
	m.vacant = append(m.vacant, at)
	m.count--
	m.bytes -= p.held()
	invariant.Check(m.count == len(m.timers), "each of %d pending legs has a timer; there are %d", m.count, len(m.timers))
	invariant.Check(m.bytes >= 0 && (m.count > 0 || m.bytes == 0), "%d legs hold %d bytes", m.count, m.bytes)
	if len(m.spare) < maxSpare {
		*p = pending{}
		m.spare = append(m.spare, p)
	}
	if m.count == 0 {
		m.idle()
	}
}

// idle frees memory that only a burst needed.
func (m *Machine) idle() {
	m.scratch = nil
	if len(m.slots) > maxSpare {
		for i := range m.slots {
			m.generation = max(m.generation, m.slots[i].generation)
		}
		m.slots, m.vacant, m.timers = nil, nil, nil
	}
	m.forgetPeers()
}

// advance sets the time, which never goes back.
func (m *Machine) advance(now time.Duration) { m.now = max(m.now, now) }

// Parked reports whether a leg waits for its peer, or for a path.
func (m *Machine) Parked(id LegID) bool {
	p := m.find(id)
	return p != nil && p.lacksPath()
}

// Len is the number of pending legs.
func (m *Machine) Len() int { return m.count }

// Bytes is the payload of the pending legs that is held in memory.
func (m *Machine) Bytes() int64 { return m.bytes }
