package quorum

import (
	"fmt"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/invariant"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/core/wire"
)

// Write is a put, an append or a remove: promise P1 (P1a for appends). It asks a quorum
// for the newest version, stores the record above it in every group, and answers the
// caller when enough groups have acknowledged. The version is chosen once and never
// changed, so that the transaction cannot be applied twice.
type Write struct {
	op
	rec    record.Record
	query  versionQuery
	store  store
	hints  hints
	chosen bool  // the version is
	seen   int64 // the newest time of phase one
	sent   int   // store phases: more than one after a change of layout
}

// store is the phase in which every group is sent the record.
type store struct {
	acks     int
	acked    []foci.Group
	missed   []foci.Group // those that did not acknowledge, while it is open whether anybody does
	refused  int          // groups that said that they did not keep it
	unknown  int          // groups that did not say
	answered int
}

// NewWrite makes the machine of one transaction. rec has everything but its
// version; its payload must stay as it is until Idle.
func NewWrite(cfg Config, rec record.Record) *Write {
	return &Write{op: op{cfg: cfg}, rec: rec, query: versionQuery{id: rec.ID}}
}

// NewChunk makes the machine that stores a record that no other client can name
// (promise P0). It has its version already and needs no first phase.
func NewChunk(cfg Config, rec record.Record) *Write {
	w := NewWrite(cfg, rec)
	w.chosen = true
	return w
}

// NewRepeat makes the machine that resends a transaction of unknown outcome, with the
// same version, so that it is not applied twice. If the repeat fails, earlier attempts
// may still have been applied.
func NewRepeat(cfg Config, rec record.Record) *Write { return NewChunk(cfg, rec) }

// Start begins.
func (w *Write) Start(now time.Duration) Out {
	switch {
	case w.chosen:
		w.beginStore()
	case w.cfg.Mutants.OneRound:
		w.choose()
	default:
		w.query.start(&w.op, now, w.cfg.Plan.Groups)
	}
	return w.give()
}

// Answer ends a leg.
func (w *Write) Answer(now time.Duration, leg Leg, a Answer) Out {
	g, current := w.observe(leg, &a)
	switch {
	case !current || w.awaiting != 0:
	case w.hints.asked[leg] != nil:
		if w.hints.answer(&w.op, w.rec.ID, leg, &a) && w.cfg.Mutants.HintVotes {
			w.store.acks++
			w.judge()
		}
	case w.done && !w.chosen: // it certainly failed, and must not begin to store now
	case w.stale(&a):
	case w.chosen:
		w.answerStore(g, &a)
	default:
		w.answerQuery(now, g, &a)
	}
	return w.give()
}

// Wake handles the time of Out.Wake.
func (w *Write) Wake(now time.Duration) Out {
	switch {
	case !w.chosen:
		w.query.wake(&w.op, now)
	case !w.done && w.expired(now):
		w.expire()
	}
	return w.give()
}

// Replan takes a newer layout: the phase starts again, with the same version and without
// the earlier votes.
func (w *Write) Replan(now time.Duration, p Plan) Out {
	if w.replan(p) {
		switch {
		case w.chosen:
			w.beginStore()
		default:
			w.query.start(&w.op, now, p.Groups)
		}
	}
	return w.give()
}

// Result is the version of the transaction, once Done.
func (w *Write) Result() (foci.Version, error) { return w.rec.Version, w.err }

// Version is the version as soon as it is fixed; zero before.
func (w *Write) Version() foci.Version { return w.rec.Version }

func (w *Write) give() Out {
	next := time.Duration(0)
	if !w.chosen {
		next = w.query.next(&w.op)
	}
	w.wakeAt(next)
	return w.take()
}

func (w *Write) answerQuery(now time.Duration, g foci.Group, a *Answer) {
	enough, err := w.query.answer(&w.op, now, g, a)
	switch {
	case err != nil:
		w.finish(err) // nothing was sent that could take effect
	case enough:
		w.choose()
	}
}

