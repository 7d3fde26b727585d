package metrics

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh"
)

var (
	meshServing   = gauge("mesh_serving", "Requests that peers have sent and that are not answered yet.")
	meshHeld      = gauge("mesh_serving_bytes", "Bytes of these.")
	meshInFlight  = gauge("mesh_in_flight", "Requests that this node has sent and that are not answered yet.")
	meshBytes     = gauge("mesh_in_flight_bytes", "Bytes of these.")
	meshRefused   = counter("mesh_refused_connections_total", "Incoming connections that were refused.")
	meshForwards  = gauge("mesh_forwarding", "Requests that this node relays at present.")
	meshForwarded = counter("mesh_forwarded_total", "Requests that this node has relayed, by how they ended: done or failed.", "end")
	meshForwardB  = counter("mesh_forwarded_bytes_total", "Bytes of these and of their replies.")
	meshShare     = gauge("mesh_share_used", "Use of a limit that is divided among peers: connections, requests, bytes (of requests in memory), reply_bytes (in memory), relays or relay_bytes (of relayed requests).", "limit")
	meshShareMost = gauge("mesh_share_limit", "The limit. One principal may use an eighth; a quarter is kept for members.", "limit")
	meshShareTop  = gauge("mesh_share_principal_used", "Use of a limit by the five principals that use the most of it; - is all unauthenticated peers.", "limit", "principal")
	meshLeftOut   = gauge("mesh_channels_left_out", "Channels without series of their own, because there are too many.")
	meshIncoming  = gauge("mesh_incoming_channels", "Channels that peers have opened.", "class", "table", "role")
	meshIncomingR = gauge("mesh_incoming_in_flight", "Requests being served on channels that peers have opened.", "class", "table", "role")

	linkUp       = gauge("mesh_link_up", "1 if a channel to the peer is open.", "peer")
	linkState    = gauge("mesh_link_state", "State of the peer: 0 not reached yet, 1 up, 2 suspect, 3 down.", "peer")
	linkOneWay   = gauge("mesh_link_one_way", "1 if the peer has channels to this node and this node can open none to it.", "peer")
	linkMoved    = counter("mesh_link_moved_total", "Requests that were sent again because their channel was lost.", "peer")
	linkRTT      = gauge("mesh_link_rtt_seconds", "Smoothed round trip of pings; absent until one was answered.", "peer")
	linkWaiting  = gauge("mesh_link_waiting", "Requests that wait for a channel to be opened.", "peer")
	linkInFlight = gauge("mesh_link_in_flight", "Requests to the peer that are not answered yet.", "peer")
	linkBytes    = gauge("mesh_link_in_flight_bytes", "Bytes of these.", "peer")
	linkFailures = gauge("mesh_link_dial_failures", "Consecutive failed attempts to open a channel.", "peer")
	linkChannels = gauge("mesh_link_channels", "Open channels to the peer.", "peer")

	channelLabels = []string{"peer", "class", "n", "table"}

	channelAge      = gauge("mesh_channel_age_seconds", "Time since the channel was opened.", channelLabels...)
	channelP50      = gauge("mesh_channel_rtt_p50_seconds", "Median round trip of the last 64 pings.", channelLabels...)
	channelP99      = gauge("mesh_channel_rtt_p99_seconds", "99th of 100 round trips of the last 64 pings.", channelLabels...)
	channelQueued   = gauge("mesh_channel_queued", "Messages that are not yet written.", channelLabels...)
	channelQueuedB  = gauge("mesh_channel_queued_bytes", "Bytes of these.", channelLabels...)
	channelInFlight = gauge("mesh_channel_in_flight", "Requests that are not answered yet.", channelLabels...)
	channelBytes    = gauge("mesh_channel_in_flight_bytes", "Bytes of these.", channelLabels...)
	channelSent     = counter("mesh_channel_sent_total", "Requests sent since the channel was opened.", channelLabels...)
	channelAnswered = counter("mesh_channel_answered_total", "Replies since then.", channelLabels...)
	channelIn       = counter("mesh_channel_received_bytes_total", "Bytes received since then.", channelLabels...)
	channelOut      = counter("mesh_channel_sent_bytes_total", "Bytes sent since then.", channelLabels...)
)

