package mesh

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/foci-store/foci"
)

// steady is how long a channel must have lived for its loss not to count as a
// failure to open it.
const steady = time.Second

// keep opens the channels of a link that are wanted, until it is removed. While
// the link is down it tries one channel at a time, less and less often.
func (l *Link) keep() {
	for {
		wait := l.step(time.Now())
		var timer <-chan time.Time
		if wait >= 0 {
			timer = time.After(wait)
		}
		select {
		case <-l.kick:
		case <-timer:
		case <-l.ended:
			return
		}
	}
}

// errTaken says that a channel was opened in vain: its slot was filled meanwhile.
var errTaken = foci.Errorf(foci.Closed, "there is such a channel already")

// step starts to open what is wanted now and returns how long to wait for the
// next time; negative: until something happens.
func (l *Link) step(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.removed || len(l.addrs) == 0 {
		return -1
	}
	if l.eager {
		l.slots[foci.Ping][0].wanted = true
		l.slots[foci.State][0].wanted = true
	} else if l.channels == 0 && l.failures > 0 {
		l.slots[foci.Ping][0].wanted = true // so that it comes back by itself
	}
	alone := l.channels == 0
	for c := range l.slots {
		for i := range l.slots[c] {
			s := &l.slots[c][i]
			if s.dialing && alone {
				return -1
			}
			if !s.wanted || s.dialing || s.ch != nil {
				continue
			}
			if wait := l.retryAt.Sub(now); wait > 0 {
				return wait
			}
			s.dialing = true
			addr := l.addrs[l.addrAt%len(l.addrs)]
			l.mesh.tasks.Go(func() { l.dial(foci.Class(c), i, addr) })
			if alone {
				return -1
			}
		}
	}
	return -1
}

// dial opens one channel and serves it.
func (l *Link) dial(class foci.Class, index int, addr Addr) {
	ctx, cancel := context.WithTimeout(l.mesh.ctx, l.mesh.cfg.Timing.Handshake)
	ch, f, err := l.mesh.open(ctx, addr, l.node, class, index)
	cancel()
	if err == nil {
		ch.link = l
		err = l.adopt(ch)
	}
	if err != nil {
		l.undialled(class, index, err)
		return
	}
	ch.run(f)
}

// adopt takes a channel into its slot. It fails when the slot is taken or the
// link was removed; then the channel was closed.
func (l *Link) adopt(ch *channel) error {
	l.mu.Lock()
	var err error
	s := &l.slots[ch.class][ch.index]
	switch {
	case l.removed:
		err = foci.Errorf(foci.Closed, "the link to node %s is closed", l.node.Short())
	case s.ch != nil:
		err = errTaken
	}
	if err != nil {
		l.mu.Unlock()
		_ = ch.conn.Close() // nothing was sent on it
		return err
	}
	old := l.replaced(ch.peer)
	s.ch, s.dialing, s.wanted = ch, false, false
	if l.channels++; l.channels == 1 {
		l.ups++
	}
	l.peer, l.failures, l.retryAt = ch.peer, 0, time.Time{}
	l.publish(ch.class)
	waiting := l.waiting[ch.class]
	l.waiting[ch.class] = nil
	l.mu.Unlock()

	for _, o := range old {
		o.close(foci.Errorf(foci.Away, "the peer was restarted"))
	}
	for _, q := range waiting {
		if err := l.dispatch(q); err != nil {
			q.complete(nil, err)
		}
	}
	l.mesh.log.Debug("channel open", "peer", l.node, "class", ch.class, "n", ch.index, "addr", ch.peer.Addr, "table", ch.peer.Table)
	l.mesh.announce(l)
	l.hurry()
	return nil
}

// replaced are the channels to an earlier incarnation of the peer; l.mu is held.
func (l *Link) replaced(now Identity) []*channel {
	if l.peer.Incarnation == now.Incarnation {
		return nil
	}
	var old []*channel
	for c := range l.slots {
		for i := range l.slots[c] {
			if ch := l.slots[c][i].ch; ch != nil && ch.peer.Incarnation != now.Incarnation {
				old = append(old, ch)
			}
		}
	}
	if len(old) > 0 {
		l.ups++ // whatever the old one had is gone
	}
	return old
}

