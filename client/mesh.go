package client

import (
	"iter"
	"time"

	"github.com/foci-store/foci"
)

// MeshStatus is what a process says of its links and channels.
type MeshStatus struct {
	Node      foci.NodeID     `json:"node"`
	Cluster   string          `json:"cluster"`
	Listen    []string        `json:"listen"`
	Links     []LinkStatus    `json:"links"`
	Incoming  []ChannelStatus `json:"incoming"`
	Serving   int64           `json:"serving"`    // requests in hand
	Refused   int64           `json:"refused"`    // connections, since the start
	InFlight  int64           `json:"in_flight"`  // requests sent and not answered
	BytesOut  int64           `json:"bytes_out"`  // of these
	BytesHeld int64           `json:"bytes_held"` // of requests in hand
	Forwarded RelayStatus     `json:"forwarded"`  // what it passed on for others
	Shares    SharesStatus    `json:"shares"`     // who holds what of its limits
}

// LinkStatus is the state of a link to one peer.
type LinkStatus struct {
	Peer      Peer            `json:"peer"`
	Addrs     []string        `json:"addrs"`
	Up        bool            `json:"up"`
	State     string          `json:"state"`
	OneWay    bool            `json:"one_way,omitempty"` // the peer has channels to the process, which can open none; LastClose says why
	RTT       time.Duration   `json:"rtt_ns"`
	InFlight  int64           `json:"in_flight"` // requests
	Bytes     int64           `json:"bytes"`     // of these
	Waiting   int             `json:"waiting"`   // requests that wait for a channel
	Failures  int             `json:"failures"`
	Moved     int64           `json:"moved"` // requests sent again because their channel was lost
	LastClose string          `json:"last_close,omitempty"`
	LastAt    time.Time       `json:"last_at,omitzero"`
	Channels  []ChannelStatus `json:"channels"`
}

// ChannelStatus is the state of one place for a channel.
type ChannelStatus struct {
	Class    foci.Class    `json:"class"`
	Index    int           `json:"n"`
	State    string        `json:"state"`           // open, draining, dialing, wanted or idle
	Peer     Peer          `json:"peer"`            // with the address that was dialled and its table
	Local    string        `json:"local,omitempty"` // address of the process itself
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
	Unasked  int64         `json:"unasked"` // replies to no request
	Moved    int64         `json:"moved"`   // requests that went to a sibling when it was lost
	BytesIn  int64         `json:"bytes_in"`
	BytesOut int64         `json:"bytes_out"`

	LastClose string    `json:"last_close,omitempty"` // why the last channel here was lost, or not opened
	LastAt    time.Time `json:"last_at,omitzero"`
}

// Peer is the other end of a link or channel, as it was proved or told.
type Peer struct {
	Node        foci.NodeID      `json:"node"`
	Incarnation foci.Incarnation `json:"incarnation"`
	Role        foci.Role        `json:"role"`
	Table       foci.Table       `json:"table"`
	Addr        string           `json:"addr"`     // host:port
	Protocol    uint16           `json:"protocol"` // that both sides speak
	Principal   string           `json:"principal,omitempty"`
}

// RelayStatus counts requests that a process passed on for others.
type RelayStatus struct {
	Now    int64 `json:"now"`        // on their way
	Held   int64 `json:"held_bytes"` // at most, for these
	Done   int64 `json:"done"`
	Failed int64 `json:"failed"`
	Bytes  int64 `json:"bytes"` // of requests and replies
}

// SharesStatus are the limits of a process that are divided among principals.
type SharesStatus struct {
	Conns      ShareStatus `json:"connections"`
	Requests   ShareStatus `json:"requests"`
	Bytes      ShareStatus `json:"bytes"`       // of requests in hand
	Replies    ShareStatus `json:"reply_bytes"` // in memory
	Relays     ShareStatus `json:"relays"`      // requests that are passed on for others
	RelayBytes ShareStatus `json:"relay_bytes"` // of these that may wait
}

// All yields each limit with its name.
func (s *SharesStatus) All() iter.Seq2[string, *ShareStatus] {
	return func(yield func(string, *ShareStatus) bool) {
		_ = yield("connections", &s.Conns) && yield("requests", &s.Requests) && yield("bytes", &s.Bytes) &&
			yield("reply_bytes", &s.Replies) && yield("relays", &s.Relays) && yield("relay_bytes", &s.RelayBytes)
	}
}

// ShareStatus is how much of one limit is in use, and which principals hold most.
type ShareStatus struct {
	Used  int64         `json:"used"`
	Limit int64         `json:"limit"`
	Top   []ShareHolder `json:"top,omitempty"`
}

// ShareHolder is a principal that holds a part of a limit.
type ShareHolder struct {
	Principal string `json:"principal,omitempty"` // empty: all peers that have proved nothing
	Member    bool   `json:"member,omitempty"`
	Used      int64  `json:"used"`
}

// Name is the principal, or which peers are meant when it is empty.
func (h *ShareHolder) Name() string {
	switch {
	case h.Principal != "":
		return h.Principal
	case h.Member:
		return "members"
	}
	return "-"
}
