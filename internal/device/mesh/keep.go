package mesh

import (
	"context"
	"log/slog"
	"math"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh/stream"
)

// step gives the machine an event and carries out its effects.
func (l *Link) step(tell func(out []link.Effect, now time.Duration) []link.Effect) {
	l.mu.Lock()
	out := tell(nil, l.now())
	l.record(out, l.peer)
	l.mu.Unlock()
	l.carryOut(out)
}

func (l *Link) now() time.Duration { return time.Since(l.mesh.began) }

// record publishes the changes of an event; peer is the peer of the channel that the
// event opened, if any. l.mu is held.
func (l *Link) record(out []link.Effect, peer Identity) {
	l.publish()
	for i := range out {
		if e := &out[i]; e.Do == link.Tell {
			l.state.Store(uint32(e.State))
			of := l.peer
			if e.State == link.Up {
				of = peer
			}
			if of.Node = l.node; e.Err != nil {
				l.lastAt = time.Now()
			}
			l.events = append(l.events, PeerEvent{Peer: of, Up: e.State == link.Up, State: e.State, Err: e.Err})
		}
	}
	if len(l.events) > 0 {
		l.events = collapse(l.events)
		l.mesh.announce(l)
	}
	if at, ok := l.machine.NextWake(); ok && at < l.wakeAt {
		l.wakeAt = at
		l.wakeKeeper()
	}
}

// maxEvents is how many events of one link wait for OnPeer at most.
const maxEvents = 8

// collapse shortens too long a list of events to the loss of the peer and its present
// state.
func collapse(told []PeerEvent) []PeerEvent {
	if len(told) <= maxEvents {
		return told
	}
	last := told[len(told)-1]
	for i := len(told) - 2; i >= 0; i-- {
		if !told[i].Up {
			return append(told[:0], told[i], last)
		}
	}
	return append(told[:0], last)
}

// carryOut carries out the effects of the machine. l.mu is not held.
func (l *Link) carryOut(out []link.Effect) {
	for i := range out {
		switch e := &out[i]; e.Do {
		case link.Dial:
			if where, attempt, addr := e.Slot, e.Attempt, e.Addr; !l.mesh.begin(func() { l.dial(where, attempt, addr) }) {
				l.dialFailed(where, attempt, errClosed)
			}
		case link.Close:
			l.mu.Lock()
			ch := l.channels[e.Conn]
			l.mu.Unlock()
			if ch != nil {
				ch.Close(e.Err)
			}
		case link.Send:
			q := e.Request.Ref.(*Request)
			q.Wait(e.Request.Since)
			if err := l.dispatch(q); err != nil {
				q.Fail(err)
			}
		case link.Fail:
			e.Request.Ref.(*Request).Fail(e.Err)
		}
	}
}

// keep runs the machine's timers until the link is removed.
func (l *Link) keep() {
	for {
		l.mu.Lock()
		at, ok := l.machine.NextWake()
		if l.wakeAt = at; !ok {
			l.wakeAt = math.MaxInt64
		}
		wait := at - l.now()
		l.mu.Unlock()
		var timer <-chan time.Time
		if ok {
			timer = time.After(max(wait, 0))
		}
		select {
		case <-l.kick:
			continue
		case <-timer:
		case <-l.ended:
			return
		}
		l.step(l.machine.Tick)
	}
}

// wakeKeeper makes keep recompute its next deadline.
func (l *Link) wakeKeeper() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// dial opens one channel and serves it.
func (l *Link) dial(where link.Slot, attempt uint64, addr route.Address) {
	ctx, cancel := context.WithTimeout(l.mesh.ctx, l.mesh.cfg.Timing.Handshake)
	ch, err := l.mesh.open(ctx, addr, l.node, where.Class, where.Index)
	cancel()
	if err != nil {
		l.dialFailed(where, attempt, err)
		return
	}
	if l.adopt(ch, where, attempt, addr) == nil {
		if where.Class == foci.Ping {
			ch.Ping() // tells the peer's clock at once
		}
		ch.Run()
	}
}

// dialFailed records a channel that could not be opened.
func (l *Link) dialFailed(where link.Slot, attempt uint64, err error) {
	l.step(func(out []link.Effect, now time.Duration) []link.Effect {
		l.recordEnd(where, err)
		first := l.machine.Failures() == 0
		out = l.machine.Undialled(out, now, where, attempt, err)
		if first && l.mesh.ctx.Err() == nil {
			level := slog.LevelInfo
			if foci.KindOf(err) == foci.Denied { // a wrong setting on either side, which lasts
				level = slog.LevelWarn
			}
			l.mesh.log.Log(l.mesh.ctx, level, "peer cannot be reached", "peer", l.node, "class", where.Class, "err", err)
		}
		return out
	})
}

