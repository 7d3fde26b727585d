package mesh

import (
	"sync"
	"time"

	"github.com/foci-store/foci"
)

// watch pings, and closes what does not answer: every ping channel always, the
// others while they have requests in flight. A ping is missed when it has no
// answer after half the time between two.
func (m *Mesh) watch() {
	tick := time.NewTicker(m.cfg.Timing.PingEvery / 2)
	defer tick.Stop()
	for odd := true; ; odd = !odd {
		select {
		case <-m.ctx.Done():
			return
		case <-tick.C:
		}
		for _, l := range m.Peers() {
			for _, ch := range l.channelList() {
				switch {
				case !odd:
					m.checkLife(l, ch)
				case ch.class == foci.Ping || ch.load.Load() > 0:
					ch.life.ping(ch)
				}
			}
		}
	}
}

// checkLife closes a channel that missed too many pings; when it is the one
// for pings, the whole link.
func (m *Mesh) checkLife(l *Link, ch *channel) {
	if !ch.life.check(ch, m.cfg.Timing.PingMisses) {
		return
	}
	why := foci.Errorf(foci.Away, "no answer to %d pings, one each %v", m.cfg.Timing.PingMisses, m.cfg.Timing.PingEvery)
	if ch.class != foci.Ping {
		ch.close(why)
		return
	}
	m.log.Info("peer does not answer", "peer", l.node, "err", why)
	for _, ch := range l.channelList() {
		ch.close(why)
	}
}

// channelList is every open channel.
func (l *Link) channelList() []*channel {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []*channel
	for c := range l.slots {
		for i := range l.slots[c] {
			if ch := l.slots[c][i].ch; ch != nil {
				all = append(all, ch)
			}
		}
	}
	return all
}

// events are the links of which OnPeer may have something to hear.
type events struct {
	mu    sync.Mutex
	links []*Link
	kick  chan struct{}
}

// announce has OnPeer told of what has become of a link.
func (m *Mesh) announce(l *Link) {
	e := &m.events
	e.mu.Lock()
	known := false
	for _, o := range e.links {
		known = known || o == l
	}
	if !known {
		e.links = append(e.links, l)
	}
	e.mu.Unlock()
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

// tell calls OnPeer, one call at a time.
func (m *Mesh) tell() {
	for {
		select {
		case <-m.events.kick:
		case <-m.ctx.Done():
			return
		}
		m.events.mu.Lock()
		links := m.events.links
		m.events.links = nil
		m.events.mu.Unlock()
		for _, l := range links {
			for _, e := range l.news() {
				if m.cfg.OnPeer != nil {
					m.cfg.OnPeer(e)
				}
			}
		}
	}
}

// news is what has happened since it was last asked: down, up, or both, so
// that a link which was lost and is back already is told as lost and back.
func (l *Link) news() []PeerEvent {
	l.mu.Lock()
	defer l.mu.Unlock()
	up, again := l.channels > 0, l.ups != l.told
	var list []PeerEvent
	if l.toldUp && (!up || again) {
		list = append(list, PeerEvent{Peer: l.peer, Err: l.lastErr})
	}
	if up && (again || !l.toldUp) {
		list = append(list, PeerEvent{Peer: l.peer, Up: true})
	}
	l.told, l.toldUp = l.ups, up
	return list
}
