package node

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// put is the replica's part of a put, append or remove. Once the whole record has
// arrived, put checks it, appends it to the log and acknowledges it when it is
// fsynced and visible. A repeat of a stored record is acknowledged too.
func (n *Node) put(in *mesh.Incoming, m *wire.Store) {
	n.noteArrival(in, &m.Target)
	if int64(m.Record.Length) != in.BodyLen() {
		in.Fail(foci.Errorf(foci.Protocol, "record %v: %d bytes of payload in the body, the header says %d", m.Record.Version, in.BodyLen(), m.Record.Length))
		return
	}
	if n.voter(in, &m.Target, &m.Record.ID) == nil {
		return
	}
	// When the layout has changed since, keep refuses the epoch.
	if s := n.layout.Load(); s.Epoch == m.Epoch && !livesIn(s, m.Record.Name.Bucket, m.Group) && !mutant.On(mutant.StrayRecords) {
		in.Fail(stray(m.Record.Name.Bucket, m.Group))
		return
	}
	in.Collect(func(err error) {
		if err == nil {
			m.Record.Payload = in.Body
			err = arrived(m.Record.Check())
		}
		if err != nil {
			in.Fail(err)
			return
		}
		m.Evidence = proof(&in.From)
		n.keep(in, m)
	})
}

// keep stores a whole record and answers. When the record's time is ahead of this
// node's clock and another owner gives evidence for it, keep runs again.
func (n *Node) keep(in *mesh.Incoming, m *wire.Store) {
	// The body may have taken long: an acknowledgement counts by the layout of the
	// moment when it is given.
	b := n.voter(in, &m.Target, &m.Record.ID)
	if b == nil {
		return
	}
	// The request owns the record's memory until it is answered.
	since := time.Now()
	b.Put(m, func(dup bool, err error) {
		if n.needsEvidence(m, err) {
			n.inquire(in.From.Who(), m, func(held int64, err error) {
				if err != nil {
					in.Fail(err)
					return
				}
				m.Evidence.Held = held
				n.keep(in, m)
			})
			return
		}
		n.noteStored(m, since, dup, err)
		if err != nil {
			in.Fail(err)
			return
		}
		reply := wire.StoreReply{Epoch: m.Epoch, Clock: n.cfg.Now(), Dup: dup}
		in.Reply(reply.Append(nil), nil)
	})
}

// arrived turns the Corrupt of a received record's check into Invalid: frames have
// checksums, so the sender itself sent other bytes than it had hashed, and nothing
// was stored, which Corrupt would leave open.
func arrived(err error) error {
	if err != nil && foci.KindOf(err) == foci.Corrupt {
		return foci.Errorf(foci.Invalid, "%w: the content may have changed while it was sent", err)
	}
	return err
}

// have answers whether a record has arrived, so that the sender need not send its
// body again.
func (n *Node) have(in *mesh.Incoming, m *wire.Have) {
	n.noteArrival(in, &m.Target)
	b := n.voter(in, &m.Target, &m.ID)
	if b == nil {
		return
	}
	state, err := b.Have(visible(in, b, &m.Scope, m.ID), m.Version, m.Hash)
	if err != nil {
		in.Fail(err)
		return
	}
	reply := wire.HaveReply{Epoch: m.Epoch, State: state}
	in.Reply(reply.Append(nil), nil)
}
