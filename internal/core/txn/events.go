package txn

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
)

// Sent reports that an attempt may arrive from now on. Later resends avoid its channel,
// if known; the table is only shown in status.
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
	if attempt == p.attempt && ch != 0 {
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

// Progress reports that bytes of an attempt have moved: of its body or of its answer. It
// restarts the stall timer of the leg, so that the body is not sent twice over a slow
// link; the deadline stays. Any attempt counts, as the answer to any ends the leg.
func (m *Machine) Progress(now time.Duration, id LegID, attempt uint32) {
	m.advance(now)
	p := m.find(id)
	if p == nil || attempt == 0 || attempt > p.attempt || !p.waiting() || mutant.On(mutant.NewestMovesOnly) && attempt < p.attempt {
		return
	}
	m.schedule(p, m.now+p.patience())
}

// Delivered ends an attempt. An answer to any attempt ends the leg; deliveries to
// finished legs are counted and ignored.
func (m *Machine) Delivered(out []Effect, now time.Duration, id LegID, attempt uint32, d *Delivery) []Effect {
	m.advance(now)
	p := m.find(id)
	if p == nil || attempt == 0 || attempt > p.attempt {
		m.stats.Late++
		return out
	}
	have, asked := d.Msg.(*wire.HaveReply)
	switch {
	case d.Fate == Answered && asked:
		return m.haveAnswered(out, p, attempt, have.State)
	case d.Fate == Answered:
		return m.finish(out, p, Outcome{Msg: d.Msg, Body: d.Body})
	}
	if e := p.log.entry(attempt); d.Moved && (e == nil || e.flags&wasAsk == 0) {
		p.beyond = true
	}
	return m.failed(out, p, attempt, d)
}

// haveAnswered continues a leg whose replica has answered a Have.
func (m *Machine) haveAnswered(out []Effect, p *pending, attempt uint32, has wire.HaveState) []Effect {
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

// failed continues a leg whose attempt was not answered, or was refused:
//
//	Busy                  resent after RetryAfter, or after a growing delay; costs no resend
//	Closed                the channel was lost: resent at once by another one; costs no resend
//	Unreachable, NoRoute  no channel to the peer, or from the relay: waits; costs no resend
//	any other             the replica's answer, which finishes the leg
//
// Only the newest attempt decides; failures of older ones are only recorded.
func (m *Machine) failed(out []Effect, p *pending, attempt uint32, d *Delivery) []Effect {
	kind := d.kind()
	p.log.end(attempt, kind)
	if d.notApplied() {
		p.undone |= bit(attempt)
	}
	if attempt != p.attempt || !p.waiting() {
		return out
	}
	p.cause = kind
	switch kind {
	case foci.Busy:
		return m.retryLater(out, p, retryAfter(d.Err))
	case foci.Closed:
		if p.losses < quickResends {
			p.losses++
			return m.send(out, p, p.asked)
		}
		return m.retryLater(out, p, 0)
	case foci.Unreachable, foci.NoRoute:
		if !m.peers[p.first].up {
			return m.send(out, p, false)
		}
		// A relay has lost the peer, or PeerDown has not been reported yet.
		return m.another(out, p)
	}
	return m.refused(out, p, d)
}

// Cancel ends a leg whose caller gave up.
func (m *Machine) Cancel(out []Effect, now time.Duration, id LegID) []Effect {
	m.advance(now)
	if p := m.find(id); p != nil {
		return m.abandon(out, p, foci.Canceled, "the caller gave up")
	}
	return out
}

// Expire ends a leg as if its deadline had passed.
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

// Tick runs the timers that are due: stalls, delays after Busy, and deadlines.
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

// stalled resends a leg that had no answer in time, and counts the resend.
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
