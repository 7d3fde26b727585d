package txn

import (
	"iter"
	"time"

	"github.com/foci-store/foci"
)

// Counters count what happened since the machine was made.
type Counters struct {
	Submitted   uint64 `json:"submitted"`
	Refused     uint64 `json:"refused"`     // by Submit
	Transmitted uint64 `json:"transmitted"` // requests, the resent ones included
	Asked       uint64 `json:"asked"`       // Have before a body
	Resent      uint64 `json:"resent"`      // attempts after the first
	Stalls      uint64 `json:"stalls"`
	Backoffs    uint64 `json:"backoffs"` // waits after Busy and the like
	Parked      uint64 `json:"parked"`
	Unparked    uint64 `json:"unparked"` // sent because the peer came back
	Done        uint64 `json:"done"`
	Failed      uint64 `json:"failed"`
	Expired     uint64 `json:"expired"` // of the failed: by deadline
	Late        uint64 `json:"late"`    // answers to noPeer
}

// Counters returns the counters.
func (m *Machine) Counters() Counters { return m.stats }

// Status describes one pending leg.
type Status struct {
	Leg      LegID         `json:"leg"`
	Peer     foci.NodeID   `json:"peer"`
	Relay    foci.NodeID   `json:"via"` // zero: the path is direct
	Class    foci.Class    `json:"class"`
	Table    foci.Table    `json:"table"` // of the last attempt that was sent
	State    string        `json:"state"`
	Mutation bool          `json:"mutation"`
	Size     int64         `json:"size"`
	Age      time.Duration `json:"age"`
	Attempts int           `json:"attempts"`
	Left     int           `json:"left"` // resends
	Ref      any           `json:"-"`
}

// Pending yields the pending legs, in no order. The machine must not be used
// meanwhile.
func (m *Machine) Pending(now time.Duration) iter.Seq[Status] {
	return func(yield func(Status) bool) {
		for _, p := range m.timers {
			s := Status{
				Leg: p.id, Peer: m.peers[p.peer].id, Class: p.class, State: stateNames[p.state], Mutation: p.mutation,
				Size: p.size, Age: max(now, m.now) - p.submitted, Attempts: int(p.attempt), Left: int(p.left), Ref: p.ref,
			}
			if p.lacksPath() {
				s.State = stateNames[parked] // for people it is the same
			}
			if p.first != p.peer {
				s.Relay = m.peers[p.first].id
			}
			for n := p.log.n; n > 0; n-- {
				e := p.log.entry(n)
				if e == nil {
					break
				}
				if e.flags&wasSent != 0 {
					s.Table = foci.Table(e.table)
					break
				}
			}
			if !yield(s) {
				return
			}
		}
	}
}