// undialled takes note of a channel that could not be opened.
func (l *Link) undialled(class foci.Class, index int, err error) {
	l.mu.Lock()
	s := &l.slots[class][index]
	s.dialing = false
	if err == errTaken { // the peer was reached all the same
		l.mu.Unlock()
		l.hurry()
		return
	}
	l.addrAt++
	first := l.failures == 0
	l.failed(err)
	waiting := l.stranded(class)
	if len(waiting) > 0 && !l.eager {
		s.wanted = false // asked for by those alone
	}
	away := l.away()
	l.mu.Unlock()
	if first && !errors.Is(err, context.Canceled) {
		l.mesh.log.Info("peer cannot be reached", "peer", l.node, "class", class, "err", err)
	}
	for _, q := range waiting {
		q.complete(nil, away)
	}
	l.hurry()
}

// stranded takes out the requests that wait for a channel that could not be
// opened, or was lost at once: those of its class when none of that is open,
// all when the link is down. l.mu is held.
func (l *Link) stranded(class foci.Class) []*Request {
	var out []*Request
	for c := range l.waiting {
		if l.channels == 0 || foci.Class(c) == class && l.noneOpen(class) {
			out = append(out, l.waiting[c]...)
			l.waiting[c] = nil
		}
	}
	return out
}

func (l *Link) noneOpen(class foci.Class) bool {
	list := l.open[class].Load()
	return list == nil || len(*list) == 0
}

// failed counts a failure and sets the time of the next attempt; l.mu is held.
// Channels that fail together count once: all of them at a restart of the peer
// would else keep it away for as long as many attempts in vain.
func (l *Link) failed(err error) {
	t := &l.mesh.cfg.Timing
	l.lastErr, l.lastAt = err, time.Now()
	if l.failures > 0 && l.retryAt.After(l.lastAt) {
		return
	}
	l.failures++
	l.retryAt = l.lastAt.Add(backoff(l.failures, t.BackoffMin, t.BackoffMax, rand.Float64()))
}

// lost takes a closed channel out. A loss by itself is redialled at once; one
// right after the handshake counts as a failure.
func (l *Link) lost(ch *channel, why error) {
	l.mu.Lock()
	s := &l.slots[ch.class][ch.index]
	if s.ch != ch {
		l.mu.Unlock()
		return
	}
	s.ch = nil
	l.channels--
	l.publish(ch.class)
	l.lastErr, l.lastAt = why, time.Now()
	var waiting []*Request
	if time.Since(ch.born) < steady {
		l.failed(why)
		// They came between the channel's end and this: none will be opened soon.
		waiting = l.stranded(ch.class)
	}
	away := l.away()
	if l.channels == 0 && !l.eager {
		l.slots[foci.Ping][0].wanted = true // so that it comes back by itself
	}
	l.mu.Unlock()
	for _, q := range waiting {
		q.complete(nil, away)
	}
	l.mesh.log.Debug("channel lost", "peer", l.node, "class", ch.class, "n", ch.index, "err", why)
	l.mesh.announce(l)
	l.hurry()
}

// draining takes a channel out of use whose peer is shutting down.
func (l *Link) draining(ch *channel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.publish(ch.class)
}

// revive lets the next attempt begin now: the peer has just shown itself. An
// attempt that began before that may still fail, and then counts as the first.
func (l *Link) revive() {
	l.mu.Lock()
	again := l.retryAt.After(time.Now())
	l.retryAt = time.Time{}
	l.failures = min(l.failures, 1)
	l.mu.Unlock()
	if again {
		l.hurry()
	}
}

// remove ends the link.
func (l *Link) remove(why error) {
	l.mu.Lock()
	if l.removed {
		l.mu.Unlock()
		return
	}
	l.removed = true
	close(l.ended)
	var channels []*channel
	var waiting []*Request
	for c := range l.slots {
		for i := range l.slots[c] {
			if ch := l.slots[c][i].ch; ch != nil {
				channels = append(channels, ch)
			}
		}
		waiting = append(waiting, l.waiting[c]...)
		l.waiting[c] = nil
	}
	l.mu.Unlock()
	for _, ch := range channels {
		ch.close(why)
	}
	for _, q := range waiting {
		q.complete(nil, why)
	}
}
