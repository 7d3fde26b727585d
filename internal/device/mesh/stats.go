package mesh

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh/stream"
)

// Stats is the state of the whole mesh.
type Stats struct {
	Node      foci.NodeID        `json:"node"`
	Cluster   string             `json:"cluster"`
	Listen    []string           `json:"listen"`
	Links     []LinkStats        `json:"links"`
	Incoming  []stream.Stats     `json:"incoming"`
	Serving   int64              `json:"serving"`    // requests in hand
	Refused   int64              `json:"refused"`    // connections refused since the start
	InFlight  int64              `json:"in_flight"`  // requests sent and not answered
	BytesOut  int64              `json:"bytes_out"`  // of these
	BytesHeld int64              `json:"bytes_held"` // of requests in hand
	Forwarded stream.RelayStats  `json:"forwarded"`  // requests relayed for other nodes
	Shares    stream.SharesStats `json:"shares"`     // the peers' use of the limits of this process
}

// LinkStats is the state of one link.
type LinkStats struct {
	Peer      Identity       `json:"peer"`
	Addrs     []string       `json:"addrs"`
	Up        bool           `json:"up"`
	State     PeerState      `json:"state"`
	OneWay    bool           `json:"one_way,omitempty"` // the peer has channels to this process, which can open none; LastClose says why
	RTT       time.Duration  `json:"rtt_ns"`
	InFlight  int64          `json:"in_flight"`
	Bytes     int64          `json:"bytes"`   // in flight
	Waiting   int            `json:"waiting"` // for a channel
	Failures  int            `json:"failures"`
	Moved     int64          `json:"moved"`                // requests sent again because their channel was lost
	LastClose string         `json:"last_close,omitempty"` // cause
	LastAt    time.Time      `json:"last_at,omitzero"`
	Channels  []stream.Stats `json:"channels"`
}

// ending is when and why a channel was lost, or could not be opened.
type ending struct {
	why error
	at  time.Time
}

// recordEnd records the end of a channel, or of an attempt to open one; l.mu is held.
func (l *Link) recordEnd(where link.Slot, why error) {
	l.lastAt = time.Now()
	l.closes[where] = ending{why, l.lastAt}
}

// Stats is a snapshot.
func (m *Mesh) Stats() Stats {
	shares := m.shares.Stats()
	inFlight, bytesOut := m.sent.Used()
	s := Stats{
		Node: m.cfg.Node, Cluster: m.Cluster(), Serving: shares.Requests.Used, Refused: m.refusals.Load(),
		InFlight: inFlight, BytesOut: bytesOut,
		BytesHeld: shares.Bytes.Used,
		Forwarded: m.shares.RelayStats(), Shares: shares,
	}
	for _, a := range m.Addrs() {
		s.Listen = append(s.Listen, a.String())
	}
	for _, l := range m.Peers() {
		s.Links = append(s.Links, l.Stats())
	}
	for _, ch := range m.accepted() {
		s.Incoming = append(s.Incoming, ch.Stats())
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
		LastAt: l.lastAt,
	}
	s.InFlight, s.Bytes = l.quota.Used()
	s.Peer.Node = l.node
	if err := l.machine.LastErr(); err != nil {
		s.LastClose = err.Error()
	}
	at := map[link.Slot]*stream.Client{}
	for _, ch := range l.channels {
		at[link.Slot{Class: ch.Class, Index: ch.Index}] = ch
	}
	for c := range foci.NumClasses {
		for i := range l.machine.Slots(c) {
			where := link.Slot{Class: c, Index: i}
			cs := stream.Stats{Class: c, Index: i, State: l.machine.SlotState(where)}
			if ch := at[where]; ch != nil {
				cs = ch.Stats()
			}
			if end, ok := l.closes[where]; ok {
				cs.LastClose, cs.LastAt = end.why.Error(), end.at
			}
			s.Channels = append(s.Channels, cs)
		}
	}
	return s
}

func hostPorts(addrs []route.Address) []string {
	list := make([]string, len(addrs))
	for i, a := range addrs {
		list[i] = a.HostPort()
	}
	return list
}
