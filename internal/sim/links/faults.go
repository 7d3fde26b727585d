package links

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
)

// plan schedules what happens to whom.
func (w *world) plan() {
	for range 20 + w.Rand.IntN(80) {
		w.After(w.UpTo(faultsFor), func() {
			if l := w.anyLink(); l != nil {
				for range 1 + w.Rand.IntN(4) {
					l.ask()
				}
			}
		})
	}
	for range w.Rand.IntN(25) {
		w.After(w.UpTo(faultsFor), w.fault)
	}
	for range w.Rand.IntN(4) {
		w.After(w.UpTo(faultsFor), w.dialByHand)
	}
}

// anyLink is some link of some living process.
func (w *world) anyLink() *peer {
	p := w.procs[w.Rand.IntN(len(w.procs))]
	to := w.Rand.IntN(len(w.procs))
	if p.peers == nil || to == p.at {
		return nil
	}
	return p.peers[to]
}

// dialByHand opens a channel that the machine did not ask for.
func (w *world) dialByHand() {
	if l := w.anyLink(); l != nil {
		l.dial(link.Slot{Class: foci.Ping}, 0, link.Addr{HostPort: string(rune('a' + l.to))})
	}
}

func (w *world) fault() {
	if w.healed {
		return
	}
	p := w.procs[w.Rand.IntN(len(w.procs))]
	switch n := w.Rand.IntN(20); {
	case n < 11:
		if c := w.anyConn(); c != nil {
			c.reset()
		}
	case n < 14: // a connection falls silent
		if c := w.anyConn(); c != nil && !c.broken {
			c.broken = true
			w.counts.Silences++
		}
	case n < 17:
		w.hole()
	case p.peers == nil || p.deaf:
	case n < 18:
		p.drain(w.UpTo(500 * time.Millisecond))
	default:
		p.crash(w.UpTo(1500 * time.Millisecond))
	}
}

func (w *world) anyConn() *conn {
	var open []*conn
	for _, c := range w.conns {
		if !c.broken {
			open = append(open, c)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[w.Rand.IntN(len(open))]
}

// hole closes a way for a time, in one direction or both.
func (w *world) hole() {
	h := way{w.Rand.IntN(len(w.procs)), w.Rand.IntN(len(w.procs)), foci.Table(w.Rand.IntN(w.tables))}
	ways := []way{h}
	if w.Rand.IntN(2) == 0 {
		ways = append(ways, way{h.to, h.from, h.table})
	} else {
		w.counts.OneWays++
	}
	for _, h := range ways {
		w.blocked[h] = true
	}
	w.After(w.UpTo(3*time.Second), func() {
		for _, h := range ways {
			delete(w.blocked, h)
		}
	})
}

// heal ends all faults.
func (w *world) heal() {
	w.healed = true
	clear(w.blocked)
}