func (c collector) mesh(out chan<- prometheus.Metric) {
	s := c.source.Mesh()
	meshServing.emit(out, float64(s.Serving))
	meshHeld.emit(out, float64(s.BytesHeld))
	meshInFlight.emit(out, float64(s.InFlight))
	meshBytes.emit(out, float64(s.BytesOut))
	meshRefused.emit(out, float64(s.Refused))
	meshForwards.emit(out, float64(s.Forwarded.Now))
	meshForwarded.emit(out, float64(s.Forwarded.Done), "done")
	meshForwarded.emit(out, float64(s.Forwarded.Failed), "failed")
	meshForwardB.emit(out, float64(s.Forwarded.Bytes))
	shares(out, &s.Shares)
	left, shown := 0, 0
	for i := range s.Links {
		l := &s.Links[i]
		peer := c.source.NameOf(l.Peer.Node)
		open := c.link(out, l, peer)
		linkChannels.emit(out, float64(len(open)), peer)
		for _, ch := range open {
			if shown++; shown > maxChannels {
				left++
				continue
			}
			channelSeries(out, ch, peer)
		}
	}
	meshLeftOut.emit(out, float64(left))
	incoming(out, s.Incoming)
}

// shares sends what is in use of the limits that are divided among peers.
func shares(out chan<- prometheus.Metric, s *mesh.SharesStats) {
	s.Each(func(limit string, is *mesh.ShareStats) {
		meshShare.emit(out, float64(is.Used), limit)
		meshShareMost.emit(out, float64(is.Limit), limit)
		names := map[string]int64{}
		for _, h := range is.Top {
			names[h.Name()] += h.Used
		}
		for name, used := range names {
			meshShareTop.emit(out, float64(used), limit, name)
		}
	})
}

// link sends what is known of a link, and returns its open channels.
func (c collector) link(out chan<- prometheus.Metric, l *mesh.LinkStats, peer string) []*mesh.ChannelStats {
	linkUp.emit(out, number(l.Up), peer)
	linkState.emit(out, float64(l.State), peer)
	linkOneWay.emit(out, number(l.OneWay), peer)
	linkMoved.emit(out, float64(l.Moved), peer)
	if l.RTT > 0 {
		linkRTT.emit(out, l.RTT.Seconds(), peer)
	}
	linkWaiting.emit(out, float64(l.Waiting), peer)
	linkInFlight.emit(out, float64(l.InFlight), peer)
	linkBytes.emit(out, float64(l.Bytes), peer)
	linkFailures.emit(out, float64(l.Failures), peer)
	var open []*mesh.ChannelStats
	for i := range l.Channels {
		if ch := &l.Channels[i]; ch.Age > 0 {
			open = append(open, ch)
		}
	}
	return open
}

func channelSeries(out chan<- prometheus.Metric, ch *mesh.ChannelStats, peer string) {
	labels := []string{peer, ch.Class.String(), strconv.Itoa(ch.Index), fmt.Sprint(ch.Peer.Table)}
	seconds := func(m *metric, d time.Duration) {
		if d > 0 {
			m.emit(out, d.Seconds(), labels...)
		}
	}
	seconds(channelAge, ch.Age)
	seconds(channelP50, ch.RTTp50)
	seconds(channelP99, ch.RTTp99)
	channelQueued.emit(out, float64(ch.Queued), labels...)
	channelQueuedB.emit(out, float64(ch.QueuedB), labels...)
	channelInFlight.emit(out, float64(ch.InFlight), labels...)
	channelBytes.emit(out, float64(ch.Bytes), labels...)
	channelSent.emit(out, float64(ch.Sent), labels...)
	channelAnswered.emit(out, float64(ch.Answered), labels...)
	channelIn.emit(out, float64(ch.BytesIn), labels...)
	channelOut.emit(out, float64(ch.BytesOut), labels...)
}

// incoming sums the channels of others: there may be thousands of clients.
func incoming(out chan<- prometheus.Metric, channels []mesh.ChannelStats) {
	type kind struct {
		class foci.Class
		table foci.Table
		role  foci.Role
	}
	type sum struct{ channels, inFlight int }
	sums := map[kind]sum{}
	for i := range channels {
		ch := &channels[i]
		k := kind{ch.Class, ch.Peer.Table, ch.Peer.Role}
		s := sums[k]
		s.channels++
		s.inFlight += ch.InFlight
		sums[k] = s
	}
	for k, s := range sums {
		labels := []string{k.class.String(), fmt.Sprint(k.table), k.role.String()}
		meshIncoming.emit(out, float64(s.channels), labels...)
		meshIncomingR.emit(out, float64(s.inFlight), labels...)
	}
}
