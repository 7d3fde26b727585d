package node

import (
	"context"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/object"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

const (
	maxInquiries    = 64                    // searches for evidence at a time, on one node
	inquiryPatience = time.Second           // of one; less than the time after which a sender sends again
	inquiryRest     = 50 * time.Millisecond // before a sender tries again when too many run
)

// inquiries are a node's searches for evidence: it asks the other owners of an
// object when the time of a record is ahead of its clock. Each search holds a
// slot from the store's refusal to its end; slots are divided among principals.
type inquiries struct {
	begin chan doubt // never full: there are as many places as slots
	slots *slots

	mu     sync.Mutex // also held while sending to begin; taken before that of slots
	closed bool       // guarded by mu
}

// doubt is a record that needs evidence.
type doubt struct {
	store *wire.Store
	slot  *share.Part
	done  func(held int64, err error) // called once
}

func (q *inquiries) init() {
	q.begin = make(chan doubt, maxInquiries)
	q.slots = newSlots(maxInquiries, "too many records wait for evidence of their times", inquiryRest, mutant.InquiryShare)
	q.slots.full.Fix = "set the clocks"
}

// add takes a slot for a record and queues it.
func (q *inquiries) add(who share.Who, d doubt) (err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed && !mutant.On(mutant.LateDoubts) {
		return errShutDown
	}
	if d.slot, err = q.slots.take(who); err != nil {
		return err
	}
	q.begin <- d
	return nil
}

var errShutDown = foci.Errorf(foci.Closed, "the node is shutting down")

// close ends the searches that have not begun, and refuses new ones. It may be
// called again.
func (q *inquiries) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	for {
		select {
		case d := <-q.begin:
			q.end(d, 0, errShutDown)
		default:
			return
		}
	}
}

// end releases a search's slot and reports its result.
func (q *inquiries) end(d doubt, held int64, err error) {
	q.slots.release(d.slot)
	d.done(held, err)
}

// proof tells whether the sender of a record proved an identity.
func proof(who *mesh.Identity) version.Evidence {
	return version.Evidence{Unproved: who.Principal == "" && who.Role == foci.RoleTransport}
}

// needsEvidence reports whether a record that the store refused may be accepted
// once another owner was asked.
func (n *Node) needsEvidence(m *wire.Store, err error) bool {
	return err != nil && foci.KindOf(err) == foci.ClockAhead && m.Evidence.Held == 0 &&
		!version.Unprovable(m.Record.Version.Time, m.Evidence, n.cfg.Now()) && !mutant.On(mutant.OwnersNotAsked)
}

// inquire looks for evidence for a record's time. It does not block: the store
// calls it from the goroutine that writes the log.
func (n *Node) inquire(who share.Who, m *wire.Store, done func(held int64, err error)) {
	if err := n.inquiries.add(who, doubt{store: m, done: done}); err != nil {
		done(0, err)
	}
}

// investigate runs the inquiries until ctx ends. It is a goroutine of its own
// because an owner may be a backend of this node, whose index is then read here.
func (n *Node) investigate(ctx context.Context) {
	defer n.inquiries.close()
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-n.inquiries.begin:
			if ctx.Err() != nil {
				n.inquiries.end(d, 0, errShutDown)
				return
			}
			n.askOwners(d)
		}
	}
}

// askOwners queries the owners of an object in the other groups of its bucket, by this
// node's own layout, for their votes on fsynced records. The query goes to the node of
// the owner, so no other node can answer it.
func (n *Node) askOwners(d doubt) {
	m, s := d.store, n.layout.Load()
	var groups []foci.Group
	for _, g := range s.GroupsOf(m.Record.Name.Bucket) {
		if g != m.Group {
			groups = append(groups, g)
		}
	}
	a := asking{
		inquiry: object.NewInquiry(m.Record.Version.Time, len(groups)),
		end:     func(held int64, err error) { n.inquiries.end(d, held, err) },
	}
	if len(groups) == 0 {
		a.end(a.inquiry.Result(n.cfg.Now()))
		return
	}
	for _, g := range groups {
		q := &wire.Query{Target: wire.Target{Epoch: s.Epoch, Group: g, Trace: m.Trace}, ID: m.Record.ID}
		n.peer.Load().Inquire(q, foci.Reg, inquiryPatience, func(ans quorum.Answer) { a.answer(n.cfg.Now(), voteOf(&ans, s.Epoch)) })
	}
}

// voteOf returns the vote in an owner's answer, or nil.
func voteOf(a *quorum.Answer, e foci.Epoch) *record.Vote {
	if r, ok := a.Msg.(*wire.QueryReply); ok && a.Err == nil && r.Epoch == e {
		return &r.Vote
	}
	return nil
}

// asking is an inquiry whose owners are being asked.
type asking struct {
	mu      sync.Mutex
	inquiry object.Inquiry // guarded by mu
	ended   bool           // guarded by mu

	end func(held int64, err error) // called once
}

func (a *asking) answer(now int64, v *record.Vote) {
	a.mu.Lock()
	a.inquiry.Answer(v)
	ends := a.inquiry.Done() && !a.ended
	a.ended = a.ended || ends
	held, err := a.inquiry.Result(now)
	a.mu.Unlock()
	if ends {
		a.end(held, err)
	}
}