// choose fixes the version and sends the record.
func (w *Write) choose() {
	if w.rec.Op == record.OpAppend && w.query.count() > foci.MaxAppends {
		w.finish(foci.Errorf(foci.TooLarge, "object has %d appends, the most there may be above one put: replace it by a put", foci.MaxAppends))
		return
	}
	seen := w.query.seen()
	v, err := version.Next(seen, w.cfg.Clock(), w.query.clocks(), w.cfg.Nonce())
	if err != nil {
		w.finish(err)
		return
	}
	invariant.Check(!w.chosen && seen.Less(v), "a version is fixed once, and above %v that was seen: %v", seen, v)
	w.rec.Version, w.seen, w.chosen = v, seen.Time, true
	w.beginStore()
}

func (w *Write) beginStore() {
	w.begin()
	w.sent++
	kept := w.store.acks
	w.store = store{}
	if w.cfg.Mutants.KeepVotes {
		w.store.acks = kept
	}
	for _, g := range w.cfg.Plan.Groups {
		w.ask(g, &wire.Store{
			Target: wire.Target{Epoch: w.cfg.Plan.Epoch, Group: g},
			Seen:   w.seen, Record: w.rec,
		})
	}
}

func (w *Write) answerStore(g foci.Group, a *Answer) {
	s := &w.store
	s.answered++
	reply, ok := a.Msg.(*wire.StoreReply)
	switch {
	case a.Err != nil:
		s.missed = append(s.missed, g)
		w.fail(g, a, a.Err)
		if foci.KindOf(a.Err).NotApplied() && !a.Stray {
			s.refused++
		} else {
			s.unknown++
		}
	case !ok || reply.Epoch != w.cfg.Plan.Epoch:
		s.missed = append(s.missed, g)
		s.unknown++
		w.fail(g, a, foci.Errorf(foci.Protocol, "group %d: not an acknowledgement of epoch %d", g, w.cfg.Plan.Epoch))
	default:
		invariant.Check(!slices.Contains(s.acked, g), "group %d acknowledges once in a phase", g)
		s.acks++
		s.acked = append(s.acked, g)
	}
	w.judge()
	if (w.done || w.cfg.Mutants.HintVotes) && len(s.acked) > 0 {
		w.hint()
	}
}

// judge decides whether the caller can be answered.
func (w *Write) judge() {
	s := &w.store
	left := len(w.cfg.Plan.Groups) - s.answered
	switch {
	case w.done:
	case s.acks >= w.cfg.needs():
		w.finish(nil)
	case s.acks+left >= w.cfg.needs():
	case s.acks == 0 && s.unknown == 0 && left > 0:
		// So far the record is certainly not stored: wait for certainty.
	default:
		w.failStore()
	}
}

// hint has a replica that stored the record keep a hint for each group that did not.
func (w *Write) hint() {
	for _, g := range w.store.missed {
		w.hints.ask(&w.op, w.rec.ID, g, w.store.acked)
	}
	w.store.missed = nil
}

// failStore ends a failed store. The transaction is known not to be applied only if every
// group that was sent the record, in this phase and in those before a change of layout,
// has answered that it did not store it. Otherwise the outcome is unknown.
func (w *Write) failStore() {
	left := len(w.cfg.Plan.Groups) - w.store.answered
	if w.store.acks == 0 && w.store.unknown == 0 && left == 0 && w.sent == 1 {
		w.finish(w.why(foci.KindOf(w.failed[0].Err), "no group took it, nothing was stored", ""))
		return
	}
	w.unknown()
}

func (w *Write) unknown() {
	w.finish(w.why(foci.OutcomeUnknown,
		fmt.Sprintf("version %v was acknowledged by %d of %d groups, %d are needed: it may have taken effect, or may still",
			w.rec.Version, w.store.acks, len(w.cfg.Plan.Groups), w.cfg.needs()),
		"read it back to know"))
}

// expire ends a transaction at its deadline, and asks its holders to keep hints.
func (w *Write) expire() {
	w.unknown()
	if len(w.store.acked) > 0 {
		w.hint()
	}
}

func quorumText(got, need, groups int) string {
	return fmt.Sprintf("%d of %d groups answered, %d are needed", got, groups, need)
}
