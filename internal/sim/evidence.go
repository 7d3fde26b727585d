package sim

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/object"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/core/wire"
)

// needsEvidence reports whether evidence from another owner may lift a refusal.
func (n *node) needsEvidence(e version.Evidence, err error) bool {
	return err != nil && foci.KindOf(err) == foci.ClockAhead && e == version.Evidence{} && n.mutant != OwnersNotAsked
}

// inquire asks the other owners of an object, by the node's own layout and
// channels, whether one of them holds a time as high as the record's. With that
// evidence the node stores the record as if it had just arrived.
func (n *node) inquire(m *wire.Store, reply func(quorum.Answer)) {
	n.Inquiries++
	born, epoch, ended := n.born, n.epoch, false
	q := object.NewInquiry(m.Record.Version.Time, groups-1)
	asker := n.hints.client
	asker.adopt(epoch)
	for g := foci.Group(1); g <= groups; g++ {
		if g == m.Group {
			continue
		}
		vote := &wire.Query{Target: wire.Target{Epoch: epoch, Group: g}, ID: m.Record.ID}
		ask := quorum.NewSingle(g, vote)
		asker.runAmong(ask, n.Now+inquiryPatience, nil, func() {
			a := ask.Result()
			q.Answer(voteOf(&a, epoch))
			if ended || !q.Done() || !n.up || n.born != born {
				return
			}
			ended = true
			n.finishInquiry(m, &q, reply)
		})
	}
}

const inquiryPatience = time.Second

// voteOf returns the vote in an owner's answer; nil when there is none.
func voteOf(a *quorum.Answer, e foci.Epoch) *record.Vote {
	if r, ok := a.Msg.(*wire.QueryReply); ok && a.Err == nil && r.Epoch == e {
		return &r.Vote
	}
	return nil
}

// finishInquiry handles a record after its inquiry. The layout may have changed meanwhile,
// and this node may have been drained for the new one.
func (n *node) finishInquiry(m *wire.Store, q *object.Inquiry, reply func(quorum.Answer)) {
	held, err := q.Result(n.wall())
	if err == nil {
		err = n.refusal(&m.Target)
	}
	if err != nil {
		reply(quorum.Answer{Err: err})
		return
	}
	n.Vouched++
	n.put(m, version.Evidence{Held: held}, reply)
}
