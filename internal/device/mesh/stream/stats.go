package stream

import (
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// counters count what a channel did since it was opened.
type counters struct {
	sent     atomic.Int64 // requests, or replies, given to the writer
	answered atomic.Int64 // replies that were waited for
	served   atomic.Int64 // requests taken in
	unasked  atomic.Int64 // replies that were not waited for
	moved    atomic.Int64 // requests that went to a sibling when it was lost
	bytesIn  atomic.Int64
	bytesOut atomic.Int64
	longOut  atomic.Int64 // of these, bytes of long messages
}

// Stats is the state of one place for a channel.
type Stats struct {
	Class    foci.Class         `json:"class"`
	Index    int                `json:"n"`
	State    string             `json:"state"`           // open, draining, dialing, wanted, idle
	Peer     handshake.Identity `json:"peer"`            // with its address and the table
	Local    string             `json:"local,omitempty"` // our own address
	Age      time.Duration      `json:"age_ns"`
	RTT      time.Duration      `json:"rtt_ns"`     // smoothed; of the dialling side, as the next two
	RTTp50   time.Duration      `json:"rtt_p50_ns"` // of the last 64 pings
	RTTp99   time.Duration      `json:"rtt_p99_ns"`
	Queued   int                `json:"queued"`       // messages not yet written
	QueuedB  int64              `json:"queued_bytes"` // of these
	InFlight int                `json:"in_flight"`    // requests without the end of their replies
	Bytes    int64              `json:"in_flight_bytes"`
	Sent     int64              `json:"sent"`
	Answered int64              `json:"answered"`
	Served   int64              `json:"served"`
	Unasked  int64              `json:"unasked"`
	Moved    int64              `json:"moved"` // requests that went to a sibling when it was lost
	BytesIn  int64              `json:"bytes_in"`
	BytesOut int64              `json:"bytes_out"`

	LastClose string    `json:"last_close,omitempty"` // why the last channel here was lost, or not opened
	LastAt    time.Time `json:"last_at,omitzero"`
}

// Stats is a snapshot.
func (c *conn) Stats() Stats {
	c.mu.Lock()
	queued, bytes, state := c.outN, int64(len(c.out)), "open"
	if c.drain {
		state = "draining"
	}
	queued += c.sendq.short.len() + c.sendq.long.len()
	inFlight := int64(0)
	c.streams.each(func(s *stream) { inFlight += s.size() })
	c.mu.Unlock()
	n := &c.count
	return Stats{
		Class: c.Class, Index: c.Index, State: state, Peer: c.Peer, Local: c.local,
		Age:    time.Since(c.born),
		Queued: queued, QueuedB: bytes + c.heavy.Load(), InFlight: int(c.load.Load()), Bytes: inFlight,
		Sent: n.sent.Load(), Answered: n.answered.Load(), Served: n.served.Load(), Unasked: n.unasked.Load(),
		Moved:   n.moved.Load(),
		BytesIn: n.bytesIn.Load(), BytesOut: n.bytesOut.Load(),
	}
}

// Stats is a snapshot.
func (c *Client) Stats() Stats {
	s := c.conn.Stats()
	s.RTT = time.Duration(c.life.rtt.Load())
	s.RTTp50, s.RTTp99 = c.life.trips.quantiles()
	return s
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

// topHolders is how many principals Stats names of each limit.
const topHolders = 5

// ShareStats is what is in use of one limit, and the peers that hold most of it.
type ShareStats struct {
	Used  int64        `json:"used"`
	Limit int64        `json:"limit"`
	Top   []share.Held `json:"top,omitempty"`
}

func shareStats(p *share.Pool) ShareStats {
	return ShareStats{Used: p.Used(), Limit: p.Limit(), Top: p.Top(topHolders)}
}

// SharesStats are the limits that are divided among peers.
type SharesStats struct {
	Conns    ShareStats `json:"connections"`
	Requests ShareStats `json:"requests"`
	Bytes    ShareStats `json:"bytes"`       // of requests in hand
	Replies  ShareStats `json:"reply_bytes"` // in memory

	Relays     ShareStats `json:"relays"`      // requests that are relayed for others
	RelayBytes ShareStats `json:"relay_bytes"` // of these that may wait here
}

// Each calls f for each limit with its name.
func (s *SharesStats) Each(f func(limit string, is *ShareStats)) {
	f("connections", &s.Conns)
	f("requests", &s.Requests)
	f("bytes", &s.Bytes)
	f("reply_bytes", &s.Replies)
	f("relays", &s.Relays)
	f("relay_bytes", &s.RelayBytes)
}

// Stats is a snapshot.
func (s *Shares) Stats() SharesStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return SharesStats{
		Conns: shareStats(s.conns), Requests: shareStats(s.requests), Bytes: shareStats(s.bytes), Replies: shareStats(s.replies),
		Relays: shareStats(s.relays), RelayBytes: shareStats(s.relayed),
	}
}

// RelayStats is what a process has relayed for others.
type RelayStats struct {
	Now    int64 `json:"now"`        // requests on their way
	Held   int64 `json:"held_bytes"` // at most, for these
	Done   int64 `json:"done"`
	Failed int64 `json:"failed"`
	Bytes  int64 `json:"bytes"` // of requests and replies
}

// RelayStats is a snapshot.
func (s *Shares) RelayStats() RelayStats {
	now := s.Stats()
	return RelayStats{
		Now: now.Relays.Used, Held: now.RelayBytes.Used,
		Done: s.relaysDone.Load(), Failed: s.relaysFailed.Load(), Bytes: s.relayedBytes.Load(),
	}
}

// Parts is in how many parts the limits of requests and replies are divided now.
func (s *Shares) Parts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.requests.Parts(), s.bytes.Parts(), s.replies.Parts())
}
