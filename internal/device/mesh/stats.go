package mesh

import (
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
)

// counters count what a channel did since it was opened.
type counters struct {
	sent     atomic.Int64 // requests, or replies, given to the writer
	answered atomic.Int64 // replies that somebody waited for
	served   atomic.Int64 // requests taken in
	unasked  atomic.Int64 // replies that nobody waits for
	moved    atomic.Int64 // requests that went to a sibling when it was lost
	bytesIn  atomic.Int64
	bytesOut atomic.Int64
	longOut  atomic.Int64 // of these, bytes of long messages
}

// Stats is the state of the whole mesh.
type Stats struct {
	Node      foci.NodeID    `json:"node"`
	Cluster   string         `json:"cluster"`
	Listen    []string       `json:"listen"`
	Links     []LinkStats    `json:"links"`
	Incoming  []ChannelStats `json:"incoming"`
	Serving   int64          `json:"serving"`    // requests in hand
	Refused   int64          `json:"refused"`    // connections, since the start
	InFlight  int64          `json:"in_flight"`  // requests sent and not answered
	BytesOut  int64          `json:"bytes_out"`  // of these
	BytesHeld int64          `json:"bytes_held"` // of requests in hand
	Forwarded RelayStats     `json:"forwarded"`  // for others
	Shares    SharesStats    `json:"shares"`     // who holds what of the limits of this process
}

// LinkStats is the state of one link.
type LinkStats struct {
	Peer      Identity       `json:"peer"`
	Addrs     []string       `json:"addrs"`
	Up        bool           `json:"up"`
	State     PeerState      `json:"state"`
	OneWay    bool           `json:"one_way,omitempty"` // it has channels to us, we can open none; LastClose says why
	RTT       time.Duration  `json:"rtt_ns"`
	InFlight  int64          `json:"in_flight"`
	Bytes     int64          `json:"bytes"`   // in flight
	Waiting   int            `json:"waiting"` // for a channel
	Failures  int            `json:"failures"`
	Moved     int64          `json:"moved"`                // requests sent again because their channel was lost
	LastClose string         `json:"last_close,omitempty"` // cause
	LastAt    time.Time      `json:"last_at,omitzero"`
	Channels  []ChannelStats `json:"channels"`
}

// ChannelStats is the state of one place for a channel.
type ChannelStats struct {
	Class    foci.Class    `json:"class"`
	Index    int           `json:"n"`
	State    string        `json:"state"`           // open, draining, dialing, wanted, idle
	Peer     Identity      `json:"peer"`            // with its address and the table
	Local    string        `json:"local,omitempty"` // our own address
	Age      time.Duration `json:"age_ns"`
	RTT      time.Duration `json:"rtt_ns"`     // smoothed; of the dialling side, as the next two
	RTTp50   time.Duration `json:"rtt_p50_ns"` // of the last 64 pings
	RTTp99   time.Duration `json:"rtt_p99_ns"`
	Queued   int           `json:"queued"`       // messages not yet written
	QueuedB  int64         `json:"queued_bytes"` // of these
	InFlight int           `json:"in_flight"`    // requests without the end of their replies
	Bytes    int64         `json:"in_flight_bytes"`
	Sent     int64         `json:"sent"`
	Answered int64         `json:"answered"`
	Served   int64         `json:"served"`
	Unasked  int64         `json:"unasked"`
	Moved    int64         `json:"moved"` // requests that went to a sibling when it was lost
	BytesIn  int64         `json:"bytes_in"`
	BytesOut int64         `json:"bytes_out"`

	LastClose string    `json:"last_close,omitempty"` // why the last channel here was lost, or not opened
	LastAt    time.Time `json:"last_at,omitzero"`
}

// ending is when and why a channel was lost, or could not be opened.
type ending struct {
	why error
	at  time.Time
}

// closed notes the end of a channel, or of an attempt to open one; l.mu is held.
func (l *Link) closed(where link.Slot, why error) {
	l.lastAt = time.Now()
	l.closes[where] = ending{why, l.lastAt}
}

