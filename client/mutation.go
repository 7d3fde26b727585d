package client

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/peer"
)

// mutation is one transaction of a session: it waits for the turn of its key, runs, and
// completes its future. It has no goroutine.
type mutation struct {
	s        *Session
	rec      record.Record
	payload  *peer.Payload // held until the callback has returned
	verb     string        // for errors
	deadline time.Duration
	trace    foci.TraceID
	future   *Future[Result]

	mu       sync.Mutex  // guards the fields below
	late     *time.Timer // set while the mutation waits for its turn
	starting bool        // Run has not returned yet
	over     bool        // the mutation has ended
	canceled error       // why it was canceled; nil: it was not
	giveUp   func()      // set while it runs
}

// begin starts the transaction of a record without a version; a record with one repeats
// a transaction of unknown outcome. The payload is in the record or, if again is not
// nil, each attempt reads it from there.
func (s *Session) begin(ctx context.Context, verb string, rec record.Record, again io.ReaderAt, f *Future[Result]) {
	m := &mutation{s: s, rec: rec, verb: verb, future: f, trace: traceOf(ctx)}
	if ctx.Err() != nil {
		m.refuse(canceled(context.Cause(ctx)))
		return
	}
	free, err := s.client.peer.Admit(int64(len(rec.Payload)))
	if err != nil {
		m.refuse(err)
		return
	}
	m.payload = peer.NewPayload(free)
	if again != nil {
		m.payload = peer.RereadPayload(again, int64(rec.Length), free)
	}
	settled := f.settled
	f.settled = func() {
		if settled != nil {
			settled()
		}
		m.payload.Release()
	}
	m.rec.ID = foci.ObjectID(rec.Name)
	m.deadline = s.deadline(ctx)
	f.onCancel(m.cancel)
	m.queue()
}

// refuse ends the mutation before it was queued.
func (m *mutation) refuse(err error) {
	m.future.complete(Result{}, about(m.verb, m.rec.Name, err))
}

// queue starts the mutation at once, or after the earlier changes of its key.
func (m *mutation) queue() {
	o := m.s.turns
	o.mu.Lock()
	now, err := o.order.Acquire(m.rec.Name, m)
	o.mu.Unlock()
	switch {
	case err != nil:
		m.end(Result{}, err)
	case now:
		if !m.start() {
			o.release(m.rec.Name)
		}
	default:
		m.mu.Lock()
		if !m.over && m.giveUp == nil && !m.starting {
			m.late = time.AfterFunc(m.deadline-m.s.client.peer.Now(), func() { m.withdraw(errNoTurn) })
		}
		m.mu.Unlock()
	}
}

// withdraw ends the mutation if it still waits for its turn, and reports whether it did.
func (m *mutation) withdraw(why error) bool {
	o := m.s.turns
	o.mu.Lock()
	waited := o.order.Withdraw(m.rec.Name, m)
	o.mu.Unlock()
	if waited {
		m.end(Result{}, why)
	}
	return waited
}

// cancel ends the mutation: in the queue, or as if its deadline had passed.
func (m *mutation) cancel(why error) {
	if m.withdraw(canceled(why)) {
		return
	}
	m.mu.Lock()
	if m.canceled == nil {
		m.canceled = why
	}
	giveUp := m.giveUp
	m.mu.Unlock()
	if giveUp != nil {
		giveUp()
	}
}

// start runs the mutation when its turn has come. It returns false if the mutation has
// already ended, so that the caller starts the next one.
func (m *mutation) start() bool {
	m.mu.Lock()
	m.starting = true
	if m.late != nil {
		m.late.Stop()
	}
	why := m.canceled
	m.mu.Unlock()
	s := m.s
	cfg, err := s.configBy(m.rec.Name, m.rec.ID, s.opts.Ack, m.deadline)
	switch {
	case why != nil:
		err = canceled(why)
	case err == nil && s.client.peer.Now() >= m.deadline:
		err = errNoTurn
	}
	if err != nil {
		m.end(Result{}, err)
		return false
	}
	w := quorum.NewWrite(cfg, m.rec)
	if !m.rec.Version.IsZero() { // it was sent before, and its outcome was unknown
		w = quorum.NewRepeat(cfg, m.rec)
	}
	op := s.op(m.rec.ID, wire.ObjectScope(m.rec.Name), m.rec.Name.Bucket, foci.Reg, cfg.Deadline)
	op.Payload, op.Trace = m.payload, m.trace
	op.Done = func() { m.ran(w) }
	giveUp := s.client.peer.Run(w, op)
	m.mu.Lock()
	m.starting = false
	over := m.over
	if !over {
		m.giveUp = giveUp
	}
	why = m.canceled
	m.mu.Unlock()
	if why != nil && !over {
		giveUp()
	}
	return !over
}

// ran ends the mutation with the result of its run.
func (m *mutation) ran(w *quorum.Write) {
	m.mu.Lock()
	starting, why := m.starting, m.canceled
	m.over, m.giveUp = true, nil
	m.mu.Unlock()
	v, err := w.Result()
	if err != nil && why != nil && foci.KindOf(err) == foci.NoQuorum && !errors.Is(why, context.DeadlineExceeded) {
		err = canceled(why) // nothing has happened, and the caller knows why
	}
	m.complete(Result{Version: v, Size: int64(m.rec.Size)}, err)
	if !starting { // else the caller of start releases the turn
		m.s.turns.release(m.rec.Name)
	}
}

// end ends the mutation without a run.
func (m *mutation) end(r Result, err error) {
	m.mu.Lock()
	m.over = true
	if m.late != nil {
		m.late.Stop()
	}
	m.mu.Unlock()
	m.complete(r, err)
}

func (m *mutation) complete(r Result, err error) {
	if m.payload != nil {
		m.payload.Detach(m.s.client.peer.Admit)
	}
	m.future.complete(r, about(m.verb, m.rec.Name, err))
}
