package client

import (
	"iter"
	"time"

	"github.com/foci-store/foci"
)

// MeshStatus is the state of a process's links and channels.
type MeshStatus struct {
	Node      foci.NodeID     `json:"node"`
	Cluster   string          `json:"cluster"`
	Listen    []string        `json:"listen"`
	Links     []LinkStatus    `json:"links"`
	Incoming  []ChannelStatus `json:"incoming"`
	Serving   int64           `json:"serving"`    // requests being served
	Refused   int64           `json:"refused"`    // connections, since the start
	InFlight  int64           `json:"in_flight"`  // requests sent and not answered
	BytesOut  int64           `json:"bytes_out"`  // of requests in flight
	BytesHeld int64           `json:"bytes_held"` // of requests being served
	Forwarded RelayStatus     `json:"forwarded"`  // requests relayed for others
	Shares    SharesStatus    `json:"shares"`     // use of limits, by principal
}

// LinkStatus is the state of a link to one peer.
type LinkStatus struct {
	Peer      Peer            `json:"peer"`
	Addrs     []string        `json:"addrs"`
	Up        bool            `json:"up"`
	State     string          `json:"state"`
	OneWay    bool            `json:"one_way,omitempty"` // the peer has channels to this process, which cannot dial the peer; LastClose says why
	RTT       time.Duration   `json:"rtt_ns"`
	InFlight  int64           `json:"in_flight"` // requests
	Bytes     int64           `json:"bytes"`     // of requests in flight
	Waiting   int             `json:"waiting"`   // requests that wait for a channel
	Failures  int             `json:"failures"`
	Moved     int64           `json:"moved"` // requests resent because their channel was lost
	LastClose string          `json:"last_close,omitempty"`
	LastAt    time.Time       `json:"last_at,omitzero"`
	Channels  []ChannelStatus `json:"channels"`
}

// ChannelStatus is the state of one channel slot of a link.
type ChannelStatus struct {
	Class    foci.Class    `json:"class"`
	Index    int           `json:"n"`
	State    string        `json:"state"`           // open, draining, dialing, wanted or idle
	Peer     Peer          `json:"peer"`            // with the dialled address and its table
	Local    string        `json:"local,omitempty"` // address of the process itself
	Age      time.Duration `json:"age_ns"`
	RTT      time.Duration `json:"rtt_ns"`     // smoothed; the dialling side measures all three
	RTTp50   time.Duration `json:"rtt_p50_ns"` // of the last 64 pings
	RTTp99   time.Duration `json:"rtt_p99_ns"`
	Queued   int           `json:"queued"`       // messages not yet written
	QueuedB  int64         `json:"queued_bytes"` // of messages not yet written
	InFlight int           `json:"in_flight"`    // requests without the end of their replies
	Bytes    int64         `json:"in_flight_bytes"`
	Sent     int64         `json:"sent"`
	Answered int64         `json:"answered"`
	Served   int64         `json:"served"`
	Unasked  int64         `json:"unasked"` // replies without a request
	Moved    int64         `json:"moved"`   // requests moved to a sibling when the channel was lost
	BytesIn  int64         `json:"bytes_in"`
	BytesOut int64         `json:"bytes_out"`

	LastClose string    `json:"last_close,omitempty"` // why the last channel here was lost, or not opened
	LastAt    time.Time `json:"last_at,omitzero"`
}

// Peer is the other end of a link or channel.
type Peer struct {
	Node        foci.NodeID      `json:"node"`
	Incarnation foci.Incarnation `json:"incarnation"`
	Role        foci.Role        `json:"role"`
	Table       foci.Table       `json:"table"`
	Addr        string           `json:"addr"`                // host:port
	Protocol    uint16           `json:"protocol"`            // the negotiated version
	Principal   string           `json:"principal,omitempty"` // empty: unauthenticated
}

// RelayStatus counts the requests that a process relays.
type RelayStatus struct {
	Now    int64 `json:"now"`        // in flight
	Held   int64 `json:"held_bytes"` // reserved for those in flight
	Done   int64 `json:"done"`
	Failed int64 `json:"failed"`
	Bytes  int64 `json:"bytes"` // of requests and replies
}

// SharesStatus are the limits of a process that it divides among principals.
type SharesStatus struct {
	Conns      ShareStatus `json:"connections"`
	Requests   ShareStatus `json:"requests"`
	Bytes      ShareStatus `json:"bytes"`       // of requests being served
	Replies    ShareStatus `json:"reply_bytes"` // in memory
	Relays     ShareStatus `json:"relays"`      // relayed requests
	RelayBytes ShareStatus `json:"relay_bytes"` // reserved for relayed requests
}

// All yields each limit with its name.
func (s *SharesStatus) All() iter.Seq2[string, *ShareStatus] {
	return func(yield func(string, *ShareStatus) bool) {
		_ = yield("connections", &s.Conns) && yield("requests", &s.Requests) && yield("bytes", &s.Bytes) &&
			yield("reply_bytes", &s.Replies) && yield("relays", &s.Relays) && yield("relay_bytes", &s.RelayBytes)
	}
}

// ShareStatus is the use of one limit, with the principals that hold most.
type ShareStatus struct {
	Used  int64         `json:"used"`
	Limit int64         `json:"limit"`
	Top   []ShareHolder `json:"top,omitempty"`
}

// ShareHolder is a principal that holds a part of a limit.
type ShareHolder struct {
	Principal string `json:"principal,omitempty"` // empty: all unauthenticated peers
	Member    bool   `json:"member,omitempty"`
	Used      int64  `json:"used"`
}

// Name is the principal; "members" or "-" for unauthenticated members or other peers.
func (h *ShareHolder) Name() string {
	switch {
	case h.Principal != "":
		return h.Principal
	case h.Member:
		return "members"
	}
	return "-"
}
