package link

import (
	"time"

	"github.com/foci-store/foci"
)

// Submit asks for a channel for a request. It may be sent now (on a channel of
// its class that is open), or it waits and comes back as Send or Fail, or it is
// refused: Busy, Unreachable or Closed.
func (m *Machine) Submit(out []Effect, now time.Duration, r Request) (_ []Effect, waits bool, err error) {
	switch {
	case m.removed:
		return out, false, m.closedErr()
	case m.usable(r.Class):
		return out, false, nil
	case m.state == Down:
		return out, false, m.away(now)
	}
	return m.wait(out, now, r)
}

// Move decides what becomes of a request whose channel, to an incarnation of
// the peer, was lost before its
// answer came, after Lost was told. Like Submit, it sends, waits or refuses;
// r.Moves is to be counted up when it sends.
func (m *Machine) Move(out []Effect, now time.Duration, r Request, of foci.Incarnation, why error) (_ []Effect, waits bool, err error) {
	lost := &foci.Error{
		Kind: foci.Unreachable, Where: "node " + m.cfg.Node.Short(), Msg: "the channel was lost", Err: why,
	}
	switch {
	case m.removed:
		return out, false, lost
	case of != m.incarnation && !m.cfg.Mutants.KeepStale: // what that had begun is gone
		return out, false, lost
	case r.Fixed && !m.cfg.Mutants.MoveFixed, m.cfg.Linked, m.open == 0, m.cfg.Mutants.FailAtOnce:
		return out, false, lost
	case r.Moves >= m.cfg.MaxMoves && !m.cfg.Mutants.MoveForEver:
		lost.Msg = "the request was sent " + itoa(r.Moves+1) + " times, and each time the channel was lost"
		lost.Fix = "is there something in it, or on the way, that breaks connections?"
		return out, false, lost
	}
	r.Moves++
	if m.usable(r.Class) {
		return out, false, nil
	}
	return m.wait(out, now, r)
}

// Again has a request wait that was moved and that no open channel had room for.
func (m *Machine) Again(out []Effect, now time.Duration, r Request) (_ []Effect, waits bool, err error) {
	switch {
	case m.removed:
		return out, false, m.closedErr()
	case m.state == Down:
		return out, false, m.away(now)
	}
	return m.wait(out, now, r)
}

// wait puts a request where it waits for a channel of its class.
func (m *Machine) wait(out []Effect, now time.Duration, r Request) ([]Effect, bool, error) {
	if len(m.waiting[r.Class]) >= m.cfg.Waiting { // by class, so that bulk never keeps ping and state out
		return out, false, &foci.Error{
			Kind: foci.Busy, Where: "node " + m.cfg.Node.Short(), Msg: "too many requests wait for a channel",
			Fix: "send less at a time, or try again a little later", RetryAfter: 10 * time.Millisecond,
		}
	}
	if r.Since == 0 {
		r.Since = max(now, 1)
	}
	m.waits++
	m.waiting[r.Class] = append(m.waiting[r.Class], r)
	for i := len(m.waiting[r.Class]) - 1; i > 0 && m.waiting[r.Class][i-1].Since > r.Since; i-- {
		w := m.waiting[r.Class]
		w[i], w[i-1] = w[i-1], w[i]
	}
	if s := &m.slots[r.Class][0]; !m.usable(r.Class) {
		s.wanted = true
	}
	return m.dial(out, now), true, nil
}

// Forget drops the requests that wait and that nobody wants any more.
func (m *Machine) Forget(unwanted func(ref any) bool) {
	for c := range m.waiting {
		kept := m.waiting[c][:0]
		for _, r := range m.waiting[c] {
			if !unwanted(r.Ref) {
				kept = append(kept, r)
			}
		}
		clear(m.waiting[c][len(kept):])
		m.waits -= len(m.waiting[c]) - len(kept)
		m.waiting[c] = kept
	}
}

// flush sends what waits for a channel of a class, now that one is open.
func (m *Machine) flush(out []Effect, class foci.Class) []Effect {
	list := m.waiting[class]
	m.waiting[class] = nil
	m.waits -= len(list)
	for _, r := range list {
		out = append(out, Effect{Do: Send, Request: r})
	}
	return out
}

// impatient reports whether what waits may have to fail before the link's state
// decides over it.
func (m *Machine) impatient() bool { return m.open > 0 || m.addrs.Len() == 0 }

// expire fails what has waited too long for a channel of its class while
// others were open. While none is the link's state decides.
func (m *Machine) expire(out []Effect, now time.Duration) []Effect {
	if !m.impatient() {
		return out
	}
	for c := range m.waiting {
		n := 0
		for n < len(m.waiting[c]) && now >= m.waiting[c][n].Since+m.t.Patience {
			out = append(out, Effect{Do: Fail, Request: m.waiting[c][n], Err: &foci.Error{
				Kind: foci.Unreachable, Where: "node " + m.cfg.Node.Short(), Err: m.lastErr,
				Msg: "no channel of class " + foci.Class(c).String() + " could be had within " + m.t.Patience.String(),
			}})
			n++
		}
		m.waiting[c] = append(m.waiting[c][:0], m.waiting[c][n:]...)
		m.waits -= n
	}
	return out
}

// failAll fails all that waits.
func (m *Machine) failAll(out []Effect, why error) []Effect {
	for c := range m.waiting {
		for _, r := range m.waiting[c] {
			out = append(out, Effect{Do: Fail, Request: r, Err: why})
		}
		m.waiting[c] = nil
	}
	m.waits = 0
	return out
}
