package txn

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
)

// Sent says that a channel took an attempt: from now on it may arrive. The
// channel is what later resends avoid, the table is for people.
func (m *Machine) Sent(id LegID, attempt uint32, ch Channel, table foci.Table) {
	p := m.find(id)
	if p == nil || attempt == 0 || attempt > p.attempt {
		return
	}
	e := p.log.entry(attempt)
	if e != nil {
		e.flags |= wasSent
		e.table = uint16(min(table, foci.MaxTable-1))
	}
	if attempt == p.attempt {
		p.channel = ch
	}
	if e != nil && e.flags&wasAsk != 0 {
		return
	}
	if e != nil {
		p.bodyAt = e.peer
	}
	if b := bit(attempt); b != 0 {
		p.sent |= b
	} else {
		p.beyond = true
	}
}

// Again says that an attempt was sent more than once, the channel that took it
// first being lost. What is answered to one copy says nothing of the other: it
// may still be applied, whatever the replica refuses now. It is called before
// the answer is told.
func (m *Machine) Again(id LegID, attempt uint32) {
	p := m.find(id)
	if p == nil || attempt == 0 || attempt > p.attempt {
		return
	}
	if e := p.log.entry(attempt); e == nil || e.flags&wasAsk == 0 {
		p.beyond = true
	}
}

// Progress says that an attempt still moves: its body is leaving, or its answer
// is arriving. The stall of its leg begins anew, so that a slow link is not
// taken for a dead one and sent everything twice; the deadline stays. Any
// attempt counts: the answer to each is the leg's.
func (m *Machine) Progress(now time.Duration, id LegID, attempt uint32) {
	m.advance(now)
	p := m.find(id)
	if p == nil || attempt == 0 || attempt > p.attempt || !p.waiting() || mutant.On(mutant.NewestMovesOnly) && attempt < p.attempt {
		return
	}
	m.schedule(p, m.now+p.patience())
}

// Reply says that the replica has done what a leg asks, whichever attempt it
// answers. Replies to finished legs are counted and ignored.
func (m *Machine) Reply(out []Effect, now time.Duration, id LegID, attempt uint32, reply any) []Effect {
	m.advance(now)
	p := m.find(id)
	if p == nil || attempt == 0 || attempt > p.attempt {
		m.stats.Late++
		return out
	}
	return m.finish(out, p, Outcome{Reply: reply})
}

// HaveAnswer says what the replica answered to an Ask.
func (m *Machine) HaveAnswer(out []Effect, now time.Duration, id LegID, attempt uint32, has wire.HaveState) []Effect {
	m.advance(now)
	p := m.find(id)
	if p == nil || attempt == 0 || attempt > p.attempt {
		m.stats.Late++
		return out
	}
	if has == wire.HaveStored {
		return m.finish(out, p, Outcome{Stored: true})
	}
	if attempt != p.attempt || p.state != asking {
		m.stats.Late++
		return out
	}
	switch has {
	case wire.HaveConflict:
		p.log.end(attempt, foci.Conflict)
		return m.fail(out, p, foci.Conflict, foci.Errorf(foci.Conflict, "the replica has this version with other content"))
	case wire.HaveInProgress:
		p.state = storing
		if (p.refunds < maxRefunds || mutant.On(mutant.EndlessWork)) && !mutant.On(mutant.WorkIsSilence) {
			p.refunds++
			p.left = min(p.left+1, maxResends) // it was not silent: that attempt costs nothing
		}
		m.schedule(p, m.now+p.patience())
		return out
	default:
		return m.send(out, p, false)
	}
}

// Failed says that an attempt failed, with an error of a kind:
//
//	Busy              nothing was done: sent again after RetryAfter, or a growing while; costs no counter
//	Closed            the channel was lost: sent at once by another one; costs no counter
//	Unreachable, NoRoute     there is no channel, or a forwarder has none: waits; costs no counter
//	any other         is the replica's answer and finishes the leg
//
// Only the newest attempt decides; failures of older ones are noted.
func (m *Machine) Failed(out []Effect, now time.Duration, id LegID, attempt uint32, err error) []Effect {
	m.advance(now)
	p := m.find(id)
	if p == nil || attempt == 0 || attempt > p.attempt {
		m.stats.Late++
		return out
	}
	kind := foci.KindOf(err)
	p.log.end(attempt, kind)
	if nothingDone(kind) {
		p.undone |= bit(attempt)
	}
	if attempt != p.attempt || !p.waiting() {
		return out
	}
	p.cause = kind
	switch kind {
	case foci.Busy:
		return m.retryLater(out, p, retryAfter(err))
	case foci.Closed:
		if p.losses < quickResends {
			p.losses++
			return m.send(out, p, p.asked)
		}
		return m.retryLater(out, p, 0)
	case foci.Unreachable, foci.NoRoute:
		if !m.peers[p.hop].up {
			return m.send(out, p, false)
		}
		// A forwarder has lost the peer, or our own loss is not known yet.
		return m.another(out, p)
	}
	return m.fail(out, p, kind, err)
}

// Cancel ends a leg whose caller gave up.
func (m *Machine) Cancel(out []Effect, now time.Duration, id LegID) []Effect {
	m.advance(now)
	if p := m.find(id); p != nil {
		return m.abandon(out, p, foci.Canceled, "the caller gave up")
	}
	return out
}

// Expire ends a leg as if its deadline had come.
func (m *Machine) Expire(out []Effect, now time.Duration, id LegID) []Effect {
	m.advance(now)
	if p := m.find(id); p != nil {
		return m.expire(out, p)
	}
	return out
}

// Close ends every leg, in the order of submission; Submit fails from now on.
func (m *Machine) Close(out []Effect, now time.Duration) []Effect {
	m.advance(now)
	m.closed = true
	legs := append(m.scratch[:0], m.timers...)
	sortBySubmission(legs)
	for _, p := range legs {
		out = m.abandon(out, p, foci.Closed, "this process is shutting down")
	}
	return out
}

// Tick runs the timers that are due: stalled legs, those that waited after
// Busy, and deadlines.
func (m *Machine) Tick(out []Effect, now time.Duration) []Effect {
	m.advance(now)
	for len(m.timers) > 0 && m.timers[0].due <= m.now {
		p := m.timers[0]
		switch {
		case m.now >= p.deadline:
			out = m.expire(out, p)
		case p.state == backoff:
			out = m.send(out, p, p.asked)
		default:
			out = m.stalled(out, p)
		}
	}
	return out
}

// stalled spends one resend of a leg that had no answer in time.
func (m *Machine) stalled(out []Effect, p *pending) []Effect {
	m.stats.Stalls++
	p.cause = foci.Stalled
	if p.left == 0 {
		return m.fail(out, p, foci.Stalled, nil)
	}
	p.left--
	p.backoffs, p.losses = 0, 0
	if int(p.grown) < m.cfg.Growth && !mutant.On(mutant.StallIsFixed) {
		p.grown++
	}
	return m.send(out, p, true)
}