// adopt puts a channel into its slot. When the slot is taken or the link was removed,
// it closes the channel and fails.
func (l *Link) adopt(ch *stream.Client, where link.Slot, attempt uint64, addr route.Address) error {
	l.mu.Lock()
	ch.Attach((*owner)(l), link.Conn(l.mesh.conns.Add(1)), where.Index)
	l.channels[ch.ID] = ch
	out, err := l.machine.Opened(nil, l.now(), where, attempt, ch.ID, ch.Peer.Incarnation, addr)
	if err != nil {
		delete(l.channels, ch.ID)
	}
	l.record(out, ch.Peer)
	if err == nil {
		l.peer = ch.Peer
	}
	l.mu.Unlock()
	if err != nil {
		_ = ch.Conn.Close() // nothing was sent on it
	} else {
		l.mesh.log.Debug("channel open", "peer", l.node, "class", ch.Class, "n", ch.Index, "addr", ch.Peer.Addr, "table", ch.Peer.Table)
	}
	l.carryOut(out)
	return err
}

// owner is a link as its channels know it.
type owner Link

// Lost removes a closed channel.
func (o *owner) Lost(ch *stream.Client, why error) {
	l := (*Link)(o)
	l.mesh.log.Debug("channel lost", "peer", l.node, "class", ch.Class, "n", ch.Index, "err", why)
	l.step(func(out []link.Effect, now time.Duration) []link.Effect {
		delete(l.channels, ch.ID)
		l.recordEnd(link.Slot{Class: ch.Class, Index: ch.Index}, why)
		return l.machine.Lost(out, now, ch.ID, why)
	})
}

// Orphaned handles a request whose channel was lost before the reply: the request is
// sent again on another channel, waits for one, or fails.
func (o *owner) Orphaned(q *Request, ch *stream.Client, why error) {
	l := (*Link)(o)
	if q.Finished() {
		return
	}
	l.mu.Lock()
	ask := l.describe(q)
	ask.Since = 0 // its wait for a channel begins anew
	q.Move()      // before another goroutine can send it
	out, waits, err := l.machine.Move(nil, l.now(), ask, ch.Peer.Incarnation, why)
	l.record(out, l.peer)
	l.mu.Unlock()
	l.carryOut(out)
	if err == nil {
		ch.Moved()
		l.moved.Add(1)
		if !waits {
			err = l.dispatch(q)
		}
	}
	if err != nil {
		q.Fail(err)
	}
}

// Draining stops the use of a channel whose peer is shutting down.
func (o *owner) Draining(ch *stream.Client) {
	l := (*Link)(o)
	l.step(func(out []link.Effect, now time.Duration) []link.Effect { return l.machine.Draining(out, now, ch.ID) })
}

// Pinged records the round trip and the clock reading of a pong.
func (o *owner) Pinged(rtt time.Duration, clock *stream.ClockReading) {
	o.rtt.Store(int64(rtt))
	if clock != nil {
		o.clock.Store(clock)
	}
}

// inbound tells the machine that the peer has opened or closed a channel to this
// process.
func (l *Link) inbound(change int) {
	l.step(func(out []link.Effect, now time.Duration) []link.Effect { return l.machine.Inbound(out, now, change) })
}

// Retry ends the backoff after failed dials: the peer has just been seen.
func (l *Link) Retry() { l.step(l.machine.Revive) }

// remove ends the link.
func (l *Link) remove(why error) {
	l.step(func(out []link.Effect, _ time.Duration) []link.Effect {
		if !l.removed {
			l.removed = true
			close(l.ended)
		}
		return l.machine.Remove(out, why)
	})
}

// beat tells the machine what has arrived on each channel.
func (l *Link) beat(pulses []link.Pulse) []link.Pulse {
	pulses = pulses[:0]
	l.step(func(out []link.Effect, now time.Duration) []link.Effect {
		for id, ch := range l.channels {
			pulses = append(pulses, link.Pulse{Conn: id, Heard: ch.Received(), Asked: ch.Pinging()})
		}
		return l.machine.Beat(out, now, pulses)
	})
	return pulses
}

// publish updates the list of open channels that pick reads; l.mu is held.
func (l *Link) publish() {
	for c := range foci.NumClasses {
		old := l.open[c].Load()
		n, same := 0, old != nil
		for i := range l.machine.Slots(c) {
			if id := l.machine.Open(link.Slot{Class: c, Index: i}); id != 0 {
				same = same && n < len(*old) && (*old)[n].ID == id
				n++
			}
		}
		if same && n == len(*old) {
			continue
		}
		list := make([]*stream.Client, 0, n)
		for i := range l.machine.Slots(c) {
			if id := l.machine.Open(link.Slot{Class: c, Index: i}); id != 0 {
				list = append(list, l.channels[id])
			}
		}
		l.open[c].Store(&list)
	}
}
