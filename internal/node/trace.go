package node

import (
	"time"

	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// slow is the time from which the storing of a record is noted even when its
// trace does not ask for it.
const slow = time.Second

// noteArrival notes where a request of a trace came from.
func (n *Node) noteArrival(in *mesh.Incoming, t *wire.Target) {
	if t.Trace.Noted() {
		n.traces.Note(t.Trace, "%v for group %d came from %s by table %d, class %v", in.Method, t.Group, sender(in), in.From.Table, in.Class)
	}
}

func sender(in *mesh.Incoming) string {
	if in.From.Node.IsZero() {
		return "a client at " + in.From.Addr
	}
	return "node " + in.From.Node.Short()
}

// noteStored notes the outcome of storing a record.
func (n *Node) noteStored(m *wire.Store, since time.Time, dup bool, err error) {
	took := time.Since(since)
	if !m.Trace.Noted() && took < slow {
		return
	}
	switch took = took.Round(10 * time.Microsecond); {
	case err != nil:
		n.traces.Note(m.Trace, "record %v not stored, after %v: %v", m.Record.Version, took, err)
	case dup:
		n.traces.Note(m.Trace, "record %v was here already, %v", m.Record.Version, took)
	default:
		n.traces.Note(m.Trace, "record %v fsynced and visible after %v", m.Record.Version, took)
	}
}
