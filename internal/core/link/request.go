package link

import (
	"time"

	"github.com/foci-store/foci"
)

// Submit reports whether a request must wait for a channel. If not, the shell sends
// it on an open channel of its class; else a Send or Fail effect follows. Errors are
// Busy, Unreachable or Closed.
func (m *Machine) Submit(out []Effect, now time.Duration, r Request) (_ []Effect, waits bool, err error) {
	switch {
	case m.removed:
		return out, false, m.closedErr()
	case m.usable(r.Class):
		return out, false, nil
	case m.state == Down:
		return out, false, m.unreachable(now)
	}
	return m.wait(out, now, r)
}

// Move moves a request whose channel, to incarnation of of the peer, was lost before
// the answer arrived. It is called after Lost and returns as Submit does. The caller
// increments r.Moves when it sends the request.
func (m *Machine) Move(out []Effect, now time.Duration, r Request, of foci.Incarnation, why error) (_ []Effect, waits bool, err error) {
	lost := &foci.Error{
		Kind: foci.Unreachable, Where: "node " + m.cfg.Node.Short(), Msg: "the channel was lost", Err: why,
	}
	switch {
	case m.removed:
		return out, false, lost
	case of != m.incarnation && !m.cfg.Mutants.KeepStale: // that incarnation's work on it is lost
		return out, false, lost
	case r.Fixed && !m.cfg.Mutants.MoveFixed, m.cfg.Linked, m.open == 0, m.cfg.Mutants.FailAtOnce:
		return out, false, lost
	case r.Moves >= m.cfg.MaxMoves && !m.cfg.Mutants.MoveForEver:
		lost.Msg = "the request was sent " + itoa(r.Moves+1) + " times, and each time the channel was lost"
		lost.Fix = "does its content, or something on the network path, break connections?"
		return out, false, lost
	}
	r.Moves++
	if m.usable(r.Class) {
		return out, false, nil
	}
	return m.wait(out, now, r)
}

// Again lets a moved request wait because no open channel had room for it.
func (m *Machine) Again(out []Effect, now time.Duration, r Request) (_ []Effect, waits bool, err error) {
	switch {
	case m.removed:
		return out, false, m.closedErr()
	case m.state == Down:
		return out, false, m.unreachable(now)
	}
	return m.wait(out, now, r)
}

// wait queues a request for a channel of its class.
func (m *Machine) wait(out []Effect, now time.Duration, r Request) ([]Effect, bool, error) {
	if len(m.waiting[r.Class]) >= m.cfg.Waiting { // by class, so that bulk never excludes ping and state
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

// Forget drops the waiting requests for which unwanted returns true.
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

// flush sends the requests that wait for a class, now that a channel is open.
func (m *Machine) flush(out []Effect, class foci.Class) []Effect {
	list := m.waiting[class]
	m.waiting[class] = nil
	m.waits -= len(list)
	for _, r := range list {
		out = append(out, Effect{Do: Send, Request: r})
	}
	return out
}

// impatient reports whether waiting requests expire after Patience. Without open
// channels the state of the link decides.
func (m *Machine) impatient() bool { return m.open > 0 || m.addrs.Len() == 0 }

// expire fails the requests that have waited too long for a channel of their class
// while others were open.
func (m *Machine) expire(out []Effect, now time.Duration) []Effect {
	if !m.impatient() {
		return out
	}
	for c := range m.waiting {
		n := 0
		for n < len(m.waiting[c]) && now >= m.waiting[c][n].Since+m.t.Patience {
			out = append(out, Effect{Do: Fail, Request: m.waiting[c][n], Err: &foci.Error{
				Kind: foci.Unreachable, Where: "node " + m.cfg.Node.Short(), Err: m.lastErr,
				Msg: "no channel of class " + foci.Class(c).String() + " was opened within " + m.t.Patience.String(),
			}})
			n++
		}
		m.waiting[c] = append(m.waiting[c][:0], m.waiting[c][n:]...)
		m.waits -= n
	}
	return out
}

// failAll fails all waiting requests.
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
