package mesh

import (
	"time"

	"github.com/foci-store/foci"
)

// quietBytes is the traffic between two looks at a channel below which it
// counts as idle: that of pings.
const quietBytes = 4 << 10

// keepQueue is the memory that the queue of an idle channel keeps, in bytes.
const keepQueue = 1 << 10

// trim takes back the memory that bursts have left in channels which have
// nothing to do any more, and ends the goroutine that would write to them:
// with many nodes most channels are such. Doing it now and then costs those
// that are busy nothing. It also ends requests that came in and do not arrive.
func (m *Mesh) trim() {
	for _, l := range m.Peers() {
		for _, ch := range l.channelList() {
			ch.trim()
		}
	}
	m.mu.Lock()
	inbound := make([]*channel, 0, len(m.inbound))
	for ch := range m.inbound {
		inbound = append(inbound, ch)
	}
	m.mu.Unlock()
	now := time.Now()
	for _, ch := range inbound {
		ch.trim()
		ch.sweep(now)
	}
}

func (ch *channel) trim() {
	seen := ch.count.bytesIn.Load() + ch.count.bytesOut.Load()
	ch.mu.Lock()
	defer ch.mu.Unlock()
	quiet := seen-ch.seen < quietBytes
	ch.seen = seen
	if !quiet || !ch.idle && !ch.away || ch.streams.used > 0 {
		return
	}
	if ch.idle && ch.class != foci.Ping { // pings would wake it every second
		ch.idle, ch.retire = false, true
		ch.wake.Signal()
	}
	if cap(ch.out)+cap(ch.spare) > keepQueue {
		ch.out, ch.spare = nil, nil
	}
	ch.sendq.trim()
	ch.streams.trim()
}
