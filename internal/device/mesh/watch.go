package mesh

import (
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/device/mesh/stream"
)

// beatsPerPing is how often, between two pings, each link is told what has arrived.
const beatsPerPing = 4

// watch sends pings (on every ping channel always, on the others while they have
// requests in flight or there is no ping channel) and tells each link's machine what
// has arrived.
func (m *Mesh) watch() {
	tick := time.NewTicker(m.cfg.Timing.PingEvery / beatsPerPing)
	defer tick.Stop()
	var pulses []link.Pulse
	for n := 0; ; n++ {
		select {
		case <-m.ctx.Done():
			return
		case <-tick.C:
		}
		if n%beatsPerPing == beatsPerPing/2 {
			m.trim()
		}
		for _, l := range m.Peers() {
			if pulses = l.beat(pulses); n%beatsPerPing > 0 {
				continue
			}
			list := l.open[foci.Ping].Load()
			all := list == nil || len(*list) == 0
			for _, ch := range l.channelList() {
				if n, _ := ch.Load(); all || ch.Class == foci.Ping || n > 0 {
					ch.Ping()
				}
			}
		}
	}
}

// trim frees the memory that bursts have left in idle channels, and ends requests
// that do not arrive. It costs busy channels nothing.
func (m *Mesh) trim() {
	for _, l := range m.Peers() {
		for _, ch := range l.channelList() {
			ch.Trim()
		}
	}
	now := time.Now()
	for _, ch := range m.accepted() {
		ch.Trim()
		ch.Sweep(now)
	}
}

// channelList returns every open channel.
func (l *Link) channelList() []*stream.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*stream.Client, 0, len(l.channels))
	for _, ch := range l.channels {
		all = append(all, ch)
	}
	return all
}

// events are the links that may have events for OnPeer.
type events struct {
	mu    sync.Mutex
	links []*Link // guarded by mu
	kick  chan struct{}
}

// announce schedules the calls of OnPeer for the events of a link.
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

// reportPeers calls OnPeer, one call at a time.
func (m *Mesh) reportPeers() {
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
			for _, e := range l.takeEvents() {
				if m.cfg.OnPeer != nil {
					m.cfg.OnPeer(e)
				}
			}
		}
	}
}

// takeEvents takes the events since its last call.
func (l *Link) takeEvents() []PeerEvent {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.events
	l.events = nil
	return list
}