// Stats is a snapshot.
func (m *Mesh) Stats() Stats {
	shares := m.shares.stats()
	s := Stats{
		Node: m.cfg.Node, Cluster: m.Cluster(), Serving: shares.Requests.Used, Refused: m.refusals.Load(),
		InFlight: m.out.count.Load() + m.vitalOut.count.Load(), BytesOut: m.out.bytes.Load() + m.vitalOut.bytes.Load(),
		BytesHeld: shares.Bytes.Used,
		Forwarded: m.relays.stats(shares), Shares: shares,
	}
	for _, a := range m.Addrs() {
		s.Listen = append(s.Listen, a.String())
	}
	for _, l := range m.Peers() {
		s.Links = append(s.Links, l.Stats())
	}
	m.mu.Lock()
	inbound := make([]*channel, 0, len(m.inbound))
	for ch := range m.inbound {
		inbound = append(inbound, ch)
	}
	m.mu.Unlock()
	for _, ch := range inbound {
		s.Incoming = append(s.Incoming, ch.stats())
	}
	return s
}

// Stats is a snapshot.
func (l *Link) Stats() LinkStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := LinkStats{
		Peer: l.peer, Addrs: hostPorts(l.machine.Addrs()), Up: l.Up(), State: l.State(), OneWay: l.machine.OneWay(),
		RTT: l.RTT(), Failures: l.machine.Failures(), Moved: l.moved.Load(), Waiting: l.machine.Waiting(),
		InFlight: l.inFlight(), Bytes: l.bytes(), LastAt: l.lastAt,
	}
	s.Peer.Node = l.node
	if err := l.machine.LastErr(); err != nil {
		s.LastClose = err.Error()
	}
	at := map[link.Slot]*channel{}
	for _, ch := range l.channels {
		at[link.Slot{Class: ch.class, Index: ch.index}] = ch
	}
	for c := range foci.NumClasses {
		for i := range l.machine.Slots(c) {
			where := link.Slot{Class: c, Index: i}
			cs := ChannelStats{Class: c, Index: i, State: l.machine.SlotState(where)}
			if ch := at[where]; ch != nil {
				cs = ch.stats()
			}
			if end, ok := l.closes[where]; ok {
				cs.LastClose, cs.LastAt = end.why.Error(), end.at
			}
			s.Channels = append(s.Channels, cs)
		}
	}
	return s
}

func (ch *channel) stats() ChannelStats {
	ch.mu.Lock()
	queued, bytes, state := ch.outN, int64(len(ch.out)), "open"
	if ch.drain {
		state = "draining"
	}
	queued += ch.sendq.short.len() + ch.sendq.long.len()
	inFlight := int64(0)
	ch.streams.each(func(s *stream) { inFlight += s.size() })
	ch.mu.Unlock()
	p50, p99 := ch.life.trips.quantiles()
	c := &ch.count
	return ChannelStats{
		Class: ch.class, Index: ch.index, State: state, Peer: ch.peer, Local: ch.local,
		Age: time.Since(ch.born), RTT: time.Duration(ch.life.rtt.Load()), RTTp50: p50, RTTp99: p99,
		Queued: queued, QueuedB: bytes + ch.heavy.Load(), InFlight: int(ch.load.Load()), Bytes: inFlight,
		Sent: c.sent.Load(), Answered: c.answered.Load(), Served: c.served.Load(), Unasked: c.unasked.Load(),
		Moved:   c.moved.Load(),
		BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(),
	}
}

// size is the bytes of the request, as they are counted on that side.
func (s *stream) size() int64 {
	switch {
	case s.req != nil:
		return s.req.size
	case s.in != nil:
		return s.in.size
	}
	return 0
}

// inFlight are the requests that are sent, or wait, and are not answered.
func (l *Link) inFlight() int64 {
	return l.flow.count.Load() + l.queued[foci.Ping].count.Load() + l.queued[foci.State].count.Load()
}

// bytes are those of inFlight.
func (l *Link) bytes() int64 {
	return l.flow.bytes.Load() + l.queued[foci.Ping].bytes.Load() + l.queued[foci.State].bytes.Load()
}
