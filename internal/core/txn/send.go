package txn

import (
	"errors"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/invariant"
)

// send routes a leg and dispatches it; ask requests a Have first, if the leg allows it.
func (m *Machine) send(out []Effect, p *pending, ask bool) []Effect {
	if m.now >= p.deadline {
		return m.expire(out, p)
	}
	path, err := m.cfg.Route(p.target, p.class)
	if err == nil {
		return m.dispatch(out, p, path, ask)
	}
	return m.noPath(out, p, path, err)
}

// another routes a leg whose path has just failed: by another path at once, a few times,
// and by the same one after a delay.
func (m *Machine) another(out []Effect, p *pending) []Effect {
	if m.now >= p.deadline {
		return m.expire(out, p)
	}
	path, err := m.cfg.Route(p.target, p.class)
	switch {
	case err != nil:
		return m.noPath(out, p, path, err)
	case p.losses < quickResends && path.first() != m.peers[p.first].id:
		p.losses++
		return m.dispatch(out, p, path, false)
	}
	return m.retryLater(out, p, 0)
}

// noPath handles an error of the router.
func (m *Machine) noPath(out []Effect, p *pending, path Path, err error) []Effect {
	p.cause = foci.KindOf(err)
	switch {
	case p.cause == foci.Unreachable:
		return m.awaitRoute(out, p, path, retryAfter(err))
	case p.cause == foci.NoRoute && p.mayApply():
		// Giving up now would leave the outcome open although a path may appear.
		m.park(p, noPeer)
		return out
	}
	return m.fail(out, p, p.cause, err)
}

// awaitRoute parks a leg whose peer is unreachable. If the router gave a time after which
// there may be another path, one waiting leg asks the router again then.
func (m *Machine) awaitRoute(out []Effect, p *pending, path Path, after time.Duration) []Effect {
	p.cause = foci.Unreachable
	to, ok := m.intern(path.Peer)
	next, ok2 := to, true
	if !path.Relay.IsZero() {
		next, ok2 = m.intern(path.Relay)
	}
	if ok && ok2 && next != noPeer && !m.peers[next].up {
		p.peer = to
		if m.assign(p, next); after > 0 && m.scouts(p, next) {
			return m.retryLater(out, p, after)
		}
		m.park(p, next)
		return out
	}
	// The router knows of the loss before the machine, or named no peer.
	return m.retryLater(out, p, 0)
}

// dispatch sends a leg along a path, or parks it while the first node of the path is
// unreachable.
func (m *Machine) dispatch(out []Effect, p *pending, path Path, ask bool) []Effect {
	to, ok := m.intern(path.Peer)
	relay, ok2 := m.intern(path.Relay)
	if !ok || !ok2 || to == noPeer {
		return m.fail(out, p, foci.Internal, foci.Errorf(foci.Internal, "the router names no node, or too many"))
	}
	next := to
	if relay != noPeer {
		next = relay
	}
	p.peer = to
	if !m.peers[next].up {
		p.cause = foci.Unreachable
		m.park(p, next)
		return out
	}
	invariant.Check(m.now < p.deadline, "nothing is sent after its deadline")
	m.assign(p, next)
	p.attempt++
	p.asked = ask && p.canAsk && p.mutation && p.bodyAt == to && p.mayApply()
	p.log.begin(m.now-p.submitted, to, relay, p.asked)
	e := Effect{
		Do: Transmit, Class: p.class, Attempt: p.attempt, Leg: p.id, Ref: p.ref,
		Peer: path.Peer, Relay: path.Relay, Avoid: p.channel,
	}
	p.state = inFlight
	if p.asked {
		e.Do, p.state = Ask, asking
		m.stats.Asked++
	} else {
		m.stats.Transmitted++
	}
	if p.attempt > 1 {
		m.stats.Resent++
	}
	m.schedule(p, m.now+p.patience())
	return append(out, e)
}

// park makes a leg wait for a peer, or for routes; only its deadline runs.
func (m *Machine) park(p *pending, at uint16) {
	m.assign(p, at)
	p.state, p.asked = parked, false
	p.backoffs, p.grown = 0, 0 // it begins anew when its peer is back
	m.stats.Parked++
	m.schedule(p, p.deadline)
}

// retryLater delays a leg for the given time and longer each time, with jitter.
func (m *Machine) retryLater(out []Effect, p *pending, after time.Duration) []Effect {
	wait := min(firstBackoff<<min(p.backoffs, 10), maxBackoff)
	wait = max(wait, min(after, maxRetryAfter))
	spread := uint64(p.id) * 0x9e3779b97f4a7c15 >> 54 // 0..1023
	wait += wait / 4 * time.Duration(spread) / 1024
	p.backoffs = min(p.backoffs+1, 16)
	p.state = backoff
	m.stats.Backoffs++
	m.schedule(p, m.now+wait)
	return out
}

// retryAfter is the RetryAfter of an error.
func retryAfter(err error) time.Duration {
	var e *foci.Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}
