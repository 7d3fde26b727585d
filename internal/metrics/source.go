package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/status"
)

// Source is what is measured: a node.
type Source interface {
	Status() status.Node
	Mesh() mesh.Stats
	Txns() status.Txns
	// NameOf is a node's name in the layout, or its id where it has none.
	NameOf(foci.NodeID) string
}

// maxChannels bounds the channels that have series of their own: those of 300
// links. What is left out is counted, and still in the sums of its link.
const maxChannels = 4096

// collector turns snapshots into metrics.
type collector struct{ source Source }

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range all {
		out <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	c.node(out)
	c.mesh(out)
	c.txns(out)
}

var (
	nodeInfo  = gauge("node_info", "1; the labels name the node.", "id", "name", "role")
	nodeEpoch = gauge("layout_epoch", "Epoch of the node's layout; 0 without one.")
	nodeUp    = gauge("node_uptime_seconds", "Time since the node's start.")
	nodeVotes = gauge("node_voting", "1 if the node votes; 0 while its clock differs from most others by over 60 s.")
	nodeClock = gauge("node_clock_off_seconds", "While the node does not vote: how far its clock is ahead of the others; else 0.")

	backendRecords  = gauge("backend_records", "Transactions in a backend, of objects and chunks.", "backend", "group")
	backendObjects  = gauge("backend_objects", "Objects and chunks in a backend.", "backend", "group")
	backendBytes    = gauge("backend_bytes", "Bytes of payload in a backend.", "backend", "group")
	backendSegments = gauge("backend_segments", "Segment files of a backend.", "backend", "group")
	backendQueued   = gauge("backend_queued", "Records of a backend that wait for their fsync.", "backend", "group")
	backendHints    = gauge("backend_hints", "Hints that a backend keeps: objects of which another group may lack something.", "backend", "group")
	backendReadOnly = gauge("backend_read_only", "1 if a backend takes no writes, as when its disk is full.", "backend", "group")
	backendNotReady = gauge("backend_not_ready", "1 if a backend serves no requests.", "backend", "group")
)

func (c collector) node(out chan<- prometheus.Metric) {
	s := c.source.Status()
	nodeInfo.emit(out, 1, s.ID.String(), s.Name, s.Role.String())
	nodeEpoch.emit(out, float64(s.Epoch))
	nodeUp.emit(out, s.Uptime.Seconds())
	nodeVotes.emit(out, number(s.NotVoting == ""))
	nodeClock.emit(out, s.ClockOff.Seconds())
	for i := range s.Backends {
		b := &s.Backends[i]
		labels := []string{b.ID.String(), strconv.FormatUint(uint64(b.Group), 10)}
		backendRecords.emit(out, float64(b.Records), labels...)
		backendObjects.emit(out, float64(b.Objects), labels...)
		backendBytes.emit(out, float64(b.Bytes), labels...)
		backendSegments.emit(out, float64(b.Segments), labels...)
		backendQueued.emit(out, float64(b.Queued), labels...)
		backendHints.emit(out, float64(b.Hints), labels...)
		backendReadOnly.emit(out, number(b.ReadOnly != ""), labels...)
		backendNotReady.emit(out, number(b.NotReady != ""), labels...)
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

var (
	txnSubmitted   = counter("txn_submitted_total", "Legs of transactions that were begun.")
	txnRefused     = counter("txn_refused_total", "Legs that were refused at once, because a limit was reached.")
	txnTransmitted = counter("txn_sent_total", "Requests that were sent for legs, the resent ones included.")
	txnAsked       = counter("txn_asked_total", "Questions to a replica whether it has a record, before the record is sent again.")
	txnResent      = counter("txn_resent_total", "Attempts after the first.")
	txnStalls      = counter("txn_stalls_total", "Legs without an answer for the stall time.")
	txnBackoffs    = counter("txn_backoffs_total", "Waits because a replica was busy, or the like.")
	txnParked      = counter("txn_parked_total", "Legs that began to wait for an unreachable node.")
	txnUnparked    = counter("txn_unparked_total", "Legs that were sent because their node was reachable again.")
	txnDone        = counter("txn_done_total", "Legs that were answered.")
	txnFailed      = counter("txn_failed_total", "Legs that ended with an error.")
	txnExpired     = counter("txn_expired_total", "Of the failed legs: those that reached their deadline.")
	txnLate        = counter("txn_late_total", "Answers that came after their leg had ended.")
	txnPending     = gauge("txn_pending", "Legs that are under way.")
	txnBytes       = gauge("txn_pending_bytes", "Bytes of payload that legs under way hold.")
)

func (c collector) txns(out chan<- prometheus.Metric) {
	s := c.source.Txns()
	k := &s.Counters
	for _, v := range []struct {
		m *metric
		n uint64
	}{
		{txnSubmitted, k.Submitted},
		{txnRefused, k.Refused},
		{txnTransmitted, k.Transmitted},
		{txnAsked, k.Asked},
		{txnResent, k.Resent},
		{txnStalls, k.Stalls},
		{txnBackoffs, k.Backoffs},
		{txnParked, k.Parked},
		{txnUnparked, k.Unparked},
		{txnDone, k.Done},
		{txnFailed, k.Failed},
		{txnExpired, k.Expired},
		{txnLate, k.Late},
	} {
		v.m.emit(out, float64(v.n))
	}
	txnPending.emit(out, float64(len(s.Pending)+s.More))
	txnBytes.emit(out, float64(s.Bytes))
}
